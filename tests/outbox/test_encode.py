"""Events on the wire: CloudEvents by their own SDK, JSON by the published schemas, protobuf there and back."""

from __future__ import annotations

import json

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from jsonschema import Draft202012Validator

from sidecar.outbox.encode import (
    TYPES,
    Delivered,
    EventError,
    dataschema,
    decode,
    decode_line,
    encode,
    encode_line,
    from_proto,
    to_proto,
)
from sidecar.outbox.event import Event, Kind
from sidecar.outbox.schemas import make, path_of, read
from tests.outbox.samples import INFO, NOW, TRACE, a_fault, a_violation, numbered, one_of_each

EVENTS = one_of_each()
NAMES = [f"{event.kind}-{index}" for index, event in enumerate(EVENTS)]
each_event = pytest.mark.parametrize("event", EVENTS, ids=NAMES)
LATER = NOW + 1


@each_event
def test_cloudevents_sdk_reads_the_binary_mode(event: Event):
    message = encode(numbered(event), LATER)
    read_back = from_binary(
        KafkaMessage(headers=dict(message.headers), key=message.key, value=message.value), JSONFormat(), CloudEvent
    )
    assert (read_back.get_id(), read_back.get_type()) == (event.id, TYPES[event.kind])
    assert read_back.get_source() == "/tidegate/tidegate-test"
    assert read_back.get_subject() == event.subject
    assert read_back.get_dataschema() == dataschema(event.kind)
    assert read_back.get_extension("sequence") == "00000000000000004711"
    assert read_back.get_data() == json.loads(message.value)


@each_event
def test_cloudevents_sdk_reads_the_lines(event: Event):
    line = encode_line(numbered(event), LATER)
    assert line.count(b"\n") == 1
    read_back = JSONFormat().read(CloudEvent, line)
    assert (read_back.get_id(), read_back.get_type()) == (event.id, TYPES[event.kind])
    assert read_back.get_datacontenttype() == "application/json"


@each_event
def test_value_is_valid_by_the_published_schema(event: Event):
    value = json.loads(encode(numbered(event), LATER).value)
    schema = read(event.kind)
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(value)) == []


@each_event
def test_schema_knows_every_field_that_is_sent(event: Event):
    schema = read(event.kind)
    value = json.loads(encode(numbered(event), LATER).value)
    assert unknown_fields(value, schema, schema) == []


def unknown_fields(value: object, schema: dict[str, object], root: dict[str, object], path: str = "$") -> list[str]:
    """Where a value has a field that its schema does not name."""
    for option in schema.get("anyOf", [schema]):  # type: ignore[attr-defined]
        if "$ref" in option:
            schema = root["$defs"][option["$ref"].removeprefix("#/$defs/")]  # type: ignore[index]
    properties = schema.get("properties")
    if isinstance(value, dict) and isinstance(properties, dict):
        known = [f"{path}.{name}" for name in value if name not in properties]
        for name in value.keys() & properties.keys():
            known += unknown_fields(value[name], properties[name], root, f"{path}.{name}")
        return known
    if isinstance(value, list) and "items" in schema:
        return [each for item in value for each in unknown_fields(item, schema["items"], root, f"{path}[]")]  # type: ignore[arg-type]
    return []


@pytest.mark.parametrize("kind", list(Kind))
def test_published_schemas_are_what_the_structs_give(kind: Kind):
    """If this fails, run `python -m sidecar.outbox.schemas` and review what changed: fields are only ever added."""
    assert json.loads(path_of(kind).read_text(encoding="utf-8")) == json.loads(json.dumps(make(kind)))


@pytest.mark.parametrize(
    "broken",
    [{"sequence": 0}, {"sequence": "1"}, {"event": "no uuid"}, {"producer": None}],
    ids=["number 0", "number as text", "no uuid", "no producer"],
)
def test_schema_refuses_what_is_no_event(broken: dict[str, object]):
    value = json.loads(encode(numbered(a_violation()), LATER).value)
    value["ids"] |= broken
    assert not Draft202012Validator(read(Kind.VIOLATION)).is_valid(value)


