"""Redaction operators: what stands in for a redacted text. Each is a pure `Rewrite`, made once per rule.

* `mask`: letters and digits become a character, everything else stays: `4111 1111 1111 1111` -> `**** **** **** 1111`;
* `label`: the label's name: `<CREDIT_CARD>`;
* `hash`: `<CREDIT_CARD#6f0c1e...>`, a keyed hash (HMAC-SHA256, truncated): the same value gives the same hash
  everywhere, so that values can be counted and joined, and nobody without the key can try values out;
* `pseudonym`: `[EMAIL_ADDRESS#A2xk...]`, the value itself, sealed: the same value gives the same stand-in within a
  session and another one elsewhere, and whoever has the key and knows the session can open it (`tidegate.reveal`);
* `text`: a fixed text, such as `[not in the documents]`;
* `remove`: nothing.

These are one-way. What comes back, `stand_in`, is in `stand_ins`.

A pseudonym is AES-SIV (RFC 5297), which is deterministic and detects any change; session and label are authenticated
with it. It hides the value, not its length. The keys come from the configuration, never from a policy.
"""

from __future__ import annotations

import base64
import hmac
import unicodedata
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sidecar.policy.plan import Rewrite

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


def mask(*, char: str = "*", keep_first: int = 0, keep_last: int = 0) -> Rewrite:
    """Replace letters, digits and their marks by `char`, but for the first and last few.

    A text with no more letters and digits than would be kept is masked whole.
    """

    def rewrite(text: str, _label: str, _session_id: str) -> str:
        places = [place for place, character in enumerate(text) if _is_masked(character)]
        kept = keep_first + keep_last
        hidden = places if len(places) <= kept else places[keep_first : len(places) - keep_last]
        characters = list(text)
        for place in hidden:
            characters[place] = char
        return "".join(characters)

    return rewrite


def label() -> Rewrite:
    """Replace by the label's name in angle brackets."""
    return lambda _text, name, _session_id: f"<{name}>"


def fixed_text(text: str) -> Rewrite:
    """Replace by a fixed text."""
    return lambda _text, _label, _session_id: text


def remove() -> Rewrite:
    """Replace by nothing."""
    return lambda _text, _label, _session_id: ""


def keyed_hash(keys: RedactionKeys, *, length: int = HASH_CHARS) -> Rewrite:
    """Replace by `<LABEL#...>` with `length` hex digits of the HMAC-SHA256 over label and value."""
    key = keys.hash_key

    def rewrite(text: str, name: str, _session_id: str) -> str:
        digest = hmac.digest(key, _encode(name) + b"\x00" + _encode(text), "sha256")
        return f"<{name}#{digest.hex()[:length]}>"

    return rewrite


def pseudonym(keys: RedactionKeys) -> Rewrite:
    """Replace by `[LABEL#...]`, the value sealed for its session and label (AES-SIV, base64url without padding)."""
    cipher = AESSIV(keys.pseudonym_key)

    def rewrite(text: str, name: str, session_id: str) -> str:
        sealed = cipher.encrypt(_encode(text), [_encode(session_id), _encode(name)])
        return f"[{name}#{base64.urlsafe_b64encode(sealed).decode('ascii').rstrip('=')}]"

    return rewrite


def _derive(secret: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"tidegate redaction v1 " + purpose).derive(secret)


def _is_masked(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _encode(text: str) -> bytes:
    """UTF-8; a lone surrogate, which no valid stream holds, keeps its own code."""
    return text.encode("utf-8", "surrogatepass")
