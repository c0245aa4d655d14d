"""The sinks that are servers, each against a server: what is sent, and what becomes of what it answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cloudevents.core.v1.event import CloudEvent
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)

from sidecar.errors import ConfigError
from sidecar.outbox.http_sink import HttpSink
from sidecar.outbox.otlp import OtlpWriter, log_record
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.sink_settings import OtlpEntry, WebhookEntry
from sidecar.outbox.sinks import Delivery, SinkError
from sidecar.outbox.webhook import WebhookWriter, keys_in, message_id, sign
from tests.outbox.receivers import Collector, Receiver, ids, listening, only_without, protobuf
from tests.outbox.samples import NOW, TRACE, a_fault, a_violation, numbered

SECRET = "whsec_" + base64.b64encode(b"a key for tests, and no other use").decode()


def a_webhook(url: str, **values: Any) -> HttpSink:
    unsigned = {} if {"secret", "secret_file"} & values.keys() else {"is_unsigned": True}
    settings = WebhookEntry.model_validate({"url": url, **unsigned, **values})
    return HttpSink(settings, WebhookWriter(settings, now=lambda: NOW), name="webhook", now=lambda: NOW)


def a_collector(url: str, **values: Any) -> HttpSink:
    settings = OtlpEntry.model_validate({"url": url, **values})
    return HttpSink(settings, OtlpWriter(settings, now=lambda: NOW), name="otlp", now=lambda: NOW)


def batch(count: int) -> list[Numbered]:
    return [numbered(a_fault(), sequence) for sequence in range(1, count + 1)]


async def deliver(sink: HttpSink, events: Sequence[Numbered]) -> Delivery:
    """Publish as a lane does, halves and all, until everything is done or something fails."""
    done, refused = 0, dict[int, str]()
    for _ in range(1000):
        delivery = await sink.publish(events[done:])
        done, refused = done + delivery.done, refused | dict(delivery.refused)
        if delivery.error or done == len(events):
            return Delivery(done=done, refused=refused, error=delivery.error, retry_s=delivery.retry_s)
    raise AssertionError("it does not come to an end")


# --- What is sent -----------------------------------------------------------------------------------------------------


async def test_webhook_gets_a_batch_of_cloudevents():
    events = [numbered(a_violation(), 1), numbered(a_fault(), 2)]
    async with listening(Receiver()) as receiver:
        sink = a_webhook(receiver.url)
        assert await sink.publish(events) == Delivery(done=2)
        await sink.stop()
    ((headers, body),) = receiver.requests
    assert headers["content-type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert "webhook-signature" not in headers
    found = json.loads(body)
    assert [each["id"] for each in found] == ids(events)
    assert [each["sequence"] for each in found] == [f"{1:020d}", f"{2:020d}"]
    for each in found:
        CloudEvent(
            attributes={key: value for key, value in each.items() if key not in {"data", "time"}}, data=each["data"]
        )


async def test_view_of_a_webhook_is_an_array_of_its_objects():
    async with listening(Receiver()) as receiver:
        sink = a_webhook(receiver.url, view="ocsf")
        await sink.publish([numbered(a_violation())])
        await sink.stop()
    ((headers, body),) = receiver.requests
    assert headers["content-type"].startswith("application/json")
    assert [each["class_uid"] for each in json.loads(body)] == [2004]


def test_signature_is_that_of_the_specifications_example():
    (key,) = keys_in("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret")
    found = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def verified(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """As a receiver does it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")


async def test_secret_is_rotated_without_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """For a while both are in the file, and each request bears both signatures."""
    other = "whsec_" + base64.b64encode(b"the next key, at least 24 bytes").decode()
    file = tmp_path / "secrets"
    file.write_text(SECRET)
    async with listening(Receiver()) as receiver:
        sink = a_webhook(receiver.url, secret_file=file)
        for content, valid in [(SECRET, [SECRET]), (f"{SECRET}\n{other}\n", [SECRET, other]), (other, [other])]:
            file.write_text(content)
            await sink.publish(batch(1))
            headers, body = receiver.requests[-1]
            assert [each for each in (SECRET, other) if verified(headers, body, each)] == valid
            assert headers["webhook-timestamp"] == str(int(NOW))
        file.unlink()
        assert (await sink.publish(batch(1))).done == 1, "the last one stays in use"
        await sink.stop()
    assert SECRET not in caplog.text


