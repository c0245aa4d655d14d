"""Metrics, structured logs and traces. None of them ever holds checked text."""
