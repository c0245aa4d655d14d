"""Runs detectors over whole texts the way a stream does: the same segments, with the same left context, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from detectors.base import BatchDetector, BatchItem, Detector
from detectors.types import Finding
from sidecar.core.stream import Stream
from sidecar.policy.facts import Match
from sidecar.policy.plan import BatchPlan, Plan, StreamSettings
from sidecar.values import Lane, Mode, Part, Segment

MAX_SEGMENT_TOKENS, MIN_SEGMENT_TOKENS = 64, 24
"""The policy language's defaults."""

_TEXTS_AT_ONCE = 64


def segments_of(detector: BatchDetector, text: str, part: Part = Part.MODEL) -> list[Segment]:
    """The segments that a stream makes of a text for this detector."""
    settings = StreamSettings(Mode.STRICT, 60_000, max(len(text), 1) + 1, MAX_SEGMENT_TOKENS, MIN_SEGMENT_TOKENS)
    plan = Plan("evaluation", "1", "", "", Match(), settings, (), (), (BatchPlan.of(0, detector),))
    stream = Stream(plan)
    requests = [*stream.feed(Lane(part=part), text), *stream.close()]
    return [segment for _, segment in requests]


def findings_of(
    detector: Detector,
    texts: Sequence[str],
    *,
    parts: Sequence[Part] = (),
    progress: Callable[[int], None] | None = None,
) -> Iterator[list[Finding]]:
    """All findings of each text, in the text's offsets. `progress` is told how many texts each step finished."""
    for begin in range(0, len(texts), _TEXTS_AT_ONCE):
        some = texts[begin : begin + _TEXTS_AT_ONCE]
        if isinstance(detector, BatchDetector):
            yield from _in_batches(detector, some, parts[begin : begin + _TEXTS_AT_ONCE] or [Part.MODEL] * len(some))
        else:
            yield from (list(detector.start().advance(text, 0, is_final=True)) for text in some)
        if progress is not None:
            progress(len(some))


def _in_batches(detector: BatchDetector, texts: Sequence[str], parts: Sequence[Part]) -> Iterator[list[Finding]]:
    segments = [segments_of(detector, text, part) for text, part in zip(texts, parts, strict=True)]
    items = [
        BatchItem(segment.text, segment.begin, part, is_later=segment.is_later)
        for own, part in zip(segments, parts, strict=True)
        for segment in own
    ]
    answers = iter(detector.detect(items) if items else [])
    for own in segments:
        yield [finding for segment in own for finding in segment.to_lane(next(answers))]
