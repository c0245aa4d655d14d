"""Comparisons of streams: intervals by published examples and by simulation, groups, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from sidecar.cli.main import main
from sidecar.outbox.builders import Ending, decision_event
from sidecar.outbox.comparison import MOST_GROUPS, Comparison, ComparisonError
from sidecar.outbox.encode import encode_line
from sidecar.outbox.event import Event, GroundingSummary
from sidecar.outbox.intervals import (
    Moments,
    mean_difference,
    mean_interval,
    share_difference,
    share_interval,
    t_quantile,
)
from sidecar.values import Action
from tests.outbox.samples import INFO, NOW, numbered


def a_stream(
    version: str, *, blocked: bool = False, faithfulness: float | None = None, first_ms: float = 100.0
) -> Event:
    ending = Ending(
        ended="blocked" if blocked else "finished",
        done=Action.BLOCK if blocked else Action.ALLOW,
        duration_ms=1,
        violations={"r": 1} if blocked else {},
        grounding=None if faithfulness is None else GroundingSummary(faithfulness=faithfulness),
        first_release_ms=first_ms,
    )
    return decision_event(replace(INFO, prompt_version=version), ending, NOW)


def moments(values: list[float]) -> Moments:
    found = Moments()
    for each in values:
        found.add(each)
    return found


def test_shares_have_the_intervals_of_the_papers():
    # Newcombe 1998 (Statistics in Medicine 17), tables I: 81 of 263, Wilson; and II: 56/70 less 48/80, method 10.
    assert share_interval(81, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert share_difference((56, 70), (48, 80), 0.95) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert share_interval(0, 20, 0.95) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert share_interval(0, 0, 0.95) == (0, 1)


@pytest.mark.parametrize(
    ("level", "freedom", "expected"),
    [(0.95, 19, 2.093024), (0.99, 19, 2.860935), (0.999, 30, 3.645959), (0.95, 1e9, 1.959964)],
)
def test_t_is_that_of_the_tables(level: float, freedom: float, expected: float):
    assert t_quantile(level, freedom) == pytest.approx(expected, abs=2e-3)


def test_means_are_added_one_by_one():
    values = [float(each) for each in range(40)]
    found = moments(values)
    assert found.count == 40
    assert found.mean == pytest.approx(19.5)
    assert found.variance_of_mean == pytest.approx(np.var(values, ddof=1) / 40)
    assert mean_interval(moments(values[:19]), 0.95) is None


def test_intervals_of_differences_hold_as_often_as_they_say():
    rng, held, runs = np.random.default_rng(7), 0, 400
    for _ in range(runs):
        first, second = (moments(rng.exponential(size=60).tolist()) for _ in range(2))
        interval = mean_difference(first, second, 0.9)
        assert interval is not None
        held += interval.holds_zero
    assert 0.86 <= held / runs <= 0.94


def test_a_group_that_differs_is_told_and_one_that_does_not_is_not():
    comparison = Comparison("prompt_version", ["refusals", "faithfulness"])
    for number in range(200):
        comparison.add(a_stream("1", blocked=number % 20 == 0, faithfulness=0.9 + number % 10 / 100).data)
        comparison.add(a_stream("2", blocked=number % 4 == 0, faithfulness=0.9 + number % 10 / 100).data)
    comparison.add(a_stream("1").data)
    rows = {(row.measure, row.group): row for row in comparison.rows()}
    assert [*rows] == [("refusals", "1"), ("refusals", "2"), ("faithfulness", "1"), ("faithfulness", "2")]
    assert rows["refusals", "1"].difference is None
    assert rows["refusals", "2"].value == 0.25
    assert rows["refusals", "2"].differs
    assert not rows["faithfulness", "2"].differs
    assert rows["faithfulness", "1"].streams == 200


def test_the_more_is_compared_the_wider_the_intervals():
    few, many = (
        Comparison("prompt_version", ["refusals"]),
        Comparison("prompt_version", ["refusals", "failed", "changed"]),
    )
    for number in range(100):
        for comparison in (few, many):
            comparison.add(a_stream("1", blocked=number % 10 == 0).data)
            comparison.add(a_stream("2", blocked=number % 5 == 0).data)
    (narrow,), (wide,) = (
        [each.difference for each in one.rows("1") if each.measure == "refusals" and each.difference]
        for one in (few, many)
    )
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_repeated_event_counts_once():
    comparison, event = Comparison("prompt_version", ["refusals"]), a_stream("1")
    comparison.add(event.data)
    comparison.add(event.data)
    assert comparison.streams == {"1": 1}


def test_what_cannot_be_compared_is_told():
    comparison = Comparison("prompt_version", ["refusals"])
    with pytest.raises(ComparisonError, match="nothing to compare"):
        [*comparison.rows()]
    for number in range(MOST_GROUPS):
        comparison.add(a_stream(f"v{number}").data)
    with pytest.raises(ComparisonError, match="no group 'x'"):
        [*comparison.rows("x")]
    with pytest.raises(ComparisonError, match="more than 20 groups"):
        comparison.add(a_stream("one more").data)
    with pytest.raises(ComparisonError, match="is no number"):
        Comparison("prompt_version", ["policy.name"]).add(a_stream("1").data)


def test_the_command_compares_a_file(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    events = [
        a_stream(str(1 + number % 2), blocked=number % 2 == 0, first_ms=100 + number % 7) for number in range(100)
    ]
    events.append(a_stream(""))
    path.write_bytes(b"".join(encode_line(numbered(each, number), NOW) for number, each in enumerate(events, start=1)))
    words = ["events", "compare", "--file", str(path), "--of", "refusals,first_release_ms", "--baseline", "2"]
    run = CliRunner().invoke(main, words)
    assert run.exit_code == 0, run.output
    assert "differs" in run.output
    run = CliRunner().invoke(main, [*words, "--json", "--check"])
    assert run.exit_code == 1
    told = json.loads(run.stdout)
    assert told["without"] == 1
    assert [(row["measure"], row["group"], row["differs"]) for row in told["rows"]] == [
        ("refusals", "2", False),
        ("refusals", "1", True),
        ("first_release_ms", "2", False),
        ("first_release_ms", "1", False),
    ]
    assert CliRunner().invoke(main, [*words, "--of", ","]).exit_code == 2
