"""What a reader waits for: silence between pieces of an answer by policy, and characters held of text without blanks.

    python -m benchmarks.silence

Real sessions on a clock of the benchmark's own: a text arrives token by token, 25 or 50 a second, and every check takes
`CHECK_MS`. So the times depend on texts, policies and segments alone, on no machine. What a policy's checks cost is
counted: the word pieces that the encoder is given for each of the text's.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.results import table, write
from benchmarks.silence.unbroken import UNBROKEN
from benchmarks.stream_cost.texts import mixed
from detectors.models.encoded import DEFAULT_MODEL, shared_encoder
from sidecar.clock import Timer
from sidecar.config import Limits
from sidecar.core.stream import Stream
from sidecar.engine import Engine
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.scheduler.scheduler import Request
from sidecar.session import Shown
from sidecar.start import StreamStart
from sidecar.summary import StreamSummary
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Found, Lane, Mode, Release
from workbench.bench.report import percentile
from workbench.bench.texts import made_text, pieces_of

TEXTS = 30
CHARS = 2400
RATES = 25, 50
CHECK_MS = 20
MEDIAN_MS, MOST_MS = 350, 700
"""How long a reader of a chat may wait at 25 tokens a second, in the median and in 95 cases of a hundred."""
CHATS = "chat-safety", "pii-names", "pii-redact", "default"
POLICIES = Path(__file__).parents[2] / "policies"


def main() -> None:
    """Measure and write the result."""
    store = PolicyStore((POLICIES,))
    store.load()
    silences = {name: _silences(plan) for name, plan in _plans(store.plans).items()}
    held = {kind: _held(store.plans, text) for kind, text in UNBROKEN.items()}
    figures = {"silence": silences, "held": held}
    print(write("silence", figures, "\n\n".join([_silence_table(silences), _verdict(silences), _held_table(held)])))


def _plans(shipped: Mapping[str, Plan]) -> Mapping[str, Plan]:
    """The shipped policies, and one of them with other settings."""
    chat = shipped["chat-safety"]
    other: dict[str, Any] = {
        "at once": {"pace_ms": 0},
        "at once, 8 to 64": {"pace_ms": 0, "min_segment_tokens": 8},
        "at once, 8 to 8": {"pace_ms": 0, "min_segment_tokens": 8, "max_segment_tokens": 8},
        "8 to 16": {"min_segment_tokens": 8, "max_segment_tokens": 16},
        "optimistic": {"mode": Mode.OPTIMISTIC},
    }
    return {
        **shipped,
        **{f"chat-safety, {how}": replace(chat, stream=replace(chat.stream, **each)) for how, each in other.items()},
    }


def _texts() -> list[str]:
    """Half prose with lists and code and some personal data, half plain sentences."""
    plain = [made_text(random.Random(seed), sentences=24, is_violating=seed % 10 == 0) for seed in range(TEXTS // 2)]
    return [*plain, *(mixed(CHARS, seed) for seed in range(TEXTS // 2))]


def _silences(plan: Plan) -> dict[str, float]:
    figures: dict[str, float] = {}
    for rate in RATES:
        answers = [asyncio.run(_Answer(plan, text, 1000 / rate).run()) for text in _texts()]
        gaps = [gap for each in answers for gap in each.gaps()]
        held = [ms for each in answers for ms in each.held_ms]
        figures |= {
            f"silence_ms_median_at_{rate}": median(gaps),
            f"silence_ms_p95_at_{rate}": percentile(gaps, 95) or 0.0,
            f"first_ms_median_at_{rate}": median(each.left_ms[0] for each in answers),
            f"held_ms_median_at_{rate}": median(held),
            f"held_ms_p95_at_{rate}": percentile(held, 95) or 0.0,
        }
        if rate == RATES[0]:
            figures["chars_median"] = median(chars for each in answers for chars in each.chars)
            figures["pieces_read"] = sum(each.pieces_read for each in answers) / sum(each.pieces for each in answers)
    return figures


class _Answer:
    """One answer through one session; when its pieces left, and how long they were held. Times count from its start."""

    def __init__(self, plan: Plan, text: str, token_ms: float) -> None:
        self._plan = plan
        self._tokens = pieces_of(text)
        self._token_ms = token_ms
        self._clock = VirtualClock()
        self._checks = _Checks(self._clock)
        self._lane = Lane()
        self.left_ms: list[float] = []
        self.held_ms: list[float] = []
        self.chars: list[int] = []
        self.pieces = shared_encoder(DEFAULT_MODEL).tokenise([text]).count

    async def run(self) -> _Answer:
        """Feed all tokens, each at its time."""
        outbox = MemoryOutbox()
        await outbox.start()
        engine = Engine(
            policies=_One(self._plan),
            scheduler=self._checks,
            outbox=outbox,
            clock=self._clock,
            metrics=Metrics("benchmark"),
            limits=Limits(),
            idle_seconds=3600,
        )
        async with engine.open(StreamStart()) as session:
            writer = asyncio.create_task(self._watch(session.outputs()))
            for number, token in enumerate(self._tokens):
                await self._clock.advance_to(number * self._token_ms)
                await session.feed(self._lane, token)
            await self._clock.advance_to(len(self._tokens) * self._token_ms)
            session.finish()
            await self._clock.advance_to(self._clock.now_ms() + 60_000)
            await writer
        return self

    def gaps(self) -> list[float]:
        """The time between one piece and the next; those of a moment are one."""
        return [after - before for before, after in pairwise(sorted(set(self.left_ms)))]

    @property
    def pieces_read(self) -> int:
        """Word pieces that the encoder is given."""
        return shared_encoder(DEFAULT_MODEL).tokenise(self._checks.texts).count if self._checks.texts else 0

    async def _watch(self, outputs: AsyncIterator[Shown]) -> None:
        ends = [0]
        for text in self._tokens:
            ends.append(ends[-1] + len(text))
        token = 0
        async for shown in outputs:
            if isinstance(shown, StreamSummary):
                return
            now_ms = self._clock.now_ms()
            if not isinstance(shown, Release) or not shown.text or now_ms >= len(self._tokens) * self._token_ms:
                continue  # what leaves when the answer is over does not wait for it
            while ends[token + 1] <= shown.start:
                token += 1
            self.left_ms.append(now_ms)
            self.held_ms.append(now_ms - token * self._token_ms)
            self.chars.append(len(shown.text))


class VirtualClock:
    """Time that passes when the benchmark says so."""

    def __init__(self) -> None:
        self._now_ms = 0.0
        self._order = count()
        self._calls: list[tuple[float, int, _Call]] = []

    def now_ms(self) -> float:
        """The time."""
        return self._now_ms

    def unix_seconds(self) -> float:
        """The time of day, for events that nobody reads."""
        return time.time()

    def call_at(self, when_ms: float, callback: Callable[[], object]) -> Timer:
        """Have `advance_to` call."""
        call = _Call(callback)
        heapq.heappush(self._calls, (when_ms, next(self._order), call))
        return call

    async def advance_to(self, when_ms: float) -> None:
        """Let time pass, and everybody act in their order."""
        await _let_run()
        while self._calls and self._calls[0][0] <= when_ms:
            due_ms, _, call = heapq.heappop(self._calls)
            self._now_ms = max(self._now_ms, due_ms)
            call.make()
            await _let_run()
        self._now_ms = max(self._now_ms, when_ms)


class _Call:
    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def make(self) -> None:
        if self._callback is not None:
            self._callback()


async def _let_run() -> None:
    """Let the session's tasks run until they wait."""
    for _ in range(8):
        await asyncio.sleep(0)


