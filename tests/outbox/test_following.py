"""Commands that go on with what comes: `events tail --follow` and `events top`, and their parts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from msgspec.structs import replace

from sidecar.cli.events.portions import portions
from sidecar.cli.events.top import Ranking
from sidecar.outbox.encode import encode_line
from sidecar.outbox.event import Data, Event
from sidecar.outbox.reader import follow_file, follow_outbox
from sidecar.outbox.reads import CaughtUp, Read
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from tests.outbox.samples import INFO, NOW, a_fault, a_stream_decision, a_violation, numbered

Start = Callable[..., subprocess.Popen[str]]


def a_line(event: Event, sequence: int, *, second: int = 20) -> bytes:
    """An event as the file sink writes it, that happened at this second."""
    moment = f"2026-09-21T14:13:{second:02}.000Z"
    data: Data = replace(event.data, time=replace(event.data.time, occurred=moment))
    return encode_line(numbered(replace(event, data=data), sequence), NOW)


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `tidegate events ...`, and ends what goes on."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sidecar", "events", *map(str, arguments)]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"NO_COLOR": "1"},
            preexec_fn=_interruptible,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def _interruptible() -> None:
    """Whoever runs the tests in the background ignores SIGINT, and so would they."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def rows(output: IO[str] | None, count: int) -> list[dict[str, object]]:
    """The next so many lines, as JSON."""
    assert output is not None
    return [json.loads(output.readline()) for _ in range(count)]


def test_tail_begins_with_the_last_that_are_wanted_and_goes_on_through_a_rotation(tmp_path: Path, start: Start):
    path = tmp_path / "events.jsonl"
    violations = [a_line(a_violation(), number, second=number) for number in (3, 1, 2)]
    others = [a_line(a_fault(what=f"part-{number}"), number) for number in range(10, 60)]
    path.write_bytes(b"".join([*violations, *others]))
    process = start("tail", "--file", path, "--kind", "violation", "-n", 2, "--follow", "--json")
    assert [row["ids"]["sequence"] for row in rows(process.stdout, 2)] == [2, 3]  # type: ignore[index] # a row of JSON
    append(path, a_line(a_fault(), 60), a_line(a_violation(), 61)[:40])
    append(path, a_line(a_violation(), 61)[40:])
    assert [row["ids"]["sequence"] for row in rows(process.stdout, 1)] == [61]  # type: ignore[index] # a row of JSON
    path.rename(tmp_path / "events.1.jsonl")
    append(tmp_path / "events.1.jsonl", a_line(a_violation(), 62))
    path.write_bytes(a_line(a_violation(), 63))
    assert {row["ids"]["sequence"] for row in rows(process.stdout, 2)} == {62, 63}  # type: ignore[index] # a row of JSON
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def test_top_counts_what_comes(tmp_path: Path, start: Start):
    path = tmp_path / "events.jsonl"
    path.write_bytes(encode_line(numbered(now(a_violation()), 1), NOW))
    process = start("top", "--file", path, "--by", "kind", "--json")
    assert rows(process.stdout, 1) == [{"events": 1, "top": {"kind": {"violation": 1}}}]
    append(path, encode_line(numbered(now(a_fault()), 2), NOW))
    while rows(process.stdout, 1) != [{"events": 2, "top": {"kind": {"violation": 1, "fault": 1}}}]:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def now(event: Event) -> Event:
    from sidecar.outbox.builders import timestamp

    data: Data = replace(event.data, time=replace(event.data.time, occurred=timestamp(time.time())))
    return replace(event, data=data)


def test_a_ranking_forgets_what_is_past_its_window():
    ranking = Ranking(["kind", "rule"], window_s=60)
    ranking.add(a_violation().data)
    ranking.add(a_stream_decision().data)
    assert ranking.counts(NOW + 59) == {"kind": {"violation": 1, "decision": 1}, "rule": {"rule-0": 1}}
    assert len(ranking) == 2
    assert ranking.counts(NOW + 61) == {"kind": {}, "rule": {}}
    assert len(ranking) == 0


async def test_portions_end_with_the_reads_and_lose_none():
    async def reads() -> AsyncIterator[object]:
        for number in range(5):
            yield Read(str(number), a_violation(INFO).data)
            await asyncio.sleep(0)

    found = [read.place for portion in [p async for p in portions(reads(), settle_s=0.01)] for read in portion]
    assert found == ["0", "1", "2", "3", "4"]


async def test_a_file_that_is_cut_is_read_from_its_beginning(tmp_path: Path):
    path = tmp_path / "e.jsonl"
    append(path, a_line(a_fault(), 1), a_line(a_fault(), 2))
    reads = follow_file(path)
    seen = [await anext(reads) for _ in range(3)]
    assert [isinstance(each, CaughtUp) for each in seen] == [False, False, True]
    path.write_bytes(a_line(a_fault(), 3))
    last = await anext(reads)
    assert isinstance(last, Read)
    assert last.data is not None
    assert (last.data.ids.sequence, last.place) == (3, f"{path}:1")


async def test_who_follows_an_outbox_is_told_when_all_is_read(tmp_path: Path):
    box = SqliteOutbox(OutboxSettings(path=tmp_path / "o.db", durability="normal"))
    await box.start()
    await box.put([a_fault()])
    reads = follow_outbox(tmp_path / "o.db")
    first, marker = [await anext(reads) for _ in range(2)]
    assert isinstance(first, Read)
    assert isinstance(marker, CaughtUp)
    await box.put([a_violation()])
    second = await anext(reads)
    assert isinstance(second, Read)
    await box.stop()
