"""How many streams a machine sustains, and what happens past that."""
