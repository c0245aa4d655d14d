"""How soon a change of topic is told, and how often one that is none."""
