"""The frame of a schema registry: read by Confluent's own deserializers, and undone by our reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.outbox.encode import EventError, decode, encode
from sidecar.outbox.event import Event, Kind
from sidecar.outbox.framing import framed, unframed
from sidecar.outbox.schemas import read
from sidecar.outbox.settings import KafkaSettings
from tests.outbox.samples import NOW, a_violation, numbered, one_of_each
from tidegate.v1 import events_pb2

MESSAGES = {
    Kind.VIOLATION: events_pb2.ViolationEvent,
    Kind.DECISION: events_pb2.DecisionEvent,
    Kind.FAULT: events_pb2.FaultEvent,
    Kind.POLICY: events_pb2.PolicyEvent,
}
each_event = pytest.mark.parametrize(
    "event", {event.kind: event for event in one_of_each() if event.kind in MESSAGES}.values(), ids=lambda e: e.kind
)


@pytest.fixture
def confluent(missing: Callable[[str], None]) -> SimpleNamespace:
    """What of Confluent's client reads framed values; its parts need packages of their own."""
    parts: dict[str, Any] = {}
    for name in ("schema_registry", "schema_registry.json_schema", "schema_registry.protobuf", "serialization"):
        try:
            parts |= vars(import_module(f"confluent_kafka.{name}"))
        except ImportError as error:
            missing(f"{error.name}, for the client of a schema registry,")
    return SimpleNamespace(**parts)


IDS = st.integers(0, 2**31 - 1)


def test_the_frame_is_as_the_registry_s_documentation_says():
    assert framed(b"{}", 7) == b"\0\0\0\0\x07{}"
    assert framed(b"p", 1 << 24, 0) == b"\0\x01\0\0\0\0p"
    assert framed(b"p", 1, 1) == b"\0\0\0\0\x01\x02\x02p"
    assert framed(b"p", 1, 100) == b"\0\0\0\0\x01\x02\xc8\x01p"


@given(IDS, st.integers(0, 10_000), st.binary(max_size=20))
def test_a_frame_is_undone(schema_id: int, message: int, value: bytes):
    assert unframed(framed(value, schema_id, message), is_protobuf=True) == value
    assert unframed(framed(value, schema_id), is_protobuf=False) == value


@each_event
@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_our_reader_takes_values_with_and_without_a_frame(form: str, event: Event):
    bare = encode(numbered(event), NOW, form)  # type: ignore[arg-type] # the two that there are
    message = encode(numbered(event), NOW, form, schema_id=77)  # type: ignore[arg-type] # the two that there are
    assert message.value.startswith(b"\0\0\0\0\x4d")
    assert message.value.endswith(bare.value)
    assert decode(message.headers, message.value).data == decode(bare.headers, bare.value).data


@pytest.mark.parametrize("value", [b"\0", b"\0\0\0\0", b"\0\0\0\0\x01", b"\0\0\0\0\x01\x02\xff"], ids=repr)
@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_a_frame_that_is_cut_short_is_no_event(form: str, value: bytes):
    message = encode(numbered(a_violation()), NOW, form)  # type: ignore[arg-type] # the two that there are
    with pytest.raises(EventError):
        decode(message.headers, value)


def test_each_kind_has_the_id_that_the_settings_give():
    ids = KafkaSettings.model_validate({"schema_ids": {"violation": 7}}).schema_ids
    assert [ids.of(kind) for kind in Kind] == [7, *[None] * (len(Kind) - 1)]


@each_event
def test_the_registry_s_protobuf_deserializer_reads_a_framed_event(event: Event, confluent: SimpleNamespace):
    context = confluent.SerializationContext("topic", confluent.MessageField.VALUE)
    deserializer = confluent.ProtobufDeserializer(MESSAGES[event.kind], {"use.deprecated.format": False})
    message = encode(numbered(event), NOW, "protobuf", schema_id=3)
    assert deserializer(message.value, context).ids.event == event.id


@each_event
def test_the_registry_s_json_deserializer_reads_a_framed_event_by_the_registered_schema(
    event: Event, confluent: SimpleNamespace
):
    client = confluent.SchemaRegistryClient.new_client({"url": "mock://"})
    text = json.dumps(read(event.kind))
    schema_id = client.register_schema("topic-value", confluent.Schema(text, "JSON"))
    deserializer = confluent.JSONDeserializer(None, schema_registry_client=client)
    message = encode(numbered(event), NOW, schema_id=schema_id)
    context = confluent.SerializationContext("topic", confluent.MessageField.VALUE)
    assert deserializer(message.value, context)["ids"]["event"] == event.id
