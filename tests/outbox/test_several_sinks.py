"""One outbox, several sinks: to each it is as if it were the only one."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.outbox.event import Event, Fault, Kind
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.outbox import Numbered, Outbox
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.outbox.subscriptions import Subscription, Subscriptions
from sidecar.values import Severity
from tests.outbox.samples import a_fault, a_violation, of_severity
from tests.outbox.test_crash import copy_of, until

MakeOutbox = Callable[..., Outbox]
ALL = Subscription("all")
GRAVE = Subscription("grave", lambda event: event.severity >= Severity.HIGH)
FAULTS = Subscription("faults", lambda event: event.kind is Kind.FAULT)


@pytest.fixture(params=["sqlite", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeOutbox:
    """Makes an outbox for some sinks, with the given limits."""

    def make_outbox(*sinks: Subscription, **limits: int) -> Outbox:
        settings = OutboxSettings.model_validate({"path": tmp_path / "outbox.db", "durability": "normal"} | limits)
        kind = SqliteOutbox if request.param == "sqlite" else MemoryOutbox
        return kind(settings, subscriptions=Subscriptions(sinks))

    return make_outbox


def outbox_at(path: Path, *sinks: Subscription, **values: object) -> SqliteOutbox:
    limits = OutboxSettings.model_validate({"path": path, "durability": "normal"} | values)
    return SqliteOutbox(limits, subscriptions=Subscriptions(sinks))


@asynccontextmanager
async def started(outbox: Outbox) -> AsyncIterator[Outbox]:
    await outbox.start()
    try:
        yield outbox
    finally:
        await outbox.stop()


def ids(batch: Sequence[Numbered]) -> list[str]:
    return [each.event.id for each in batch]


def count_in(event: Event) -> int:
    """How many events an event says are lost."""
    return sum(event.data.lost.values()) if isinstance(event.data, Fault) else 0


def numbers(batch: Sequence[Numbered]) -> list[int]:
    return [each.sequence for each in batch]


# --- What each sink is owed -------------------------------------------------------------------------------------------


async def test_each_sink_gets_what_it_wants_under_numbers_of_its_own(make: MakeOutbox):
    events = [of_severity(severity) for severity in (Severity.LOW, Severity.HIGH, Severity.INFO, Severity.CRITICAL)]
    async with started(make(ALL, GRAVE)) as outbox:
        await outbox.put(events)
        everything = await outbox.outlet("all").claim(10)
        grave = await outbox.outlet("grave").claim(10)
    assert (ids(everything), numbers(everything)) == ([event.id for event in events], [1, 2, 3, 4])
    assert (ids(grave), numbers(grave)) == ([events[1].id, events[3].id], [1, 2]), "without a gap, by its own filter"
    producers = {each.producer for each in everything} | {each.producer for each in grave}
    assert producers == {everything[0].producer, f"{everything[0].producer}-grave"}


async def test_event_is_deleted_when_all_who_want_it_have_it(make: MakeOutbox):
    async with started(make(ALL, GRAVE)) as outbox:
        await outbox.put([of_severity(Severity.HIGH), of_severity(Severity.LOW)])
        await outbox.outlet("all").acknowledge(await outbox.outlet("all").claim(10))
        assert await outbox.outlet("all").claim(10) == []
        await outbox.put([])
        stats = outbox.stats()
        assert (stats.waiting_events, stats.owed) == (1, {"all": 0, "grave": 1})
        await outbox.outlet("grave").acknowledge(await outbox.outlet("grave").claim(10))
        await outbox.outlet("grave").claim(10)
        assert (outbox.stats().waiting_events, outbox.stats().owed) == (0, {"all": 0, "grave": 0})


async def test_what_nobody_wants_is_not_kept(make: MakeOutbox):
    async with started(make(GRAVE, FAULTS)) as outbox:
        await outbox.put([of_severity(Severity.LOW)])
        assert (outbox.stats().waiting_events, outbox.stats().lost) == (0, {})


async def test_filter_that_fails_lets_the_event_through(make: MakeOutbox):
    def fails(_event: Event) -> bool:
        raise KeyError("a bug")

    async with started(make(Subscription("odd", fails))) as outbox:
        await outbox.put([a_fault()])
        assert len(await outbox.outlet("odd").claim(10)) == 1


async def test_one_sink_acknowledges_nothing_for_another(make: MakeOutbox):
    async with started(make(ALL, FAULTS)) as outbox:
        await outbox.put([a_fault(), a_fault()])
        for_faults = await outbox.outlet("faults").claim(10)
        await outbox.outlet("all").claim(1)
        await outbox.outlet("all").acknowledge(for_faults)
        assert numbers(await outbox.outlet("all").claim(10)) == [2], "only what it had claimed itself"
        assert numbers(await outbox.outlet("faults").claim(10)) == [1, 2]


async def test_each_sink_is_woken_for_itself(make: MakeOutbox):
    async with started(make(ALL, FAULTS)) as outbox:
        both = [outbox.outlet("all"), outbox.outlet("faults")]
        for outlet in both:
            await outlet.claim(1)
        await outbox.put([a_fault()])
        async with asyncio.timeout(30):
            await both[0].wait()
            await both[0].claim(1)
            await both[1].wait()


# --- When it is full --------------------------------------------------------------------------------------------------


async def test_sink_that_is_ill_takes_no_room_from_one_that_is_well(make: MakeOutbox):
    """What has waited longest for the dead one gives way, even to what matters less: it is the other's."""
    async with started(make(ALL, Subscription("dead"), max_events=10)) as outbox:
        well = outbox.outlet("all")
        for number in range(60):
            await outbox.put([of_severity(Severity.HIGH if number < 40 else Severity.INFO)])
            batch = await well.claim(10)
            assert len(batch) == 1
            await well.acknowledge(batch)
        await well.claim(1)
        stats = outbox.stats()
        assert stats.lost_by["all"] == {}
        assert stats.waiting_events <= 10
        kept = [each.event.severity for each in await outbox.outlet("dead").claim(100)]
        assert kept.count(Severity.HIGH) >= 8, "of its own, the lowest severity goes first"
        assert sum(stats.lost_by["dead"].values()) + stats.owed["dead"] == 60 + 1, "one tells of it"


