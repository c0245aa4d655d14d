"""Making the topics, which happens only when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiokafka.protocol.admin import CreateTopicsRequest

from sidecar.outbox.cluster import Cluster, error_name
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.sinks import SinkError

_COPIES = 3
_EXISTS = 36
_FORBIDDEN = frozenset({29, 31})


class TopicPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How topics are made. `configs` are Kafka's topic settings.

    Without a replication factor there are `_COPIES` of each, or as many as there are brokers.
    """

    partitions: int = 6
    replication_factor: int | None = None
    configs: Mapping[str, str] = msgspec.field(default_factory=dict)


class MadeTopics(msgspec.Struct, frozen=True):
    """Which topics were made, and which were there before; the latter are left as they are."""

    created: tuple[str, ...]
    existing: tuple[str, ...]


async def create_topics(settings: KafkaSettings, plan: TopicPlan) -> MadeTopics:
    """Make the topics that are not there. Raises `ConfigError` without a broker, `SinkError` when Kafka refuses."""
    cluster = Cluster(settings)
    names = settings.topics.all_names
    try:
        facts = await cluster.look_up(names)
        wanted = [name for name in names if not facts[name].leaders]
        existing = await _create(cluster, settings, plan, wanted) if wanted else set()
    finally:
        await cluster.close()
    created = tuple(name for name in wanted if name not in existing)
    return MadeTopics(created, tuple(name for name in names if name not in created))


async def _create(cluster: Cluster, settings: KafkaSettings, plan: TopicPlan, names: list[str]) -> set[str]:
    """Ask for the topics; those that somebody else made meanwhile. Raises `SinkError` with the broker's own words."""
    copies = plan.replication_factor or min(_COPIES, cluster.brokers)
    topics: list[Any] = [(name, plan.partitions, copies, [], list(plan.configs.items())) for name in names]
    answer = await cluster.ask_controller(CreateTopicsRequest(topics, settings.request_timeout_ms, validate_only=False))
    return {name for name, *said in answer.topic_errors if _is_there(name, *said)}


def _is_there(name: str, code: int, words: str | None = None, *_: Any) -> bool:
    """Whether the topic was there already. Raises `SinkError` when it was not made."""
    if code not in {0, _EXISTS}:
        right = "; give this user Create on the topic or the cluster" if code in _FORBIDDEN else ""
        said = f": {words}" if words else ""
        raise SinkError(f"Kafka did not make the topic {name}: {error_name(code)}{said}{right}")
    return code == _EXISTS
