"""What each door adds: the time of an exchange, less that of the same exchange with an echo of the same kind.

    python -m benchmarks.every_door [--texts N] [--rounds N]

All doors have the same policy and the same texts, first with patterns alone (secrets and card numbers), then with the
models too (injection, toxicity). The service is one process for each gRPC server, the echoes are another. One exchange
runs at a time, the door's and the echo's in turns, so that what else the machine does meets both: what is added is
the difference of a pair. Texts are clean: about 60 words. An exchange of the proxy goes through it to the echo's
provider; what is bare there is the provider by itself. The command of a hook is compared with a Python that prints.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.every_door.exchanges import CALLOUTS, Child, Exchange, Grpc, Http, command
from benchmarks.results import table, write
from sidecar.offline import guard_text
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from tests.conformance.door import ROOT, SERVERS, Door, door
from workbench.bench.report import percentile
from workbench.bench.texts import made_text

HEAD = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: default, version: "1"}
stream: {max_hold_ms: 30000}
rules:
  - {id: secrets, detect: {detector: secrets}, action: block}
  - {id: cards, detect: {detector: pii, labels: {CREDIT_CARD: 0.5, IBAN_CODE: 0.5}}, action: redact}
"""
MODELS = """\
  - {id: injection, detect: {detector: injection}, action: block}
  - {id: toxicity, detect: {detector: toxicity, labels: {threat: 0.8, insult: 0.9}}, action: block}
"""
POLICIES = {"patterns": HEAD, "patterns and models": HEAD + MODELS}
SLOW = frozenset({"hook command"})
"""What starts a process for each text: of these a tenth of the pairs."""
WARM = 3
"""Pairs before the first that counts."""


@dataclass(frozen=True)
class Figure:
    """Milliseconds of one door under one policy: its exchanges, the bare ones, and what it added, pair by pair."""

    policy: str
    door: str
    pairs: int
    median_ms: float
    bare_median_ms: float
    added_median_ms: float
    added_p95_ms: float
    ratio: float


Pair = tuple[Exchange, Exchange]
"""The door's exchange, and the bare one."""


def main() -> None:
    """Measure, print and write."""
    arguments = _arguments()
    texts = [made_text(random.Random(seed), sentences=5, is_violating=False) for seed in range(arguments.texts)]
    figures = [
        each
        for name, policy in POLICIES.items()
        for each in asyncio.run(_measured(name, policy, texts * arguments.rounds))
    ]
    load = [round(each, 1) for each in os.getloadavg()]
    report = _report(figures, load)
    print(report)
    print(write("doors", {"doors": [asdict(each) for each in figures], "load_average": load}, report))


def _arguments() -> argparse.Namespace:
    shown = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks.every_door", description=__doc__, formatter_class=shown)
    parser.add_argument("--texts", type=int, default=20, help="how many different texts")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is sent")
    return parser.parse_args()


async def _measured(policy: str, source: str, texts: Sequence[str]) -> Sequence[Figure]:
    with ExitStack() as processes:
        folder = Path(processes.enter_context(tempfile.TemporaryDirectory()))
        echoes = processes.enter_context(_echoes(folder))
        doors = {name: processes.enter_context(_service(name, folder, source, echoes["http"])) for name in SERVERS}
        async with AsyncExitStack() as stack:
            pairs = {**await _of_grpc(stack, doors, folder, echoes), **await _of_http(stack, doors["light"], echoes)}
            pairs |= _of_processes(stack, doors["light"], folder)
            pairs["in process"] = _in_process(source), _nothing
            return [await _figure(policy, name, pair, texts) for name, pair in pairs.items()]


# -- who answers ------------------------------------------------------------------------------------------------------


