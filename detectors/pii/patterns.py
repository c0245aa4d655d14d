"""Patterns in place of Presidio's own where those are at fault, and what is done to all of them."""

from __future__ import annotations

import re
from typing import NamedTuple

from detectors.pii.characters import ALNUM, ENDS, STARTS, UNSPACED, WORD

FLAGS = re.DOTALL | re.MULTILINE | re.IGNORECASE
"""Presidio's flags for every pattern."""


class Form(NamedTuple):
    """What a Presidio pattern is made from; `score` is what a match is worth before checks and context."""

    name: str
    regex: str
    score: float


_EDGE = rf"(?:(?<!{WORD})(?={WORD})|(?<={WORD})(?!{WORD}))"


def localised(regex: str) -> str:
    r"""A pattern of Presidio's with boundaries that hold beside scripts without spaces.

    `\s` becomes a space, so that numbers of two lines are not read as one.
    """
    return regex.removeprefix("(?i)").replace(r"\b", _EDGE).replace(r"\s", "[ \u00a0]")


def whole(regex: str) -> str:
    """A pattern whose matches neither begin nor end inside a word."""
    return f"{STARTS}(?:{regex}){ENDS}"


def without_edges(regex: str) -> str:
    """A pattern that matches wherever the given one could, quicker to read for a filter."""
    return regex.replace(STARTS, "").replace(ENDS, "").replace(_EDGE, "")


# ---------------------------------------------------------------- e-mail: Presidio's takes `email=` and quotes with it

_LOCAL = rf"(?:{WORD}|[.%+&'~-])"
_DOMAIN_LABEL = rf"{ALNUM}(?:(?:{WORD}|-){{0,61}}{ALNUM})?"
EMAIL = (
    Form(
        "e-mail address",
        rf"{WORD}{_LOCAL}{{0,63}}@(?:{_DOMAIN_LABEL}\.){{1,8}}{ALNUM}{{2,24}}(?!{ALNUM})",
        0.5,
    ),
)

# ---------------------------------------------------------------- URL: Presidio's takes file names and full stops

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}(?:xn--[a-z0-9]{2,59}|[a-z]{2,24})"
_IN_URL = r"[^\s\"<>(){}\[\]|\\^`“”„«»‘’（）［］｛｝｜，；：！？。、" + UNSPACED + "]"
_TAIL = rf"(?::\d{{1,5}})?(?:[/?#]{_IN_URL}*(?<![.,;:!?'*_~]))?"
URL = (
    Form("URL with a scheme", rf"(?<![a-z0-9])https?://{_HOST}(?![\w@-]|\.\w){_TAIL}", 0.6),
    Form("domain", rf"(?<![\w@.+%&'/\\-]){_HOST}(?![\w@(-]|\.\w|[.+%&'~]\w{{0,64}}@){_TAIL}", 0.5),
)
REST_OF_URL = re.compile(f"{_IN_URL}*")
"""What follows when a URL was cut."""

# ---------------------------------------------------------------- cards: Presidio's lacks those that begin with 2

CARD = (
    Form(
        "card number",
        r"(?:4\d{3}|5[0-8]\d{2}|6\d{3}|3\d{3}|2[1-7]\d{2}|1800)[- ]?\d{3,4}[- ]?\d{3,4}[- ]?\d{3,5}(?:[- ]?\d{3})?",
        0.3,
    ),
)

# ---------------------------------------------------------------- MAC: Presidio's finds them inside longer fingerprints

_HEX = "[0-9A-Fa-f]"
_NOT_LONGER = rf"(?!:{_HEX}|-{_HEX})"
MAC = (
    Form("MAC with colons", rf"(?<!{_HEX}[:-])(?:{_HEX}{{2}}:){{5}}{_HEX}{{2}}{_NOT_LONGER}", 0.6),
    Form("MAC with hyphens", rf"(?<!{_HEX}[:-])(?:{_HEX}{{2}}-){{5}}{_HEX}{{2}}{_NOT_LONGER}", 0.6),
    Form("MAC with dots", rf"(?=[\d.]{{0,13}}[A-Fa-f]){_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}(?!\.{_HEX})", 0.6),
)

# ---------------------------------------------------------------- what Presidio does not look for

ETHEREUM = (Form("Ethereum address", rf"0x{_HEX}{{40}}", 0.6),)
HYPHENATED_LICENSE = (
    Form("driver's license with hyphens", r"[A-Z]\d{3}-\d{3,4}-\d{2,4}(?:-\d{2,3})?(?:-\d{1,3})?", 0.3),
)

# ---------------------------------------------------------------- IBAN

IBAN_LENGTHS = {
    "NO": 15,
    "BE": 16,
    **dict.fromkeys(("DK", "FI", "FK", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    "LC": 32,
    "RU": 33,
}
"""Characters of each country's IBAN (SWIFT's registry)."""


def _iban(country: str, length: int) -> str:
    groups, rest = divmod(length - 4, 4)
    last = rf"[ -]?[A-Z0-9]{{{rest}}}" if rest else ""
    return rf"{country}[0-9]{{2}}(?:[ -]?[A-Z0-9]{{4}}){{{groups}}}{last}"


IBAN = (Form("IBAN", f"({'|'.join(_iban(*each) for each in sorted(IBAN_LENGTHS.items()))})", 1.0),)
"""One alternative for each country, of exactly its length.

Presidio's pattern takes up to 34 letters and digits, and so swallows the words that follow (`... 1332 FROM`); it wants
capitals, though many who type an IBAN do not. The recognizer leaves this score when the check digits of a lower-case
one are right.
"""
