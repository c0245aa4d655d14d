"""Which streams may begin: as many as bring no more than the models can do. No I/O; times are milliseconds.

A segment that would be late is shed, and with a rule that fails closed that ends its stream. So streams that have not
begun are turned away before those that run have to suffer. What the next second (`_WINDOW_MS`) holds is added up:

1. what waits now;
2. for each stream that began less than a window ago and still runs, what streams bring in their first window, less what
   it brought: nobody knows a stream's text when it begins, and a burst is let in as if each were like those before it.
   Those count that have ended in time, at once, and those that have brought more already. Before the first, that is
   `expect`ed: what the models need for a guess, timed when the service starts. Where the guess is too high, others wait
   for a moment until the first have ended (`door`); where it is too low, the scheduler ends the youngest;
3. what streams that are older, and still run, have brought in the last second.

All that may be a large part (`_share`) of what the models can do in a window, and what waits may be done in most of a
segment's time. The part gets smaller when a segment of an older stream waits long all the same (**strain**), and grows
again as streams bring their work without; it does not change while nothing happens.

A few streams are let in whatever they bring, while little waits: one of them with a long prompt strains, too. So is a
tenant with less than its part of what may run: another's flood does not keep it out.
"""

from __future__ import annotations

from collections import defaultdict
from math import exp
from typing import NamedTuple

LONG_WAIT = 0.4
"""The share of its time that a segment may wait without telling of strain."""
GUESSED_TOKENS = 64
"""What a stream is guessed to bring in its first second: a question, or a second of an answer."""
_MOST_WAIT = 0.8
"""The share of a segment's time that what waits may take when another stream begins."""

_WINDOW_MS = 1000.0
_SLOT_MS = 100.0
_MOST_SHARE = 0.9
_LEAST_SHARE = 0.3
_LOWERED = 0.9
_RAISED = 1.02
_DECAY = 0.95
"""How much the streams before still count when another slot's streams have shown what they bring."""
_GUESSES = 4.0
"""How many streams the guess counts for."""
_LEAST_PER_THREAD = 4
"""Streams for each batch that runs at a time: at the speed of a model's answers they need a part of its time."""


class Running(NamedTuple):
    """What runs when a stream asks to begin: streams, its tenant's own ones, and tenants that have any or ask.

    `hold_ms` is how long its text may wait.
    """

    streams: int
    own: int
    tenants: int
    hold_ms: float = 400.0


class _Slot:
    """The streams that began within a slot, and what they brought: those that still run, and those that have ended."""

    def __init__(self) -> None:
        self.running = 0
        self.ended = 0
        self.ended_ms = 0.0
        self.lost: set[int] = set()
        self._brought: dict[int, float] = {}
        self.running_ms = 0.0

    @property
    def begun(self) -> int:
        """How many of those that run have brought anything."""
        return len(self._brought)

    def brought(self, stream: int, ms: float) -> None:
        """One that runs brings work."""
        if stream not in self.lost:
            self._brought[stream] = self._brought.get(stream, 0.0) + ms
            self.running_ms += ms

    def end(self, stream: int) -> float:
        """One runs no longer; returns what it brought."""
        ms = self._brought.pop(stream, 0.0)
        self.running_ms -= ms
        self.running = max(0, self.running - 1)
        return ms

    def to_come_ms(self, each_ms: float) -> float:
        """What those that still run are going to bring, if each brings so much."""
        return max(0.0, self.running * each_ms - self.running_ms)


