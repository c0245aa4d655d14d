"""How a setting's text is spelled, so that an error says what to write, and not by which pattern it was looked at."""

from __future__ import annotations

import re

from pydantic import AfterValidator

ADDRESS = r"(.+:\d{1,5})?", "HOST:PORT, such as 127.0.0.1:9000"
URL = r"https?://[^/?#\s]+(/[^?#\s]*)?", "a URL without a query, such as http://localhost:8000/v1"
TOPIC = r"[A-Za-z0-9._-]{1,249}", "a topic: letters, digits, `.`, `_` and `-`, at most 249"
NAME = (
    r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}",
    "a name: letters, digits, `.`, `_` and `-`, first a letter or digit, at most 128",
)


def spelled(pattern: str, form: str) -> AfterValidator:
    """A text all of which the pattern describes; `form` says so in words, for whoever wrote another."""
    whole = re.compile(pattern)

    def checked(value: str) -> str:
        if whole.fullmatch(value) is None:
            raise ValueError(f"must be {form}")
        return value

    return AfterValidator(checked)
