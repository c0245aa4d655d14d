"""Running a pattern scanner over a text that arrives in pieces, and holding it to its contract on the way."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.base import PatternScanner
from detectors.parts import Member
from detectors.types import Finding


def scan(scanner: PatternScanner, text: str, ends: Iterable[int] = ()) -> list[Finding]:
    """The findings when the text has arrived up to each of `ends`, then wholly, with no more left context than is
    promised."""
    found: list[Finding] = []
    run = scanner.start()
    for end in [*ends, None]:
        before = run.cleared
        offset = max(0, before - scanner.look_behind)
        new = run.advance(text[offset:end], offset, is_final=end is None)
        arrived = len(text) if end is None else end
        assert before <= run.cleared <= arrived, "cleared goes forward, within what arrived"
        assert all(before <= finding.start < run.cleared for finding in new), (
            "a finding comes when its start is cleared"
        )
        assert end is None or end - run.cleared <= scanner.look_ahead, "no more is held than look_ahead"
        found += new
    assert run.cleared == len(text), "the end clears everything"
    assert found == sorted(found, key=lambda finding: finding.start)
    assert all(0 <= finding.start < finding.end <= len(text) and 0 < finding.score <= 1 for finding in found)
    assert {finding.label for finding in found} <= scanner.labels
    return found


def held(scanner: PatternScanner, arrived: str) -> str:
    """What of a text that has arrived, one character at a time, is undecided."""
    run = scanner.start()
    for end in range(1, len(arrived) + 1):
        offset = max(0, run.cleared - scanner.look_behind)
        run.advance(arrived[offset:end], offset, is_final=False)
    return arrived[run.cleared :]


def every_cut(text: str) -> Iterable[list[int]]:
    """By character, cut in two at up to 16 places, and in pieces of four and of seven."""
    yield list(range(1, len(text)))
    yield from ([position] for position in range(0, len(text), len(text) // 16 + 1))
    yield list(range(4, len(text), 4))
    yield list(range(7, len(text), 7))


def pattern_scanner(part: Member) -> PatternScanner:
    """The detector of a part that is known to be a pattern scanner."""
    made = part.build()
    assert isinstance(made, PatternScanner)
    return made
