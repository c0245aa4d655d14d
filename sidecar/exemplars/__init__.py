"""Exemplars as files: written by people's commands, or copied from a vector store while the service runs."""
