"""What labels let one know of a threshold: figures worked out by hand, and the threshold that follows from a cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.outbox.builders import uuid7
from sidecar.outbox.event import Data, StreamDecision, Violation
from tests.outbox.samples import NOW, a_label, a_stream_decision, a_violation
from workbench.preview.confusion import share_of
from workbench.tuning.evidence import Evidence, Found, Subject, gather
from workbench.tuning.points import Cost, labels_needed, points, proposal

SUBJECT = Subject("test", ("rule-0",), "WORD")


def finding(score: float, stream: str, *, rule: str = "rule-0", threshold: float = 0.5, start: int = 10) -> Violation:
    data = a_violation().data
    assert isinstance(data, Violation)
    where = replace(data.where, span=replace(data.where.span, start=start, end=start + 4))
    return replace(
        data,
        ids=replace(data.ids, stream=stream, event=uuid7(NOW)),
        policy=replace(data.policy, rule=rule),
        detector=replace(data.detector, score=score, threshold=threshold, label="WORD"),
        where=where,
    )


def ended(stream: str, *, untold: int = 0) -> StreamDecision:
    data = a_stream_decision().data
    assert isinstance(data, StreamDecision)
    return replace(data, ids=replace(data.ids, stream=stream, event=uuid7(NOW)), untold={"rule-0": untold})


def said(event: Data, verdict: str, **more: str) -> Data:
    return a_label(verdict, event=event.ids.event, **more).data


def evidence_of(*judged: tuple[float, bool | None], streams: int = 0, missed: int = 0) -> Evidence:
    found = tuple(Found(score, f"s{number}", right) for number, (score, right) in enumerate(judged))
    return Evidence(found=found, floor=0.5, streams=streams, missed=missed)


def test_each_finding_is_judged_by_its_label():
    first, second, third = (finding(0.9, "a"), finding(0.8, "b"), finding(0.7, "c"))
    evidence = gather(SUBJECT, [first, second, third, said(first, "true_positive"), said(second, "false_positive")])
    assert {(each.score, each.is_right) for each in evidence.found} == {(0.9, True), (0.8, False), (0.7, None)}
    assert (evidence.right, evidence.wrong) == (1, 1)


def test_a_finding_that_a_shadow_rule_told_of_as_well_is_one_and_takes_the_label_of_either():
    subject = Subject("test", ("rule-0", "low"), "WORD")
    enforced, shadow = finding(0.9, "a", threshold=0.8), finding(0.9, "a", rule="low", threshold=0.2)
    below = finding(0.3, "b", rule="low", threshold=0.2)
    evidence = gather(subject, [enforced, shadow, below, said(shadow, "true_positive")])
    assert sorted((each.score, each.is_right) for each in evidence.found) == [(0.3, None), (0.9, True)]
    assert evidence.floor == 0.2, "the shadow rule recorded all from there on"


def test_the_floor_is_the_highest_threshold_that_the_rule_had():
    assert gather(SUBJECT, [finding(0.9, "a", threshold=0.4), finding(0.9, "b", threshold=0.6)]).floor == 0.6


def test_repeats_of_an_event_count_once_and_other_rules_not_at_all():
    one = finding(0.9, "a")
    assert len(gather(SUBJECT, [one, one, finding(0.9, "a", rule="other")]).found) == 1


def test_what_was_missed_is_told_of_streams_and_by_this_rule_and_label():
    streams = [ended("a", untold=3), ended("b"), ended("c")]
    labels = [
        said(streams[0], "missed", rule="rule-0", label="WORD"),
        said(streams[0], "missed", rule="test/rule-0", label="WORD", by="ben"),
        said(streams[1], "clean", rule="rule-0"),
        said(streams[2], "missed", rule="other", label="WORD"),
    ]
    evidence = gather(SUBJECT, [*streams, *labels])
    assert (evidence.streams, evidence.missed, evidence.clean, evidence.untold) == (3, 1, 1, 3)


def test_disputed_and_foreign_labels_are_counted_and_judge_nothing():
    one, other = finding(0.9, "a"), finding(0.8, "b")
    labels = [said(one, "true_positive"), said(one, "false_positive", by="ben"), said(other, "true_positive")]
    evidence = gather(SUBJECT, [one, *labels])
    assert (evidence.right, evidence.wrong, evidence.disputed, evidence.foreign) == (0, 0, 1, 1)


def test_figures_at_each_threshold():
    evidence = evidence_of((0.95, True), (0.9, True), (0.8, False), (0.7, True), (0.6, None), streams=100, missed=1)
    told = {point.threshold: point for point in points(evidence)}
    assert [*told] == [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    at = told[0.8]
    assert (at.findings, at.labelled, at.flagged) == (3, 3, 3)
    assert at.precision == share_of(2, 3)
    assert at.known_recall == share_of(2, 4), "two of three right ones, and one that was missed"
    assert at.false_alarms.value == pytest.approx(1 / 3 * 3 / 100)
    assert told[0.5].false_alarms.value == pytest.approx(1 / 4 * 5 / 100), "one of four labelled, of five of a hundred"


def test_false_alarms_are_not_known_without_streams():
    assert points(evidence_of((0.9, False)))[0].false_alarms.value is None


def test_nothing_is_told_below_the_floor():
    evidence = Evidence(found=(Found(0.61, "a", True),), floor=0.605)
    assert [each.threshold for each in points(evidence, current=0.3)] == [0.61]


def many(right: int, wrong: int, *, at: float) -> Sequence[tuple[float, bool | None]]:
    return [(at, True)] * right + [(at, False)] * wrong


def test_the_least_threshold_that_keeps_to_the_cost_is_proposed():
    evidence = evidence_of(*many(100, 0, at=0.9), *many(50, 5, at=0.7), *many(20, 80, at=0.6), streams=10_000)
    told = points(evidence)
    by_precision = proposal(told, Cost("min_precision", 0.9))
    assert by_precision is not None
    assert by_precision.threshold == 0.7
    by_alarms = proposal(told, Cost("max_false_alarms", 0.002))
    assert by_alarms is not None
    assert by_alarms.threshold == 0.7
    assert proposal(told, Cost("max_false_alarms", 0.0000001)) is None


def test_a_proposal_keeps_to_the_cost_at_the_worse_end_of_the_interval():
    """Nine of nine right: the share may be as low as 0.70, so 0.9 is not shown."""
    told = points(evidence_of(*many(9, 0, at=0.9)))
    assert proposal(told, Cost("min_precision", 0.9)) is None
    assert labels_needed(Cost("min_precision", 0.9)) == 35
    enough = points(evidence_of(*many(35, 0, at=0.9)))
    assert proposal(enough, Cost("min_precision", 0.9)) is not None


@given(st.lists(st.tuples(st.floats(0.5, 1), st.sampled_from([True, False, None])), max_size=40))
def test_counts_fall_and_shares_stay_shares(judged: list[tuple[float, bool | None]]):
    told = points(evidence_of(*judged, streams=50))
    for lower, higher in pairwise(told):
        assert lower.findings >= higher.findings
        assert lower.labelled >= higher.labelled
        assert (lower.known_recall.value or 0) >= (higher.known_recall.value or 0)
    for each in told:
        for share in (each.precision, each.known_recall, each.false_alarms):
            assert share.value is None or 0 <= share.low <= share.value + 1e-9 <= share.high + 2e-9 <= 1 + 1e-8
