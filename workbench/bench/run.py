"""One run: the same load against the pass-through policy and the guarded one, then the parts by themselves.

1. A warm-up stream for each policy; it is not measured.
2. Two phases of equal length, against the same process, with the same texts and arrivals.
3. The parts and a bare pass of the encoder over the same texts, on this process's own clock; the pass also before the
   phases, because a machine changes while it is measured.

Everything is compared within the run: another machine, or a busier one, moves both sides.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.base import DetectorError
from sidecar.config import SchedulerSettings
from workbench.bench import report
from workbench.bench.costs import Parts, encoder_seconds, parts_of
from workbench.bench.load import Load, Samples, offer
from workbench.bench.plans import plan_of
from workbench.bench.policies import (
    ENCODED,
    GUARDED,
    PASS_THROUGH,
    guarded_policy,
    missing_detectors,
    pass_through_policy,
)
from workbench.bench.server import Counters, CpuSeconds, Service, serving
from workbench.bench.texts import drawn_texts, made_context, made_texts, pieces_of
from workbench.capacity.profiles import Profile

if TYPE_CHECKING:
    from detectors.models.encoder import Encoder

_REPLAYED_TEXTS = 20
_WARM_UP_SECONDS = 1.0
_MOST_SHED = 0.01
"""The share of segments that may be shed before a cost is no cost of guarding."""

Advance = Callable[[float], None]
"""Told the seconds that went by, for a progress bar."""


class Offered(msgspec.Struct, frozen=True):
    """What to run. `target` and `policies` name somebody else's service; without them one is started."""

    streams: int
    seconds: float
    tokens_per_second: float = 50.0
    tokens_per_message: int = 1
    coalesces: bool = False
    violating: float = 0.05
    max_hold_ms: int = 400
    seed: int = 1
    texts: tuple[str, ...] = ()
    target: str = ""
    policies: tuple[str, str] = (PASS_THROUGH, GUARDED)
    is_cached: bool = False
    """Whether findings are kept for repeated passages: the texts of a benchmark repeat themselves more than others."""
    linger_ms: int = SchedulerSettings().linger_ms
    """How long segments wait for company."""
    profile: Profile = Profile.MODELS
    """What the guarded policy asks for."""


class Measured(msgspec.Struct, frozen=True):
    """What came of a run: the result as it is printed, and the samples of each phase behind it."""

    result: dict[str, Any]
    samples: dict[str, Samples]


def run(offered: Offered, advance: Advance) -> Measured:
    """Run it. Raises `TidegateError` when the service does not start."""
    bare = _Bare(offered)
    bare.measure()
    phases = _run_phases(offered, advance)
    bare.measure()
    samples = {name: phase.samples for name, phase in zip(("pass_through", "guarded"), phases, strict=True)}
    return Measured(_result(offered, phases, bare), samples)


def _run_phases(offered: Offered, advance: Advance) -> list[_Phase]:
    if offered.target:
        return asyncio.run(_phases(Service(offered.target), offered, advance))
    documents = {
        PASS_THROUGH: pass_through_policy(offered.max_hold_ms),
        GUARDED: guarded_policy(offered.max_hold_ms, offered.profile),
    }
    scheduler = {"linger_ms": offered.linger_ms} | ({} if offered.is_cached else {"cache_entries": 0})
    with serving(documents, scheduler=scheduler) as service:
        return asyncio.run(_phases(service, offered, advance))


class _Phase(msgspec.Struct, frozen=True):
    samples: Samples
    cpu: CpuSeconds | None
    memory_mib: float | None
    before: Counters
    after: Counters

    def figures(self) -> dict[str, Any]:
        figures = report.phase_figures(self.samples, self.cpu, self.memory_mib)
        return figures | ({"scheduler": report.scheduler_figures(self.before, self.after)} if self.after else {})


async def _phases(service: Service, offered: Offered, advance: Advance) -> list[_Phase]:
    load = Load(
        streams=offered.streams,
        seconds=offered.seconds / 2,
        tokens_per_second=offered.tokens_per_second,
        tokens_per_message=offered.tokens_per_message,
        coalesces=offered.coalesces,
        seed=offered.seed,
        context=made_context(offered.seed) if offered.profile is Profile.GROUNDING else (),
    )
    for policy in offered.policies:
        warm_up = replace(load, policy=policy, streams=1, seconds=_WARM_UP_SECONDS)
        await offer(service.target, warm_up, _texts(offered), lambda _: None)
    return [await _phase(service, replace(load, policy=policy), offered, advance) for policy in offered.policies]


async def _phase(service: Service, load: Load, offered: Offered, advance: Advance) -> _Phase:
    before = await asyncio.to_thread(service.counters)
    cpu_before = service.cpu()
    samples = await offer(service.target, load, _texts(offered), advance)
    cpu_after = service.cpu()
    cpu = cpu_after.since(cpu_before) if cpu_after is not None and cpu_before is not None else None
    return _Phase(samples, cpu, service.memory_mib(), before, await asyncio.to_thread(service.counters))


