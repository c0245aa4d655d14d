"""What all renderings of an account say alike, and what they leave to its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from detectors.base import KNOWN_FALSE_ALARM
from sidecar.explanation.account import Fate, FindingAccount, RuleFate, SegmentAccount

_CALLED: Mapping[Fate, str] = {
    "decided": "met",
    "dominated": "met, but told of once",
    "not_decided": "met, but nothing was decided",
    "under_threshold": "not met",
    "label_not_asked": "not asked for",
    "not_read": "not read",
}


def called(fate: Fate) -> str:
    """What became of a finding at a rule, in a word or two."""
    return _CALLED[fate]


def segment_told(segment: SegmentAccount) -> str:
    """A segment's bounds, what was read with it, and what waits for it."""
    context = f" with context from {segment.context_start}" if segment.context_start < segment.start else ""
    waits = ", and text waits for its verdict" if segment.is_waited_for else ""
    failure = f", no answer ({segment.failure})" if segment.failure else ""
    return f"segment {segment.number}, {segment.start}-{segment.end}{context}{waits}{failure}"


def is_worth_telling(finding: FindingAccount) -> bool:
    """Whether a person may want to see a finding: a rule met it, or would have at half its threshold."""
    return any(True for _ in told_of(finding))


def told_of(finding: FindingAccount) -> Iterator[RuleFate]:
    """The fates that a person may want to see."""
    for each in finding.fates:
        is_asked = each.fate != "label_not_asked" and finding.score >= (each.threshold or 2.0) / 2
        if is_asked or finding.label == KNOWN_FALSE_ALARM:
            yield each
