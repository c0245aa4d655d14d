"""The longest hold of the event loop over texts that cost most."""
