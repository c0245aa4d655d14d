"""Runs batch detectors off the event loop, in batches, by deadline."""
