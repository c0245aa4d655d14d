"""What guarding a body costs, codec and core together, beside an older revision."""
