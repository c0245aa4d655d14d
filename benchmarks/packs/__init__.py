"""What each pack touches of harmless texts, and what it finds of what it is for, on public sets."""
