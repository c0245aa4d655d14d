"""What policies cost: to load, to compile, and to decide by."""
