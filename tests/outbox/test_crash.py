"""Law 7 on the outbox's own file: what was committed survives the process, once, in order, without a gap."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.outbox.format import FORMAT_VERSION
from sidecar.outbox.outbox import Numbered, OutboxError
from sidecar.outbox.reader import outbox_facts
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.values import Severity
from tests.outbox.samples import a_fault, of_severity


def outbox_at(path: Path, **limits: int) -> SqliteOutbox:
    return SqliteOutbox(OutboxSettings.model_validate({"path": path, "durability": "normal"} | limits))


def copy_of(path: Path, to: Path) -> Path:
    """The file as a crash would leave it: with its log, without a proper end."""
    to.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("", "-wal", ".ledger"):
        if Path(f"{path}{suffix}").exists():
            shutil.copy(f"{path}{suffix}", f"{to}{suffix}")
    return to


async def test_what_was_put_and_claimed_survives_a_restart_under_the_same_producer(tmp_path: Path):
    first = outbox_at(tmp_path / "o.db")
    await first.start()
    await first.put([a_fault(what="a"), a_fault(what="b")])
    claimed = await first.claim(1)
    await first.stop()

    second = outbox_at(tmp_path / "o.db")
    await second.start()
    batch = await second.claim(10)
    await second.stop()
    assert batch[:1] == claimed
    assert [(each.sequence, each.event.subject) for each in batch] == [(1, "a"), (2, "b")]


async def test_losses_that_were_not_told_are_told_after_a_restart(tmp_path: Path):
    first = outbox_at(tmp_path / "o.db", max_events=1)
    await first.start()
    await first.put([of_severity(Severity.HIGH), of_severity(Severity.LOW)])
    await first.stop()
    assert outbox_facts(tmp_path / "o.db").lost == {Severity.LOW: 1}

    second = outbox_at(tmp_path / "o.db", max_events=5)
    await second.start()
    await second.put([a_fault()])
    batch = await second.claim(10)
    await second.stop()
    assert [each.event.data.lost for each in batch if each.event.subject == "outbox"] == [{"low": 1}]  # type: ignore[union-attr]


class Consumer:
    """Takes what a publisher sends, and knows what must be true of it."""

    def __init__(self) -> None:
        self.seen: dict[int, str] = {}

    def take(self, batch: list[Numbered]) -> None:
        for numbered in batch:
            assert self.seen.setdefault(numbered.sequence, numbered.event.id) == numbered.event.id

    def assert_complete(self, put: list[str]) -> None:
        assert sorted(self.seen) == list(range(1, len(self.seen) + 1))
        assert [self.seen[number] for number in sorted(self.seen)] == put


@pytest.mark.slow
@settings(max_examples=min(100, settings().max_examples))
@given(
    steps=st.lists(
        st.sampled_from(["put", "put 3", "claim", "claim and send", "acknowledge", "crash", "restart"]), max_size=25
    )
)
def test_any_interleaving_of_work_and_crashes_leaves_a_gapless_order(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
):
    asyncio.run(survive(steps, tmp_path_factory.mktemp("crash")))


async def survive(steps: list[str], directory: Path) -> None:
    path, generation = directory / "0" / "o.db", 0
    outbox, consumer, put = outbox_at(path), Consumer(), list[str]()
    await outbox.start()
    sent: list[Numbered] = []
    for step in steps:
        match step:
            case "put" | "put 3":
                events = [a_fault() for _ in range(3 if step == "put 3" else 1)]
                await outbox.put(events)
                put += [event.id for event in events]
            case "claim":
                await outbox.claim(2)
            case "claim and send":
                batch = await outbox.claim(2)
                consumer.take(batch)
                sent = batch
            case "acknowledge":
                await outbox.acknowledge(sent)
            case "crash" | "restart":
                generation += 1
                path, old = directory / str(generation) / "o.db", path
                if step == "crash":
                    copy_of(old, path)
                    await outbox.stop()
                else:
                    await outbox.stop()
                    copy_of(old, path)
                outbox = outbox_at(path)
                await outbox.start()
    while batch := await outbox.claim(100):
        consumer.take(batch)
        await outbox.acknowledge(batch)
    await outbox.stop()
    consumer.assert_complete(put)


DRIVER = """
import asyncio, sys
from pathlib import Path
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from tests.outbox.samples import a_fault

