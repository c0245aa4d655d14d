"""The Prometheus metrics. One `Metrics` a process, made by `app`, with a registry of its own.

Children are resolved where a name becomes known (a plan's first stream, a detector's first batch), never per token. No
label holds anything that a caller sends, but for the plain words of the first unknown paths, and of the first tenants,
apps, models and prompt versions.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from sidecar.policy.plan import Plan
from sidecar.telemetry.expenses import LABELS, Expenses
from sidecar.telemetry.names import OTHER, Names
from sidecar.values import Action, Decision, Failed, FailureKind, GroundingTally, HowEnded, Outcome, Standing

_HELD_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0, 5.0)
_QUEUE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
_SHARE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_TOKEN_BUCKETS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
_FIRST_BUCKETS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)
_PACE_BUCKETS = (5, 10, 20, 40, 80, 160, 320, 640)


class Row(NamedTuple):
    """What is told of a metric, and its labels; of a histogram, where its buckets end."""

    about: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


GAUGES: Mapping[str, Row] = {
    "tidegate_streams_open": Row("Streams that are running."),
    "tidegate_policies_loaded": Row("Policies in use."),
    "tidegate_inference_breaker_open": Row(
        "1 while the inference server is left alone, or tried again after that.", ("model",)
    ),
    "tidegate_drift_distance": Row(
        "How far a signal's last window is from its reference.",
        ("app", "tenant", "prompt_version", "direction", "signal"),
    ),
    "tidegate_drift_moved": Row(
        "1 while a signal has moved, 0 else.", ("app", "tenant", "prompt_version", "direction", "signal")
    ),
    "tidegate_build_info": Row("Always 1.", ("version", "python")),
}
COUNTERS: Mapping[str, Row] = {
    "tidegate_streams": Row("Streams that ended, by policy and how.", ("policy", "ended")),
    "tidegate_streams_refused": Row("Streams that were not admitted, or not looked at in time.", ("reason",)),
    "tidegate_unscanned": Row("Requests and answers that passed without being looked at.", ("what", "path")),
    "tidegate_unscanned_long_texts": Row(
        "Requests with a long text that passed without being looked at: perhaps a model reads them.", ("path",)
    ),
    "tidegate_client_outage_calls": Row(
        "Calls of applications that found no service, as their clients told it later: passed unread, or held back.",
        ("done",),
    ),
    "tidegate_http_refused": Row("HTTP exchanges that were answered in the upstream's place.", ("status", "reason")),
    "tidegate_received_chars": Row("Characters received.", ("policy",)),
    "tidegate_released_chars": Row("Characters of the input that releases accounted for.", ("policy",)),
    "tidegate_restored": Row("Stand-ins in answers that gave way to what they stood for.", ("policy",)),
    "tidegate_violations": Row("Violations, by rule and what was done.", ("policy", "rule", "action")),
    "tidegate_violations_repeated": Row(
        "Violations in texts that were checked, and whose violations were counted, before.", ("policy",)
    ),
    "tidegate_known_texts": Row(
        "Whole texts of requests, by whether they were known from an earlier request.", ("result",)
    ),
    "tidegate_known_chars": Row(
        "Characters of whole texts of requests, by whether they were known from an earlier request.", ("result",)
    ),
    "tidegate_grounding_sentences": Row(
        "Sentences of answers, by how they stand to the supplied context.", ("policy", "verdict")
    ),
    "tidegate_detector_outcomes": Row("How runs of batch detectors ended.", ("detector", "outcome")),
    "tidegate_inference_batches": Row(
        "Batches for the inference server: answered by it, read by the local model instead, or failed.",
        ("model", "result"),
    ),
    "tidegate_judge_questions": Row("Unclear texts, by judge and how asking it fared.", ("judge", "way")),
    "tidegate_judge_verdicts": Row("Unclear texts, by judge and what came of asking it.", ("judge", "outcome")),
    "tidegate_scheduler_cache": Row("Requests that were looked up among earlier findings.", ("result",)),
    "tidegate_policy_reloads": Row("Reloads that took effect."),
    "tidegate_policy_reload_failures": Row("Reloads that were refused; the last good policies stayed."),
    "tidegate_canary_streams": Row(
        "Streams that ended, by canary (a rule, or a version that is tried) and side.", ("policy", "canary", "side")
    ),
    "tidegate_tokens": Row(
        "Tokens of answers, as whoever counts them says: input (all of it), output, cached, cache_written.",
        (*LABELS, "kind"),
    ),
    "tidegate_cost": Row("What answers cost, by the price table.", (*LABELS, "currency")),
    "tidegate_otlp_items": Row("Spans and log events that were sent, or could not be.", ("signal", "result")),
    "tidegate_drift_windows": Row("Windows of streams, by whether they were tested for drift.", ("result",)),
    "tidegate_drift_unwatched": Row("Streams of groups for which there is no room."),
    "tidegate_bundle_looks": Row("Times that the source of the bundle was asked, by what came of it.", ("result",)),
}
HISTOGRAMS: Mapping[str, Row] = {
    "tidegate_held_seconds": Row("How long the first character of a release was held.", ("policy",), _HELD_BUCKETS),
    "tidegate_grounding_faithfulness": Row(
        "Share of an answer's checked sentences that are supported.", ("policy",), _SHARE_BUCKETS
    ),
    "tidegate_grounding_context_use": Row(
        "Share of a stream's passages that supported a sentence best.", ("policy",), _SHARE_BUCKETS
    ),
    "tidegate_grounding_context_relevance": Row(
        "How much of the prompt's words a stream's passages hold.", ("policy",), _SHARE_BUCKETS
    ),
    "tidegate_time_to_first_token_seconds": Row(
        "From when a model was asked until the first text of its answer came.", LABELS, _FIRST_BUCKETS
    ),
    "tidegate_output_tokens_per_second": Row("Output tokens a second while an answer came.", LABELS, _PACE_BUCKETS),
    "tidegate_scheduler_queue_seconds": Row("How long a segment waited for its batch.", (), _QUEUE_BUCKETS),
    "tidegate_tokenise_seconds": Row("How long a batch took to be made into word pieces.", ("model",), _QUEUE_BUCKETS),
    "tidegate_inference_seconds": Row("How long a batch took in its model.", ("model",), _QUEUE_BUCKETS),
    "tidegate_judge_wait_seconds": Row(
        "How long an unclear text waited for its judge, answered or not.", ("judge",), _HELD_BUCKETS
    ),
    "tidegate_judge_seconds": Row("How long a judge took to answer.", ("judge",), _HELD_BUCKETS),
    "tidegate_scheduler_batch_items": Row(
        "Segments in a batch; one may be for several detectors.", ("model",), _BATCH_BUCKETS
    ),
    "tidegate_scheduler_batch_tokens": Row(
        "Word pieces in a batch, each distinct text counted once.", ("model",), _TOKEN_BUCKETS
    ),
}
_SHARES = ("faithfulness", "context_use", "context_relevance")
"""What of a `GroundingTally` is a histogram."""
_MAX_UNKNOWN_PATHS = 50
"""Paths of no known API that have a series of their own; all that come later share one."""


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
    restored: Counter
    violations: tuple[dict[Action, Counter], ...]
    repeated: Counter
    ended: dict[str, Counter]
    sentences: dict[Standing, Counter]
    shares: dict[str, Histogram]

    def count(self, decision: Decision) -> None:
        """Count one violation."""
        self.violations[decision.rule][decision.done].inc()

    def count_answer(self, tally: GroundingTally, exemplar: dict[str, str] | None = None) -> None:
        """Count what became of an answer's sentences; `exemplar` names its trace."""
        for verdict, number in tally.sentences.items():
            self.sentences[verdict].inc(number)
        for name, histogram in self.shares.items():
            share: float | None = getattr(tally, name)
            if share is not None:
                histogram.observe(share, exemplar)


