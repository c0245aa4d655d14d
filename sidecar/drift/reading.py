"""What of a stream is watched: what the detectors computed anyhow, taken as it comes by.

1. **Topics and embedding.** A `TextReader` is a detector that no rule reads. It is asked about the segments that
   another detector has the same model read, and travels with that ask: the text is encoded once, and two small heads
   more are read off. Of a request it is the last words of its user, of an answer its content.
2. **Scores**: of each model detector the highest score in the stream.
3. **Faithfulness, stops, violations**: as the decision event has them.

With `encode: all` the beginning of a text that no rule has read so is kept until the stream ends, and is then read when
nothing else is to be done; no stream waits for it.

What became of a stream is a few words and one vector (`DriftWatch.observe`); no text is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from detectors.base import BatchItem
from detectors.models.encoded import EncodedDetector, detect_together
from detectors.models.encoder import Encoder, Encoding
from detectors.topic import EMBEDDING, HEAD
from detectors.types import Finding
from sidecar.drift.samples import packed
from sidecar.drift.statistics import Vectors
from sidecar.policy.plan import BatchPlan, Plan
from sidecar.scheduler.scheduler import Request
from sidecar.values import Action, Channel, Direction, Found, GroundingTally, Lane, Outcome, Part, Segment

if TYPE_CHECKING:
    from sidecar.drift.groups import GroupKey
    from sidecar.drift.watch import DriftWatch

READS = -1
"""The number of the reader among a stream's batch detectors."""
TEXT_LIMIT_CHARS = 400
"""How much of a text is read that no rule has read: about a segment."""
_LEAST_LETTERS = 8
_LEAST_TOPIC = 0.3
_MOST_UNREAD = 0.5
UNCLEAR = "unclear"
_BINS = 10
_LATE_MS = 60_000.0


class Reading(Finding, frozen=True, gc=False):
    """What the model says of a segment: probabilities of the topics, and the embedding, as 16-bit numbers."""

    topics: bytes = b""
    vector: bytes = b""


class TextReader:
    """A segment classifier that finds nothing: it hands on what the heads say."""

    name: ClassVar[str] = "drift"
    labels: frozenset[str] = frozenset()
    look_behind = 0
    heads: tuple[str, ...] = (HEAD, EMBEDDING)

    def __init__(self, encoder: Encoder) -> None:
        """Raises `DetectorError` where the model has no such heads."""
        self.encoder = encoder
        self.model = encoder.card.identity
        self.topics = tuple(encoder.head(HEAD).labels)
        encoder.head(EMBEDDING)

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """A reading of each segment that says enough."""
        return detect_together([(self, item) for item in items])

    def texts(self, item: BatchItem) -> Sequence[str]:
        """The segment with its left context, as topics are read."""
        return (item.text,)

    def read(self, item: BatchItem, encodings: Sequence[Encoding]) -> list[Finding]:
        """The reading of one segment."""
        (encoding,) = encodings
        if encoding.unread > _MOST_UNREAD or sum(each.isalpha() for each in item.text[item.begin :]) < _LEAST_LETTERS:
            return []
        scores = encoding.scores
        topics, vector = packed(scores[HEAD]), packed(scores[EMBEDDING])
        return [Reading(item.begin, len(item.text), "read", 0.0, topics=topics, vector=vector)]


@dataclass(frozen=True)
class Aside(BatchPlan):
    """The reader as a stream's detector: nothing waits for it."""

    @property
    def is_gating(self) -> bool:
        """Never."""
        return False


class NoReading:
    """What takes nothing of a stream: nobody watches."""

    def asides(self, _requests: Sequence[tuple[BatchPlan, Segment]]) -> Sequence[tuple[BatchPlan, Segment]]:
        """Nothing more is asked."""
        return ()

    def heard(self, lane: Lane, text: str) -> None:
        """Text came in."""

    def came(self, batch: int, outcome: Outcome) -> None:
        """A detector answered."""

    def read(self, segment: int, outcome: Outcome) -> None:
        """The reader answered."""

    def ended(self, done: Action, violations: int, grounding: GroundingTally | None) -> None:
        """The stream is over."""


