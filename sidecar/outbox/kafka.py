"""The Kafka sink, on aiokafka: acks=all, one record batch per partition at a time, so that order holds whatever fails.

1. Topics are looked up before anything is sent; a missing one is an error, never created.
2. Events go by key to partitions (the partitioner of the Java client); each partition gets one record batch, and the
   next only when all partitions have acknowledged. A failed batch can so never be overtaken by a later one.
3. What was acknowledged of a batch that failed in part is remembered and not sent again.

After a failure the connection is closed and the next try makes a new one.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    UnknownError,
    UnsupportedVersionError,
)
from aiokafka.partitioner import DefaultPartitioner

from sidecar.errors import ConfigError
from sidecar.outbox.encode import Message, encode
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.settings import Format, KafkaSettings
from sidecar.outbox.sinks import SinkError

_log = logging.getLogger(__name__)

_CLOSE_S = 2.0
_PATIENCE = 2
"""How many request timeouts to wait for an acknowledgement: an idempotent producer would try for ever, unheard."""
_partition_of = DefaultPartitioner()

_PRODUCER_REFUSED = (ClusterAuthorizationFailedError, IncompatibleBrokerVersion, UnknownError, UnsupportedVersionError)
"""How brokers say that they do not do idempotent producers, or not for us."""

Place = tuple[str, int]
"""A topic and a partition."""


class MissingTopicsError(SinkError):
    """Topics that the settings name are not there, and Tidegate creates none silently."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(f"missing topics: {', '.join(topics)}; make them with `tidegate events create-topics`")
        self.topics = tuple(topics)


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """What every aiokafka client needs to reach the brokers. Raises `ConfigError`."""
    if not settings.bootstrap_servers:
        raise ConfigError("is needed to reach Kafka, such as broker:9092", path="kafka.bootstrap_servers")
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": settings.client_id,
        "request_timeout_ms": settings.request_timeout_ms,
        "security_protocol": settings.security_protocol,
    }
    if settings.uses_tls:
        options["ssl_context"] = _tls(settings)
    if settings.uses_sasl:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password.get_secret_value() if settings.sasl_password else None
    return options


