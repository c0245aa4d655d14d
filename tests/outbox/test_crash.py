"""Law 7 on the outbox's own file: what was committed survives the process, once, in order, without a gap."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.outbox.outbox import Numbered, OutboxError
from sidecar.outbox.reader import outbox_facts
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.outbox.store import FORMAT_VERSION
from sidecar.values import Severity
from tests.outbox.samples import a_fault, of_severity


def outbox_at(path: Path, **limits: int) -> SqliteOutbox:
    return SqliteOutbox(OutboxSettings.model_validate({"path": path, "durability": "normal"} | limits))


def copy_of(path: Path, to: Path) -> Path:
    """The file as a crash would leave it: with its log, without a proper end."""
    to.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("", "-wal"):
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
    assert batch[-1].event.data.lost == {"low": 1}  # type: ignore[union-attr]


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
    sent = 0
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
                sent = batch[-1].sequence if batch else sent
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
        await outbox.acknowledge(batch[-1].sequence)
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


async def test_full_disk_loses_events_counts_them_and_tells_later(tmp_path: Path):
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    await outbox.put([a_fault(what="before")])
    await limit_pages(outbox, 1)  # SQLite takes the present size for the limit when that is larger
    lost = 0
    while not outbox.stats().is_failing:
        await outbox.put([of_severity(Severity.HIGH, "x" * 200)])
        lost = sum(outbox.stats().lost.values())
    await outbox.put([of_severity(Severity.LOW)])
    assert outbox.stats().lost[Severity.HIGH] == lost == 1

    await limit_pages(outbox, 1_000_000)
    await outbox.put([a_fault(what="after")])
    assert not outbox.stats().is_failing
    batch = await outbox.claim(1000)
    await outbox.stop()
    assert [each.sequence for each in batch] == list(range(1, len(batch) + 1))
    subjects = [each.event.subject for each in batch]
    assert subjects[0] == "before"
    assert "after" in subjects
    told = [each.event.data.lost for each in batch if each.event.subject == "outbox"]  # type: ignore[union-attr]
    assert sum(sum(lost.values()) for lost in told) == sum(outbox.stats().lost.values())


async def limit_pages(outbox: SqliteOutbox, pages: int) -> None:
    """Make the disk full, or not, as far as SQLite can tell."""
    await outbox._ask(lambda store: store._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())


async def test_outbox_is_usable_again_after_its_file_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """An I/O error at the commit: the group is lost, and the outbox goes on with the next one."""
    outbox = outbox_at(tmp_path / "o.db")
    await outbox.start()
    with monkeypatch.context() as patch:
        patch.setattr(type(outbox._store), "append", refuse)
        await outbox.put([of_severity(Severity.HIGH)])
    assert outbox.stats().is_failing
    assert outbox.stats().lost == {Severity.HIGH: 1}
    await outbox.put([a_fault(what="after")])
    batch = await outbox.claim(10)
    await outbox.stop()
    assert [each.event.subject for each in batch] == ["after", "outbox"]


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
