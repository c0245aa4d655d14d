"""`tidegate proxy`: what it asks for, and as a process that guards until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner, Result

from sidecar.cli.main import main
from sidecar.config import Settings
from tests.proxies import CARD, MASKED, POLICY
from tests.recordings import openai_chat_stream
from tests.upstream import scripted_upstream

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the upstream is missing"),
        (["--upstream", "localhost:11434"], "proxy.upstream: must be a URL such as http://localhost:11434"),
        (["--upstream", "http://localhost?x=1"], "proxy.upstream: must be a URL"),
    ],
)
def test_a_wrong_upstream_is_misuse(arguments: list[str], words: str):
    result = CliRunner().invoke(main, ["proxy", *arguments])
    assert result.exit_code == 2
    assert words in result.stderr


def test_help_has_an_example():
    assert "Example: tidegate proxy --upstream" in CliRunner().invoke(main, ["proxy", "--help"]).stdout


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Settings]:
    """With what settings the service was started, in a folder without policies."""
    settings: list[Settings] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sidecar.starting.run", settings.append)
    return settings


def proxy(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["proxy", "--upstream", "http://localhost:1", *arguments])


def test_it_serves_grpc_where_the_settings_say_so(started: list[Settings], monkeypatch: pytest.MonkeyPatch):
    assert proxy("--policy", "gdpr").exit_code == 0
    monkeypatch.setenv("TIDEGATE_GRPC__LISTEN", "127.0.0.1:50051")
    assert proxy("--policy", "gdpr").exit_code == 0

    assert [settings.grpc.listen for settings in started] == [(), ("127.0.0.1:50051",)]


def test_a_pack_is_found_by_its_name_and_loaded_alone_where_nothing_else_is(started: list[Settings]):
    assert proxy("--policy", "gdpr").exit_code == 0
    (settings,) = started
    assert settings.proxy.facts.policy == "gdpr"
    assert [path.name for path in settings.policies.directories] == ["gdpr.yaml"]


def test_a_pack_is_loaded_beside_the_policies_that_are_there(started: list[Settings], tmp_path: Path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mine.yaml").write_text(POLICY)
    assert proxy("--policy", "gdpr").exit_code == 0
    assert proxy("--policy", "default").exit_code == 0
    assert [[path.name for path in each.policies.directories] for each in started] == [
        ["policies", "gdpr.yaml"],
        ["policies"],
    ]
    assert started[1].proxy.facts.policy == "default"


def test_labels_are_those_of_all_traffic(started: list[Settings], tmp_path: Path):
    (tmp_path / "own.yaml").write_text("proxy: {facts: {labels: {app: shop, env: test}}}")
    assert proxy("--config", "own.yaml", "--label", "env=prod", "--label", "a=b=c").exit_code == 0
    assert started[0].proxy.facts.labels == {"app": "shop", "env": "prod", "a": "b=c"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policy", "gdrp"], "there is no policy named 'gdrp'; did you mean 'gdpr'?"),
        (["--policy", "zzz"], "there is no policy named 'zzz'; `tidegate policy packs` lists"),
        (["--policies", "own", "--policy", "defalt"], "did you mean 'default'?"),
        (["--label", "app"], "'app' is no pair: write NAME=VALUE"),
        (["--label", "mesh.identity=me"], "labels that begin with `mesh.` are the mesh's own"),
    ],
)
def test_a_name_or_label_that_cannot_be(started: list[Settings], tmp_path: Path, arguments: list[str], words: str):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.yaml").write_text(POLICY)
    done = proxy(*arguments)
    assert (done.exit_code, started) == (2, [])
    assert words in done.stderr


@asynccontextmanager
async def running(folder: Path, upstream: str) -> AsyncIterator[asyncio.subprocess.Process]:
    (folder / "policies").mkdir()
    (folder / "policies" / "policy.yaml").write_text(POLICY)
    own = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    settings = {"TIDEGATE_ADMIN__LISTEN": "127.0.0.1:0", "TIDEGATE_OUTBOX__PATH": str(folder / "outbox.db")}
    options = ("--upstream", upstream, "--listen", "127.0.0.1:0", "--policies", str(folder / "policies"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sidecar", "proxy", *options, cwd=ROOT, env=own | settings, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def wait_for(process: asyncio.subprocess.Process, message: str) -> dict[str, Any]:
    """The next log line with this message."""
    assert process.stderr is not None
    lines: list[dict[str, Any]] = []
    async for line in process.stderr:
        lines.append(json.loads(line))
        if lines[-1]["message"] == message:
            return lines[-1]
    raise AssertionError(f"the proxy ended before it said {message!r}: {lines}")


@pytest.mark.slow
async def test_it_guards_until_it_is_told_to_stop_and_lets_what_runs_finish(tmp_path: Path):
    document = {"model": "m", "messages": [{"role": "user", "content": f"mine: {CARD}"}], "stream": True}
    async with scripted_upstream() as upstream, running(tmp_path, upstream.url) as process:
        started = await wait_for(process, "serving")
        assert started["grpc"] == []
        answer = upstream.answer = openai_chat_stream([(0, "Hello. "), (0, "4111 1111 "), (0, "1111 1111!")])
        answer.hold_at = 2
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"http://{started['proxy']}/v1/chat/completions", json=document) as response,
        ):
            assert response.headers["x-tidegate-policy"] == "default@7"
            process.send_signal(signal.SIGTERM)
            await wait_for(process, "draining")
            answer.go_on.set()
            data = await response.read()
        assert data.endswith(b"data: [DONE]\n\n")
        assert MASKED.encode()[:9] in data
        assert b"4111" not in data
        assert MASKED.encode() in upstream.requests[0].body
        assert await asyncio.wait_for(process.wait(), 30) == 0
