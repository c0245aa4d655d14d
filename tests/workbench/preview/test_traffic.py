"""Recorded conversations in all their forms, and what is said of rows that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from sidecar.cli.ending import Failure
from sidecar.policy.facts import StreamFacts
from sidecar.policy.turns import Call, Passage, Turn
from sidecar.values import Part
from workbench.preview.traffic import Conversation, Review, Row, Unreadable, conversation, read_files


def read(**row: Any) -> Conversation | None:
    return conversation(Row(0, "f:1", json.dumps(row).encode()))


def test_turns_are_those_of_tests() -> None:
    turns = [
        {"system": "be kind"},
        {"user": "hi"},
        {"context": ["one", {"id": "d", "text": "two"}]},
        {"model": "so", "reasoning": "hm", "calls": [{"name": "f", "arguments": {"a": "ü"}}]},
        {"calls": [{"name": "g", "arguments": '{"raw": 1}'}]},
        {"tool_result": "done"},
        {"tool_definition": "f does"},
    ]
    said = read(
        id=7, tenant="t", model="m", session="s", policy="p", labels={"a": "b"}, turns=turns, review=True, more=[1]
    )
    assert said == Conversation(
        turns=(
            Turn(Part.SYSTEM, "be kind"),
            Turn(Part.USER, "hi"),
            Turn(Part.CONTEXT, passages=(Passage("1", "one"), Passage("d", "two"))),
            Turn(Part.MODEL, "so", "hm", (Call("f", '{"a": "ü"}'),)),
            Turn(Part.MODEL, calls=(Call("g", '{"raw": 1}'),)),
            Turn(Part.TOOL_RESULT, "done"),
            Turn(Part.TOOL_DEFINITION, "f does"),
        ),
        id="7",
        session="s",
        policy="p",
        facts=StreamFacts(tenant="t", labels={"a": "b"}, model="m"),
        review=Review(violation=True),
    )


def test_messages_are_those_of_openais_chat_api() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    said = read(
        messages=[
            {"role": "developer", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {}}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "found"},
        ],
        tools=[{"type": "function", "function": {"name": "f", "description": "finds", "parameters": {}}}],
    )
    assert said is not None
    assert said.turns == (
        Turn(Part.TOOL_DEFINITION, "f: finds"),
        Turn(Part.SYSTEM, "be kind"),
        Turn(Part.USER, "look"),
        Turn(Part.MODEL, calls=(Call("f", '{"a": 1}'),)),
        Turn(Part.TOOL_RESULT, "found"),
    )


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ({"text": "x"}, Part.USER),
        ({"text": "x", "direction": "output"}, Part.MODEL),
        ({"text": "x", "part": "tool_result"}, Part.TOOL_RESULT),
    ],
)
def test_one_text(row: dict[str, Any], part: Part) -> None:
    said = read(**row)
    assert said is not None
    assert said.turns == (Turn(part, "x"),)


def test_an_event_with_the_text_that_somebody_kept_beside_it() -> None:
    data = {
        "kind": "violation",
        "ids": {"event": "e", "producer": "p", "sequence": 1, "tenant": "t", "session": "s", "stream": "st"},
        "policy": {"name": "pci", "rule": "cards"},
        "where": {"direction": "output", "part": "model"},
        "app": {"labels": {"app": "shop"}},
    }
    said = read(specversion="1.0", type="x", data={**data, "text": "kept"})
    assert said is not None
    assert (said.turns, said.tenant, said.session, said.id) == ((Turn(Part.MODEL, "kept"),), "t", "s", "st")
    assert (said.facts.labels, said.policy) == ({"app": "shop"}, "")
    assert read(**data) is None
    assert read(specversion="1.0", data=data) is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"{", "f:1: this is no conversation: "),
        (b"[]", "f:1: this is no conversation: Expected `object`, got `array`"),
        (b'{"id": "x"}', "f:1: it holds no text: a conversation has `turns`, `messages` or `text`"),
        (b'{"turns": [{"user": "secret", "model": "b"}]}', "a turn is one speaker's"),
        (b'{"messages": [{"role": "secret", "content": "b"}]}', "a message's `role` is `system`"),
        (b'{"text": 5}', "Expected `str | null`, got `int`"),
        (b'{"text": "secret \xff"}', "f:1: this is no conversation"),
    ],
)
def test_a_row_that_is_none_is_named_without_what_it_holds(row: bytes, message: str) -> None:
    with pytest.raises(Unreadable) as caught:
        conversation(Row(0, "f:1", row))
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_lines_are_numbered_over_all_files_and_told_by_their_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text('{"text": "a"}\n\n{"text": "b"}\n', encoding="utf-8")
    two.write_text('{"text": "c"}', encoding="utf-8")
    rows = [*read_files([one, two])]
    assert [(row.number, row.place) for row in rows] == [(0, f"{one}:1"), (1, f"{one}:3"), (2, f"{two}:1")]


def test_a_parquet_file_gives_what_lines_give(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "text": "one", "turns": None, "labels": {"app": "x"}},
        {"id": "b", "text": None, "turns": [{"user": "hi", "model": None}, {"user": None, "model": "so"}]},
    ]
    path = tmp_path / "t.parquet"
    kinds = pa.schema(
        [
            ("id", pa.string()),
            ("text", pa.string()),
            ("turns", pa.list_(pa.struct([("user", pa.string()), ("model", pa.string())]))),
            ("labels", pa.map_(pa.string(), pa.string())),
        ]
    )
    parquet.write_table(pa.Table.from_pylist(rows, schema=kinds), path)
    first, second = map(conversation, read_files([path]))
    assert first == read(id="a", text="one", labels={"app": "x"})
    assert second == read(id="b", turns=[{"user": "hi"}, {"model": "so"}])


def test_what_is_no_parquet_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_text("no", encoding="utf-8")
    with pytest.raises(Failure, match="is it Parquet"):
        list(read_files([path]))
