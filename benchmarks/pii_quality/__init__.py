"""Quality of the `pii` detector beside default Presidio's, per label, and the false alarms of both."""