@contextmanager
def _echoes(folder: Path) -> Iterator[Mapping[str, str]]:
    words = [sys.executable, "-m", "benchmarks.every_door.echoes", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


@contextmanager
def _service(server: str, folder: Path, policy: str, provider: str) -> Iterator[Door]:
    """The service behind one of its gRPC servers, with all other doors."""
    own = folder / f"{server}-service"
    (own / "rules").mkdir(parents=True)
    (own / "rules" / "policy.yaml").write_text(policy, encoding="utf-8")
    socket = own / "guard.sock"
    settings = {
        "TIDEGATE_GRPC__LISTEN": f"127.0.0.1:0,unix:{socket}",
        "TIDEGATE_POLICIES__DIRECTORIES": str(own / "rules"),
        "TIDEGATE_PROXY__UPSTREAM": provider,
        "TIDEGATE_PROXY__LISTEN": "127.0.0.1:0",
        "TIDEGATE_CALLOUTS__LISTEN": "127.0.0.1:0",
        "TIDEGATE_EXT_PROC__ENABLED": "true",
        "TIDEGATE_EXT_MCP__ENABLED": "true",
        "TIDEGATE_LIMITS__KNOWN_TEXTS_BYTES": "0",
        "TIDEGATE_SCHEDULER__CACHE_ENTRIES": "0",
    }
    with door(server, own, **settings) as running:
        yield running


# -- what is exchanged ------------------------------------------------------------------------------------------------


async def _of_grpc(
    stack: AsyncExitStack, doors: Mapping[str, Door], folder: Path, echoes: Mapping[str, str]
) -> dict[str, Pair]:
    pairs: dict[str, Pair] = {}
    for server, running in doors.items():
        addresses = {"tcp": running.address, "unix": f"unix:{folder / f'{server}-service' / 'guard.sock'}"}
        for kind, address in addresses.items():
            ours, bare = Grpc(address), Grpc(echoes[f"{server} {kind}"])
            stack.push_async_callback(ours.close)
            stack.push_async_callback(bare.close)
            where = f"{server}, {'TCP' if kind == 'tcp' else 'Unix socket'}"
            pairs[f"gRPC Check, {where}"] = ours.check, bare.check
            pairs[f"gRPC Stream, {where}"] = ours.stream, bare.stream
            if kind == "unix":
                pairs[f"Envoy ext_proc, {where}"] = ours.ext_proc, bare.ext_proc
            elif server == "light":
                pairs[f"agentgateway ExtMcp, {where}"] = ours.ext_mcp, bare.ext_mcp
    return pairs


async def _of_http(stack: AsyncExitStack, running: Door, echoes: Mapping[str, str]) -> dict[str, Pair]:
    session = await stack.enter_async_context(aiohttp.ClientSession())
    bare = Http(echoes["http"], session)
    proxy, callouts = (Http(f"http://{running.told(name)}", session) for name in ("proxy", "callouts"))
    pairs: dict[str, Pair] = {
        "HTTP proxy, whole": (proxy.whole, bare.whole),
        "HTTP proxy, streamed": (proxy.streamed, bare.streamed),
    }
    return pairs | {f"call-out `{name}`": (callouts.callout(name), bare.callout(name)) for name in CALLOUTS}


def _of_processes(stack: AsyncExitStack, running: Door, folder: Path) -> dict[str, Pair]:
    tool = [sys.executable, "-m", "benchmarks.every_door.tool"]
    rules = folder / "light-service" / "rules"
    guarded = [sys.executable, "-m", "sidecar", "mcp", "--policies", str(rules), "--", *tool]
    ours, bare = Child(guarded), Child(tool)
    stack.push_async_callback(ours.close)
    stack.push_async_callback(bare.close)
    url = f"http://{running.told('callouts')}"
    printing = command("-c", "import sys; sys.stdin.read(); print('{}')")
    return {
        "MCP over stdio": (ours.call, bare.call),
        "hook command": (command("-m", "sidecar", "hook", "claude-code", "--url", url), printing),
    }


def _in_process(source: str) -> Exchange:
    [loaded] = load_text(source)
    plan: Plan = compile_policy(loaded)

    async def run(text: str) -> object:
        return guard_text(plan, text)

    return run


async def _nothing(text: str) -> object:
    return text


# -- the figures ------------------------------------------------------------------------------------------------------


async def _figure(policy: str, name: str, pair: Pair, texts: Sequence[str]) -> Figure:
    chosen = texts[: max(5, len(texts) // 10)] if name in SLOW else texts
    times = [(await _timed(pair[0], text), await _timed(pair[1], text)) for text in [*texts[:WARM], *chosen]][WARM:]
    ours, bare = [one for one, _ in times], [other for _, other in times]
    added = [one - other for one, other in times]
    medians = statistics.median(ours), statistics.median(bare)
    figure = Figure(
        policy,
        name,
        len(times),
        *medians,
        added_median_ms=statistics.median(added),
        added_p95_ms=percentile(added, 95) or 0.0,
        ratio=medians[0] / medians[1],
    )
    print(figure, file=sys.stderr, flush=True)
    return figure


async def _timed(exchange: Exchange, text: str) -> float:
    """Milliseconds that an exchange takes."""
    began = time.perf_counter()
    await exchange(text)
    return (time.perf_counter() - began) * 1000


def _report(figures: Sequence[Figure], load: Sequence[float]) -> str:
    by: dict[str, dict[str, Figure]] = {}
    for each in figures:
        by.setdefault(each.door, {})[each.policy] = each
    rows: list[list[Any]] = []
    for name, found in by.items():
        one, two = (found[policy] for policy in POLICIES)
        rows.append(
            [name, one.bare_median_ms, one.added_median_ms, one.added_p95_ms, two.added_median_ms, two.added_p95_ms]
        )
    header = ["door", "bare exchange, ms", "patterns: added, median", "p95", "and models: added, median", "p95"]
    note = (
        f"{figures[0].pairs} pairs of each door, {min(each.pairs for each in figures)} of what starts a process:"
        " an exchange with the door and a bare one with an echo in turns, one at a time; texts of about 60 words, not"
        " remembered from one to the next. Milliseconds; what is added is the difference of a pair."
        f" The load average was {load[0]:g} at the end, on {os.cpu_count()} processors: well above their number, most"
        " of a time is waiting for one; compare within the table, then, and with none elsewhere."
    )
    return f"{table(header, rows)}\n\n{note}"


if __name__ == "__main__":
    main()