async def main() -> None:
    outbox = SqliteOutbox(OutboxSettings(path=Path(sys.argv[1]), durability="normal"))
    await outbox.start()
    number = int(sys.argv[2])
    while True:
        await outbox.put([a_fault(what=str(number))])
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""


@pytest.mark.slow
def test_kill_9_loses_nothing_that_was_acknowledged_to_the_stream(tmp_path: Path):
    """What the driver printed had been committed; it is killed at different moments, several times over."""
    path, shown = tmp_path / "o.db", 0
    for kill_after in (1, 40, 7):
        with subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(path), str(shown)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        ) as driver:
            assert driver.stdout is not None
            for _ in range(kill_after):
                shown = int(driver.stdout.readline()) + 1
            driver.send_signal(signal.SIGKILL)
            shown = max([shown, *(int(line) + 1 for line in driver.stdout)])
    batch = asyncio.run(all_of(path))
    # An event that was committed but whose number was not shown yet is there as well, and then again from the next run.
    subjects = list(dict.fromkeys(int(each.event.subject) for each in batch))
    assert subjects[:shown] == list(range(shown))
    assert [each.sequence for each in batch] == list(range(1, len(batch) + 1))


async def all_of(path: Path) -> list[Numbered]:
    outbox = outbox_at(path)
    await outbox.start()
    try:
        return await outbox.claim(1_000_000)
    finally:
        await outbox.stop()


async def test_second_process_is_refused_with_a_clear_error(tmp_path: Path):
    first, second = outbox_at(tmp_path / "o.db"), outbox_at(tmp_path / "o.db")
    await first.start()
    with pytest.raises(OutboxError, match="in use by another process"):
        await second.start()
    await second.stop()
    await first.stop()
    await second.start()
    await second.stop()


async def test_file_that_is_no_outbox_is_left_alone(tmp_path: Path):
    path = tmp_path / "o.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE precious (value)")
    other.close()
    with pytest.raises(OutboxError, match="another kind of database"):
        await outbox_at(path).start()
    (tmp_path / "text").write_text("not a database at all, " * 100)
    with pytest.raises(OutboxError, match="cannot be opened"):
        await outbox_at(tmp_path / "text").start()


async def test_format_of_another_version_is_refused(tmp_path: Path):
    path = tmp_path / "o.db"
    outbox = outbox_at(path)
    await outbox.start()
    await outbox.stop()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {FORMAT_VERSION + 1}")
    db.close()
    with pytest.raises(OutboxError, match=f"has format {FORMAT_VERSION + 1}"):
        await outbox_at(path).start()


async def test_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match="cannot be opened"):
        await outbox_at(tmp_path / "file" / "o.db").start()


async def test_full_disk_loses_nothing_while_memory_has_room(tmp_path: Path):
    """What finds no room is published from memory, under a producer of its own, and goes to disk when it can."""
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    await outbox.put([a_fault(what="before")])
    await limit_pages(outbox, 1)  # SQLite takes the present size for the limit when that is larger
    while not outbox.stats().is_failing:
        await outbox.put([a_fault(what="x" * 200)])
    await outbox.put([a_fault(what="in memory")])
    in_memory = outbox.stats().in_memory
    assert in_memory >= 2
    batch = await outbox.claim(1000)
    assert [each.event.subject for each in batch][-1] == "in memory"
    assert len({each.producer for each in batch}) == 2
    await outbox.acknowledge([each for each in batch if each.producer.endswith("-memory")])
    assert outbox.stats().in_memory == 0

    await outbox.put([a_fault(what="still full")])
    await limit_pages(outbox, 1_000_000)
    await outbox.put([a_fault(what="after")])
    await until(lambda: not outbox.stats().is_failing)
    batch = await outbox.claim(1000)
    await outbox.stop()
    assert {each.producer for each in batch} == {outbox.stats().producer}
    assert [each.sequence for each in batch] == list(range(1, len(batch) + 1))
    assert [each.event.subject for each in batch][-2:] == ["still full", "after"]
    assert outbox.stats().lost == {}


