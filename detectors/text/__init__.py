"""Text as detectors read it: its looks, its normalised view, regular languages, names before values."""
