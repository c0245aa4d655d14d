"""What a message costs where nothing is done with it, beside what it costs the service."""
