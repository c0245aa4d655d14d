"""What becomes of events and of callers when the service is at its limit, on an ill disk, or stopped: short, in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.load import ORDEALS, Toll

pytestmark = [pytest.mark.slow]
_STREAMS = 60


async def live_through(name: str, folder: Path) -> Toll:
    (ordeal,) = (each for each in ORDEALS if each.name == name)
    toll = await ordeal.live_through(folder, name, _STREAMS)
    assert toll.shown
    assert toll.is_kept, toll
    return toll


@pytest.mark.parametrize("end", ["kill -9", "SIGTERM"])
async def test_no_shown_action_of_a_burst_lacks_its_event_however_the_service_ends(end: str, tmp_path: Path) -> None:
    toll = await live_through(f"a burst, ended by {end}", tmp_path)
    assert (toll.untold, toll.lost) == (0, 0)
    assert set(toll.ended) <= {"OK", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}


@pytest.mark.parametrize("policy", ["round_robin", "pick_first"])
async def test_with_two_backends_no_stream_fails_when_one_is_told_to_stop(policy: str, tmp_path: Path) -> None:
    toll = await live_through(f"SIGTERM, two backends, {policy}", tmp_path)
    assert set(toll.ended) == {"OK"}
    assert (toll.untold, toll.lost) == (0, 0)


async def test_streams_end_while_the_disk_hangs_and_all_is_told_when_it_comes_back(tmp_path: Path) -> None:
    """It hangs until the last stream is done: one that waited for it would wait for ever."""
    toll = await live_through("a disk that hangs and comes back", tmp_path)
    assert set(toll.ended) == {"OK"}
    assert (toll.untold, toll.lost) == (0, 0)


async def test_what_a_hanging_disk_did_not_take_before_a_kill_is_counted_and_told(tmp_path: Path) -> None:
    toll = await live_through("a disk that hangs, then kill -9", tmp_path)
    assert set(toll.ended) == {"OK"}
    assert toll.untold, "nothing hung"


@pytest.mark.parametrize("ill", ["a full disk", "the file locked by another process"])
async def test_what_is_shown_while_the_file_cannot_be_written_is_told_or_counted_after_a_kill(
    ill: str, tmp_path: Path
) -> None:
    toll = await live_through(f"{ill}, then kill -9", tmp_path)
    assert set(toll.ended) == {"OK"}
