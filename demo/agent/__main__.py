"""Runs the demo with an agent. Exit status: 0 everything happened, 1 something is missing, 2 it could not run."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import openai
from mcp.shared.exceptions import MCPError
from rich.console import Console
from rich.text import Text

from demo.agent.agent import Run, act
from demo.agent.model import ScriptedModel, serving
from demo.agent.scenes import Scene, Way, scenes
from demo.agent.tools import POLICIES, TIDEGATE, over_http, over_stdio, own_environment, server_at
from demo.processes import free_port, ready, running
from demo.service import READY_SECONDS
from demo.stage import Judged, run

_TIMEOUT_SECONDS = 60.0
_BEGINS = """\
A scripted model plays the part of an agent's model; all else is real: a server of MCP with its tools, MCP's own client,
an openai client, and Tidegate between them. [dim]Starting the model and the proxy before it ...[/dim]"""


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the scenes are played on."""

    console: Console
    folder: Path
    model: ScriptedModel
    client: openai.AsyncOpenAI
    """Speaks to the model, through the proxy."""
    relay: str
    """The URL of `mcp.listen`, for the server over HTTP."""
    port: int
    """Where that server is."""


async def demo(console: Console, folder: Path, _tokens_per_second: float) -> Sequence[Judged]:
    """Have the agent do its tasks, with a server that is started anew for each, and one file of pins for each way."""
    console.print(_BEGINS)
    model, port, relay = ScriptedModel(), free_port(), f"127.0.0.1:{free_port()}"
    async with (
        serving(model) as upstream,
        proxy(folder, upstream, relay, port) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=_TIMEOUT_SECONDS) as client,
    ):
        stage = _Stage(console, folder, model, client, f"http://{relay}/notes", port)
        return [judged for way in Way for judged in await _play_all(stage, way)]


async def _play_all(stage: _Stage, way: Way) -> Sequence[Judged]:
    stage.console.print()
    stage.console.rule(f"[bold]{way.value}[/bold]", align="left")
    return [await _play(stage, scene) for scene in scenes() if scene.way is way]


async def _play(stage: _Stage, scene: Scene) -> Judged:
    stage.model.script = scene.script
    stage.console.print(f"\n[bold]{scene.title}[/bold]")
    stage.console.print(Text.assemble(("user   ", "dim"), scene.task))
    with _one_at_a_time():
        done = await (_over_http(stage, scene) if scene.way is Way.HTTP else _over_stdio(stage, scene))
    judged = Judged(scene.title_in_a_list, scene.outcome, scene.faults(done))
    _tell(stage.console, done, judged)
    return judged


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """What goes wrong in a client's tasks comes as a group: the first is told."""
    try:
        yield
    except ExceptionGroup as group:
        first: Exception = group
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from group


async def _over_stdio(stage: _Stage, scene: Scene) -> Run:
    async with over_stdio(stage.folder, scene.environment) as tools:
        return await act(stage.client, tools.session, scene.task, scene.name)


async def _over_http(stage: _Stage, scene: Scene) -> Run:
    async with server_at(stage.port, stage.folder, scene.environment) as url:
        done = await _heard(stage, scene, stage.relay)
        if scene.is_compared:
            done.heard_unguarded = (await _heard(stage, scene, url)).heard
    return done


async def _heard(stage: _Stage, scene: Scene, url: str) -> Run:
    async with over_http(url) as tools:
        done = await act(stage.client, tools.session, scene.task, scene.name)
    done.heard = tuple(map(bytes, tools.heard))
    return done


def _tell(console: Console, done: Run, judged: Judged) -> None:
    console.print(Text.assemble(("tools  ", "dim"), ", ".join(done.tools)))
    for name, result in done.calls:
        console.print(Text.assemble(("call   ", "dim"), f"{name} -> {result}"))
    console.print(Text.assemble(("agent  ", "dim"), done.said, (f"  ({done.finish})", "dim")))
    if done.heard_unguarded:
        sizes = [sum(map(len, each)) for each in (done.heard, done.heard_unguarded)]
        told = f"{sizes[0]} in {len(done.heard)} answers of the server's, and {sizes[1]} without Tidegate"
        console.print(Text.assemble(("bytes  ", "dim"), told))
    for fault in judged.faults:
        console.print(Text.assemble(("wrong  ", "dim"), (fault, "red")))
    if not judged.faults:
        console.print(Text.assemble(("guard  ", "dim"), (judged.outcome, "green")))


@asynccontextmanager
async def proxy(folder: Path, upstream: str, relay: str, port: int) -> AsyncIterator[str]:
    """The proxy before the model, whose URL it gives, and `mcp.listen` before the server at `port`: one process."""
    listen, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    log = folder / "proxy.log"
    command = [TIDEGATE, "proxy", "--upstream", upstream, "--listen", listen, "--policies", str(POLICIES)]
    settings = {
        "TIDEGATE_ADMIN__LISTEN": admin,
        "TIDEGATE_OUTBOX__PATH": str(folder / "outbox.db"),
        "TIDEGATE_MCP__LISTEN": relay,
        "TIDEGATE_MCP__SERVERS": json.dumps({"notes": {"upstream": f"http://127.0.0.1:{port}/mcp"}}),
        "TIDEGATE_MCP__STATE": str(folder / "http-pins.json"),
    }
    async with running("the proxy", command, log=log, environment=own_environment() | settings) as process:
        await ready("the proxy", process, lambda: _is_ready(admin), log=log, seconds=READY_SECONDS)
        yield f"http://{listen}"


async def _is_ready(admin: str) -> bool:
    def asked() -> bool:
        try:
            with urllib.request.urlopen(f"http://{admin}/readyz", timeout=2):
                return True
        except OSError:
            return False

    return await asyncio.to_thread(asked)


if __name__ == "__main__":
    sys.exit(
        run(
            demo,
            program="python -m demo.agent",
            about="An agent with tools, guarded, live.",
            tokens_per_second=1.0,
            errors=(openai.OpenAIError, MCPError, httpx2.HTTPError),
        )
    )
