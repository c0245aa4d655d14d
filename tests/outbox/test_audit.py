"""What a consumer can prove: nothing is accused that retention may have removed, and nothing else is excused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.outbox.audit import Audit, ProducerReport, Report
from sidecar.outbox.event import Data
from sidecar.outbox.reads import LogStart, Read
from tests.outbox.samples import a_fault

Logs = Mapping[str, Sequence[int]]
"""The numbers in each partition, in their order."""


def event(number: int, event_id: str = "") -> Data:
    data = a_fault().data
    ids = replace(data.ids, producer="p", sequence=number, session=f"s-{number % 3}", event=event_id or data.ids.event)
    return replace(data, ids=ids)


def audited(logs: Logs, begins: Mapping[str, int] | None) -> Report:
    audit = Audit()
    for lane in logs:
        if begins is not None:
            audit.add(LogStart(lane, begins.get(lane, 0)))
    for lane, numbers in logs.items():
        for number in numbers:
            audit.add(Read("", event(number), lane=lane))
    return audit.report()


def of(report: Report) -> ProducerReport:
    (producer,) = report.producers
    return producer


def spread(lanes: Sequence[int]) -> dict[str, list[int]]:
    """Number events from 1, each in the partition that is said."""
    logs: dict[str, list[int]] = {f"t/{lane}": [] for lane in range(4)}
    for number, lane in enumerate(lanes, 1):
        logs[f"t/{lane}"].append(number)
    return logs


def test_whole_logs_are_proved_from_the_first_number():
    report = audited(spread([0, 1, 2, 3, 0]), {})
    assert report.is_fine
    assert (of(report).proved_from, of(report).unproved) == (1, 0)


def test_first_numbers_that_are_not_in_whole_logs_are_missing():
    producer = of(audited({"t/0": [3, 4]}, {}))
    assert (producer.missing, [(gap.first, gap.last) for gap in producer.gaps]) == (2, [(1, 2)])


def test_without_a_word_on_where_logs_begin_nothing_is_said_of_what_lies_before():
    producer = of(audited({"": [3, 4]}, None))
    assert (producer.missing, producer.proved_from) == (0, 3)


def test_partition_that_is_cut_to_nothing_leaves_nothing_to_prove():
    report = audited({"t/0": [1, 4, 6], "t/1": []}, {"t/1": 3})
    assert report.is_fine
    assert (of(report).proved_from, of(report).unproved) == (6, 3)


def test_order_is_judged_within_a_partition():
    """Sessions 0 and 1: in one partition after a greater number, and in two partitions, which is no disorder."""
    assert of(audited({"t/0": [4, 1], "t/1": [2, 3]}, {})).disordered == (1,)
    assert of(audited({"t/0": [4], "t/1": [1], "t/2": [2, 3]}, {})).disordered == ()


def test_two_events_under_one_number_are_a_conflict_and_one_twice_is_a_repeat():
    audit = Audit()
    first, other = event(1), event(1, "01a18f0c-2f8a-7d53-9a3e-5b1c7d0e4f21")
    for data in (first, first, other):
        audit.add(Read("", data))
    producer = of(audit.report())
    assert (producer.repeats, producer.conflicts) == (1, (1,))
    assert not audit.report().is_fine


def test_hole_that_retention_made_while_reading_is_not_fine():
    audit = Audit()
    audit.add(Read("", event(1)))
    audit.add(Read("t/0@5", None, "9 records were removed", lane="t/0", is_hole=True))
    assert not audit.report().is_fine


@given(
    lanes=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 12), min_size=4, max_size=4),
)
def test_no_cut_of_the_oldest_is_ever_an_accusation(lanes: list[int], cuts: list[int]):
    logs = spread(lanes)
    begins = {lane: min(cut, len(logs[lane])) for lane, cut in zip(logs, cuts, strict=True)}
    left = {lane: numbers[begins[lane] :] for lane, numbers in logs.items()}
    if any(left.values()):
        assert audited(left, begins).is_fine


@given(
    lanes=st.lists(st.integers(0, 3), min_size=2, max_size=40),
    cuts=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    which=st.integers(0, 39),
)
def test_what_is_missing_above_all_cuts_is_always_an_accusation(lanes: list[int], cuts: list[int], which: int):
    logs = spread(lanes)
    begins = {lane: min(cut, max(0, len(logs[lane]) - 1)) for lane, cut in zip(logs, cuts, strict=True)}
    left = {lane: numbers[begins[lane] :] for lane, numbers in logs.items()}
    lost = which % len(lanes) + 1
    above = max((left[lane][0] for lane in left if begins[lane]), default=0)
    lane = next(lane for lane, numbers in logs.items() if lost in numbers)
    if above < lost < len(lanes):
        left[lane] = [number for number in left[lane] if number != lost]
        assert of(audited(left, begins)).missing == 1
