"""What people read where a rule acted: words for what was found, and how they stand in the text around them.

Nothing else writes a word of its own into a text: operators and actions say what, these modules say how.
"""
