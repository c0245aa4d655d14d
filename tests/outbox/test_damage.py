"""An outbox under fire: a full or locked disk, files that are damaged, and the room that is kept for making room."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sidecar.outbox.damage import salvage
from sidecar.outbox.event import Event
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.reader import outbox_facts, read_file, read_outbox
from sidecar.outbox.reserve import share_out
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.values import Severity
from tests.outbox.samples import a_fault

MEGABYTE = 1024 * 1024
FORMER = Path(__file__).parent / "former"
"""Files as former versions wrote them."""


def outbox_at(path: Path, **values: object) -> SqliteOutbox:
    return SqliteOutbox(OutboxSettings.model_validate({"path": path, "durability": "normal"} | values))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def subjects(batch: Sequence[Numbered]) -> list[str]:
    return [each.event.subject for each in batch]


def losses(batch: Sequence[Numbered]) -> list[str]:
    """The reasons of the events that tell of losses."""
    return [each.event.data.reason for each in batch if each.event.subject == "outbox"]  # type: ignore[union-attr]


async def left_by_a_kill(path: Path, *what: str) -> Path:
    """An outbox with events, as a killed process leaves it."""
    outbox = outbox_at(path.parent / "running" / path.name)
    await outbox.start()
    await outbox.put([a_fault(what=each) for each in what])
    await outbox.claim(1)
    copied(path.parent / "running" / path.name, path.parent)
    await outbox.stop()
    return path


# --- Damage -----------------------------------------------------------------------------------------------------------


def write_log_into_file(path: Path) -> None:
    """As SQLite does now and then; a change makes other connections read the file anew."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("UPDATE losses SET untold = untold")
    db.execute("CREATE TABLE other (value)")
    db.execute("DROP TABLE other")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def overwrite(path: Path) -> None:
    write_log_into_file(path)
    with path.open("r+b") as file:
        file.write(b"\0" * 4096)


def cut_in_half(path: Path) -> None:
    write_log_into_file(path)
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def lose_log(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def lose_all(path: Path) -> None:
    path.unlink()
    Path(f"{path}-wal").unlink()


@pytest.mark.parametrize("harm", [overwrite, cut_in_half, empty, lose_log, lose_all])
async def test_damaged_outbox_is_set_aside_told_of_and_gone_on_from_as_a_new_producer(
    harm: Callable[[Path], None], tmp_path: Path
):
    path = await left_by_a_kill(tmp_path / "o.db", *map(str, range(100)))
    first = outbox_at(tmp_path / "running" / "o.db")
    await first.start()
    old = first.stats().producer
    await first.stop()
    harm(path)
    outbox = outbox_at(path)
    await outbox.start()
    await outbox.put([a_fault(what="after")])
    batch = await outbox.claim(1000)
    await outbox.stop()
    assert outbox.stats().producer != old
    assert [each.sequence for each in batch] == list(range(1, len(batch) + 1))
    assert subjects(batch)[-1] == "after"
    (told,) = losses(batch)
    assert "damaged" in told
    assert "not known" in told
    if harm is not lose_all:
        assert len([each for each in tmp_path.glob("o.db.damaged-*") if not each.name.endswith(("-wal", "-shm"))]) == 1


async def test_what_can_be_read_of_a_damaged_outbox_is_taken_over(tmp_path: Path):
    """The first page is gone, the events in the others are not."""
    path = await left_by_a_kill(tmp_path / "o.db", *map(str, range(100)))
    overwrite(path)
    outbox = outbox_at(path)
    await outbox.start()
    batch = await outbox.claim(1000)
    await outbox.stop()
    taken = {each for each in subjects(batch) if each != "outbox"}
    assert taken >= set(map(str, range(80)))


async def test_export_reads_what_a_damaged_outbox_still_holds(tmp_path: Path):
    path = await left_by_a_kill(tmp_path / "o.db", *map(str, range(100)))
    overwrite(path)
    aside = path.rename(tmp_path / "o.db.damaged-20260101T000000Z")
    reads = [read async for read in read_file(aside)]
    assert len({read.data.ids.event for read in reads if read.data}) >= 80
    assert [read async for read in read_file(aside, last=3)] == reads[-3:]


async def test_whole_outbox_is_salvaged_whole(tmp_path: Path):
    path = await left_by_a_kill(tmp_path / "o.db", "a", "b", "c")
    assert [event.subject for event in salvage(path)] == ["a", "b", "c"]
    assert [read.data is not None async for read in read_file(path)] == [True] * 3


async def test_file_that_is_damaged_while_it_is_used_is_set_aside(tmp_path: Path):
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    await outbox.put([a_fault(what=str(number)) for number in range(500)])
    write_log_into_file(tmp_path / "o.db")
    with (tmp_path / "o.db").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 65_536)
    await outbox.put([a_fault(what="after")])
    await until(lambda: outbox.stats().in_memory == 0 and not outbox.stats().is_failing)
    batch = await outbox.claim(2000)
    await outbox.stop()
    assert "after" in subjects(batch)
    assert len(losses(batch)) == 1


