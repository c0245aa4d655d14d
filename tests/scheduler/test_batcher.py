"""Batches: who goes first, who travels together, who is dropped, and what is fair."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.injection import Injection
from detectors.models.encoder import Encoder, load_encoder
from detectors.toxicity import Toxicity
from sidecar.scheduler.batcher import TENANT_SHARE, Batcher, Request, bucket_of
from tests.fakes import SegmentFlagger
from tests.scheduler.asking import Asker, numbers, request
from tests.tiny_model import write_tiny_model

MAX_ITEMS, MAX_TOKENS = 4, 64


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_encoder(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def batcher_of(*requests: Request, max_items: int = 8, max_tokens: int = 1000) -> Batcher:
    batcher = Batcher(max_items=max_items, max_tokens=max_tokens)
    for each in requests:
        if not batcher.join(each):
            batcher.add(each)
    return batcher


def all_batches(batcher: Batcher) -> list[list[int]]:
    batches = []
    while batch := batcher.take():
        batches.append(numbers(batch))
    return batches


def test_the_most_urgent_goes_first_and_equals_in_order_of_arrival():
    asker = Asker()
    due = ((1, 30.0), (2, 10.0), (3, 20.0), (4, 10.0))
    batcher = batcher_of(*(request(number, deadline_ms=at, asker=asker) for number, at in due), max_items=2)
    assert all_batches(batcher) == [[2, 4], [3, 1]]
    assert batcher.depth == 0


def test_a_batch_is_one_detectors_and_the_most_urgent_detector_is_served_first():
    asker, other = Asker(), SegmentFlagger("x", label="X")
    batcher = batcher_of(
        request(1, deadline_ms=20, asker=asker),
        request(2, deadline_ms=10, asker=asker, detector=other),
        request(3, deadline_ms=30, asker=asker, detector=other),
    )
    assert all_batches(batcher) == [[2, 3], [1]]


def test_detectors_of_one_encoder_travel_together(encoder: Encoder):
    asker, injection, toxicity, other = Asker(), Injection(encoder), Toxicity(encoder), SegmentFlagger("x", label="X")
    batcher = batcher_of(
        request(1, asker=asker, detector=injection),
        request(1, asker=asker, detector=toxicity, index=1),
        request(1, asker=asker, detector=other, index=2),
        request(2, asker=asker, detector=toxicity, index=1),
    )
    assert batcher.depth == 3
    together, alone = batcher.take(), batcher.take()
    assert [[each.detector for each in ask.requests] for ask in together] == [[injection, toxicity], [toxicity]]
    assert [[each.detector for each in ask.requests] for ask in alone] == [[other]]


def test_segments_of_the_same_number_in_two_streams_are_two(encoder: Encoder):
    one, two = Asker(), Asker()
    batcher = batcher_of(request(1, asker=one), request(1, asker=two))
    assert len(batcher.take()) == 2


def test_texts_of_like_length_share_a_batch_first_and_others_have_what_is_left():
    asker = Asker()
    sizes = ((1, 400), (2, 16), (3, 440), (4, 20), (5, 420))
    batcher = batcher_of(*(request(number, "a" * size, asker=asker) for number, size in sizes), max_items=4)
    assert all_batches(batcher) == [[1, 3, 5, 2], [4]]


def test_a_longer_text_joins_where_all_of_its_length_would_fit():
    asker = Asker()
    sizes = ((1, 16), (2, 400), (3, 20), (4, 100))
    batcher = batcher_of(*(request(number, "a" * size, asker=asker) for number, size in sizes), max_tokens=128)
    assert all_batches(batcher) == [[1, 3, 4], [2]]


def test_a_batch_has_a_token_budget_that_one_long_request_may_break():
    asker = Asker()
    batcher = batcher_of(*(request(number, "a" * 60, asker=asker) for number in range(3)), max_tokens=32)
    assert all_batches(batcher) == [[0, 1], [2]]
    assert all_batches(batcher_of(request(1, "a" * 4000, asker=asker), max_tokens=32)) == [[1]]


@given(st.integers(1, 5000))
def test_a_bucket_pads_by_at_most_a_half(tokens: int):
    assert tokens <= bucket_of(tokens) < max(17, 1.5 * tokens)


def test_requests_of_streams_that_are_gone_are_dropped():
    gone, here = Asker(), Asker()
    askers = ((1, gone), (2, here), (3, gone), (4, here))
    batcher = batcher_of(*(request(number, asker=asker) for number, asker in askers))
    gone.is_open = False
    assert all_batches(batcher) == [[2, 4]]
    assert batcher.depth == 0


def test_what_is_late_is_taken_out_and_told():
    here, gone = Asker(), Asker()
    batcher = batcher_of(
        request(1, deadline_ms=10, asker=here), request(2, deadline_ms=30, asker=here), request(3, asker=gone)
    )
    gone.is_open = False
    assert numbers(batcher.take_late(20)) == [1]
    assert all_batches(batcher) == [[2]]


def test_the_wait_counts_what_is_due_before_and_a_tenants_own_part():
    asker, other = Asker(), SegmentFlagger("x", label="X")
    batcher = batcher_of(
        request(1, "a" * 36, deadline_ms=1000, asker=asker),
        request(2, "a" * 36, deadline_ms=1000, asker=asker, detector=other),
        request(3, "a" * 36, deadline_ms=9000, asker=asker),
    )
    newcomer = request(4, "a" * 36, deadline_ms=1500, asker=asker)
    assert batcher.wait_ms(newcomer, lambda _: 2.0) == 3 * 10 * 2
    for number in range(5, 15):
        batcher.add(request(number, "a" * 36, deadline_ms=1000, asker=asker))
    assert batcher.wait_ms(newcomer, lambda _: 2.0) == 13 * 10 * 2
    stranger = request(4, "a" * 36, deadline_ms=1500, asker=asker, tenant="small")
    assert batcher.wait_ms(stranger, lambda _: 2.0) == 2 * 10 * 2


def test_a_flood_of_one_tenant_leaves_others_half_of_each_batch():
    asker = Asker()
    flood = [request(number, deadline_ms=number, asker=asker, tenant="flood") for number in range(100)]
    few = [request(1000 + number, deadline_ms=500, asker=asker, tenant="small") for number in range(3)]
    batcher = batcher_of(*flood, *few, max_items=4)
    assert numbers(batcher.take()) == [0, 1, 1000, 1001]
    assert numbers(batcher.take()) == [1002, 2, 3, 4]
    assert numbers(batcher.take()) == [5, 6, 7, 8]


def test_a_flood_in_one_queue_does_not_starve_another_queue():
    asker = Asker()
    flood = [request(number, deadline_ms=number, asker=asker, tenant="flood") for number in range(100)]
    long = request(1000, "a" * 200, deadline_ms=500, asker=asker, tenant="small")
    batcher = batcher_of(*flood, long, max_items=4)
    assert [numbers(batcher.take()) for _ in range(2)] == [[0, 1, 1000, 2], [3, 4, 5, 6]]


# --- properties -------------------------------------------------------------------------------------------------------

DETECTORS = (SegmentFlagger("x", label="X"), SegmentFlagger("y", label="Y"))

additions = st.tuples(
    st.integers(0, 30),  # deadline
    st.sampled_from("abc"),  # tenant
    st.sampled_from((0, 1)),  # detector
    st.sampled_from((4, 100, 120, 500)),  # characters
    st.integers(0, 2),  # stream
)
steps = st.lists(st.one_of(additions, st.just("take"), st.sampled_from(("close 0", "close 1"))), max_size=60)


@settings(max_examples=150)
@given(steps)
def test_whatever_comes_each_ask_is_taken_once_in_order_and_within_bounds(script: list[str | tuple[int, ...]]):
    """Checks every batch against a plain list of what waits."""
    askers = [Asker(), Asker(), Asker()]
    batcher = Batcher(max_items=MAX_ITEMS, max_tokens=MAX_TOKENS)
    waiting: list[Request] = []
    leaders: list[str] = []
    for number, step in enumerate([*script, *["take"] * len(script)]):
        if step == "take":
            leaders += check_batch(batcher, waiting, leaders[-1:])
        elif isinstance(step, str):
            askers[int(step[-1])].is_open = False
            waiting[:] = [each for each in waiting if each.receiver.is_open]
        else:
            deadline, tenant, detector, chars, stream = step
            asked = request(
                number,
                "a" * int(chars),
                deadline_ms=float(deadline),
                tenant=str(tenant),
                asker=askers[int(stream)],
                detector=DETECTORS[int(detector)],
            )
            batcher.add(asked)
            if asked.receiver.is_open:
                waiting.append(asked)
    assert waiting == []
    assert batcher.take() == []
    assert (batcher.depth, batcher.has_full_batch) == (0, False)


def check_batch(batcher: Batcher, waiting: list[Request], last_leader: list[str]) -> list[str]:
    """Take a batch; assert all that a batch must be; return who led it."""
    batch = [ask.first for ask in batcher.take()]
    if not batch:
        assert waiting == []
        return []
    group, length = queue_of(batch[0])
    assert {queue_of(each)[0] for each in batch} == {group}
    longest = max(queue_of(each)[1] for each in batch)
    assert len(batch) <= capacity_of(longest)
    if {each.tenant for each in waiting} != {batch[0].tenant}:
        assert [batch[0].tenant] != last_leader
    check_shares(batch, ceil(capacity_of(length) * TENANT_SHARE), length)
    for each in batch:
        waiting.remove(each)
    left = [each for each in waiting if queue_of(each)[0] == group]
    assert all(len(batch) >= capacity_of(max(longest, queue_of(each)[1])) for each in left), "what fits is taken"
    for tenant, queue in {(each.tenant, queue_of(each)) for each in batch}:
        own = [each.deadline_ms for each in batch if (each.tenant, queue_of(each)) == (tenant, queue)]
        assert own == sorted(own)
        assert all(each.deadline_ms >= own[-1] for each in left if (each.tenant, queue_of(each)) == (tenant, queue))
    return [batch[0].tenant]


def check_shares(batch: list[Request], share: int, length: int) -> None:
    """While anybody has had less than its share, nobody has more; and within shares the leader's length comes first."""
    taken: Counter[str] = Counter()
    within: list[bool] = []
    for each in batch:
        if taken[each.tenant] < share:
            assert max(taken.values(), default=0) <= share
            within.append(queue_of(each)[1] == length)
        taken[each.tenant] += 1
    assert within == sorted(within, reverse=True)


def capacity_of(length: int) -> int:
    return max(1, min(MAX_ITEMS, MAX_TOKENS // length))


def queue_of(asked: Request) -> tuple[int, int]:
    return id(asked.detector), bucket_of(asked.tokens)
