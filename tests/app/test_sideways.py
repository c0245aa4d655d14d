"""Law 8 on the whole service: real traffic with planted values, and every byte that leaves it otherwise is searched.

The service is a process of its own. Its outbox, events (of each level of evidence), logs, metrics, traces, console and
admin pages are read, then it is made to crash: a core file would be an image of its memory.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest

from sidecar.outbox.evidence import new_pair
from tests.app.serving import ROOT, own_environment
from tests.outbox.test_privacy import pieces
from tests.upstream import JSON, SSE, Answer, Upstream, scripted_upstream
from tidegate import AsyncClient, TidegateError

pytestmark = pytest.mark.slow

EMAIL, CARD, SSN = "jane.doe@example.org", "4111 1111 1111 1111", "536-22-8726"
PLANTED = [EMAIL, CARD, SSN]
RAW = "tuna-4711-melt"
"""What a rule keeps as it is, and says why: it must be found, so that the search can fail."""
TEXT = f"Write to {EMAIL}, pay with {CARD}, my social security number is {SSN}, the word is {RAW}. "
POLICY = """\
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: default, version: "1"}
rules:
  - {id: mail, detect: {detector: pii, labels: [EMAIL_ADDRESS]}, evidence: {level: encrypted}, action: redact}
  - {id: card, detect: {detector: pii, labels: [CREDIT_CARD]}, evidence: {level: hash}, action: redact}
  - {id: ssn, detect: {detector: pii, labels: [US_SSN]}, evidence: {level: none}, enforcement: shadow, action: redact}
  - {id: ssn-shape, detect: {detector: pii, labels: [US_SSN]}, action: redact}
  - id: word
    detect: {detector: patterns, keywords: {WORD: [tuna-4711-melt]}}
    evidence: {level: raw, reason: SEC-812}
    action: annotate
"""
DIRECTIONS: tuple[Literal["input", "output"], ...] = ("input", "output")
_PAGES = ["/", "/metrics", "/readyz", "/healthz", "/livez", "/about", "/policies", "/console/state"]


@asynccontextmanager
async def service(folder: Path, **environment: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The service, free to leave a core file, its output in files. It ends with the context."""
    (folder / "policies").mkdir()
    (folder / "policies" / "p.yaml").write_text(POLICY)
    (folder / "hash").write_text("k" * 32)
    new_pair(folder / "evidence")
    settings = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
        "TIDEGATE_GRPC__LISTEN": "127.0.0.1:0",
        "TIDEGATE_ADMIN__LISTEN": "127.0.0.1:0",
        "TIDEGATE_PROXY__LISTEN": "127.0.0.1:0",
        "TIDEGATE_POLICIES__DIRECTORIES": str(folder / "policies"),
        "TIDEGATE_OUTBOX__PATH": str(folder / "outbox.db"),
        "TIDEGATE_EVENTS__SINKS": json.dumps([{"file": {"path": str(folder / "events.jsonl")}}]),
        "TIDEGATE_EVENTS__EVIDENCE_KEY_FILE": str(folder / "evidence.pub"),
        "TIDEGATE_KEYS__HASH_FILE": str(folder / "hash"),
        "TIDEGATE_TELEMETRY__LOG_LEVEL": "debug",
    }
    run = folder / "run"
    run.mkdir()
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-c", _START],
            env=own_environment() | settings | environment,
            cwd=run,
            stdout=out,
            stderr=err,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


_START = """
import resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
sys.argv = ["tidegate", "serve"]
from sidecar.cli.main import main
main()
"""


def logged(folder: Path, message: str) -> Mapping[str, object] | None:
    """The log line with this message, once it is there whole."""
    for line in (folder / "stderr").read_text().splitlines():
        with suppress(json.JSONDecodeError):
            if (row := json.loads(line))["message"] == message:
                return dict(row)
    return None


async def until_logged(folder: Path, process: subprocess.Popen[bytes], message: str) -> Mapping[str, object]:
    async with asyncio.timeout(120):
        while (row := logged(folder, message)) is None:
            assert process.poll() is None, (folder / "stderr").read_text()
            await asyncio.sleep(0.05)
    return row


async def traffic(serving: Mapping[str, object], upstream: Upstream) -> None:
    """Values in prompts and answers, whole and in pieces, over gRPC and the proxy, right and wrong."""
    grpc = serving["grpc"]
    assert isinstance(grpc, list)
    async with AsyncClient(grpc[0]) as client:
        for direction in DIRECTIONS:
            checked = await client.check(TEXT, direction=direction, session_id="s")
            assert EMAIL not in checked.text
        stream = client.stream([TEXT[at : at + 5] for at in range(0, len(TEXT), 5)])
        assert CARD not in "".join([part async for part in stream.text()])
        with suppress(TidegateError):
            await client.check(TEXT, policy="none-of-that-name")
    await proxied(f"http://{serving['proxy']}", upstream)


