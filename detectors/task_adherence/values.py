"""The values of a call's arguments that say what it acts on, and who said them first.

A value is an **address** where something can go: an e-mail address, a host, an account, a phone number, a handle.
Others are numbers and short texts. Each is looked for in the user's and the operator's words, and then in what was
read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

MOST_VALUES = 48
"""Values of a call that are looked for; the addresses first."""
_MOST_DIGITS = 640
"""Of an integer: as many as Python reads whatever its limit is."""
_MOST_LEAF = 20_000
"""Characters of one argument that are read."""
_LONGEST = 120
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_URL = re.compile(r"\bhttps?://([\w.-]{1,253})|\b(www\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,3})")
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}[A-Z0-9]{8,30}\b|\b0x[0-9a-fA-F]{16,64}\b|\b[13bc][a-zA-HJ-NP-Z0-9]{25,58}\b")
_PHONE = re.compile(r"(?<![\w.])\+?\d[\d ()-]{7,18}\d(?![\w.])")
_HANDLE = re.compile(r"(?<![\w@])@[A-Za-z]\w{2,30}")
_ADDRESSES = (_EMAIL, _URL, _ACCOUNT, _HANDLE)


class Value(msgspec.Struct, frozen=True):
    """A value, where in the arguments it stands, and whether something can go there."""

    text: str
    path: str
    is_address: bool = False


def values_of(arguments: Any) -> list[Value]:
    """The values of a call, each once, the addresses first."""
    found: dict[str, Value] = {}
    leaves = [*_leaves(arguments, "")]
    for path, leaf in leaves:
        for address in _addresses(leaf):
            found.setdefault(address, Value(address, path, is_address=True))
    for path, leaf in leaves:
        text = leaf.strip().lower()
        if len(text) > 1 and len(text) <= _LONGEST and not any(text == known or known in text for known in found):
            found.setdefault(text, Value(text, path))
    return [*found.values()][:MOST_VALUES]


def leaves_of(arguments: Any) -> list[str]:
    """The texts and numbers of the arguments, in order."""
    return [leaf for _, leaf in _leaves(arguments, "")]


def parsed(arguments: str) -> Any:
    """The arguments, or None while they are no JSON object."""
    try:
        document = json.loads(arguments, parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _integer(digits: str) -> int | str:
    """A number of any length: one that Python does not read is what it looks like."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, path)
    elif isinstance(value, str):
        yield path, value[:_MOST_LEAF]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, f"{value:g}" if isinstance(value, float) else str(value)


def _addresses(text: str) -> Iterator[str]:
    for kind in _ADDRESSES:
        for match in kind.finditer(text):
            yield next(filter(None, match.groups()), match[0]).rstrip(".").lower()
    for match in _PHONE.finditer(text):
        if len(match[0]) == len(text.strip()) or match[0].startswith("+"):
            yield match[0].lower()
