"""Reading back from Apache Kafka itself: a reader that says complete has read all, and one that cannot says so."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewPartitions  # type: ignore[attr-defined]  # its stubs leave it out
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.outbox.encode import decode
from sidecar.outbox.event import Kind
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.reads import Read, ReadError, read_one
from sidecar.outbox.settings import EventSettings, KafkaSettings
from sidecar.outbox.topic_reader import read_topics
from tests.integration.kafka_cluster import KafkaCluster
from tests.integration.kafka_tools import (
    administer,
    command,
    environment,
    of_kind,
    producer_of,
    publishing,
    sessions,
    settings_of,
    until,
    verified,
    with_topics,
)

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def published(kafka: KafkaSettings, count: int, outbox: MemoryOutbox | None = None) -> MemoryOutbox:
    """Publish events of some sessions."""
    outbox = outbox or MemoryOutbox()
    async with publishing(outbox, kafka, EventSettings(linger_ms=0, batch_events=100)):
        await outbox.put(list(sessions(count, of=9)))
        await until(lambda: outbox.events == [])
    return outbox


def cut(cluster: KafkaCluster, topic: str, partition: int, offset: int) -> None:
    """Remove records as retention does."""
    administer(cluster, lambda admin: admin.delete_records([TopicPartition(topic, partition, offset)]))


# --- Completeness -----------------------------------------------------------------------------------------------------


async def test_log_that_retention_has_cut_is_said_to_begin_there_and_accused_of_nothing(apache: KafkaCluster):
    kafka = await with_topics(settings_of(apache), partitions=2)
    outbox = await published(kafka, 90)
    before = await verified(kafka)
    assert (before["is_fine"], before["producers"][0]["proved_from"]) == (True, 1)
    cut(apache, kafka.topics.violations, 0, 2)
    cut(apache, kafka.topics.faults, 0, 2)
    report = await verified(kafka)
    (producer,) = report["producers"]
    assert report["is_fine"]
    assert producer["proved_from"] > 1
    assert (producer["missing"], producer["unproved"] > 0) == (0, True)
    assert len(report["logs_begin"]) == 2
    await published(kafka, 30, outbox)
    assert (await verified(kafka))["is_fine"]
    said = (await command(kafka, "verify")).stdout
    assert f"begins at {producer['proved_from']}: nothing is proved of the numbers below" in said


async def test_number_that_is_missing_where_nothing_was_cut_is_an_accusation(apache: KafkaCluster):
    """An event that was never written, and one before the first: both are missing."""
    kafka = await with_topics(settings_of(apache), partitions=1)
    outbox = MemoryOutbox()
    await outbox.start()
    await outbox.put(list(sessions(9, of=1)))
    claimed = await outbox.claim(9)
    await outbox.acknowledge([claimed[0], claimed[4]])
    async with publishing(outbox, kafka):
        await until(lambda: outbox.events == [])
    report = await verified(kafka)
    (producer,) = report["producers"]
    assert not report["is_fine"]
    assert (producer["missing"], producer["gaps"]) == (2, [{"first": 1, "last": 1}, {"first": 5, "last": 5}])
    assert (await command(kafka, "verify")).exit_code == 1


async def test_reading_of_one_topic_says_that_it_proves_nothing(apache: KafkaCluster):
    kafka = await with_topics(settings_of(apache))
    await published(kafka, 9)
    result = await command(kafka, "verify", "--topic", kafka.topics.faults)
    assert result.exit_code == 2
    assert "proves nothing" in result.stderr
    everything = [option for topic in kafka.topics.names for option in ("--topic", topic)]
    assert (await command(kafka, "verify", *everything)).exit_code == 0


async def test_order_is_judged_within_partitions(apache: KafkaCluster):
    """Partitions were added, so that sessions moved: the reader may see the new partition first."""
    kafka = await with_topics(settings_of(apache), partitions=1)
    outbox = await published(kafka, 60)
    more = [NewPartitions(name, 4) for name in kafka.topics.names]
    administer(apache, lambda admin: admin.create_partitions(more))
    await published(kafka, 60, outbox)
    report = await verified(kafka)
    assert (report["is_fine"], report["events"]) == (True, 120)


async def test_transactions_that_were_aborted_are_no_events(apache: KafkaCluster):
    kafka = await with_topics(settings_of(apache), partitions=1)
    await published(kafka, 9)
    records = [each async for each in read_topics(kafka, [kafka.topics.faults]) if isinstance(each, Read)]
    assert len(records) == 3
    producer = producer_of(apache, **{"transactional.id": kafka.topics.faults})
    producer.init_transactions(30)
    for verdict in (producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        producer.produce(kafka.topics.faults, b"nobody's", headers=[("ce_type", b"com.example")])
        producer.flush(30)
        verdict(30)
    report = await verified(kafka)
    assert (report["is_fine"], report["events"], report["foreign"]) == (True, 9, 1)


# --- What is not ours -------------------------------------------------------------------------------------------------


async def test_whatever_else_lies_in_a_topic_is_counted_as_foreign(apache: KafkaCluster):
    kafka = await with_topics(settings_of(apache), partitions=1)
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka):
        await outbox.put([of_kind(Kind.FAULT)])
        await until(lambda: outbox.events == [])
    ours: list[Any] = [("ce_type", b"dev.tidegate.fault.v1"), ("content-type", b"application/json")]
    producer = producer_of(apache)
    for value, headers in [(None, ours), (None, []), (b"{}", [("ce_type", None)]), (b"", []), (b"\xff", [("x", None)])]:
        producer.produce(kafka.topics.faults, value, key=b"k", headers=headers)
    assert producer.flush(30) == 0
    report = await verified(kafka)
    assert (report["is_fine"], report["events"], report["foreign"], report["invalid_count"]) == (True, 1, 5, 0)
    for arguments in (["tail", "--json"], ["tail"], ["stats", "--json"], ["export"], ["verify"]):
        result = await command(kafka, *arguments)
        assert (result.exit_code, result.exception) == (0, None), result.output
    counts = json.loads((await command(kafka, "stats", "--json")).stdout)
    assert counts["kind"] == {"fault": 1, "foreign": 5}


_NAMES = st.sampled_from(["ce_type", "ce_id", "ce_sequence", "content-type", "x"]) | st.text(max_size=5)
_VALUES = st.none() | st.binary(max_size=20) | st.sampled_from(
    [b"dev.tidegate.fault.v1", b"dev.tidegate.violation.v1", b"application/json", b"application/protobuf"]
)  # fmt: skip
_BODIES = (
    st.none() | st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b"null", b'{"kind":"fault"}', b"\x0a\x02\x08"])
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(headers=st.lists(st.tuples(_NAMES, _VALUES), max_size=5), value=_BODIES)
def test_no_record_is_more_than_an_event_or_an_error(headers: list[tuple[str, bytes | None]], value: bytes | None):
    read = read_one("topic/0@0", lambda: decode(headers, value), lane="topic/0")
    assert (read.data is None) == bool(read.error)


# --- Readers that are overtaken, or left alone ------------------------------------------------------------------------


async def test_reader_that_retention_overtakes_does_not_say_complete(
    apache: KafkaCluster, monkeypatch: pytest.MonkeyPatch
):
    """The log is cut right after the reader has asked where it begins."""
    kafka = await with_topics(settings_of(apache, request_timeout_ms=2000), partitions=1)
    await published(kafka, 1800)
    topic = kafka.topics.violations
    asked = AIOKafkaConsumer.beginning_offsets

    async def cut_after(consumer: AIOKafkaConsumer, places: Any) -> Any:
        begins = await asked(consumer, places)
        await asyncio.to_thread(cut, apache, topic, 0, 590)
        return begins

    monkeypatch.setattr(AIOKafkaConsumer, "beginning_offsets", cut_after)
    reads = [read async for read in read_topics(kafka, [topic]) if isinstance(read, Read)]
    (hole,) = (each for each in reads if each.is_hole)
    assert hole.error == "590 records were removed by retention before they were read"
    assert len(reads) == 11


async def test_reader_whose_broker_dies_ends_with_an_error(libs: Path, tmp_path: Path):
    cluster = KafkaCluster(tmp_path / "kafka", libs)
    try:
        cluster.start()
        await cluster.wait_ready()
        kafka = await with_topics(settings_of(cluster, request_timeout_ms=1000), partitions=1)
        await published(kafka, 3000)
        with pytest.raises(ReadError, match=r"cannot read from Kafka|nothing came for") as raised:
            await _read_while_it_dies(kafka, cluster)
        assert "\n" not in str(raised.value)
    finally:
        cluster.stop()


async def _read_while_it_dies(kafka: KafkaSettings, cluster: KafkaCluster) -> None:
    async for read in read_topics(kafka, kafka.topics.names):
        if not isinstance(read, Read):
            cluster.brokers[0].kill()


async def test_reader_that_follows_reads_partitions_and_events_that_are_added(apache: KafkaCluster):
    kafka = await with_topics(settings_of(apache), partitions=1)
    outbox = await published(kafka, 10)
    with following(kafka) as tail:
        await until(lambda: tail.count() == 10)
        more = [NewPartitions(name, 6) for name in kafka.topics.names]
        administer(apache, lambda admin: admin.create_partitions(more))
        await published(kafka, 54, outbox)
        await until(lambda: tail.count() == 64)
        assert sorted(tail.numbers()) == list(range(1, 65))


class following:  # noqa: N801 - reads as a statement
    """`tidegate events tail --follow`, as a process of its own."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._environment = environment(kafka)

    def __enter__(self) -> following:
        self._output = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sidecar", "events", "tail", "--follow", "--json", "--last", "100"],
            stdout=self._output,
            env=os.environ | self._environment | {"PYTHONUNBUFFERED": "1"},
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._output.close()

    def numbers(self) -> list[int]:
        self._output.seek(0)
        return [json.loads(line)["ids"]["sequence"] for line in self._output.read().splitlines()]

    def count(self) -> int:
        return len(self.numbers())


