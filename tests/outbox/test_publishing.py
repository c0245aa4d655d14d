"""Several sinks from one outbox, with their publishers: settings, outages, kills, and what is told of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp import web
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.config import load_settings
from sidecar.console.state import merged, outbox_of
from sidecar.errors import ConfigError
from sidecar.outbox.encode import decode_line
from sidecar.outbox.publishing import Publishing, entries_of
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings, Topics
from sidecar.outbox.sink_metrics import watch_sinks
from sidecar.outbox.sink_settings import TopicKind, View
from sidecar.outbox.views import ViewName
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Severity
from tests.outbox.receivers import Collector, Receiver, listening
from tests.outbox.samples import a_fault, a_violation, of_severity

SECRET = "whsec_" + "c2VjcmV0IGZvciB0ZXN0cywgbm90aGluZyBlbHNl"
FAST = {"linger_ms": 0, "max_backoff_ms": 20, "batch_events": 50}


def publishing_of(folder: Path, sinks: Sequence[Any], **outbox: Any) -> Publishing:
    settings = OutboxSettings.model_validate({"path": folder / "o.db", "durability": "normal", **outbox})
    return Publishing(settings, EventSettings.model_validate({"sinks": sinks, **FAST}), KafkaSettings())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def numbers_in(file: Path) -> list[int]:
    return [decode_line(line).data.ids.sequence for line in file.read_bytes().splitlines()] if file.exists() else []


def number_of(taken: Any) -> int:
    """The sequence number of what a receiver or a collector has."""
    if isinstance(taken, LogRecord):
        return next(each.value.int_value for each in taken.attributes if each.key == "tidegate.sequence")
    return int(taken["sequence"])


# --- Settings ---------------------------------------------------------------------------------------------------------


def refusal(environment: Mapping[str, str]) -> str:
    with pytest.raises(ConfigError) as told:
        load_settings(None, {f"TIDEGATE_{key}": value for key, value in environment.items()})
    return str(told.value)


def sinks(*each: Any) -> dict[str, str]:
    return {"EVENTS__SINKS": json.dumps(each)}


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (sinks("stdout") | {"EVENTS__SINK": "file"}, "sink and sinks are both set; keep sinks"),
        (sinks("file", "file"), "two sinks are called file; give each a name of its own"),
        (sinks({"file": {}}, {"file": {"name": "other"}}), "file and other write to the same place"),
        (sinks({"kafka": {}}, {"kafka": {"name": "second"}}), "kafka and second write to the same place"),
        (sinks("syslog"), "syslog: is not a setting"),
        (sinks({"file": {}, "stdout": {}}), "needs one kind: kafka, file, stdout, webhook or otlp"),
        (sinks({"webhook": {"url": "ftp://x", "is_unsigned": True}}), "must begin with http:// or https://"),
        (sinks({"webhook": {"url": "https://u:p@x/"}}), "holds a login, which logs would show"),
        (sinks({"webhook": {"url": "https://x/"}}), "needs one of secret_file, secret and is_unsigned: true"),
        (sinks({"webhook": {"url": "https://x/", "secret": SECRET, "is_unsigned": True}}), "needs one of secret_file"),
        (sinks({"otlp": {"url": "http://x/", "ca_file": "ca.pem"}}), "ca_file is set, and url is not https"),
        (sinks({"stdout": {"filter": {"severity": "high"}}}), "filter.severity: is not a setting"),
        (sinks({"stdout": {"view": "xml"}}), "view: Input should be 'cloudevents', 'ocsf' or 'ecs'"),
        (sinks({"kafka": {"view": "ocsf"}}) | {"EVENTS__FORMAT": "protobuf"}, "format protobuf writes events as they"),
        ({"EVENTS__SINKS": "kafka, webhook"}, 'must be a list in JSON, such as [{"stdout": {}}]'),
    ],
)
def test_contradictions_are_refused_with_what_to_do(environment: dict[str, str], says: str):
    assert says in refusal(environment)


def test_secret_is_in_no_message():
    assert "c2VjcmV0" not in refusal(sinks({"webhook": {"url": "ftp://x", "secret": SECRET}}))


def test_sink_that_is_to_be_forgotten_is_not_used_as_well(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"names the sink file, which events\.sinks has as well"):
        publishing_of(tmp_path, [{"file": {"path": tmp_path / "x"}}], forget_sinks=("file",))


def test_error_of_a_sink_names_it(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"events\.sinks \(soc\).*secret_file: cannot read"):
        publishing_of(tmp_path, [{"webhook": {"name": "soc", "url": "http://x/", "secret_file": tmp_path / "no"}}])


@pytest.mark.parametrize(
    ("values", "brokers", "names"),
    [
        ({}, "", []),
        ({}, "b:1", ["kafka"]),
        ({"sink": "none"}, "b:1", []),
        ({"sink": "file"}, "b:1", ["file"]),
        (
            {"sinks": ["kafka", {"webhook": {"name": "soc", "url": "http://x/", "is_unsigned": True}}]},
            "b:1",
            ["kafka", "soc"],
        ),
    ],
)
def test_sinks_are_what_the_settings_say(values: dict[str, Any], brokers: str, names: list[str]):
    events, kafka = EventSettings.model_validate(values), KafkaSettings(bootstrap_servers=brokers)
    assert [entry.name for entry in entries_of(events, kafka)] == names


def test_settings_know_every_view():
    assert get_args(View) == get_args(ViewName)


def test_settings_know_every_topic_that_the_service_publishes_to():
    assert {*get_args(TopicKind)} == Topics.model_fields.keys() - {"labels"}


# --- Several at a time ------------------------------------------------------------------------------------------------


async def test_each_sink_gets_what_it_wants_in_its_view_and_one_that_is_dead_delays_none(tmp_path: Path):
    events = [
        of_severity(severity) for severity in (Severity.LOW, Severity.HIGH, Severity.INFO, Severity.CRITICAL) * 25
    ]
    async with listening(Receiver()) as receiver, listening(Collector()) as collector:
        receiver.respond = lambda _events: web.Response(status=503)
        publishing = publishing_of(
            tmp_path,
            [
                {"file": {"path": tmp_path / "all.jsonl"}},
                {"webhook": {"url": receiver.url, "secret": SECRET, "filter": {"min_severity": "high"}}},
                {"otlp": {"url": collector.url, "filter": {"severities": ["low"]}, "view": "ecs"}},
            ],
        )
        await publishing.start()
        for event in events:
            await publishing.outbox.put([event])
        await until(lambda: len(numbers_in(tmp_path / "all.jsonl")) == 100)
        await collector.until(lambda: len(collector.taken) == 25)
        stats = publishing.stats()
        assert stats["webhook"].published == 0
        assert stats["webhook"].failures > 0
        assert publishing.note.startswith("webhook: failing")
        await until(lambda: publishing.outbox.stats().owed == {"file": 0, "webhook": 50, "otlp": 0})
        receiver.respond = lambda _events: web.Response(status=200)
        await until(lambda: publishing.outbox.stats().waiting_events == 0)
        assert publishing.note == ""
        await publishing.stop()
    assert numbers_in(tmp_path / "all.jsonl") == list(range(1, 101))
    assert [number_of(each) for each in receiver.taken] == list(range(1, 51))
    assert [each["id"] for each in receiver.taken] == [e.id for e in events if e.severity >= Severity.HIGH]
    assert [number_of(each) for each in collector.taken] == list(range(1, 26))


async def test_event_that_a_webhook_refuses_is_told_of_to_it_and_is_everywhere_else(tmp_path: Path):
    events = [a_violation() for _ in range(10)]

    def respond(batch: Sequence[Any]) -> web.Response:
        return web.Response(status=422 if any(each["id"] == events[4].id for each in batch) else 200)

    async with listening(Receiver()) as receiver:
        receiver.respond = respond
        publishing = publishing_of(
            tmp_path,
            [{"file": {"path": tmp_path / "all.jsonl"}}, {"webhook": {"url": receiver.url, "secret": SECRET}}],
        )
        await publishing.outbox.start()
        await publishing.outbox.put(events)
        await publishing.begin()
        await until(lambda: publishing.outbox.stats().waiting_events == 0)
        stats = publishing.outbox.stats()
        await publishing.stop()
    assert publishing.stats()["webhook"].refused == 1
    assert (stats.lost_by["file"], stats.lost_by["webhook"]) == ({}, {Severity.HIGH: 1})
    assert len(numbers_in(tmp_path / "all.jsonl")) == 10
    told = [each for each in receiver.taken if each["type"] == "dev.tidegate.fault.v1"]
    assert [(number_of(each), each["data"]["fault"]) for each in told] == [(5, "events_lost")]
    assert sorted(map(number_of, receiver.taken)) == list(range(1, 11))


DRIVER = """
import asyncio, json, sys
from pathlib import Path
from sidecar.outbox.publishing import Publishing
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings
from tests.outbox.samples import a_fault

