"""Thresholds from feedback: what labels let one know of a rule, and which threshold follows from a stated cost."""
