"""`tidegate serve --workers`: one service to the outside, several processes, no file of two writers, no event lost."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import sidecar.workers
import tidegate
from sidecar.admin import AdminServer, service_pages
from sidecar.cli.main import main
from sidecar.config import Settings
from sidecar.errors import TidegateError
from sidecar.outbox.left_over import LeftOver, left_over, of_service
from sidecar.outbox.publishing import of_worker
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.readiness import Readiness
from sidecar.telemetry.metrics import Metrics
from sidecar.workers import Ports, Supervisor, Worker, environment_of, shared_key_of
from tests.app.serving import Serving, refused, start
from tests.app.test_app import eventually, write_policy
from tests.outbox.samples import a_violation

ROOT = Path(__file__).parents[2]


class Workers(Serving):
    """A running supervisor; it logs for its workers too."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(process)
        started = self.wait_for("serving", having="workers")
        self.address: str = started["grpc"][0]
        self.admin: str = started["admin"]

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=30) as answer:
            return str(answer.read().decode())

    def streams_of(self, worker: int) -> float:
        found = re.search(rf'tidegate_streams_total{{ended="finished".*worker="{worker}"}} (\S+)', self.metrics())
        return float(found[1]) if found else 0.0

    def pids(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def is_ready(self) -> bool:
        return CliRunner().invoke(main, ["health", "--address", self.admin]).exit_code == 0


@contextmanager
def workers(folder: Path, count: int = 2, **environment: str) -> Iterator[Workers]:
    settings = {
        "TIDEGATE_EVENTS__SINK": "file",
        "TIDEGATE_EVENTS__FILE": str(folder / "events.jsonl"),
        "TIDEGATE_DRAIN_SECONDS": "5",
    }
    process = start(folder, "--workers", str(count), **settings, **environment)
    try:
        yield Workers(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def guard(address: str, text: str) -> str:
    """Over a connection of its own."""
    with tidegate.Client(address) as client:
        return client.check(text).text


def guard_until(service: Workers, *, used: set[int]) -> int:
    """Guard texts, each over a new connection, until these workers have guarded some; returns how many."""
    count = 0
    while not all(service.streams_of(each) for each in used):
        for _ in range(8):
            assert guard(service.address, "a secret plum") == "a secret ‹fruit›"
            count += 1
    return count


@pytest.mark.slow
def test_they_serve_as_one_and_lose_no_event(tmp_path: Path):
    with workers(tmp_path) as service:
        count = guard_until(service, used={0, 1})
        assert service.is_ready()
        assert len(service.pids()) == 2
        write_policy(tmp_path, version="2", word="fig")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("policies reloaded")
        service.wait_for("policies reloaded")
        assert guard(service.address, "a fig") == "a ‹fruit›"
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(60) == 0
    files = [tmp_path / name for name in ("events.jsonl", "events-1.jsonl")]
    events = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    violations = [each for each in events if each["type"] == "dev.tidegate.violation.v1"]
    assert len(violations) == len({each["id"] for each in violations}) == count + 1
    assert len({each["source"] for each in events}) == 2
    assert sorted(path.name for path in tmp_path.glob("outbox*.db")) == ["outbox-1.db", "outbox.db"]


@pytest.mark.slow
def test_one_that_is_killed_is_started_again_while_the_other_serves(tmp_path: Path):
    with workers(tmp_path) as service:
        first, second = service.pids()
        os.kill(first, signal.SIGKILL)
        assert service.wait_for("a worker died; it is started again")["status"] == -signal.SIGKILL
        assert guard(service.address, "a plum") == "a ‹fruit›"
        service.wait_for("serving")
        assert service.is_ready()
        assert second in service.pids()
        assert len({*service.pids()} - {first, second}) == 1


@pytest.mark.slow
async def test_they_drain_when_the_supervisor_is_killed(tmp_path: Path):
    with workers(tmp_path) as service:
        pids = service.pids()
        service.process.kill()
        await eventually(lambda: not any(_is_running(pid) for pid in pids))


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("TIDEGATE_GRPC__LISTEN", "unix:guard.sock", "grpc.listen: several workers cannot share unix:guard.sock"),
        ("TIDEGATE_POLICIES__DIRECTORIES", "nowhere", "nowhere: "),
    ],
)
def test_what_keeps_them_from_starting_is_said_once_with_status_2(tmp_path: Path, variable: str, value: str, says: str):
    assert says in refused(tmp_path, "--workers", "2", **{variable: value})


class Unable(Worker):
    """A worker that cannot start, at the same moment as the others."""

    async def keep(self, stop: asyncio.Event) -> None:
        raise TidegateError(f"worker {self.index} cannot start")


async def test_workers_that_fail_at_once_leave_no_stack_trace(tmp_path: Path):
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    settings = Settings.model_validate(
        {"workers": 2, "outbox": {"path": tmp_path / "outbox.db"}, "admin": {"listen": "127.0.0.1:0"}}
    )
    ports = Ports(("127.0.0.1:0",), "")
    unable = [Unable(index, (), {}, tmp_path / f"{index}.sock") for index in range(2)]
    with pytest.raises(TidegateError, match="worker 0 cannot start"):
        await Supervisor(settings, unable, ports).run()
    del unable
    gc.collect()
    await asyncio.sleep(0)
    assert unheard == []


