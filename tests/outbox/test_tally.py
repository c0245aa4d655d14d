"""Counting events by a field, over time."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sidecar.outbox import tally as tally_module
from sidecar.outbox.event import Data
from sidecar.outbox.tally import NONE, OTHERS, Tally, with_others
from tests.outbox.samples import INFO, a_fault, a_stream_decision, a_violation


def at(data: Data, moment: str) -> Data:
    return replace(data, time=replace(data.time, occurred=moment))


VIOLATION, DECISION, FAULT = a_violation().data, a_stream_decision().data, a_fault().data


def counted(field: str, *events: Data) -> dict[str, int]:
    tally = Tally(field)
    for data in events:
        tally.add(data)
    return dict(tally.totals())


@pytest.mark.parametrize(
    ("field", "counts"),
    [
        ("kind", {"violation": 1, "decision": 1, "fault": 1}),
        ("rule", {"rule-0": 1, NONE: 2}),
        ("done", {"redact": 2, NONE: 1}),
        ("tenant", {"acme": 2, NONE: 1}),
        ("app.labels.app", {"support-bot": 2, NONE: 1}),
        ("score", {"0.9": 1, NONE: 2}),
        ("direction", {"output": 2, NONE: 1}),
        ("violations", {"2": 1, NONE: 2}),
        ("nothing.such", {NONE: 3}),
    ],
)
def test_events_are_counted_by_columns_and_by_fields(field: str, counts: dict[str, int]):
    assert counted(field, VIOLATION, DECISION, FAULT) == counts


def test_an_event_counts_under_each_value_of_a_list():
    from sidecar.outbox.event import TagsRef, Violation

    assert isinstance(VIOLATION, Violation)
    tagged = replace(VIOLATION, tags=TagsRef(owasp=("LLM01:2025", "LLM02:2025")))
    assert counted("owasp", tagged, VIOLATION) == {"LLM01:2025": 1, "LLM02:2025": 1, NONE: 1}


def test_stretches_are_whole_and_none_is_left_out():
    tally = Tally("kind", every=3600)
    for moment in ("2026-11-29T10:59:59.999Z", "2026-11-29T11:00:00.000Z", "2026-11-29T13:30:00.000Z"):
        tally.add(at(FAULT, moment))
    assert {begin: dict(counts) for begin, counts in tally.over_time().items()} == {
        "2026-11-29T10:00:00.000Z": {"fault": 1},
        "2026-11-29T11:00:00.000Z": {"fault": 1},
        "2026-11-29T12:00:00.000Z": {},
        "2026-11-29T13:00:00.000Z": {"fault": 1},
    }


def test_values_without_a_bound_are_counted_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tally_module, "MOST_VALUES", 2)
    events = [a_violation(replace(INFO, session_id=f"s-{number}")).data for number in range(5)]
    assert counted("session", *events) == {"s-0": 1, "s-1": 1, OTHERS: 3}


def test_what_is_left_is_shown_together():
    assert with_others({"a": 5, "b": 2, "c": 1}, ["a"]) == {"a": 5, OTHERS: 3}
    assert with_others({"a": 5}, ["a", "b"]) == {"a": 5, "b": 0}