async def test_file_that_is_removed_while_it_is_used_loses_no_event(tmp_path: Path):
    """What it held is read from the open file, and positions go on: what the publisher holds is nobody else's."""
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    await outbox.put([a_fault(what=str(number)) for number in range(20)])
    held = await outbox.claim(5)
    (tmp_path / "o.db").unlink()
    await outbox.put([a_fault(what="after")])
    await until(lambda: outbox.stats().in_memory == 0 and not outbox.stats().is_failing)
    await outbox.acknowledge(held)
    batch = await outbox.claim(100)
    await outbox.stop()
    assert {each.position for each in batch}.isdisjoint(each.position for each in held)
    assert [each for each in subjects(batch) if each != "outbox"] == [*map(str, range(20)), "after"]
    assert {each.producer for each in batch} != {held[0].producer}
    assert len(losses(batch)) == 1


async def test_outbox_that_was_closed_properly_is_not_suspected(tmp_path: Path):
    for _ in range(2):
        outbox = outbox_at(tmp_path / "o.db")
        await outbox.start()
        await outbox.put([a_fault(what="fine")])
        await outbox.stop()
    batch = [each async for each in read_file(tmp_path / "o.db")]
    assert len(batch) == 2
    assert list(tmp_path.glob("*.damaged-*")) == []


async def test_file_of_the_first_format_is_brought_up_to_date(tmp_path: Path):
    """As a version from before several sinks, and before partitions that fail by themselves, has written it."""
    shutil.copy(FORMER / "format-1.outbox", tmp_path / "o.db")
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    batch = await outbox.claim(10)
    await outbox.stop()
    assert [(each.sequence, each.producer, each.event.kind) for each in batch] == [
        (1, "tidegate-4e08a26cd36dcb09", "violation"),
        (2, "tidegate-4e08a26cd36dcb09", "fault"),
    ]


async def test_file_of_one_sink_is_brought_up_to_date_with_its_numbers_and_losses(tmp_path: Path):
    shutil.copy(FORMER / "format-2.outbox", tmp_path / "o.db")
    assert [read.data.ids.sequence async for read in read_outbox(tmp_path / "o.db") if read.data] == [2, 0, 0, 0, 0]
    assert outbox_facts(tmp_path / "o.db").lost == {Severity.LOW: 1}
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    batch = await outbox.claim(10)
    await outbox.stop()
    assert [each.sequence for each in batch] == [2, 3, 4, 5, 6, 7]
    assert {each.producer for each in batch} == {"tidegate-4b11c74f57fe02d3"}
    assert batch[-1].event.data.lost == {"low": 1}  # type: ignore[union-attr]
    assert outbox_facts(tmp_path / "o.db").lost == {Severity.LOW: 1}


# --- Locked -----------------------------------------------------------------------------------------------------------


