"""What a guarded token costs, where it goes, and that it does not grow."""
