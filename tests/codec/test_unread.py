"""Nothing passes unread: a marker in any place is redacted, unless the shape says that no text stands there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sidecar.codec.formats import Format
from sidecar.codec.places import Kind, Node
from sidecar.codec.shape import Shape
from sidecar.codec.shapes import gemini, mcp, openai_chat, openai_completions
from sidecar.values import Action
from tests.codec.playing import guarded, leaves, payloads, planted
from tests.codec.test_reported import shipped
from tests.exchanges import EXCHANGES, Exchange
from tests.fakes import WordScanner, plan, rule

MARKER = "MARKER-4711"
REDACTING = plan((WordScanner(MARKER), [rule(Action.REDACT, rewrite=lambda *_: "#")]))
BLOCKING = plan((WordScanner(MARKER), [rule(Action.BLOCK, message="Stopped.")]))
NOTHING = plan((WordScanner("none of it"), [rule(Action.BLOCK)]))
SILENT = frozenset({Kind.OPAQUE, Kind.FINAL, Kind.COUNTS})

Path = tuple[str | int, ...]


def node_of(shape: Shape, half: str, document: Any, name: str) -> Node:
    """The node that describes a document."""
    if half == "request":
        return shape.request
    if half == "answer":
        return shape.response
    return shape.event_of(document, name) if shape.event_of else shape.event


def is_said_to_be_none(node: Node, document: Any, path: Path) -> bool:
    """Whether the shape says that a place holds no text."""
    while node.select is not None:
        node = node.select(document)
    if node.kind in SILENT:
        return True
    if not path:
        return False
    below = node.fields.get(path[0]) if isinstance(path[0], str) else node.each
    return below is not None and is_said_to_be_none(below, document[path[0]], path[1:])


def plantings(exchange: Exchange) -> Iterator[tuple[int, Path, Exchange]]:
    """The exchange with a marker in each string in turn that the shape does not call no text."""
    for number, frame in enumerate(exchange.frames):
        name, document = frame if isinstance(frame, tuple) else ("", frame)
        if isinstance(document, str):
            continue
        for path, value in leaves(document):
            with_marker = planted(document, path, MARKER)
            root = node_of(exchange.shape, exchange.half, with_marker, name)
            if isinstance(value, str) and not is_said_to_be_none(root, with_marker, path):
                changed = (name, with_marker) if name else with_marker
                frames = (*exchange.frames[:number], changed, *exchange.frames[number + 1 :])
                yield number, path, replace(exchange, frames=frames)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_a_marker_in_any_string_is_redacted(exchange: Exchange) -> None:
    for number, path, with_marker in plantings(exchange):
        assert MARKER not in text_of(exchange, guarded(with_marker, REDACTING)), (number, path)


@pytest.mark.parametrize("exchange", [each for each in EXCHANGES if each.half != "request"], ids=str)
def test_a_marker_in_any_string_blocks(exchange: Exchange) -> None:
    for number, path, with_marker in plantings(exchange):
        assert MARKER not in text_of(exchange, guarded(with_marker, BLOCKING)), (number, path)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_a_field_that_no_provider_has_today_is_read_at_every_depth(exchange: Exchange) -> None:
    for number, frame in enumerate(exchange.frames):
        name, document = frame if isinstance(frame, tuple) else ("", frame)
        for changed in with_new_fields(exchange, document, name):
            framed = (name, changed) if name else changed
            frames = (*exchange.frames[:number], framed, *exchange.frames[number + 1 :])
            out = text_of(exchange, guarded(replace(exchange, frames=frames), REDACTING))
            assert MARKER not in out, (number, changed)


def with_new_fields(exchange: Exchange, document: Any, name: str) -> Iterator[Any]:
    """The document with a new field in each object in turn: a string, an object, a list."""
    root = node_of(exchange.shape, exchange.half, document, name)
    for path, holder in objects(document):
        if not is_said_to_be_none(root, document, path):
            for value in (MARKER, {"deep": {"note": MARKER}}, [{"note": MARKER}, MARKER]):
                yield planted(document, path, {**holder, "brand_new": value})


def objects(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from objects(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from objects(inner, (*path, index))


def text_of(exchange: Exchange, data: bytes) -> str:
    """What is in a body, opened."""
    return data.decode("utf-8", "replace")


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_clean_bodies_are_the_same_bytes_however_they_are_cut(exchange: Exchange, size: int) -> None:
    assert guarded(exchange, REDACTING, size=size) == exchange.data


@pytest.mark.parametrize("exchange", [each for each in EXCHANGES if each.half != "stream"], ids=str)
def test_whole_bodies_stay_json(exchange: Exchange) -> None:
    for _, _, with_marker in plantings(exchange):
        json.loads(guarded(with_marker, REDACTING))


@pytest.mark.parametrize("exchange", [each for each in EXCHANGES if each.half == "stream"], ids=str)
@pytest.mark.parametrize("policy", ["pii-redact", "default"])
def test_clean_streams_are_the_same_bytes_under_shipped_policies(exchange: Exchange, policy: str) -> None:
    for size in (1, 64, 1 << 20):
        assert guarded(exchange, shipped(policy), size=size) == exchange.data


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (openai_chat.SHAPE, {"message": {"content": f"say {MARKER} now"}}),
        (openai_completions.SHAPE, {"text": f"say {MARKER} now"}),
    ],
    ids=["chat", "completions"],
)
def test_numbers_of_tokens_are_emptied_once_their_text_was_changed(shape: Shape, said: dict[str, Any]) -> None:
    choice = {"index": 0, **said, "token_ids": [91, 92]}
    whole = Exchange(shape, "", "answer", Format.JSON, ({"choices": [choice]},))
    stream = Exchange(shape, "", "stream", Format.SSE, ({"choices": [choice]},))
    for exchange in (whole, stream):
        assert b'"token_ids": [91, 92]' in guarded(exchange, NOTHING)
        assert b'"token_ids": null' in guarded(exchange, REDACTING)
        assert b"91" not in guarded(exchange, BLOCKING)
    told = {"choices": [], "prompt_logprobs": [None, {"5": {"logprob": -1.5, "decoded_token": MARKER}}]}
    assert MARKER.encode() not in guarded(Exchange(shape, "", "answer", Format.JSON, (told,)), REDACTING)


def pieces_of_a_call(*arguments: dict[str, Any]) -> Exchange:
    """A call whose arguments Gemini streams, in a function call that goes on without its name, and a word behind it."""
    calls = [
        {"name": "pay", "willContinue": True},
        *({"partialArgs": [each], "willContinue": True} for each in arguments),
    ]
    parts = [*({"functionCall": each} for each in (*calls, {})), {"text": "Done."}]
    frames = [{"candidates": [{"index": 0, "content": {"role": "model", "parts": [each]}}]} for each in parts]
    frames[-1]["candidates"][0]["finishReason"] = "STOP"
    return Exchange(gemini.SHAPE, "", "stream", Format.SSE, tuple(frames))


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_an_argument_is_one_text_however_its_pieces_are_cut(size: int) -> None:
    cut = [MARKER[:3], MARKER[3:8], MARKER[8:]]
    note = [{"jsonPath": "$.note", "stringValue": each, "willContinue": True} for each in ("say ", *cut, " now")]
    exchange = pieces_of_a_call(
        *note, {"jsonPath": "$.note", "stringValue": "."}, {"jsonPath": "$.n", "numberValue": 3}
    )
    assert guarded(exchange, NOTHING, size=size) == exchange.data
    redacted = payloads(exchange.form, guarded(exchange, REDACTING, size=size))
    parts = [each["candidates"][0]["content"]["parts"][0] for each in redacted]
    pieces = [each for part in parts for each in part.get("functionCall", {}).get("partialArgs", ())]
    assert "".join(each.get("stringValue", "") for each in pieces if each["jsonPath"] == "$.note") == "say # now."
    blocked = guarded(exchange, BLOCKING, size=size)
    assert not any(each.encode() in blocked for each in (*cut, "now", "numberValue", "Done."))


@pytest.mark.parametrize(
    "piece",
    [{"jsonPath": f"$['{MARKER}']", "stringValue": "a"}, {"jsonPath": "$.n", "numberValue": 4711, "note": MARKER}],
)
def test_paths_that_a_model_made_up_and_numbers_are_read(piece: dict[str, Any]) -> None:
    assert MARKER not in guarded(pieces_of_a_call(piece), REDACTING).decode()
    number = plan((WordScanner("4711"), [rule(Action.REDACT, rewrite=lambda *_: "#")]))
    assert b"4711" not in guarded(pieces_of_a_call(piece), number)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (mcp.SERVER, {"result": {"contents": [{"uri": "a", "text": "b", "mimeType": "{}"}]}}),
        (mcp.SERVER, {"result": {"messages": [{"role": "{}", "content": {"type": "text", "text": "b"}}]}}),
        (mcp.SERVER, {"method": "notifications/message", "params": {"level": "{}", "data": "b"}}),
        (mcp.CLIENT, {"result": {"role": "assistant", "model": "{}", "content": {"type": "text", "text": "b"}}}),
        (mcp.CLIENT, {"result": {"action": "{}", "content": {"a": 1}}}),
    ],
    ids=["type", "role", "level", "model", "action"],
)
def test_in_mcp_a_word_is_no_text_and_several_are(shape: Shape, message: dict[str, Any]) -> None:
    written = json.dumps({"jsonrpc": "2.0", "id": 1, **message})
    for said, is_read in ((MARKER, False), (f"Now {MARKER} it.", True), (MARKER * 30, True)):
        out = guarded(Exchange(shape, "", "request", Format.JSON, ()), REDACTING, written.replace("{}", said).encode())
        assert (MARKER.encode() in out) is not is_read
