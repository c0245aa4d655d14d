"""What labels say of each threshold, and which threshold follows from a stated cost.

At a threshold t, of the findings with a score of t or more:

* **precision** is estimated by the labelled ones: right / (right + wrong). It is right for all findings if whether one
  was labelled does not depend on whether it was right.
* **false alarms** are streams with a false alarm, as a share of all streams: the share of the streams with a finding
  (counted) times the share of those with a wrong one (of those that are labelled).
* **known recall** is the share of what is known to be there: right findings at t or more / (all right ones + missed).
  What no rule found and nobody missed is in neither, so the true recall is most likely less.

Shares have Wilson's 95 % interval. Below the floor, where not all findings were recorded, nothing is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor
from typing import Literal, TypeAlias

import msgspec

from workbench.preview.confusion import Share, share_of
from workbench.tuning.evidence import Evidence, Found

_STEPS = 100
"""Thresholds are told to the hundredth, as authors write them."""
_Z_SQUARED = 1.959964**2
Goal: TypeAlias = Literal["min_precision", "max_false_alarms"]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at one threshold. `findings` and `labelled` count findings, `flagged` streams with one."""

    threshold: float
    findings: int
    labelled: int
    flagged: int
    precision: Share
    known_recall: Share
    false_alarms: Share


class Cost(msgspec.Struct, frozen=True):
    """What a threshold must keep to: a least precision, or a greatest share of streams with a false alarm."""

    goal: Goal
    share: float

    def is_kept(self, point: Point) -> bool:
        """Whether it is kept even at the worse end of the interval."""
        if self.goal == "min_precision":
            return point.precision.value is not None and point.precision.low >= self.share
        return point.false_alarms.value is not None and point.false_alarms.high <= self.share


def points(evidence: Evidence, *, current: float | None = None) -> list[Point]:
    """What is known at each threshold from the floor on at which something changes, and at the current one."""
    lowest = ceil(round(evidence.floor * _STEPS, 6)) / _STEPS
    steps = {lowest, *(floor(round(each.score * _STEPS, 6)) / _STEPS for each in evidence.found)}
    told = {each for each in steps if each >= lowest}
    if current is not None and current >= evidence.floor:
        told.add(current)
    return [_point(evidence, threshold) for threshold in sorted(told)]


def _point(evidence: Evidence, threshold: float) -> Point:
    own = [each for each in evidence.found if each.score >= threshold]
    right = sum(each.is_right is True for each in own)
    wrong = sum(each.is_right is False for each in own)
    return Point(
        threshold=threshold,
        findings=len(own),
        labelled=right + wrong,
        flagged=len({each.stream for each in own}),
        precision=share_of(right, right + wrong),
        known_recall=share_of(right, evidence.right + evidence.missed),
        false_alarms=_false_alarms(own, evidence.streams),
    )


def _false_alarms(own: Sequence[Found], streams: int) -> Share:
    """The share of all streams with a false alarm; not known without the streams' own events, or without labels."""
    flagged = {each.stream for each in own}
    judged = {each.stream for each in own if each.is_right is not None}
    wrong = {each.stream for each in own if each.is_right is False}
    if not streams or (flagged and not judged):
        return Share(0)
    if not flagged:
        return share_of(0, streams)
    share, of_all = share_of(len(wrong), len(judged)), min(1.0, len(flagged) / streams)
    assert share.value is not None
    return Share(len(judged), share.value * of_all, share.low * of_all, share.high * of_all)


def proposal(told: Sequence[Point], cost: Cost) -> Point | None:
    """The least threshold that keeps to the cost, and has a right finding: so most is found. None: none does."""
    return next((each for each in told if cost.is_kept(each) and each.known_recall.value), None)


def labels_needed(cost: Cost) -> int | None:
    """How many labels, all right, a threshold needs to keep to a least precision; None where no number is enough."""
    if cost.goal != "min_precision" or cost.share >= 1:
        return None
    return ceil(_Z_SQUARED * cost.share / (1 - cost.share))
