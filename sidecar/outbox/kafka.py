"""The Kafka sink: events go by key to partitions, as Java's clients have them, and each partition fares by itself.

1. Topics are looked up before anything is sent: seldom while all is well, soon after a failure, ever more seldom while
   it lasts. A missing one is an error, never created. What has no leader is known, and is not tried.
2. A broker gets one request at a time with a batch for each of its partitions; those that failed go another way, so
   that a slow one delays no other.
3. A batch that is too large for its topic is halved; a single event that is, is refused for good.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from aiokafka.partitioner import DefaultPartitioner

from sidecar.outbox.cluster import Cluster, TopicFacts, UnreachableError, error_name, hush_aiokafka
from sidecar.outbox.encode import Message, encode
from sidecar.outbox.event import Kind
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.producer import Acknowledgement, Identity, Producer, RecordBatch
from sidecar.outbox.settings import Format, KafkaSettings, Topics
from sidecar.outbox.sink_settings import View
from sidecar.outbox.sinks import Delivery, SinkError, Why
from sidecar.outbox.views import as_view

_partition_of = DefaultPartitioner()

_FRESH_S = 60.0
"""How long what is known of topics is good for: new partitions are used after this at the latest."""
_FIRST_LOOK_S = 0.25
_LAST_LOOK_S = 5.0
"""How soon topics are looked up again after a failure, and how seldom while it lasts."""
_ANSWER_S = 0.1
"""How long to wait for the answer when something is known already; it is taken when it comes."""
_REQUEST_BYTES = 8 * 1024 * 1024
"""How much goes into one request: brokers take 100 MB, and a slow line should not time out."""
_NOWHERE = -1

_TOO_LARGE = frozenset({10, 18})
_REFUSED = frozenset({87})
"""INVALID_RECORD: this batch will never be taken."""
_KNOWN_ALREADY = 46
_CLOCK = 32
_TOPIC_FORBIDDEN = 29
_CLUSTER_FORBIDDEN = 31
_NOT_ENOUGH = frozenset({19, 20})
_LOST_TRACK = frozenset({45, 47, 49, 59})
"""The broker does not know our producer id, or its sequence, any more."""
_SETTLED = frozenset({0, _KNOWN_ALREADY, _CLOCK}) | _TOO_LARGE | _REFUSED | _LOST_TRACK
"""After any other answer the batch may be in the log, by this try or an earlier one: it goes again as it is."""


class MissingTopicsError(SinkError):
    """Topics that the settings name are not there, and Tidegate creates none silently."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(f"missing topics: {', '.join(topics)}; make them with `tidegate events create-topics`")
        self.topics = tuple(topics)


