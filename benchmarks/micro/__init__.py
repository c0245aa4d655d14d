"""What one operation of the hot path costs by itself, in CPU time: no server, no network."""
