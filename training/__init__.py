"""How the embedded models were made: re-runnable, never imported by the service."""