async def test_what_memory_has_no_room_for_is_lost_counted_and_told(tmp_path: Path):
    outbox = outbox_at(tmp_path / "o.db", memory_bytes=1024)
    await outbox.start()
    await limit_pages(outbox, 1)
    while not outbox.stats().is_failing:
        await outbox.put([a_fault(what="x" * 200)])
    for _ in range(10):
        await outbox.put([of_severity(Severity.HIGH)])
    lost = sum(outbox.stats().lost.values())
    assert lost > 0
    await limit_pages(outbox, 1_000_000)
    await until(lambda: not outbox.stats().is_failing)
    told = [each.event.data.lost for each in await outbox.claim(1000) if each.event.subject == "outbox"]  # type: ignore[union-attr]
    await outbox.stop()
    assert sum(sum(counts.values()) for counts in told) == lost


async def test_losses_survive_a_kill_while_the_disk_is_full(tmp_path: Path):
    """The ledger was made while there was room: it says how many events ended with the process."""
    outbox = outbox_at(tmp_path / "a" / "o.db")
    await outbox.start()
    await limit_pages(outbox, 1)
    while not outbox.stats().is_failing:
        await outbox.put([a_fault(what="x" * 200)])
    await outbox.put([of_severity(Severity.HIGH), of_severity(Severity.LOW)])
    in_memory = outbox.stats().in_memory
    killed = copy_of(tmp_path / "a" / "o.db", tmp_path / "b" / "o.db")
    await outbox.stop()

    for times in (1, 2):
        second = outbox_at(killed)
        await second.start()
        told = [each.event.data.lost for each in await second.claim(1000) if each.event.subject == "outbox"]  # type: ignore[union-attr]
        await second.stop()
        assert sum(sum(counts.values()) for counts in told) == in_memory, f"told once, and not again at start {times}"
    assert sum(outbox_facts(killed).lost.values()) == in_memory


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def limit_pages(outbox: SqliteOutbox, pages: int) -> None:
    """Make the disk full, or not, as far as SQLite can tell."""
    await outbox._ask(lambda store: store._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())


async def test_outbox_is_usable_again_after_its_file_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An I/O error at the commit: the group is kept in memory, and goes to disk before what comes later."""
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    with monkeypatch.context() as patch:
        patch.setattr(type(outbox._store.tables), "append", refuse)
        await outbox.put([a_fault(what="first")])
        assert outbox.stats().is_failing
        assert outbox.stats().in_memory == 1
    await outbox.put([a_fault(what="after")])
    await until(lambda: not outbox.stats().is_failing)
    batch = await outbox.claim(10)
    await outbox.stop()
    assert [each.event.subject for each in batch] == ["first", "after"]
    assert outbox.stats().lost == {}


def refuse(store: object, rows: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


async def test_row_that_cannot_be_read_is_told_of_and_holds_up_no_other(tmp_path: Path):
    path = tmp_path / "o.db"
    outbox = outbox_at(path)
    await outbox.start()
    await outbox.put([a_fault(what="a"), a_fault(what="b")])
    await outbox._ask(lambda store: store._connection.execute("UPDATE events SET body = x'00' WHERE position = 1"))
    first, again = await outbox.claim(10), await outbox.claim(10)
    await outbox.stop()
    assert [(each.sequence, each.event.subject) for each in first] == [(1, "outbox"), (2, "b")]
    assert [each.event.id for each in first] == [each.event.id for each in again]
    assert first[0].event.severity is Severity.CRITICAL


async def test_file_is_not_for_everybody(tmp_path: Path):
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    await outbox.put([a_fault()])
    modes = {path.name: path.stat().st_mode & 0o007 for path in tmp_path.iterdir() if path.suffix != ".lock"}
    await outbox.stop()
    assert set(modes.values()) == {0}
    assert "o.db-wal" in modes


async def test_event_that_cannot_be_encoded_is_counted_and_stops_nobody(tmp_path: Path):
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    await outbox.put([replace(a_fault(), key=object()), a_fault(what="fine")])
    batch = await outbox.claim(10)
    await outbox.stop()
    assert batch[0].event.subject == "fine"
    assert sum(outbox.stats().lost.values()) == 1
