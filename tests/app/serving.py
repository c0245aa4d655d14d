"""`tidegate serve` as a process of its own: what it logs, and what it says when it refuses to start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.app.test_app import write_policy

ROOT = Path(__file__).parents[2]
_FREE = {"TIDEGATE_GRPC__LISTEN": "127.0.0.1:0", "TIDEGATE_ADMIN__LISTEN": "127.0.0.1:0"}
"""Ports that nobody else has."""


class Serving:
    """A running service, and the log lines it has written."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    def wait_for(self, message: str, *, having: str = "") -> dict[str, Any]:
        """The next log line with this message, and with this field."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line))
            if self.lines[-1]["message"] == message and (not having or having in self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"the service ended before it said {message!r}: {self.lines}")


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start it with a policy that replaces plums, and with nothing of this process's own settings."""
    (folder / "policies").mkdir(exist_ok=True)
    write_policy(folder)
    settings = {
        "TIDEGATE_POLICIES__DIRECTORIES": str(folder / "policies"),
        "TIDEGATE_POLICIES__RELOAD": "false",
        "TIDEGATE_OUTBOX__PATH": str(folder / "outbox.db"),
    }
    command = [sys.executable, "-m", "sidecar", "serve", *arguments]
    return subprocess.Popen(
        command, env=own_environment() | _FREE | settings | environment, cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


def refused(folder: Path, *arguments: str, **environment: str) -> str:
    """What it says when it cannot start: no stack trace, and status 2."""
    ended = subprocess.run(
        [sys.executable, "-m", "sidecar", "serve", *arguments],
        env=own_environment() | _FREE | {"PYTHONPATH": str(ROOT)} | environment,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    return ended.stderr


def own_environment() -> dict[str, str]:
    """This process's environment without settings of the service."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