async def test_each_sink_is_told_of_its_own_losses_whatever_it_wants(make: MakeOutbox):
    nothing_but_violations = Subscription("dead", lambda event: event.kind is Kind.VIOLATION)
    async with started(make(ALL, nothing_but_violations, max_events=3)) as outbox:
        well, dead = outbox.outlet("all"), outbox.outlet("dead")
        for _ in range(5):
            await outbox.put([a_violation()])
            await well.acknowledge(await well.claim(10))
        await well.claim(1)
        lost = sum(outbox.stats().lost_by["dead"].values())
        assert lost >= 2
        told = 0
        while batch := await dead.claim(10):
            told += sum(count_in(each.event) for each in batch)
            await dead.acknowledge(batch)
        assert told == lost
        assert await well.claim(10) == []


async def test_two_that_are_ill_lose_by_severity_and_no_more_than_one_would(make: MakeOutbox):
    async with started(make(Subscription("one"), Subscription("two"), max_events=4)) as outbox:
        for severity in [Severity.LOW, Severity.HIGH, Severity.INFO, Severity.INFO, Severity.MEDIUM, Severity.HIGH]:
            await outbox.put([of_severity(severity)])
        for name in ("one", "two"):
            left = [each.event.severity for each in await outbox.outlet(name).claim(10)]
            assert left == [Severity.LOW, Severity.HIGH, Severity.MEDIUM, Severity.HIGH]
            assert outbox.stats().lost_by[name] == {Severity.INFO: 2}


# --- Sinks that come and go -------------------------------------------------------------------------------------------


