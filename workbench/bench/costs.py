"""What parts cost by themselves, on the same texts and in the same run, in CPU seconds of this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from detectors.types import Finding
from sidecar.core.stream import Request as Asked
from sidecar.core.stream import Stream
from sidecar.outbox.builders import Ending, StreamInfo, decision_event, uuid7, violation_event
from sidecar.policy.decide import decide
from sidecar.policy.plan import Plan
from sidecar.scheduler.batcher import Batcher, Request
from sidecar.values import Action, Decision, Direction, Found, Lane, Outcome
from workbench.bench.policies import ENCODED
from workbench.bench.texts import pieces_of

if TYPE_CHECKING:
    from detectors.models.encoder import Encoder

_SEGMENT_PIECES = 48
"""About a segment's length."""
_PASS_TEXTS = 8
"""A full batch, as the scheduler makes them; larger ones cost no less for a piece."""
_UNIX_SECONDS = 1_700_000_000.0


class Parts(msgspec.Struct, frozen=True):
    """CPU seconds of each part for all the texts."""

    core: float
    """Feeding, scanning, cutting, deciding on what the scanners find, releasing."""
    tokenise: float
    queue: float
    policy: float
    """Deciding on what the models say."""
    events: float
    """Making and encoding the events of violations and of streams that ended."""


class Replayed(msgspec.Struct, frozen=True):
    """What the core made of the texts while models said nothing."""

    seconds: float
    asked: list[Asked]
    decisions: list[Decision]


def replay(plan: Plan, texts: Sequence[str], *, tokens_per_message: int = 1) -> Replayed:
    """The core alone: texts fed as a session feeds them, scanned, cut, decided and released; models say nothing."""
    asked: list[Asked] = []
    decisions: list[Decision] = []
    lane = Lane()
    with _timing() as took:
        for text in texts:
            stream = Stream(plan)
            unread, patience = "", stream.patience(lane)
            for message in messages_of(text, tokens_per_message):
                unread += message
                if not patience.lasts(message):
                    _answer(stream, stream.feed(lane, unread), asked, decisions)
                    unread, patience = "", stream.patience(lane)
            _answer(stream, [*stream.feed(lane, unread), *stream.close()], asked, decisions)
    return Replayed(took(), asked, decisions)


def core_seconds(plan: Plan, texts: Sequence[str]) -> float:
    """The core's part alone, a token a message."""
    return replay(plan, texts).seconds


def parts_of(
    plan: Plan, texts: Sequence[str], encoder: Encoder | None, *, tokens_per_message: int, segments_per_batch: float
) -> Parts:
    """What each part takes for the texts, with messages and batches as large as they were under load."""
    replay(plan, texts[:1])  # what scanners do once in a process is not the core's
    replayed = replay(plan, texts, tokens_per_message=tokens_per_message)
    batch = max(1, round(segments_per_batch))
    return Parts(
        core=replayed.seconds,
        tokenise=_tokenise_seconds(encoder, replayed.asked, batch) if encoder is not None else 0.0,
        queue=_queue_seconds(replayed.asked, batch),
        policy=_policy_seconds(replayed.asked),
        events=_event_seconds(plan, replayed.decisions, len(texts)),
    )


def encoder_seconds(encoder: Encoder, texts: Sequence[str]) -> float:
    """One bare pass of the encoder over the texts, in full batches, nothing read twice; the heads that are guarded."""
    cuts = [cut for text in texts for cut in messages_of(text, _SEGMENT_PIECES)]
    encoder.encode(cuts[:_PASS_TEXTS], ENCODED)  # allocations of the first run are not the pass's
    with _timing() as took:
        for start in range(0, len(cuts), _PASS_TEXTS):
            encoder.encode(cuts[start : start + _PASS_TEXTS], ENCODED)
    return took()


def messages_of(text: str, tokens: int) -> list[str]:
    """The text in messages of so many tokens."""
    pieces = pieces_of(text)
    return ["".join(pieces[at : at + tokens]) for at in range(0, len(pieces), tokens)]


def _answer(stream: Stream, requests: Sequence[Asked], asked: list[Asked], decisions: list[Decision]) -> None:
    asked += requests
    for batch, segment in requests:
        stream.resolve(segment.number, batch.index, Found())
    while (output := stream.next_output()) is not None:
        decisions += output.decisions


def _tokenise_seconds(encoder: Encoder, asked: Sequence[Asked], batch: int) -> float:
    texts = [*dict.fromkeys(segment.text for _, segment in asked)]
    encoder.tokenise(texts[:1])
    with _timing() as took:
        for start in range(0, len(texts), batch):
            encoder.tokenise(texts[start : start + batch])
    return took()


def _queue_seconds(asked: Sequence[Asked], batch: int) -> float:
    nobody = _Nobody()
    places = {id(segment): float(place) for place, (_, segment) in enumerate(asked)}
    due = [places[id(segment)] for _, segment in asked]
    requests = [
        Request(each, segment, Direction.OUTPUT, at, at, nobody) for (each, segment), at in zip(asked, due, strict=True)
    ]
    batcher = Batcher(max_items=batch, max_tokens=1 << 20)
    with _timing() as took:
        for request in requests:
            if not batcher.join(request):
                batcher.add(request)
        while batcher.depth:
            batcher.take()
    return took()


def _policy_seconds(asked: Sequence[Asked]) -> float:
    findings = {each.index: [Finding(0, 1, label, 0.0) for label in each.detector.labels] for each, _ in asked}
    with _timing() as took:
        for batch, _ in asked:
            decide(batch.rules, findings[batch.index])
    return took()


def _event_seconds(plan: Plan, decisions: Sequence[Decision], streams: int) -> float:
    info = StreamInfo(
        stream_id=uuid7(_UNIX_SECONDS),
        direction=Direction.OUTPUT,
        policy=plan.name,
        policy_version=plan.version,
        policy_digest=plan.digest,
    )
    ending = Ending(ended="finished", done=Action.ALLOW, duration_ms=0.0)
    with _timing() as took:
        for decision in decisions:
            msgspec.json.encode(violation_event(info, plan, decision, _UNIX_SECONDS))
        for _ in range(streams):
            msgspec.json.encode(decision_event(info, ending, _UNIX_SECONDS))
    return took()


@contextmanager
def _timing() -> Iterator[Callable[[], float]]:
    """CPU seconds of this process between the beginning and the end of the body."""
    began, ended = time.process_time(), 0.0
    yield lambda: ended - began
    ended = time.process_time()


class _Nobody:
    is_open = True

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Nobody waits for it."""
