"""What a token, an event and a decision take is counted, and does not grow unseen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.counted.__main__ import compared, recorded
from benchmarks.counted.counting import BUILTINS, CALLS, SCHEDULED

_ONE = "a token"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the counts are those of Python 3.11, which CI runs")
def test_no_hot_path_does_a_tenth_more_or_less_than_is_written_down():
    """In a process of its own: what other tests loaded, and watch, is not counted."""
    counting = subprocess.run(
        [sys.executable, "-m", "benchmarks.counted", "--check"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert counting.returncode == 0, counting.stderr


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (10.9, ""),
        (9.1, ""),
        (11.1, "a token: calls grew from 10 to 11.1: do less, or, if it is worth that, write it down: `python -m"),
        (8.9, "a token: calls fell from 10 to 8.9: write it down, so that it stays so: `python -m benchmarks.counted`"),
    ],
)
def test_what_grows_or_falls_by_more_than_a_tenth_is_told(now: float, told: str):
    assert "".join(compared({_ONE: {CALLS: now}}, {_ONE: {CALLS: 10.0}})).startswith(told)
    assert bool([*compared({_ONE: {CALLS: now}}, {_ONE: {CALLS: 10.0}})]) == bool(told)


def test_what_is_new_or_gone_is_told():
    assert len([*compared({"new": {CALLS: 1.0}}, {"gone": {CALLS: 1.0}})]) == 2


def test_every_part_of_a_tokens_way_is_written_down():
    counts = recorded()
    assert len(counts) == 8
    assert all(each[CALLS] > 0 and each[BUILTINS] > 0 for each in counts.values())
    assert counts["a token through gRPC and back"][SCHEDULED] < 0.2, "most tokens wake nobody"
