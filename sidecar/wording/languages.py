"""The languages that the texts of this package are written in."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language of people, by its ISO 639-1 code. English is what is said where nothing else is stated."""

    EN = "en"
    DE = "de"
    ES = "es"
    FR = "fr"
    IT = "it"
    NL = "nl"
    PT = "pt"
