"""What a rule leaves to a judge: a remote guard model that is asked about findings whose scores are unclear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from detectors.types import Finding


@dataclass(frozen=True, slots=True)
class JudgeFacts:
    """What policies have to know of a judge that is configured."""

    timeout_ms: int
    labels: frozenset[str]
    """What it may say of a text that is unsafe."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """Which findings of a rule a judge decides: those with scores in `[low, high]`, and how."""

    judge: str
    low: float
    high: float
    labels: frozenset[str] = frozenset()
    """With which of its labels the judge confirms a finding; none: with any."""
    is_needed: bool = False
    """Whether the rule's fail mode acts where the judge does not answer; else the local verdict stands."""

    def covers(self, finding: Finding) -> bool:
        """Whether it is for the judge to say."""
        return self.low <= finding.score <= self.high

    def is_unclear(self, thresholds: Mapping[str, float], findings: Iterable[Finding]) -> bool:
        """Whether something was found that the rule acts on, and the judge is to be asked about."""
        return any(each.label in thresholds and self.covers(each) for each in findings)
