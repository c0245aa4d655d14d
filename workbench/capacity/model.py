"""What so many streams need: cores, memory, replicas, events and partitions, for three ways to deploy.

1. A token costs its share of a message, of a session and of the core's scanning; of a model's pass where the profile
   has models; of a comparison with documents where it has grounding. Texts that violate, and answers that end, cost
   events.
2. Cores are filled up to `1 - headroom`; what is planned for is the peak.
3. **sidecar**: one beside each replica of the application, as large as that replica's streams want. A process that has
   streams takes a part of a core beside what they cost, for it wakes up for little.
4. **shared**: a service of its own, in replicas of so many cores, two at least. One process has one event loop, so a
   replica has as many processes as its event loops fill.
5. **inference server**: sidecars that have the pass done elsewhere, over the network, a segment a call; model servers
   of so many cores, two at least, that do nothing else.

Pure: no clock, no files. The least, the likely and the most are the plan with every figure at that end of its spread,
so the range is wider than what chance would give. More streams, tokens a second, violations, headroom, or a profile
that reads more, never need less.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from workbench.capacity.figures import Figures
from workbench.capacity.profiles import Profile

MEGA = 1e6
_KIB_PER_GIB = 1024.0**2
_MIB_PER_GIB = 1024.0
_SECONDS_PER_DAY = 86_400
_BYTES_PER_GB = 1e9
_LEAST_REPLICAS = 2
"""Of what many depend on: one may go away."""
LEAST_PARTITIONS = 6
"""What docs/events.md has topics made with."""
_CORE_STEP = 0.1
"""Cores of a container are stated in tenths."""


class Form(StrEnum):
    """A way to deploy."""

    SIDECAR = "sidecar"
    SHARED = "shared"
    INFERENCE_SERVER = "inference server"


class Demand(msgspec.Struct, frozen=True):
    """What is to be carried, and how."""

    streams: int
    """At a time, at the peak."""
    tokens_per_second: float = 50.0
    """Of each stream."""
    tokens_per_message: int = 1
    violating: float = 0.05
    """The share of answers in which a rule finds something, 0 to 1."""
    profile: Profile = Profile.MODELS
    answer_tokens: int = 400
    sentence_tokens: int = 25
    context_chars: int = 6000
    """Of the documents that an answer is compared with."""
    headroom: float = 0.4
    """The share of each core that is left idle at the peak, 0 to less than 1."""
    replica_cores: int = 4
    """Of a replica of the shared service, and of a model server."""
    app_streams: int = 32
    """Streams that one replica of the application has at a time."""


class Need(msgspec.Struct, frozen=True):
    """What one form needs. Cores and memory are those of all replicas together, as they are to be requested."""

    form: Form
    replicas: int
    processes: int
    cores: float
    memory_gib: float
    us_per_token: float
    """Processor time of a token, without headroom, wherever it is spent."""
    model_replicas: int = 0
    """Model servers, counted in `cores` and `memory_gib`, not in `replicas`."""


class Capacity(msgspec.Struct, frozen=True):
    """What a demand needs at one end of the figures' spread."""

    demand: Demand
    tokens_per_second: float
    events_per_second: float
    partitions: int
    events_gb_per_day: float
    needs: tuple[Need, ...]


def capacity(demand: Demand, figures: Figures, end: str = "value") -> Capacity:
    """What `demand` needs, with the figures at one end of their spread: "low", "value" or "high"."""
    cost = _Cost(demand, figures, end)
    tokens = demand.streams * demand.tokens_per_second
    events = tokens * cost.events_per_token
    return Capacity(
        demand,
        tokens,
        events,
        max(LEAST_PARTITIONS, math.ceil(events / figures["partition_events"].at(_other(end)))),
        events * figures["event_bytes"].at(end) * _SECONDS_PER_DAY / _BYTES_PER_GB,
        (_sidecars(demand, cost), _shared(demand, cost), _served(demand, cost)),
    )


def _other(end: str) -> str:
    """Where a figure is better the higher it is, its other end."""
    return {"low": "high", "high": "low"}.get(end, end)