async def proxied(url: str, upstream: Upstream) -> None:
    chunk = json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [_delta(TEXT)]})
    whole = {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": _said(TEXT)}]}
    streamed = Answer([f"data: {chunk}\n\ndata: [DONE]\n\n".encode()], SSE)
    answers = [streamed, Answer([json.dumps(whole).encode()], JSON), Answer([TEXT.encode()], JSON, status=500)]
    async with aiohttp.ClientSession() as http:
        for answer in answers:
            upstream.answer = answer
            body = {"model": "m", "stream": answer is streamed, "messages": [_said(TEXT, "user")]}
            async with http.post(f"{url}/v1/chat/completions", json=body) as response:
                assert SSN not in await response.text()
        assert all(CARD not in seen.body.decode() for seen in upstream.requests)
        for path, data in [("/v1/chat/completions", TEXT), ("/v1/none-of-that", TEXT), ("/v1/chat/completions", "[")]:
            async with http.post(url + path, data=data) as response:
                await response.read()


def _said(text: str, role: str = "assistant") -> dict[str, str]:
    return {"role": role, "content": text}


def _delta(text: str) -> dict[str, object]:
    return {"index": 0, "delta": _said(text)}


async def pages(admin: object) -> dict[str, bytes]:
    """Every page of the admin listener, the console's too."""
    found: dict[str, bytes] = {}
    async with aiohttp.ClientSession() as http:
        for path in _PAGES:
            async with http.get(f"http://{admin}{path}") as response:
                found[path] = await response.read()
        for seen in json.loads(found["/console/state"])["latest"][:5]:
            path = f"/console/stops/{seen.get('request') or seen.get('stream')}"
            async with http.get(f"http://{admin}{path}") as response:
                found[path] = await response.read()
    assert b"tidegate_ready" in found["/metrics"]
    return found


async def published(folder: Path) -> list[dict[str, Any]]:
    """The violations, once the last stream's are there."""
    async with asyncio.timeout(60):
        while True:
            with suppress(FileNotFoundError, json.JSONDecodeError):
                rows = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
                if sum(row["data"]["kind"] == "decision" for row in rows) >= 8:
                    return [row["data"] for row in rows if row["data"]["kind"] == "violation"]
            await asyncio.sleep(0.05)


def crash(process: subprocess.Popen[bytes], folder: Path) -> list[Path]:
    """Have it abort; the core files that it leaves."""
    process.send_signal(signal.SIGABRT)
    assert process.wait(60) == -signal.SIGABRT
    return [path for path in (folder / "run").iterdir() if path.name.startswith("core")]


def sinks(folder: Path, receiver: Upstream) -> list[dict[str, object]]:
    """Every kind that needs no broker, in all views."""
    return [
        {"file": {"path": str(folder / "events.jsonl")}},
        {"stdout": {"view": "ecs"}},
        {"webhook": {"url": f"{receiver.url}/hook", "is_unsigned": True, "view": "ocsf"}},
        {"otlp": {"url": f"{receiver.url}/v1/logs", "compression": "none"}},
    ]


async def test_nothing_planted_leaves_the_service_sideways(tmp_path: Path):
    async with scripted_upstream() as upstream, scripted_upstream() as collector, scripted_upstream() as receiver:
        collector.answer = receiver.answer = Answer([b""], "application/x-protobuf")
        settings = {
            "TIDEGATE_EVENTS__SINKS": json.dumps(sinks(tmp_path, receiver)),
            "TIDEGATE_PROXY__UPSTREAM": upstream.url,
            "TIDEGATE_TELEMETRY__TRACES": "otlp",
            "TIDEGATE_TELEMETRY__OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_BLRP_SCHEDULE_DELAY": "50",
        }
        async with service(tmp_path, **settings) as process:
            serving = await until_logged(tmp_path, process, "serving")
            await traffic(serving, upstream)
            violations = await published(tmp_path)
            shown = await pages(serving["admin"])
            while not collector.requests or {seen.path for seen in receiver.requests} != {"/hook", "/v1/logs"}:
                await asyncio.sleep(0.05)
            cores = await asyncio.to_thread(crash, process, tmp_path)
        traces = b"".join(seen.body for seen in collector.requests)
        sent = {f"sent to {seen.path}": seen.body for seen in receiver.requests}

    by_rule = {str(each["policy"]["rule"]): each["evidence"] for each in violations}
    assert set(by_rule) == {"mail", "card", "ssn", "ssn-shape", "word"}
    assert (by_rule["word"]["raw"], by_rule["word"]["reason"]) == (RAW, "SEC-812")
    assert by_rule["mail"]["sealed"]
    own = {"policies", "run", "hash", "evidence.key", "evidence.pub"}
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name not in own}
    assert {"stderr", "stdout", "events.jsonl", "outbox.db"} <= set(files)
    assert RAW.encode() in files["events.jsonl"]
    assert cores == []
    assert b"SEC-812" in files["stdout"]
    for place, content in {**files, **shown, **sent, "traces": traces}.items():
        for value in PLANTED:
            assert [piece for piece in pieces(value) if piece in content] == [], place
        if place not in {"events.jsonl", "outbox.db", "outbox.db-wal", "stdout", *sent}:  # where a rule wants it
            assert RAW.encode() not in content, place


@pytest.mark.skipif(
    Path("/proc/sys/kernel/core_pattern").read_text()[:1] in {"|", "/"}
    or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0,
    reason="core files do not go to the working directory here, or must not be made",
)
async def test_with_the_setting_a_crash_leaves_a_core_file(tmp_path: Path):
    """The test above can fail: a crash would have left one."""
    async with service(tmp_path, TIDEGATE_CORE_DUMPS="true") as process:
        await until_logged(tmp_path, process, "serving")
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (1 << 26, 1 << 26))  # a part of it is enough
        assert await asyncio.to_thread(crash, process, tmp_path)


async def test_core_files_are_forbidden_to_the_running_process(tmp_path: Path):
    async with service(tmp_path) as process:
        await until_logged(tmp_path, process, "serving")
        assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (1, 1)
