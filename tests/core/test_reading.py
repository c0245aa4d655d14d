"""What detectors are given to read: how much left context a segment has, and when scanners are asked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from detectors.types import Finding
from sidecar.core.stream import MOST_UNREAD_CHARS, Request, Stream
from sidecar.policy.plan import Plan
from sidecar.values import Action, Found, Lane, Mode, Release
from tests.fakes import SegmentFlagger, WordScan, WordScanner, plan, rule
from tests.streams import by_character

SHORT = "One two. "
LONG = "word " * 40


class _Wide(SegmentFlagger):
    def __init__(self) -> None:
        super().__init__("flagged")
        self.look_behind = 160


class _Counting(WordScanner):
    """A scanner that counts how often its scans are asked."""

    calls = 0

    def start(self) -> _CountingScan:
        return _CountingScan(self)


class _CountingScan(WordScan):
    def __init__(self, scanner: _Counting) -> None:
        super().__init__(scanner.pattern, scanner.label)
        self.scanner = scanner

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        self.scanner.calls += 1
        return super().advance(text, offset, is_final=is_final)


def requests_of(guarded: Plan, text: str) -> list[Request]:
    stream = Stream(guarded)
    return [*stream.feed(Lane(), text), *stream.close()]


@pytest.mark.parametrize(
    ("text", "contexts"),
    [
        (SHORT * 3 + "End", [0, 8, 17, 26]),  # short sentences are filled up with all there is
        (SHORT + "x" * 130 + ". End", [0, 0, 124]),  # a long one that begins with a sentence has none
        (LONG * 2, [0, 80, 80]),  # one that begins inside a sentence has half of what the detector asks for
    ],
)
def test_a_segment_has_the_more_context_the_less_it_says(text: str, contexts: list[int]):
    guarded = plan((_Wide(), [rule(Action.BLOCK, "FLAG")]), max_segment_tokens=32)
    assert [segment.begin for _, segment in requests_of(guarded, text)][: len(contexts)] == contexts


def test_what_asks_for_no_context_has_none():
    flagger = SegmentFlagger("flagged")
    flagger.look_behind = 0
    guarded = plan((flagger, [rule(Action.BLOCK, "FLAG")]))
    assert {segment.begin for _, segment in requests_of(guarded, SHORT * 4)} == {0}


@pytest.mark.parametrize(("mode", "action", "is_each"), [
    (Mode.STRICT, Action.BLOCK, False),  # nothing could leave: the scanner reads a segment in one go
    (Mode.STRICT, Action.ANNOTATE, True),  # nobody waits for an annotation
    (Mode.OPTIMISTIC, Action.BLOCK, True),
])  # fmt: skip
def test_a_scanner_is_asked_when_its_answer_lets_text_out(mode: Mode, action: Action, is_each: bool):
    scanner = _Counting(r"\d{4} \d{4}")
    guarded = plan(
        (scanner, [rule(Action.REDACT)]), (SegmentFlagger("flagged"), [rule(action, "FLAG", index=1)]), mode=mode
    )
    text = "There are some words in this sentence. " * 4
    stream, shown = Stream(guarded), ""
    for piece in [*by_character(text), None]:
        for batch, segment in stream.close() if piece is None else stream.feed(Lane(), piece):
            stream.resolve(segment.number, batch.index, Found())
        while isinstance(output := stream.next_output(), Release):
            shown += output.text
    assert shown == text
    assert (scanner.calls >= len(text)) is is_each
    assert is_each or scanner.calls <= 20


def test_what_scanners_leave_for_later_is_bounded():
    scanner = _Counting("none")
    guarded = plan((scanner, [rule(Action.REDACT)]), (SegmentFlagger("flagged"), [rule(Action.BLOCK, "FLAG", index=1)]))
    stream = Stream(guarded)
    for piece in by_character(" " * 3 * MOST_UNREAD_CHARS):
        stream.feed(Lane(), piece)
    assert scanner.calls >= 3