class Admission:
    """See the module's text. One owner."""

    def __init__(self, threads: int) -> None:
        self._least = _LEAST_PER_THREAD * threads
        self._threads = threads
        self._capacity_ms = threads * _WINDOW_MS
        self._share = _MOST_SHARE
        self._lowered_ms = -_WINDOW_MS
        self._young: defaultdict[int, _Slot] = defaultdict(_Slot)
        self._steady_ms = 0.0
        """What older streams bring in a window."""
        self._steadied_ms = 0.0
        self._shown_ms, self._shown_streams = 0.0, 0.0
        self._is_expecting = False
        """Whether what is shown is but a guess."""

    def expect(self, ms: float) -> None:
        """Say what the models need for what a stream is guessed to bring; the first guess stands."""
        if not self._shown_streams and ms > 0:
            self._shown_ms, self._shown_streams = ms * _GUESSES, _GUESSES
            self._is_expecting = True

    def admits(self, running: Running, waiting_ms: float, now_ms: float) -> bool:
        """Whether a stream may begin beside those that run, while so much work waits."""
        self._pass(now_ms)
        each = self._each_ms()
        young = sum(slot.to_come_ms(each) for slot in self._young.values())
        load, room = waiting_ms + young + self._steady_ms, self._share * self._capacity_ms
        part = min(1.0, room / max(load, each, 1.0))
        is_quick = waiting_ms <= _MOST_WAIT * running.hold_ms * self._threads
        is_admitted = (
            running.streams < (self._least if is_quick else self._threads)
            or (is_quick and load + each <= room and not self._is_guessing)
            or (running.tenants > 1 and running.own < running.streams * part / running.tenants)
        )
        if is_admitted:
            self._young[_slot(now_ms)].running += 1
        return is_admitted

    def brought(self, began_ms: float, stream: int, ms: float, now_ms: float) -> None:
        """A stream that began then brings work."""
        self._pass(now_ms)
        slot = self._young.get(_slot(began_ms))
        if slot is not None:
            slot.brought(stream, ms)
        else:
            self._steady_ms += ms

    def left(self, began_ms: float, stream: int) -> None:
        """A stream that was let in then has ended: it has shown what it brings."""
        slot = self._young.get(_slot(began_ms))
        if slot is not None and stream not in slot.lost:
            slot.ended_ms += slot.end(stream)
            slot.ended += 1

    def lose(self, began_ms: float, stream: int) -> None:
        """A stream that was let in then is going to end, since it was not looked at in time: that shows nothing."""
        slot = self._young.get(_slot(began_ms))
        if slot is not None and stream not in slot.lost:
            slot.lost.add(stream)
            slot.end(stream)

    def strain(self, began_ms: float, now_ms: float) -> None:
        """A segment of a stream that began then has to wait for long, or was lost."""
        self._pass(now_ms)
        if _slot(began_ms) not in self._young and now_ms - self._lowered_ms >= _WINDOW_MS:
            self._share = max(_LEAST_SHARE, self._share * _LOWERED)
            self._lowered_ms = now_ms

    @property
    def _is_guessing(self) -> bool:
        """Whether no stream has shown anything yet."""
        return self._is_expecting and not any(slot.ended or slot.running_ms for slot in self._young.values())

    def _each_ms(self) -> float:
        """What a stream brings in its first window: what was shown, or more where those that run show that already."""
        young = self._young.values()
        streams = self._shown_streams + sum(slot.ended for slot in young)
        shown_ms = self._shown_ms + sum(slot.ended_ms for slot in young)
        begun, begun_ms = sum(slot.begun for slot in young), sum(slot.running_ms for slot in young)
        known = shown_ms / streams if streams else 0.0
        return max(known, (shown_ms + begun_ms) / (streams + begun)) if streams + begun else 0.0

    def _pass(self, now_ms: float) -> None:
        """Let time pass: what older streams brought counts ever less, and young ones get old."""
        self._steady_ms *= exp((self._steadied_ms - now_ms) / _WINDOW_MS)
        self._steadied_ms = now_ms
        first = _slot(now_ms - _WINDOW_MS)
        for number in [number for number in self._young if number < first]:
            self._grow_old(self._young.pop(number))

    def _grow_old(self, slot: _Slot) -> None:
        """Learn from what streams brought in their first window; those that still run go on so, until they show."""
        streams = slot.running + slot.ended
        if not streams:
            return
        self._is_expecting = False
        self._shown_ms = self._shown_ms * _DECAY + slot.running_ms + slot.ended_ms
        self._shown_streams = self._shown_streams * _DECAY + streams
        self._steady_ms += slot.running_ms
        if self._steadied_ms - self._lowered_ms >= _WINDOW_MS:
            self._share = min(_MOST_SHARE, self._share * _RAISED)


def _slot(now_ms: float) -> int:
    return int(now_ms // _SLOT_MS)
