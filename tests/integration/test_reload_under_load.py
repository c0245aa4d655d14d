"""Policies change as fast as they can be read while streams run, with a canary: no stream sees two, and none fails.

Sized for CI on two busy cores; `TIDEGATE_RELOAD_STREAMS=1000` is the full size (`python -m benchmarks.reload` measures
it). What is checked is counted, not timed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.reload.load import run

pytestmark = pytest.mark.slow

STREAMS = int(os.environ.get("TIDEGATE_RELOAD_STREAMS", "200"))


async def test_no_stream_sees_two_versions_and_none_fails(tmp_path: Path) -> None:
    told = await run(tmp_path, streams=STREAMS, changes=20)
    assert told.streams >= STREAMS
    assert told.failed == 0
    assert told.mixed == 0
    assert told.unlike_their_events == 0
    assert told.sides["canary"] > 0
    assert told.sides["stable"] > 0
    assert told.changes >= 20
    assert told.versions > 10, "streams began under many versions"
    assert told.outlived > 0, "streams went on while their policy was replaced"
