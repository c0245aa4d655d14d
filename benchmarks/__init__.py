"""Comparisons behind the figures in the README. Each folder is a program: `python -m benchmarks.NAME --help`."""
