"""The synchronous, deterministic core of a stream: buffer, segments, hold-back, rewriting, release. No I/O, no clock."""
