"""A service of the benchmark's own, started with the policies that are compared, and watched from outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client.parser import text_string_to_metric_families

from sidecar.errors import ConfigError

_READY_SECONDS = 120.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.1
_LOG_TAIL_CHARS = 800
_GRPC_THREADS = ("event_engine", "grpc", "timer_manager", "lifeguard", "resolver")

Counters = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]
"""Samples of `/metrics`, by name and labels."""


@dataclass(frozen=True, slots=True)
class CpuSeconds:
    """A process's processor time so far, by kind of thread."""

    event_loop: float
    """The main thread: transport, session, core, policy, encoding of events."""
    grpc: float
    """gRPC's own threads."""
    workers: float
    """All others: inference, tokenising, the outbox's commits."""

    @property
    def total(self) -> float:
        """All of it."""
        return self.event_loop + self.grpc + self.workers

    def since(self, before: CpuSeconds) -> CpuSeconds:
        """What was used since then."""
        return CpuSeconds(self.event_loop - before.event_loop, self.grpc - before.grpc, self.workers - before.workers)


@dataclass(frozen=True, slots=True)
class Service:
    """A service under load. `pid` and `admin` are None when it is somebody else's."""

    target: str
    pid: int | None = None
    admin: str | None = None

    def cpu(self) -> CpuSeconds | None:
        """Its processor time so far; None where that cannot be seen."""
        return _cpu_of(self.pid) if self.pid is not None and Path("/proc/self/task").is_dir() else None

    def memory_mib(self) -> float | None:
        """Its resident memory."""
        if self.pid is None:
            return None
        lines = _read(Path(f"/proc/{self.pid}/status")).splitlines()
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), None)

    def counters(self) -> Counters:
        """All its metrics; none when it cannot be asked."""
        if self.admin is None:
            return {}
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@contextmanager
def serving(policies: Mapping[str, object], **sections: object) -> Iterator[Service]:
    """`tidegate serve` as its own process, with these policies and sections of the settings.

    Raises `ConfigError` when it does not get ready.
    """
    with TemporaryDirectory(prefix="tidegate-bench-") as name:
        folder = Path(name)
        target, admin = f"127.0.0.1:{_free_port()}", f"127.0.0.1:{_free_port()}"
        (folder / "policies").mkdir()
        for policy, document in policies.items():
            (folder / "policies" / f"{policy}.yaml").write_text(
                json.dumps(document, ensure_ascii=False), encoding="utf-8"
            )
        settings = {
            "grpc": {"listen": [target]},
            "admin": {"listen": admin},
            "policies": {"directories": [str(folder / "policies")], "reload": False},
            "outbox": {"path": str(folder / "outbox.db")},
            "telemetry": {"log_level": "warning"},
            "drain_seconds": 1,
        }
        config = folder / "tidegate.yaml"
        config.write_text(json.dumps(settings | sections), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-m", "sidecar", "serve", "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={key: value for key, value in os.environ.items() if not key.startswith("TIDEGATE_")},
            )
        try:
            _wait_ready(process, admin, folder / "log")
            yield Service(target, process.pid, admin)
        finally:
            _stop(process)


def _wait_ready(process: subprocess.Popen[bytes], admin: str, log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if _is_ready(admin):
            return
        time.sleep(_POLL_SECONDS)
    raise ConfigError(f"the service did not get ready: {_read(log)[-_LOG_TAIL_CHARS:].strip()}")


def _is_ready(admin: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{admin}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _cpu_of(pid: int) -> CpuSeconds:
    seconds = {"event_loop": 0.0, "grpc": 0.0, "workers": 0.0}
    for task in Path(f"/proc/{pid}/task").iterdir():
        kind = "event_loop" if task.name == str(pid) else "workers"
        if _read(task / "comm").startswith(_GRPC_THREADS):
            kind = "grpc"
        seconds[kind] += _ran(task)
    ended = time.clock_gettime(_clock_of(pid)) - sum(seconds.values())  # threads that are no more
    seconds["workers"] += max(0.0, ended)
    return CpuSeconds(**seconds)


def _ran(task: Path) -> float:
    """A thread's processor time; none when it ended meanwhile."""
    return int((_read(task / "schedstat") or "0").split()[0]) / 1e9


def _clock_of(pid: int) -> int:
    """The clock of a process's processor time, as Linux numbers it: to the nanosecond, where files count ticks."""
    return ~pid << 3 | 2


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
