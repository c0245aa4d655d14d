"""What guarding a stream costs: CPU per character, characters held back, memory per stream."""
