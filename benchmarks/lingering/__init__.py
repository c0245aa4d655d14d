"""What it brings, and costs, that segments wait a moment for company."""