async def main() -> None:
    given = json.loads(sys.argv[1])
    publishing = Publishing(
        OutboxSettings.model_validate(given["outbox"]), EventSettings.model_validate(given["events"]), KafkaSettings()
    )
    await publishing.start()
    for number in range(given["first"], given["first"] + given["count"]):
        await publishing.outbox.put([a_fault(what=str(number))])
        print(number, flush=True)
    while any(publishing.outbox.stats().owed.values()):
        await asyncio.sleep(0.01)
    await publishing.stop()

asyncio.run(main())
"""


async def run_and_kill(given: dict[str, Any], kill_after: int, shown: int) -> int:
    """Have a process record and publish, and kill it after so many events were shown; how many are shown by then."""
    driver = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DRIVER,
        json.dumps(given),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert driver.stdout is not None
    for _ in range(kill_after):
        shown = int(await driver.stdout.readline()) + 1
    if kill_after:
        driver.send_signal(signal.SIGKILL)
    for line in (await driver.stdout.read()).splitlines():
        shown = max(shown, int(line) + 1)
    await driver.wait()
    return shown


@pytest.mark.slow
async def test_kill_9_at_any_moment_loses_nothing_for_any_sink(tmp_path: Path):
    """Killed again and again while three sinks are at work; each has all that was shown, without a gap."""
    shown = 0
    async with listening(Receiver()) as receiver, listening(Collector()) as collector:
        given = {
            "outbox": {"path": str(tmp_path / "o.db"), "durability": "normal"},
            "events": {
                **FAST,
                "batch_events": 3,
                "sinks": [
                    {"file": {"path": str(tmp_path / "all.jsonl")}},
                    {"webhook": {"url": receiver.url, "secret": SECRET, "filter": {"kinds": ["fault"]}}},
                    {"otlp": {"url": collector.url}},
                ],
            },
        }
        for kill_after in (1, 30, 7, 55, 0):
            count = 60 if kill_after else 1
            shown = await run_and_kill(given | {"first": shown, "count": count}, kill_after, shown)
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_bytes().splitlines()]
    found = {
        "file": [(int(each["sequence"]), each["subject"]) for each in lines],
        "webhook": [(number_of(each), each["subject"]) for each in receiver.taken],
        "otlp": [(number_of(each), subject_of(each)) for each in collector.taken],
    }
    for name, pairs in found.items():
        assert len({number for number, _ in pairs}) == len(set(pairs)), f"{name}: a number is one event's"
        first = dict(reversed(pairs))
        assert sorted(first) == list(range(1, len(first) + 1)), f"{name}: without a gap"
        subjects = list(dict.fromkeys(int(first[number]) for number in sorted(first)))
        assert subjects[:shown] == list(range(shown)), f"{name}: all that was shown, in order"


def subject_of(record: LogRecord) -> str:
    return next(each.value.string_value for each in record.attributes if each.key == "cloudevents.event_subject")


async def test_what_a_stopping_service_has_left_goes_out_at_the_next_start(tmp_path: Path):
    async with listening(Receiver()) as receiver:
        entries = [{"webhook": {"url": receiver.url, "secret": SECRET}}]
        receiver.respond = lambda _events: web.Response(status=500)
        publishing = publishing_of(tmp_path, entries)
        await publishing.start()
        await publishing.outbox.put([a_fault(), a_fault()])
        await receiver.until(lambda: bool(receiver.requests))
        await publishing.stop()
        receiver.respond = lambda _events: web.Response(status=200)
        again = publishing_of(tmp_path, entries)
        await again.start()
        await receiver.until(lambda: len(receiver.taken) == 2)
        await again.stop()
    assert [number_of(each) for each in receiver.taken] == [1, 2]


# --- What is told -----------------------------------------------------------------------------------------------------


async def test_metrics_and_the_console_tell_of_each_sink(tmp_path: Path):
    async with listening(Receiver()) as receiver:
        receiver.respond = lambda _events: web.Response(status=503)
        publishing = publishing_of(
            tmp_path,
            [{"file": {"path": tmp_path / "all.jsonl"}}, {"webhook": {"url": receiver.url, "secret": SECRET}}],
        )
        metrics = Metrics("1")
        watch_sinks(metrics, publishing)
        await publishing.start()
        await publishing.outbox.put([a_fault(), a_fault()])
        await until(lambda: publishing.stats()["file"].published == 2 and publishing.stats()["webhook"].failures)
        await until(lambda: publishing.outbox.stats().owed["file"] == 0)
        told = metrics.render().decode()
        state = outbox_of(publishing.outbox.stats(), publishing.stats(), publishing.note)
        await publishing.stop()
    for line in (
        'tidegate_sink_waiting{sink="file"} 0.0',
        'tidegate_sink_waiting{sink="webhook"} 2.0',
        'tidegate_sink_published_total{sink="file"} 2.0',
        'tidegate_sink_lost_total{sink="webhook"} 0.0',
        'tidegate_outbox_publish_failing{reason="http_503",sink="webhook",topic="all"} 1.0',
        "tidegate_publisher_events 2.0",
    ):
        assert line in told
    by_name = {each["name"]: each for each in state["sinks"]}
    assert (by_name["file"]["published"], by_name["file"]["note"]) == (2, "")
    assert (by_name["webhook"]["waiting"], by_name["webhook"]["published"]) == (2, 0)
    assert "answered 503" in by_name["webhook"]["note"]
    latest = by_name["file"]["last_published"]
    both = merged([{"outbox": state, "latest": [], "recent": {}, "streams": {}, "queue": {}}] * 2)["outbox"]["sinks"][0]
    assert (both["name"], both["published"], both["last_published"]) == ("file", 4, latest)