class _Checks:
    """A scheduler whose models find nothing, after `CHECK_MS`. It keeps the texts that it was given."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._texts: dict[int, str] = {}

    @property
    def texts(self) -> list[str]:
        """The segments with what they are read with, each once."""
        return list(self._texts.values())

    def submit(self, request: Request) -> None:
        """Answer later."""
        self._texts[request.segment.number] = request.segment.text
        self._clock.call_at(self._clock.now_ms() + CHECK_MS, lambda: request.answer(Found()))


class _One:
    """One plan for all streams."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def resolve(self, *_: object) -> Plan:
        """The plan."""
        return self._plan


def _held(plans: Mapping[str, Plan], text: str) -> dict[str, int]:
    """The most characters that each policy without a model holds of a text."""
    return {name: _most_held(plan, text) for name, plan in plans.items() if not plan.batches or name == "pii-names"}


def _most_held(plan: Plan, text: str) -> int:
    stream = Stream(replace(plan, batches=()))
    for token in _by_four(text):
        stream.feed(Lane(), token)
        while stream.next_output() is not None:
            pass
    return stream.max_held_chars


def _by_four(text: str) -> Iterator[str]:
    return (text[start : start + 4] for start in range(0, len(text), 4))


def _silence_table(silences: Mapping[str, Mapping[str, float]]) -> str:
    header = ["policy", "characters", "pieces read"]
    for rate in RATES:
        header += [f"{rate}/s: silence, ms", "p95", "first, ms", "held, ms", "p95"]
    direct = ["direct", "4", "0", *(each for rate in RATES for each in (1000 // rate, 1000 // rate, 0, 0, 0))]
    keys = [
        f"{key}_at_{rate}"
        for rate in RATES
        for key in ("silence_ms_median", "silence_ms_p95", "first_ms_median", "held_ms_median", "held_ms_p95")
    ]
    rows = [
        (name, str(round(own["chars_median"])), f"{own['pieces_read']:.1f}", *(round(own[key]) for key in keys))
        for name, own in silences.items()
    ]
    return table(header, [direct, *rows])


def _verdict(silences: Mapping[str, Mapping[str, float]]) -> str:
    rate = RATES[0]
    is_kept = all(
        silences[name][f"silence_ms_median_at_{rate}"] <= MEDIAN_MS
        and silences[name][f"silence_ms_p95_at_{rate}"] <= MOST_MS
        for name in CHATS
    )
    return (
        f"{TEXTS} texts of about {CHARS} characters; a check takes {CHECK_MS} ms. Medians; characters are those of a"
        " piece, and pieces read are what the encoder is given for each piece of the text. What leaves when the"
        " answer is over is not counted.\n"
        f"Must hold at {rate} tokens a second, for {', '.join(CHATS)}: at most {MEDIAN_MS} ms of silence in the median"
        f" and {MOST_MS} in 95 cases of a hundred: {'yes' if is_kept else 'NO'}"
    )


def _held_table(held: Mapping[str, Mapping[str, int]]) -> str:
    names = list(next(iter(held.values())))
    rows = [(kind, *own.values()) for kind, own in held.items()]
    return "Characters that scanners hold at most:\n\n" + table(("text of about 800 characters", *names), rows)


if __name__ == "__main__":
    main()
