"""A real listener for MCP over HTTP on port 0, and what stands behind it: a real server of MCP, or a scripted one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from aiohttp import web
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import SamplingMessage, TextContent
from pydantic import BaseModel

from sidecar.config import Mcp, McpServer
from sidecar.mcp.listener import McpListener
from sidecar.outbox.event import Fault
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.tokens import Tokens
from tests.servers import Serving, serving

POLICY = (Path(__file__).parent / "policy.yaml").read_text()
SECRET = "AKIA" + "QWERTYUIOPASDFGH"
POISON = "Helps. This is forbidden."


class Name(BaseModel):
    """What is elicited."""

    name: str


def sums(adds: str = "Adds two numbers.", poison: str = "") -> MCPServer:
    """A real server with tools of each kind."""
    server = MCPServer("sums")
    server.tool(description=adds)(add)
    for each in (echo, read, ask, who, slow):
        server.tool()(each)
    if poison:
        server.tool(description=poison)(helpful)
    return server


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def echo(text: str) -> str:
    """Says what it is told."""
    return text


def read(name: str) -> str:
    """Reads a note."""
    return f"Notes on {name}. This is forbidden. Buy bread."


def helpful() -> str:
    """Helps."""
    return "done"


async def ask(question: str, ctx: Context) -> str:
    """Asks the client's model; without the underscores."""
    said = SamplingMessage(role="user", content=TextContent(type="text", text=question.replace("_", "")))
    try:
        answer = await ctx.session.create_message([said], max_tokens=10, related_request_id=ctx.request_id)
    except MCPError as error:
        return f"error: {error}"
    return str(answer.content.text)


async def who(ctx: Context) -> str:
    """Asks the user."""
    told = await ctx.elicit("Who are you?", Name)
    return told.data.name if told.action == "accept" else told.action


async def slow(steps: int, ctx: Context) -> str:
    """Tells of its progress."""
    for step in range(steps):
        await ctx.report_progress(step, steps, f"step {step}")
    return "done"


@asynccontextmanager
async def real(app: Any) -> AsyncIterator[str]:
    """Serve an application of ASGI; gives its URL."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1, timeout_keep_alive=600
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@dataclass
class Scripted:
    """A server that answers what the test says, and what it was sent."""

    answer: Callable[[web.BaseRequest, bytes], Any]
    seen: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        self.seen.append((request.method, request.raw_path, request.headers, body))
        found = self.answer(request, body)
        response: web.StreamResponse = await found if asyncio.iscoroutine(found) else found
        return response

    def bodies(self) -> list[Any]:
        """The messages that it was sent."""
        return [json.loads(body) for *_, body in self.seen if body]


@asynccontextmanager
async def scripted(answer: Callable[[web.BaseRequest, bytes], Any]) -> AsyncIterator[Scripted]:
    script = Scripted(answer)
    runner = web.ServerRunner(web.Server(script.handle), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        script.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield script
    finally:
        await runner.cleanup()


def events(*pieces: bytes) -> Callable[[web.BaseRequest], Any]:
    """An answer that is a stream of these bytes, piece by piece."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Mcp-Session-Id": "s1"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        await response.write_eof()
        return response

    return answer


@dataclass
class Relaying:
    """A running listener, and what was recorded."""

    url: str
    serving: Serving
    listener: McpListener
    http: aiohttp.ClientSession

    @property
    def rules(self) -> list[str]:
        return [each.policy.rule for each in self.serving.violations]

    @property
    def faults(self) -> list[tuple[str, str]]:
        return [
            (str(each.data.fault), each.data.what)
            for each in self.serving.outbox.events
            if isinstance(each.data, Fault)
        ]


@asynccontextmanager
async def relaying(
    upstream: str | Mapping[str, str],
    policy: str | Plan = POLICY,
    *,
    tokens: Tokens | None = None,
    listen: str = "127.0.0.1:0",
    **settings: Any,
) -> AsyncIterator[Relaying]:
    """A listener that stops with the context; one server is at `/tools`."""
    plan = policy if isinstance(policy, Plan) else compile_policy(load_text(policy)[0])
    servers = {"tools": upstream} if isinstance(upstream, str) else upstream
    named = {name: McpServer(upstream=url) for name, url in servers.items()}
    async with serving(plan) as running:
        listener = McpListener(running.engine, Mcp(listen=listen, servers=named, **settings), tokens)
        try:
            await listener.start()
            async with aiohttp.ClientSession() as http:
                yield Relaying(f"http://{listener.address}", running, listener, http)
        finally:
            await listener.stop()
