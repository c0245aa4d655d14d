"""Runs the demo in a mesh. Exit status: 0 everything happened, 1 something is missing, 2 it could not run."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import openai
from rich.console import Console
from rich.text import Text

from demo.__main__ import TOPIC_SECONDS, WIDTH_WITHOUT_TERMINAL, clean_up
from demo.broker import broker
from demo.mesh.envoy import envoy
from demo.mesh.llm import TOKENS_PER_SECOND, RecordedModel, serving
from demo.mesh.scenes import Heard, Scene, faults, scenes
from demo.processes import DemoError
from demo.service import service
from demo.topic import Violation, print_violations, read_violations

_POLICIES = Path(__file__).parent / "policies"
_TIMEOUT_SECONDS = 60.0


def main() -> int:
    """Run the demo and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo.mesh", description="Tidegate behind Envoy, live.")
    parser.add_argument(
        "--tokens-per-second", type=float, default=TOKENS_PER_SECOND, metavar="N", help="default: %(default)s"
    )
    speed = parser.parse_args().tokens_per_second
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # refused connections are expected while the broker starts
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_TERMINAL
    folder = Path(tempfile.mkdtemp(prefix="tidegate-demo-"))
    try:
        status = asyncio.run(_demo(console, folder, RecordedModel(speed)))
    except (DemoError, openai.OpenAIError) as error:
        console.print(f"[red]The demo could not run:[/red] {error}")
        status = 2
    except KeyboardInterrupt:
        status = 2
    clean_up(console, folder, status)
    return status


async def _demo(console: Console, folder: Path, model: RecordedModel) -> int:
    console.print("[dim]starting a Kafka broker, the sidecar, a recorded model and Envoy ...[/dim]")
    changes = {
        "grpc": {"listen": [f"unix:{folder}/grpc.sock"]},
        "policies": {"directories": [str(_POLICIES)]},
        "ext_proc": {"enabled": True},
    }
    async with (
        broker(folder) as address,
        service(folder, address, changes) as sidecar,
        serving(model) as upstream,
        envoy(folder, model=upstream, processor=sidecar.address) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=_TIMEOUT_SECONDS) as client,
    ):
        console.print(f"[dim]the application uses {url}/v1; behind Envoy the model is at {upstream}[/dim]")
        heard = {scene: await _play(console, client, scene) for scene in scenes()}
        expected = sum(len(scene.violations) for scene in heard)
        violations = await read_violations(address, expected, seconds=TOPIC_SECONDS)
    print_violations(console, violations)
    return _judge(console, heard, model.asked, violations)


async def _play(console: Console, client: openai.AsyncOpenAI, scene: Scene) -> Heard:
    """Ask, and print what comes as it comes."""
    console.print(f"\n[bold]{scene.title}[/bold]")
    console.print(Text.assemble(("user   ", "dim"), scene.question))
    heard = Heard()
    try:
        await _listen(console, client, scene, heard)
    except openai.BadRequestError as error:
        heard.error = type(error).__name__
        console.print(Text.assemble(("error  ", "dim"), (f"{heard.error}: {error.message}", "red")))
    else:
        console.print(Text.assemble(("\nend    ", "dim"), f"finish_reason: {heard.finish}"))
    return heard


async def _listen(console: Console, client: openai.AsyncOpenAI, scene: Scene, heard: Heard) -> None:
    stream = await client.chat.completions.create(
        model="recorded",
        messages=[{"role": "user", "content": scene.question}],
        stream=True,
        extra_headers={"x-tidegate-session": scene.session},
    )
    console.print(Text("model  ", style="dim"), end="")
    async for chunk in stream:
        for choice in chunk.choices:
            heard.answer += choice.delta.content or ""
            heard.finish = choice.finish_reason or heard.finish
            console.print(Text(choice.delta.content or ""), end="", soft_wrap=True)


def _judge(console: Console, heard: dict[Scene, Heard], asked: Sequence[str], violations: Sequence[Violation]) -> int:
    console.print()
    status = 0
    for scene, what in heard.items():
        wrong = faults(scene, what, asked, violations)
        console.print(f"[red]✗[/red] {scene.title}" if wrong else f"[green]✓[/green] {scene.title}: {scene.outcome}")
        for fault in wrong:
            console.print(f"    {fault}", markup=False)
        status = 1 if wrong else status
    return status


if __name__ == "__main__":
    sys.exit(main())
