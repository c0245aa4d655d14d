"""Whether an answer rests on the context that it was given."""
