"""Child processes that end with the demo, whatever ends it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

STOP_SECONDS = 10.0
POLL_SECONDS = 0.05


class DemoError(Exception):
    """The demo cannot go on; the message is for whoever ran it."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@asynccontextmanager
async def running(
    name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program, its output in `log`; at the end it is asked to stop, and killed if it does not."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output, env=environment)
    try:
        yield process
    finally:
        await _stop(process)
    if process.returncode not in {0, -15}:
        raise failed(f"{name} ended with status {process.returncode}", log)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def ready(
    name: str, process: asyncio.subprocess.Process, answers: Callable[[], Awaitable[bool]], *, log: Path, seconds: float
) -> None:
    """Wait until a program answers. Raises `DemoError` when it ended instead, or took longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while not await answers():
                if process.returncode is not None:
                    raise failed(f"{name} ended with status {process.returncode}", log)
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise failed(f"{name} was not ready after {seconds:.0f} s", log) from None


def failed(what: str, log: Path) -> DemoError:
    """The error for a program that did not do what it should, with the last thing that it said."""
    said = log.read_text(errors="replace").strip().splitlines()
    return DemoError(f"{what} (log: {log}): {said[-1] if said else 'it said nothing'}")