class _Cost:
    """Microseconds a token, and memory, at one end of the spread."""

    def __init__(self, demand: Demand, figures: Figures, end: str) -> None:
        self._demand = demand
        self._figures = figures
        self._end = end

    def _of(self, name: str) -> float:
        return self._figures[name].at(self._end)

    @property
    def _has_models(self) -> bool:
        return self._demand.profile is not Profile.PATTERNS

    @property
    def session_us(self) -> float:
        """Transport and session."""
        return self._of("token_us") + self._of("message_us") / self._demand.tokens_per_message

    @property
    def service_us(self) -> float:
        """All but the models: what one event loop and its threads do."""
        pieces = self._of("tokenise_us") if self._has_models else 0.0
        return self.session_us + self._of("core_us") + pieces + self.events_per_token * self._of("event_us")

    @property
    def wake_cores(self) -> float:
        """What a process that has streams takes beside."""
        return self._of("wake_cores")

    @property
    def model_us(self) -> float:
        """The models' passes."""
        names = self._of("names") if self._demand.profile in (Profile.NAMES, Profile.GROUNDING) else 1.0
        grounded = self._demand.profile is Profile.GROUNDING
        compared = self._of("sentence_ms") * 1e3 / self._demand.sentence_tokens if grounded else 0.0
        return self._of("pass_us") * self._of("passes") * names + compared if self._has_models else 0.0

    @property
    def call_us(self) -> float:
        """A sidecar's part in a pass that is done elsewhere."""
        return self._of("call_us") / self._of("segment_tokens") if self._has_models else 0.0

    @property
    def events_per_token(self) -> float:
        """One for an answer that ends, one for each that violates."""
        return (1 + self._demand.violating) / self._demand.answer_tokens

    def process_mib(self, *, models: bool) -> float:
        """Memory of a process without streams."""
        grounding = self._of("grounding_mib") if models and self._demand.profile is Profile.GROUNDING else 0.0
        return (self._of("models_mib") if models and self._has_models else self._of("patterns_mib")) + grounding

    @property
    def stream_kib(self) -> float:
        """Memory of a stream, and of the documents that it brings."""
        documents = self._demand.context_chars * self._of("context_bytes") / 1024
        return self._of("stream_kib") + (documents if self._demand.profile is Profile.GROUNDING else 0.0)

    def cores(self, tokens_per_second: float, us_per_token: float) -> float:
        """Cores for so many tokens, with the headroom."""
        return tokens_per_second * us_per_token / MEGA / (1 - self._demand.headroom)


def _sidecars(demand: Demand, cost: _Cost) -> Need:
    return _beside(demand, cost, cost.service_us + cost.model_us, form=Form.SIDECAR, models=True)


def _beside(demand: Demand, cost: _Cost, us_per_token: float, *, form: Form, models: bool) -> Need:
    """A process beside each replica of the application, as large as a full one wants."""
    replicas = math.ceil(demand.streams / demand.app_streams)
    tokens = min(demand.streams, demand.app_streams) * demand.tokens_per_second
    us = us_per_token + cost.wake_cores * MEGA / tokens
    each = cost.cores(tokens, us)
    memory = replicas * cost.process_mib(models=models) / _MIB_PER_GIB + demand.streams * cost.stream_kib / _KIB_PER_GIB
    return Need(form, replicas, replicas, replicas * _rounded_up(each), memory, us)


def _shared(demand: Demand, cost: _Cost) -> Need:
    tokens, us = demand.streams * demand.tokens_per_second, cost.service_us + cost.model_us
    each = max(1, math.ceil(round(demand.replica_cores * cost.service_us / us, 6))) if us else 1
    us *= 1 + each * cost.wake_cores / (demand.replica_cores * (1 - demand.headroom))
    replicas = max(_LEAST_REPLICAS, math.ceil(cost.cores(tokens, us) / demand.replica_cores))
    processes = replicas * each
    memory = processes * cost.process_mib(models=True) / _MIB_PER_GIB + demand.streams * cost.stream_kib / _KIB_PER_GIB
    return Need(Form.SHARED, replicas, processes, float(replicas * demand.replica_cores), memory, us)


def _served(demand: Demand, cost: _Cost) -> Need:
    beside = _beside(demand, cost, cost.service_us + cost.call_us, form=Form.INFERENCE_SERVER, models=False)
    if demand.profile is Profile.PATTERNS:
        return beside
    tokens = demand.streams * demand.tokens_per_second
    servers = max(_LEAST_REPLICAS, math.ceil(cost.cores(tokens, cost.model_us) / demand.replica_cores))
    return msgspec.structs.replace(
        beside,
        cores=beside.cores + servers * demand.replica_cores,
        memory_gib=beside.memory_gib + servers * cost.process_mib(models=True) / _MIB_PER_GIB,
        us_per_token=beside.us_per_token + cost.model_us,
        model_replicas=servers,
    )


def _rounded_up(cores: float) -> float:
    return max(_CORE_STEP, math.ceil(round(cores / _CORE_STEP, 6)) * _CORE_STEP)
