"""A real Prometheus scrapes a real service, and its alerts fire for outages that the test makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tidegate
from tests.deploy.prometheus import PROGRAM, Prometheus, hastened, prometheus
from tests.deploy.promtool import RULES
from tests.integration.broker import free_port
from tests.integration.sidecar import Sidecar

pytestmark = pytest.mark.slow

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: default, version: "1"}
rules:
  - {id: no-plums, detect: {detector: patterns, keywords: {PLUM: [plum]}}, action: redact}
"""
SETTINGS = {
    "events": {"sink": "kafka"},
    "kafka": {"bootstrap_servers": f"127.0.0.1:{free_port()}"},
    "usage": {"prices": {"m": {"input": 2, "output": 8}}},
}
"""Its broker is dead from the beginning."""


@pytest.fixture(autouse=True)
def installed(missing: Callable[[str], None]) -> None:
    if not PROGRAM.exists():
        missing("Prometheus (make deploy-tools, with apt-get or an installed one)")


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Sidecar]:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/default.yaml").write_text(POLICY)
    made = Sidecar(tmp_path, SETTINGS)
    try:
        yield made
    finally:
        made.kill()


def test_only_waits_are_hastened():
    text = RULES.read_text(encoding="utf-8")
    fast = hastened(text)
    assert "for: 5000ms" in fast
    assert "[15000ms]" in fast
    assert "offset 10000ms" in fast
    assert len(fast.splitlines()) == len(text.splitlines())


async def test_alerts_fire_for_a_dead_broker_and_for_a_dead_service(sidecar: Sidecar, tmp_path: Path):
    await sidecar.start()
    with prometheus(tmp_path, [sidecar.admin]) as server:
        await server.until(lambda: server.values("tidegate_ready") == [1.0])
        assert {each["health"] for each in server.ask("targets")["activeTargets"]} == {"up"}
        names = [rule["name"] for group in server.ask("rules")["groups"] for rule in group["rules"]]
        assert names.count("TidegateDown") == 2

        async with tidegate.AsyncClient(sidecar.address) as client:
            usage = tidegate.Usage(input_tokens=1000, output_tokens=500)
            trace = f"00-{TRACE}-00f067aa0ba902b7-01"
            await client.check("A plum.", model="m", tenant="acme", usage=usage, traceparent=trace)
        await server.until(lambda: server.values('tidegate_tokens_total{kind="output",tenant="acme"}') == [500.0])
        assert server.values("tidegate_cost_total") == [pytest.approx(0.006)]
        await server.until(lambda: TRACE in str(exemplars(server)))

        await server.until(lambda: "TidegateEventsNotPublished" in server.firing())
        assert "TidegateDown" not in server.firing()
        sidecar.kill()
        await server.until(lambda: "TidegateDown" in server.firing())


def exemplars(server: Prometheus) -> object:
    """The traces that counts are joined to."""
    return server.ask("query_exemplars", query="tidegate_tokens_total", start="0", end="9999999999")
