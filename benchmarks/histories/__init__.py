"""What a turn of a long session costs: what is known of its history, and what is new."""
