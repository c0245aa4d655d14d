"""The Prometheus metrics. One `Metrics` a process, made by `app`, with a registry of its own.

Children are resolved where a name becomes known (a plan's first stream, a detector's first batch), never per token. No
label holds anything that a caller sends, but for the plain words of the first unknown paths.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from sidecar.policy.plan import Plan
from sidecar.values import Action, Decision, Failed, FailureKind, GroundingTally, Outcome, Verdict

_HELD_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0, 5.0)
_QUEUE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
_SHARES: Mapping[str, str] = {
    "faithfulness": "Share of an answer's checked sentences that are supported.",
    "context_use": "Share of a stream's passages that supported a sentence best.",
    "context_relevance": "How much of the prompt's words a stream's passages hold.",
}
"""What of a `GroundingTally` is a histogram."""
_SHARE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_MAX_UNKNOWN_PATHS = 50
"""Paths of no known API that have a series of their own; all that come later share one."""
_OTHER = "other"
_TOKEN_BUCKETS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True)
class DetectorMetrics:
    """A batch detector's children; `failed` by how it failed."""

    found: Counter
    failed: dict[FailureKind, Counter]

    def count(self, outcome: Outcome) -> None:
        """Count how a run ended."""
        (self.failed[outcome.kind] if isinstance(outcome, Failed) else self.found).inc()


@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """The children of a model: what its batches were, and how long each step took."""

    batch_items: Histogram
    batch_tokens: Histogram
    tokenise: Histogram
    inference: Histogram


@dataclass(frozen=True, slots=True)
class RemoteMetrics:
    """The children of a model on the inference server: batches by who read them."""

    answered: Counter
    local: Counter
    failed: Counter


@dataclass(frozen=True, slots=True)
class PlanMetrics:
    """A policy's children; `violations` by rule, then by what was done."""

    held: Histogram
    received_chars: Counter
    released_chars: Counter
    violations: tuple[dict[Action, Counter], ...]
    repeated: Counter
    ended: dict[str, Counter]
    sentences: dict[Verdict, Counter]
    shares: dict[str, Histogram]

    def count(self, decision: Decision) -> None:
        """Count one violation."""
        self.violations[decision.rule][decision.done].inc()

    def count_answer(self, tally: GroundingTally) -> None:
        """Count what became of an answer's sentences."""
        for verdict, number in tally.sentences.items():
            self.sentences[verdict].inc(number)
        for name, histogram in self.shares.items():
            share: float | None = getattr(tally, name)
            if share is not None:
                histogram.observe(share)


