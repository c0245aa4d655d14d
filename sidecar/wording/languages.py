"""The languages that the texts of this package are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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


ELSE = "default"
"""What stands for all other languages."""
MOST_LANGUAGES = 16
"""How many languages of a reader are looked at."""
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")


def preferred(accepted: str) -> tuple[str, ...]:
    """The languages that a header `accept-language` names, in small letters, the best liked first.

    What is no such thing names none.
    """
    found: list[tuple[float, str]] = []
    for each in accepted.split(",", MOST_LANGUAGES)[:MOST_LANGUAGES]:
        said = _RANGE.fullmatch(each)
        weight = float(said[2] or 1) if said is not None else 0.0
        if said is not None and weight > 0 and said[1] != "*":
            found.append((-weight, said[1].lower()))
    return tuple(dict.fromkeys(language for _, language in sorted(found, key=lambda each: each[0])))


def best_liked(languages: Sequence[str]) -> str:
    """The first of a reader's languages without its region, as conditions compare it; empty where none is known."""
    return languages[0].partition("-")[0] if languages else ""


def chosen(default: str, translations: Mapping[str, str], languages: Sequence[str]) -> str:
    """The text in the first of a reader's languages that there is one in; a region's is its language's, for want of it.

    `translations` are by language, in small letters; `ELSE` among them is for readers of all other ones. `default` is
    for readers of whom no language is known.
    """
    if not languages:
        return default
    known = (translations[each] for each in _looked_up(languages) if each in translations)
    return next(known, translations.get(ELSE, default))


def _looked_up(languages: Sequence[str]) -> Iterator[str]:
    """Each language, and then what it is a variety of (RFC 4647, lookup)."""
    for each in languages:
        parts = each.split("-")
        while parts:
            yield "-".join(parts)
            parts.pop()
