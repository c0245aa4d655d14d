"""Addresses in texts: where they lead, what they carry out, and which hosts may be led to."""
