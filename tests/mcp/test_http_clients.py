"""MCP over HTTP between the real client and the real server of the package `mcp`, in both transports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import CreateMessageResult, ElicitResult, TextContent

from tests.mcp.relaying import POISON, POLICY, SECRET, Relaying, real, relaying, sums

KINDS = ["http", "json", "stateless", "sse"]
TIMEOUT = 300.0
TALKING = ["http", "sse"]
"""Transports with a way from the server to the client."""


def app_of(server: MCPServer, kind: str) -> tuple[Any, str]:
    """A server's application, and the path of its endpoint."""
    if kind == "sse":
        return server.sse_app(), "/sse"
    return server.streamable_http_app(json_response=kind == "json", stateless_http=kind == "stateless"), "/mcp"


def http_client(
    headers: dict[str, str] | None = None, timeout: httpx2.Timeout | None = None, auth: httpx2.Auth | None = None
) -> httpx2.AsyncClient:
    """A client that waits for as long as it takes, and loads no certificates."""
    return httpx2.AsyncClient(headers=headers, timeout=timeout and TIMEOUT, auth=auth, verify=False)


@asynccontextmanager
async def session(url: str, kind: str, **callbacks: Any) -> AsyncIterator[ClientSession]:
    async with AsyncExitStack() as stack:
        if kind == "sse":
            streams = await stack.enter_async_context(sse_client(url, httpx_client_factory=http_client))
        else:
            http = await stack.enter_async_context(http_client(timeout=httpx2.Timeout(TIMEOUT)))
            streams = await stack.enter_async_context(streamable_http_client(url, http_client=http))
        client = await stack.enter_async_context(ClientSession(streams[0], streams[1], **callbacks))
        await client.initialize()
        yield client


@asynccontextmanager
async def guarded(server: MCPServer, kind: str, policy: str = POLICY, **settings: Any) -> AsyncIterator[Relaying]:
    app, path = app_of(server, kind)
    async with real(app) as url, relaying(f"{url}{path}", policy, **settings) as door:
        yield door


def names(found: Any) -> list[str]:
    return [each.name for each in found.tools]


def said(result: Any) -> str:
    return "".join(each.text for each in result.content)


async def sampled(_context: Any, params: Any) -> CreateMessageResult:
    text = f"{params.messages[0].content.text} Yes."
    return CreateMessageResult(role="assistant", model="m", content=TextContent(type="text", text=text))


async def elicited(_context: Any, _params: Any) -> ElicitResult:
    return ElicitResult(action="accept", content={"name": "Bo"})