class Metrics:
    """All that is counted and measured. The names are in docs/operations.md."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.streams_open = Gauge("tidegate_streams_open", "Streams that are running.", registry=registry)
        refused = Counter(
            "tidegate_streams_refused",
            "Streams that were not admitted, or not looked at in time.",
            ["reason"],
            registry=registry,
        )
        self.streams_refused = {reason: refused.labels(reason) for reason in ("draining", "overloaded", "late")}
        self._unscanned = Counter(
            "tidegate_unscanned",
            "Requests and answers that passed without being looked at.",
            ["what", "path"],
            registry=registry,
        )
        self._unread_texts = Counter(
            "tidegate_unscanned_long_texts",
            "Requests with a long text that passed without being looked at: perhaps a model reads them.",
            ["path"],
            registry=registry,
        )
        self._paths = _Names(_MAX_UNKNOWN_PATHS)
        self.know_paths((_OTHER,))
        self._refused = Counter(
            "tidegate_http_refused",
            "HTTP exchanges that were answered in the upstream's place.",
            ["status", "reason"],
            registry=registry,
        )
        self._streams = Counter(
            "tidegate_streams", "Streams that ended, by policy and how.", ["policy", "ended"], registry=registry
        )
        self._held = Histogram(
            "tidegate_held_seconds",
            "How long the first character of a release was held.",
            ["policy"],
            buckets=_HELD_BUCKETS,
            registry=registry,
        )
        self._received = Counter("tidegate_received_chars", "Characters received.", ["policy"], registry=registry)
        self._released = Counter(
            "tidegate_released_chars",
            "Characters of the input that releases accounted for.",
            ["policy"],
            registry=registry,
        )
        self._violations = Counter(
            "tidegate_violations",
            "Violations, by rule and what was done.",
            ["policy", "rule", "action"],
            registry=registry,
        )
        self._repeated = Counter(
            "tidegate_violations_repeated",
            "Violations in texts that were checked, and whose violations were counted, before.",
            ["policy"],
            registry=registry,
        )
        self._sentences = Counter(
            "tidegate_grounding_sentences",
            "Sentences of answers, by how they stand to the supplied context.",
            ["policy", "verdict"],
            registry=registry,
        )
        self._shares = {
            name: Histogram(f"tidegate_grounding_{name}", about, ["policy"], buckets=_SHARE_BUCKETS, registry=registry)
            for name, about in _SHARES.items()
        }
        self._outcomes = Counter(
            "tidegate_detector_outcomes",
            "How runs of batch detectors ended.",
            ["detector", "outcome"],
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "tidegate_scheduler_queue_seconds",
            "How long a segment waited for its batch.",
            buckets=_QUEUE_BUCKETS,
            registry=registry,
        )
        self._tokenise = self._of_model(
            "tidegate_tokenise_seconds", "How long a batch took to be made into word pieces.", _QUEUE_BUCKETS
        )
        self._inference = self._of_model(
            "tidegate_inference_seconds", "How long a batch took in its model.", _QUEUE_BUCKETS
        )
        self._batch_items = self._of_model(
            "tidegate_scheduler_batch_items", "Segments in a batch; one may be for several detectors.", _BATCH_BUCKETS
        )
        self._batch_tokens = self._of_model(
            "tidegate_scheduler_batch_tokens",
            "Word pieces in a batch, each distinct text counted once.",
            _TOKEN_BUCKETS,
        )
        self._remote = Counter(
            "tidegate_inference_batches",
            "Batches for the inference server: answered by it, read by the local model instead, or failed.",
            ["model", "result"],
            registry=registry,
        )
        self._breaker = Gauge(
            "tidegate_inference_breaker_open",
            "1 while the inference server is left alone, or tried again after that.",
            ["model"],
            registry=registry,
        )
        self._cache = Counter(
            "tidegate_scheduler_cache",
            "Requests that were looked up among earlier findings.",
            ["result"],
            registry=registry,
        )
        self.cache_hits = self._cache.labels("hit")
        self.cache_misses = self._cache.labels("miss")
        known = Counter(
            "tidegate_known_texts",
            "Whole texts of requests, by whether they were known from an earlier request.",
            ["result"],
            registry=registry,
        )
        known_chars = Counter(
            "tidegate_known_chars",
            "Characters of whole texts of requests, by whether they were known from an earlier request.",
            ["result"],
            registry=registry,
        )
        self._known = [(known.labels(result), known_chars.labels(result)) for result in ("hit", "miss")]
        self.policies_loaded = Gauge("tidegate_policies_loaded", "Policies in use.", registry=registry)
        self.policy_reloads = Counter("tidegate_policy_reloads", "Reloads that took effect.", registry=registry)
        self.policy_reload_failures = Counter(
            "tidegate_policy_reload_failures",
            "Reloads that were refused; the last good policies stayed.",
            registry=registry,
        )
        info = Gauge("tidegate_build_info", "Always 1.", ["version", "python"], registry=registry)
        info.labels(version, platform.python_version()).set(1)
        self._plans: dict[str, PlanMetrics] = {}
        self._detectors: dict[str, DetectorMetrics] = {}
        self._models: dict[str, ModelMetrics] = {}

    def expect(self, plans: Iterable[Plan]) -> None:
        """Have the series of policies and of their detectors at 0: one that begins with an event shows no increase."""
        for plan in plans:
            self.plan(plan)
            for batch in plan.batches:
                self.detector(batch.detector.name)

    def plan(self, plan: Plan) -> PlanMetrics:
        """The policy's children, made at its first use."""
        found = self._plans.get(plan.digest)
        if found is None:
            found = self._plans[plan.digest] = self._make_plan(plan)
        return found

    def detector(self, name: str) -> DetectorMetrics:
        """The detector's children, made at its first use."""
        found = self._detectors.get(name)
        if found is None:
            found = self._detectors[name] = DetectorMetrics(
                found=self._outcomes.labels(name, "found"),
                failed={kind: self._outcomes.labels(name, kind.value) for kind in FailureKind},
            )
        return found

    def model(self, name: str) -> ModelMetrics:
        """The model's children, made at its first batch."""
        found = self._models.get(name)
        if found is None:
            found = self._models[name] = ModelMetrics(
                batch_items=self._batch_items.labels(name),
                batch_tokens=self._batch_tokens.labels(name),
                tokenise=self._tokenise.labels(name),
                inference=self._inference.labels(name),
            )
        return found

    def remote(self, model: str, *, is_open: Callable[[], bool]) -> RemoteMetrics:
        """The children of a model that runs on the inference server; `is_open` tells of its circuit breaker."""
        self._breaker.labels(model).set_function(is_open)
        return RemoteMetrics(*(self._remote.labels(model, result) for result in ("answered", "local", "failed")))

    def know_paths(self, names: Iterable[str]) -> None:
        """Have series for what passes unscanned of these paths, from the start: a first loss is a change, too."""
        for name in names:
            self._paths.know(name)
            for what in ("request", "answer"):
                self._unscanned.labels(what, name)

    def count_unscanned(self, what: str, path: str) -> str:
        """Count what passes without being looked at; returns what the path is called here."""
        named = self._paths.of(path)
        self._unscanned.labels(what, named).inc()
        return named

    def count_known(self, hits: Sequence[int], misses: Sequence[int]) -> None:
        """Count the characters of whole texts of a request, by whether the texts were known."""
        for found, (texts, chars) in zip((hits, misses), self._known, strict=True):
            texts.inc(len(found))
            chars.inc(sum(found))

    def count_unread_text(self, named: str) -> None:
        """Count a long text that passes without being looked at, by what `count_unscanned` called its path."""
        self._unread_texts.labels(named).inc()

    def count_refused(self, status: int, reason: str) -> None:
        """Count an exchange that was answered in the upstream's place. `reason` is a word of ours."""
        self._refused.labels(str(status), reason).inc()

    def watch(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Export a value that its owner keeps; it is read when the metrics are."""
        Gauge(name, documentation, registry=self.registry).set_function(read)

    def watch_counts(self, name: str, documentation: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Export counts that their owner keeps, by one label."""
        self.registry.register(_Counts(name, documentation, label, read))

    def watch_states(
        self, name: str, documentation: str, labels: Sequence[str], read: Callable[[], Iterable[Sequence[str]]]
    ) -> None:
        """Export what holds just now, each as a series of 1 by its labels; what does not hold has no series."""
        self.registry.register(_States(name, documentation, labels, read))

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def _of_model(self, name: str, documentation: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, documentation, ["model"], buckets=buckets, registry=self.registry)

    def _make_plan(self, plan: Plan) -> PlanMetrics:
        return PlanMetrics(
            held=self._held.labels(plan.name),
            received_chars=self._received.labels(plan.name),
            released_chars=self._released.labels(plan.name),
            violations=tuple(
                {action: self._violations.labels(plan.name, rule.id, action.name.lower()) for action in Action}
                for rule in plan.rules
            ),
            repeated=self._repeated.labels(plan.name),
            sentences={each: self._sentences.labels(plan.name, each.value) for each in Verdict},
            shares={name: each.labels(plan.name) for name, each in self._shares.items()},
            ended={how: self._streams.labels(plan.name, how) for how in ("finished", "blocked", "cancelled", "failed")},
        )


class _Names:
    """A bounded set of label values: the known ones, the first others, and one for all that come later."""

    def __init__(self, room: int) -> None:
        self._names: set[str] = set()
        self._room = room

    def know(self, name: str) -> None:
        self._names.add(name)

    def of(self, name: str) -> str:
        if name not in self._names and self._room:
            self._room -= 1
            self._names.add(name)
        return name if name in self._names else _OTHER


class _States(Collector):
    """What holds just now, read at each scrape."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], read: Callable[[], Iterable[Sequence[str]]]
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labelnames = labels
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What holds now."""
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labelnames)
        for values in self._read():
            family.add_metric(values, 1)
        yield family

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is read before the first scrape."""
        return []


class _Counts(Collector):
    """Counts that live elsewhere, read at each scrape."""

    def __init__(self, name: str, documentation: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name = name
        self._documentation = documentation
        self._label = label
        self._read = read

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counts now."""
        family = CounterMetricFamily(self._name, self._documentation, labels=[self._label])
        for value, count in self._read().items():
            family.add_metric([value], count)
        yield family

    def describe(self) -> list[CounterMetricFamily]:
        """Nothing is read before the first scrape."""
        return []
