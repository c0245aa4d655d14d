"""What finishes when twice as much comes as the models can do."""
