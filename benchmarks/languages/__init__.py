"""How often the detector `format` tells a text's language, and how often it is wrong."""
