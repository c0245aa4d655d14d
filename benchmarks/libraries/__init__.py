"""What libraries would cost in the place of own code."""
