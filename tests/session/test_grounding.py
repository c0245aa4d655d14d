"""Context in a session: its place between the chunks, its limits, and what is told at the end."""

from __future__ import annotations

import pytest

from detectors.base import UNSUPPORTED
from detectors.context import CHAR_BYTES
from sidecar.config import Limits, checked
from sidecar.engine import Engine
from sidecar.errors import CallerError, CallerFault, ConfigError, Overloaded
from sidecar.outbox.event import GroundingSummary, StreamDecision
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.plan import Plan
from sidecar.scheduler.scheduler import Request
from sidecar.start import Passage, StreamStart
from sidecar.summary import StreamSummary
from sidecar.values import Action, Failed, FailureKind, Found, GroundingTally, Lane, Outcome, Standing
from tests.fakes import QuoteChecker, plan, rule
from tests.servers import make_engine

LANE = Lane()
DOCUMENT = Passage("doc", "Ann is tall. Bob is old.")


class Inline:
    """A scheduler that answers at once, or fails."""

    def __init__(self, failure: Failed | None = None) -> None:
        self.failure = failure

    def submit(self, request: Request) -> None:
        request.answer(self.failure or self._found(request))

    def _found(self, request: Request) -> Outcome:
        return Found(request.segment.to_lane(request.detector.detect([request.item])[0]))


def grounded() -> Plan:
    return plan((QuoteChecker(), [rule(Action.ANNOTATE, UNSUPPORTED, thresholds={UNSUPPORTED: 0.5})]))


async def started() -> MemoryOutbox:
    outbox = MemoryOutbox()
    await outbox.start()
    return outbox


async def test_contexts_past_their_budget_are_refused_until_others_end() -> None:
    limits = Limits(max_context_chars=1000, contexts_bytes=1000 * CHAR_BYTES)
    engine = make_engine(grounded(), scheduler=Inline(), outbox=await started(), limits=limits)
    start = StreamStart(context=(Passage("a", "Ann is tall. " * 46),))
    async with engine.open(start), engine.open(StreamStart()) as session:
        with pytest.raises(Overloaded, match=r"limits\.contexts_bytes"):
            await _opened(engine, start)
        with pytest.raises(Overloaded, match=r"limits\.contexts_bytes"):
            session.add_context([Passage("b", "x" * 403)])
        session.add_context([Passage("b", "x" * 402)])
        await _opened(engine, StreamStart())
    await _opened(engine, start)
    assert engine.open_streams == 0


async def _opened(engine: Engine, start: StreamStart) -> None:
    async with engine.open(start):
        pass


@pytest.mark.parametrize(
    ("values", "wrong"),
    [({"contexts_bytes": 1_000_000}, "contexts_bytes"), ({"context_cache_chars": -1}, "greater than or equal")],
)
def test_a_budget_without_room_for_one_context_is_refused(values: dict[str, int], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        checked({"limits": values})


def test_the_older_setting_counts_characters() -> None:
    assert checked({"limits": {"context_cache_chars": 1000}}).limits.context_cache_bytes == 1000 * CHAR_BYTES


async def test_a_context_takes_its_place_between_the_chunks() -> None:
    outbox = await started()
    engine = make_engine(grounded(), scheduler=Inline(), outbox=outbox)
    start = StreamStart(prompt="Who is tall?", passages_left_out=2)
    async with engine.open(start) as session:
        await session.feed(LANE, "Ann is tall. Ann")
        session.add_context([DOCUMENT, Passage("", "Cid.")])
        await session.feed(LANE, " is tall. Why? Dan")
        await session.feed(LANE, " is rich.")
        session.finish()
        shown = [each async for each in session.outputs()]

    summary = shown[-1]
    assert isinstance(summary, StreamSummary)
    expected = {Standing.SUPPORTED: 1, Standing.UNSUPPORTED: 1, Standing.NEUTRAL: 1, Standing.UNCHECKED: 1}
    assert summary.grounding == GroundingTally(
        sentences=expected,
        unchecked_reasons={"no context": 1},
        passages=2,
        used_passages=1,
        passages_left_out=2,
        context_relevance=1.0,
    )
    (decision,) = [event.data for event in outbox.events if isinstance(event.data, StreamDecision)]
    assert decision.grounding == GroundingSummary(
        supported=1,
        unsupported=1,
        neutral=1,
        unchecked=1,
        unchecked_reasons={"no context": 1},
        faithfulness=0.5,
        passages=2,
        context_use=0.5,
        context_relevance=1.0,
        passages_left_out=2,
    )
    metrics = engine.metrics.render().decode()
    assert 'tidegate_grounding_sentences_total{policy="test",verdict="supported"} 1.0' in metrics
    assert 'tidegate_grounding_faithfulness_sum{policy="test"} 0.5' in metrics


@pytest.mark.parametrize("kind", [FailureKind.ERROR, FailureKind.SHED])
async def test_what_fails_is_unchecked_and_says_why(kind: FailureKind) -> None:
    engine = make_engine(grounded(), scheduler=Inline(Failed(kind)), outbox=await started())
    async with engine.open(StreamStart(context=(DOCUMENT,))) as session:
        await session.feed(LANE, "Ann is tall.")
        session.finish()
        shown = [each async for each in session.outputs()]

    summary = shown[-1]
    assert isinstance(summary, StreamSummary)
    assert summary.grounding is not None
    assert summary.grounding.unchecked_reasons == {kind.value: 1}
    assert summary.grounding.faithfulness is None
    assert summary.coverage[0].unscanned_chars == len("Ann is tall.")


@pytest.mark.parametrize(
    ("passages", "field"),
    [
        ((Passage("a", ""), Passage("b", "")), "context"),
        ((Passage("12345", ""),), "context.id"),
        ((Passage("a", "x" * 5),), "context"),
    ],
)
async def test_limits_count_what_was_there_before(passages: tuple[Passage, ...], field: str) -> None:
    limits = Limits(max_name_chars=4, max_context_passages=2, max_context_chars=10)
    engine = make_engine(grounded(), outbox=await started(), limits=limits)
    async with engine.open(StreamStart(context=(Passage("a", "xxx"),), prompt="yyy")) as session:
        with pytest.raises(CallerError) as caught:
            session.add_context(passages)
        session.cancel("done")
    assert caught.value.field == field


async def test_a_context_after_the_end_is_out_of_order() -> None:
    engine = make_engine(grounded(), outbox=await started())
    async with engine.open(StreamStart()) as session:
        session.finish()
        with pytest.raises(CallerError) as caught:
            session.add_context([DOCUMENT])
        session.cancel("done")
    assert caught.value.kind is CallerFault.OUT_OF_ORDER
