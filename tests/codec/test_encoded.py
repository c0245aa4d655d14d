"""Text that stands encoded is read, whatever type is stated beside it; media are not, and leave as they came."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

import pytest

from sidecar.codec.encoded import Opened, opened
from sidecar.codec.formats import Format
from sidecar.codec.shape import Shape
from sidecar.codec.shapes import anthropic, bedrock, gemini, inputs, mcp, ollama, openai_chat, openai_responses
from tests.codec.playing import guarded
from tests.codec.test_unread import MARKER, REDACTING
from tests.exchanges import Exchange

NOTE = f"The bridge of {MARKER} opens at nine, and at noon it shuts again; grün is the light then. "
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))
PNG, LARGE = (base64.b64encode(each).decode() for each in (PICTURE, PICTURE * 90))


def lines(text: str, length: int = 76) -> str:
    return "\r\n".join(text[at : at + length] for at in range(0, len(text), length))


def encoded(text: str, encoding: str = "utf-8") -> str:
    return base64.b64encode(text.encode(encoding)).decode()


WAYS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "standard": encoded,
    "unpadded": lambda text: encoded(text).rstrip("="),
    "url-safe": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "in lines": lambda text: lines(encoded(text)),
    "spaced": lambda text: " ".join(encoded(text)),
    "latin-1": lambda text: encoded(text, "latin-1"),
    "utf-16": lambda text: encoded(text, "utf-16"),
    "url": lambda text: "data:text/plain;charset=utf-8;base64," + encoded(text),
    "url of no type": lambda text: "data:;base64," + encoded(text),
    "url of a program": lambda text: "data:application/x-python;base64," + encoded(text).rstrip("="),
    "url of a picture": lambda text: "DATA:image/svg+xml;BASE64," + encoded(text),
    "url in percent": lambda text: "data:text/plain,The%20bridge of " + text,
    "url that is none": lambda text: "data:text/plain;base64," + text,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_text_is_opened(way: str) -> None:
    found = opened(WAYS[way](NOTE))
    assert found is not None
    assert MARKER in found.text
    assert opened(WAYS[way](NOTE), may_link=True) == found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("SGVsbG8=", Opened("Hello")),
        ("SGVs bG8", Opened("Hello")),
        ("iVBORw0K", Opened("iVBORw0K", is_plain=True)),
        ("hello", Opened("hello", is_plain=True)),
        ("grün", Opened("grün", is_plain=True)),
        ("https://example.org/a.png", Opened("https://example.org/a.png", is_plain=True)),
        ("data:,Hi%20all", Opened("Hi all", "data:;base64,")),
        ("data: none, of them", Opened("data: none, of them", is_plain=True)),
        (PNG, None),
        (lines(PNG), None),
        (f"data:text/plain;base64,{PNG}", None),
        ("AAAA" * 100, None),
    ],
)
def test_what_a_value_holds(value: str, expected: Opened | None) -> None:
    assert opened(value) == expected


@pytest.mark.parametrize("value", [LARGE, lines(LARGE), f"data:image/png;base64,{LARGE}"])
def test_of_a_picture_no_more_than_its_beginning_is_decoded(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    decode = binascii.a2b_base64

    def counted(data: bytes, **more: Any) -> bytes:
        decoded.append(len(data))
        return decode(data, **more)

    monkeypatch.setattr(binascii, "a2b_base64", counted)
    assert opened(value) is None
    assert 0 < sum(decoded) <= 1024


def test_a_link_to_media_is_none_of_its_texts_but_words_behind_one_are() -> None:
    assert opened("https://example.org/a.png", may_link=True) is None
    assert opened("https://example.org/a.png and more", may_link=True) is not None


def url(value: str) -> str:
    """A data URL that says what a value does, if the value is in base64."""
    return f"data:a/b;base64,{value}" if opened(value) is None else value


def _user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*parts]}]}


PLACES: dict[str, tuple[Shape, str, Callable[[str], Any]]] = {
    "chat": (
        openai_chat.SHAPE, "request", lambda value: _user({"type": "file", "file": {"file_data": value}}),
    ),
    "chat-video": (
        openai_chat.SHAPE, "request", lambda value: _user({"type": "video_url", "video_url": {"url": url(value)}}),
    ),
    "chat-picture": (
        openai_chat.SHAPE, "request", lambda value: _user({"type": "image_url", "image_url": url(value)}),
    ),
    "inputs": (
        inputs.SHAPE, "request", lambda value: {"input": [{"type": "image_url", "image_url": {"url": url(value)}}]},
    ),
    "responses": (
        openai_responses.SHAPE, "answer",
        lambda value: {"object": "response", "output": [{"type": "program_output", "result": value}]},
    ),
    "anthropic": (
        anthropic.SHAPE, "request",
        lambda value: _user({"type": "document", "source": {"type": "base64", "media_type": "a/b", "data": value}}),
    ),
    "anthropic-fetched": (
        anthropic.SHAPE, "answer",
        lambda value: {"content": [{"type": "web_fetch_tool_result", "content": {
            "content": {"type": "document", "source": {"type": "base64", "data": value}}}}]},
    ),
    "gemini": (
        gemini.SHAPE, "request",
        lambda value: {"contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": value}}]}]},
    ),
    "bedrock": (
        bedrock.SHAPE, "request",
        lambda value: _user({"document": {"format": "pdf", "name": "a", "source": {"bytes": value}}}),
    ),
    "ollama": (
        ollama.SHAPE, "request", lambda value: {"messages": [{"role": "user", "content": "", "images": [value]}]},
    ),
    "mcp": (
        mcp.SERVER, "request",
        lambda value: {"jsonrpc": "2.0", "id": 1, "result": {"contents": [{"uri": "a", "blob": value}]}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", PLACES)
def test_a_marker_is_redacted_wherever_and_however_it_is_encoded(place: str, way: str) -> None:
    shape, half, document = PLACES[place]
    out = played(shape, half, document(WAYS[way](NOTE)))
    held = [found.text for value in strings(json.loads(out)) if (found := opened(value)) is not None]
    assert any("The bridge of # opens" in each for each in held)
    assert not any(MARKER in each for each in held)


@pytest.mark.parametrize("place", PLACES)
def test_media_leave_as_they_came(place: str) -> None:
    shape, half, document = PLACES[place]
    for value in (PNG, lines(PNG), "AAAA" * 100):
        assert json.loads(played(shape, half, document(value))) == document(value)


def test_what_a_stream_says_twice_in_base64_is_redacted_twice() -> None:
    item = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": encoded(NOTE)}
    events = (
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"object": "response", "output": [item]}},
    )
    out = guarded(Exchange(openai_responses.SHAPE, "", "stream", Format.SSE, events), REDACTING)
    redacted = encoded(NOTE.replace(MARKER, "#"))
    assert out.count(redacted.encode()) == 2
    assert encoded(NOTE).encode() not in out


def played(shape: Shape, half: Any, document: Any) -> bytes:
    return guarded(Exchange(shape, "", half, Format.JSON, (document,)), REDACTING)


def strings(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [each for inner in (value.values() if isinstance(value, dict) else value) for each in strings(inner)]
    return [value] if isinstance(value, str) else []
