"""What events and labels say of one rule and one label: which of its findings were right, which wrong, what it missed.

A finding that several rules told of (one in shadow beside one that is enforced) is one finding. What several authors
said of one event is weighed up by `sidecar.outbox.labels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from sidecar.outbox.event import Data, Label, StreamDecision, Violation
from sidecar.outbox.labels import Verdicts, verdicts


class Subject(msgspec.Struct, frozen=True):
    """Of which rules of a policy, and which label, findings count. The first rule is the one whose threshold it is."""

    policy: str
    rules: tuple[str, ...]
    label: str

    def is_told_by(self, data: Violation) -> bool:
        """Whether a violation is one of these: a finding with a score, no failure."""
        is_theirs = data.policy.name == self.policy and data.policy.rule in self.rules
        return is_theirs and data.detector.label == self.label and data.detector.score is not None

    def is_meant_by(self, label: Label) -> bool:
        """Whether a label about a stream speaks of this rule."""
        named = {*self.rules, *(f"{self.policy}/{rule}" for rule in self.rules)}
        return label.rule in named and label.label in ("", self.label)


class Found(msgspec.Struct, frozen=True):
    """A finding: its score, its stream, and whether it was right, as far as somebody said so."""

    score: float
    stream: str
    is_right: bool | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known. `floor` is the least threshold from which on all findings were recorded.

    `streams` of the policy ended; `untold` findings have no event of their own, as one stream had too many. Of streams
    that somebody read through, `missed` held something that the rule did not find, and `clean` nothing.
    """

    found: tuple[Found, ...]
    floor: float
    streams: int = 0
    missed: int = 0
    clean: int = 0
    disputed: int = 0
    untold: int = 0
    foreign: int = 0
    """Labels of events that are not among those that were read."""

    @property
    def right(self) -> int:
        """How many findings were right."""
        return sum(each.is_right is True for each in self.found)

    @property
    def wrong(self) -> int:
        """How many were false alarms."""
        return sum(each.is_right is False for each in self.found)


def gather(subject: Subject, read: Iterable[Data]) -> Evidence:
    """The evidence in what was read, in any order; repeats of an event count once."""
    events: dict[str, Data] = {each.ids.event: each for each in read}
    said = verdicts(each for each in events.values() if isinstance(each, Label))
    told = [each for each in events.values() if isinstance(each, Violation) and subject.is_told_by(each)]
    streams = [each for each in events.values() if isinstance(each, StreamDecision) and _is_of(subject, each)]
    places = _by_place(told)
    meant = {kind: _streams_of(subject, getattr(said, kind)) for kind in ("missed", "clean")}
    return Evidence(
        found=tuple(_found(own, said) for own in places),
        floor=_floor(subject, told),
        streams=len(streams),
        missed=len(meant["missed"]),
        clean=len(meant["clean"] - meant["missed"]),
        disputed=sum(each.ids.event in said.disputed for each in told),
        untold=sum(each.untold.get(rule, 0) for each in streams for rule in subject.rules),
        foreign=len(said.alarms.keys() - events.keys()),
    )


def _is_of(subject: Subject, data: StreamDecision) -> bool:
    return data.policy.name == subject.policy


def _streams_of(subject: Subject, labels: Sequence[Label]) -> set[str]:
    return {each.event for each in labels if subject.is_meant_by(each)}


def _by_place(told: Iterable[Violation]) -> list[list[Violation]]:
    """The events of each finding: one for each rule that told of it."""
    places: dict[tuple[object, ...], list[Violation]] = {}
    for each in told:
        where = each.where
        place = (each.ids.stream, where.part, where.choice, where.channel, where.span.start, where.span.end)
        places.setdefault(place, []).append(each)
    return [*places.values()]


def _found(own: Sequence[Violation], said: Verdicts) -> Found:
    """One finding. Where its events were judged otherwise, nobody knows."""
    judged = {said.alarms[each.ids.event] for each in own if each.ids.event in said.alarms}
    score = max(each.detector.score or 0.0 for each in own)
    return Found(score, own[0].ids.stream, judged.pop() if len(judged) == 1 else None)


def _floor(subject: Subject, told: Iterable[Violation]) -> float:
    """Where the rule that reads deepest begins: of each rule the highest threshold that it had, of these the least."""
    highest: dict[str, float] = {}
    for each in told:
        rule = each.policy.rule
        highest[rule] = max(highest.get(rule, 0.0), each.detector.threshold or 0.0)
    return min(highest.values(), default=0.0)


def described(evidence: Evidence) -> Mapping[str, object]:
    """The counts, for a program."""
    counts: dict[str, object] = msgspec.to_builtins(evidence)
    del counts["found"]
    return counts | {"findings": len(evidence.found), "right": evidence.right, "wrong": evidence.wrong}
