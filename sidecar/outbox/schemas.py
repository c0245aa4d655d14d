"""The published JSON Schemas of the events, one a kind, made from the same structs that are encoded.

`python -m sidecar.outbox.schemas` writes them anew into `schema/`; a test says when that is due.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from sidecar.outbox.encode import TYPES, dataschema
from sidecar.outbox.event import DATA_TYPES, Kind

_DIRECTORY = Path(__file__).with_name("schema")


def path_of(kind: Kind) -> Path:
    """Where the schema of a kind of event lies."""
    return _DIRECTORY / f"{kind}.v1.json"


def make(kind: Kind) -> dict[str, Any]:
    """The schema of a kind of event, as published: with its number and its time of publication."""
    schema = msgspec.json.schema(DATA_TYPES[kind])
    definitions = schema["$defs"]
    definitions["Times"]["required"] = ["occurred", "published"]
    definitions["Times"]["properties"]["published"] = definitions["Times"]["properties"]["occurred"]
    definitions["Ids"]["properties"]["sequence"]["minimum"] = 1
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": dataschema(kind),
        "title": TYPES[kind],
        **schema,
    }


def read(kind: Kind) -> dict[str, Any]:
    """The committed schema of a kind of event."""
    schema: dict[str, Any] = json.loads(path_of(kind).read_text(encoding="utf-8"))
    return schema


def write_all() -> None:
    """Write all schemas anew."""
    for kind in Kind:
        path_of(kind).write_text(json.dumps(make(kind), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_all()
