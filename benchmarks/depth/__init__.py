"""What heads on an early layer of the encoder could clear."""
