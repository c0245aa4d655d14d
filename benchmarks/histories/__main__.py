"""What a turn of a session costs that grows to 2 MB: by what is new, or by all that it has?

    python -m benchmarks.histories [--only patterns|model] [--full]

An agent's session of 50 turns in OpenAI's chat API, whose tools read the sources of Python's library: each turn adds
its steps and sends the whole history. A request's way through codec, session, core, detectors and outbox is taken in
this process, without sockets; processor time is that of all threads. With patterns (personal data redacted, secrets),
and with the embedded model beside them (injection, toxicity); one session, and ten that share the process and take
turns; a row is the median over sessions and the last five turns. What the same costs where nothing is known is
measured on shorter ones. Ten sessions, and those with the model, grow to a part of the size, unless `--full` is given:
that takes a machine for half an hour.

**floor** is what reading the body and writing it again costs with nothing guarded: it grows with the body, whatever is
known of it. **net** is a turn's cost without it, for each new character; its ratio is to the first turn's. The first
turns of sessions warm up what is made once in a process, so that a short session is sent before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from multidict import CIMultiDict

from benchmarks.results import table, write
from sidecar.clock import LoopClock
from sidecar.codec import opened
from sidecar.codec.catalogue import SHAPES
from sidecar.codec.formats import Format
from sidecar.config import Guarded, Limits, SchedulerSettings
from sidecar.engine import Engine
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.store import PolicyStore
from sidecar.scheduler.scheduler import Scheduler
from sidecar.telemetry.metrics import Metrics
from sidecar.transport.bodies import Bodies, Passed
from sidecar.transport.decision import Guard
from sidecar.transport.exchange import Room
from sidecar.transport.facts import Caller
from sidecar.transport.http_headers import Described
from tests.histories import Step, history

TURNS = 50
SHOWN = (1, 5, 10, 25, 50)
WINDOW = 5
"""A row is the median over so many turns up to the shown one, since a busy machine disturbs single ones."""
RESULT_CHARS = 3000
SHAPE = next(shape for shape in SHAPES if shape.name == "openai-chat")
PATTERNS = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: history, version: "1"}
stream: {mode: strict, max_hold_ms: 60000}
rules:
  - id: personal-data
    detect: {detector: pii, labels: [EMAIL_ADDRESS, CREDIT_CARD, IBAN_CODE, US_SSN, PHONE_NUMBER, IP_ADDRESS]}
    action: {redact: {with: label}}
  - id: secrets
    detect: {detector: secrets}
    action: annotate
"""
MODELS = """
  - id: attacks
    detect: {detector: injection}
    action: annotate
  - id: abuse
    detect: {detector: toxicity, labels: [insult, threat, identity_attack]}
    action: annotate
"""
CHARS = 2_000_000
SETTINGS = {
    "patterns, one session": (PATTERNS, 1, 1.0),
    "patterns, ten sessions": (PATTERNS, 10, 0.1),
    "patterns, one session, nothing known": (PATTERNS, 1, 0.1),
    "model, one session": (PATTERNS + MODELS, 1, 0.1),
    "model, ten sessions": (PATTERNS + MODELS, 10, 0.01),
    "model, one session, nothing known": (PATTERNS + MODELS, 1, 0.005),
}
"""The policy, how many sessions there are, and which part of the size they grow to."""


class Turn(msgspec.Struct):
    """One request of a session. Times are seconds of processor."""

    new_chars: int
    read_chars: int
    body_bytes: int
    spent: float
    floor: float

    @property
    def net_us(self) -> float:
        """Microseconds for each new character, without the floor."""
        return (self.spent - self.floor) / self.new_chars * 1e6


