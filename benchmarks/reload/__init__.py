"""What a change of policies does to streams that run: nothing."""
