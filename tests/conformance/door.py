"""The whole service behind one of its two gRPC servers, as a process of its own, with a policy that needs no model.

`python -m tests.conformance.door light` (or `grpcio`) serves until SIGTERM, and drains then as in production.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

ROOT = Path(__file__).parents[2]
SERVERS: Final = ("light", "grpcio")
SERVE: Final = ("-m", "sidecar", "serve")
ON_SCALES: Final = ("-m", "tests.conformance.scales")
"""Instead: the same service, which says what it was made to do."""
POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: words, version: "1"}
match: {directions: [output, input]}
rules:
  - id: no-plums
    detect: {detector: patterns, keywords: {FRUIT: [plum]}}
    action: {redact: {with: label, in_tool_arguments: replace}}
"""


class Door:
    """A service that runs."""

    def __init__(self, server: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.server = server
        self._process = process
        self._log = log
        self._started = started = self._wait_for("serving")
        self.address: str = started["grpc"][0]
        self.admin: str = started["admin"]

    @property
    def pid(self) -> int:
        return self._process.pid

    def told(self, listener: str) -> str:
        """Where a listener of the service is, as it says itself."""
        return str(self._started[listener])

    def ask(self, question: str) -> dict[str, float]:
        """What a service on `scales` answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{question}\n".encode())
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    @property
    def resident_bytes(self) -> int:
        """What it has in memory now."""
        pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def _wait_for(self, message: str) -> dict[str, Any]:
        while self._process.poll() is None:
            for line in self._log.read_text(encoding="utf-8").splitlines(keepends=True):
                if line.endswith("\n") and (entry := json.loads(line))["message"] == message:
                    return dict(entry)
            time.sleep(0.02)
        raise AssertionError(f"the service ended before it said {message!r}: {self._log.read_text(encoding='utf-8')}")


@contextmanager
def door(server: str, folder: Path, *, command: Sequence[str] = SERVE, **environment: str) -> Iterator[Door]:
    """Start the service; it is stopped with the context."""
    (folder / "policies").mkdir(parents=True, exist_ok=True)
    (folder / "policies" / "words.yaml").write_text(POLICY, encoding="utf-8")
    settings = {
        "TIDEGATE_GRPC__SERVER": server,
        "TIDEGATE_GRPC__LISTEN": "127.0.0.1:0",
        "TIDEGATE_ADMIN__LISTEN": "127.0.0.1:0",
        "TIDEGATE_POLICIES__DIRECTORIES": str(folder / "policies"),
        "TIDEGATE_POLICIES__RELOAD": "false",
        "TIDEGATE_OUTBOX__PATH": str(folder / f"{server}.db"),
        "TIDEGATE_TELEMETRY__LOG_LEVEL": "info",
        "TIDEGATE_DRAIN_SECONDS": "10",
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    log = folder / f"{server}.log"  # a file: a pipe that nobody reads would hold the service up
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, *command], env=own | settings | environment, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=said
        )
    try:
        yield Door(server, process, log)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.communicate(timeout=60)


def run(command: Sequence[str | Path], *, timeout: float = 120) -> str:
    """A client's output."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
