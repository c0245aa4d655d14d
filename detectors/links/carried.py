"""What an address carries out: how much of its path and query looks like data rather than like a place.

| what | score |
|---|---|
| base64 or hexadecimal that opens to readable text | 0.95 |
| an e-mail address, or 12 digits and more in groups | 0.85 |
| 12 words and more in one value; 6 and more | 0.8; 0.6 |
| a part of 32 characters and more without the look of a digest, a UUID or words | 0.7 |
| more than 400 characters in all | 0.6 |

Digests, UUIDs and slugs of words are what addresses are full of, and say nothing. These scores are judgements, not
measured probabilities.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

from detectors.text.address import Address

_LONG = 400
_LEAST_ENCODED = 16
_LEAST_RANDOM = 32
_LEAST_ENTROPY = 3.7
"""Bits per character. 32 random characters of base64 have about 4.6, English without blanks about 4."""
_READABLE = re.compile(r"[\w\s.,;:!?@'\"(){}\[\]/+=&%$#*|<>-]{8,}")
_DIGEST = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.I)
_HEX = re.compile(r"(?:[0-9a-f]{2})+", re.I)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_GROUPS = re.compile(r"(?:\d{3,6}[ -]){2,}\d{3,}|(?<!\w)\d{13,19}(?!\w)")
_SLUG = re.compile(r"[a-z0-9]{1,20}(?:[-_.~][a-z0-9]{1,20})+", re.I)
_WORD = re.compile(r"[^\W\d_]{2,}")


def carried(address: Address) -> tuple[float, str]:
    """The score and what speaks for it; `(0.0, "")` where nothing does."""
    told = [_of_value(value) for value in _values(address)]
    size = len(address.path) + len(address.query)
    if size > _LONG:
        told.append((0.6, "a long address"))
    return max(told, default=(0.0, ""))


def _values(address: Address) -> Iterator[str]:
    """What a server is told: parts of the path, keys and values of the query, labels of the host."""
    for part in re.split(r"[/\\;]", address.path):
        yield unquote(unquote(part))
    for pair in re.split(r"[&;]", address.query):
        key, _, value = pair.partition("=")
        yield unquote(unquote_plus(key))
        yield unquote(unquote_plus(value))
    yield from address.host.split(".")[:-2]
    yield unquote(address.userinfo)


def _of_value(value: str) -> tuple[float, str]:
    if len(value) >= _LEAST_ENCODED and _opens(value):
        return 0.95, "encoded text"
    if _MAIL.search(value) or _GROUPS.search(value):
        return 0.85, "an e-mail address or a long number"
    words = len(_WORD.findall(value)) if any(each.isspace() for each in value) else 0
    if words >= 6:
        return (0.8 if words >= 12 else 0.6), "words of a text"
    if _is_random(value):
        return 0.7, "a long part that is no word"
    return 0.0, ""


def _opens(value: str) -> bool:
    """Whether it is base64 or hexadecimal of readable text."""
    found = []
    if _HEX.fullmatch(value):
        found.append(bytes.fromhex(value))
    if _BASE64.fullmatch(value) and (len(value.rstrip("=")) % 4) != 1:
        plain = value.rstrip("=").replace("-", "+").replace("_", "/")
        with contextlib.suppress(binascii.Error):
            found.append(base64.b64decode(plain + "=" * (-len(plain) % 4)))
    return any(_is_readable(each) for each in found)


def _is_readable(data: bytes) -> bool:
    try:
        return _READABLE.fullmatch(data.decode("utf-8")) is not None
    except UnicodeDecodeError:
        return False


def _is_random(value: str) -> bool:
    if len(value) < _LEAST_RANDOM or any(each.isspace() for each in value):
        return False
    return not (_DIGEST.fullmatch(value) or _SLUG.fullmatch(value)) and _entropy(value) >= _LEAST_ENTROPY


def _entropy(text: str) -> float:
    """Shannon's, over the characters, in bits."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
