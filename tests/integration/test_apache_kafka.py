"""Publishing to Apache Kafka itself, one broker: nobody's event stops others', and what is wrong is said."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from time import time
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.protocol.admin import CreateTopicsRequest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stubs leave them out
    AclBinding,
    AclOperation,
    AclPermissionType,
    NewPartitions,
    ResourcePatternType,
    ResourceType,
)

from sidecar.outbox.cluster import Cluster
from sidecar.outbox.event import Kind
from sidecar.outbox.kafka import KafkaSink
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.publisher import Publisher
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings, Topics
from sidecar.outbox.sinks import SinkError
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.outbox.topics import TopicPlan, create_topics
from tests.certificates import Authority, replace_file
from tests.integration.broker import free_port
from tests.integration.kafka_cluster import KafkaCluster
from tests.integration.kafka_tools import (
    EVENTS,
    administer,
    judge,
    large,
    of_kind,
    own_topics,
    publishing,
    records_of,
    sessions,
    settings_of,
    until,
    with_topics,
)
from tests.integration.secured import PASSWORD, USER, sasl_settings, unsigned_token

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


# --- What arrives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["none", "gzip", "lz4", "zstd"])
async def test_log_holds_idempotent_batches_of_the_codec_and_another_library_finds_them_complete(
    compression: str, apache: KafkaCluster
):
    """Kafka's own tool reads the segment: the codec, a producer id, sequences without a hole, checksums that fit."""
    kafka = await with_topics(settings_of(apache, compression=compression), partitions=1)
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka, EventSettings(linger_ms=0, batch_events=20)) as publisher:
        for _ in range(3):
            await outbox.put(list(sessions(60, of=5)))
            await until(lambda: outbox.events == [])
        assert publisher.stats().published == 180
    judged = await asyncio.to_thread(judge, apache.address, kafka.topics.names)
    assert (judged.events, judged.missing, judged.repeats, judged.disordered) == (180, 0, 0, 0)
    folder = Path(apache.brokers[0].properties["log.dirs"]) / f"{kafka.topics.violations}-0"
    log = folder / "00000000000000000000.log"
    dump = await asyncio.to_thread(apache.tool, "org.apache.kafka.tools.DumpLogSegments", "--files", str(log))
    batches = [_fields(line) for line in dump.splitlines() if line.startswith("baseOffset")]
    assert {batch["compresscodec"] for batch in batches} == {compression}
    assert {batch["isvalid"] for batch in batches} == {"true"}
    assert all(int(batch["producerId"]) >= 0 for batch in batches)
    expected = 0
    for batch in batches:
        assert int(batch["baseSequence"]) == expected
        expected = int(batch["lastSequence"]) + 1
    assert expected == 60


def _fields(line: str) -> dict[str, str]:
    words = line.split()
    return {name.rstrip(":"): value for name, value in zip(words[::2], words[1::2], strict=False)}


async def test_keys_go_to_the_partitions_that_javas_partitioner_gives_them(apache: KafkaCluster, tmp_path: Path):
    kafka = await with_topics(settings_of(apache), partitions=7)
    keys = [f"tenant|session-{number}-ü" for number in range(30)]
    text = tmp_path / "records"
    text.write_text("".join(f"{key};value\n" for key in keys), encoding="utf-8")
    await asyncio.to_thread(_produce_by_java, apache, kafka.topics.faults, text)
    theirs = await asyncio.to_thread(_partitions_of, apache, kafka.topics.faults)
    ours = {key: DefaultPartitioner()(key.encode(), list(range(7)), list(range(7))) for key in keys}
    assert theirs == ours


def _produce_by_java(cluster: KafkaCluster, topic: str, text: Path) -> None:
    options = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=;"]
    cluster.tool(
        "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", cluster.address, "--topic", topic, *options,
        stdin=text.read_text(encoding="utf-8"),
    )  # fmt: skip


def _partitions_of(cluster: KafkaCluster, topic: str) -> dict[str, int]:
    return {record.key().decode(): record.partition() for record in records_of(cluster.address, topic)}


