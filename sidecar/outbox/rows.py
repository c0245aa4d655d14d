"""Events as an outbox stores them: a JSON body, and beside it what decides where it goes and when it gives way."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec.structs import replace

from sidecar.outbox.builders import fault_event, uuid7
from sidecar.outbox.event import Event, FaultKind, Kind
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
    return _decoder.decode(body)


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """A stored row with its number."""

    producer: str
    sequence: int
    body: bytes
    position: int

    def numbered(self, now: float) -> Numbered:
        """The event; for a row that cannot be read, the event of its loss, so that it holds up no other."""
        try:
            event = to_event(self.body)
        except msgspec.DecodeError:
            event = lost_under_its_number(self.producer, self.sequence, now, "a stored event cannot be read")
        return Numbered(self.producer, self.sequence, event, self.position)


def lost_under_its_number(producer: str, sequence: int, now: float, reason: str, lost: Severity | None = None) -> Event:
    """What is published for an event that was lost after it had its number; its id is the same each time."""
    counts = {} if lost is None else {lost: 1}
    event = fault_event(FaultKind.EVENTS_LOST, "outbox", now, reason=reason, lost=counts)
    noise = hashlib.sha256(f"{producer}/{sequence}".encode()).digest()[:10]
    return replace(event, data=replace(event.data, ids=replace(event.data.ids, event=uuid7(0, noise))))
