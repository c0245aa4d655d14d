"""Recorded conversations in a topic of Kafka: those that are there when reading begins, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

from sidecar.outbox.reads import Read
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.topic_reader import Value, read_values
from workbench.preview.traffic import Placed


def read_topic(
    kafka: KafkaSettings, topic: str, *, limit: int | None = None, told: Callable[[str], None] = lambda _: None
) -> Iterator[Placed]:
    """A topic's conversations, or the latest `limit` of them; each partition's in their order.

    `told` hears of what retention removed before it was read. Raises `ConfigError`, `MissingTopicsError`, `ReadError`.
    """
    values = read_values(kafka, topic, most=limit)
    with asyncio.Runner() as runner:  # it goes on only while a value is waited for: nothing is read far ahead
        try:
            while (each := runner.run(_next(values))) is not None:
                if isinstance(each, Read):
                    told(f"{each.place}: {each.error}")
                else:
                    yield each.place, each.data
        finally:
            runner.run(values.aclose())


async def _next(values: AsyncIterator[Value | Read]) -> Value | Read | None:
    return await anext(values, None)
