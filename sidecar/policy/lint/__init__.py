"""What works and is hardly meant: warnings about policies that are right.

A warning has the form of an error; its code says that it is one. Nothing here is asked while a service loads policies.

| module | has |
| --- | --- |
| `policies` | policies against each other, and all warnings together |
| `rules` | rules against each other, and against what they read and do |
| `thresholds` | least scores against what a detector gives |
| `patterns` | regexes and keywords of the author's own |
| `cases` | tests, and what they leave untested |
"""
