"""Runs the demo; see `demo`. Exit status: 0 everything happened, 1 something is missing, 2 it could not run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from demo.broker import broker
from demo.conversations import conversations
from demo.play import play
from demo.screen import view
from demo.service import service
from demo.stage import Judged, run
from demo.topic import print_violations, read_violations
from demo.verdict import faults
from tidegate import AsyncClient, TidegateError

TOKENS_PER_SECOND = 35.0


async def demo(console: Console, folder: Path, tokens_per_second: float) -> Sequence[Judged]:
    """Stream the conversations, and read their violations back."""
    talks = conversations()
    console.print("[dim]starting a Kafka broker and the sidecar ...[/dim]")
    async with broker(folder) as address, service(folder, address) as sidecar, AsyncClient(sidecar.address) as client:
        console.print(f"[dim]sidecar on {sidecar.address}, broker on {address}[/dim]\n")
        transcripts = []
        for talk in talks:
            with view(console, talk) as screen:
                transcripts.append(await play(client, talk, screen, tokens_per_second=tokens_per_second))
        violations = await read_violations(address, sum(len(talk.violations) for talk in talks))
    print_violations(console, violations)
    return [
        Judged(talk.title, talk.outcome, faults(talk, each, [one for one in violations if one.session == talk.session]))
        for talk, each in zip(talks, transcripts, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(
        run(
            demo,
            program="python -m demo",
            about="Tidegate's main job, live in the terminal.",
            tokens_per_second=TOKENS_PER_SECOND,
            errors=(TidegateError,),
        )
    )