async def test_only_sink_may_be_called_otherwise_and_goes_on_under_its_numbers(tmp_path: Path):
    path = tmp_path / "o.db"
    async with started(outbox_at(path)) as outbox:
        await outbox.put([a_fault(what="a")])
    async with started(outbox_at(path, Subscription("kafka"))) as outbox:
        assert numbers(await outbox.outlet("kafka").claim(10)) == [1]
    async with started(outbox_at(path, Subscription("file"), Subscription("webhook"))) as outbox:
        await outbox.put([a_fault(what="b")])
        assert numbers(await outbox.outlet("file").claim(10)) == [1, 2], "the first named has what was there"
        assert numbers(await outbox.outlet("webhook").claim(10)) == [1]
    async with started(outbox_at(path)) as outbox:
        await outbox.put([a_fault(what="c")])
    async with started(outbox_at(path, Subscription("webhook"), Subscription("file"))) as outbox:
        found = [each.event.subject for each in await outbox.outlet("file").claim(10)]
        assert found == ["a", "b", "c"], "without a sink in the settings, what comes is for the first"


async def test_what_waits_for_a_sink_that_is_no_more_stays_until_it_is_forgotten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = tmp_path / "o.db"
    async with started(outbox_at(path, ALL, FAULTS)) as outbox:
        await outbox.put([a_fault()])
        await outbox.outlet("all").acknowledge(await outbox.outlet("all").claim(10))
    async with started(outbox_at(path, ALL)) as outbox:
        assert outbox.stats().gone == {"faults": 1}
        assert any("outbox.forget_sinks" in record.message for record in caplog.records)
    async with started(outbox_at(path, ALL, FAULTS)) as outbox:
        assert numbers(await outbox.outlet("faults").claim(10)) == [1], "named again, it has its own"
    async with started(outbox_at(path, ALL, forget_sinks=("faults",))) as outbox:
        assert (outbox.stats().gone, outbox.stats().waiting_events) == ({}, 0)
    async with started(outbox_at(path, ALL, FAULTS)) as outbox:
        await outbox.put([a_fault()])
        assert numbers(await outbox.outlet("faults").claim(10)) == [2], "a number is never given again"


async def test_what_nobody_is_named_for_gives_way_first(tmp_path: Path):
    path = tmp_path / "o.db"
    async with started(outbox_at(path, ALL, FAULTS)) as outbox:
        await outbox.put([a_fault() for _ in range(3)])
        await outbox.outlet("all").acknowledge(await outbox.outlet("all").claim(10))
    async with started(outbox_at(path, ALL, max_events=3)) as outbox:
        for _ in range(3):
            await outbox.put([of_severity(Severity.INFO)])
        assert len(await outbox.outlet("all").claim(10)) == 3
        assert outbox.stats().gone == {}


async def test_damaged_file_is_taken_over_for_each_sink_under_the_numbers_it_is_known_by(tmp_path: Path):
    path = tmp_path / "o.db"
    async with started(outbox_at(path, ALL, GRAVE)) as outbox:
        await outbox.put([of_severity(Severity.HIGH, "a"), of_severity(Severity.LOW, "b")])
        path.unlink()
        await outbox.put([of_severity(Severity.HIGH, "c")])
        await until(lambda: not outbox.stats().is_failing and not outbox.stats().in_memory)
        for name, expected in (("all", ["a", "", "outbox", "c"]), ("grave", ["a", "outbox", "c"])):
            batch = await outbox.outlet(name).claim(10)
            assert len(batch) == len(expected)
            assert numbers(batch) == list(range(1, len(expected) + 1))


# --- Properties -------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(list(Severity))),
        st.tuples(st.sampled_from(["claim all", "claim grave", "claim faults"]), st.integers(1, 4)),
        st.tuples(st.sampled_from(["take all", "take grave", "take faults"]), st.integers(0, 4)),
        st.tuples(st.just("kill"), st.just(0)),
    ),
    max_size=30,
)


class Model:
    """What each sink was put, and what it has seen; a loss event says how many it will not see."""

    def __init__(self) -> None:
        self.put: defaultdict[str, list[str]] = defaultdict(list)
        self.seen: defaultdict[str, dict[int, Event]] = defaultdict(dict)

    def record(self, event: Event) -> None:
        for each in (ALL, GRAVE, FAULTS):
            if each.wants(event):
                self.put[each.name].append(event.id)

    def take(self, name: str, batch: Sequence[Numbered]) -> None:
        for each in batch:
            assert self.seen[name].setdefault(each.sequence, each.event).id == each.event.id, "a number is one event's"

    def check(self, lost_by: dict[str, int]) -> None:
        for name, put in self.put.items():
            seen = self.seen[name]
            assert sorted(seen) == list(range(1, len(seen) + 1)), "without a gap"
            own = [seen[number].id for number in sorted(seen) if seen[number].id in put]
            assert own == [each for each in put if each in own], "in order"
            assert len(set(own)) == len(own), "once"
            assert len(put) - len(own) == lost_by[name], "what is missing is counted"
            assert sum(map(count_in, seen.values())) == lost_by[name], "and told of"


