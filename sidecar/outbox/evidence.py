"""What an event keeps of a matched text, by level; each is a promise of its own.

| level | keeps |
| --- | --- |
| `none` | nothing |
| `hash` | the keyed hash alone: equal values have equal hashes |
| `shape` | letters as `a`, digits as `9`; and the keyed hash, where there is a key |
| `masked` | besides the shape, the last quarter of its letters and digits, at most four, and stars for the others |
| `encrypted` | besides the shape, the text for the holder of a private key: HPKE (RFC 9180) |
| `raw` | besides the shape, the text itself, and why |

Encrypted is: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; `info` binds it to its event.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from sidecar.bundles.keys import write_pair
from sidecar.errors import TidegateError
from sidecar.outbox.event import EXCERPT_LIMIT_CHARS, Evidence
from sidecar.values import EvidenceLevel

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_INFO = b"tidegate.dev/events/v1 evidence\n"
_SHOWN = 4
_MOST_KEY_BYTES = 16_384


class EvidenceError(TidegateError):
    """A key cannot be used, or a text not be revealed with it."""


class EvidenceKey(msgspec.Struct, frozen=True):
    """The secret under which matched values are hashed. `id` names it in events without giving it away."""

    secret: bytes

    def __repr__(self) -> str:
        """Without the secret: it may stand in a traceback."""
        return f"EvidenceKey({self.id})"

    @property
    def id(self) -> str:
        """The same for the same secret: a change of key shows."""
        return hmac.new(self.secret, b"tidegate evidence key id", hashlib.sha256).hexdigest()[:16]

    def hash(self, matched: str) -> str:
        """The keyed hash of a matched text."""
        return "hmac-sha256:" + hmac.new(self.secret, matched.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class Recipient(msgspec.Struct, frozen=True):
    """Whom matched texts are encrypted for."""

    key: X25519PublicKey

    @property
    def id(self) -> str:
        """The beginning of the sha256 of the key's bytes."""
        return hashlib.sha256(self.key.public_bytes_raw()).hexdigest()[:16]

    def seal(self, text: str, event_id: str) -> str:
        """The text of an event, encrypted, in base64."""
        sealed = _SUITE.encrypt(text.encode("utf-8", "replace"), self.key, _info(event_id))
        return base64.b64encode(sealed).decode()


class Keeping(msgspec.Struct, frozen=True):
    """What events keep, where their rule does not say: `level`; with which keys."""

    level: EvidenceLevel = "shape"
    key: EvidenceKey | None = None
    recipient: Recipient | None = None

    @property
    def levels(self) -> frozenset[EvidenceLevel]:
        """Those that can be kept with these keys."""
        can: set[EvidenceLevel] = {"none", "shape", "masked", "raw"}
        can |= {"hash"} if self.key else set()
        can |= {"encrypted"} if self.recipient else set()
        return frozenset(can)

    def of(self, text: str, event_id: str, *, level: EvidenceLevel | None, reason: str, is_whole: bool) -> Evidence:
        """What an event keeps of a text that its rule matched. One that is not there whole has no hash."""
        level = level or self.level
        word: EvidenceLevel | None = None if level == "shape" else level
        if level == "none":
            return Evidence(shape="", level=word)
        has_hash = self.key is not None and bool(text) and is_whole
        return Evidence(
            shape="" if level == "hash" else shape_of(text),
            hash=self.key.hash(text) if self.key and has_hash else "",
            key_id=self.key.id if self.key and has_hash else "",
            level=word,
            masked=masked_of(text) if level == "masked" else "",
            **self._sealed(text, event_id) if level == "encrypted" else {},
            raw=text if level == "raw" else "",
            reason=reason,
        )

    def _sealed(self, text: str, event_id: str) -> dict[str, str]:
        if self.recipient is None or not text:
            return {}
        return {"sealed": self.recipient.seal(text, event_id), "sealed_for": self.recipient.id}


def reveal(evidence: Evidence, event_id: str, key: X25519PrivateKey) -> str:
    """The text that an event keeps encrypted. Raises `EvidenceError` when it is for another key, or was changed."""
    own = Recipient(key.public_key()).id
    if evidence.sealed_for != own:
        raise EvidenceError(f"it is encrypted for the key {evidence.sealed_for}, and this is {own}")
    try:
        return _SUITE.decrypt(base64.b64decode(evidence.sealed, validate=True), key, _info(event_id)).decode()
    except (InvalidTag, binascii.Error, ValueError):
        raise EvidenceError("it was changed, or comes from another event") from None


def shape_of(text: str) -> str:
    """The shape of a text: letters become `a`, digits `9`, ASCII punctuation stays, all else `?`; cut with `…`.

    Nothing else may pass: a tag character or a variation selector can carry a hidden letter each.
    """
    shape = "".join(_shape_of_character(character) for character in text[:EXCERPT_LIMIT_CHARS])
    return shape + "…" if len(text) > EXCERPT_LIMIT_CHARS else shape


def masked_of(text: str) -> str:
    """The text with stars, but for the last quarter of its ASCII letters and digits, at most four, and punctuation."""
    places = [place for place, character in enumerate(text) if character.isascii() and character.isalnum()]
    shown = {*places[len(places) - min(_SHOWN, len(places) // 4) :]}
    masked = "".join(each if place in shown else _mask_of(each) for place, each in enumerate(text))
    return masked if len(masked) <= EXCERPT_LIMIT_CHARS else "…" + masked[-EXCERPT_LIMIT_CHARS:]


def recipient_in(path: Path) -> Recipient:
    """Whom a file's public key is of. Raises `EvidenceError`."""
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, X25519PublicKey):
        raise _no_key(path, "public", "PREFIX.pub")
    return Recipient(key)


def private_key_in(path: Path) -> X25519PrivateKey:
    """The key in a file. Raises `EvidenceError`."""
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, X25519PrivateKey):
        raise _no_key(path, "private", "PREFIX.key")
    return key


def new_pair(prefix: Path) -> tuple[Path, Path, str]:
    """Write a new pair of keys, `PREFIX.key` and `PREFIX.pub`; both paths and the key's id. Raises `BundleError`."""
    key = X25519PrivateKey.generate()
    private, public = write_pair(prefix, key)
    return private, public, Recipient(key.public_key()).id


def _no_key(path: Path, kind: str, name: str) -> EvidenceError:
    return EvidenceError(
        f"{path} holds no {kind} X25519 key in PEM; `tidegate events keygen PREFIX --for evidence` writes one: {name}"
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_KEY_BYTES)
    except OSError as error:
        raise EvidenceError(f"{path} cannot be read: {error.strerror}") from None


def _info(event_id: str) -> bytes:
    return _INFO + event_id.encode()


def _mask_of(character: str) -> str:
    is_punctuation = character.isascii() and character.isprintable() and not character.isalnum()
    return character if is_punctuation else "*"


def _shape_of_character(character: str) -> str:
    if character.isnumeric():
        return "9"
    if character.isalpha():
        return "a"
    return character if " " <= character <= "~" else "?"
