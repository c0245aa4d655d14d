"""`tidegate mcp --listen` and `mcp.listen`: processes before a real server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client

from sidecar import workers
from sidecar.config import McpServer, Settings, checked
from sidecar.errors import ConfigError
from sidecar.mcp.routes import Place, challenge_of, places_of, told_target, way_of
from tests.mcp.relaying import SECRET, real, sums
from tests.mcp.test_http_clients import http_client

HERE = Path(__file__).parent
TIDEGATE = str(Path(sys.executable).with_name("tidegate"))
PIPE = asyncio.subprocess.PIPE


@asynccontextmanager
async def command(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The command, and where it listens."""
    environment = {**os.environ, "TIDEGATE_TELEMETRY__LOG_LEVEL": "info", "TIDEGATE_DRAIN_SECONDS": "5"}
    arguments = ("mcp", "--policies", str(HERE / "policy.yaml"), "--listen", "127.0.0.1:0", *options)
    child = await asyncio.create_subprocess_exec(TIDEGATE, *arguments, stderr=PIPE, env=environment)
    assert child.stderr is not None
    try:
        while (line := await child.stderr.readline()) and b'"serving"' not in line:
            pass
        yield child, f"http://{json.loads(line)['mcp']}"
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_the_command_serves_the_servers_own_path_and_ends_on_sigterm(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    async with (
        real(sums().streamable_http_app()) as server,
        command("--upstream", f"{server}/mcp", "--events", str(events)) as (child, url),
    ):
        async with (
            http_client() as http,
            streamable_http_client(f"{url}/mcp", http_client=http) as streams,
            ClientSession(*streams) as client,
        ):
            await client.initialize()
            assert "add" in [each.name for each in (await client.list_tools()).tools]
            assert (await client.call_tool("echo", {"text": SECRET})).is_error
            assert not (await client.call_tool("add", {"a": 1, "b": 2})).is_error
        async with aiohttp.ClientSession() as http_session, http_session.get(f"{url}/other") as found:
            assert found.status == 404
        child.send_signal(signal.SIGTERM)
        assert await child.wait() == 0
    assert "secrets" in events.read_text()
    assert SECRET not in events.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "say what is guarded"),
        (("--listen", "127.0.0.1:0"), "go together"),
        (("--upstream", "http://localhost:1/mcp"), "go together"),
        (("--listen", "127.0.0.1:0", "--upstream", "http://localhost:1", "--", "cat"), "say what is guarded"),
        (("--listen", "127.0.0.1:0", "--upstream", "localhost"), "upstream: must be a URL"),
        (("--listen", "nope", "--upstream", "http://localhost:1/mcp"), "mcp.listen: must be HOST:PORT"),
    ],
)
async def test_what_the_command_cannot_do(options: tuple[str, ...], message: str) -> None:
    child = await asyncio.create_subprocess_exec(
        TIDEGATE,
        "mcp",
        "--policies",
        str(HERE / "policy.yaml"),
        *options,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=PIPE,
    )
    _, errors = await child.communicate()
    assert child.returncode == 2
    assert message in errors.decode()


@pytest.mark.parametrize(
    ("mcp", "message"),
    [
        ({"listen": "127.0.0.1:0"}, "needs servers"),
        (
            {"servers": {"a": {"upstream": "http://x/mcp", "path": "/b"}, "b": {"upstream": "http://y"}}},
            "the same path",
        ),
        ({"servers": {"a": {"upstream": "x"}}}, r"mcp\.servers\.a\.upstream: must be a URL"),
        ({"servers": {"a": {"upstream": "http://x", "path": "b"}}}, r"mcp\.servers\.a\.path: must be a path"),
        ({"servers": {"a b": {"upstream": "http://x"}}}, r"mcp\.servers\.a b.*: must be a name"),
        ({"public_url": "x"}, r"mcp\.public_url: must be a URL"),
    ],
)
def test_settings_that_do_not_fit(mcp: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked({"mcp": mcp})


def test_sessions_are_kept_in_one_process() -> None:
    settings = checked({"workers": 2, "mcp": {"listen": "127.0.0.1:0", "servers": {"a": {"upstream": "http://x"}}}})
    with pytest.raises(ConfigError, match="set workers to 1"):
        workers.run(settings, None)
    assert isinstance(settings, Settings)


FILES = McpServer(upstream="https://host.example/base/mcp")
ROOT = McpServer(upstream="http://host.example:8000", path="/")


def way(target: str, **servers: McpServer) -> str:
    found = way_of(places_of(servers), target)
    return str(found.url) if found is not None else ""


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("/files", "https://host.example/base/mcp"),
        ("/files/", "https://host.example/base/mcp/"),
        ("/files?a=%2F", "https://host.example/base/mcp?a=%2F"),
        ("/files/~/messages/?id=1", "https://host.example/messages/?id=1"),
        (
            "/.well-known/oauth-protected-resource/files",
            "https://host.example/.well-known/oauth-protected-resource/base/mcp",
        ),
        ("/files/.well-known/openid-configuration", "https://host.example/base/mcp/.well-known/openid-configuration"),
        ("/files/x", ""),
        ("/filesx", ""),
        ("/.well-known/other/files", ""),
        ("/files/../x", ""),
        ("/", ""),
    ],
)
def test_where_a_path_leads(target: str, url: str) -> None:
    assert way(target, files=FILES) == url


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("/", "http://host.example:8000"),
        ("/~/m?s=1", "http://host.example:8000/m?s=1"),
        ("/.well-known/oauth-protected-resource", "http://host.example:8000/.well-known/oauth-protected-resource"),
        ("/x", ""),
    ],
)
def test_where_a_path_leads_at_the_root(target: str, url: str) -> None:
    assert way(target, only=ROOT).rstrip("/") == url.rstrip("/")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/messages/?s=1", "/messages/?s=1"),
        ("messages?s=1", "/base/messages?s=1"),
        ("https://host.example/m", "/m"),
        ("https://host.example:444/m", None),
        ("http://host.example/m", None),
        ("//elsewhere.example/m", None),
    ],
)
def test_an_endpoint_is_the_servers_own(said: str, told: str | None) -> None:
    assert told_target(place(), said) == told


def place() -> Place:
    return places_of({"files": FILES})[0]


def test_metadata_that_is_elsewhere_is_left_as_it_is() -> None:
    said = 'Bearer resource_metadata="https://auth.example/x", Basic realm="a"'
    assert challenge_of(place(), "http://relay", said) == said
