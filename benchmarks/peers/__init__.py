"""What guarding a stream costs with the tools that people use for it."""
