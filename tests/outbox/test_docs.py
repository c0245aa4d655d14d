"""docs/events.md says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import BaseModel
from ruamel.yaml import YAML

from sidecar.outbox.encode import TYPES, encode
from sidecar.outbox.event import Kind
from sidecar.outbox.publishing import entries_of
from sidecar.outbox.schemas import make
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings
from sidecar.outbox.sink_settings import HttpEntry, SinkEntry
from tests.outbox.samples import NOW, a_violation, numbered

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")


def defaults(section: BaseModel, prefix: str) -> dict[str, str]:
    """Each setting and its default, as the page writes it."""
    found: dict[str, str] = {}
    for name, value in section:
        if isinstance(value, BaseModel):
            found |= defaults(value, f"{prefix}.{name}")
        else:
            found[f"{prefix}.{name}"] = said(value)
    return found


def said(value: Any) -> str:
    if value is None or value in {"", ()}:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_every_setting_stands_there_with_its_default():
    rows = dict(re.findall(r"^\| `((?:outbox|events|kafka)\.[\w.]+)` \| (\S+) \|", PAGE, flags=re.MULTILINE))
    assert rows == {
        **defaults(OutboxSettings(), "outbox"),
        **defaults(EventSettings(), "events"),
        **defaults(KafkaSettings(), "kafka"),
    }


def test_every_header_stands_there():
    rows = re.findall(r"^\| `(ce_\w+|content-type|traceparent)` \|", PAGE, flags=re.MULTILINE)
    assert sorted(rows) == sorted(name for name, _ in encode(numbered(a_violation()), NOW).headers)


def test_every_kind_stands_there_with_its_type_and_topic():
    rows = re.findall(r"^\| (\w+) \| `(dev\.[\w.]+)` \| `([\w.]+)` \|", PAGE, flags=re.MULTILINE)
    topics = KafkaSettings().topics
    assert rows == [(kind.value, TYPES[kind], topics.of(kind)) for kind in Kind]


def test_example_is_a_valid_event():
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    assert list(Draft202012Validator(make(Kind.VIOLATION)).iter_errors(json.loads(example))) == []


def test_example_of_several_sinks_is_valid():
    (example,) = re.findall(r"```yaml\n(kafka:[^\n]*\nevents:\n  sinks:.*?)```", PAGE, flags=re.DOTALL)
    values = YAML(typ="safe", pure=True).load(example)
    events = EventSettings.model_validate(values["events"])
    assert [entry.name for entry in entries_of(events, KafkaSettings.model_validate(values["kafka"]))] == [
        "kafka",
        "soc",
        "otlp",
    ]


def test_settings_of_sinks_over_http_stand_there_with_their_defaults():
    (row,) = re.findall(r"^\| both over HTTP \|(.*)$", PAGE, flags=re.MULTILINE)
    for name in ("batch_events", "timeout_ms"):
        assert f"`{name}` (`{HttpEntry.model_fields[name].default}`)" in row
    kinds = re.findall(
        r"^\| `(\w+)` \|", PAGE[PAGE.index("| kind | its own settings") :].partition("| both")[0], re.MULTILINE
    )
    assert kinds == list(SinkEntry.model_fields)
