"""Events as an outbox stores them: a JSON body, and beside it what decides where it goes and when it gives way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from sidecar.outbox.builders import fault_event, uuid7
from sidecar.outbox.chain import Head, Signer, instead, linked
from sidecar.outbox.event import Checkpoint, Event, FaultKind, Ids, Kind
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
    sinks: tuple[int, ...] = (0,)
    """The numbers of the sinks that want it."""


def to_row(event: Event, sinks: tuple[int, ...] = (0,)) -> Row:
    """Encode an event. Raises `ValueError` or `TypeError` when it holds what JSON cannot carry."""
    return Row(event.severity, _encoder.encode(event), event.kind, event.key, event.data.ids.tenant, sinks)


def to_event(body: bytes) -> Event:
    """The event in a stored row. Raises `msgspec.DecodeError` when a fault of the disk has changed it."""
    try:
        return _decoder.decode(body)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from None


class Vouched(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a checkpoint says for one sink."""

    since: int
    replaced: tuple[int, ...]
    key_id: str
    signature: str


class Link(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A row's place in the chain of one sink's producer: its hash, and that of the event before.

    What was numbered by a version without chains has none.
    """

    previous: str = ""
    hash: str = ""
    vouched: Vouched | None = None


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """A stored row with its number."""

    producer: str
    sequence: int
    body: bytes
    position: int
    link: Link = Link()

    def numbered(self, now: float) -> Numbered:
        """The event; for a row that cannot be read, the event of its loss, so that it holds up no other."""
        try:
            event = self.placed()
        except msgspec.DecodeError:
            told = lost_under_its_number(self.producer, self.sequence, now, "a stored event cannot be read")
            event = instead(told, self._ids(told))
        return Numbered(self.producer, self.sequence, event, self.position)

    def placed(self) -> Event:
        """The event with its number and its place in the chain. Raises `msgspec.DecodeError`."""
        event = to_event(self.body)
        data = replace(event.data, ids=self._ids(event))
        if isinstance(data, Checkpoint) and (vouched := self.link.vouched) is not None:
            data = replace(data, **msgspec.structs.asdict(vouched))
        return replace(event, data=data)

    def _ids(self, event: Event) -> Ids:
        own = replace(event.data.ids, producer=self.producer, sequence=self.sequence)
        return replace(own, previous=self.link.previous, hash=self.link.hash)


def link_to(head: Head, row: Claimed, signer: Signer | None, replaced: Callable[[], Sequence[int]]) -> Link:
    """The place of a row that has just got its number, behind `head`. A checkpoint lists what `replaced` gives.

    One that cannot be read has the hash of its bytes: of it tells another event.
    """
    try:
        event = to_event(row.body)
    except msgspec.DecodeError:
        return Link(head.hash, hashlib.sha256(row.body).hexdigest())
    ids = replace(event.data.ids, producer=row.producer, sequence=row.sequence)
    data = linked(event.data, ids, head, signer, replaced() if event.kind is Kind.CHECKPOINT else ())
    if not isinstance(data, Checkpoint):
        return Link(head.hash, data.ids.hash)
    return Link(head.hash, data.ids.hash, Vouched(data.since, data.replaced, data.key_id, data.signature))


def lost_under_its_number(producer: str, sequence: int, now: float, reason: str, lost: Severity | None = None) -> Event:
    """What is published for an event that was lost after it had its number; its id is the same each time."""
    counts = {} if lost is None else {lost: 1}
    event = fault_event(FaultKind.EVENTS_LOST, "outbox", now, reason=reason, lost=counts)
    noise = hashlib.sha256(f"{producer}/{sequence}".encode()).digest()[:10]
    return replace(event, data=replace(event.data, ids=replace(event.data.ids, event=uuid7(0, noise))))
