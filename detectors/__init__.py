"""Detectors: they report what a text holds and where. They never decide, and know nothing of transports or policies."""
