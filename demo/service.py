"""The real sidecar, as a process of its own: `tidegate serve` with a configuration made for the demo."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from demo.processes import failed, ready, running

READY_SECONDS = 240.0
_CREATE_TOPICS = ("events", "create-topics", "--partitions", "3", "--replication-factor", "1")
POLICIES = Path(__file__).parents[1] / "policies"


@dataclass(frozen=True, slots=True)
class Service:
    """Where a running sidecar listens."""

    address: str
    """gRPC, `host:port` or `unix:/path`."""
    admin: str
    """HTTP, `host:port`."""


@asynccontextmanager
async def service(
    folder: Path, broker: str, changes: Mapping[str, object] = MappingProxyType({})
) -> AsyncIterator[Service]:
    """Create the topics and run a sidecar that publishes to `broker`; give its addresses once it is ready.

    `changes` are sections of the settings in place of the demo's own.
    """
    config = folder / "tidegate.yaml"
    config.write_text(json.dumps({**_settings(folder, broker), **changes}, indent=2))  # JSON is YAML
    await _create_topics(config, folder / "create-topics.log")
    log = folder / "sidecar.log"
    async with running("the sidecar", [*_tidegate(), "serve", "--config", str(config)], log=log) as process:
        await ready("the sidecar", process, lambda: _is_ready(log), log=log, seconds=READY_SECONDS)
        yield _addresses(log)


def _settings(folder: Path, broker: str) -> Mapping[str, object]:
    return {
        # Port 0: the sidecar takes ports that are free, and its log says which.
        "grpc": {"listen": ["127.0.0.1:0"]},
        "admin": {"listen": "127.0.0.1:0"},
        "policies": {"directories": [str(POLICIES)]},
        "keys": {"redaction": secrets.token_hex(32), "hash": secrets.token_hex(32)},
        "outbox": {"path": str(folder / "outbox.db")},
        # The embedded broker knows no producer ids; a real cluster does, and idempotence stays on there.
        "kafka": {"bootstrap_servers": broker, "idempotence": False},
        "drain_seconds": 5,
    }


def _tidegate() -> list[str]:
    """The command line of `tidegate`, run by the same Python as the demo."""
    return [sys.executable, "-m", "sidecar"]


async def _create_topics(config: Path, log: Path) -> None:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *_tidegate(), *_CREATE_TOPICS, "--config", str(config), stdout=output, stderr=output
        )
    if await process.wait() != os.EX_OK:
        raise failed("the topics were not created", log)


async def _is_ready(log: Path) -> bool:
    addresses = _addresses(log)
    return addresses.admin != "" and await asyncio.to_thread(_answers_200, f"http://{addresses.admin}/readyz")


def _addresses(log: Path) -> Service:
    """Where the sidecar listens, from its log; empty addresses as long as it does not say."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
    serving = [line for line in lines if line["message"] == "serving"]
    return Service(serving[0]["grpc"][0], serving[0]["admin"]) if serving else Service("", "")


def _answers_200(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - always http, on loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
