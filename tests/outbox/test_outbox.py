"""What an outbox promises; the one on disk and its double in memory are held to the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.outbox.event import Event, Fault, FaultKind, Kind
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.outbox import Numbered, Outbox, OutboxError
from sidecar.outbox.rows import to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.values import Severity
from tests.outbox.samples import a_fault, a_violation, of_severity

MakeOutbox = Callable[..., Outbox]


@pytest.fixture(params=["sqlite", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeOutbox:
    """Makes an outbox with the given limits."""

    def make_outbox(**limits: int) -> Outbox:
        settings = OutboxSettings.model_validate({"path": tmp_path / "outbox.db", "durability": "normal"} | limits)
        return SqliteOutbox(settings) if request.param == "sqlite" else MemoryOutbox(settings)

    return make_outbox


@asynccontextmanager
async def started(outbox: Outbox) -> AsyncIterator[Outbox]:
    await outbox.start()
    try:
        yield outbox
    finally:
        await outbox.stop()


def names(batch: Sequence[Numbered]) -> list[str]:
    """What the events of a batch are about."""
    return [numbered.event.subject for numbered in batch]


def numbers(batch: Sequence[Numbered]) -> list[int]:
    return [numbered.sequence for numbered in batch]


def faults(*what: str) -> list[Event]:
    return [a_fault(what=each) for each in what]


async def test_events_come_out_in_order_numbered_from_1(make: MakeOutbox):
    async with started(make()) as outbox:
        await outbox.put(faults("a", "b"))
        await outbox.put(faults("c"))
        batch = await outbox.claim(10)
        assert names(batch) == ["a", "b", "c"]
        assert numbers(batch) == [1, 2, 3]
        assert {numbered.producer for numbered in batch} == {outbox.stats().producer}


async def test_event_comes_out_as_it_went_in_with_its_place_in_the_chain(make: MakeOutbox):
    event = a_violation(hashed=True)
    async with started(make()) as outbox:
        await outbox.put([event])
        (claimed,) = [numbered.event for numbered in await outbox.claim(1)]
    ids = replace(claimed.data.ids, producer="", sequence=0, hash="")
    assert replace(claimed, data=replace(claimed.data, ids=ids)) == event
    assert claimed.data.ids.hash


async def test_claim_gives_the_same_events_and_numbers_until_they_are_acknowledged(make: MakeOutbox):
    async with started(make()) as outbox:
        await outbox.put(faults("a", "b", "c"))
        first = await outbox.claim(2)
        assert await outbox.claim(2) == first
        await outbox.acknowledge(first[:1])
        assert (names(await outbox.claim(2)), numbers(await outbox.claim(2))) == (["b", "c"], [2, 3])


async def test_smaller_claim_gives_the_oldest(make: MakeOutbox):
    async with started(make()) as outbox:
        await outbox.put(faults("a", "b", "c"))
        await outbox.claim(3)
        assert names(await outbox.claim(1)) == ["a"]


async def test_numbers_go_on_after_all_is_acknowledged(make: MakeOutbox):
    async with started(make()) as outbox:
        await outbox.put(faults("a"))
        await outbox.acknowledge(await outbox.claim(10))
        await outbox.put(faults("b"))
        assert numbers(await outbox.claim(10)) == [2]


async def test_acknowledging_again_or_what_was_not_claimed_deletes_only_what_was_claimed(make: MakeOutbox):
    async with started(make()) as outbox:
        await outbox.put(faults("a", "b"))
        (first,) = await outbox.claim(1)
        await outbox.acknowledge([first, replace(first, position=first.position + 1)])
        await outbox.acknowledge([first])
        assert names(await outbox.claim(10)) == ["b"]


async def test_each_event_is_acknowledged_by_itself(make: MakeOutbox):
    async with started(make()) as outbox:
        await outbox.put(faults("a", "b", "c"))
        claimed = await outbox.claim(3)
        await outbox.acknowledge(claimed[1:2])
        assert (names(await outbox.claim(3)), numbers(await outbox.claim(3))) == (["a", "c"], [1, 3])


async def test_empty_outbox_has_nothing_to_claim(make: MakeOutbox):
    async with started(make()) as outbox:
        await outbox.put([])
        assert await outbox.claim(10) == []
        assert outbox.stats().next_sequence == 1


async def test_many_puts_at_once_all_arrive_each_in_its_own_order(make: MakeOutbox):
    async with started(make()) as outbox:
        await asyncio.gather(*(outbox.put(faults(f"{stream}-0", f"{stream}-1")) for stream in range(50)))
        found = names(await outbox.claim(1000))
    assert sorted(found) == sorted(f"{stream}-{part}" for stream in range(50) for part in range(2))
    assert all(found.index(f"{stream}-0") < found.index(f"{stream}-1") for stream in range(50))


async def test_wait_returns_when_something_was_put(make: MakeOutbox):
    async with started(make()) as outbox:
        await outbox.claim(1)
        waiting = asyncio.ensure_future(outbox.wait())
        await outbox.put(faults("a"))
        await waiting
        assert names(await outbox.claim(1)) == ["a"]


async def test_full_outbox_loses_the_lowest_severity_first_and_of_those_the_oldest(make: MakeOutbox):
    async with started(make(max_events=4)) as outbox:
        severities = [Severity.LOW, Severity.HIGH, Severity.INFO, Severity.INFO, Severity.MEDIUM, Severity.HIGH]
        for severity in severities:
            await outbox.put([of_severity(severity)])
        left = [numbered.event.severity for numbered in await outbox.claim(10)]
        assert left == [Severity.LOW, Severity.HIGH, Severity.MEDIUM, Severity.HIGH]
        assert outbox.stats().lost == {Severity.INFO: 2}


async def test_event_that_matters_less_than_all_there_is_is_lost_itself(make: MakeOutbox):
    async with started(make(max_events=2)) as outbox:
        await outbox.put([of_severity(Severity.HIGH, "a"), of_severity(Severity.HIGH, "b")])
        await outbox.put([of_severity(Severity.LOW)])
        assert names(await outbox.claim(10)) == ["a", "b"]
        assert outbox.stats().lost == {Severity.LOW: 1}


def of_tenant(tenant: str, severity: Severity = Severity.HIGH) -> Event:
    event = of_severity(severity)
    ids = replace(event.data.ids, tenant=tenant)
    return replace(event, data=replace(event.data, ids=ids))


async def test_flood_of_one_tenant_pushes_out_its_own_events_and_nobody_elses(make: MakeOutbox):
    """25 requests of one tenant make 4,000 events each, and they matter more than what others have waiting."""
    async with started(make(max_events=40)) as outbox:
        for _ in range(5):
            await outbox.put([of_tenant("quiet", Severity.LOW)])
        for _ in range(500):
            await outbox.put([of_tenant("loud", Severity.HIGH)])
        tenants = [each.event.data.ids.tenant for each in await outbox.claim(100)]
        assert tenants.count("quiet") == 5
        assert tenants.count("loud") == 35
        assert outbox.stats().lost == {Severity.HIGH: 465}


async def test_of_one_severity_the_tenant_that_holds_the_most_gives_way(make: MakeOutbox):
    async with started(make(max_events=10)) as outbox:
        for tenant in ["a"] * 3 + ["b"] * 5 + ["c"] * 2:
            await outbox.put([of_tenant(tenant)])
        await outbox.put([of_tenant("c")])
        tenants = [each.event.data.ids.tenant for each in await outbox.claim(100)]
        assert (tenants.count("a"), tenants.count("b"), tenants.count("c")) == (3, 4, 3)


async def test_claim_takes_only_what_is_admitted_and_looks_at_the_rest_no_more_than_asked(make: MakeOutbox):
    class OnlySome:
        after = after_memory = 0

        def restart(self) -> None:
            self.asked: list[int] = []

        def admits(self, position: int, kind: Kind, key: str) -> bool:
            self.asked.append(position)
            return position % 2 == 0

    admission = OnlySome()
    async with started(make()) as outbox:
        await outbox.put(faults(*"abcdef"))
        batch = await outbox.claim(2, admission)
        assert (names(batch), numbers(batch)) == (["b", "d"], [1, 2])
        assert len(admission.asked) == 4
        assert numbers(await outbox.claim(10)) == [3, 1, 4, 2, 5, 6], "what was passed over has its numbers later"


async def test_size_is_bounded_too(make: MakeOutbox):
    size = len(to_row(a_fault(what="a")).body)
    async with started(make(max_bytes=max(1024, size * 5))) as outbox:
        for name in "abcdefghijklmnopqrstuvwxyz":
            await outbox.put(faults(name))
        stats = outbox.stats()
        assert stats.waiting_bytes <= max(1024, size * 5)
        assert stats.waiting_events + sum(stats.lost.values()) == 26


async def test_event_larger_than_the_outbox_is_lost_and_pushes_nothing_out(make: MakeOutbox):
    async with started(make(max_bytes=1024)) as outbox:
        await outbox.put(faults("a"))
        await outbox.put([a_violation(excerpt="x" * 10)])
        assert names(await outbox.claim(10)) == ["a", "outbox"], "the loss is told, as there is room"
        assert outbox.stats().lost == {Severity.HIGH: 1}


async def test_event_with_a_number_is_never_lost(make: MakeOutbox):
    async with started(make(max_events=3)) as outbox:
        await outbox.put([of_severity(Severity.INFO) for _ in range(3)])
        claimed = await outbox.claim(2)
        for _ in range(4):
            await outbox.put([of_severity(Severity.CRITICAL)])
        assert (await outbox.claim(10))[:2] == claimed
        assert outbox.stats().lost == {Severity.INFO: 1, Severity.CRITICAL: 3}


async def test_losses_are_told_when_there_is_room_again_and_leave_no_gap(make: MakeOutbox):
    async with started(make(max_events=3)) as outbox:
        for severity in [Severity.HIGH, Severity.LOW, Severity.INFO, Severity.HIGH, Severity.HIGH]:
            await outbox.put([of_severity(severity)])
        assert numbers(await outbox.claim(3)) == [1, 2, 3]
        await outbox.acknowledge((await outbox.claim(3))[:2])
        batch = await outbox.claim(10)
        assert numbers(batch) == [3, 4]
        told = batch[-1].event.data
        assert isinstance(told, Fault)
        assert (told.fault, told.count, told.lost) == (FaultKind.EVENTS_LOST, 2, {"info": 1, "low": 1})
        await outbox.acknowledge(batch)
        assert await outbox.claim(10) == [], "losses are told once"


async def test_stats_say_how_it_stands(make: MakeOutbox):
    async with started(make()) as outbox:
        event = a_fault()
        await outbox.put([event, event])
        await outbox.claim(1)
        stats = outbox.stats()
        assert (stats.waiting_events, stats.waiting_bytes) == (2, 2 * len(to_row(event).body))
        assert (stats.put, stats.next_sequence, stats.lost, stats.is_failing) == (2, 2, {}, False)


async def test_closed_outbox_counts_what_comes_as_lost(make: MakeOutbox):
    outbox = make()
    await outbox.start()
    await outbox.stop()
    await outbox.put([of_severity(Severity.HIGH)])
    assert outbox.stats().lost == {Severity.HIGH: 1}
    with pytest.raises(OutboxError, match="closed"):
        await outbox.claim(1)


async def test_put_that_is_cancelled_does_not_disturb_others(make: MakeOutbox):
    async with started(make()) as outbox:
        cancelled = asyncio.ensure_future(outbox.put(faults("a")))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        await outbox.put(faults("b"))
        assert names(await outbox.claim(10))[-1] == "b"


@pytest.mark.slow
@settings(max_examples=min(100, settings().max_examples))
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.sampled_from(list(Severity))),
            st.tuples(st.just("claim"), st.integers(1, 4)),
            st.tuples(st.just("acknowledge"), st.integers(0, 4)),
        ),
        max_size=30,
    )
)
def test_double_does_what_the_real_one_does(steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory):
    limits = OutboxSettings(path=tmp_path_factory.mktemp("outbox") / "o.db", max_events=5, durability="normal")
    asyncio.run(compare(SqliteOutbox(limits), MemoryOutbox(limits), steps))


async def compare(real: Outbox, double: Outbox, steps: Sequence[tuple[str, int]]) -> None:
    async with started(real), started(double):
        for step, argument in steps:
            seen = [await take(outbox, step, argument) for outbox in (real, double)]
            assert seen[0] == seen[1], step
            mine, theirs = real.stats(), double.stats()
            assert (mine.waiting_events, mine.lost, mine.next_sequence) == (
                theirs.waiting_events,
                theirs.lost,
                theirs.next_sequence,
            )


async def take(outbox: Outbox, step: str, argument: int) -> list[tuple[int, Severity]]:
    match step:
        case "put":
            await outbox.put([of_severity(Severity(argument))])
        case "claim":
            return [(each.sequence, each.event.severity) for each in await outbox.claim(argument)]
        case "acknowledge":
            await outbox.acknowledge((await outbox.claim(5))[argument:])
    return []
