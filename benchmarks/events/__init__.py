"""What it costs to publish events, through the outbox to one sink and to three."""
