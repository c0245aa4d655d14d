"""Making the topics, which happens only when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from sidecar.outbox.kafka import client_options
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.sinks import SinkError

_COPIES = 3


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
    client = AIOKafkaAdminClient(**client_options(settings))
    try:
        await client.start()
        existing = frozenset(await client.list_topics())
        created = tuple(name for name in settings.topics.names if name not in existing)
        if created:
            copies = plan.replication_factor or min(_COPIES, len((await client.describe_cluster())["brokers"]))
            _check(await client.create_topics([_new_topic(name, plan, copies) for name in created]))
    except (KafkaError, OSError, TimeoutError) as error:
        raise SinkError(f"Kafka did not make the topics: {error or type(error).__name__}") from None
    finally:
        await client.close()
    return MadeTopics(created, tuple(name for name in settings.topics.names if name in existing))


def _new_topic(name: str, plan: TopicPlan, copies: int) -> NewTopic:
    return NewTopic(
        name=name,
        num_partitions=plan.partitions,
        replication_factor=copies,
        topic_configs=dict(plan.configs),
    )


def _check(response: object) -> None:
    """Raise what the broker said of a topic; another that made it meanwhile is fine."""
    for name, code, *_ in getattr(response, "topic_errors", ()):
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise SinkError(f"Kafka did not make the topic {name}: {error.__name__}: {error.description}")
