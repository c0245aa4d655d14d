"""Runs a batch through its detector, on whatever thread calls it. Every segment gets an outcome, whatever happens.

A detector that raises on a batch is asked again for each item alone, so that one poisonous text does not fail its
neighbours.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from detectors.base import BatchDetector, BatchItem
from detectors.types import Finding
from sidecar.values import Direction, Failed, FailureKind, Found, Outcome, Segment

_log = logging.getLogger(__name__)


def detect(detector: BatchDetector, segments: Sequence[tuple[Segment, Direction]]) -> list[Outcome]:
    """An outcome for each segment, in order: findings in lane offsets, or how the detector failed. Raises nothing."""
    items = [BatchItem(each.text, each.begin, each.lane.part, direction) for each, direction in segments]
    try:
        found = _ask(detector, items)
    except Exception as error:  # noqa: BLE001 - a detector is third-party code: its failure is an outcome
        _log.warning("detector failed", extra={"detector": detector.name, "items": len(items)}, exc_info=error)
        if len(segments) == 1:
            return [Failed(FailureKind.ERROR, type(error).__name__)]
        return [outcome for each in segments for outcome in detect(detector, [each])]
    return [Found(to_lane(findings, each)) for findings, (each, _) in zip(found, segments, strict=True)]


def to_lane(findings: Sequence[Finding], segment: Segment) -> tuple[Finding, ...]:
    """Findings from offsets in the item's text to lane offsets, clipped to the segment."""
    base = segment.start - segment.begin
    return tuple(
        msgspec.structs.replace(
            each, start=max(each.start + base, segment.start), end=min(each.end + base, segment.end)
        )
        for each in findings
        if each.end > segment.begin and each.start < len(segment.text)
    )


def _ask(detector: BatchDetector, items: Sequence[BatchItem]) -> list[list[Finding]]:
    found = detector.detect(items)
    if len(found) != len(items):
        raise ValueError(f"{len(found)} answers for {len(items)} items")
    return found
