"""What a match must look like beside its pattern. Presidio's recognizers take much for personal data that is none.

A guard may read `REACH` characters left of the match, and one right of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from detectors.pii import presidio

REACH = 24
"""Characters left of a match that a guard may read."""

Guard = Callable[[str, int, int], bool]
"""`(text, start, end)` of a match -> whether it is what it looks like."""


def is_address(text: str, start: int, end: int) -> bool:
    """An IP address: no version number (`v1.2.3.4`, `build 1.2.3.4`), no netmask, no `abc::def` of a program."""
    found = text[start:end]
    if ":" in found:
        return sum(any(map(str.isdigit, group)) for group in re.split("[:/%]", found)) > 1
    if text[max(0, start - 1) : start] in _BEFORE_VERSION or _MORE_OF_VERSION.match(text, end):
        return False
    return not (_NAMES_VERSION.search(text[max(0, start - REACH) : start]) or _NOBODYS.match(found))


_BEFORE_VERSION = frozenset("vV-_.")
_MORE_OF_VERSION = re.compile(r"\.\d")
_NAMES_VERSION = re.compile(
    r"\b(?:version|ver|release|build|firmware|driver|(?:upgrade|update) to|section|chapter|figure|table)[\s.:=]{0,3}\Z",
    re.IGNORECASE,
)
_NOBODYS = re.compile(r"127\.|0\.|255\.|(\d+)\.\1\.\1\.\1(?!\d)")
"""Loopback, unspecified, netmasks, and the `1.1.1.1` of examples."""


def is_card(text: str, start: int, end: int) -> bool:
    """A number that begins as cards of its length do, and is not a part of something longer."""
    digits = re.sub(r"\D", "", text[start:end])
    return bool(_CARD_NUMBER.fullmatch(digits)) and is_apart(text, start, end)


_CARD_NUMBER = re.compile(
    r"4\d{12}(?:\d{3})?(?:\d{3})?"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}(?:\d{2})?"  # Diners Club
    r"|35\d{14}(?:\d{3})?|(?:2131|1800)\d{11}"  # JCB
    r"|6\d{12,18}|5[06-8]\d{10,17}"  # Discover, UnionPay, Maestro, RuPay
)


def is_apart(text: str, start: int, end: int) -> bool:
    """Not a part of a longer number or name: `AB-1234`, `0.1234`, `1234/5678`."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return not (_PART_BEFORE.search(before) or _PART_AFTER.match(after))


_PART_BEFORE = re.compile(r"\w[-_/.]\Z")
_PART_AFTER = re.compile(r"[-./_]\d|[-_]\w")


def is_url(text: str, start: int, end: int) -> bool:
    """The host ends in a public suffix; without a scheme or `www.`, in none that is a file's or attribute's ending."""
    scheme, host, rest = _URL_PARTS.match(text[start:end].lower()).group(1, 2, 3)  # type: ignore[union-attr]  # a host
    if not scheme and not host.startswith("www.") and not _is_plain_domain(host, has_path=bool(rest)):
        return False
    parts = presidio.offline_suffixes()(host)
    return bool(parts.domain and parts.suffix)


def _is_plain_domain(host: str, *, has_path: bool) -> bool:
    *_, name, ending = host.split(".")
    return ending not in _FILE_ENDINGS and (has_path or (len(name) > 1 and ending not in _WORD_ENDINGS))


_URL_PARTS = re.compile(r"(https?://)?([^/:?#]+)(.*)", re.DOTALL)
_FILE_ENDINGS = frozenset("as cc md mo mov pl pm ps pub py rs run sc sh so st vi zip".split())
_WORD_ENDINGS = frozenset(
    "ac ad al am ba by call cat center click cool coop date day do email events fit fm foo fun games get gg go group "
    "help hm host id im ink int is la lat link list live lol ma map me media menu mm mn ms mu my name ne network new "
    "no now nu one page ping pk pr pro properties report sa se services sg show sl sm sr store style support sy "
    "systems tab tc tel test tips tk tm to today tools top tr tt tv va version watch work works ws zone".split()
)
"""Top-level domains that may be the word after a full stop without its space, or an attribute: `done.So`,
`self.name`."""


def has_one_case(text: str, start: int, end: int) -> bool:
    """Not `AB123456 a`, where an article follows."""
    found = text[start:end]
    return found in (found.upper(), found.lower())


def is_long_id(text: str, start: int, end: int) -> bool:
    """At least six characters: `Dh800` is a price."""
    return end - start >= 6
