"""The best of several findings at one place."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.types import Finding

URL = "URL"


def undominated(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by start, without those that a better one contains.

    A finding gives way to one that contains it, scores as much and is longer (an account number inside a card number),
    or spans the same and scores more. The address of a page displaces only other addresses.
    """
    kept: list[Finding] = []
    for finding in sorted(set(findings), key=lambda each: (-each.score, each.start - each.end, each)):
        if not any(_gives_way(finding, other) for other in kept):
            kept.append(finding)
    return sorted(kept)


def _gives_way(finding: Finding, other: Finding) -> bool:
    """Whether a finding is dropped for `other`, which scores at least as much."""
    if finding.start < other.start or finding.end > other.end:
        return False
    if finding.label == other.label:
        return True
    is_shorter = finding.end - finding.start < other.end - other.start
    return other.label != URL and (is_shorter or finding.score < other.score)
