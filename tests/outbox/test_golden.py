"""Events that former versions wrote: today's reader, commands and views take them, and lose nothing of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator, Draft202012Validator

from sidecar.cli.events import events
from sidecar.outbox.encode import Delivered, decode, decode_line, encode, encode_line
from sidecar.outbox.event import Data, kind_of
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.schemas import read
from sidecar.outbox.selection import value_at
from sidecar.outbox.views import FOREIGN
from tests.outbox.filled import PUBLISHED, filled_events
from tests.outbox.test_views import SCHEMAS

FILES = sorted(Path(__file__).with_name("golden").glob("*.jsonl"))
NEVER_FILLED = {".timings.queue_ms", ".timings.detect_ms", ".timings.stream_ms", ".timings"}
"""What first versions declared, and no service ever wrote; the last two in violations."""

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
each_filled = pytest.mark.parametrize(
    "numbered", filled_events(), ids=lambda each: f"{each.event.kind}-{each.sequence}"
)


@cache
def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_line(row: dict[str, Any]) -> Delivered:
    return decode_line(json.dumps(row["line"]).encode())


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    else:
        yield path, value


def test_there_are_former_versions():
    assert len(FILES) >= 6
    assert {row["line"]["type"] for path in FILES for row in rows(path)} >= {
        f"dev.tidegate.{kind}.v1" for kind in ("violation", "decision", "fault", "policy")
    }


@each_file
def test_a_former_line_is_read_and_nothing_of_it_is_lost(path: Path):
    for row in rows(path):
        delivered = read_line(row)
        again = dict(leaves(msgspec.to_builtins(delivered.data)))
        said = {place: value for place, value in leaves(row["line"]["data"]) if place not in NEVER_FILLED}
        assert {place: again.get(place) for place in said} == said
        assert delivered.attributes["id"] == row["line"]["id"]


@each_file
def test_a_former_protobuf_message_says_what_its_line_says(path: Path):
    for row in rows(path):
        headers = [(name, value.encode()) for name, value in row["headers"].items()]
        assert decode(headers, base64.b64decode(row["protobuf"])).data == read_line(row).data


@each_file
def test_a_former_event_is_valid_by_todays_schema(path: Path):
    for row in rows(path):
        data = read_line(row).data
        errors = Draft202012Validator(read(kind_of(data))).iter_errors(row["line"]["data"])
        assert [error.message for error in errors] == []


@each_file
def test_commands_read_a_former_version(path: Path, tmp_path: Path):
    lines = tmp_path / "events.jsonl"
    lines.write_text("".join(json.dumps(row["line"]) + "\n" for row in rows(path)), encoding="utf-8")
    shown = run("tail", "--file", lines, "--json", "-n", 1000)
    assert len(shown.splitlines()) == len(rows(path))
    assert len(run("tail", "--file", lines, "-n", 1000).splitlines()) == len(rows(path))
    assert len(run("export", "--file", lines).splitlines()) == len(rows(path))
    counts = json.loads(run("stats", "--file", lines, "--json"))
    assert sum(counts["kind"].values()) == len(rows(path))
    report = json.loads(run("verify", "--file", lines, "--json"))
    assert report["invalid"] == []


def run(*arguments: object) -> str:
    result = CliRunner().invoke(events, [str(each) for each in arguments], env={"NO_COLOR": "1"})
    assert result.exit_code in {0, 1}, result.output
    return result.stdout


@each_file
def test_views_take_a_former_version(path: Path):
    for row in rows(path):
        check_views(read_line(row).data)


def check_views(data: Data) -> None:
    for name, view in FOREIGN.items():
        value = view(data)
        if name == "ocsf" and value is not None:
            as_json = json.loads(msgspec.json.encode(value))
            errors = Draft7Validator(SCHEMAS[value["class_uid"]]).iter_errors(as_json)
            assert [error.message for error in errors] == []


@each_filled
def test_every_field_of_today_comes_back(numbered: Numbered):
    """The wire of JSON and that of protobuf know every field that there is."""
    line = decode_line(encode_line(numbered, PUBLISHED)).data
    message = encode(numbered, PUBLISHED, "protobuf")
    assert decode(message.headers, message.value).data == line
    assert line.ids.sequence == numbered.sequence
    check_views(line)


ANSWERS = {
    "violation": ("ids.tenant", "ids.session", "ids.stream", "ids.trace", "app.labels", "done", "exposure.released_to",
                  "detector.reason", "detector.score", "detector.threshold", "policy.rule", "policy.digest"),
    "decision": ("ids.tenant", "ids.session", "ids.stream", "ids.trace", "app.labels", "done", "ended", "coverage",
                 "decided_by", "violations", "policy.digest"),
    "fault": ("ids.tenant", "ids.stream", "app.labels", "fault", "what", "reason", "policy.digest"),
    "policy": ("step", "what", "reason", "source", "policy.digest", "former.digest"),
}  # fmt: skip
"""What each kind says of who, what was shown, why, and under which policy, as docs/events.md has it."""


@pytest.mark.parametrize("kind", sorted(ANSWERS))
def test_each_kind_answers_who_what_why_and_under_which_policy(kind: str):
    full = next(each.event.data for each in filled_events() if kind_of(each.event.data) == kind)
    assert [path for path in ANSWERS[kind] if value_at(full, path) in (None, "")] == []
