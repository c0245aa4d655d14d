"""How a refusal is told on the wire."""
