"""What every demo has around it: a command line, a folder, a console, and at the end who did what was expected."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console

from demo.processes import DemoError

WIDTH_WITHOUT_TERMINAL = 120


@dataclass(frozen=True, slots=True)
class Judged:
    """A scene that was played: what was to come of it, and what went wrong instead."""

    title: str
    outcome: str
    faults: Sequence[str]


Demo: TypeAlias = Callable[[Console, Path, float], Coroutine[Any, Any, Sequence[Judged]]]
"""Is given a folder for its files, and how many tokens come in a second."""


def run(demo: Demo, *, program: str, about: str, tokens_per_second: float, errors: tuple[type[Exception], ...]) -> int:
    """Run a demo as its command line says; `errors` are those of its libraries that mean that it could not run.

    Returns the exit status: 0 everything happened, 1 something is missing, 2 it could not run. Only after 0 nothing is
    left behind; else the logs are.
    """
    speed = _speed(program, about, tokens_per_second)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # refused connections are expected while the broker starts
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_TERMINAL
    could_not_run: tuple[type[Exception], ...] = (DemoError, *errors)
    folder = Path(tempfile.mkdtemp(prefix="tidegate-demo-"))
    try:
        status = _judge(console, asyncio.run(demo(console, folder, speed)))
    except could_not_run as error:
        console.print(f"[red]The demo could not run:[/red] {error}")
        status = 2
    except KeyboardInterrupt:
        status = 2
    if status == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        console.print(f"[dim]logs: {folder}[/dim]")
    return status


def _speed(program: str, about: str, default: float) -> float:
    parser = argparse.ArgumentParser(prog=program, description=about)
    parser.add_argument(
        "--tokens-per-second", type=_positive, default=default, metavar="N", help="default: %(default)s"
    )
    return float(parser.parse_args().tokens_per_second)


def _positive(value: str) -> float:
    number = float(value)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return number


def _judge(console: Console, scenes: Sequence[Judged]) -> int:
    console.print()
    for scene in scenes:
        console.print(
            f"[red]✗[/red] {scene.title}" if scene.faults else f"[green]✓[/green] {scene.title}: {scene.outcome}"
        )
        for fault in scene.faults:
            console.print(f"    {fault}", markup=False)
    return 1 if any(scene.faults for scene in scenes) else 0
