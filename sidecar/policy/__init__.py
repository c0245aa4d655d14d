"""Policies: from YAML to an immutable plan, and the pure function that decides by it."""
