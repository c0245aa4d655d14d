"""What grounding finds, how it takes long contexts, and what it costs."""
