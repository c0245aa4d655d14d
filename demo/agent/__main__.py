"""Runs the demo with an agent. Exit status: 0 everything happened, 1 something is missing, 2 it could not run."""

from __future__ import annotations

import asyncio
import os
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import openai
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from rich.console import Console
from rich.text import Text

from demo.agent.agent import Run, act
from demo.agent.model import ScriptedModel, serving
from demo.agent.scenes import Scene, scenes
from demo.processes import free_port, ready, running
from demo.service import READY_SECONDS
from demo.stage import Judged, run

_HERE = Path(__file__).parent
_POLICIES = _HERE / "policies"
_TIDEGATE = str(Path(sys.executable).with_name("tidegate"))
_TIMEOUT_SECONDS = 60.0


async def demo(console: Console, folder: Path, _tokens_per_second: float) -> Sequence[Judged]:
    """Have the agent do its tasks, each with a server of its own start and one file of pins."""
    console.print(
        "[dim]starting a scripted model and the proxy before it; each task starts a guarded MCP server ...[/dim]"
    )
    model = ScriptedModel()
    async with (
        serving(model) as upstream,
        proxy(folder, upstream) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=_TIMEOUT_SECONDS) as client,
    ):
        return [await _play(console, folder, client, model, scene) for scene in scenes()]


async def _play(
    console: Console, folder: Path, client: openai.AsyncOpenAI, model: ScriptedModel, scene: Scene
) -> Judged:
    model.script = scene.script
    console.print(f"\n[bold]{scene.title}[/bold]")
    console.print(Text.assemble(("user   ", "dim"), scene.task))
    async with tools(folder, scene.environment) as session:
        done = await act(client, session, scene.task, scene.name)
    _tell(console, done)
    return Judged(scene.title, scene.outcome, scene.faults(done))


def _tell(console: Console, done: Run) -> None:
    console.print(Text.assemble(("tools  ", "dim"), ", ".join(done.tools)))
    for name, result in done.calls:
        console.print(Text.assemble(("call   ", "dim"), f"{name} -> {result}"))
    console.print(Text.assemble(("agent  ", "dim"), done.said, (f"  ({done.finish})", "dim")))


@asynccontextmanager
async def tools(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[ClientSession]:
    """A session with the guarded server; its tools are pinned in one file for all of them."""
    server = ["--", sys.executable, "-m", "demo.agent.server"]
    options = ["--policies", str(_POLICIES), "--server", "notes", "--state", str(folder / "pins.json")]
    command = ["mcp", *options, "--events", str(folder / "mcp-events.jsonl"), *server]
    root = str(_HERE.parents[1])
    parameters = StdioServerParameters(command=_TIDEGATE, args=command, env={**_own(), **environment}, cwd=root)
    with (folder / "mcp.log").open("a") as log:
        async with stdio_client(parameters, errlog=log) as (reading, writing), ClientSession(reading, writing) as found:
            await found.initialize()
            yield found


@asynccontextmanager
async def proxy(folder: Path, upstream: str) -> AsyncIterator[str]:
    """The proxy before the model, as a process of its own; gives its URL."""
    listen, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    log = folder / "proxy.log"
    command = [_TIDEGATE, "proxy", "--upstream", upstream, "--listen", listen, "--policies", str(_POLICIES)]
    own = {"TIDEGATE_ADMIN__LISTEN": admin, "TIDEGATE_OUTBOX__PATH": str(folder / "outbox.db")}
    async with running("the proxy", command, log=log, environment=_own() | own) as process:
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


def _own() -> dict[str, str]:
    """The environment without settings of whoever runs the demo."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}


if __name__ == "__main__":
    sys.exit(
        run(
            demo,
            program="python -m demo.agent",
            about="An agent with tools, guarded, live.",
            tokens_per_second=1.0,
            errors=(openai.OpenAIError,),
        )
    )