def _texts(offered: Offered) -> Iterator[str]:
    """The same texts each time it is called."""
    rng = random.Random(offered.seed)  # noqa: S311 - load, not secrets
    return drawn_texts(rng, offered.texts) if offered.texts else made_texts(rng, violating=offered.violating)


class _Bare:
    """The encoder's bare pass over the texts, per 1,000 tokens."""

    def __init__(self, offered: Offered) -> None:
        self.texts = [*islice(_texts(offered), _REPLAYED_TEXTS)]
        self.tokens = sum(len(pieces_of(text)) for text in self.texts)
        self.encoder, self.reason = _encoder()
        self._seconds: list[float] = []

    def measure(self) -> None:
        """Once more."""
        if self.encoder is not None:
            self._seconds.append(encoder_seconds(self.encoder, self.texts))

    @property
    def cost(self) -> float | None:
        """CPU seconds for 1,000 tokens; None without an encoder."""
        return sum(self._seconds) / len(self._seconds) * 1000 / self.tokens if self._seconds else None


def _result(offered: Offered, phases: Sequence[_Phase], bare: _Bare) -> dict[str, Any]:
    passed, guarded = (each.figures() for each in phases)
    settings = msgspec.structs.asdict(offered)
    settings["texts"] = len(offered.texts) or "built in"
    return {
        "machine": report.machine(),
        "versions": report.versions(),
        "commit": report.commit(),
        "settings": settings,
        "missing_detectors": list(missing_detectors(offered.profile)),
        "pass_through": passed,
        "guarded": guarded,
        "compared": report.ratios(guarded, passed),
        **_costs(offered, bare, guarded, passed),
    }


def _costs(offered: Offered, bare: _Bare, guarded: dict[str, Any], passed: dict[str, Any]) -> dict[str, Any]:
    """Where the processor time goes, and how much it is against a bare pass of the encoder."""
    whole, through = guarded["cpu_seconds_per_1000_tokens"], passed["cpu_seconds_per_1000_tokens"]
    scheduler = guarded.get("scheduler", {})
    parts = parts_of(
        plan_of(guarded_policy(offered.max_hold_ms, offered.profile)),
        bare.texts,
        bare.encoder,
        tokens_per_message=offered.tokens_per_message,
        segments_per_batch=scheduler.get("segments_per_batch") or 1.0,
    )
    reason = bare.reason or _no_cost(whole, scheduler, guarded["streams"].get("unfinished", 0))
    return {
        "cpu_split_seconds_per_1000_tokens": _split(whole, through, parts, bare.tokens),
        "bare_encoder_cpu_seconds_per_1000_tokens": None if bare.cost is None else round(bare.cost, 4),
        "cost_ratio_to_bare_encoder": round(whole["total"] / bare.cost, 3) if bare.cost and not reason else None,
        "cost_ratio_reason": reason or None,
    }


def _no_cost(whole: dict[str, float] | None, scheduler: dict[str, Any], unfinished: int) -> str:
    """Why what the service used is not what guarding costs; empty when it is."""
    if missing := [name for name in ENCODED if name in missing_detectors()]:
        return f"the guarded policy lacks {', '.join(missing)}: they are not in this installation"
    if whole is None:
        return "the service's processor time cannot be seen from here"
    shed, read = scheduler.get("shed", 0), scheduler.get("segments", 0) + scheduler.get("cache_hits", 0)
    if shed > _MOST_SHED * (shed + read):
        return f"{shed} requests were shed, so text was let out unread: offer less, or allow more time (--max-hold-ms)"
    if unfinished:
        return f"{unfinished} streams did not end in time, so their text was not read: the machine is too busy"
    return ""


def _split(
    whole: dict[str, float] | None, through: dict[str, float] | None, parts: Parts, tokens: int
) -> dict[str, float] | None:
    """The service's processor time by what it was used for. The parts add up to the whole: transport is the rest."""
    if whole is None or through is None:
        return None
    split = {name: seconds * 1000 / tokens for name, seconds in msgspec.structs.asdict(parts).items()}
    split["inference"] = max(0.0, whole["worker_threads"] - through["worker_threads"] - split["tokenise"])
    split["transport_and_session"] = whole["total"] - sum(split.values())
    return {name: round(seconds, 4) for name, seconds in split.items()}


def _encoder() -> tuple[Encoder | None, str]:
    """The shipped encoder, or why there is none."""
    from detectors.models.encoded import (
        DEFAULT_MODEL,
        shared_encoder,
    )  # loads ONNX Runtime, which a refusal should not wait for

    try:
        return shared_encoder(DEFAULT_MODEL), ""
    except DetectorError as error:
        return None, str(error)