@each_event
def test_json_message_comes_back_with_its_number_and_times(event: Event):
    message = encode(numbered(event), LATER)
    delivered = decode(message.headers, message.value)
    assert_same(delivered, event)


@each_event
def test_line_comes_back(event: Event):
    assert_same(decode_line(encode_line(numbered(event), LATER)), event)


@each_event
def test_protobuf_message_comes_back(event: Event):
    message = encode(numbered(event), LATER, "protobuf")
    headers = dict(message.headers)
    assert headers["content-type"] == b"application/protobuf"
    assert headers["ce_dataschema"] == b"https://tidegate.dev/schema/events/events.proto"
    assert_same(decode(message.headers, message.value), event)


def assert_same(delivered: Delivered, event: Event) -> None:
    sent, data = event.data, delivered.data
    assert (data.ids.producer, data.ids.sequence) == ("tidegate-test", 4711)
    assert data.time.published == "2026-09-21T14:13:21.250Z"
    unnumbered = msgspec.structs.replace(data.ids, producer="", sequence=0)
    assert msgspec.structs.replace(data, ids=unnumbered, time=sent.time) == sent


def test_a_time_on_the_full_second_comes_back():
    message = encode(numbered(a_violation()), 1_790_000_000.0, "protobuf")
    assert decode(message.headers, message.value).data.time.published == "2026-09-21T14:13:20.000Z"


@each_event
def test_protobuf_loses_nothing(event: Event):
    assert from_proto(event.kind, to_proto(event.data).SerializeToString()) == event.data


def test_headers_let_a_consumer_route_without_reading_the_value():
    message = encode(numbered(a_violation()), LATER)
    headers = {name: value.decode() for name, value in message.headers}
    assert headers == {
        "ce_specversion": "1.0",
        "ce_id": headers["ce_id"],
        "ce_source": "/tidegate/tidegate-test",
        "ce_type": "dev.tidegate.violation.v1",
        "ce_time": "2026-09-21T14:13:20.250Z",
        "ce_subject": "stream-1",
        "ce_dataschema": "https://tidegate.dev/schema/events/violation.v1.json",
        "content-type": "application/json",
        "ce_partitionkey": "acme|session-1",
        "ce_sequence": "00000000000000004711",
        "ce_tenant": "acme",
        "ce_severity": "high",
        "traceparent": INFO.trace,
    }
    assert message.key == b"acme|session-1"
    assert TRACE in headers["traceparent"]


def test_event_without_a_session_is_kept_in_order_by_its_producer():
    assert encode(numbered(a_fault()), LATER).key == b"tidegate-test"


def test_absent_attributes_are_left_out():
    names = [name for name, _ in encode(numbered(a_fault()), LATER).headers]
    assert "ce_tenant" not in names
    assert "traceparent" not in names


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([("ce_type", b"dev.tidegate.violation.v1")], b"not json"),
        ([("ce_type", b"dev.tidegate.violation.v1")], b"{}"),
        ([("ce_type", b"dev.tidegate.violation.v1"), ("content-type", b"application/protobuf")], b"\xff\xff"),
        ([("ce_type", b"com.example.other")], b"{}"),
        ([], b"{}"),
    ],
    ids=["no json", "no event", "no protobuf", "another's type", "no headers"],
)
def test_what_is_no_event_is_refused(headers: list[tuple[str, bytes]], value: bytes):
    with pytest.raises(EventError):
        decode(headers, value)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"specversion": "1.0"}', b"\xff", b'{"specversion": "\xff"}'])
def test_line_that_is_no_event_is_refused(line: bytes):
    with pytest.raises(EventError):
        decode_line(line)


def test_bare_data_is_read_as_a_line_too():
    message = encode(numbered(a_violation()), LATER)
    assert decode_line(message.value).data == decode(message.headers, message.value).data