async def test_tail_shows_what_is_wanted_however_far_back_it_lies(apache: KafkaCluster):
    kafka = await with_topics(settings_of(apache), partitions=1)
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka):
        await outbox.put([of_kind(Kind.FAULT, "wanted") for _ in range(3)])
        await outbox.put([of_kind(Kind.FAULT, "other") for _ in range(300)])
        await until(lambda: outbox.events == [])
    result = await command(kafka, "tail", "--last", "2", "--session", "wanted", "--json")
    assert [json.loads(line)["ids"]["sequence"] for line in result.stdout.splitlines()] == [2, 3]


MEASURE = r"""
import re, sys
from pathlib import Path
from sidecar.cli.main import main
try:
    main(["events", "verify", "--json"], standalone_mode=False)
finally:
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(int(peak[1]) // 1024, file=sys.stderr)
"""


async def test_reading_a_hundred_partitions_takes_little_memory(apache: KafkaCluster, tmp_path: Path):
    """12,000 events in 102 partitions. With 1 MiB a partition and no bound it took 415 to 808 MB."""
    kafka = await with_topics(settings_of(apache), partitions=34)
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka, EventSettings(linger_ms=0, batch_events=2000)):
        for _ in range(3):
            await outbox.put(list(sessions(4000, of=400)))
            await until(lambda: outbox.events == [])
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", MEASURE],
        capture_output=True,
        text=True,
        env=os.environ | environment(kafka),
        check=False,
    )
    report, megabytes = json.loads(done.stdout), int(done.stderr.splitlines()[-1])
    assert (report["is_fine"], report["events"]) == (True, 12_000)
    assert megabytes <= 150
