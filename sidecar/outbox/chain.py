"""The chain over a producer's events: each names the hash of the one before, so that none can be changed unseen.

    hash(n) = SHA-256(JCS(data of n, without `ids.hash`, `time.published` and a checkpoint's `signature`))
    previous(n) = replaces(n-1) or hash(n-1); empty in the first

1. An event is linked when it gets its number, in the same commit: number and hash are given once, whatever happens
   after. Sinks, forms (JSON, protobuf) and repeats change neither.
2. A **checkpoint** is an event of the chain that is signed: an Ed25519 signature over its hash, which covers all before
   it. It is put like any other event, and completed when it gets its number.
3. An event that no sink will ever take, or that can be read no more, is told of under its own number by another event.
   That one names in `replaces` the hash of what it stands for, so the chain goes on; the next checkpoint lists its
   number, so that nobody else can put one in.

Pure: the key and what else is needed are handed in.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec.structs import replace

from sidecar.bundles.keys import id_of
from sidecar.outbox.canonical import canonical
from sidecar.outbox.event import Checkpoint, Data, Event, Ids

CONTEXT = b"tidegate.dev/events/v1 checkpoint\n"
"""What is signed begins so: a signature for something else cannot be used here."""


class Head(msgspec.Struct, frozen=True):
    """Where a chain ends: the hash that the next event names. `since` is the number that the chain begins with."""

    hash: str = ""
    since: int = 1


class Signer(msgspec.Struct, frozen=True):
    """The key that signs checkpoints."""

    key: Ed25519PrivateKey

    @property
    def key_id(self) -> str:
        """The id of the public key."""
        return id_of(self.key.public_key())

    def sign(self, event_hash: str) -> str:
        """The signature of an event's hash, in base64."""
        return base64.b64encode(self.key.sign(_signed(event_hash))).decode()


def linked(data: Data, ids: Ids, head: Head, signer: Signer | None, replaced: Sequence[int] = ()) -> Data:
    """The event as it stands in the chain behind `head`. `ids` have its producer and its number.

    A checkpoint is completed: with what it vouches for, and signed if there is a key.
    """
    data = replace(data, ids=replace(ids, previous=head.hash, hash=""))
    if isinstance(data, Checkpoint):
        key_id = signer.key_id if signer else ""
        data = replace(data, since=head.since, replaced=tuple(replaced), key_id=key_id, signature="")
    digest = hash_of(data)
    data = replace(data, ids=replace(data.ids, hash=digest))
    if isinstance(data, Checkpoint) and signer is not None:
        data = replace(data, signature=signer.sign(digest))
    return data


def instead(event: Event, ids: Ids) -> Event:
    """An event that stands for another one whose ids these are, linked if that was."""
    if not ids.hash:
        return event
    own = replace(event.data.ids, producer=ids.producer, sequence=ids.sequence, previous=ids.previous)
    data = replace(event.data, ids=replace(own, replaces=ids.replaces or ids.hash, hash=""))
    return replace(event, data=replace(data, ids=replace(data.ids, hash=hash_of(data))))


def link_of(ids: Ids) -> str:
    """What the next event names as its previous one."""
    return ids.replaces or ids.hash


def hash_of(data: Data) -> str:
    """The hash of an event."""
    return _hash_of_tree(msgspec.to_builtins(data))


def hash_of_json(text: bytes | msgspec.Raw) -> str:
    """The hash of an event as it was published, also with fields that this version does not know."""
    return _hash_of_tree(msgspec.json.decode(text))


def is_signed_by(data: Checkpoint, keys: Mapping[str, Ed25519PublicKey]) -> bool | None:
    """Whether a checkpoint bears the signature it should; None when its key is not among these."""
    key = keys.get(data.key_id)
    if key is None:
        return None
    try:
        key.verify(base64.b64decode(data.signature, validate=True), _signed(data.ids.hash))
    except (InvalidSignature, ValueError):
        return False
    return True


def _signed(event_hash: str) -> bytes:
    return CONTEXT + event_hash.encode()


def _hash_of_tree(tree: dict[str, Any]) -> str:
    for part, name in (("ids", "hash"), ("time", "published")):
        if isinstance(fields := tree.get(part), dict):
            fields.pop(name, None)
    if tree.get("kind") == "checkpoint":
        tree.pop("signature", None)
    return hashlib.sha256(canonical(tree)).hexdigest()