class Place(NamedTuple):
    """A partition of a topic; without one while the topic is not there for us."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return self.topic if self.partition == _NOWHERE else f"{self.topic}/{self.partition}"


class Route(NamedTuple):
    """A broker, and by which way: those that failed have one of their own."""

    node: int
    way: str


class _Progress:
    """Where a partition stands: the sequence that comes next, and the batch whose fate is not known."""

    __slots__ = ("events", "identity", "next", "unresolved")

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.next = 0
        self.unresolved: RecordBatch | None = None
        self.events: tuple[str, ...] = ()
        """The ids of the events in it."""

    def fits(self, batch: Sequence[Numbered]) -> bool:
        """Whether what is unresolved, if anything is, is what stands at the head of a batch."""
        return self.unresolved is None or self.events == tuple(each.event.id for each in batch[: len(self.events)])


class KafkaSink:
    """Sends events to their topics. Its lanes are places, its routes are brokers.

    Raises `ConfigError` when no broker is named, or a file of the settings cannot be used.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        form: Format = "json",
        view: View = "cloudevents",
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._form = form
        self._view: View = view
        self._now = now
        self._clock = clock
        self.cluster = Cluster(settings)
        self.cluster.require_credentials()
        hush_aiokafka()
        self._producer = Producer(self.cluster, settings)
        self._topics: Mapping[str, TopicFacts] = {}
        self._looking: asyncio.Task[Mapping[str, TopicFacts]] | None = None
        self._look_at = 0.0
        self._pause_s = _FIRST_LOOK_S
        self._has_failed = False
        self._identity: Identity | None = None
        self._begun: set[Place] = set()
        """Where events were sent under it."""
        self._progress: dict[Place, _Progress] = {}
        self._fits: dict[str, int] = {}
        self._busy_until: dict[int, float] = {}

    # --- Where events go ----------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Look the topics up, when that is due. Raises `SinkError` when no broker answers.

        It waits for the answer only when nothing is known yet: a broker that is silent should not hold up the others.
        """
        if self._looking is not None and not self._looking.done():
            return
        if self._looking is None:
            if self._clock() < self._look_at:
                return
            self._looking = asyncio.create_task(self.cluster.look_up(self._settings.topics.names))
            await asyncio.wait({self._looking}, timeout=_ANSWER_S if self._topics else None)
        if self._looking.done():
            looking, self._looking = self._looking, None
            self._learn(looking.result())

    def _learn(self, facts: Mapping[str, TopicFacts]) -> None:
        """Take over what was found, and set when to look again."""
        self._topics = {topic: self._newer(topic, found) for topic, found in facts.items()}
        self._progress = {place: each for place, each in self._progress.items() if self.exists(place)}
        if self.troubles() or self._has_failed:
            self._look_at = self._clock() + self._pause_s
            self._pause_s = min(self._pause_s * 2, _LAST_LOOK_S)
        else:
            self._look_at = self._clock() + _FRESH_S
            self._pause_s = _FIRST_LOOK_S
            self._fits.clear()
        self._has_failed = False

    def _newer(self, topic: str, found: TopicFacts) -> TopicFacts:
        """What was found, unless the broker could not say and something is known."""
        is_said = found.leaders or found.is_missing or found.is_forbidden
        return found if is_said else self._topics.get(topic, found)

    def _look_soon(self) -> None:
        """Something failed: what is known may be old."""
        self._has_failed = True
        self._look_at = min(self._look_at, self._clock() + self._pause_s)

    def router(self) -> Callable[[Kind, str], Place]:
        """The partition of each key, by the partitioner of Java's clients."""
        partitions = {topic: sorted(facts.leaders) for topic, facts in self._topics.items()}
        return lambda kind, key: _place_of(self._settings.topics, partitions, kind, key)

    def exists(self, lane: Hashable) -> bool:
        """Whether there is such a partition; for a topic without, whether it still has none."""
        assert isinstance(lane, Place)
        facts = self._topics.get(lane.topic, TopicFacts())
        return lane.partition in facts.leaders if facts.leaders else lane.partition == _NOWHERE

    def troubles(self) -> Mapping[Hashable, str]:
        """The topics that are not there for us, and the partitions without a leader."""
        troubles: dict[Hashable, str] = {}
        for topic, facts in self._topics.items():
            if not facts.leaders:
                troubles[Place(topic, _NOWHERE)] = self._why_nowhere(topic, facts)
            for partition, leader in facts.leaders.items():
                if leader == _NOWHERE:
                    why = f"{topic}/{partition} has no leader: its brokers are away"
                    troubles[Place(topic, partition)] = Why(why, "no_leader")
        return troubles

    def _why_nowhere(self, topic: str, facts: TopicFacts) -> str:
        if facts.is_missing:
            return Why(str(MissingTopicsError(self.missing_topics())), "missing_topic")
        if facts.is_forbidden:
            return Why(f"no right to see the topic {topic}: give {self._who} Describe and Write on it", "no_right")
        return Why(f"the cluster says nothing of the topic {topic}: {error_name(facts.error)}", _short(facts.error))

    def missing_topics(self) -> tuple[str, ...]:
        """The topics that are not there."""
        return tuple(topic for topic, facts in self._topics.items() if facts.is_missing)

    @property
    def _who(self) -> str:
        return self._settings.sasl_username or "this client"

    def route_of(self, lane: Hashable, *, is_ill: bool) -> Hashable:
        """The broker that leads a partition, and whether by the way of those that failed."""
        assert isinstance(lane, Place)
        return Route(self._topics[lane.topic].leaders[lane.partition], "ill" if is_ill else "")

    # --- Sending ------------------------------------------------------------------------------------------------------

    async def send(self, route: Hashable, batches: Mapping[Place, Sequence[Numbered]]) -> Mapping[Place, Delivery]:
        """Send a batch for each place. Raises `SinkError` when there is no producer id."""
        assert isinstance(route, Route)
        node, way = route
        records = await self._records(batches)
        await asyncio.sleep(max(0.0, self._busy_until.get(node, 0.0) - self._clock()))
        try:
            answers, busy_s = await self._producer.send(node, way, records)
        except UnreachableError as error:
            self._look_soon()
            why = Why(f"Kafka did not take the events: {error}", "unreachable")
            return dict.fromkeys(records, Delivery(error=why))
        self._busy_until[node] = self._clock() + busy_s
        silent = Acknowledgement(_NOWHERE, "it said nothing of it")
        return {place: self._judge(place, batches[place], answers.get(place, silent)) for place in records}

    async def stop(self) -> None:
        """Close the connections: what is not acknowledged is still in the outbox."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self.cluster.close()

    async def _records(self, batches: Mapping[Place, Sequence[Numbered]]) -> dict[Place, RecordBatch]:
        """A record batch for each place, or for as many as go into one request."""
        records: dict[Place, RecordBatch] = {}
        size = 0
        for place, batch in batches.items():
            progress = await self._progress_of(place, batch)
            if progress.unresolved is None:
                progress.unresolved = await asyncio.to_thread(self._make, place, progress, batch)
                progress.events = tuple(each.event.id for each in batch[: len(progress.unresolved.sequences)])
            records[place] = progress.unresolved
            size += len(records[place].data)
            if size > _REQUEST_BYTES:
                break
        return records

    async def _progress_of(self, place: Place, batch: Sequence[Numbered]) -> _Progress:
        """Where a place stands. With other events than before it begins anew: they may be repeated, never mixed up."""
        progress = self._progress.get(place)
        if progress is None or not progress.fits(batch):
            progress = self._progress[place] = _Progress(await self._fresh_identity(place))
        return progress

    async def _fresh_identity(self, place: Place) -> Identity:
        """An identity under which nothing was sent to a place: its sequences there begin at 0. Raises `SinkError`."""
        if self._identity is None or place in self._begun:
            self._identity = await self._producer.new_identity()
            self._begun.clear()
        self._begun.add(place)
        return self._identity

    def _make(self, place: Place, progress: _Progress, batch: Sequence[Numbered]) -> RecordBatch:
        published = self._now()
        limit = self._fits.get(place.topic, self._settings.max_batch_bytes)
        messages: list[Message] = []
        size = 0
        for numbered in batch:
            messages.append(self._encode(numbered, published))
            size += len(messages[-1].value)
            if size > limit:
                break
        return self._producer.make(messages, progress.identity, progress.next, limit)

    def _encode(self, numbered: Numbered, published: float) -> Message:
        schema_id = self._settings.schema_ids.of(numbered.event.kind)
        if self._view != "cloudevents":
            return as_view(self._view, encode(numbered, published), numbered, published)
        return encode(numbered, published, self._form, schema_id=schema_id)

    # --- Answers ------------------------------------------------------------------------------------------------------

    def _judge(self, place: Place, batch: Sequence[Numbered], answer: Acknowledgement) -> Delivery:
        """What a broker's answer means for a place's events."""
        progress = self._progress[place]
        sent = progress.unresolved
        assert sent is not None
        if answer.code in _SETTLED:
            progress.unresolved = None
        if answer.code in {0, _KNOWN_ALREADY}:
            progress.next += len(sent.sequences)
            return Delivery(done=len(sent.sequences))
        if answer.code in _TOO_LARGE | _REFUSED:
            return self._halve(place, sent, answer)
        self._look_soon()
        if answer.code in _LOST_TRACK:
            del self._progress[place]
            self._identity = None
        return Delivery(error=Why(f"Kafka did not take the events: {self._say(place, answer)}", _short(answer.code)))

    def _halve(self, place: Place, sent: RecordBatch, answer: Acknowledgement) -> Delivery:
        """Try half of a batch that was refused; an event that was refused alone is given up."""
        if len(sent.sequences) > 1:
            self._fits[place.topic] = max(1, sent.plain_size // 2)
            return Delivery()
        reason = self._too_large(place.topic, sent) if answer.code in _TOO_LARGE else f"{place.topic}: {answer.said}"
        return Delivery(done=1, refused={sent.sequences[0]: reason})

    def _too_large(self, topic: str, sent: RecordBatch) -> str:
        return (
            f"an event of {len(sent.data)} bytes is too large for the topic {topic};"
            " raise its max.message.bytes, or the brokers' message.max.bytes"
        )

    def _say(self, place: Place, answer: Acknowledgement) -> str:
        """What a broker refused a partition's batch for, and what to do."""
        if answer.code == _TOPIC_FORBIDDEN:
            return f"no right to write to {place.topic}: give {self._who} Write on it"
        if answer.code == _CLUSTER_FORBIDDEN:
            return f"no right to be idempotent: give {self._who} IdempotentWrite, or set kafka.idempotence: false"
        if answer.code == _CLOCK:
            return f"{place}: {answer.said}; this machine's clock is wrong, or the topic's message.timestamp.* settings"
        if answer.code in _NOT_ENOUGH:
            return f"{place}: {answer.said}; fewer replicas are in sync than its min.insync.replicas"
        return f"{place}: {answer.said}"


def _short(code: int) -> str:
    """A broker's error in a word, for a metric's label."""
    return "no_right" if code in {_TOPIC_FORBIDDEN, _CLUSTER_FORBIDDEN} else error_name(code).partition(" ")[0].lower()


def _place_of(topics: Topics, partitions: Mapping[str, Sequence[int]], kind: Kind, key: str) -> Place:
    topic = topics.of(kind)
    numbers = partitions.get(topic, ())
    return Place(topic, _partition_of(key.encode(), numbers, numbers) if numbers else _NOWHERE)
