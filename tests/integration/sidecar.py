"""The real service as a process of its own, which tests may kill."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.integration.broker import free_port

READY_S = 60.0
_POLL_S = 0.05
_ROOT = Path(__file__).parents[2]


class Sidecar:
    """`tidegate serve`, with settings and policies in a folder of the test's own. It can be started again and again."""

    def __init__(self, folder: Path, settings: Mapping[str, object], *, module: str = "sidecar") -> None:
        self._module = module
        self.address = f"127.0.0.1:{free_port()}"
        self.outbox = folder / "outbox.db"
        self.admin = f"127.0.0.1:{free_port()}"
        self._log = folder / "sidecar.log"
        self._config = folder / "tidegate.yaml"
        fixed = {
            "grpc": {"listen": [self.address]},
            "admin": {"listen": self.admin},
            "policies": {"directories": [str(folder / "policies")], "reload": False},
            "outbox": {"path": str(self.outbox)},
            "drain_seconds": 5,
        }
        self._config.write_text(json.dumps(fixed | dict(settings)), encoding="utf-8")  # JSON is YAML
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it; returns when it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, "serve", "--config", str(self._config)],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")},
            )
        async with asyncio.timeout(READY_S):
            while not await asyncio.to_thread(self._is_ready):
                assert self._process.poll() is None, self.log
                await asyncio.sleep(_POLL_S)

    def kill(self) -> None:
        """SIGKILL: no warning, no time for anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM: it drains and ends."""
        self._end(signal.SIGTERM)

    def metrics(self) -> dict[str, float]:
        """What it shows of itself, by name and labels."""
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(READY_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.admin}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
