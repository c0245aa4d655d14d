"""What a policy asks for, in four steps."""

from __future__ import annotations

from enum import StrEnum


class Profile(StrEnum):
    """Each one reads all that those before it read."""

    PATTERNS = "patterns"
    """Secrets, numbers of persons and accounts, keywords."""
    MODELS = "models"
    """Injection, toxicity and topic too."""
    NAMES = "names"
    """Names of persons, places and organisations too."""
    GROUNDING = "grounding"
    """Each sentence compared with documents too."""
