"""The service as `tidegate serve` runs it, on scales: what it was sent is weighed. One line in, one line out.

    python -m tests.conformance.scales

`rest` on standard input gives free memory back and begins anew; `read` answers with the most memory since, in bytes
beyond what there was, the processor time of the whole process and the longest step of the event loop, in milliseconds
of processor time. Steps can be timed on asyncio's loop only, so that both servers run on it; it costs more than uvloop.
"""

from __future__ import annotations

import ctypes
import gc
import json
import runpy
import sys
import threading
import time
from pathlib import Path
from typing import Final

from benchmarks.loop_hold.serving import Watch

_PEAK: Final = Path("/proc/self/clear_refs"), "5"
"""Writing this to that makes the process's most memory what it has now."""


class Scales:
    """What the process took since `rest`."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._cpu_ms = self._resident = 0.0

    def rest(self) -> str:
        """Begin anew."""
        gc.collect()
        gc.freeze()  # the next collection is of what comes from here on
        ctypes.CDLL(None).malloc_trim(0)
        _PEAK[0].write_text(_PEAK[1], encoding="ascii")
        self._watch.read()
        self._resident = _status("VmHWM")
        self._cpu_ms = time.process_time() * 1000
        return "{}"

    def read(self) -> str:
        """What it took."""
        cpu_ms = time.process_time() * 1000 - self._cpu_ms
        step_ms = json.loads(self._watch.read())["used_ms"]
        return json.dumps({"memory": _status("VmHWM") - self._resident, "cpu_ms": cpu_ms, "step_ms": step_ms})


def _status(name: str) -> int:
    """A figure of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def _answer(scales: Scales) -> None:
    for line in sys.stdin:
        answer = scales.rest() if line.strip() == "rest" else scales.read()
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    watch = Watch()
    watch.watch()
    threading.Thread(target=_answer, args=(Scales(watch),), daemon=True).start()
    sys.argv = ["tidegate", "serve"]
    runpy.run_module("sidecar", run_name="__main__", alter_sys=True)
