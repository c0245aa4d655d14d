"""Memory of an answer in several parts."""
