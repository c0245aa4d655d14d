"""Ed25519 keys of bundles: PEM files, as other tools write them. `manifest.sig` has a line for each signature.

A line is `ed25519 KEY_ID BASE64`. The id is of the public key's bytes: it says which key to try, and proves nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from sidecar.errors import BundleError

_CONTEXT = b"tidegate.dev/bundle/v1 manifest\n"
"""What is signed begins so: a signature for something else cannot be used here."""
_MOST_SIGNATURES = 16
_MOST_KEY_BYTES = 16_384

Trusted = Mapping[str, Ed25519PublicKey]
"""Public keys by their ids."""


def generate(prefix: Path) -> tuple[Path, Path, str]:
    """Write a new pair of keys, `PREFIX.key` (its owner's alone) and `PREFIX.pub`; returns both paths and the key's id.

    Raises `BundleError` when one is there already or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    private, public = write_pair(prefix, key)
    return private, public, id_of(key.public_key())


def write_pair(prefix: Path, key: Ed25519PrivateKey | X25519PrivateKey) -> tuple[Path, Path]:
    """Write a pair of keys, `PREFIX.key` (its owner's alone) and `PREFIX.pub`; both paths. Raises `BundleError`."""
    private, public = prefix.with_name(f"{prefix.name}.key"), prefix.with_name(f"{prefix.name}.pub")
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for path, data, mode in ((private, secret, 0o600), (public, shown, 0o644)):
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(data)
        except FileExistsError:
            message = f"{path} is there already"
            raise BundleError(message, remedy="A key is never written over: choose another name.") from None
        except OSError as error:
            raise BundleError(f"{path} cannot be written: {error.strerror}") from None
    return private, public


def id_of(key: Ed25519PublicKey) -> str:
    """What a key is called: the beginning of the sha256 of its bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def private_key(path: Path) -> Ed25519PrivateKey:
    """The key that signs. Raises `BundleError`."""
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_key(path, "private", "PREFIX.key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private", "PREFIX.key")
    return key


def trusted_keys(paths: Sequence[Path]) -> Trusted:
    """The public keys in these files, one each. Raises `BundleError`."""
    return {id_of(key): key for key in map(_public_key, paths)}


def sign(manifest: bytes, key: Ed25519PrivateKey, signatures: bytes = b"") -> bytes:
    """The signatures of a manifest with one of this key: in place of the key's former one, behind those of others."""
    own = id_of(key.public_key())
    others = [line for line in signatures.decode("ascii", "replace").splitlines() if line.split(" ")[1:2] != [own]]
    signature = base64.b64encode(key.sign(_CONTEXT + manifest)).decode()
    return "".join(f"{line}\n" for line in [*others, f"ed25519 {own} {signature}"]).encode()


def signer_of(manifest: bytes, signatures: bytes, trusted: Trusted) -> str:
    """The id of the trusted key that signed a manifest. Raises `BundleError` when none did."""
    signed_by = []
    for name, signature in _lines(signatures):
        signed_by.append(name)
        key = trusted.get(name)
        if key is None:
            continue
        try:
            key.verify(signature, _CONTEXT + manifest)
        except InvalidSignature:
            message = f"the signature of key {name} is not that of this manifest"
            raise BundleError(message, remedy="It was changed after it was signed: get it anew.") from None
        return name
    by = f"signed by {', '.join(signed_by)}" if signed_by else "not signed"
    remedy = f"Trusted is {', '.join(trusted)}: sign it with `tidegate policy bundle sign`, or trust its key."
    raise BundleError(f"the bundle is {by}", remedy=remedy)


def _lines(signatures: bytes) -> Iterator[tuple[str, bytes]]:
    for line in signatures.decode("ascii", "replace").splitlines()[:_MOST_SIGNATURES]:
        kind, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if kind == "ed25519" and name.isalnum():
            try:
                yield name[:64], base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                continue


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key(path, "public", "PREFIX.pub") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public", "PREFIX.pub")
    return key


def _no_key(path: Path, kind: str, name: str) -> BundleError:
    remedy = f"`tidegate policy bundle keygen PREFIX` writes one: {name}."
    return BundleError(f"{path} holds no {kind} Ed25519 key in PEM", remedy=remedy)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_KEY_BYTES)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None
