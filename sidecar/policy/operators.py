"""Redaction operators: what stands in for a redacted text. Each is a pure `Rewrite`, made once per rule.

* `mask`: letters and digits become a character, everything else stays: `4111 1111 1111 1111` -> `•••• •••• •••• 1111`;
* `label`: what it was: `‹card-number›`;
* `hash`: `‹card-number-6f0c1e...›`, a keyed hash (HMAC-SHA256, truncated): the same value gives the same hash
  everywhere, so that values can be counted and joined, and nobody without the key can try values out;
* `pseudonym`: `‹email-address-a2xk...›`, the value itself, sealed: the same value gives the same stand-in within a
  session and another one elsewhere, and whoever has the key and knows the session can open it (`tidegate.reveal`);
* `text`: a fixed text, such as `[not in the documents]`;
* `remove`: nothing.

The middle three have two forms: words, as above (`sidecar.wording`), and the label's name as programs read it:
`<CREDIT_CARD>`, `<CREDIT_CARD#6f0c1e...>`, `[EMAIL_ADDRESS#A2xk...]`, which has a meaning in Markdown and HTML.

These are one-way. What comes back, `stand_in`, is in `stand_ins`.

A pseudonym is AES-SIV (RFC 5297), which is deterministic and detects any change; session and name are authenticated
with it. It hides the value, not its length. The keys come from the configuration, never from a policy.
"""

from __future__ import annotations

import base64
import hmac
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sidecar.policy.plan import Rewrite
from sidecar.wording.forms import DELIMITERS, MASK, quoted

MIN_SECRET_BYTES = 32
HASH_CHARS = 16
"""How many hex digits of a keyed hash stand in for a value, unless the policy says so."""


@dataclass(frozen=True, slots=True, repr=False)
class RedactionKeys:
    """The keys behind `hash`, `pseudonym` and `stand_in`, derived from one secret. Its `repr` shows none of them."""

    hash_key: bytes
    pseudonym_key: bytes
    stand_in_key: bytes = b""

    @classmethod
    def derive(cls, secret: bytes) -> RedactionKeys:
        """Derive all keys (HKDF-SHA256). Raises `ValueError` when the secret has fewer than 32 bytes."""
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the redaction secret has {len(secret)} bytes; it needs at least {MIN_SECRET_BYTES}")
        return cls(
            hash_key=_derive(secret, b"hash", 32),
            pseudonym_key=_derive(secret, b"pseudonym", 64),
            stand_in_key=_derive(secret, b"stand_in", 32),
        )


class Form(Protocol):
    """How a label is written, and a value that goes with it."""

    def name(self, label: str) -> str:
        """What the label is called."""
        ...

    def write(self, label: str, value: str) -> str:
        """The label with a value that `encode` made, or with hex digits."""
        ...

    def encode(self, data: bytes) -> str:
        """Bytes as the form takes them."""
        ...


@dataclass(frozen=True, slots=True)
class InWords:
    """`‹email-address›`, `‹email-address-a2xk...›` (base32 in small letters), with the words of `words`."""

    words: Callable[[str], str]

    def name(self, label: str) -> str:
        """What stands between the marks."""
        return quoted(self.words(label))[1:-1]

    def write(self, label: str, value: str = "") -> str:
        """See the class."""
        return quoted(self.words(label), value)

    def encode(self, data: bytes) -> str:
        """Base32 in small letters, without padding."""
        return base64.b32encode(data).decode("ascii").rstrip("=").lower()


@dataclass(frozen=True, slots=True)
class ByName:
    """`<EMAIL_ADDRESS>`, `<EMAIL_ADDRESS#A2xk...>` (base64url), or with other `brackets`."""

    brackets: str = "<>"

    def name(self, label: str) -> str:
        """The label."""
        return label

    def write(self, label: str, value: str = "") -> str:
        """See the class."""
        return f"{self.brackets[0]}{label}{'#' if value else ''}{value}{self.brackets[1]}"

    def encode(self, data: bytes) -> str:
        """Base64url, without padding."""
        return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def mask(*, char: str = MASK, keep_first: int = 0, keep_last: int = 0) -> Rewrite:
    """Replace letters, digits and their marks by `char`, but for the first and last few.

    So are `*`, `_` and `~` between those that are hidden, which Markdown reads otherwise beside other characters. A
    text with no more letters and digits than would be kept is masked whole.
    """

    def rewrite(text: str, _label: str, _session_id: str) -> str:
        places = [place for place, character in enumerate(text) if _is_masked(character)]
        kept = keep_first + keep_last
        start, end = 0, len(text)
        if kept < len(places):
            start = places[keep_first - 1] + 1 if keep_first else start
            end = places[-keep_last] if keep_last else end
        hidden = text[start:end]
        masked = "".join(char if _is_masked(each) or each in DELIMITERS else each for each in hidden)
        return text[:start] + masked + text[end:]

    return rewrite


def label(form: Form) -> Rewrite:
    """Replace by what the label is called."""
    return lambda _text, name, _session_id: form.write(name, "")


def fixed_text(text: str) -> Rewrite:
    """Replace by a fixed text."""
    return lambda _text, _label, _session_id: text


def remove() -> Rewrite:
    """Replace by nothing."""
    return lambda _text, _label, _session_id: ""


def keyed_hash(keys: RedactionKeys, form: Form, *, length: int = HASH_CHARS) -> Rewrite:
    """Replace by the label with `length` hex digits of the HMAC-SHA256 over label and value."""
    key = keys.hash_key

    def rewrite(text: str, name: str, _session_id: str) -> str:
        digest = hmac.digest(key, _encode(name) + b"\x00" + _encode(text), "sha256")
        return form.write(name, digest.hex()[:length])

    return rewrite


def pseudonym(keys: RedactionKeys, form: Form) -> Rewrite:
    """Replace by the label with the value, sealed for its session and what the label is called (AES-SIV)."""
    cipher = AESSIV(keys.pseudonym_key)

    def rewrite(text: str, name: str, session_id: str) -> str:
        sealed = cipher.encrypt(_encode(text), [_encode(session_id), _encode(form.name(name))])
        return form.write(name, form.encode(sealed))

    return rewrite


def _derive(secret: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"tidegate redaction v1 " + purpose).derive(secret)


def _is_masked(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _encode(text: str) -> bytes:
    """UTF-8; a lone surrogate, which no valid stream holds, keeps its own code."""
    return text.encode("utf-8", "surrogatepass")
