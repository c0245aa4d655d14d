"""Whether a text has the form that a task asks for: JSON, a JSON Schema, a length, words that must come."""
