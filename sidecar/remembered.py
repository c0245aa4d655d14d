"""Detectors that remember what they found in a text: who reads one text twice, asks once.

For work without a server that guards the same text again and again: a policy's tests, which cut one text in a hundred
ways, and two versions of a policy beside each other. `Memory.of` gives a plan whose detectors remember; the core knows
nothing of it.

1. A batch detector's findings depend on nothing but the item (its contract), so they are kept by item.
2. A pattern scanner is a state that texts move on: what it answers depends on the calls before and on nothing else. So
   answers are kept by the calls so far, in a digest, and the true scan is moved on only when an answer is not known.

Detectors are told apart by object: plans that share one (`compile` with one set of detectors) share what it found.
Bounded: what was used least lately goes first. Texts are kept as digests. What a detector raises is not remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from detectors.base import (
    BatchDetector,
    BatchItem,
    PatternScanner,
    Scan,
    forked,
    open_scan,
    plain_words_of,
    reads_calls,
)
from detectors.types import Finding
from sidecar.policy.plan import Plan

_DIGEST_BYTES = 16
MOST_ENTRIES = 200_000
"""About 100 MB, at a few findings for every tenth text."""


class Heard(NamedTuple):
    """What a detector, told by its object, said of some text: a label, and how sure it is."""

    detector: int
    label: str
    score: float


class Memory:
    """What detectors found. One owner. `max_entries` answers are kept."""

    def __init__(self, max_entries: int = MOST_ENTRIES) -> None:
        self._max_entries = max_entries
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._detectors: dict[int, Any] = {}
        """By the object that each remembers for."""
        self.asked = 0
        """How many answers were wanted."""
        self.known = 0
        """How many of them were remembered."""
        self.heard: set[Heard] = set()
        """All that was found since whoever wants to know emptied it."""

    def of(self, plan: Plan) -> Plan:
        """The same plan, with detectors that remember."""
        scanners = tuple(
            each if reads_calls(each.detector) else replace(each, detector=self._of(each.detector, _Scanner))
            for each in plan.scanners
        )
        batches = tuple(replace(each, detector=self._of(each.detector, _Classifier)) for each in plan.batches)
        return replace(plan, scanners=scanners, batches=batches)

    def _of(self, detector: Any, kind: type[Any]) -> Any:
        known = self._detectors.get(id(detector))  # it holds its detector, so that no other one gets this id
        if known is None:
            known = self._detectors[id(detector)] = kind(detector, self)
        return known

    def get(self, key: Hashable) -> Any:
        """What was answered, or None."""
        self.asked += 1
        answer = self._answers.get(key)
        if answer is not None:
            self.known += 1
            self._answers.move_to_end(key)
        return answer

    def hear(self, detector: object, findings: Iterable[Finding]) -> None:
        """Note what was found."""
        self.heard.update(Heard(id(detector), each.label, each.score) for each in findings)

    def put(self, key: Hashable, answer: Any) -> None:
        """Keep an answer."""
        self._answers[key] = answer
        if len(self._answers) > self._max_entries:
            self._answers.popitem(last=False)


def _digest(item: BatchItem) -> bytes:
    place = f"{item.begin} {item.part} {item.direction} {item.is_early} {item.is_later} "
    digest = blake2b(place.encode(), digest_size=_DIGEST_BYTES)
    digest.update(item.context.digest if item.context else b"")
    digest.update(b" " + item.text.encode("utf-8", "surrogatepass"))
    return digest.digest()


class _Classifier:
    """A batch detector that remembers."""

    def __init__(self, detector: BatchDetector, memory: Memory) -> None:
        self._detector = detector
        self._memory = memory
        self.name = detector.name
        self.labels = detector.labels
        self.look_behind = detector.look_behind
        self.model = detector.model

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """Findings per item; only what is not known is looked at."""
        keys = [(id(self), _digest(each)) for each in items]
        found = [self._memory.get(key) for key in keys]
        unknown = [number for number, findings in enumerate(found) if findings is None]
        if unknown:
            answers = self._detector.detect([items[number] for number in unknown])
            for number, findings in zip(unknown, answers, strict=True):
                self._memory.put(keys[number], findings)
                found[number] = findings
        for item, findings in zip(items, found, strict=True):
            self._memory.hear(self, () if item.is_early else findings)
        return found


class _Scanner:
    """A pattern scanner that remembers."""

    def __init__(self, scanner: PatternScanner, memory: Memory) -> None:
        self.scanner = scanner
        self.memory = memory
        self.name = scanner.name
        self.labels = scanner.labels
        self.look_behind = scanner.look_behind
        self.look_ahead = scanner.look_ahead
        self.plain_words = plain_words_of(scanner)

    def start(self) -> Scan:
        """Open a scan for one lane."""
        return _Scan(self, "")

    def start_named(self, name: str) -> Scan:
        """Open a scan for a value of that name."""
        return _Scan(self, name)


class _Answer(msgspec.Struct, frozen=True, gc=False):
    findings: tuple[Finding, ...]
    cleared: int


class _Scan:
    """A scan that goes by what is remembered, and begins in truth where something is not."""

    def __init__(self, scanner: _Scanner, name: str) -> None:
        self._scanner = scanner
        self._name = name
        self._state = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
        self._scan: Scan | None = None
        self._calls: list[tuple[str, int, bool]] = []
        """What the true scan was not told yet."""
        self.cleared = 0

    def fork(self) -> Scan:
        """Another scan in the same state."""
        other = _Scan(self._scanner, self._name)
        other._state, other.cleared, other._calls = self._state, self.cleared, [*self._calls]
        other._scan = None if self._scan is None else forked(self._scan, self._scanner.scanner)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start."""
        told = blake2b(self._state, digest_size=_DIGEST_BYTES)
        told.update(f"{offset} {is_final} ".encode() + text.encode("utf-8", "surrogatepass"))
        self._state = told.digest()
        self._calls.append((text, offset, is_final))
        key = (id(self._scanner), self._state)
        answer: _Answer | None = self._scanner.memory.get(key)
        if answer is None:
            answer = self._truly()
            self._scanner.memory.put(key, answer)
        self.cleared = answer.cleared
        if answer.findings:
            self._scanner.memory.hear(self._scanner, answer.findings)
        return answer.findings

    def _truly(self) -> _Answer:
        """What the true scan answers, told all that it was not told yet."""
        if self._scan is None:
            self._scan = open_scan(self._scanner.scanner, self._name)
        findings: Sequence[Finding] = ()
        calls, self._calls = self._calls, []
        for text, offset, is_final in calls:
            findings = self._scan.advance(text, offset, is_final=is_final)
        return _Answer(tuple(findings), self._scan.cleared)
