"""The synchronous, deterministic core of a stream: buffer, segments, hold-back, release. No I/O, no clock."""
