"""Weaves what a stream lets out back into the frames that its text came in.

Each frame has slots: strings that belong to a lane's text. A frame may leave when the text of all its slots is
accounted for, and the frames before it have left. A slot's new text is what was kept of its span, and the replacements
that begin in it; a frame whose slots are unchanged leaves byte for byte. After a block, the slots of the stopped choice
lose the text behind the block. Pure; one owner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from sidecar.codec.jsontext import Path
from sidecar.values import Lane, Release

Text: TypeAlias = tuple[Lane, str]

_APART = 1_000_000


class Slot(msgspec.Struct, frozen=True):
    """A string of a frame that is part of a lane's text."""

    lane: Lane
    path: Path
    text: str
    is_repeat: bool = False
    """Whether it says again, whole, what the lane's earlier slots said piece by piece."""


class Woven(msgspec.Struct, frozen=True):
    """A frame's slots with their new texts, in order.

    `is_changed` when any differs from what came; `is_spoken` when any that is no repeat still says something.
    """

    frame: int
    texts: dict[Path, str]
    is_changed: bool
    is_spoken: bool


class _Piece(msgspec.Struct, frozen=True, gc=False):
    """Output that stands for the lane's input `[start, end)`: kept text, or a replacement that counts at `start`."""

    start: int
    end: int
    text: str
    is_kept: bool


class _LaneText:
    """One lane: where its input ends, how far it is accounted for, and the output that no frame has taken yet."""

    def __init__(self) -> None:
        self.received = 0
        self.done = 0
        self.pieces: deque[_Piece] = deque()
        self.heard: list[str] = []
        """What came, and `said`, what went out: for repeats."""
        self.said: list[str] = []

    def add(self, release: Release) -> None:
        for piece in _pieces(release):
            self.pieces.append(piece)
        self.done = max(self.done, release.end)

    def take(self, start: int, end: int) -> str:
        """The output of `[start, end)`; what stands before it was taken."""
        texts: list[str] = []
        while self.pieces and self.pieces[0].start < end:
            piece = self.pieces[0]
            if not piece.is_kept:
                texts.append(piece.text)
                self.pieces.popleft()
                continue
            size = min(end, piece.end) - piece.start
            texts.append(piece.text[:size])
            if piece.end > end:
                self.pieces[0] = _Piece(end, piece.end, piece.text[size:], is_kept=True)
                break
            self.pieces.popleft()
        text = "".join(texts)
        self.said.append(text)
        return text

    def takes_as_repeat(self, text: str) -> bool:
        """Whether `text` is what came on this lane so far."""
        if len(self.heard) > 1:
            self.heard = ["".join(self.heard)]
        return self.received == len(text) and "".join(self.heard) == text

    def again(self) -> str:
        """All that went out."""
        if len(self.said) > 1:
            self.said = ["".join(self.said)]
        return "".join(self.said)


class _Waiting(msgspec.Struct, frozen=True):
    number: int
    slots: tuple[tuple[Slot, int], ...]
    """Each with where its text begins in its lane; a repeat's ends there."""


class Weave:
    """See the module's text."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, _LaneText] = {}
        self._waiting: deque[_Waiting] = deque()
        self._is_flushed = False

    def add(self, number: int, slots: tuple[Slot, ...]) -> list[Text]:
        """Queue a frame; returns the texts to feed, in order. A repeat that says something new is fed on a new lane."""
        placed: list[tuple[Slot, int]] = []
        fed: list[Text] = []
        for slot in slots:
            lane = self._lanes.setdefault(slot.lane, _LaneText())
            if slot.is_repeat and lane.takes_as_repeat(slot.text):
                placed.append((slot, lane.received))
                continue
            own = self._apart(slot) if slot.is_repeat else slot
            lane = self._lanes.setdefault(own.lane, _LaneText())
            placed.append((own, lane.received))
            lane.received += len(own.text)
            if own.text:
                lane.heard.append(own.text)
                fed.append((own.lane, own.text))
        self._waiting.append(_Waiting(number, tuple(placed)))
        return fed

    def _apart(self, slot: Slot) -> Slot:
        """The slot, on a lane that nothing was said on."""
        lane = slot.lane
        while lane in self._lanes and self._lanes[lane].received:
            lane = msgspec.structs.replace(lane, item=lane.item + _APART)
        return msgspec.structs.replace(slot, lane=lane, is_repeat=False)

    def release(self, release: Release) -> None:
        """Take what a stream let out."""
        self._lanes.setdefault(release.lane, _LaneText()).add(release)

    def stop(self, choice: int) -> int:
        """A choice was blocked: nothing more of its text will come, so its frames need not wait for it.

        Returns the number of the last waiting frame that still says something of it; -1 without one.
        """
        last = max((waiting.number for waiting in self._waiting if self._says(waiting, choice)), default=-1)
        for lane, text in self._lanes.items():
            if lane.choice == choice:
                text.done = max(text.done, text.received)
        return last

    def _says(self, waiting: _Waiting, choice: int) -> bool:
        """Whether text of a choice was let out of a frame."""
        return any(
            slot.lane.choice == choice and slot.text and not slot.is_repeat and start < self._lanes[slot.lane].done
            for slot, start in waiting.slots
        )

    def say(self, lane: Lane, position: int, text: str) -> None:
        """Put text at a position of a stopped lane that nothing was let out behind."""
        if text:
            own = self._lanes.setdefault(lane, _LaneText())
            own.pieces.append(_Piece(min(position, max(own.received - 1, 0)), own.received, text, is_kept=False))

    def flush(self) -> None:
        """Nothing more will come at all: every frame may leave with what there is."""
        self._is_flushed = True

    def ready(self) -> Iterator[Woven]:
        """The frames that may leave now, in order."""
        while self._waiting and (self._is_flushed or self._is_ready(self._waiting[0])):
            waiting = self._waiting.popleft()
            texts = {slot.path: self._text(slot, start) for slot, start in waiting.slots}
            is_changed = any(texts[slot.path] != slot.text for slot, _ in waiting.slots)
            is_spoken = any(texts[slot.path] for slot, _ in waiting.slots if not slot.is_repeat)
            yield Woven(waiting.number, texts, is_changed, is_spoken)

    def _text(self, slot: Slot, start: int) -> str:
        lane = self._lanes[slot.lane]
        return lane.again() if slot.is_repeat else lane.take(start, start + len(slot.text))

    def _is_ready(self, waiting: _Waiting) -> bool:
        return all(
            self._lanes[slot.lane].done >= (start if slot.is_repeat else start + len(slot.text))
            for slot, start in waiting.slots
        )


def _pieces(release: Release) -> Iterator[_Piece]:
    """The kept runs and the replacements of a release, by where they stand in the input."""
    at_input, at_output = release.start, 0
    for redaction in release.redactions:
        if redaction.start > at_input:
            kept = release.text[at_output : redaction.replacement_start]
            yield _Piece(at_input, redaction.start, kept, is_kept=True)
        replacement = release.text[redaction.replacement_start : redaction.replacement_end]
        yield _Piece(redaction.start, redaction.end, replacement, is_kept=False)
        at_input, at_output = redaction.end, redaction.replacement_end
    if release.end > at_input:
        yield _Piece(at_input, release.end, release.text[at_output:], is_kept=True)
