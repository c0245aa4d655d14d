"""What is said to inference servers."""
