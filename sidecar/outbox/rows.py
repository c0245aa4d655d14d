"""Events as an outbox stores them: a JSON body, and beside it what decides where it goes and when it gives way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from sidecar.outbox.builders import fault_event, uuid7
from sidecar.outbox.chain import Head, Signer, instead, linked
from sidecar.outbox.event import Event, FaultKind, Ids, Kind
from sidecar.outbox.outbox import Numbered
from sidecar.values import Severity

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


class Row(msgspec.Struct, frozen=True, gc=False):
    """An event as it is stored."""

    severity: Severity
    body: bytes
    kind: Kind = Kind.FAULT
    key: str = ""
    tenant: str = ""


def to_row(event: Event) -> Row:
    """Encode an event. Raises `ValueError` or `TypeError` when it holds what JSON cannot carry."""
    return Row(event.severity, _encoder.encode(event), event.kind, event.key, event.data.ids.tenant)


def to_event(body: bytes) -> Event:
    """The event in a stored row. Raises `msgspec.DecodeError` when a fault of the disk has changed it."""
    return _decoder.decode(body)


class Link(msgspec.Struct, frozen=True, gc=False):
    """A row's place in its producer's chain: its number and its hash, and that of the event before.

    `body` is what is stored from now on, where it is another one than before. What was numbered by a version without
    chains has no hash.
    """

    sequence: int
    previous: str = ""
    hash: str = ""
    body: bytes | None = None


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """A stored row with its number."""

    producer: str
    link: Link
    body: bytes
    position: int

    @property
    def sequence(self) -> int:
        """Its number."""
        return self.link.sequence

    def numbered(self, now: float) -> Numbered:
        """The event; for a row that cannot be read, the event of its loss, so that it holds up no other."""
        link = self.link
        try:
            event = self.placed()
        except msgspec.DecodeError:
            told = lost_under_its_number(self.producer, link.sequence, now, "a stored event cannot be read")
            event = instead(told, self._ids(told))
        return Numbered(self.producer, link.sequence, event, self.position)

    def placed(self) -> Event:
        """The event with its number and its place in the chain. Raises `msgspec.DecodeError`."""
        event = to_event(self.body)
        return replace(event, data=replace(event.data, ids=self._ids(event)))

    def _ids(self, event: Event) -> Ids:
        link = self.link
        return replace(
            event.data.ids, producer=self.producer, sequence=link.sequence, previous=link.previous, hash=link.hash
        )


def place_in_chain(row: bytes, producer: str, sequence: int, head: Head, now: float, vouching: Vouching) -> Link:
    """Give a stored row its place in a chain, behind `head`. What cannot be read becomes the event of its loss."""
    try:
        event, is_changed = to_event(row), False
    except msgspec.DecodeError:
        event = lost_under_its_number(producer, sequence, now, "a stored event cannot be read")
        is_changed = True
    placed = linked(
        event,
        replace(event.data.ids, producer=producer, sequence=sequence),
        head,
        vouching.signer,
        vouching.replaced() if event.kind is Kind.CHECKPOINT else (),
    )
    is_changed = is_changed or event.kind is Kind.CHECKPOINT
    body = _encoder.encode(placed) if is_changed else None
    return Link(sequence, head.hash, placed.data.ids.hash, body)


class Vouching(msgspec.Struct, frozen=True):
    """What checkpoints need: the key, and what gives the numbers that they are to list, once each."""

    signer: Signer | None = None
    replaced: Callable[[], Sequence[int]] = tuple


def lost_under_its_number(producer: str, sequence: int, now: float, reason: str, lost: Severity | None = None) -> Event:
    """What is published for an event that was lost after it had its number; its id is the same each time."""
    counts = {} if lost is None else {lost: 1}
    event = fault_event(FaultKind.EVENTS_LOST, "outbox", now, reason=reason, lost=counts)
    noise = hashlib.sha256(f"{producer}/{sequence}".encode()).digest()[:10]
    return replace(event, data=replace(event.data, ids=replace(event.data.ids, event=uuid7(0, noise))))
