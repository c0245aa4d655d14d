"""The real Envoy, with the configuration that the project ships; only its addresses are the demo's own."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from demo.processes import DemoError, ready, running

READY_SECONDS = 60.0
_ROOT = Path(__file__).parents[2]
CONFIG = _ROOT / "deploy/envoy/envoy.yaml"


@asynccontextmanager
async def envoy(folder: Path, *, model: str, processor: str) -> AsyncIterator[str]:
    """Run Envoy before a model (`host:port`), its processor on a Unix socket; give its base URL once it is ready."""
    config, admin, log = folder / "envoy.json", folder / "envoy-admin.txt", folder / "envoy.log"
    config.write_text(json.dumps(configuration(model, processor), indent=2))
    command = [_binary(), "--config-path", str(config), "--admin-address-path", str(admin)]
    command += ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    async with running("Envoy", command, log=log) as process:
        await ready("Envoy", process, lambda: _is_ready(admin), log=log, seconds=READY_SECONDS)
        yield await asyncio.to_thread(listening, admin)


def _binary() -> str:
    path = os.environ.get("TIDEGATE_ENVOY") or str(_ROOT / ".venv-envoy/bin/envoy")
    if not os.access(path, os.X_OK):
        raise DemoError("there is no Envoy to run: `make envoy` installs it")
    return path


def configuration(model: str, processor: str) -> Any:
    """The shipped configuration, before a model (`host:port`) and with its processor on a Unix socket (`unix:PATH`)."""
    config = YAML(typ="safe", pure=True).load(CONFIG)
    any_port = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    config["admin"]["address"] = any_port
    resources = config["static_resources"]
    resources["listeners"][0]["address"] = any_port
    host, _, port = model.rpartition(":")
    addresses = {
        "llm": {"socket_address": {"address": host, "port_value": int(port)}},
        "tidegate": {"pipe": {"path": processor.removeprefix("unix:")}},
    }
    for cluster in resources["clusters"]:
        endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        endpoint["address"] = addresses[cluster["name"]]
    return config


def listening(admin: Path) -> str:
    """The base URL at which Envoy takes requests, from the file with its admin address; nothing until it is ready."""
    try:
        base = f"http://{admin.read_text()}"
        _get(f"{base}/ready")
        listeners = json.loads(_get(f"{base}/listeners?format=json"))["listener_statuses"]
        address = next(each for each in listeners if each["name"] == "llm")["local_address"]["socket_address"]
    except (OSError, ValueError, KeyError, StopIteration):
        return ""
    return "http://{address}:{port_value}".format(**address)


async def _is_ready(admin: Path) -> bool:
    return bool(await asyncio.to_thread(listening, admin))


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - always http, on loopback
        return bytes(answer.read())
