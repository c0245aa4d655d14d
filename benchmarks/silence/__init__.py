"""How long the first words wait and how much text is held, beside designs that collect text before a check."""