async def test_message_has_the_same_id_when_it_is_sent_again_and_no_other_has_it():
    async with listening(Receiver()) as receiver:
        sink = a_webhook(receiver.url, secret=SECRET)
        receiver.respond = lambda _events: web.Response(status=503)
        await sink.publish(batch(2))
        receiver.respond = lambda _events: web.Response(status=200)
        events = batch(3)
        await sink.publish(events[:2])
        await sink.publish(events[2:])
        await sink.stop()
    names = [headers["webhook-id"] for headers, _ in receiver.requests]
    assert names[0] == names[1] != names[2]
    assert message_id(events) not in names


async def test_headers_come_from_the_settings_and_from_files(tmp_path: Path):
    (tmp_path / "token").write_text("Bearer abc\n")
    async with listening(Receiver()) as receiver:
        sink = a_webhook(receiver.url, headers={"x-team": "trust"}, header_files={"authorization": tmp_path / "token"})
        await sink.publish(batch(1))
        (tmp_path / "token").write_text("Bearer renewed")
        await sink.publish(batch(1))
        await sink.stop()
    assert [headers["authorization"] for headers, _ in receiver.requests] == ["Bearer abc", "Bearer renewed"]
    assert receiver.requests[0][0]["x-team"] == "trust"


@pytest.mark.parametrize("compression", ["none", "gzip"])
async def test_collector_gets_log_records(compression: str):
    event = a_violation()
    async with listening(Collector()) as collector:
        sink = a_collector(collector.url, compression=compression, resource={"deployment.environment.name": "test"})
        assert await sink.publish([numbered(event)]) == Delivery(done=1)
        await sink.stop()
    (record,) = collector.taken
    attributes = {each.key: each.value for each in record.attributes}
    assert record.event_name == "dev.tidegate.violation.v1"
    assert (record.severity_number, record.severity_text) == (17, "high")
    assert record.time_unix_nano == 1_790_000_000_250_000_000
    assert record.trace_id.hex() == TRACE
    assert record.span_id.hex() == "00f067aa0ba902b7"
    assert attributes["cloudevents.event_id"].string_value == event.id
    assert attributes["tidegate.sequence"].int_value == 4711
    assert attributes["tidegate.tenant"].string_value == "acme"
    assert attributes["tidegate.rule"].string_value
    body = {each.key: each.value for each in record.body.kvlist_value.values}
    assert body["kind"].string_value == "violation"


def test_log_record_of_a_view_has_it_as_its_body():
    record = log_record("ocsf", numbered(a_violation()), NOW)
    assert record is not None
    assert {each.key: each.value.int_value for each in record.body.kvlist_value.values}["class_uid"] == 2004


# --- What is answered -------------------------------------------------------------------------------------------------


async def test_refused_batch_is_halved_until_the_one_event_is_found():
    events = batch(40)
    async with listening(Receiver()) as receiver:
        receiver.respond = only_without(events[17].event.id, events[18].event.id, events[30].event.id)
        sink = a_webhook(receiver.url)
        delivery = await deliver(sink, events)
        await sink.stop()
    assert (delivery.done, delivery.error, sorted(delivery.refused)) == (40, "", [18, 19, 31])
    assert "answered 400 (Bad Request)" in delivery.refused[18]
    assert [each["id"] for each in receiver.taken] == [
        each.event.id for each in events if each.sequence not in {18, 19, 31}
    ], "in order, each once"


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_server_that_takes_nothing_at_all_costs_no_event(status: int):
    """A receiver that cannot verify our signatures answers 400 to everything."""
    async with listening(Receiver()) as receiver:
        receiver.respond = lambda _events: web.Response(status=status)
        sink = a_webhook(receiver.url)
        delivery = await deliver(sink, batch(20))
        await sink.stop()
    assert (delivery.done, delivery.refused) == (0, {})
    assert "no other event was taken" in delivery.error


