"""The operations that are measured, each made ready to be run again and again."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.config import Limits
from sidecar.core.segmenter import Segmenter
from sidecar.core.stream import Stream
from sidecar.outbox.builders import StreamInfo, uuid7, violation_event
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.policy.decide import decide
from sidecar.policy.plan import BatchPlan, Plan
from sidecar.policy.store import PolicyStore
from sidecar.scheduler.batcher import Batcher, Request
from sidecar.scheduler.cache import FindingsCache
from sidecar.transport.convert import parse, response_of
from sidecar.transport.lanes import LaneReader
from sidecar.values import Action, Decision, Direction, Exposure, Found, Lane, Outcome, Release, Segment
from tidegate.v1 import guard_pb2 as pb
from workbench.bench.policies import GUARDED, PASS_THROUGH, guarded_policy, pass_through_policy
from workbench.bench.texts import made_text, pieces_of

TEXT = made_text(random.Random(1), sentences=40, is_violating=False)
PIECES = pieces_of(TEXT)
_BATCH = 16
_GROUP = 20
_MAX_SEGMENT_TOKENS = 64

Operation = tuple[Callable[[], object], int]
"""What to call, and how many operations a call is."""


class _Silent:
    """A batch detector that finds nothing: what is measured is all around it."""

    name = "silent"
    labels = frozenset({"NONE"})
    look_behind = 160
    model = "none"

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        return [[] for _ in items]


class _Nobody:
    is_open = True

    def deliver(self, segment: int, batch: int, outcome: Outcome) -> None:
        """Take it."""


@contextmanager
def operations() -> Iterator[Mapping[str, Operation]]:
    """Every operation by name."""
    plans = _plans()
    silent = with_silent_model(plans[PASS_THROUGH])
    with TemporaryDirectory(prefix="tidegate-micro-") as folder, _outbox(Path(folder), plans[GUARDED]) as put:
        yield {
            "feed a token, nothing to look for": (lambda: _feed(plans[PASS_THROUGH]), len(PIECES)),
            "feed a token, scanners and segments": (lambda: _feed(plans[GUARDED]), len(PIECES)),
            "segment a token": (_segment, len(PIECES)),
            "open, answer and release a segment": (lambda: _feed_whole(silent), _segments()),
            "decide on a finding": (_decide(plans[GUARDED]), 1),
            "convert a chunk from the wire": (_from_wire(), 1),
            "convert a release to the wire": (_to_wire(plans[GUARDED]), 1),
            f"queue and take a segment, in batches of {_BATCH}": (_batch(silent.batches[0]), _BATCH),
            "look up a segment's findings": (_look_up(), 1),
            "make and encode an event": (_event(plans[GUARDED]), 1),
            "outbox put, one event": (lambda: put(1), 1),
            f"outbox put, {_GROUP} events together": (lambda: put(_GROUP), _GROUP),
        }


def blocks_per_segment() -> float:
    """Memory blocks that live for each segment that waits for an outcome: the objects made for it."""
    plan = with_silent_model(_plans()[PASS_THROUGH])
    stream = Stream(plan)
    stream.feed(Lane(), "Warm up. ")
    text = "A sentence of words. " * 64
    before = sys.getallocatedblocks()
    requests = stream.feed(Lane(), text)
    return (sys.getallocatedblocks() - before) / len(requests)


def _plans() -> Mapping[str, Plan]:
    with TemporaryDirectory(prefix="tidegate-micro-") as folder:
        for number, document in enumerate((guarded_policy(400), pass_through_policy(400))):
            (Path(folder) / f"{number}.yaml").write_bytes(msgspec.json.encode(document))
        store = PolicyStore((Path(folder),))
        store.load()
        return store.plans


def with_silent_model(plan: Plan) -> Plan:
    """The plan with one model detector that finds nothing."""
    batch = BatchPlan(0, _Silent(), plan.rules)
    return Plan(plan.name, plan.version, plan.digest, "", plan.match, plan.stream, plan.rules, plan.scanners, (batch,))


def _feed(plan: Plan) -> None:
    stream = Stream(plan)
    for piece in PIECES:
        for batch, segment in stream.feed(Lane(), piece):
            stream.resolve(segment.number, batch.index, Found())
        while stream.next_output() is not None:
            pass


def _feed_whole(plan: Plan) -> None:
    stream = Stream(plan)
    for batch, segment in [*stream.feed(Lane(), TEXT), *stream.close()]:
        stream.resolve(segment.number, batch.index, Found())
    while stream.next_output() is not None:
        pass


def _segment() -> list[int]:
    segmenter, end, ends = Segmenter(_MAX_SEGMENT_TOKENS), 0, []
    for piece in PIECES:
        end += len(piece)
        ends += segmenter.advance(TEXT[segmenter.start : end], segmenter.start)
    return ends


def _segments() -> int:
    segmenter = Segmenter(_MAX_SEGMENT_TOKENS)
    return len(segmenter.advance(TEXT, 0)) + 1


def _decide(plan: Plan) -> Callable[[], object]:
    scanner = next(each for each in plan.scanners if "EMAIL_ADDRESS" in each.detector.labels)
    findings = [Finding(10, 30, "EMAIL_ADDRESS", 1.0)]
    return lambda: decide(scanner.rules, findings)


def _from_wire() -> Callable[[], object]:
    data = pb.StreamRequest(chunk=pb.Chunk(text=" order")).SerializeToString()
    lanes = LaneReader(Direction.OUTPUT, Limits())

    def convert() -> str:
        chunk = parse(pb.StreamRequest, data).chunk
        return lanes.text_of(chunk, lanes.lane_of(chunk.lane))

    return convert


def _to_wire(plan: Plan) -> Callable[[], object]:
    release = Release(Lane(), " order of last week", 100, 119)
    return lambda: response_of(release, plan).SerializeToString()


def _batch(batch: BatchPlan) -> Callable[[], object]:
    segments = [Segment(number, Lane(), 0, 80, "a" * 80, 0) for number in range(_BATCH)]
    requests = [Request(batch, each, Direction.OUTPUT, 400.0, 400.0, _Nobody()) for each in segments]
    batcher = Batcher(max_items=_BATCH, max_tokens=1024)

    def queue_and_take() -> None:
        for request in requests:
            if not batcher.join(request):
                batcher.add(request)
        batcher.take()

    return queue_and_take


def _look_up() -> Callable[[], object]:
    cache, detector, item = FindingsCache(max_entries=10, max_chars=1024), _Silent(), BatchItem(TEXT[:240], 160)
    cache.put(detector, "", item, [])
    return lambda: cache.get(detector, "", item)


def _decision(plan: Plan) -> Decision:
    rule = next(each for each in plan.rules if each.action is Action.REDACT)
    finding = Finding(10, 30, next(iter(rule.thresholds)), 1.0)
    return Decision(1, rule.index, Lane(), finding, rule.action, rule.action, Exposure(10, 0, 12.0), "jane@example.org")


def _info(plan: Plan) -> StreamInfo:
    return StreamInfo(
        stream_id=uuid7(1_700_000_000.0),
        direction=Direction.OUTPUT,
        policy=plan.name,
        policy_version=plan.version,
        policy_digest=plan.digest,
    )


def _event(plan: Plan) -> Callable[[], object]:
    decision, info = _decision(plan), _info(plan)
    return lambda: msgspec.json.encode(violation_event(info, plan, decision, 1_700_000_000.0))


@contextmanager
def _outbox(folder: Path, plan: Plan) -> Iterator[Callable[[int], None]]:
    """Puts so many events into a real outbox and returns when they are committed."""
    decision, info = _decision(plan), _info(plan)
    with asyncio.Runner() as runner:
        outbox = SqliteOutbox(OutboxSettings(path=folder / "outbox.db"))
        runner.run(outbox.start())
        try:
            yield lambda count: runner.run(
                outbox.put([violation_event(info, plan, decision, 1_700_000_000.0) for _ in range(count)])
            )
        finally:
            runner.run(outbox.stop())