async def test_lock_of_another_process_stalls_no_stream_and_loses_nothing(tmp_path: Path):
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    await outbox.put([a_fault(what="before")])
    other = sqlite3.connect(tmp_path / "o.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for number in range(50):
        await outbox.put([a_fault(what=str(number))])
    assert outbox.stats().in_memory == 50
    assert outbox.stats().is_failing
    other.execute("ROLLBACK")
    other.close()
    await until(lambda: outbox.stats().in_memory == 0)
    batch = await outbox.claim(1000)
    await outbox.stop()
    assert subjects(batch) == ["before", *map(str, range(50))]
    assert outbox.stats().lost == {}


async def test_stream_waits_no_longer_than_its_patience_and_the_event_is_recorded_all_the_same(tmp_path: Path):
    """A disk that takes its time: the put returns, and what it put is there when the disk has answered."""
    outbox = outbox_at(tmp_path / "o.db", patience_ms=1)
    await outbox.start()
    async with hanging(outbox) as disk:
        await outbox.put([a_fault(what="late")])
        assert not disk.done()
        assert outbox.stats().in_memory == 1
    assert outbox.stats().in_memory == 0
    assert subjects(await outbox.claim(10)) == ["late"]
    await outbox.stop()


async def test_what_a_hanging_disk_has_not_taken_is_counted_after_a_kill_and_only_then(tmp_path: Path):
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    await outbox.put([a_fault(what="before")])
    async with hanging(outbox):
        for number in range(5):
            await outbox.put([a_fault(what=str(number))])
        killed = copied(tmp_path / "o.db", tmp_path / "killed")
    assert subjects(await outbox.claim(10)) == ["before", *map(str, range(5))]
    await outbox.stop()
    for path, lost in ((killed, 5), (killed, 0), (tmp_path / "o.db", 0)):
        again = outbox_at(path)
        await again.start()
        assert sum(again.stats().lost.values()) == lost, "counted once"
        assert len(losses(await again.claim(10))) == (path == killed)
        await again.stop()


async def test_what_waits_for_a_hanging_disk_is_bounded_and_the_rest_is_counted(tmp_path: Path):
    outbox = outbox_at(tmp_path / "o.db", patience_ms=10, memory_bytes=4096)
    await outbox.start()
    async with hanging(outbox):
        for number in range(50):
            await outbox.put([padded(str(number))])
    batch = await outbox.claim(100)
    lost = sum(outbox.stats().lost.values())
    assert 0 < lost < 50
    assert (len(batch), len(losses(batch))) == (50 - lost + 1, 1)
    await outbox.stop()


@asynccontextmanager
async def hanging(outbox: SqliteOutbox) -> AsyncIterator[asyncio.Future[None]]:
    """The disk does not answer until the block has ended."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()

    def hang(_store: object) -> None:
        asyncio.run_coroutine_threadsafe(over.wait(), loop).result()

    disk = asyncio.ensure_future(outbox._ask(hang))
    await asyncio.sleep(0)
    yield disk
    over.set()
    await disk
    await outbox.claim(0)


def copied(path: Path, folder: Path) -> Path:
    """The files as they are: what a kill would leave."""
    folder.mkdir(exist_ok=True)
    for suffix in ("", "-wal", ".ledger"):
        shutil.copy(f"{path}{suffix}", folder)
    return folder / path.name


# --- Full -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of 6 MB, where this process may mount one."""
    folder = tmp_path / "volume"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no volume can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(volume: Path) -> Path:
    """Take all the room there is, as somebody else's file does."""
    filling = volume / "filling"
    with filling.open("ab", buffering=0) as file:
        size = 65_536
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
    return filling


def padded(what: str) -> Event:
    return a_fault(what=f"{what}-{'x' * 200}")


async def test_bound_is_lowered_to_what_the_volume_has(volume: Path, caplog: pytest.LogCaptureFixture):
    outbox = outbox_at(volume / "o.db")
    await outbox.start()
    assert "the volume has no room for outbox.max_bytes" in caplog.text
    while not outbox.stats().lost:
        await outbox.put([padded(str(number)) for number in range(100)])
    assert not outbox.stats().is_failing, "the outbox is full before the volume is"
    assert outbox.stats().waiting_bytes > MEGABYTE
    await outbox.stop()


async def test_outbox_on_a_full_volume_drains_and_goes_on(volume: Path):
    """Kafka was away, somebody filled the volume: claims and acknowledgements have room, also after a restart."""
    outbox = outbox_at(volume / "o.db")
    await outbox.start()
    for number in range(1000):
        await outbox.put([padded(str(number))])
    filling = fill(volume)
    while not outbox.stats().is_failing:
        await outbox.put([padded("full") for _ in range(10)])
    await outbox.stop()
    lost = sum(outbox.stats().lost.values())

    again = outbox_at(volume / "o.db")
    await again.start()
    seen: set[int] = set()
    while batch := await again.claim(100):
        assert seen.isdisjoint(each.sequence for each in batch), "what was acknowledged is not claimed again"
        seen |= {each.sequence for each in batch}
        await again.acknowledge(batch)
    assert sorted(seen) == list(range(1, len(seen) + 1))
    assert len(seen) >= 1000
    filling.unlink()
    await again.put([padded("after")])
    await until(lambda: not again.stats().is_failing and again.stats().in_memory == 0)
    told = [each for each in await again.claim(1000) if each.event.subject == "outbox"]
    assert lost == 0 or told or seen
    assert (await again.claim(1000))[-1].event.subject.startswith("after")
    await again.stop()


async def test_events_are_published_from_memory_while_the_volume_is_full(volume: Path):
    outbox = outbox_at(volume / "o.db")
    await outbox.start()
    await outbox.put([padded("before")])
    filling = fill(volume)
    taken: list[str] = []
    for number in range(600):
        await outbox.put([padded(str(number))])
        batch = await outbox.claim(100)
        taken += [each.event.subject.partition("-")[0] for each in batch]
        await outbox.acknowledge(batch)
    assert taken == ["before", *map(str, range(600))]
    assert outbox.stats().lost == {}
    filling.unlink()
    await outbox.stop()


def test_a_share_of_any_room_is_positive_and_fits():
    for room in (0, 4096, MEGABYTE, 100 * MEGABYTE, 10_000 * MEGABYTE):
        for wanted in (1024, MEGABYTE, 256 * MEGABYTE):
            max_bytes, reserve = share_out(room, wanted)
            assert 1024 <= max_bytes <= max(1024, wanted)
            assert 0 <= reserve <= room
            assert max_bytes == 1024 or 2 * max_bytes + reserve <= room