async def test_event_that_is_refused_alone_waits_for_one_that_is_taken():
    events = batch(2)
    async with listening(Receiver()) as receiver:
        receiver.respond = only_without(events[0].event.id)
        sink = a_webhook(receiver.url)
        first = await sink.publish(events[:1])
        assert (first.done, first.refused) == (0, {})
        assert first.error
        delivery = await deliver(sink, events)
        await sink.stop()
    assert (delivery.done, list(delivery.refused)) == (2, [1])


@pytest.mark.parametrize(
    ("status", "headers", "retry_s"),
    [
        (429, {"Retry-After": "7"}, 7.0),
        (503, {"Retry-After": "Tue, 22 Sep 2026 01:47:10 GMT"}, 149_629.75),
        (503, {"Retry-After": "soon"}, 0.0),
        (500, {}, 0.0),
        (410, {}, 3600.0),
        (429, {"Retry-After": "999999"}, 3600.0),
    ],
)
async def test_server_says_when_to_come_again(status: int, headers: dict[str, str], retry_s: float):
    async with listening(Receiver()) as receiver:
        receiver.respond = lambda _events: web.Response(status=status, headers=headers)
        sink = a_webhook(receiver.url)
        delivery = await sink.publish(batch(3))
        await sink.stop()
    assert (delivery.done, delivery.refused) == (0, {})
    assert delivery.retry_s == min(retry_s, 3600.0)
    assert delivery.error.name == f"http_{status}"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "secret"), (403, "header_files"), (404, "path of url"), (308, "moved"), (410, "nobody wants")],
)
async def test_what_is_the_settings_fault_is_said_and_costs_no_event(status: int, says: str):
    async with listening(Receiver()) as receiver:
        receiver.respond = lambda _events: web.Response(status=status, headers={"Location": "/elsewhere"})
        sink = a_webhook(receiver.url)
        delivery = await sink.publish(batch(1))
        await sink.stop()
    assert (delivery.done, delivery.refused) == (0, {})
    assert says in delivery.error


async def test_what_a_server_says_is_repeated_nowhere(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    async with listening(Receiver()) as receiver:
        receiver.respond = lambda _events: web.Response(status=500, text="planted words of the text")
        sink = a_webhook(receiver.url)
        delivery = await sink.publish(batch(1))
        await sink.stop()
    assert "planted" not in delivery.error + caplog.text


async def test_server_that_is_not_there_is_named_without_its_path():
    sink = a_webhook("http://127.0.0.1:1/path?token=planted")
    with pytest.raises(SinkError, match=r"the webhook at 127\.0\.0\.1:1 cannot be reached: Connection refused") as told:
        await sink.publish(batch(1))
    await sink.stop()
    assert "planted" not in str(told.value)


async def test_partial_success_is_not_sent_again_and_is_counted():
    async with listening(Collector()) as collector:
        partial = ExportLogsPartialSuccess(rejected_log_records=2, error_message="planted words")
        collector.respond = lambda _records: protobuf(ExportLogsServiceResponse(partial_success=partial))
        sink = a_collector(collector.url)
        assert await sink.publish(batch(5)) == Delivery(done=5, rejected=2)
        await sink.stop()
    assert len(collector.requests) == 1


async def test_answer_that_is_no_protobuf_counts_as_taken():
    async with listening(Collector()) as collector:
        collector.respond = lambda _records: web.Response(text="fine, thank you")
        sink = a_collector(collector.url)
        assert await sink.publish(batch(2)) == Delivery(done=2)
        await sink.stop()


# --- Settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"secret": "whsec_no base64"}, "is not base64"),
        ({"secret": "whsec_" + base64.b64encode(b"short").decode()}, "is 5 bytes long"),
        ({"secret_file": "/no/such/file"}, "cannot read /no/such/file: No such file"),
        ({"header_files": {"authorization": "/no/such/file"}}, "header_files.authorization: cannot read"),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(values: dict[str, Any], says: str):
    with pytest.raises(ConfigError, match=says) as told:
        a_webhook("http://localhost/", **values)
    assert "no base64" not in str(told.value)
