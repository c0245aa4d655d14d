"""A change of policies tried on the conversations in a topic: as many as are asked for, and none that came later."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from sidecar.cli.policy import policy
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.topic_reader import shares
from sidecar.outbox.topics import TopicPlan, create_topics
from tests.integration.broker import Broker, free_port
from tests.integration.kafka_tools import own_topics
from workbench.preview.topic import read_topic

POLICY = (
    'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {{name: default, version: "1"}}\n'
    "rules: [{{id: cards, detect: {{detector: pii, labels: [CREDIT_CARD]}}, action: {}}}]\n"
)
SAID: list[dict[str, Any]] = [
    {"id": "a", "turns": [{"user": "hello"}, {"model": "card 4111 1111 1111 1111"}]},
    {"id": "b", "messages": [{"role": "user", "content": "4111 1111 1111 1111"}]},
    {"id": "c", "text": "nothing here", "direction": "output"},
    {"kind": "violation", "ids": {"event": "e"}},
]


@pytest.fixture
def kafka(broker: Broker) -> KafkaSettings:
    """Settings for the broker, with topics of this test's own, of two partitions."""
    kafka = KafkaSettings(
        bootstrap_servers=broker.address, idempotence=False, request_timeout_ms=1000, topics=own_topics()
    )

    async def make() -> None:
        await broker.wait_ready()
        await create_topics(kafka, TopicPlan(partitions=2, replication_factor=1))

    asyncio.run(make())
    return kafka


@pytest.fixture
def policies(tmp_path: Path) -> tuple[str, str]:
    for name, action in (("old", "redact"), ("new", "{block: {message: No.}}")):
        (tmp_path / f"{name}.yaml").write_text(POLICY.format(action), encoding="utf-8")
    return str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml")


async def send(kafka: KafkaSettings, values: Iterable[bytes | None], *, partition: int | None = None) -> None:
    """Send records, to both partitions in turn unless one is named.

    Each is a batch of its own: the embedded broker takes a log to end behind the first record of its last batch.
    """
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer:
        for number, value in enumerate(values):
            place = number % 2 if partition is None else partition
            await producer.send_and_wait(kafka.topics.violations, value, key=b"key", partition=place)


def publish(kafka: KafkaSettings, values: Iterable[bytes | None], *, partition: int | None = None) -> str:
    """Send records; their topic."""
    asyncio.run(send(kafka, values, partition=partition))
    return kafka.topics.violations


def diff(*arguments: str) -> Result:
    return CliRunner().invoke(policy, ["diff", *arguments], env={"TIDEGATE_CONFIG": ""})


@pytest.mark.broker
def test_a_topic_says_what_the_same_lines_of_a_file_say(
    kafka: KafkaSettings, policies: tuple[str, str], tmp_path: Path
) -> None:
    lines = [json.dumps(each).encode() for each in SAID]
    (tmp_path / "t.jsonl").write_bytes(b"\n".join(lines))
    topic = publish(kafka, [*lines, None])
    asked = ("--traffic", f"kafka:{topic}", "--brokers", kafka.bootstrap_servers, "--json")
    result = diff(*policies, *asked)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    in_file = json.loads(diff(*policies, "--traffic", str(tmp_path / "t.jsonl"), "--json").stdout)
    for each in (told, in_file):
        del each["examples"]  # they come in the order in which they were read
    assert told == in_file
    assert told["conversations"] == 3
    both = json.loads(diff(*policies, *asked, "--traffic", str(tmp_path / "t.jsonl")).stdout)
    assert both["conversations"] == 6
    assert json.loads(diff(*policies, *asked, "--limit", "4").stdout)["conversations"] == 2


@pytest.mark.broker
def test_what_comes_after_reading_began_is_not_read(kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes right after the reader has asked where the log ends."""
    topic = publish(kafka, [b"1", b"2", b"3"], partition=0)
    asked = AIOKafkaConsumer.end_offsets

    async def send_after(consumer: AIOKafkaConsumer, places: Any) -> Any:
        ends = await asked(consumer, places)
        await send(kafka, [b"late"] * 5)
        return ends

    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", send_after)
    assert [data for _, data in read_topic(kafka, topic)] == [b"1", b"2", b"3"]


@pytest.mark.broker
@pytest.mark.parametrize(("limit", "expected"), [(1, {59}), (4, {56, 57, 58, 59}), (10_000, {*range(60)})])
def test_the_latest_are_read_of_all_partitions_alike(kafka: KafkaSettings, limit: int, expected: set[int]) -> None:
    topic = publish(kafka, (f"{number}".encode() for number in range(60)))
    assert {int(data) for _, data in read_topic(kafka, topic, limit=limit)} == expected


@pytest.mark.broker
def test_what_is_no_conversation_is_told_with_its_place(kafka: KafkaSettings, policies: tuple[str, str]) -> None:
    topic = publish(kafka, [b'{"text": "hello"}', b"secret words"], partition=1)
    result = diff(*policies, "--traffic", f"kafka:{topic}", "--brokers", kafka.bootstrap_servers)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{topic}/1@1: this is no conversation" in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.broker
def test_a_topic_that_is_not_there_is_named(broker: Broker, policies: tuple[str, str]) -> None:
    asyncio.run(broker.wait_ready())
    result = diff(*policies, "--traffic", "kafka:no.such", "--brokers", broker.address)
    assert (result.exit_code, "no.such" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("kafka:",), "name the topic: --traffic kafka:TOPIC", id="no topic"),
        pytest.param(("kafka:t",), "say where topics are: --brokers HOST:PORT", id="no brokers"),
        pytest.param(("t.jsonl", "--limit", "5"), "--brokers and --limit are for topics", id="a limit of a file"),
        pytest.param(("kafka:t", "--limit", "0", "--brokers", "h:1"), "0 is not in the range", id="none at all"),
    ],
)
def test_misuse_says_what_to_write(policies: tuple[str, str], arguments: tuple[str, ...], message: str) -> None:
    result = diff(*policies, "--traffic", *arguments)
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_brokers_that_are_away_are_an_error_and_not_an_empty_topic(policies: tuple[str, str]) -> None:
    result = diff(*policies, "--traffic", "kafka:t", "--brokers", f"127.0.0.1:{free_port()}")
    assert (result.exit_code, "cannot read from Kafka" in result.stderr) == (2, True)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.integers(0, 200))
def test_shares_take_all_that_may_be_taken_and_as_much_of_each(held: list[int], most: int) -> None:
    given_ = shares({TopicPartition("t", number): count for number, count in enumerate(held)}, most)
    assert all(0 <= share <= held[place.partition] for place, share in given_.items())
    assert sum(given_.values()) == min(most, sum(held))
    whole = [share for place, share in given_.items() if share < held[place.partition]]
    assert max(given_.values(), default=0) <= min(whole, default=50) + 1
