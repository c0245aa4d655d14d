"""A few of the outages of `make chaos`, short: nothing is missing, doubled or out of order, and all stays calm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.outages import OUTAGES
from tests.chaos.run import live_through
from tests.integration.kafka_cluster import KafkaCluster

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.mark.parametrize("name", ["all brokers frozen", "topics deleted, made again", "partitions added", "logs cut"])
async def test_outage_costs_no_event(name: str, trio: KafkaCluster, tmp_path: Path):
    (outage,) = (each for each in OUTAGES if each.name == name)
    came = await live_through(trio, outage, tmp_path / "driver", seconds=2, per_second=20)
    assert (came.missing, came.repeats, came.disordered, came.lost) == (0, 0, 0, 0)
    assert came.lookups_per_second <= 20
    assert came.lines_per_second <= 1.5
