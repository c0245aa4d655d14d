"""How the grounding pair model was made; run as `python -m training.grounding.<step>`; never imported at run time."""
