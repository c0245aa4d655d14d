"""A real Prometheus on loopback, which scrapes services and has the alerts of `deploy/`, with short times."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deploy.promtool import RULES
from tests.deploy.tools import BIN
from tests.integration.broker import free_port

PROGRAM = BIN / "prometheus"
FASTER = 60
"""How many times shorter the waits of the rules are: a minute is a second."""
_POLL_S = 0.2
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_WAIT = re.compile(r"(?<=for: )(\d+)([smh])$|(?<=\[)(\d+)([smh])(?=\])|(?<=offset )(\d+)([smh])", re.MULTILINE)


def hastened(rules: str) -> str:
    """The rules with every wait and window shorter; nothing else of them is changed."""

    def shorter(found: re.Match[str]) -> str:
        number, unit = (each for each in found.groups() if each is not None)
        return f"{max(1000, int(number) * _SECONDS[unit] * 1000 // FASTER)}ms"

    return _WAIT.sub(shorter, rules)


class Prometheus:
    """Asks the server that runs."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer of its API."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def firing(self) -> set[str]:
        """The alerts that fire."""
        return {each["labels"]["alertname"] for each in self.ask("alerts")["alerts"] if each["state"] == "firing"}

    def values(self, query: str) -> list[float]:
        """What a query comes to now."""
        return [float(each["value"][1]) for each in self.ask("query", query=query)["result"]]

    async def until(self, holds: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Wait for a condition."""
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(_answered, holds):
                await asyncio.sleep(_POLL_S)


def _answered(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def prometheus(folder: Path, targets: list[str]) -> Iterator[Prometheus]:
    """A server with the alerts as they are, and hastened; it scrapes the targets under the job `tidegate`."""
    fast = folder / "hastened.yaml"
    fast.write_text(hastened(RULES.read_text(encoding="utf-8")), encoding="utf-8")
    config = {
        "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
        "rule_files": [str(RULES.resolve()), str(fast)],
        "scrape_configs": [{"job_name": "tidegate", "static_configs": [{"targets": targets}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command: list[str | Path] = [
        PROGRAM,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield Prometheus(address)
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
