"""The micro-benchmarks run, and a segment that waits is made of few objects."""

from __future__ import annotations

import json

import pytest

from benchmarks.micro.__main__ import main, measure
from benchmarks.micro.operations import blocks_per_segment


def test_few_objects_are_made_for_a_segment_that_waits():
    """The segment, its text, the request, its record with two sets: what grows here, every stream pays for."""
    assert blocks_per_segment() <= 10


def test_a_cost_is_told_for_one_operation():
    calls: list[int] = []
    cost = measure((lambda: calls.append(1), 10), 0.001)
    assert len(calls) > 1
    assert cost >= 0


@pytest.mark.slow
def test_every_operation_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.argv", ["micro", "--seconds", "0.001", "--json"])
    main()
    result = json.loads(capsys.readouterr().out)
    assert len(result["cpu_us"]) == 12
    assert min(result["cpu_us"].values()) >= 0