@pytest.mark.parametrize("kind", KINDS)
async def test_each_thing_that_is_wrong_is_stopped_and_the_session_goes_on(kind: str) -> None:
    async with guarded(sums(poison=POISON), kind) as door, session(f"{door.url}/tools", kind) as client:
        assert "helpful" not in names(await client.list_tools())
        assert said(await client.call_tool("helpful", {})).startswith("This tool was left out")
        secret = await client.call_tool("echo", {"text": f"aws key {SECRET}"})
        assert (secret.is_error, said(secret)) == (True, "A credential stays here. (rule secrets)")
        injected = await client.call_tool("read", {"name": "May"})
        assert (injected.is_error, said(injected)) == (True, "What stood here was left out.")
        with pytest.raises(MCPError, match="A credential stays here"):
            await client.read_resource(f"note://{SECRET}")
        assert said(await client.call_tool("add", {"a": 1, "b": 2})) == "3"
        assert {*door.rules} == {"secrets", "forbidden"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_outside_the_policy_is_answered_as_one_that_failed(kind: str) -> None:
    policy = """apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: calls, version: "1"}
rules:
  - id: calls
    detect: {detector: tools, allow: [add, echo], arguments: {echo: {text: {max_chars: 8}}}}
    action: {block: {message: Not this one.}}
"""
    async with guarded(sums(), kind, policy) as door, session(f"{door.url}/tools", kind) as client:
        assert said(await client.call_tool("echo", {"text": "bread"})) == "bread"
        for name, arguments in (("read", {"name": "May"}), ("echo", {"text": "bread and butter"})):
            result = await client.call_tool(name, arguments)
            assert (result.is_error, said(result)) == (True, "Not this one. (rule calls)")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_changed_definition_is_left_out_in_every_session(kind: str, tmp_path: Path) -> None:
    state: Any = {"state": tmp_path / "pins.json"}
    async with guarded(sums(), kind, **state) as door, session(f"{door.url}/tools", kind) as client:
        assert "add" in names(await client.list_tools())
        async with session(f"{door.url}/tools", kind) as other:
            assert "add" in names(await other.list_tools())
    async with guarded(sums(adds="Adds, and sends it on."), kind, **state) as door:
        async with session(f"{door.url}/tools", kind) as client:
            assert "add" not in names(await client.list_tools())
            assert (await client.call_tool("add", {"a": 1, "b": 2})).is_error
        assert door.faults == [("tool_changed", "add")]


@pytest.mark.filterwarnings("ignore:The sampling capability is deprecated")
@pytest.mark.parametrize("kind", TALKING)
async def test_what_the_server_asks_goes_to_the_client_and_back(kind: str) -> None:
    callbacks = {"sampling_callback": sampled, "elicitation_callback": elicited}
    async with guarded(sums(), kind) as door, session(f"{door.url}/tools", kind, **callbacks) as client:
        assert said(await client.call_tool("ask", {"question": "Is it so?"})) == "Is it so? Yes."
        assert said(await client.call_tool("who", {})) == "Bo"
        assert said(await client.call_tool("slow", {"steps": 5})) == "done"
        assert door.rules == []


ASKING = """apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: asking, version: "1"}
rules:
  - id: forbidden
    detect: {detector: patterns, patterns: [{label: F, regex: "xyzzy"}]}
    action: {block: {message: Not that.}}
"""


@pytest.mark.filterwarnings("ignore:The sampling capability is deprecated")
@pytest.mark.parametrize("kind", TALKING)
async def test_what_the_server_asks_is_stopped_and_the_server_is_told(kind: str) -> None:
    asked: list[str] = []

    async def counted(context: Any, params: Any) -> CreateMessageResult:
        asked.append(params.messages[0].content.text)
        return await sampled(context, params)

    async def bad(_context: Any, _params: Any) -> CreateMessageResult:
        return CreateMessageResult(role="assistant", model="m", content=TextContent(type="text", text="xyzzy"))

    async with guarded(sums(), kind, ASKING) as door:
        async with session(f"{door.url}/tools", kind, sampling_callback=counted) as client:
            assert said(await client.call_tool("ask", {"question": "xy_zzy"})) == "error: Not that. (rule forbidden)"
            assert said(await client.call_tool("ask", {"question": "ok"})) == "ok Yes."
            assert asked == ["ok"]
        async with session(f"{door.url}/tools", kind, sampling_callback=bad) as client:
            assert said(await client.call_tool("ask", {"question": "ok"})) == "error: Not that. (rule forbidden)"
        assert door.rules == ["forbidden"] * 2


@pytest.mark.parametrize("kind", ["http", "sse"])
async def test_a_hundred_sessions_at_once(kind: str) -> None:
    async with guarded(sums(), kind) as door:

        async def one(number: int) -> str:
            async with session(f"{door.url}/tools", kind) as client:
                await client.list_tools()
                text = f"word {number}"
                assert said(await client.call_tool("echo", {"text": text})) == text
                assert (await client.call_tool("echo", {"text": SECRET})).is_error
                return said(await client.call_tool("add", {"a": number, "b": 1}))

        found = await asyncio.gather(*(one(number) for number in range(100)))
        assert found == [str(number + 1) for number in range(100)]
        assert door.rules == ["secrets"] * 100
        while door.listener.sessions:  # that a stream over HTTP+SSE is gone is seen a moment later
            await asyncio.sleep(0.01)
