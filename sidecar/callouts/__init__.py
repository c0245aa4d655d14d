"""Call-out doors: gateways that keep the wire and ask Tidegate what to do with a text, each in its own form."""
