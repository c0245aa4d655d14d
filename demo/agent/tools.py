"""How the agent reaches its tools: each way a session of MCP's own client, with Tidegate between it and the server.

Over standard input and output the client starts `tidegate mcp`, which starts the server. Over HTTP the server runs by
itself, and the client comes to `mcp.listen` in its place.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from asyncio import to_thread
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from demo.processes import ready, running

HERE = Path(__file__).parent
POLICIES = HERE / "policies"
TIDEGATE = str(Path(sys.executable).with_name("tidegate"))
SERVER = (sys.executable, "-m", "demo.agent.server")
_ROOT = HERE.parents[1]
_READY_SECONDS = 60.0
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of a server, as the agent has them."""

    session: ClientSession
    heard: list[bytearray] = field(default_factory=list)
    """Over HTTP: the body of each answer to a request, as it came."""


@asynccontextmanager
async def over_stdio(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Tools]:
    """A server that is started for this session; its tools are pinned in one file for all of them."""
    options = ["--policies", str(POLICIES), "--server", "notes", "--state", str(folder / "pins.json")]
    command = ["mcp", *options, "--events", str(folder / "mcp-events.jsonl"), "--", *SERVER]
    parameters = StdioServerParameters(
        command=TIDEGATE, args=command, env={**own_environment(), **environment}, cwd=str(_ROOT)
    )
    with (folder / "mcp.log").open("a") as log:
        async with stdio_client(parameters, errlog=log) as streams, ClientSession(*streams) as session:
            await session.initialize()
            yield Tools(session)


@asynccontextmanager
async def server_at(port: int, folder: Path, environment: Mapping[str, str]) -> AsyncIterator[str]:
    """A server over HTTP; gives its URL."""
    url, log = f"http://127.0.0.1:{port}/mcp", folder / "server.log"
    command = [*SERVER, str(port)]
    async with running("the MCP server", command, log=log, environment={**own_environment(), **environment}) as process:
        await ready("the MCP server", process, lambda: is_answering(url), log=log, seconds=_READY_SECONDS)
        yield url


@asynccontextmanager
async def over_http(url: str) -> AsyncIterator[Tools]:
    """A session with what answers there: a server, or Tidegate before it."""
    heard: list[bytearray] = []
    async with (
        httpx2.AsyncClient(transport=_Recorded(heard), timeout=_TIMEOUT_SECONDS) as http,
        streamable_http_client(url, http_client=http) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        yield Tools(session, heard)


class _Recorded(httpx2.AsyncBaseTransport):
    """Keeps what is answered to requests by POST, byte for byte."""

    def __init__(self, heard: list[bytearray]) -> None:
        self._heard = heard
        self._own = httpx2.AsyncHTTPTransport(verify=False)  # nothing here is fetched over TLS

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, whose body is copied as it is read."""
        response = await self._own.handle_async_request(request)
        if request.method == "POST":
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            self._heard.append(bytearray())
            response.stream = _Copied(response.stream, self._heard[-1])
        return response

    async def aclose(self) -> None:
        """Close what it connects with."""
        await self._own.aclose()


class _Copied(httpx2.AsyncByteStream):
    def __init__(self, own: httpx2.AsyncByteStream, copy: bytearray) -> None:
        self._own = own
        self._copy = copy

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._own:
            self._copy += data
            yield data

    async def aclose(self) -> None:
        await self._own.aclose()


def own_environment() -> dict[str, str]:
    """The environment without settings of whoever runs the demo."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}


async def is_answering(url: str) -> bool:
    """Whether a server is there, whatever it thinks of the question."""

    def asked() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - always http, on loopback
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    return await to_thread(asked)