class KafkaSink:
    """Sends events to their topics. See the module for how order is kept."""

    def __init__(self, settings: KafkaSettings, *, form: Format = "json", now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._form = form
        self._now = now
        self._options = client_options(settings)
        self._producer: AIOKafkaProducer | None = None
        self._topics: frozenset[str] = frozenset()
        self._acknowledged: set[int] = set()

    async def publish(self, batch: Sequence[Numbered]) -> None:
        """Send a batch; returns when the brokers have acknowledged all of it. Raises `SinkError`."""
        missing = [numbered for numbered in batch if numbered.sequence not in self._acknowledged]
        messages = await asyncio.to_thread(self._encode, missing)
        try:
            producer = await self._connect()
            await self._require_topics(producer, messages)
            await self._send_all(producer, messages)
        except (KafkaError, OSError, TimeoutError) as error:
            await self._disconnect()
            raise SinkError(f"Kafka did not take the events: {_say(error)}") from None
        except SinkError:
            await self._disconnect()
            raise
        self._acknowledged.clear()

    async def stop(self) -> None:
        """Close the connection."""
        await self._disconnect()

    def _encode(self, batch: Sequence[Numbered]) -> list[Message]:
        published = self._now()
        return [encode(numbered, published, self._form) for numbered in batch]

    # --- Connection ---------------------------------------------------------------------------------------------------

    async def _connect(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        settings = self._settings
        producer = AIOKafkaProducer(
            **self._options,
            acks="all",
            enable_idempotence=settings.idempotence,
            compression_type=None if settings.compression == "none" else settings.compression,
            max_batch_size=settings.max_batch_bytes,
        )
        self._producer = producer
        try:
            async with asyncio.timeout(_PATIENCE * settings.request_timeout_ms / 1000):
                await producer.start()
        except _PRODUCER_REFUSED as error:
            if not settings.idempotence:
                raise
            raise SinkError(
                f"the broker gives no producer id ({_say(error)}); if it knows none, set kafka.idempotence: false"
            ) from None
        return producer

    async def _disconnect(self) -> None:
        """Close at once: what is not acknowledged is still in the outbox."""
        producer, self._producer, self._topics = self._producer, None, frozenset()
        if producer is None:
            return
        # aiokafka's stop() first waits for all that was sent, which an absent broker would make last; so end its parts.
        producer._closed = True
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await producer._sender.close()
        with suppress(KafkaError, OSError):
            await producer.client.close()

    async def _require_topics(self, producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
        """See that the topics exist. Asking for all topics makes none, as asking for one by name may."""
        needed = {self._settings.topics.of(message.kind) for message in messages}
        if needed <= self._topics:
            return
        self._topics = frozenset((await producer.client.fetch_all_metadata()).topics())
        if missing := sorted(set(self._settings.topics.names) - self._topics):
            raise MissingTopicsError(missing)

    # --- Sending ------------------------------------------------------------------------------------------------------

    async def _send_all(self, producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
        queues = await self._by_place(producer, messages)
        while queues:
            await self._send_round(producer, queues)
            queues = {place: queue for place, queue in queues.items() if queue}

    async def _by_place(
        self, producer: AIOKafkaProducer, messages: Sequence[Message]
    ) -> Mapping[Place, deque[Message]]:
        """The messages by topic and partition, in order."""
        topics = {self._settings.topics.of(message.kind) for message in messages}
        partitions = {topic: sorted(await producer.partitions_for(topic)) for topic in topics}
        queues: defaultdict[Place, deque[Message]] = defaultdict(deque)
        for message in messages:
            topic = self._settings.topics.of(message.kind)
            partition = _partition_of(message.key, partitions[topic], partitions[topic])
            queues[topic, partition].append(message)
        return queues

    async def _send_round(self, producer: AIOKafkaProducer, queues: Mapping[Place, deque[Message]]) -> None:
        """Send each partition one record batch, and wait until each has been acknowledged or has failed."""
        sends = [self._send_one(producer, place, queue) for place, queue in queues.items()]
        results = await asyncio.gather(*sends, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _send_one(self, producer: AIOKafkaProducer, place: Place, queue: deque[Message]) -> None:
        """Send one record batch, with as much of the queue as goes in; returns when it is acknowledged."""
        builder = producer.create_batch()
        sequences: list[int] = []
        while queue and _append(builder, queue[0]):
            sequences.append(queue.popleft().sequence)
        if not sequences:
            raise SinkError(f"event {queue[0].sequence} is larger than kafka.max_batch_bytes; raise it")
        topic, partition = place
        await self._acknowledgement(await producer.send_batch(builder, topic, partition=partition))
        self._acknowledged.update(sequences)

    async def _acknowledgement(self, delivery: asyncio.Future[Any]) -> None:
        """Return when a batch is acknowledged. Raises what the broker said, or `TimeoutError`.

        The future is left alone when nobody waits any more: aiokafka still ends it, and somebody has to hear how.
        """
        delivery.add_done_callback(_hear)
        done, _ = await asyncio.wait({delivery}, timeout=_PATIENCE * self._settings.request_timeout_ms / 1000)
        if not done:
            raise TimeoutError
        delivery.result()


def _hear(delivery: asyncio.Future[Any]) -> None:
    if not delivery.cancelled():
        delivery.exception()


def _append(builder: Any, message: Message) -> bool:
    """Add to a record batch, unless it is full."""
    appended = builder.append(
        timestamp=message.at_ms, key=message.key, value=message.value, headers=list(message.headers)
    )
    return appended is not None


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_file)
        if settings.ssl_cert_file:
            password = settings.ssl_key_password
            context.load_cert_chain(
                settings.ssl_cert_file, settings.ssl_key_file, password.get_secret_value() if password else None
            )
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"the certificates cannot be used: {error.strerror or error}", path="kafka.ssl_*") from None
    context.check_hostname = settings.ssl_check_hostname
    return context


def _say(error: BaseException) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
