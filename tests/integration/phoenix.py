"""Arize Phoenix, which receives spans and shows them: a process of an environment of its own, on loopback, offline."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.integration.broker import free_port

READY_S = 180.0
_POLL_S = 0.2
_BINARY = Path(__file__).parents[2] / ".venv-backends/bin/phoenix"


def phoenix_binary() -> str | None:
    """The program, or None where it is not installed."""
    return str(_BINARY) if os.access(_BINARY, os.X_OK) else None


class Phoenix:
    """Asks the server that runs."""

    def __init__(self, address: str) -> None:
        self.url = f"http://{address}"

    def spans(self) -> list[dict[str, Any]]:
        """The spans that it has, as its own API tells them."""
        with urllib.request.urlopen(f"{self.url}/v1/projects/default/spans?limit=100", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]
        return found

    def cost(self) -> float:
        """What it works out that all spans cost, by prices of its own; 0 as long as it has not."""
        query = "{projects {edges {node {costSummary {total {cost}}}}}}"
        asked = urllib.request.Request(
            f"{self.url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            edges = json.load(answer)["data"]["projects"]["edges"]
        return sum(each["node"]["costSummary"]["total"]["cost"] or 0.0 for each in edges)

    async def until_it_costs(self) -> float:
        """Wait until it has worked out a cost."""
        async with asyncio.timeout(READY_S):
            while not (cost := await asyncio.to_thread(self.cost)):
                await asyncio.sleep(_POLL_S)
        return cost

    async def until_there_are(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many spans."""
        async with asyncio.timeout(READY_S):
            while len(found := await asyncio.to_thread(self.spans)) < count:
                await asyncio.sleep(_POLL_S)
        return found


@asynccontextmanager
async def phoenix(binary: str, folder: Path) -> AsyncIterator[Phoenix]:
    """A server with all that it keeps in a folder."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }
    with (folder / "phoenix.log").open("wb") as log:
        process = subprocess.Popen([binary, "serve"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    made = Phoenix(f"127.0.0.1:{port}")
    try:
        async with asyncio.timeout(READY_S):
            while not await asyncio.to_thread(_is_ready, made.url):
                assert process.poll() is None, (folder / "phoenix.log").read_text()
                await asyncio.sleep(_POLL_S)
        yield made
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v1/projects", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
