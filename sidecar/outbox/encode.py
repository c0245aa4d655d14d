"""Events on the wire: CloudEvents 1.0, in binary mode for Kafka, in structured mode as JSON lines.

The only place of the outbox that knows protobuf. Decoding is for the command line and for tests; a consumer needs
none of this, only the published schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtoMessage
from msgspec.structs import replace

from sidecar.outbox.builders import timestamp
from sidecar.outbox.event import (
    DATA_TYPES,
    Data,
    Fault,
    Kind,
    PolicyChange,
    StreamDecision,
    Violation,
    kind_of,
    severity_of,
)
from sidecar.outbox.framing import framed, unframed
from sidecar.outbox.outbox import Numbered
from tidegate.v1 import events_pb2

SCHEMA_BASE = "https://tidegate.dev/schema/events"
TYPES: Mapping[Kind, str] = {kind: f"dev.tidegate.{kind}.v1" for kind in Kind}
"""The CloudEvents type of each kind."""

_KINDS: Mapping[str, Kind] = {name: kind for kind, name in TYPES.items()}
_PROTO_TYPES: Mapping[Kind, type[ProtoMessage]] = {
    Kind.VIOLATION: events_pb2.ViolationEvent,
    Kind.DECISION: events_pb2.DecisionEvent,
    Kind.FAULT: events_pb2.FaultEvent,
    Kind.POLICY: events_pb2.PolicyEvent,
    Kind.CHECKPOINT: events_pb2.CheckpointEvent,
    Kind.LABEL: events_pb2.LabelEvent,
    Kind.DRIFT: events_pb2.DriftEvent,
}
_IN_FILE = FileDescriptorProto.FromString(events_pb2.DESCRIPTOR.serialized_pb).message_type
_PLACES: Mapping[Kind, int] = {
    kind: [message.name for message in _IN_FILE].index(message_type.DESCRIPTOR.name)
    for kind, message_type in _PROTO_TYPES.items()
}
"""Where each kind's message stands among those of `events.proto`."""
_JSON = "application/json"
_PROTOBUF = "application/protobuf"

_encoder = msgspec.json.Encoder()
_any_decoder: msgspec.json.Decoder[Data] = msgspec.json.Decoder(Data)
_decoders = {kind: msgspec.json.Decoder(data_type) for kind, data_type in DATA_TYPES.items()}


class EventError(ValueError):
    """What was read is not one of our events; the message says why."""


class ForeignError(EventError):
    """What was read is somebody else's: it does not even say that it is one of our events."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """An event as Kafka gets it. `at_ms` is the record's timestamp: when the event occurred is in its header."""

    kind: Kind
    sequence: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    at_ms: int


class Delivered(msgspec.Struct, frozen=True):
    """An event as a reader finds it: its CloudEvents attributes and its data; the data as they stood, if in JSON."""

    attributes: Mapping[str, str]
    data: Data
    content: bytes = b""


def encode(
    numbered: Numbered, published: float, form: Literal["json", "protobuf"] = "json", *, schema_id: int | None = None
) -> Message:
    """The Kafka message of an event. `published` is Unix time in seconds; with a `schema_id` it is framed."""
    data = published_data(numbered, published)
    attributes = _attributes(numbered)
    is_json = form == "json"
    headers = {f"ce_{name}": value for name, value in attributes.items() if name != "traceparent"}
    headers["ce_dataschema"] = dataschema(kind_of(data)) if is_json else f"{SCHEMA_BASE}/events.proto"
    headers["content-type"] = _JSON if is_json else _PROTOBUF
    if "traceparent" in attributes:
        headers["traceparent"] = attributes["traceparent"]
    return Message(
        kind=kind_of(data),
        sequence=numbered.sequence,
        key=attributes["partitionkey"].encode(),
        value=_value(data, is_json=is_json, schema_id=schema_id),
        headers=tuple((name, value.encode()) for name, value in headers.items()),
        at_ms=int(published * 1000),
    )


def encode_line(numbered: Numbered, published: float) -> bytes:
    """The event as one line of JSON, with its newline: CloudEvents in structured mode."""
    return _encoder.encode(structured(numbered, published)) + b"\n"


