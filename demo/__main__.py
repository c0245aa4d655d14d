"""Runs the demo; see `demo`. Exit status: 0 everything happened, 1 something is missing, 2 it could not run."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from demo.broker import broker
from demo.conversations import Conversation, conversations
from demo.play import play
from demo.processes import DemoError
from demo.screen import view
from demo.service import service
from demo.topic import Violation, print_violations, read_violations
from demo.transcript import Transcript
from demo.verdict import faults
from tidegate import AsyncClient, TidegateError

TOKENS_PER_SECOND = 35.0
TOPIC_SECONDS = 20.0
WIDTH_WITHOUT_TERMINAL = 120


def main() -> int:
    """Run the demo and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Tidegate's main job, live in the terminal.")
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
        status = asyncio.run(_demo(console, folder, speed))
    except (DemoError, TidegateError) as error:
        console.print(f"[red]The demo could not run:[/red] {error}")
        status = 2
    except KeyboardInterrupt:
        status = 2
    clean_up(console, folder, status)
    return status


async def _demo(console: Console, folder: Path, tokens_per_second: float) -> int:
    talks = conversations()
    console.print("[dim]starting a Kafka broker and the sidecar ...[/dim]")
    async with broker(folder) as address, service(folder, address) as sidecar, AsyncClient(sidecar.address) as client:
        console.print(f"[dim]sidecar on {sidecar.address}, broker on {address}[/dim]\n")
        transcripts = []
        for talk in talks:
            with view(console, talk) as screen:
                transcripts.append(await play(client, talk, screen, tokens_per_second=tokens_per_second))
        expected = sum(len(talk.violations) for talk in talks)
        violations = await read_violations(address, expected, seconds=TOPIC_SECONDS)
    print_violations(console, violations)
    return _judge(console, dict(zip(talks, transcripts, strict=True)), violations)


def _judge(console: Console, transcripts: Mapping[Conversation, Transcript], violations: Sequence[Violation]) -> int:
    console.print()
    status = 0
    for talk, transcript in transcripts.items():
        wrong = faults(talk, transcript, [each for each in violations if each.session == talk.session])
        console.print(f"[red]✗[/red] {talk.title}" if wrong else f"[green]✓[/green] {talk.title}: {talk.outcome}")
        for fault in wrong:
            console.print(f"    {fault}", markup=False)
        status = 1 if wrong else status
    return status


def clean_up(console: Console, folder: Path, status: int) -> None:
    """Leave nothing behind when all went well, else the logs."""
    if status == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        console.print(f"[dim]logs: {folder}[/dim]")


if __name__ == "__main__":
    sys.exit(main())
