"""The alerts in Prometheus' own promtool: silent on what a running service exports, and each fires on what it is for.

A service is started and scraped. What it exports then is what Prometheus sees of a service that is well; for each
alert the series that it is about take a bad turn, and they must have been there before, unless they are said to be new.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from sidecar.app import App
from tests.deploy import promtool
from tests.deploy.promtool import Scrape
from tests.deploy.test_monitoring import ALERTS, OF_OTHERS, settings

OWN = {"job": "tidegate", "instance": "10.0.0.1:9464"}
GOOD_MINUTES = 1500
"""More than a day, so that alerts that compare with other days have one."""
BAD_MINUTES = 30
AT = f"{GOOD_MINUTES + BAD_MINUTES - 1}m"
NAMES = {name for rule in ALERTS for name in re.findall(r"\b(?:up|tidegate_\w+)\b", rule["expr"])}


class Turn(NamedTuple):
    """Series take a bad turn: those of a name and with these labels. `values` are promtool's, from then on."""

    name: str
    values: str
    labels: Mapping[str, str] = MappingProxyType({})


GROWS = "1+1x29"
"""One more each minute."""
ONE = "1x29"

TURNS: dict[str, list[Turn]] = {
    "TidegateDown": [Turn("up", "0x29")],
    "TidegateMissing": [Turn("up", "stale")],
    "TidegateNotReady": [Turn("tidegate_ready", "0x29")],
    "TidegateEventsLost": [Turn("tidegate_outbox_lost_total", "0x24 3x4", {"severity": "low"})],
    "TidegateEventsNotRecorded": [Turn("tidegate_outbox_failing", ONE)],
    "TidegateEventsNotPublished": [Turn("tidegate_outbox_events", "7x29")],
    "TidegatePublishingFails": [Turn("tidegate_outbox_publish_failing", ONE)],
    "TidegateEventsRefused": [Turn("tidegate_publisher_refused", "0x24 1x4")],
    "TidegateEventsInMemory": [Turn("tidegate_outbox_in_memory", ONE)],
    "TidegateOutboxFilling": [
        Turn("tidegate_outbox_events", "1000+1000x29"),
        Turn("tidegate_publisher_events", "1+1x29"),
    ],
    "TidegatePassesUnread": [Turn("tidegate_unscanned_total", "0x24 1x4", {"what": "answer"})],
    "TidegatePolicyRefused": [Turn("tidegate_policy_reload_failures_total", "0x24 1x4")],
    "TidegateDetectorFailing": [Turn("tidegate_detector_outcomes_total", GROWS, {"outcome": "error"})],
    "TidegateDetectorsLate": [
        Turn("tidegate_detector_outcomes_total", "100+100x29", {"outcome": "found"}),
        Turn("tidegate_detector_outcomes_total", "2+2x29", {"outcome": "timeout"}),
    ],
    "TidegateStreamsRefused": [Turn("tidegate_streams_refused_total", GROWS, {"reason": "overloaded"})],
    "TidegateHoldsTextLong": [
        Turn("tidegate_held_seconds_bucket", "10+10x29", {"le": "2.0"}),
        Turn("tidegate_held_seconds_bucket", "10+10x29", {"le": "5.0"}),
        Turn("tidegate_held_seconds_bucket", "10+10x29", {"le": "+Inf"}),
    ],
    "TidegateViolationsSurge": [Turn("tidegate_violations_total", "10+10x29", {"action": "annotate", "rule": "r"})],
    "TidegateInferenceServerLeftAlone": [Turn("tidegate_inference_breaker_open", ONE)],
    "TidegateSinkBudgetBurnsFast": [
        Turn("tidegate_sink_waiting", "7x29"),
        Turn("tidegate_sink_last_published_seconds", "0x29"),
    ],
    "TidegateSinkBudgetBurns": [
        Turn("tidegate_sink_waiting", "7x23 0x5"),
        Turn("tidegate_sink_last_published_seconds", "0x29"),
    ],
    "TidegateStreamBudgetBurnsFast": [
        Turn("tidegate_streams_total", "100+100x29", {"ended": "finished"}),
        Turn("tidegate_streams_total", "2+2x29", {"ended": "failed"}),
    ],
    "TidegateStreamBudgetBurns": [
        Turn("tidegate_streams_total", "100+100x29", {"ended": "finished"}),
        Turn("tidegate_streams_total", "1+1x29", {"ended": "failed"}),
    ],
    "TidegateDrift": [Turn("tidegate_drift_moved", ONE)],
    "TidegateCanaryStopped": [Turn("tidegate_canary_stopped", ONE)],
    "TidegateClientsFoundNoService": [Turn("tidegate_client_outage_calls_total", "0x24 3x4")],
}
"""Alert -> what makes it fire, and it alone, but for `ALSO`."""

