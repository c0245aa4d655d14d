"""Runs the demo in a mesh. Exit status: 0 everything happened, 1 something is missing, 2 it could not run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import openai
from rich.console import Console
from rich.text import Text

from demo.broker import broker
from demo.mesh.envoy import envoy
from demo.mesh.llm import TOKENS_PER_SECOND, RecordedModel, serving
from demo.mesh.scenes import Heard, Scene, faults, scenes
from demo.service import service
from demo.stage import Judged, run
from demo.topic import print_violations, read_violations

_POLICIES = Path(__file__).parent / "policies"
_TIMEOUT_SECONDS = 60.0


async def demo(console: Console, folder: Path, tokens_per_second: float) -> Sequence[Judged]:
    """Play the scenes as an application would, and read their violations back."""
    console.print("[dim]starting a Kafka broker, the sidecar, a recorded model and Envoy ...[/dim]")
    model = RecordedModel(tokens_per_second)
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
        violations = await read_violations(address, sum(len(scene.violations) for scene in heard))
    print_violations(console, violations)
    return [
        Judged(scene.title, scene.outcome, faults(scene, what, model.asked, violations))
        for scene, what in heard.items()
    ]


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


if __name__ == "__main__":
    sys.exit(
        run(
            demo,
            program="python -m demo.mesh",
            about="Tidegate behind Envoy, live.",
            tokens_per_second=TOKENS_PER_SECOND,
            errors=(openai.OpenAIError,),
        )
    )