class Guarding:
    """A guard in this process."""

    def __init__(self, policy: str, *, known_bytes: int) -> None:
        self.outbox = MemoryOutbox()
        self.metrics = Metrics("benchmark")
        self.scheduler = Scheduler(SchedulerSettings(queue_limit=100_000), clock=LoopClock(), metrics=self.metrics)
        with TemporaryDirectory() as folder:
            (Path(folder) / "history.yaml").write_text(policy, encoding="utf-8")
            policies = PolicyStore([folder])
            policies.load()
        self.engine = Engine(
            policies=policies,
            scheduler=self.scheduler,
            outbox=self.outbox,
            clock=LoopClock(),
            metrics=self.metrics,
            limits=Limits(known_texts_bytes=known_bytes),
            idle_seconds=600,
        )

    async def turn(self, steps: Sequence[Step], before: int) -> Turn:
        """Send a session with these steps, of which so many were sent before."""
        document = history(SHAPE.name, steps)
        data = json.dumps(document).encode()
        floor = min(_floor(data) for _ in range(3))
        read = self._read()
        began = time.process_time()
        with Room(1 << 30).held() as held:
            bodies = Bodies(self.engine, Guarded())
            caller = Caller(CIMultiDict())
            passed = await bodies.request(Guard(SHAPE), caller, Described("application/json"), data, held)
        spent = time.process_time() - began
        assert isinstance(passed, Passed)
        self.outbox.events.clear()
        new = sum(len(text) for step in steps[before:] for text in step)
        return Turn(new, int(self._read() - read), len(data), spent, floor)

    def _read(self) -> float:
        """The characters that somebody looked at so far."""
        registry = self.metrics.registry
        received = registry.get_sample_value("tidegate_received_chars_total", {"policy": "history"}) or 0
        known = registry.get_sample_value("tidegate_known_chars_total", {"result": "hit"}) or 0
        return received - known


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.histories", description=__doc__)
    parser.add_argument("--only", default="", help="the settings whose name begins so")
    parser.add_argument("--full", action="store_true", help="have all sessions grow to all of the size")
    arguments = parser.parse_args()
    figures = {
        name: asyncio.run(measured(name, policy, sessions, CHARS if arguments.full else round(CHARS * share)))
        for name, (policy, sessions, share) in SETTINGS.items()
        if name.startswith(arguments.only)
    }
    text = "\n\n".join(
        ["# What a turn of a long session costs", *(_section(name, each) for name, each in figures.items())]
    )
    print(text)
    print(write("histories", figures, text))


async def measured(name: str, policy: str, sessions: int, chars: int) -> Mapping[str, Any]:
    """The turns of the sessions, as medians over them."""
    print(name, flush=True)
    guarding = Guarding(policy, known_bytes=0 if "nothing known" in name else Limits().known_texts_bytes)
    await guarding.outbox.start()
    await guarding.scheduler.start()
    a_turn = max(1, round(chars / TURNS / RESULT_CHARS))
    result_chars = min(RESULT_CHARS, chars // TURNS)
    results = _slices(result_chars)
    await guarding.turn([_step(number, next(results)) for number in range(4 * a_turn)], 0)
    taken = [[_step(number, next(results)) for number in range(TURNS * a_turn)] for _ in range(sessions)]
    turns = [
        [await guarding.turn(steps[:end], end - a_turn) for steps in taken]
        for end in range(a_turn, TURNS * a_turn + 1, a_turn)
    ]
    await guarding.scheduler.stop()
    await guarding.outbox.stop()
    kept = guarding.engine.histories
    rows = [
        _row(number, [each for turn in turns[max(0, number - WINDOW) : number] for each in turn]) for number in SHOWN
    ]
    for row in rows:
        row["ratio"] = round(row["net_us"] / rows[0]["net_us"], 2)
    return {"turns": rows, "kept_texts": len(kept), "kept_bytes": kept.size}


def _row(number: int, turns: Sequence[Turn]) -> dict[str, float]:
    return {
        "turn": number,
        "body_kb": round(median(each.body_bytes for each in turns) / 1000),
        "new_chars": round(median(each.new_chars for each in turns)),
        "read_chars": round(median(each.read_chars for each in turns)),
        "ms": round(median(each.spent for each in turns) * 1000, 1),
        "floor_ms": round(median(each.floor for each in turns) * 1000, 1),
        "net_us": round(median(each.net_us for each in turns), 3),
    }


def _floor(data: bytes) -> float:
    """What a body costs of which all is kept as it is."""
    began = time.process_time()
    body = opened.whole(SHAPE, data, is_request=True, form=Format.JSON)
    for text in body.texts:
        body.keep(text)
    body.finish()
    return time.process_time() - began


def _slices(size: int) -> Iterator[str]:
    """Python's library, in pieces: no two are the same."""
    for file in sorted(Path(json.__file__).parents[1].rglob("*.py")):
        source = file.read_text(encoding="utf-8", errors="replace")
        for start in range(0, len(source) - size, size):
            yield source[start : start + size]


def _step(number: int, result: str) -> Step:
    return f"I read part {number}.", f"sed -n {number}p file", result


def _section(name: str, figures: Mapping[str, Any]) -> str:
    kept = f"Known at the end: {figures['kept_texts']} texts, in {figures['kept_bytes']} bytes."
    return f"## {name}\n\n{_rows(figures['turns'])}\n\n{kept}"


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    header = ("turn", "body, KB", "new chars", "read chars", "CPU, ms", "floor, ms", "net us a new char", "to turn 1")
    return table(header, [list(row.values()) for row in rows])


if __name__ == "__main__":
    main()
