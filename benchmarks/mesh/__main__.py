"""Added latency through the real Envoy: without Tidegate, with Tidegate letting pass, and with Tidegate guarding.

    python -m benchmarks.mesh [--rounds N] [--streams N]

A scripted provider in this process streams chat completions, a word at a time at a steady pace, and notes when it wrote
each; the clients, in this process too, note when each arrived. The three ways take turns within one run, so what else
the machine does hurts all of them alike. Envoy (one worker) and `tidegate serve` are processes of their own, on
loopback and a Unix socket, with the configuration that the project ships.

- `envoy`: no external processor.
- `pass-through`: full duplex through Tidegate on a path of no known API, which `unknown: pass` lets through unread.
- `guarded`: the policy `policies/pii-redact.yaml`. A word that may become an e-mail address waits for the next one.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import os
import subprocess
import time
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from aiohttp import web
from ruamel.yaml import YAML

from benchmarks.results import table, write
from benchmarks.stream_cost.texts import plain
from workbench.bench.report import percentile
from workbench.bench.server import Service, serving

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deploy/envoy/envoy.yaml"
POLICY = ROOT / "policies/pii-redact.yaml"
ENVOY = Path(os.environ.get("TIDEGATE_ENVOY") or ROOT / ".venv-envoy/bin/envoy")
WORDS = 50
PACE_S = 0.02
READY_S = 60.0
WARM_UP = 1
API, OTHER = "/v1/chat/completions", "/v1/no-known-api"
RUN = "x-run"


@dataclass
class Way:
    """How a request goes, and what was seen of it."""

    name: str
    url: str
    first_ms: list[float] = field(default_factory=list)
    """From the request's start to the first word's arrival."""
    word_ms: list[float] = field(default_factory=list)
    """From a word's writing to its arrival."""
    tidegate_s: float = 0.0
    envoy_s: float = 0.0
    words: int = 0


class Provider:
    """Streams the same answer to everybody, and notes when it wrote each word."""

    def __init__(self) -> None:
        text = plain(2_000).split(" ")[:WORDS]
        base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        deltas = [{"content": f"{word} "} for word in text]
        chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        self._events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
        self.written: dict[str, list[float]] = defaultdict(list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Play it at the pace."""
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        written = self.written[request.headers[RUN]]
        for event in self._events:
            await asyncio.sleep(PACE_S)
            written.append(time.perf_counter())
            await response.write(event)
        await response.write(b"data: [DONE]\n\n")
        return response


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--streams", type=int, default=4, help="at a time")
    arguments = parser.parse_args()
    if not ENVOY.exists():
        parser.error("Envoy is not installed: make envoy")
    with TemporaryDirectory(prefix="tg") as folder:
        socket = f"{folder}/grpc.sock"
        policies = {"pii-redact": YAML(typ="safe").load(POLICY)}
        sections: dict[str, Any] = {
            "grpc": {"listen": [f"unix:{socket}"]},
            "ext_proc": {"enabled": True, "facts": {"policy": "pii-redact"}, "unknown": "pass"},
        }
        with serving(policies, **sections) as service:
            ways = asyncio.run(_measure(service, Path(folder), socket, arguments.rounds, arguments.streams))
    figures = {way.name: _figures(way, ways[0]) for way in ways}
    markdown = _markdown(figures, arguments.streams)
    print(markdown)
    about = {"rounds": arguments.rounds, "streams": arguments.streams, "words": WORDS, "pace_ms": PACE_S * 1000}
    print(write("mesh", {**about, "ways": figures}, markdown))


async def _measure(service: Service, folder: Path, socket: str, rounds: int, streams: int) -> list[Way]:
    provider = Provider()
    async with _listening(provider) as port:
        with _envoy(folder, socket, port) as (process, bare, guarded):
            ways = [
                Way("envoy", f"{bare}{API}"),
                Way("pass-through", f"{guarded}{OTHER}"),
                Way("guarded", f"{guarded}{API}"),
            ]
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as client:
                for number in range(WARM_UP + rounds):
                    for way in ways:
                        seen = Way(way.name, way.url) if number < WARM_UP else way
                        await _round(client, provider, seen, streams, service, process.pid)
    return ways


async def _round(
    client: aiohttp.ClientSession, provider: Provider, way: Way, streams: int, service: Service, envoy: int
) -> None:
    """So many streams at a time through one way, and what they cost."""
    before, envoy_before = service.cpu(), _cpu_s(envoy)
    await asyncio.gather(*(_stream(client, provider, way) for _ in range(streams)))
    after = service.cpu()
    if before is not None and after is not None:
        way.tidegate_s += after.total - before.total
    way.envoy_s += _cpu_s(envoy) - envoy_before
    way.words += streams * WORDS


async def _stream(client: aiohttp.ClientSession, provider: Provider, way: Way) -> None:
    run = os.urandom(8).hex()
    document = {"model": "m", "stream": True, "messages": [{"role": "user", "content": plain(400)}]}
    began = time.perf_counter()
    arrived: list[float] = []
    async with client.post(way.url, json=document, headers={RUN: run}) as response:
        response.raise_for_status()
        async for data in response.content.iter_any():
            arrived += [time.perf_counter()] * data.count(b"\n\n")
    written = provider.written.pop(run)
    if len(arrived) != WORDS + 1:
        raise RuntimeError(f"{len(arrived)} events came of {WORDS + 1}")
    way.first_ms.append((arrived[0] - began) * 1000)
    way.word_ms += [(there - here) * 1000 for here, there in zip(written, arrived, strict=False)]


# -- Envoy and the provider ------------------------------------------------------------------------------------------


@asynccontextmanager
async def _listening(provider: Provider) -> AsyncIterator[int]:
    routes = web.Application()
    routes.router.add_post("/{path:.*}", provider.answer)
    runner = web.AppRunner(routes, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextmanager
def _envoy(folder: Path, socket: str, port: int) -> Iterator[tuple[subprocess.Popen[bytes], str, str]]:
    """Envoy with two listeners, one without the external processor; gives the process and their base URLs."""
    admin = folder / "admin.txt"
    (folder / "envoy.json").write_text(json.dumps(_config(socket, port)), encoding="utf-8")
    command = [str(ENVOY), "--config-path", str(folder / "envoy.json"), "--admin-address-path", str(admin)]
    with (folder / "envoy.txt").open("wb") as log:
        process = subprocess.Popen([*command, "--concurrency", "1", "--disable-hot-restart"], stdout=log, stderr=log)
    try:
        addresses = _addresses(process, admin)
        yield process, addresses["bare"], addresses["llm"]
    finally:
        process.kill()
        process.wait()


def _config(socket: str, port: int) -> Any:
    config = YAML(typ="safe").load(CONFIG)
    anywhere = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    config["admin"]["address"] = anywhere
    resources = config["static_resources"]
    guarded = resources["listeners"][0]
    guarded["address"] = anywhere
    bare = copy.deepcopy(guarded) | {"name": "bare"}
    manager = bare["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = manager["http_filters"][-1:]
    resources["listeners"].append(bare)
    provider, tidegate = resources["clusters"]
    _point(provider, {"socket_address": {"address": "127.0.0.1", "port_value": port}})
    _point(tidegate, {"pipe": {"path": socket}})
    return config


def _point(cluster: Any, address: object) -> None:
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = address


def _addresses(process: subprocess.Popen[bytes], admin: Path) -> dict[str, str]:
    """The listeners' base URLs by name, once Envoy is ready."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            base = f"http://{admin.read_text()}"
            _get(f"{base}/ready")
            found = json.loads(_get(f"{base}/listeners?format=json"))["listener_statuses"]
        except (OSError, ValueError, KeyError):
            time.sleep(0.05)
            continue
        ports = {each["name"]: each["local_address"]["socket_address"]["port_value"] for each in found}
        return {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    raise RuntimeError("Envoy did not get ready")


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - Envoy's own address
        return bytes(answer.read())


def _cpu_s(process: int) -> float:
    """The processor time of a process so far."""
    rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, rest[11:13])) / os.sysconf("SC_CLK_TCK")


