"""Where two versions of a policy cannot differ: in a stream in which what they say otherwise met nothing.

A stream that one version guarded is what the other one would make of it, too, where

1. the other one asks no detector of a text that was not asked already, and models are the same;
2. what the policies say beyond their rules is the same;
3. the rules that something was found for are the same, by their places, and the same of it reaches their thresholds.

A rule for which nothing was found has no say in what leaves, and neither have a rule's texts for people: its
description, tags and what events keep. What follows from several findings together (`requires`, sentences compared
with a context) is not told here: such policies are never alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sidecar.policy.plan import BatchPlan, Plan, RulePlan, ScannerPlan
from sidecar.policy.schema.policy import PolicySpec
from sidecar.policy.schema.rules import RuleSpec
from sidecar.remembered import Heard

_FOR_RECORDS = {"description", "tags", "evidence"}
_Text: TypeAlias = tuple[int, str, str]
"""A detector, by its object, and the part and channel of a text that it reads."""


@dataclass(frozen=True, slots=True)
class Bearing:
    """What of one version of a policy bears on streams. `read_by` has the rules that read a detector, by its object."""

    head: tuple[object, ...]
    """What the policy says beside its rules."""
    rules: tuple[Mapping[str, Any], ...]
    """What is done, and when, of each: but for what it looks for, which detectors and thresholds say."""
    read_by: Mapping[int, tuple[RulePlan, ...]]
    asked: frozenset[_Text]
    """Which detectors read which texts."""
    models: tuple[int, ...]
    holds_calls: bool
    is_told: bool
    """Whether all that bears on a stream is here."""

    @classmethod
    def of(cls, spec: PolicySpec, plan: Plan) -> Bearing:
        """What bears on streams of a policy. Detectors are told apart by object."""
        readers: list[ScannerPlan | BatchPlan] = [*plan.scanners, *plan.batches]
        read_by = {id(each.detector): each.rules for each in readers}
        about = spec.metadata
        head = (about.name, about.language, spec.stream, spec.session, spec.rollout)
        return cls(
            head,
            tuple(_words(each, has_sessions=plan.counts_sessions) for each in spec.rules),
            read_by,
            frozenset(_texts(read_by)),
            tuple(id(each.detector) for each in plan.batches),
            plan.holds_calls,
            is_told=not plan.reads_context and not any(rule.requires for rule in plan.rules),
        )

    def met(self, heard: Collection[Heard]) -> Mapping[int, frozenset[Heard]]:
        """The rules for which something was found, with what of it reaches their thresholds."""
        met: dict[int, set[Heard]] = {}
        for each in heard:
            for rule in self.read_by.get(each.detector, ()):
                threshold = rule.thresholds.get(each.label)
                if threshold is not None and each.score >= threshold:
                    met.setdefault(rule.index, set()).add(each)
        return {index: frozenset(found) for index, found in met.items()}


class Pair:
    """Two versions of a policy, and whether streams come out of both alike."""

    def __init__(self, old: Bearing, new: Bearing) -> None:
        self._old = old
        self._new = new
        self._may_be = (
            old.is_told and new.is_told and (old.head, old.models) == (new.head, new.models) and new.asked <= old.asked
        )

    def is_alike(self, heard: Collection[Heard], *, has_calls: bool = False) -> bool:
        """Whether a stream of the old version, in which detectors found this, comes out of the new one the same.

        `has_calls`: a model calls tools in it; more of a call than may be held is a failure where calls are held.
        """
        if not self._may_be or (has_calls and self._old.holds_calls != self._new.holds_calls):
            return False
        old, new = self._old.met(heard), self._new.met(heard)
        return old == new and all(self._old.rules[index] == self._new.rules[index] for index in old)


def _words(rule: RuleSpec, *, has_sessions: bool) -> Mapping[str, Any]:
    """What a rule does, and when. How much it matters is for records, too, where no session is judged by it."""
    words = rule.model_dump(by_alias=True, exclude=_FOR_RECORDS if has_sessions else {*_FOR_RECORDS, "severity"})
    return {**words, "detect": {key: words["detect"].get(key) for key in ("detector", "parts", "channels")}}


def _texts(read_by: Mapping[int, tuple[RulePlan, ...]]) -> Iterator[_Text]:
    for detector, rules in read_by.items():
        for rule in rules:
            for part in rule.reads.parts:
                yield from ((detector, part, channel) for channel in rule.reads.channels)
