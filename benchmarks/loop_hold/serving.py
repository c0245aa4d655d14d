"""The service with a watch on its event loop: how long each of its steps takes. One line in, one line out.

    python -m benchmarks.loop_hold.serving CONFIG

`read` on standard input is answered with the longest steps since the last time, in milliseconds, as JSON. Processor
time is the loop's own thread's; on a machine that does nothing else the time on the clock is the same.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio import events
from pathlib import Path

from detectors.models.places import use_places
from sidecar.app import App
from sidecar.config import load_settings


class Watch:
    """The longest steps of the loop since `read`."""

    def __init__(self) -> None:
        self._thread_s = self._clock_s = 0.0
        self._what = ""

    def watch(self) -> None:
        """Time every callback that the loop runs from now on."""
        run = events.Handle._run

        def timed(handle: events.Handle) -> None:
            clock, thread = time.perf_counter(), time.thread_time()
            run(handle)
            took, used = time.perf_counter() - clock, time.thread_time() - thread
            self._clock_s = max(self._clock_s, took)
            if used > self._thread_s:
                self._thread_s, self._what = used, _name(handle)

        events.Handle._run = timed  # type: ignore[method-assign,assignment]

    def read(self) -> str:
        """What was seen."""
        seen = {"used_ms": self._thread_s * 1000, "clock_ms": self._clock_s * 1000, "what": self._what}
        self._thread_s = self._clock_s = 0.0
        self._what = ""
        return json.dumps(seen)


def _name(handle: events.Handle) -> str:
    """Whose step it was."""
    callback = getattr(handle, "_callback", None)
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        return getattr(task.get_coro(), "__qualname__", "?")
    return getattr(callback, "__qualname__", type(callback).__name__)


async def _serve(config: Path) -> None:
    settings = load_settings(config)
    use_places(settings.models.places())
    app, watch, over = App(settings), Watch(), asyncio.Event()

    def told() -> None:
        line = sys.stdin.readline()
        if line:
            print(watch.read(), flush=True)
        else:
            over.set()

    async with app.running():
        assert app.proxy is not None
        print(json.dumps([app.grpc.addresses[0], app.proxy.address, app.admin.address]), flush=True)
        asyncio.get_running_loop().add_reader(sys.stdin, told)
        watch.watch()
        await over.wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