def structured(numbered: Numbered, published: float) -> dict[str, Any]:
    """The event as a CloudEvent in structured mode; `data` is to be encoded by msgspec."""
    data = published_data(numbered, published)
    envelope = _attributes(numbered) | {"datacontenttype": _JSON, "dataschema": dataschema(kind_of(data))}
    return envelope | {"data": data}


def decode(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Delivered:
    """The event in a Kafka message. Raises `EventError`."""
    texts = {name: raw.decode("utf-8", "replace") for name, raw in headers if raw is not None}
    attributes = {name.removeprefix("ce_"): text for name, text in texts.items() if name.startswith("ce_")}
    kind = _kind_of_type(attributes.get("type", ""))
    if value is None:
        raise ForeignError("it has no value: it is a tombstone, and no producer of ours writes one")
    is_protobuf = texts.get("content-type") == _PROTOBUF
    bare = _guarded(lambda: unframed(value, is_protobuf=is_protobuf))
    if is_protobuf:
        return Delivered(attributes, _guarded(lambda: from_proto(kind, bare)))
    return Delivered(attributes, _guarded(lambda: _decoders[kind].decode(bare)), bare)


def decode_line(line: bytes) -> Delivered:
    """The event in a line of JSON: a CloudEvent, or its data alone. Raises `EventError`."""
    envelope = _guarded(lambda: msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
    if "specversion" not in envelope:
        return Delivered({}, _guarded(lambda: _any_decoder.decode(line)), line)
    raw = envelope.pop("data", msgspec.Raw(b"null"))
    attributes = _guarded(lambda: {name: str(msgspec.json.decode(item)) for name, item in envelope.items()})
    kind = _kind_of_type(attributes.get("type", ""))
    return Delivered(attributes, _guarded(lambda: _decoders[kind].decode(raw)), bytes(raw))


def disagreement(attributes: Mapping[str, str], data: Data) -> str:
    """Which CloudEvents attribute says other than the data, by which alone an event can be proved; empty when none.

    Of an event without a hash, which a former version wrote, nothing is proved.
    """
    ids = data.ids
    if not ids.hash:
        return ""
    said = {
        "id": ids.event,
        "source": f"/tidegate/{ids.producer}",
        "time": data.time.occurred,
        "sequence": f"{ids.sequence:020d}",
        "tenant": ids.tenant,
        "severity": severity_of(data).word,
    }
    match data:
        case Violation() | StreamDecision():
            said["subject"] = ids.stream
        case Fault() | PolicyChange():
            said["subject"] = data.what
        case _:
            pass  # no field says it
    wrong = [name for name, value in said.items() if attributes and attributes.get(name, "") != value]
    return f"its attributes are not those of its data: {', '.join(wrong)}" if wrong else ""


def dataschema(kind: Kind) -> str:
    """Where the JSON Schema of a kind of event is published."""
    return f"{SCHEMA_BASE}/{kind}.v1.json"


def _value(data: Data, *, is_json: bool, schema_id: int | None) -> bytes:
    value = _encoder.encode(data) if is_json else to_proto(data).SerializeToString(deterministic=True)
    if schema_id is None:
        return value
    return framed(value, schema_id, None if is_json else _PLACES[kind_of(data)])


def _attributes(numbered: Numbered) -> dict[str, str]:
    """The CloudEvents attributes that do not depend on the format; none is empty."""
    event = numbered.event
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/tidegate/{numbered.producer}",
        "type": TYPES[event.kind],
        "time": event.data.time.occurred,
        "subject": event.subject,
        "partitionkey": event.key or numbered.producer,
        "sequence": f"{numbered.sequence:020d}",
        "tenant": event.data.ids.tenant,
        "severity": event.severity.word,
        "traceparent": event.traceparent,
    }
    return {name: value for name, value in attributes.items() if value}


def published_data(numbered: Numbered, published: float) -> Data:
    """The event's data with its producer, its number and when it was published (Unix time in seconds)."""
    data = numbered.event.data
    ids = replace(data.ids, producer=numbered.producer, sequence=numbered.sequence)
    return replace(data, ids=ids, time=replace(data.time, published=timestamp(published)))


def _kind_of_type(type_name: str) -> Kind:
    try:
        return _KINDS[type_name]
    except KeyError:
        raise ForeignError("its CloudEvents type is none of Tidegate's") from None


def _guarded(decode_it: Callable[[], Any]) -> Any:
    try:
        return decode_it()
    except (msgspec.DecodeError, DecodeError, ValueError) as error:
        raise EventError(str(error)) from None


# --- Protobuf ---------------------------------------------------------------------------------------------------------

_ENUM_PREFIXES = {
    "severity": "SEVERITY_",
    "enforcement": "ENFORCEMENT_",
    "action": "ACTION_",
    "decided": "ACTION_",
    "done": "ACTION_",
    "direction": "DIRECTION_",
    "part": "PART_",
    "channel": "CHANNEL_",
    "ended": "ENDED_",
    "fault": "FAULT_KIND_",
    "kind": "FAILURE_KIND_",
    "would": "ACTION_",
    "side": "CANARY_SIDE_",
    "step": "POLICY_STEP_",
    "counted_by": "USAGE_SOURCE_",
    "verdict": "LABEL_VERDICT_",
    "movement": "MOVEMENT_",
}
"""The fields that are words in JSON and enums in protobuf."""
_MAPS = frozenset(
    {
        "labels",
        "attributes",
        "violations",
        "repeated",
        "untold",
        "lost",
        "unchecked_reasons",
        "sides",
        "rates",
        "recall_at",
    }
)
"""The fields whose keys are the application's or the policy's words."""


def to_proto(data: Data) -> ProtoMessage:
    """The same event as a protobuf message, made by its constructor: `ParseDict` takes ten times as long."""
    fields = _renamed(msgspec.to_builtins(data), _enum_name)
    del fields["kind"]
    fields["time"] = {name: _proto_time(text) for name, text in fields["time"].items()}
    if "where" in fields:
        del fields["where"]["span"]["unit"]  # protobuf has no other
    _replace_time(fields.get("session", {}), _proto_time)
    return _PROTO_TYPES[kind_of(data)](**fields)


def from_proto(kind: Kind, value: bytes) -> Data:
    """The event in a protobuf message. Raises `msgspec.DecodeError` or protobuf's `DecodeError`."""
    message = _PROTO_TYPES[kind].FromString(value)
    fields = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    fields = _renamed(fields, _word) | {"kind": kind.value}
    fields["time"] = {name: _to_the_millisecond(text) for name, text in fields.get("time", {}).items()}
    if "where" in fields:
        fields["where"]["span"]["unit"] = "code_point"
    _replace_time(fields.get("session", {}), _to_the_millisecond)
    return msgspec.convert(fields, DATA_TYPES[kind], strict=False)


def _replace_time(session: dict[str, Any], written: Callable[[str], Any]) -> None:
    """Write otherwise until when a session is stopped."""
    if "stopped_until" in session:
        session["stopped_until"] = written(session["stopped_until"])


def _proto_time(text: str) -> dict[str, int]:
    """RFC 3339 as a protobuf timestamp."""
    moment = datetime.fromisoformat(text)
    return {"seconds": int(moment.timestamp()), "nanos": moment.microsecond * 1000}


def _to_the_millisecond(text: str) -> str:
    """A time as protobuf writes it, which leaves out the fraction of a full second."""
    return text if "." in text else text.removesuffix("Z") + ".000Z"


def _enum_name(field: str, word: str) -> str:
    return f"{_ENUM_PREFIXES[field]}{word.upper()}"


def _word(field: str, enum_name: str) -> str:
    return enum_name.removeprefix(_ENUM_PREFIXES[field]).lower()


def _renamed(value: Any, rename: Callable[[str, str], str]) -> Any:
    """The same tree with its enum values renamed."""
    if isinstance(value, list | tuple):
        return [_renamed(item, rename) for item in value]
    if not isinstance(value, dict):
        return value
    return {field: _renamed_field(field, item, rename) for field, item in value.items()}


def _renamed_field(field: str, item: Any, rename: Callable[[str, str], str]) -> Any:
    if field in _MAPS:
        return item
    if field in _ENUM_PREFIXES and isinstance(item, str):
        return rename(field, item)
    return _renamed(item, rename)
