"""An outbox with a publisher for each sink that the settings name: all that the service needs of either."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sidecar.errors import ConfigError
from sidecar.outbox.chain import Signer
from sidecar.outbox.event import Event
from sidecar.outbox.http_sink import HttpSink
from sidecar.outbox.kafka import KafkaSink
from sidecar.outbox.otlp import OtlpWriter
from sidecar.outbox.outbox import Outbox, Outlet
from sidecar.outbox.publisher import Publisher, PublisherStats
from sidecar.outbox.selection import Selection
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings, SinkName
from sidecar.outbox.sink_settings import FileEntry, KafkaEntry, OtlpEntry, SinkEntry, StdoutEntry, WebhookEntry
from sidecar.outbox.sinks import FileSink, OneLane, Sink, StdoutSink
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.outbox.subscriptions import Subscription, Subscriptions, everything
from sidecar.outbox.webhook import WebhookWriter


def sink_name(events: EventSettings, kafka: KafkaSettings) -> SinkName:
    """Where events go without `events.sinks`: what the settings say, else Kafka if a broker is named, else nowhere."""
    return events.sink or ("kafka" if kafka.bootstrap_servers else "none")


def entries_of(events: EventSettings, kafka: KafkaSettings) -> tuple[SinkEntry, ...]:
    """Every sink, the one that `events.sink` names like those of `events.sinks`."""
    if events.sinks:
        return events.sinks
    match sink_name(events, kafka):
        case "kafka":
            return (SinkEntry(kafka=KafkaEntry()),)
        case "file":
            return (SinkEntry(file=FileEntry(path=events.file)),)
        case "stdout":
            return (SinkEntry(stdout=StdoutEntry()),)
        case "none":
            return ()


def of_worker(path: Path, index: int) -> Path:
    """A worker's own file: the first one's is the one that the settings name."""
    return path.with_stem(f"{path.stem}-{index}") if index else path


def make_sink(entry: SinkEntry, events: EventSettings, kafka: KafkaSettings, *, worker: int = 0) -> Sink:
    """The sink of an entry. Raises `ConfigError`, which names the sink."""
    try:
        return _made(entry, events, kafka, worker)
    except ConfigError as error:
        if not events.sinks or isinstance(entry.sink, KafkaEntry):
            raise
        raise ConfigError(str(error), path=f"events.sinks ({entry.name})") from None


def _made(entry: SinkEntry, events: EventSettings, kafka: KafkaSettings, worker: int) -> Sink:
    match entry.sink:
        case KafkaEntry(topics=topics, view=view):
            named = {str(kind): name for kind, name in topics.items()}
            own = kafka.model_copy(update={"topics": kafka.topics.model_copy(update=named)})
            return KafkaSink(own, form=events.format, view=view)
        case FileEntry(path=path, view=view):
            return OneLane(FileSink(of_worker(path, worker) if events.sinks else path, view=view))
        case StdoutEntry(view=view):
            return OneLane(StdoutSink(view=view))
        case WebhookEntry() as webhook:
            return OneLane(HttpSink(webhook, WebhookWriter(webhook), name=entry.name))
        case OtlpEntry() as otlp:
            return OneLane(HttpSink(otlp, OtlpWriter(otlp), name=entry.name))


def subscriptions_of(entries: Sequence[SinkEntry]) -> Subscriptions:
    """Which sink is owed what."""
    return Subscriptions([Subscription(entry.name, _wants(entry.sink.filter)) for entry in entries])


def _wants(selection: Selection) -> Callable[[Event], bool]:
    if selection.is_everything:
        return everything

    def wants(event: Event) -> bool:
        return selection.accepts(event.data)

    return wants


def make_publisher(outbox: Outlet, events: EventSettings, kafka: KafkaSettings) -> Publisher | None:
    """The publisher of the only sink; none when events stay in the outbox. Raises `ConfigError`."""
    entries = entries_of(events, kafka)
    return Publisher(outbox, make_sink(entries[0], events, kafka), events, name=entries[0].name) if entries else None


class Publishing:
    """The outbox and its publishers, by the names of their sinks. Raises `ConfigError`."""

    def __init__(
        self, settings: OutboxSettings, events: EventSettings, kafka: KafkaSettings, *, signer: Signer | None = None
    ) -> None:
        entries = entries_of(events, kafka)
        if both := {entry.name for entry in entries} & set(settings.forget_sinks):
            why = f"names the sink {min(both)}, which events.sinks has as well; take it out of one"
            raise ConfigError(why, path="outbox.forget_sinks")
        self.outbox: Outbox = SqliteOutbox(settings, subscriptions=subscriptions_of(entries), signer=signer)
        self.publishers: Mapping[str, Publisher] = {
            entry.name: Publisher(
                self.outbox.outlet(entry.name),
                make_sink(entry, events, kafka, worker=settings.worker or 0),
                events,
                name=entry.name,
            )
            for entry in entries
        }

    async def start(self) -> None:
        """Open the outbox and begin to publish. Raises `OutboxError`."""
        await self.outbox.start()
        await self.begin()

    async def begin(self) -> None:
        """Begin to publish from the outbox, which is open."""
        for publisher in self.publishers.values():
            await publisher.start()

    async def stop(self) -> None:
        """Publish what is there as far as that goes, all sinks at a time, and close the outbox."""
        await asyncio.gather(*(publisher.stop() for publisher in self.publishers.values()))
        await self.outbox.stop()

    def stats(self) -> Mapping[str, PublisherStats]:
        """How it goes, by sink."""
        return {name: publisher.stats() for name, publisher in self.publishers.items()}

    @property
    def note(self) -> str:
        """For a person who asks how it goes; empty while all is well."""
        notes = {name: stats.note for name, stats in self.stats().items() if stats.note}
        return "; ".join(notes.values() if len(self.publishers) == 1 else (f"{name}: {notes[name]}" for name in notes))
