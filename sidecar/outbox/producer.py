"""Record batches for Kafka's partitions: made, sent with acks=all, and tried again as the very same batch.

Each partition has one batch on its way at most, so a failed one is never overtaken. With idempotence a batch whose fate
is not known is sent again byte for byte, under its producer id and sequence: the broker drops it if it has it. What the
broker answers for one partition concerns that partition alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec
from aiokafka.protocol.api import Request
from aiokafka.protocol.produce import ProduceRequest_v3, ProduceRequest_v5, ProduceRequest_v7, ProduceRequest_v8
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from sidecar.outbox.cluster import Cluster, UnsupportedError, error_name
from sidecar.outbox.encode import Message
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.sinks import SinkError

_CODECS = {"none": 0, "gzip": 1, "lz4": 3, "zstd": 4}
_ACKS_ALL = -1
_WORDS_VERSION = 8
"""From this version of the answer on, the broker says in words what it has against a batch."""
_NO_PRODUCER_IDS = frozenset({-1, 31, 35, 42})
"""How brokers say that they do not do idempotent producers, or not for us."""
_FORBIDDEN = 31
_PART_OF_THE_TIMEOUT = 0.75
"""How long a broker waits for its replicas, of the time that we wait for the broker."""


class Identity(msgspec.Struct, frozen=True):
    """A producer id and its epoch; -1 without idempotence."""

    producer: int = -1
    epoch: int = -1


class RecordBatch(msgspec.Struct, frozen=True):
    """A batch as it goes over the wire, with the numbers of its events."""

    data: bytes
    sequences: tuple[int, ...]
    plain_size: int
    """Before compression."""


class Acknowledgement(NamedTuple):
    """What a broker said of one partition's batch. Code 0: it is safe."""

    code: int
    words: str

    @property
    def said(self) -> str:
        """The error in words."""
        return f"{error_name(self.code)}: {self.words}" if self.words else error_name(self.code)


_Versions: TypeAlias = ProduceRequest_v3 | ProduceRequest_v5 | ProduceRequest_v7 | ProduceRequest_v8


class _Produce(Request[_Versions]):  # type: ignore[misc]  # aiokafka has no types
    """aiokafka's own request leaves out version 8, which is the first to say why a batch was refused."""

    API_KEY = 0

    def __init__(self, timeout_ms: int, topics: Sequence[Any]) -> None:
        self._timeout_ms = timeout_ms
        self._topics = topics

    def build(self, request_struct_class: type[Any]) -> Any:
        """The request in one version."""
        return request_struct_class(None, _ACKS_ALL, self._timeout_ms, self._topics)


class Producer:
    """Sends batches to brokers. Keeps nothing about partitions; who calls it does."""

    def __init__(self, cluster: Cluster, settings: KafkaSettings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._codec = _CODECS[settings.compression]
        self._timeout_ms = int(settings.request_timeout_ms * _PART_OF_THE_TIMEOUT)

    async def new_identity(self) -> Identity:
        """An identity that no other has. Raises `SinkError`."""
        if not self._settings.idempotence:
            return Identity()
        try:
            answer = await self._cluster.ask_any(InitProducerIdRequest(None, self._settings.request_timeout_ms))
        except UnsupportedError:
            raise SinkError(_no_identity("it does not know the request")) from None
        if answer.error_code in _NO_PRODUCER_IDS:
            raise SinkError(_no_identity(error_name(answer.error_code), is_forbidden=answer.error_code == _FORBIDDEN))
        if answer.error_code:
            raise SinkError(f"the broker gives no producer id yet: {error_name(answer.error_code)}")
        return Identity(answer.producer_id, answer.producer_epoch)

    def make(self, messages: Sequence[Message], identity: Identity, first: int, limit_bytes: int) -> RecordBatch:
        """One batch of as many messages as go in, at least one. Compression takes its time: call it in a thread."""
        builder = DefaultRecordBatchBuilder(2, self._codec, 0, identity.producer, identity.epoch, first, limit_bytes)
        taken: list[int] = []
        for message in messages:
            if not _append(builder, len(taken), message):
                break
            taken.append(message.sequence)
        plain_size = builder.size()
        return RecordBatch(bytes(builder.build()), tuple(taken), plain_size)

    async def send(
        self, node: int, route: str, batches: Mapping[Any, RecordBatch]
    ) -> tuple[Mapping[tuple[str, int], Acknowledgement], float]:
        """Send one batch for each of a broker's partitions (a topic and a number).

        What it said, and for how many seconds it wants to be left alone.

        Raises `UnreachableError`; then any of them may have been taken all the same.
        """
        topics: dict[str, list[tuple[int, bytes]]] = {}
        for (topic, partition), batch in batches.items():
            topics.setdefault(topic, []).append((partition, batch.data))
        answer = await self._cluster.ask(node, _Produce(self._timeout_ms, list(topics.items())), route=route)
        answers = {
            (topic, part[0]): _read(part, answer.API_VERSION)
            for topic, partitions in answer.topics
            for part in partitions
        }
        return answers, answer.throttle_time_ms / 1000


def _append(builder: Any, offset: int, message: Message) -> bool:
    """Add a message, unless the batch is full."""
    headers = list(message.headers)
    return builder.append(offset, message.at_ms, message.key, message.value, headers) is not None


def _read(part: Sequence[Any], version: int) -> Acknowledgement:
    if version < _WORDS_VERSION:
        return Acknowledgement(part[1], "")
    words = [part[6] or "", *(text for _, text in part[5] or () if text)]
    return Acknowledgement(part[1], " ".join(dict.fromkeys(word for word in words if word)))


def _no_identity(why: str, *, is_forbidden: bool = False) -> str:
    remedy = "give the right IdempotentWrite on the cluster, or " if is_forbidden else "if it knows none, "
    return f"the broker gives no producer id ({why}); {remedy}set kafka.idempotence: false"
