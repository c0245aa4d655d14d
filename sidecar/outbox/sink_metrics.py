"""What Prometheus is told of publishing: all together, and by sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sidecar.outbox.publisher import PublisherStats
from sidecar.outbox.publishing import Publishing
from sidecar.telemetry.metrics import Levels, Metrics


def watch_sinks(metrics: Metrics, publishing: Publishing) -> None:
    """Export how it goes; read at each scrape."""
    stats = publishing.stats

    def by_sink(figure: Callable[[PublisherStats], float]) -> Callable[[], Mapping[str, float]]:
        return lambda: {name: figure(each) for name, each in stats().items()}

    def total(figure: Callable[[PublisherStats], float]) -> Callable[[], float]:
        return lambda: sum(map(figure, stats().values()))

    metrics.watch("tidegate_publisher_events", "Events published.", total(lambda each: each.published))
    metrics.watch("tidegate_publisher_failures", "Tries that failed.", total(lambda each: each.failures))
    metrics.watch("tidegate_publisher_refused", "Events that a sink will never take.", total(lambda each: each.refused))
    metrics.watch_states(
        "tidegate_outbox_publish_failing",
        "1 for each topic to which some events cannot be published just now, with the reason; `all` where none can.",
        ("sink", "topic", "reason"),
        lambda: [(name, *where) for name, each in stats().items() for where in each.failing_topics],
    )
    _watch_each(metrics, publishing, by_sink)


def _watch_each(
    metrics: Metrics,
    publishing: Publishing,
    by_sink: Callable[[Callable[[PublisherStats], float]], Callable[[], Mapping[str, float]]],
) -> None:
    outbox = publishing.outbox.stats
    counts = metrics.watch_counts

    def levels(name: str, documentation: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        metrics.registry.register(Levels(name, documentation, label, read))

    levels("tidegate_sink_waiting", "Events that a sink wants and has not.", "sink", lambda: outbox().owed)
    levels(
        "tidegate_sink_last_published_seconds",
        "When a sink took events last, in Unix time; 0 before the first.",
        "sink",
        by_sink(lambda each: each.last_published or 0.0),
    )
    counts("tidegate_sink_published", "Events that a sink took.", "sink", by_sink(lambda each: each.published))
    counts("tidegate_sink_failures", "Tries that failed.", "sink", by_sink(lambda each: each.failures))
    counts("tidegate_sink_refused", "Events that a sink will never take.", "sink", by_sink(lambda each: each.refused))
    counts(
        "tidegate_sink_lost",
        "Events that were lost for a sink.",
        "sink",
        lambda: {name: sum(lost.values()) for name, lost in outbox().lost_by.items()},
    )
    levels(
        "tidegate_sink_gone",
        "Events that wait for a sink which the settings name no more.",
        "sink",
        lambda: outbox().gone,
    )