async def test_kill_and_restart_of_the_broker_repeats_nothing_and_loses_nothing(libs: Path, tmp_path: Path):
    """What was on its way when the broker died goes again as the very same batch, and the broker knows it."""
    cluster = KafkaCluster(tmp_path / "kafka", libs)
    try:
        cluster.start()
        await cluster.wait_ready()
        kafka = await with_topics(settings_of(cluster))
        outbox = SqliteOutbox(OutboxSettings(path=tmp_path / "o.db", durability="normal"))
        async with publishing(outbox, kafka) as publisher:
            for number, event in enumerate(sessions(600, of=9)):
                await outbox.put([event])
                if number == 300:
                    await until(lambda: publisher.stats().published > 0)
                    cluster.brokers[0].kill()
            await until(lambda: publisher.stats().error != "")
            cluster.brokers[0].start()
            await until(lambda: publisher.stats().published == 600)
        judged = await asyncio.to_thread(judge, cluster.address, kafka.topics.names)
    finally:
        cluster.stop()
    assert (judged.events, judged.missing, judged.repeats, judged.disordered) == (600, 0, 0, 0)


# --- Nobody's event stops others' -------------------------------------------------------------------------------------


async def test_missing_topic_holds_up_only_its_own_events(apache: KafkaCluster):
    kafka = settings_of(apache)
    others = kafka.model_copy(
        update={"topics": Topics(**kafka.topics.model_dump() | {"faults": kafka.topics.decisions})}
    )
    await with_topics(others)
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        await outbox.put([of_kind(Kind.FAULT), of_kind(Kind.VIOLATION), of_kind(Kind.DECISION), of_kind(Kind.FAULT)])
        await until(lambda: publisher.stats().published == 2)
        assert publisher.stats().missing_topics == (kafka.topics.faults,)
        assert list(publisher.stats().failing) == [kafka.topics.faults]
        await with_topics(kafka)
        await until(lambda: publisher.stats().published == 4)
        assert publisher.stats().error == ""
    judged = await asyncio.to_thread(judge, apache.address, kafka.topics.names)
    assert (judged.events, judged.missing, judged.disordered) == (4, 0, 0)


async def test_right_that_is_missing_for_one_topic_holds_up_only_its_own_events(apache: KafkaCluster):
    """Write and Describe suffice; idempotence needs no right of its own since Kafka 2.8."""
    topics = own_topics()
    await with_topics(settings_of(apache, topics))
    _allow(apache, topics.violations)
    _allow(apache, topics.decisions)
    outbox = MemoryOutbox()
    async with publishing(outbox, sasl_settings(apache.address_of("SASL"), topics)) as publisher:
        await outbox.put([of_kind(Kind.FAULT), of_kind(Kind.VIOLATION), of_kind(Kind.DECISION)])
        await until(lambda: publisher.stats().published == 2)
        reason = publisher.stats().failing[topics.faults]
        assert reason == f"no right to see the topic {topics.faults}: give {USER} Describe and Write on it"
        _allow(apache, topics.faults, AclOperation.DESCRIBE)
        await until(lambda: any("no right to write" in why for why in publisher.stats().failing.values()))
        _allow(apache, topics.faults)
        await until(lambda: publisher.stats().published == 3)


