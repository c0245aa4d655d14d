"""The whole service in this process: start, readiness, reload, drain, and what it says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

import tidegate
from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.app import App
from sidecar.config import Settings
from sidecar.errors import ConfigError, DetectorFailure, PolicyError, TidegateError
from sidecar.outbox.event import Fault, FaultKind
from sidecar.readiness import GOLDEN_TEXT, Readiness, probe_detectors
from sidecar.values import Action
from tests.fakes import SegmentFlagger, WordScan, WordScanner, plan, rule

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: words, version: "%s"}
match: {directions: [output]}
rules:
  - id: no-plums
    detect: {detector: patterns, keywords: {FRUIT: [%s]}}
    action: {redact: {with: label}}
"""


def settings(folder: Path, **changes: object) -> Settings:
    policies = folder / "policies"
    policies.mkdir(exist_ok=True)
    write_policy(folder)
    values = {
        "grpc": {"listen": ["127.0.0.1:0"]},
        "admin": {"listen": "127.0.0.1:0"},
        "policies": {"directories": [policies], "poll_seconds": 0.05},
        "outbox": {"path": folder / "outbox.db"},
        "drain_seconds": 5,
    }
    return Settings.model_validate(values | changes)


def write_policy(folder: Path, *, version: str = "1", word: str = "plum") -> None:
    """Replace the policy file as a whole, the way an editor does."""
    temporary = folder / "words.new"
    temporary.write_text(POLICY % (version, word))
    temporary.replace(folder / "policies" / "words.yaml")


@asynccontextmanager
async def page(app: App, path: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with aiohttp.ClientSession() as http, http.get(f"http://{app.admin.address}{path}") as response:
        yield response


async def ready(app: App) -> tuple[int, dict[str, str]]:
    async with page(app, "/readyz") as response:
        body = await response.json()
        assert body["ready"] == (response.status == 200)
        return response.status, body["parts"]


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_it_serves_says_so_and_publishes_its_metrics(tmp_path: Path):
    app = App(settings(tmp_path))
    async with app.running():
        async with tidegate.AsyncClient(app.grpc.addresses[0]) as client:
            assert (await client.check("a plum")).text == "a ‹fruit›"
        status, parts = await ready(app)
        assert (status, set(parts.values())) == (200, {"ok"})
        async with page(app, "/healthz") as response:
            assert (response.status, await response.text()) == (200, "ok\n")
        async with page(app, "/version") as response:
            assert (await response.json())["name"] == "tidegate"
        async with page(app, "/metrics") as response:
            metrics = await response.text()
            assert response.headers["Content-Type"].startswith("text/plain")
        async with page(app, "/nope") as response:
            assert response.status == 404
    for line in (
        'tidegate_violations_total{action="redact",policy="words",rule="no-plums"} 1.0',
        'tidegate_streams_total{ended="finished",policy="words"} 1.0',
        "tidegate_policies_loaded 1.0",
        "tidegate_policy_reload_failures_total 0.0",
        "tidegate_streams_open 0.0",
        "tidegate_outbox_events 3.0",
        "tidegate_scheduler_queue_depth 0.0",
    ):
        assert line in metrics
    assert "plum" not in metrics.replace("no-plums", "")


async def test_it_is_not_ready_before_its_policies_are_compiled_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    app = App(settings(tmp_path))
    loop, may_load, load = asyncio.get_running_loop(), asyncio.Event(), app.policies.load

    def slow_load() -> None:
        asyncio.run_coroutine_threadsafe(may_load.wait(), loop).result(20)
        load()

    monkeypatch.setattr(app.policies, "load", slow_load)

    async def serve() -> None:
        async with app.running():
            pass

    serving = asyncio.create_task(serve())
    await eventually(lambda: bool(app.admin.address))
    await eventually(lambda: app.readiness.parts["policies"] == "being compiled")
    assert await ready(app) == (
        503,
        {"outbox": "ok", "policies": "being compiled", "detectors": "not started yet", "grpc": "not started yet"},
    )
    may_load.set()
    await serving


async def test_a_reload_takes_effect_for_new_streams_only(tmp_path: Path):
    app = App(settings(tmp_path))
    async with app.running(), tidegate.AsyncClient(app.grpc.addresses[0]) as client:
        may_go_on = asyncio.Event()

        async def slowly() -> AsyncIterator[str]:
            yield "one plum. And then "
            await may_go_on.wait()
            yield "a plum and a fig"

        stream = client.stream(slowly())
        texts = stream.text()
        first = await anext(texts)
        write_policy(tmp_path, version="2", word="fig")
        await eventually(lambda: app.policies.plans["words"].version == "2")
        assert (await client.check("a plum and a fig")).text == "a plum and a ‹fruit›"
        may_go_on.set()
        assert first + "".join([text async for text in texts]) == "one ‹fruit›. And then a ‹fruit› and a fig"
        assert stream.summary is not None
        assert stream.summary.policy.version == "1"


async def test_a_wrong_policy_changes_nothing_but_the_record(tmp_path: Path):
    app = App(settings(tmp_path))
    async with app.running(), tidegate.AsyncClient(app.grpc.addresses[0]) as client:
        write_policy(tmp_path, version="2", word="[")
        await eventually(lambda: b"tidegate_policy_reload_failures_total 1.0" in app.metrics.render())
        assert (await client.check("a plum")).text == "a ‹fruit›"
        assert (await ready(app))[0] == 200
        await eventually(lambda: app.outbox.stats().put >= 3)
        faults = [each.event.data for each in await app.outbox.claim(100) if isinstance(each.event.data, Fault)]
        assert [(fault.fault, fault.what) for fault in faults] == [(FaultKind.POLICY_REFUSED, "words.yaml")]
        write_policy(tmp_path, version="3", word="fig")
        await eventually(lambda: app.policies.plans["words"].version == "3")


async def test_a_reload_can_be_asked_for(tmp_path: Path):
    off = {"directories": [tmp_path / "policies"], "reload": False}
    app = App(settings(tmp_path, policies=off))
    async with app.running():
        write_policy(tmp_path, version="2")
        app.reloader.ask()
        await eventually(lambda: app.policies.plans["words"].version == "2")


async def test_a_drain_waits_for_streams_and_records_those_it_cancels(tmp_path: Path):
    app = App(settings(tmp_path, drain_seconds=0.2))
    never = asyncio.Event()

    async def silent() -> AsyncIterator[str]:
        yield "First sentence. And then "
        await never.wait()

    async def cut_off(address: str) -> None:
        async with tidegate.AsyncClient(address) as client:
            async for _ in client.stream(silent()):
                pass

    async with app.running():
        reading = asyncio.create_task(cut_off(app.grpc.addresses[0]))
        await eventually(lambda: app.engine.open_streams == 1)
    with pytest.raises(tidegate.TidegateError):
        await reading
    assert app.engine.open_streams == 0
    assert app.outbox.stats().put == 2
    assert app.readiness.parts["grpc"] == "draining"


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"admin": {"listen": "127.0.0.1:70000"}}, ConfigError, "admin.listen: '127.0.0.1:70000' is not HOST:PORT"),
        ({"admin": {"listen": "nope"}}, ConfigError, "admin.listen: 'nope' is not HOST:PORT"),
        ({"policies": {"directories": ["/nonexistent"]}}, PolicyError, "/nonexistent: "),
        ({"outbox": {"path": "/dev/null/outbox.db"}}, TidegateError, "/dev/null/outbox.db"),
        ({"grpc": {"listen": ["256.0.0.1:1"]}}, ConfigError, "grpc.listen: cannot listen on 256.0.0.1:1"),
        ({"keys": {"redaction": "short"}}, ConfigError, "keys.redaction: the redaction secret has 5 bytes"),
    ],
)
async def test_what_keeps_it_from_starting_is_named(
    tmp_path: Path, changes: dict[str, object], kind: type[Exception], words: str
):
    async def start() -> None:
        async with App(settings(tmp_path, **changes)).running():
            pass

    with pytest.raises(kind) as caught:
        await start()
    assert words in str(caught.value)


