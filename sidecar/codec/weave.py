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


class Slot(msgspec.Struct, frozen=True):
    """A string of a frame that is part of a lane's text."""

    lane: Lane
    path: Path
    text: str


class Woven(msgspec.Struct, frozen=True):
    """A frame's slots with their new texts, in order; `is_changed` when any differs."""

    frame: int
    texts: dict[Path, str]
    is_changed: bool


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
        return "".join(texts)


class _Waiting(msgspec.Struct, frozen=True):
    number: int
    slots: tuple[tuple[Slot, int], ...]


class Weave:
    """See the module's text."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, _LaneText] = {}
        self._waiting: deque[_Waiting] = deque()
        self._is_flushed = False

    def add(self, number: int, slots: tuple[Slot, ...]) -> list[Text]:
        """Queue a frame; returns the texts to feed, in order."""
        placed = []
        for slot in slots:
            lane = self._lanes.setdefault(slot.lane, _LaneText())
            placed.append((slot, lane.received))
            lane.received += len(slot.text)
        self._waiting.append(_Waiting(number, tuple(placed)))
        return [(slot.lane, slot.text) for slot in slots if slot.text]

    def release(self, release: Release) -> None:
        """Take what a stream let out."""
        self._lanes.setdefault(release.lane, _LaneText()).add(release)

    def stop(self, choice: int) -> None:
        """A choice was blocked: nothing more of its text will come, so its frames need not wait for it."""
        for lane, text in self._lanes.items():
            if lane.choice == choice:
                text.done = max(text.done, text.received)

    def flush(self) -> None:
        """Nothing more will come at all: every frame may leave with what there is."""
        self._is_flushed = True

    def ready(self) -> Iterator[Woven]:
        """The frames that may leave now, in order."""
        while self._waiting and (self._is_flushed or self._is_ready(self._waiting[0])):
            waiting = self._waiting.popleft()
            texts = {
                slot.path: self._lanes[slot.lane].take(start, start + len(slot.text)) for slot, start in waiting.slots
            }
            is_changed = any(texts[slot.path] != slot.text for slot, _ in waiting.slots)
            yield Woven(waiting.number, texts, is_changed)

    def _is_ready(self, waiting: _Waiting) -> bool:
        return all(self._lanes[slot.lane].done >= start + len(slot.text) for slot, start in waiting.slots)


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
