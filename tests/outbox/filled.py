"""Events with every field filled, of whatever kinds there are.

`python -m tests.outbox.filled FILE` writes them as golden ones.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from sidecar.outbox.encode import encode, encode_line
from sidecar.outbox.event import DATA_TYPES, Data, Event, severity_of
from sidecar.outbox.outbox import Numbered

PRODUCER = "tidegate-5e0c1f7a9b3d2e48"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PUBLISHED = 1_790_000_000.131
_TURNS = 6
"""How many events of each kind: as many as the longest enumeration that matters has words."""
_KNOWN = {"trace": "4bf92f3577b34da6a3ce929d0e0e4736", "digest": "9f2c" * 16, "shape": "9999 9999 9999 9999"}


def filled_events() -> list[Numbered]:
    """Six of each kind: in the first and the fourth, every field is filled; in the others, what must be there."""
    made = [(data_type, turn) for data_type in DATA_TYPES.values() for turn in range(_TURNS)]
    return [Numbered(PRODUCER, number, _event(data_type, turn)) for number, (data_type, turn) in enumerate(made, 1)]


def write(path: Path) -> None:
    """Write the events as this version does."""
    rows = []
    for numbered in filled_events():
        message = encode(numbered, PUBLISHED, "protobuf")
        row = {
            "line": json.loads(encode_line(numbered, PUBLISHED)),
            "headers": {name: value.decode() for name, value in message.headers},
            "protobuf": base64.b64encode(message.value).decode(),
        }
        rows.append(json.dumps(row, separators=(",", ":")) + "\n")
    path.write_text("".join(rows), encoding="utf-8")


def _event(data_type: type[Data], turn: int) -> Event:
    is_full = turn % 3 == 0
    data: Data = msgspec.convert(_value(inspect.type_info(data_type), "", turn, is_full), data_type)
    return Event(
        severity=severity_of(data),
        key=f"{data.ids.tenant}|{data.ids.session}",
        subject=data.ids.stream or "subject",
        data=data,
        traceparent=TRACEPARENT if is_full else "",
    )


def _value(kind: inspect.Type, name: str, turn: int, is_full: bool) -> Any:
    """A value of a type, which differs from turn to turn."""
    match kind:
        case inspect.Metadata():
            return _value(kind.type, name, turn, is_full)
        case inspect.UnionType():
            options = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
            return _value(options[turn % len(options)], name, turn, is_full)
        case inspect.StructType():
            wanted = [field for field in kind.fields if field.required or is_full]
            tag = {} if kind.tag_field is None else {kind.tag_field: kind.tag}
            return {field.encode_name: _value(field.type, field.name, turn, is_full) for field in wanted} | tag
        case inspect.DictType():
            return {f"{name}-{each}": _value(kind.value_type, name, turn + each, is_full) for each in range(2)}
        case inspect.VarTupleType():
            return [_value(kind.item_type, name, turn + each, is_full) for each in range(2)]
        case _:
            return _plain(kind, name, turn)


def _plain(kind: inspect.Type, name: str, turn: int) -> Any:
    match kind:
        case inspect.LiteralType():
            return sorted(kind.values, key=str)[turn % len(kind.values)]
        case inspect.EnumType():
            return [*kind.cls][turn % len(kind.cls)].value
        case inspect.StrType():
            return _text(kind.pattern or "", name, turn)
        case inspect.IntType():
            return 3 + turn
        case inspect.FloatType():
            return round(0.25 + turn / 16, 4)
        case inspect.BoolType():
            return turn % 2 == 0
        case _:
            raise TypeError(f"{name}: say here how a {kind} is filled")


def _text(pattern: str, name: str, turn: int) -> str:
    if "T" in pattern:
        return f"2026-11-2{turn}T09:41:0{turn}.{turn}14Z"
    if "7[0-9a-f]" in pattern:
        return f"01a18f0c-2f8a-7d53-9a3e-5b1c7d0e4f2{turn}"
    if "{64}" in pattern:
        return "ab" * 32
    return _KNOWN.get(name, f"{name}-{turn}")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