class StreamReading(NoReading):
    """What is taken of one stream. Used on the event loop; `ended` is called once."""

    is_open = True
    """For the scheduler: an answer that comes after the stream's end is wanted, too."""

    def __init__(self, watch: DriftWatch, key: GroupKey, plan: Plan, *, keeps_text: bool) -> None:
        self._watch = watch
        self._key = key
        self._plan = plan
        self._keeps_text = keeps_text
        self._is_request = key.direction is Direction.INPUT
        self._lane: Lane | None = None
        self._segments: dict[int, Lane] = {}
        self._text = ""
        self._topics: Vectors | None = None
        self._vector: Vectors | None = None
        self._scores: dict[str, float] = {}
        self._shares: dict[str, str] = {}

    def asides(self, requests: Sequence[tuple[BatchPlan, Segment]]) -> Sequence[tuple[BatchPlan, Segment]]:
        """What the reader is asked beside these: the segments that its model reads for another."""
        reader = self._watch.reader
        shared = {
            segment.number: segment
            for batch, segment in requests
            if isinstance(batch.detector, EncodedDetector)
            and batch.detector.encoder is reader.encoder
            and self._is_read(segment.lane)
            and not segment.is_code
        }
        for number, segment in shared.items():
            self._turn_to(segment.lane)
            self._segments[number] = segment.lane
        return [(self._watch.aside, segment) for segment in shared.values()]

    def heard(self, lane: Lane, text: str) -> None:
        """Keep the beginning of a text for as long as nobody has it read."""
        if self._keeps_text and self._is_read(lane):
            self._turn_to(lane)
            if not self._segments and len(self._text) < TEXT_LIMIT_CHARS:
                self._text += text[: TEXT_LIMIT_CHARS - len(self._text)]

    def came(self, batch: int, outcome: Outcome) -> None:
        """Take note of a detector's highest score."""
        plan = self._plan.batches[batch]
        if isinstance(outcome, Found) and not plan.is_pair_checker:
            highest = max((each.score for each in outcome.findings), default=0.0)
            name = plan.detector.name
            self._scores[name] = max(self._scores.get(name, 0.0), highest)

    def read(self, segment: int, outcome: Outcome) -> None:
        """Take what the reader says of a segment of the stream."""
        if self._segments.pop(segment, None) == self._lane:
            self._add(outcome)

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Take what it says of a text that was read after the stream's end."""
        self._add(outcome)
        self._tell()

    def ended(self, done: Action, violations: int, grounding: GroundingTally | None) -> None:
        """Tell what became of the stream; where its text is to be read yet, then."""
        self._shares = {
            "stopped": _yes(done is Action.BLOCK),
            "violations": _yes(violations > 0),
            **{f"scores.{name}": _bin(score) for name, score in self._scores.items()},
        }
        faithfulness = None if grounding is None else grounding.faithfulness
        if faithfulness is not None:
            self._shares["faithfulness"] = _bin(faithfulness)
        text, self._text = self._text, ""
        if self._vector is None and text and not self._segments:
            self._watch.submit(self._late(text))
        else:
            self._tell()

    def _late(self, text: str) -> Request:
        lane = self._lane or Lane()
        segment = Segment(number=0, lane=lane, start=0, end=len(text), text=text, begin=0)
        due_ms = self._watch.now_ms() + _LATE_MS
        return Request(self._watch.aside, segment, self._key.direction, due_ms, _LATE_MS, self, self._key.tenant)

    def _is_read(self, lane: Lane) -> bool:
        """Whether a lane has the words that matter: the last ones of a request's user, an answer's content."""
        if not self._is_request:
            return lane.part is Part.MODEL and lane.channel is Channel.CONTENT
        is_later = self._lane is None or lane.choice >= self._lane.choice
        return lane.part is Part.USER and lane.channel is Channel.CONTENT and is_later

    def _turn_to(self, lane: Lane) -> None:
        """Forget what was said before: in a request only the last of the user's texts counts."""
        if self._is_request and self._lane is not None and lane != self._lane:
            self._segments, self._text, self._topics, self._vector = {}, "", None, None
        self._lane = lane if self._is_request or self._lane is None else self._lane

    def _add(self, outcome: Outcome) -> None:
        for reading in outcome.findings if isinstance(outcome, Found) else ():
            if isinstance(reading, Reading):
                self._topics = _sum(self._topics, reading.topics)
                self._vector = _sum(self._vector, reading.vector)

    def _tell(self) -> None:
        vector: bytes | None = None
        if self._topics is not None and self._vector is not None:
            self._shares["topics"] = self._topic(self._topics)
            if self._is_request:
                vector = packed(self._vector / max(float(np.linalg.norm(self._vector)), 1e-9))
        self._watch.observe(self._key, self._shares, vector)

    def _topic(self, topics: Vectors) -> str:
        """The likeliest topic, over all that was read; `unclear` where none is likely."""
        place = int(topics.argmax())
        likely = topics[place] >= _LEAST_TOPIC * max(float(topics.sum()), 1e-9)
        return self._watch.reader.topics[place] if likely else UNCLEAR


def _sum(former: Vectors | None, numbers: bytes) -> Vectors:
    added: Vectors = np.frombuffer(numbers, dtype=np.float16).astype(np.float32)
    return added if former is None else former + added


def _bin(share: float) -> str:
    """A tenth of 0 to 1, named by where it begins; 1 is by itself."""
    return f"{int(share * _BINS) / _BINS:.1f}"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
