"""Whether a call of a tool serves what the user asked for."""