# -- figures ---------------------------------------------------------------------------------------------------------


def _figures(way: Way, bare: Way) -> dict[str, float | None]:
    """Milliseconds, what they are above those without Tidegate, and processor time a word."""
    figures: dict[str, float | None] = {}
    for name, own, base in (("first", way.first_ms, bare.first_ms), ("word", way.word_ms, bare.word_ms)):
        for percent in (50, 99):
            here, there = percentile(own, percent) or 0.0, percentile(base, percent) or 0.0
            figures[f"{name}_p{percent}_ms"] = round(here, 2)
            figures[f"{name}_p{percent}_added_ms"] = round(here - there, 2)
    figures["tidegate_cpu_us_a_word"] = round(way.tidegate_s * 1e6 / way.words, 1)
    figures["envoy_cpu_us_a_word"] = round(way.envoy_s * 1e6 / way.words, 1)
    bare_us = bare.envoy_s * 1e6 / bare.words
    whole_us = (way.envoy_s + way.tidegate_s) * 1e6 / way.words
    figures["cpu_times_envoy_alone"] = round(whole_us / bare_us, 2) if bare_us else None
    return figures


def _markdown(figures: dict[str, dict[str, float | None]], streams: int) -> str:
    head = [
        "through", "first word p50 / p99 ms", "added", "a word p50 / p99 ms", "added",
        "CPU a word: Tidegate + Envoy us", "times Envoy alone",
    ]  # fmt: skip
    rows = [
        [
            name,
            f"{each['first_p50_ms']} / {each['first_p99_ms']}",
            f"{each['first_p50_added_ms']} / {each['first_p99_added_ms']}",
            f"{each['word_p50_ms']} / {each['word_p99_ms']}",
            f"{each['word_p50_added_ms']} / {each['word_p99_added_ms']}",
            f"{each['tidegate_cpu_us_a_word']} + {each['envoy_cpu_us_a_word']}",
            str(each["cpu_times_envoy_alone"]),
        ]
        for name, each in figures.items()
    ]
    note = (
        f"{streams} streams at a time, {WORDS} words each, one every {PACE_S * 1000:g} ms. The first word counts from "
        "the request's start, and so has the check of the request in it. A word that may still become part of a match "
        "waits for the next one: that is what the pace adds to the guarded way."
    )
    return f"{table(head, rows)}\n\n{note}"


if __name__ == "__main__":
    main()