def _allow(cluster: KafkaCluster, topic: str, *operations: AclOperation, principal: str = f"User:{USER}") -> None:
    rights = [
        AclBinding(
            ResourceType.TOPIC,
            topic,
            ResourcePatternType.LITERAL,
            principal,
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for operation in operations or (AclOperation.WRITE, AclOperation.DESCRIBE)
    ]
    administer(cluster, lambda admin: admin.create_acls(rights))


async def test_event_too_large_for_its_topic_becomes_a_counted_loss_and_stops_nobody(apache: KafkaCluster):
    """64 large labels, and a topic that takes 8 KiB: batches are halved, and one event is told of under its number."""
    kafka = await with_topics(settings_of(apache, compression="none"), partitions=1, max_message_bytes="8192")
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        before = [of_kind(Kind.VIOLATION) for _ in range(30)]
        await outbox.put([*before, large(17_000), *(of_kind(Kind.VIOLATION) for _ in range(30))])
        await until(lambda: outbox.events == [])
        assert publisher.stats().refused == 1
        assert publisher.stats().error == ""
    judged = await asyncio.to_thread(judge, apache.address, kafka.topics.names)
    assert (judged.events, judged.missing, judged.repeats, judged.disordered) == (61, 0, 0, 0)
    (told,) = (record for record in judged.records if record.topic() == kafka.topics.faults)
    headers = {name: value.decode() for name, value in told.headers()}
    assert int(headers["ce_sequence"]) == 31
    for words in ("events_lost", '"lost":{"high":1}', kafka.topics.violations, "max.message.bytes", " bytes"):
        assert words in told.value().decode()
    assert sum(outbox.stats().lost.values()) == 1


async def test_batches_may_be_small(apache: KafkaCluster):
    kafka = await with_topics(settings_of(apache, max_batch_bytes=1024), partitions=1)
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        await outbox.put(list(sessions(30, of=2)))
        await until(lambda: publisher.stats().published == 30)
    judged = await asyncio.to_thread(judge, apache.address, kafka.topics.names)
    assert (judged.events, judged.missing, judged.disordered) == (30, 0, 0)


async def test_clock_that_is_ahead_is_named(apache: KafkaCluster):
    """A topic that takes no time of more than a minute ahead, and a machine that is two hours ahead."""
    kafka = await with_topics(settings_of(apache), message_timestamp_after_max_ms="60000")
    outbox = MemoryOutbox()
    await outbox.start()
    publisher = Publisher(outbox, KafkaSink(kafka, now=lambda: time() + 7200), EVENTS)
    await publisher.start()
    await outbox.put([of_kind(Kind.FAULT)])
    await until(lambda: "INVALID_TIMESTAMP" in publisher.stats().error)
    await publisher.stop(grace_s=0)
    assert "clock is wrong" in publisher.stats().error
    assert len(outbox.events) == 1


async def test_partitions_that_are_added_are_used_after_the_next_look(apache: KafkaCluster):
    kafka = await with_topics(settings_of(apache), partitions=1)
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        await outbox.put(list(sessions(30, of=10)))
        await until(lambda: publisher.stats().published == 30)
        more = [NewPartitions(name, 6) for name in kafka.topics.names]
        administer(apache, lambda admin: admin.create_partitions(more))
        publisher._sink._look_at = 0.0  # type: ignore[attr-defined]  # as a minute later
        await outbox.put(list(sessions(60, of=20)))
        await until(lambda: publisher.stats().published == 90)
    judged = await asyncio.to_thread(judge, apache.address, kafka.topics.names)
    assert (judged.events, judged.missing, judged.repeats) == (90, 0, 0)
    assert len({record.partition() for record in judged.records}) > 1


# --- What is wrong is said --------------------------------------------------------------------------------------------


async def _refusal(kafka: KafkaSettings) -> str:
    with pytest.raises(SinkError) as raised:
        await create_topics(kafka, TopicPlan())
    assert "\n" not in str(raised.value)
    return str(raised.value)


async def test_true_reason_is_said_with_the_setting_to_look_at(apache: KafkaCluster, tmp_path: Path):
    topics = own_topics()
    sasl, tls, mutual = (apache.address_of(name) for name in ("SASL", "TLS", "MUTUAL"))
    stranger = Authority(tmp_path, "stranger")
    port = tls.rpartition(":")[2]

    def encrypted(address: str, **values: object) -> KafkaSettings:
        return KafkaSettings.model_validate(
            {"bootstrap_servers": address, "security_protocol": "SSL", "request_timeout_ms": 3000, "topics": topics}
            | values
        )

    ca = authority_of(apache)
    reasons = {
        "password": (sasl_settings(sasl, topics, sasl_password="wrong"), ["refuses the login", "kafka.sasl_password"]),
        "mechanism": (
            sasl_settings(sasl, topics, sasl_mechanism="PLAIN"),
            ["does not know SASL PLAIN", "kafka.sasl_mechanism"],
        ),
        "authority": (encrypted(f"localhost:{port}", ssl_ca_file=stranger.ca), ["not trusted", "kafka.ssl_ca_file"]),
        "name": (encrypted(tls, ssl_ca_file=ca), ["another name", "127.0.0.1", "kafka.ssl_check_hostname"]),
        "certificate": (encrypted(f"localhost:{mutual.rpartition(':')[2]}", ssl_ca_file=ca), ["kafka.ssl_cert_file"]),
        "no TLS": (encrypted(apache.address), ["kafka.security_protocol"]),
        "TLS": (
            settings_of(apache, topics, bootstrap_servers=tls, request_timeout_ms=1500),
            ["kafka.security_protocol"],
        ),
        "host": (
            settings_of(apache, topics, bootstrap_servers="no-such-host.invalid:9092"),
            ["host name", "is not known"],
        ),
        "port": (
            settings_of(apache, topics, bootstrap_servers=f"127.0.0.1:{free_port()}"),
            ["Connection refused", "kafka.bootstrap_servers"],
        ),
    }
    for name, (kafka, words) in reasons.items():
        said = await _refusal(kafka)
        assert all(word in said for word in words), f"{name}: {said}"


def authority_of(cluster: KafkaCluster) -> Path:
    return Path(cluster.brokers[0].properties["listener.name.mutual.ssl.truststore.location"])


async def test_broker_explains_why_it_makes_no_topic(apache: KafkaCluster):
    kafka = settings_of(apache)
    for plan, words in [
        (TopicPlan(configs={"retention.ms": "soon"}), "retention.ms"),
        (TopicPlan(replication_factor=3), "replication factor"),
        (TopicPlan(configs={"no.such.thing": "1"}), "no.such.thing"),
    ]:
        with pytest.raises(SinkError, match=f"did not make the topic .*(?i:{words})"):
            await create_topics(kafka, plan)
    other = sasl_settings(apache.address_of("SASL"), own_topics())
    with pytest.raises(SinkError, match="give this user Create"):
        await create_topics(other, TopicPlan())


async def test_renewed_password_and_certificates_are_taken_at_the_next_connection(apache: KafkaCluster, tmp_path: Path):
    topics = own_topics()
    await with_topics(settings_of(apache, topics))
    for topic in topics.names:
        _allow(apache, topic)
    password = tmp_path / "password"
    password.write_text("old")
    outbox = MemoryOutbox()
    kafka = sasl_settings(apache.address_of("SASL"), topics, sasl_password_file=password)
    async with publishing(outbox, kafka) as publisher:
        await outbox.put([of_kind(Kind.FAULT)])
        await until(lambda: "kafka.sasl_password_file" in publisher.stats().error)
        password.write_text(f"{PASSWORD}\n")
        await until(lambda: publisher.stats().published == 1)


async def test_token_of_a_command_opens_the_door_and_a_wrong_one_is_named(apache: KafkaCluster, tmp_path: Path):
    topics = own_topics()
    await with_topics(settings_of(apache, topics))
    for topic in topics.names:
        _allow(apache, topic)
    token = tmp_path / "token"
    token.write_text("no token at all")
    kafka = KafkaSettings.model_validate(
        {"bootstrap_servers": apache.address_of("TOKEN"), "security_protocol": "SASL_PLAINTEXT", "topics": topics}
        | {"sasl_mechanism": "OAUTHBEARER", "oauth": {"command": ["cat", str(token)]}, "request_timeout_ms": 3000}
    )
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        await outbox.put([of_kind(Kind.FAULT)])
        await until(lambda: "kafka.oauth" in publisher.stats().error)
        token.write_text(unsigned_token(USER))
        await until(lambda: publisher.stats().published == 1)


async def test_renewed_client_certificate_is_taken_at_the_next_connection(apache: KafkaCluster, tmp_path: Path):
    """The broker wants to see one: the first is a stranger's, and while key and certificate do not fit, it stays."""
    topics = own_topics()
    await with_topics(settings_of(apache, topics))
    for topic in topics.names:
        _allow(apache, topic, principal="User:CN=client")
    stranger = Authority(tmp_path, "stranger")
    certificate, key = stranger.issue("client")
    port = apache.address_of("MUTUAL").rpartition(":")[2]
    kafka = KafkaSettings.model_validate(
        {"bootstrap_servers": f"localhost:{port}", "security_protocol": "SSL", "topics": topics}
        | {"ssl_ca_file": authority_of(apache), "ssl_cert_file": certificate, "ssl_key_file": key}
        | {"ssl_check_hostname": False, "request_timeout_ms": 3000}
    )
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        await outbox.put([of_kind(Kind.FAULT)])
        await until(lambda: publisher.stats().error)
        renewed, its_key = client_certificate_of(apache)
        replace_file(certificate, renewed.read_bytes())
        await until(lambda: publisher.stats().failures >= 3)
        replace_file(key, its_key.read_bytes())
        await until(lambda: publisher.stats().published == 1)


def client_certificate_of(cluster: KafkaCluster) -> tuple[Path, Path]:
    """A certificate of the authority that the broker trusts."""
    folder = authority_of(cluster).parent
    return folder / "client.crt", folder / "client.key"


async def test_renewed_certificate_is_taken_at_the_next_connection(apache: KafkaCluster, tmp_path: Path):
    topics = own_topics()
    await with_topics(settings_of(apache, topics))
    stranger = Authority(tmp_path, "stranger")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(stranger.ca.read_bytes())
    port = apache.address_of("TLS").rpartition(":")[2]
    kafka = KafkaSettings.model_validate(
        {"bootstrap_servers": f"localhost:{port}", "security_protocol": "SSL", "ssl_ca_file": ca, "topics": topics}
        | {"ssl_check_hostname": False}
    )
    outbox = MemoryOutbox()
    async with publishing(outbox, kafka) as publisher:
        await outbox.put([of_kind(Kind.FAULT)])
        await until(lambda: "kafka.ssl_ca_file" in publisher.stats().error)
        ca.write_bytes(authority_of(apache).read_bytes())
        await until(lambda: publisher.stats().published == 1)


async def test_wrong_advertised_address_is_calm_and_named(libs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The broker answers, and says that it is somewhere else: few looks, few lines, and the reason with the address."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("aiokafka").setLevel(logging.INFO)
    wrong = f"127.0.0.1:{free_port()}"
    cluster = KafkaCluster(tmp_path / "kafka", libs, advertised={1: wrong})
    try:
        cluster.start()
        await cluster.wait_ready()
        kafka = settings_of(cluster)
        await _make_topics_at_the_door(cluster.address, kafka)
        outbox = MemoryOutbox()
        async with publishing(outbox, kafka) as publisher:
            caplog.clear()
            await outbox.put([of_kind(Kind.FAULT)])
            await until(lambda: publisher.stats().failures >= 4)
            assert wrong in publisher.stats().error
            assert "advertised.listeners" in publisher.stats().error
            assert len(caplog.records) <= 3
            assert len(outbox.events) == 1
    finally:
        cluster.stop()


async def _make_topics_at_the_door(address: str, kafka: KafkaSettings) -> None:
    """By the bootstrap address, as a client that follows the advertised one finds nobody."""
    cluster = Cluster(kafka)
    topics: list[Any] = [(name, 1, 1, [], []) for name in kafka.topics.names]
    answer = await cluster.ask(address, CreateTopicsRequest(topics, 5000, validate_only=False))
    await cluster.close()
    assert {code for _, code, *_ in answer.topic_errors} == {0}
