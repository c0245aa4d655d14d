"""What the hot paths do, counted: calls, wake-ups, writes, frames. Counts are the same on every machine."""
