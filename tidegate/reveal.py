"""Opens pseudonyms: gives an application back the values that a `redact: {with: pseudonym}` rule sealed.

    key = pseudonym_key(secret)                      # the secret that the sidecar is configured with
    reveal_all(answer, key, session_id="chat-17")    # every pseudonym of that session in a text

A pseudonym is AES-SIV (RFC 5297) over the value, with the session id and its name as associated data: in base32 in
`‹email-address-a2xk...›`, in base64url in `[EMAIL_ADDRESS#A2xk...]`, the older form, which policies may ask for. It
opens only with the key, in the session it was made in, and unchanged.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PSEUDONYM = re.compile(r"\[([^\s\[\]#]{1,128})#([0-9A-Za-z_-]{22,})\]|‹([^\s‹›]{1,128})-([2-7a-z]{26,})›")
_KEY_BYTES = 64


class RevealError(ValueError):
    """The text is no pseudonym, or not one of this key and session."""


def pseudonym_key(secret: bytes) -> bytes:
    """Derive the key of pseudonyms from the sidecar's redaction secret."""
    info = b"tidegate redaction v1 pseudonym"
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(secret)


def reveal(token: str, key: bytes, session_id: str) -> str:
    """Return the value that `token` stands for. Raises `RevealError` when it does not open."""
    match = _PSEUDONYM.fullmatch(token)
    if match is None:
        raise RevealError("this is no pseudonym: one reads ‹name-...› or [LABEL#...]")
    try:
        return _open(match, AESSIV(key), session_id)
    except (InvalidTag, binascii.Error, UnicodeDecodeError):
        raise RevealError("this pseudonym was made with another key, in another session, or was changed") from None


def reveal_all(text: str, key: bytes, session_id: str) -> str:
    """Return `text` with every pseudonym of this key and session replaced by its value; others stay as they are."""
    cipher = AESSIV(key)

    def replace(match: re.Match[str]) -> str:
        try:
            return _open(match, cipher, session_id)
        except (InvalidTag, binascii.Error, UnicodeDecodeError):
            return match.group()

    return _PSEUDONYM.sub(replace, text)


def _open(match: re.Match[str], cipher: AESSIV, session_id: str) -> str:
    label, payload, name, letters = match.groups()
    sealed = _from_base64(payload) if name is None else _from_base32(letters)
    associated = [_encode(session_id), _encode(label if name is None else name)]
    return cipher.decrypt(sealed, associated).decode("utf-8", "surrogatepass")


def _from_base64(payload: str) -> bytes:
    sealed = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    if base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=") != payload:
        raise InvalidTag  # the last character has spare bits, which nothing else would notice
    return sealed


def _from_base32(letters: str) -> bytes:
    sealed = base64.b32decode(letters.upper() + "=" * (-len(letters) % 8))
    if base64.b32encode(sealed).decode("ascii").rstrip("=").lower() != letters:
        raise InvalidTag  # as above
    return sealed


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
