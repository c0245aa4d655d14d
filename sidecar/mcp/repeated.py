"""Headers that say again what a message says, for those who read no bodies: its method, its name, and arguments. Pure.

Revisions from 2026 on have `Mcp-Method`, `Mcp-Name` and, for arguments that a tool's schema names, `Mcp-Param-...`;
what is no plain text is in base64 (`=?base64?...?=`). The message is what is judged. So a header goes on only where the
message says the same, and as the message has it when it goes on.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from multidict import CIMultiDict

from sidecar.codec.jsontext import NotJsonError, WideNumber, loads

_LEAVES = (str, int, float, WideNumber)
_HEADERS = ("mcp-method", "mcp-name")
_ARGUMENTS = "mcp-param-"
_PLAIN = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?")
_CODED = re.compile(r"=\?base64\?(.*)\?=")


def said_again(headers: CIMultiDict[str], before: bytes, after: bytes) -> Mapping[str, str]:
    """What headers may repeat of a message, each value as it is said when the message goes on.

    `before` and `after` are the message as it came, and as it goes on. One that stands at several places, and was
    changed at one, is changed. Empty where no header repeats anything.
    """
    if not any(_is_repeated(name) for name in headers):
        return {}
    try:
        pairs = [*_pairs(loads(before), loads(after))]
    except NotJsonError:
        return {}
    return dict(pairs) | {was: now for was, now in pairs if was != now}


def repeated(headers: CIMultiDict[str], said: Mapping[str, str]) -> CIMultiDict[str]:
    """Headers as they may go on with a message of which this may be repeated."""
    return CIMultiDict(_kept(headers, said))


def _kept(headers: CIMultiDict[str], said: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in headers.items():
        if not _is_repeated(name):
            yield name, value
            continue
        was = _decoded(value)
        if was is not None and was in said:
            yield name, value if said[was] == was else _encoded(said[was])


def _is_repeated(name: str) -> bool:
    return name.lower() in _HEADERS or name.lower().startswith(_ARGUMENTS)


def _pairs(before: Any, after: Any) -> Iterator[tuple[str, str]]:
    """Each value of a document that a header can hold, with what became of it."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() & after.keys():
            yield from _pairs(before[key], after[key])
    elif isinstance(before, list) and isinstance(after, list):
        for was, now in zip(before, after, strict=False):
            yield from _pairs(was, now)
    elif isinstance(before, _LEAVES) and isinstance(after, _LEAVES):
        yield _shown(before), _shown(after)


def _shown(value: str | int | float | WideNumber) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _decoded(value: str) -> str | None:
    found = _CODED.fullmatch(value.strip())
    if found is None:
        return value
    try:
        return base64.b64decode(found[1], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _encoded(text: str) -> str:
    if _PLAIN.fullmatch(text) and _CODED.fullmatch(text) is None:
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode()}?="