@pytest.mark.slow
@settings(max_examples=min(150, settings().max_examples))
@given(steps=STEPS, max_events=st.sampled_from([3, 6, 1000]))
def test_whatever_happens_each_sink_has_all_that_it_wants_in_order_or_is_told(
    steps: list[tuple[str, int]], max_events: int, tmp_path_factory: pytest.TempPathFactory
):
    asyncio.run(live_through(steps, max_events, tmp_path_factory.mktemp("sinks")))


async def live_through(steps: list[tuple[str, int]], max_events: int, folder: Path) -> None:
    model, generation, lost = Model(), 0, Counter[str]()
    path = folder / "0" / "o.db"
    outbox = outbox_at(path, ALL, GRAVE, FAULTS, max_events=max_events)
    await outbox.start()
    for step, argument in steps:
        what, _, name = step.partition(" ")
        if what == "put":
            event = of_severity(Severity(argument))
            model.record(event)
            await outbox.put([event])
        elif what == "claim":
            model.take(name, await outbox.outlet(name).claim(argument))
        elif what == "take":
            batch = await outbox.outlet(name).claim(5)
            model.take(name, batch)
            await outbox.outlet(name).acknowledge(batch[argument:])
        else:
            lost.update({each: sum(counts.values()) for each, counts in outbox.stats().lost_by.items()})
            generation += 1
            copied = copy_of(path, folder / str(generation) / "o.db")
            await outbox.stop()
            path = copied
            outbox = outbox_at(path, ALL, GRAVE, FAULTS, max_events=max_events)
            await outbox.start()
    await drain(outbox, model)
    lost.update({each: sum(counts.values()) for each, counts in outbox.stats().lost_by.items()})
    await outbox.stop()
    model.check(lost)


async def drain(outbox: Outbox, model: Model) -> None:
    """Take all that there is, until even what tells of losses is taken."""
    while any(outbox.stats().owed.values()):
        for each in (ALL, GRAVE, FAULTS):
            batch = await outbox.outlet(each.name).claim(100)
            model.take(each.name, batch)
            await outbox.outlet(each.name).acknowledge(batch)


@pytest.mark.slow
@settings(max_examples=min(100, settings().max_examples))
@given(steps=STEPS)
def test_double_does_what_the_real_one_does(steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory):
    limits = OutboxSettings(path=tmp_path_factory.mktemp("outbox") / "o.db", max_events=5, durability="normal")
    sinks = (ALL, GRAVE, FAULTS)
    real = SqliteOutbox(limits, subscriptions=Subscriptions(sinks))
    asyncio.run(compare(real, MemoryOutbox(limits, subscriptions=Subscriptions(sinks)), steps))


async def compare(real: Outbox, double: Outbox, steps: Sequence[tuple[str, int]]) -> None:
    async with started(real), started(double):
        for step, argument in steps:
            seen = [await take(outbox, step, argument) for outbox in (real, double)]
            assert seen[0] == seen[1], step
            mine, theirs = real.stats(), double.stats()
            assert (mine.waiting_events, mine.lost_by, mine.owed) == (
                theirs.waiting_events,
                theirs.lost_by,
                theirs.owed,
            )


async def take(outbox: Outbox, step: str, argument: int) -> list[tuple[int, Severity]]:
    what, _, name = step.partition(" ")
    match what:
        case "put":
            await outbox.put([of_severity(Severity(argument))])
        case "claim":
            return [(each.sequence, each.event.severity) for each in await outbox.outlet(name).claim(argument)]
        case "take":
            outlet = outbox.outlet(name)
            await outlet.acknowledge((await outlet.claim(5))[argument:])
    return []
