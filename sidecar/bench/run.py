"""One run: the same load against the pass-through policy and the guarded one, then the parts by themselves.

1. A warm-up stream for each policy; it is not measured.
2. Two phases of equal length, against the same process, with the same texts and arrivals.
3. The core and a bare pass of the encoder over the same texts, on this process's own clock.

Everything is compared within the run: another machine, or a busier one, moves both sides.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.base import DetectorError
from sidecar.bench import report
from sidecar.bench.costs import core_seconds, encoder_seconds
from sidecar.bench.load import Load, Samples, offer
from sidecar.bench.policies import (
    ENCODED,
    GUARDED,
    PASS_THROUGH,
    guarded_policy,
    missing_detectors,
    pass_through_policy,
)
from sidecar.bench.server import Counters, CpuSeconds, Service, serving
from sidecar.bench.texts import drawn_texts, made_texts, pieces_of
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore

if TYPE_CHECKING:
    from detectors.encoder import Encoder

_REPLAYED_TEXTS = 20
_WARM_UP_SECONDS = 1.0

Advance = Callable[[float], None]
"""Told the seconds that went by, for a progress bar."""


class Offered(msgspec.Struct, frozen=True):
    """What to run. `target` and `policies` name somebody else's service; without them one is started."""

    streams: int
    seconds: float
    tokens_per_second: float = 50.0
    tokens_per_message: int = 1
    violating: float = 0.05
    max_hold_ms: int = 400
    seed: int = 1
    texts: tuple[str, ...] = ()
    target: str = ""
    policies: tuple[str, str] = (PASS_THROUGH, GUARDED)


def run(offered: Offered, advance: Advance) -> dict[str, Any]:
    """Run it and return the result. Raises `TidegateError` when the service does not start."""
    if offered.target:
        return _result(offered, asyncio.run(_phases(Service(offered.target), offered, advance)))
    documents = {
        PASS_THROUGH: pass_through_policy(offered.max_hold_ms),
        GUARDED: guarded_policy(offered.max_hold_ms),
    }
    with serving(documents) as service:
        phases = asyncio.run(_phases(service, offered, advance))
    return _result(offered, phases)


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
        seed=offered.seed,
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


def _result(offered: Offered, phases: Sequence[_Phase]) -> dict[str, Any]:
    passed, guarded = (each.figures() for each in phases)
    texts = [*islice(_texts(offered), _REPLAYED_TEXTS)]
    settings = msgspec.structs.asdict(offered)
    settings["texts"] = len(offered.texts) or "built in"
    return {
        "machine": report.machine(),
        "versions": report.versions(),
        "commit": report.commit(),
        "settings": settings,
        "missing_detectors": list(missing_detectors()),
        "pass_through": passed,
        "guarded": guarded,
        "compared": report.ratios(guarded, passed),
        **_costs(offered, texts, guarded, passed),
    }


def _costs(offered: Offered, texts: Sequence[str], guarded: dict[str, Any], passed: dict[str, Any]) -> dict[str, Any]:
    """Where the processor time goes, and how much it is against a bare pass of the encoder."""
    tokens = sum(len(pieces_of(text)) for text in texts)
    core = core_seconds(_plan(offered), texts) * 1000 / tokens
    encoder, reason = _encoder()
    bare = encoder_seconds(encoder, texts) * 1000 / tokens if encoder is not None else None
    whole, through = guarded["cpu_seconds_per_1000_tokens"], passed["cpu_seconds_per_1000_tokens"]
    if missing := [name for name in ENCODED if name in missing_detectors()]:
        reason = f"the guarded policy lacks {', '.join(missing)}: they are not in this installation"
    elif whole is None:
        reason = "the service's processor time cannot be seen from here"
    ratio = round(whole["total"] / bare, 3) if bare and whole and not reason else None
    split = None
    if whole and through:
        rest = whole["total"] - through["total"] - core - whole["worker_threads"] + through["worker_threads"]
        split = {
            "transport_and_session": through["total"],
            "core": round(core, 4),
            "scheduler_workers_and_outbox": round(whole["worker_threads"] - through["worker_threads"], 4),
            "policy_events_and_rest": round(rest, 4),
        }
    return {
        "cpu_split_seconds_per_1000_tokens": split,
        "bare_encoder_cpu_seconds_per_1000_tokens": None if bare is None else round(bare, 4),
        "cost_ratio_to_bare_encoder": ratio,
        "cost_ratio_reason": reason or None,
    }


def _plan(offered: Offered) -> Plan:
    with TemporaryDirectory(prefix="tidegate-bench-") as folder:
        file = Path(folder) / "guarded.yaml"
        file.write_bytes(msgspec.json.encode(guarded_policy(offered.max_hold_ms)))
        store = PolicyStore((file,))
        store.load()
        return store.plans[GUARDED]


def _encoder() -> tuple[Encoder | None, str]:
    """The shipped encoder, or why there is none."""
    from detectors.encoded import (
        DEFAULT_MODEL,
        shared_encoder,
    )  # loads ONNX Runtime, which a refusal should not wait for

    try:
        return shared_encoder(DEFAULT_MODEL), ""
    except DetectorError as error:
        return None, str(error)
