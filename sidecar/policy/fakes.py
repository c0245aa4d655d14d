"""Fake secrets for policy tests: `{{fake:github_token}}` in a test's text becomes a token of that shape.

A file with a real-looking token in it sets off every secret scanner that reads the repository, so tokens are made
when the test runs: always the same one for a kind, with a right checksum where the kind has one. They open nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Mapping

PLACEHOLDER = re.compile(r"\{\{fake:([^{}]*)\}\}")

_DIGITS = "0123456789"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE62 = _DIGITS + _UPPER + _UPPER.lower()
_BASE32 = _UPPER + "234567"


def expand(text: str) -> str:
    """Return `text` with its placeholders filled in. An unknown kind stays as it is; the compiler refuses it before."""
    return PLACEHOLDER.sub(lambda match: FAKES[match[1]]() if match[1] in FAKES else match[0], text)


def unknown_kinds(text: str) -> list[str]:
    """The kinds in `text` that nobody knows how to make."""
    return [kind for kind in PLACEHOLDER.findall(text) if kind not in FAKES]


def _draw(kind: str, length: int, alphabet: str = _BASE62) -> str:
    """`length` characters that look random and depend on `kind` alone."""
    stream = hashlib.shake_256(b"tidegate fake " + kind.encode()).digest(length)
    return "".join(alphabet[byte % len(alphabet)] for byte in stream)


def _with_checksum(prefix: str) -> str:
    """GitHub's and npm's scheme: 30 characters, then their CRC-32 in base 62, six digits."""
    body = _draw(prefix, 30)
    rest, check = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        check = _BASE62[digit] + check
    return f"{prefix}_{body}{check}"


def _jwt() -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": "1234567890", "name": "nobody"}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, _draw("jwt", 43)])


def _private_key() -> str:
    """An Ed25519 key as PKCS #8, in PEM: the DER of its head, then 32 bytes."""
    der = bytes.fromhex("302e020100300506032b657004220420") + hashlib.shake_256(b"tidegate fake private_key").digest(32)
    dashes = "-" * 5
    return f"{dashes}BEGIN PRIVATE KEY{dashes}\n{base64.b64encode(der).decode()}\n{dashes}END PRIVATE KEY{dashes}"


FAKES: Mapping[str, Callable[[], str]] = {
    "aws_access_key_id": lambda: "AKIA" + _draw("aws", 16, _BASE32),
    "github_token": lambda: _with_checksum("ghp"),
    "google_api_key": lambda: "AIza" + _draw("google", 35),
    "jwt": _jwt,
    "npm_token": lambda: _with_checksum("npm"),
    "password": lambda: _draw("password", 20),
    "private_key": _private_key,
    "slack_token": lambda: "-".join(
        ["xoxb", _draw("team", 12, _DIGITS), _draw("user", 12, _DIGITS), _draw("slack", 24)]
    ),
    "stripe_secret_key": lambda: "_".join(["sk", "live", _draw("stripe", 24)]),
}
"""The kinds, and how each is made."""