def test_no_two_workers_write_to_one_file(tmp_path: Path):
    settings = Settings.model_validate({"workers": 3, "outbox": {"path": tmp_path / "outbox.db"}})
    made = [environment_of(index, settings, Ports(("h:1",), ""), tmp_path / f"{index}.sock") for index in range(3)]
    for key in ("TIDEGATE_OUTBOX__PATH", "TIDEGATE_EVENTS__FILE", "TIDEGATE_ADMIN__LISTEN"):
        assert len({each[key] for each in made}) == 3
    assert made[0]["TIDEGATE_OUTBOX__PATH"] == str(tmp_path / "outbox.db")
    assert {each["TIDEGATE_WORKERS"] for each in made} == {"1"}


def test_workers_share_a_key_for_stand_ins_where_none_is_configured():
    """They serve one conversation: each with its own, a history would be other words to the provider each time."""
    [(name, made)] = shared_key_of(Settings()).items()
    assert name == "TIDEGATE_KEYS__STAND_IN"
    assert len(bytes.fromhex(made)) == 32
    assert shared_key_of(Settings()) != {name: made}
    for keys in ({"redaction": "r" * 32}, {"stand_in": "s" * 32}):
        assert shared_key_of(Settings.model_validate({"keys": keys})) == {}


@pytest.mark.parametrize(
    ("settings", "cores", "expected"),
    [
        ({"workers": 2}, 8, ("1", "4")),
        ({"workers": 3}, 2, ("1", "1")),
        ({"workers": 2, "models": {"threads": 0}}, 8, ("4", "4")),
        ({"workers": 2, "models": {"threads": 2}, "scheduler": {"threads": 3}}, 8, ("2", "3")),
    ],
)
def test_the_cores_are_divided_among_workers(
    settings: dict[str, Any], cores: int, expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(sidecar.workers, "cpu_limit", lambda: cores)
    made = environment_of(0, Settings.model_validate(settings), Ports(("h:1",), ""), tmp_path / "0.sock")
    assert (made["TIDEGATE_MODELS__THREADS"], made["TIDEGATE_SCHEDULER__THREADS"]) == expected


def test_what_was_left_over_is_of_workers_that_are_no_more(tmp_path: Path):
    path = tmp_path / "outbox.db"
    for name in ("outbox.db", "outbox-1.db", "outbox-2.db", "outbox-x.db", "outbox-3.db-wal", "other-4.db"):
        (tmp_path / name).touch()
    assert of_worker(path, 2) == tmp_path / "outbox-2.db"
    assert [left_over(path, count) for count in (1, 2, 3)] == [[1, 2], [2], []]


async def test_events_that_a_former_worker_left_are_published(tmp_path: Path):
    values = {
        "outbox": {"path": tmp_path / "outbox.db"},
        "events": {"sink": "file", "file": tmp_path / "events.jsonl"},
    }
    settings = Settings.model_validate(values)
    former = _outbox(settings, 1)
    await former.start()
    await former.put([a_violation(), a_violation()])
    await former.stop()
    taking = LeftOver(settings, workers=1)
    await taking.start()
    await eventually(lambda: _lines(tmp_path / "events-1.jsonl") == 2)
    await taking.stop()


async def test_an_outbox_of_another_service_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A service with the path outbox-1.db, stopped with events in it, is no former worker of the one beside it."""
    values = {"outbox": {"path": tmp_path / "outbox.db"}, "events": {"sink": "file", "file": tmp_path / "events.jsonl"}}
    settings = Settings.model_validate(values)
    other = SqliteOutbox(of_service(settings.outbox.model_copy(update={"path": tmp_path / "outbox-1.db"})))
    await other.start()
    await other.put([a_violation()])
    await other.stop()
    taking = LeftOver(settings, workers=1)
    await taking.start()
    await eventually(lambda: "an outbox is not taken over" in caplog.text)
    await taking.stop()
    assert not (tmp_path / "events-1.jsonl").exists()


async def test_an_outbox_in_use_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    settings = Settings.model_validate(
        {"outbox": {"path": tmp_path / "outbox.db"}, "events": {"sink": "file", "file": tmp_path / "events.jsonl"}}
    )
    other = _outbox(settings, 1)
    await other.start()
    await other.put([a_violation()])
    taking = LeftOver(settings, workers=1)
    await taking.start()
    await eventually(lambda: "an outbox is not taken over" in caplog.text)
    await taking.stop()
    assert other.stats().waiting_events == 1
    assert _lines(tmp_path / "events-1.jsonl") == 0
    await other.stop()


def _outbox(settings: Settings, index: int) -> SqliteOutbox:
    return SqliteOutbox(settings.outbox.model_copy(update={"path": of_worker(settings.outbox.path, index)}))


def _lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


async def test_health_is_asked_over_a_unix_socket_too(tmp_path: Path):
    readiness = Readiness(("outbox",))
    admin = AdminServer(f"unix:{tmp_path}/admin.sock", service_pages(readiness, Metrics("1"), "1"))
    await admin.start()
    try:
        ask = partial(CliRunner().invoke, main, ["health", "--address", admin.address])
        assert (await asyncio.to_thread(ask)).exit_code == 1
        readiness.fine("outbox")
        answer = await asyncio.to_thread(ask)
        assert (answer.exit_code, answer.stdout) == (0, "outbox: ok\n")
    finally:
        await admin.stop()
