"""What agents send while they work, and what a policy makes of it."""
