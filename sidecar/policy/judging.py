"""What a rule leaves to a judge: a remote guard model that is asked about findings whose scores are unclear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from detectors.types import Finding
from sidecar.values import Failed, FailureKind, Found, Judged, Outcome


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

    def heard(self, found: Found, judged: Judged) -> Outcome:
        """What a detector found, with what the judge says of it."""
        if judged.failure is not None and self.is_needed:
            return Failed(judged.failure, judged.reason)
        return msgspec.structs.replace(found, judged=judged)


def verdict(judge: str, is_unsafe: bool, labels: tuple[str, ...] = ()) -> Judged:
    """A judge's verdict."""
    what = f" ({', '.join(labels)})" if labels else ""
    return Judged(is_unsafe, f"judge {judge}: {'unsafe' if is_unsafe else 'safe'}{what}", labels)


def no_verdict(judge: str, why: str, failure: FailureKind | None = None) -> Judged:
    """A judge was to be asked, and there is no verdict."""
    return Judged(None, f"judge {judge}: {why}", failure=failure)


SCRIPTS = ("safe", "unsafe", "undecided", "late", "failed")


def scripted(judge: str, says: str | Iterable[str]) -> Judged:
    """What a test has a judge say: one of `SCRIPTS`, or the labels for which it is unsafe."""
    match says:
        case "undecided":
            return no_verdict(judge, "cannot decide")
        case "late":
            return no_verdict(judge, "late", FailureKind.TIMEOUT)
        case "failed":
            return no_verdict(judge, "failed", FailureKind.ERROR)
        case str():
            return verdict(judge, says == "unsafe")
        case _:
            return verdict(judge, True, tuple(sorted(says)))
