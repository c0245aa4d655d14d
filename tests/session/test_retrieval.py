"""How good a retrieval was: the figures by hand, and what of it stands in the decision event."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.config import Limits
from sidecar.errors import CallerError
from sidecar.outbox.event import StreamDecision
from sidecar.outbox.memory import MemoryOutbox
from sidecar.retrieval import retrieval_of
from sidecar.start import Passage, StreamStart, check_start
from sidecar.values import Action, Lane
from tests.fakes import WordScanner, plan, rule
from tests.servers import make_engine
from tidegate import _wire
from tidegate._options import checked

IDS = st.lists(st.sampled_from("abcdefgh"), max_size=12)


def test_the_figures_are_those_of_the_books():
    found = retrieval_of(["a", "x", "b", "a", "y", "c"], ["a", "b", "c", "d"])
    assert found is not None
    assert (found.relevant, found.retrieved, found.found) == (4, 5, 3)
    assert (found.precision, found.recall) == (0.6, 0.75)
    assert found.context_precision == pytest.approx((1 / 1 + 2 / 3 + 3 / 5) / 3, abs=1e-4)
    assert found.recall_at == {"1": 0.25, "3": 0.5, "5": 0.75, "10": 0.75}


def test_without_labels_nothing_is_said_and_without_passages_nothing_was_found():
    assert retrieval_of(["a"], []) is None
    found = retrieval_of([], ["a"])
    assert found is not None
    assert (found.precision, found.recall, found.context_precision) == (0, 0, 0)


@given(IDS, IDS.filter(bool))
def test_shares_are_shares_and_grow_with_k(retrieved: list[str], relevant: list[str]):
    found = retrieval_of(retrieved, relevant)
    assert found is not None
    shares = [*found.recall_at.values()]
    assert shares == sorted(shares)
    assert shares[-1] == found.recall
    assert all(0 <= each <= 1 for each in (*shares, found.precision, found.context_precision))


async def test_a_decision_says_it_whatever_the_rules_read() -> None:
    outbox = MemoryOutbox()
    await outbox.start()
    engine = make_engine(plan((WordScanner("x"), [rule(Action.ALLOW)])), outbox=outbox)
    start = StreamStart(context=(Passage("doc-7", "one"), Passage("", "two")), relevant=("doc-9", "2"))
    async with engine.open(start) as session:
        session.add_context([Passage("doc-9", "three")])
        await session.feed(Lane(), "so")
        session.finish()
        async for _ in session.outputs():
            pass
    (decision,) = [event.data for event in outbox.events if isinstance(event.data, StreamDecision)]
    assert decision.retrieval == retrieval_of(["doc-7", "2", "doc-9"], ["doc-9", "2"])
    assert decision.retrieval is not None
    assert decision.retrieval.recall == 1.0


def test_a_caller_says_at_most_so_many_ids_and_only_ids():
    limits = Limits()
    with pytest.raises(CallerError, match="257 ids"):
        check_start(StreamStart(relevant=("a",) * 257), limits)
    with pytest.raises(CallerError, match="characters in an id"):
        check_start(StreamStart(relevant=("a" * 257,)), limits)
    assert [*_wire.start_request({"relevant": ["a", "b"]})]
    with pytest.raises(TypeError, match="list of ids"):
        checked("check", {"relevant": "doc-1"})
