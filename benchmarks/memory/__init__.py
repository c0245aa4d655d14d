"""What a stream costs the service in memory."""