class Metrics:
    """All that is counted and measured: the tables above, and what others keep. docs/operations.md has every name."""

    def __init__(self, version: str, *, usage_label_values: int = 50) -> None:
        """`usage_label_values`: how many tenants, apps, models and prompt versions have series of their own."""
        self.registry = registry = CollectorRegistry()
        self._gauges = {name: Gauge(name, row.about, row.labels, registry=registry) for name, row in GAUGES.items()}
        self._counters = {
            name: Counter(name, row.about, row.labels, registry=registry) for name, row in COUNTERS.items()
        }
        self._histograms = {
            name: Histogram(name, row.about, row.labels, buckets=row.buckets, registry=registry)
            for name, row in HISTOGRAMS.items()
        }
        self.streams_open = self._gauges["tidegate_streams_open"]
        self.policies_loaded = self._gauges["tidegate_policies_loaded"]
        self.policy_reloads = self._counters["tidegate_policy_reloads"]
        self.policy_reload_failures = self._counters["tidegate_policy_reload_failures"]
        self.queue_seconds = self._histograms["tidegate_scheduler_queue_seconds"]
        self.cache_hits, self.cache_misses = (self._of("tidegate_scheduler_cache", each) for each in ("hit", "miss"))
        self._known = [
            (self._of("tidegate_known_texts", each), self._of("tidegate_known_chars", each)) for each in ("hit", "miss")
        ]
        self.judge_verdicts = self._counters["tidegate_judge_verdicts"]
        self.judge_questions = self._counters["tidegate_judge_questions"]
        self.judge_wait_seconds = self._histograms["tidegate_judge_wait_seconds"]
        self.judge_seconds = self._histograms["tidegate_judge_seconds"]
        self.streams_refused = {
            reason: self._of("tidegate_streams_refused", reason) for reason in ("draining", "overloaded", "late")
        }
        self.expenses = Expenses(
            self._counters["tidegate_tokens"],
            self._counters["tidegate_cost"],
            self._histograms["tidegate_time_to_first_token_seconds"],
            self._histograms["tidegate_output_tokens_per_second"],
            usage_label_values,
        )
        self._paths = Names(_MAX_UNKNOWN_PATHS)
        self.know_paths((OTHER,))
        self.drift_windows = {each: self._of("tidegate_drift_windows", each) for each in ("tested", "skipped")}
        self.drift_unwatched = self._counters["tidegate_drift_unwatched"]
        self._gauges["tidegate_build_info"].labels(version, platform.python_version()).set(1)
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
                found=self._of("tidegate_detector_outcomes", name, "found"),
                failed={kind: self._of("tidegate_detector_outcomes", name, kind.value) for kind in FailureKind},
            )
        return found

    def model(self, name: str) -> ModelMetrics:
        """The model's children, made at its first batch."""
        found = self._models.get(name)
        if found is None:
            found = self._models[name] = ModelMetrics(
                batch_items=self._measured("tidegate_scheduler_batch_items", name),
                batch_tokens=self._measured("tidegate_scheduler_batch_tokens", name),
                tokenise=self._measured("tidegate_tokenise_seconds", name),
                inference=self._measured("tidegate_inference_seconds", name),
            )
        return found

    def remote(self, model: str, *, is_open: Callable[[], bool]) -> RemoteMetrics:
        """The children of a model that runs on the inference server; `is_open` tells of its circuit breaker."""
        self._gauges["tidegate_inference_breaker_open"].labels(model).set_function(is_open)
        results = ("answered", "local", "failed")
        return RemoteMetrics(*(self._of("tidegate_inference_batches", model, result) for result in results))

    def know_paths(self, names: Iterable[str]) -> None:
        """Have series for what passes unscanned of these paths, from the start: a first loss is a change, too."""
        for name in names:
            self._paths.know(name)
            for what in ("request", "answer"):
                self._of("tidegate_unscanned", what, name)

    def count_unscanned(self, what: str, path: str) -> str:
        """Count what passes without being looked at; returns what the path is called here."""
        named = self._paths.of(path)
        self._of("tidegate_unscanned", what, named).inc()
        return named

    def count_known(self, hits: Sequence[int], misses: Sequence[int]) -> None:
        """Count the characters of whole texts of a request, by whether the texts were known."""
        for found, (texts, chars) in zip((hits, misses), self._known, strict=True):
            texts.inc(len(found))
            chars.inc(sum(found))

    def count_canary(self, policy: str, canary: str, side: str) -> None:
        """Count a stream of one side of a canary."""
        self._of("tidegate_canary_streams", policy, canary, side).inc()

    def count_bundle(self, result: str) -> None:
        """Count what came of asking for a bundle: `new`, `same`, `refused` or `away`."""
        self._of("tidegate_bundle_looks", result).inc()

    def count_unread_text(self, named: str) -> None:
        """Count a long text that passes without being looked at, by what `count_unscanned` called its path."""
        self._of("tidegate_unscanned_long_texts", named).inc()

    def count_outage(self, done: str, calls: int) -> None:
        """Count calls of an application that found no service: `passed` unread, or `blocked`."""
        self._of("tidegate_client_outage_calls", done).inc(calls)

    def count_refused(self, status: int, reason: str) -> None:
        """Count an exchange that was answered in the upstream's place. `reason` is a word of ours."""
        self._of("tidegate_http_refused", str(status), reason).inc()

    def show_drift(self, labels: Sequence[str], distance: float, *, has_moved: bool) -> None:
        """Show how a signal stands; the labels are the group's and the signal's."""
        self._gauges["tidegate_drift_distance"].labels(*labels).set(distance)
        self._gauges["tidegate_drift_moved"].labels(*labels).set(has_moved)

    def forget_drift(self, labels: Sequence[str], signals: Iterable[str]) -> None:
        """Show a group's signals no more."""
        for signal in signals:
            self._gauges["tidegate_drift_distance"].remove(*labels, signal)
            self._gauges["tidegate_drift_moved"].remove(*labels, signal)

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

    def count_sent(self, signal: str, is_sent: bool, number: int) -> None:
        """Count spans or log events that were sent, or could not be."""
        self._of("tidegate_otlp_items", signal, "sent" if is_sent else "failed").inc(number)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def render_as(self, accept: str) -> tuple[bytes, str]:
        """The text in the form that a scraper accepts, and its content type: OpenMetrics has exemplars."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _of(self, counter: str, *labels: str) -> Counter:
        """One of a counter's children."""
        return self._counters[counter].labels(*labels)

    def _measured(self, histogram: str, *labels: str) -> Histogram:
        """One of a histogram's children."""
        return self._histograms[histogram].labels(*labels)

    def _make_plan(self, plan: Plan) -> PlanMetrics:
        name = plan.name
        return PlanMetrics(
            held=self._measured("tidegate_held_seconds", name),
            received_chars=self._of("tidegate_received_chars", name),
            released_chars=self._of("tidegate_released_chars", name),
            restored=self._of("tidegate_restored", name),
            violations=tuple(
                {action: self._of("tidegate_violations", name, rule.id, action.word) for action in Action}
                for rule in plan.all_rules
            ),
            repeated=self._of("tidegate_violations_repeated", name),
            sentences={each: self._of("tidegate_grounding_sentences", name, each.value) for each in Standing},
            shares={each: self._measured(f"tidegate_grounding_{each}", name) for each in _SHARES},
            ended={how: self._of("tidegate_streams", name, how) for how in get_args(HowEnded)},
        )


class Levels(Collector):
    """Values that their owner keeps, by one label, read at each scrape; they may rise and fall."""

    def __init__(self, name: str, documentation: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name = name
        self._documentation = documentation
        self._label = label
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The values now."""
        family = GaugeMetricFamily(self._name, self._documentation, labels=[self._label])
        for value, level in self._read().items():
            family.add_metric([value], level)
        yield family

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is read before the first scrape."""
        return []


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
