"""What readers of events hand out, wherever they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from sidecar.errors import TidegateError
from sidecar.outbox.encode import Delivered, EventError, ForeignError
from sidecar.outbox.event import Data


class ReadError(TidegateError):
    """Events cannot be read from there."""


class Read(msgspec.Struct, frozen=True):
    """One thing that was read: an event, or why it is none. `place` says where it lies, `lane` whose order it is in.

    An event that still waits in an outbox has the sequence number 0. What is `foreign` does not say that it is ours; a
    hole is what was removed before it could be read. `content` is the event as it was published, if that was JSON;
    `attributes` are those of its CloudEvent.
    """

    place: str
    data: Data | None
    error: str = ""
    lane: str = ""
    is_foreign: bool = False
    is_hole: bool = False
    content: bytes = b""
    attributes: Mapping[str, str] = {}


class LogStart(msgspec.Struct, frozen=True):
    """Where a partition's log begins: with more than 0, retention has removed what lay before."""

    lane: str
    offset: int


class CaughtUp(msgspec.Struct, frozen=True):
    """All that was there is read; what follows came since."""


def read_one(place: str, decode: Callable[[], Delivered], *, lane: str = "") -> Read:
    """What `decode` gives, or why it gives nothing."""
    try:
        found = decode()
        return Read(place, found.data, lane=lane, content=found.content, attributes=found.attributes)
    except (EventError, msgspec.DecodeError) as error:
        is_foreign = isinstance(error, ForeignError) and lane != ""  # a topic may be shared, a file is ours
        return Read(place, None, str(error), lane=lane, is_foreign=is_foreign)
