"""Counts work instead of timing it, so that a busy machine and a quiet one say the same.

What is counted is what this project's own code does: its functions that are entered (a coroutine that goes on is
entered again), the calls of built-in ones that it makes, and, on an event loop, what is scheduled. Python's own modules
and libraries are not counted, since their insides change with their versions. The loop's time stands still.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeVarTuple

_Ts = TypeVarTuple("_Ts")
OURS: Final = tuple(
    f"{Path(__file__).parents[2] / folder}/" for folder in ("sidecar", "detectors", "client", "workbench")
)
CALLS, BUILTINS, SCHEDULED = "calls", "built-in calls", "callbacks scheduled"
STATEMENTS = "SQL statements"


class Work:
    """What was counted so far; nothing is but inside `counting`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._is_ours: dict[str, bool] = {}

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what the body does on this thread. Garbage is not collected meanwhile."""
        gc.collect()
        gc.disable()
        sys.setprofile(self._seen)
        try:
            yield
        finally:
            sys.setprofile(None)
            gc.enable()

    def per(self, times: int) -> dict[str, float]:
        """The counts for one of so many operations."""
        return {name: round(count / times, 3) for name, count in sorted(self.counts.items()) if count}

    def _seen(self, frame: FrameType, event: str, what: Any) -> None:
        name = {"call": CALLS, "c_call": BUILTINS}.get(event)
        if name is None or not self._owns(frame.f_code.co_filename):
            return
        self.counts[name] += 1
        if event == "c_call" and what.__name__ == "execute":
            self.counts[STATEMENTS] += 1

    def _owns(self, file: str) -> bool:
        known = self._is_ours.get(file)
        if known is None:
            known = self._is_ours[file] = file.startswith(OURS)
        return known


class CountingLoop(asyncio.SelectorEventLoop):
    """A loop that knows how much was scheduled, and whose time stands still, so that no timer is ever due."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduled = 0

    def time(self) -> float:
        """Always the same."""
        return 0.0

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Schedule a callback, and count it."""
        self.scheduled += 1
        return super().call_soon(callback, *args, context=context)

    async def settle(self) -> int:
        """Return when nothing is left to be done but to wait; how many callbacks that took."""
        before, rounds = self.scheduled, 0
        while True:
            seen = self.scheduled
            await asyncio.sleep(0)
            rounds += 1
            if self.scheduled == seen + 1:
                return self.scheduled - before - rounds


async def counted(work: Work, steps: Sequence[Callable[[], Awaitable[object]]]) -> None:
    """Take the steps one by one, each until nothing is left to do, and count what they do."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, CountingLoop)
    await loop.settle()
    with work.counting():
        for step in steps:
            before = loop.scheduled
            await step()
            work.counts[SCHEDULED] += loop.scheduled - before + await loop.settle()
