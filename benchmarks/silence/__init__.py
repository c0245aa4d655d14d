"""How an answer reads under each policy: silence between its pieces, and text that is held."""