# --- readiness --------------------------------------------------------------------------------------------------------


def test_it_is_ready_when_every_part_is():
    readiness = Readiness(("a", "b"))
    seen = []
    for change in (lambda: readiness.fine("a"), lambda: readiness.fine("b"), lambda: readiness.wait_for("a", "why")):
        change()
        seen.append(readiness.is_ready)
    assert seen == [False, True, False]
    assert readiness.parts == {"a": "why", "b": "ok"}


class Stuck(WordScan):
    def advance(self, text: str, offset: int, *, is_final: bool) -> list[Finding]:
        return []


class StuckScanner(WordScanner):
    def start(self) -> WordScan:
        return Stuck(self.pattern, self.label)


class Undeclared(SegmentFlagger):
    def detect(self, items: list[BatchItem]) -> list[list[Finding]]:  # type: ignore[override]
        return [[Finding(0, 1, "OTHER", 0.5)] for _ in items]


class Moody(SegmentFlagger):
    def detect(self, items: list[BatchItem]) -> list[list[Finding]]:  # type: ignore[override]
        return [[Finding(0, 1, self.label, 0.5)] if len(items) > 1 else [] for _ in items]


@pytest.mark.parametrize(
    ("detector", "words"),
    [
        (StuckScanner("x"), "the end of the text is not cleared"),
        (SegmentFlagger("x", fails_on="golden"), r"failed on a golden input \(RuntimeError\)"),
        (Undeclared("x"), "it reports the label OTHER, which it does not declare"),
        (Moody("x"), "its findings depend on the rest of the batch"),
    ],
)
def test_a_detector_that_breaks_its_contract_keeps_the_service_from_being_ready(detector, words: str):
    assert "golden" in GOLDEN_TEXT
    with pytest.raises(DetectorFailure, match=words):
        probe_detectors([plan((detector, [rule(Action.REDACT)]))])


def test_good_detectors_pass():
    probe_detectors([plan((WordScanner("golden"), [rule(Action.REDACT)]), (SegmentFlagger("golden"), []))])


async def test_new_streams_are_taken_while_load_balancers_learn_of_a_drain(tmp_path: Path):
    app = App(settings(tmp_path, drain_pause_seconds=1.0))
    running = app.running()
    await running.__aenter__()
    async with tidegate.AsyncClient(app.grpc.addresses[0]) as client:
        stopping = asyncio.create_task(running.__aexit__(None, None, None))
        await eventually(lambda: app.readiness.parts["grpc"] == "draining")
        assert (await client.check("a plum")).text == "a ‹fruit›"
        await stopping


async def test_the_start_says_that_no_policy_can_take_what_the_proxy_serves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    app = App(settings(tmp_path, proxy={"listen": "127.0.0.1:0", "upstream": "http://127.0.0.1:1"}))
    async with app.running():
        said = [record for record in caplog.records if record.message.startswith("no policy can take")]
        assert [(each.__dict__["direction"], each.__dict__["nearest"]) for each in said] == [("input", "words")]
