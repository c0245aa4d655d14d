"""How good a detector is on labelled rows, run as the service runs it."""
