"""Which sinks an outbox serves, and which of them wants an event. Asked when an event is recorded.

Each sink has a number in the outbox's file, which stays its own as long as the file lives: what it is owed, and the
sequence numbers that it was given, hang on it. Until the file is open, sinks are numbered as they are listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from sidecar.outbox.event import Event, Kind

MAIN = "main"
"""What an outbox's only sink is called while the settings name none."""


def everything(_event: Event) -> bool:
    """Wants whatever there is."""
    return True


class Subscription(msgspec.Struct, frozen=True):
    """A sink by name, and which events it wants."""

    name: str = MAIN
    wants: Callable[[Event], bool] = everything


class Subscriptions:
    """All sinks of an outbox; without any, one that wants everything, so that events wait for whom is named later."""

    def __init__(self, each: Sequence[Subscription] = ()) -> None:
        self._each = tuple(each) or (Subscription(),)
        self.numbers: Mapping[str, int] = {one.name: number for number, one in enumerate(self._each)}

    @property
    def names(self) -> tuple[str, ...]:
        """The sinks, in the order of the settings."""
        return tuple(one.name for one in self._each)

    def settle(self, numbers: Mapping[str, int]) -> None:
        """Take over the numbers that the file has for them."""
        self.numbers = dict(numbers)

    def of(self, event: Event) -> tuple[int, ...]:
        """The numbers of those that want an event. A filter that fails wants it: too much is better than too little."""
        return tuple(self.numbers[one.name] for one in self._each if _wants(one, event))

    @property
    def all(self) -> tuple[int, ...]:
        """The numbers of all."""
        return tuple(self.numbers[one.name] for one in self._each)


def _wants(one: Subscription, event: Event) -> bool:
    """Whether a sink gets it. Checkpoints are of each sink's own chain, so each gets them."""
    if event.kind is Kind.CHECKPOINT:
        return True
    try:
        return one.wants(event)
    except Exception:  # noqa: BLE001 - recording an event rests on no filter
        return True