ALSO = {
    "TidegateStreamsRefused": ("TidegateStreamBudgetBurnsFast", "TidegateStreamBudgetBurns"),
    "TidegateStreamBudgetBurnsFast": ("TidegateStreamBudgetBurns",),
    "TidegateSinkBudgetBurnsFast": ("TidegateSinkBudgetBurns",),
}
"""Alert -> those that what makes it fire makes fire, too: what is bad enough for an hour is so for six."""

NEW = {
    "TidegateEventsLost": Turn("tidegate_outbox_lost_total", "3x4", {**OWN, "severity": "high"}),
    "TidegatePassesUnread": Turn("tidegate_unscanned_total", "1x4", {**OWN, "what": "request", "path": "/"}),
}
"""Alert -> a series that begins with what it is about, in a service that was started a moment ago."""


@pytest.fixture(autouse=True)
def installed(missing: Callable[[str], None]) -> None:
    if not promtool.PROGRAM.exists():
        missing("promtool (make deploy-tools, with apt-get or an installed Prometheus)")


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Scrape:
    """What a service exports that was just started, of what alerts look at; `up` is Prometheus' own word for it."""
    exposition = asyncio.run(_scraped(tmp_path_factory.mktemp("service")))
    found = promtool.scraped(exposition, OWN, NAMES)
    for name, labels in OF_OTHERS.items():
        found[promtool.series(name, {**dict.fromkeys(labels, "any"), **OWN})] = promtool.constant(0)
    return {promtool.series("up", OWN): promtool.constant(1), **found}


async def _scraped(folder: Path) -> str:
    async with (app := App(settings(folder))).running():
        app.metrics.remote("encoder", is_open=lambda: False)  # as with an inference server
        return app.metrics.render().decode()


def _turned(well: Scrape, turns: list[Turn]) -> Scrape:
    """All is well for a day, then the series turn."""
    found = dict(well)
    for turn in turns:
        wanted = [name for name in well if _is_of(name, turn)]
        assert wanted, f"a service that is well has no {turn.name} with {turn.labels}"
        for name in wanted:
            start = well[name].partition("x")[0]
            found[name] = f"{start}x{GOOD_MINUTES - 1} {turn.values}"
    return found


def _is_of(name: str, turn: Turn) -> bool:
    return name.startswith(f"{turn.name}{{") and all(f'{key}="{value}"' in name for key, value in turn.labels.items())


def _test(name: str, found: Scrape, at: str, alerts: dict[str, int]) -> dict[str, object]:
    inputs = [{"series": series, "values": values} for series, values in found.items()]
    return {"name": name, "interval": "1m", "input_series": inputs, "promql_expr_test": promtool.firing(at, alerts)}


def test_it_is_known_of_every_alert_what_makes_it_fire():
    assert set(TURNS) == {rule["alert"] for rule in ALERTS}


def test_the_rules_are_sound():
    assert promtool.check_rules() == ""


def test_a_service_that_is_well_raises_no_alert(well: Scrape, tmp_path: Path):
    assert len(well) > 30
    assert promtool.run([_test("well", well, at, {}) for at in ("0m", "20m", AT)], tmp_path) == ""


@pytest.mark.parametrize("alert", [rule["alert"] for rule in ALERTS])
def test_an_alert_fires_on_what_it_is_for_and_no_other_does(alert: str, well: Scrape, tmp_path: Path):
    found = _turned(well, TURNS[alert])
    firing = dict.fromkeys([alert, *ALSO.get(alert, ())], 1)
    assert promtool.run([_test(alert, found, AT, firing)], tmp_path) == ""


@pytest.mark.parametrize("alert", NEW)
def test_what_happens_before_the_first_scrape_of_a_service_fires_too(alert: str, well: Scrape, tmp_path: Path):
    turn = NEW[alert]
    found = {**well, promtool.series(turn.name, turn.labels): f"_x{GOOD_MINUTES} {turn.values}"}
    at = f"{GOOD_MINUTES + 3}m"
    assert promtool.run([_test(alert, found, at, {alert: 1})], tmp_path) == ""


def test_a_young_installation_has_no_surge(well: Scrape, tmp_path: Path):
    """Its first violations are many times those of other days, of which there are none."""
    found = dict(well)
    for name in well:
        if _is_of(name, TURNS["TidegateViolationsSurge"][0]):
            found[name] = "0x100 10+10x60"
    assert promtool.run([_test("young", found, "150m", {})], tmp_path) == ""
