"""What a person is told whose prompt was redacted: behind the answer, in every shape that is a chat, or beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest

from sidecar.codec.shape import Shape
from sidecar.transport.http_headers import NOTICE
from sidecar.wording.languages import Language
from sidecar.wording.messages import changed
from tests import recorded
from tests.proxies import BAD_PIECES, CARD, CLEAN_PIECES, INJECTION, POLICY, Proxied, proxied
from tests.transport.test_http import PATHS, ask, request_of, streamed
from tests.upstream import JSON, SSE, Answer

TOLD = "Your card was taken out."
CHAT = "/v1/chat/completions"
NO_CHATS = {"openai-completions", "tgi"}
Record = Callable[[tuple[str, ...]], bytes]
each_shape = pytest.mark.parametrize(
    ("shape", "record"), recorded.STREAMS, ids=[shape.name for shape, _ in recorded.STREAMS]
)
each_whole = pytest.mark.parametrize(
    ("shape", "document"), recorded.WHOLE, ids=[shape.name for shape, _ in recorded.WHOLE]
)


def noticing(form: str = "paragraph", text: str = TOLD) -> str:
    return POLICY.replace("rules:", f'stream: {{notice: {{as: {form}, text: "{text}"}}}}\nrules:')


def behind(shape: Shape, text: str, joint: str = "\n\n") -> str:
    """What a person reads who was told."""
    return text if shape.name in NO_CHATS else f"{text}{joint}{TOLD}"


@each_shape
@pytest.mark.parametrize("size", (None, 1, 7))
async def test_a_stream_ends_with_the_notice(tmp_path: Path, shape: Shape, record: Record, size: int | None):
    async with proxied(tmp_path, policy=noticing()) as proxy:
        proxy.upstream.answer = streamed(shape, record(CLEAN_PIECES), size)
        response, data = await ask(proxy, PATHS[shape.name], request_of(shape, f"card {CARD}!"))
        assert recorded.said(shape, data) == behind(shape, "".join(CLEAN_PIECES))
        assert data.decode(errors="replace").count(TOLD) >= (shape.name not in NO_CHATS)
        assert NOTICE not in response.headers


@each_shape
async def test_a_stream_says_the_same_to_its_end_and_what_repeats_it_does_too(
    tmp_path: Path, shape: Shape, record: Record
):
    """But for the notice itself nothing is another: what ends the stream comes behind it."""
    body = record(CLEAN_PIECES)
    async with proxied(tmp_path, policy=noticing()) as proxy:
        proxy.upstream.answer = streamed(shape, body)
        _, data = await ask(proxy, PATHS[shape.name], request_of(shape, f"card {CARD}!"))
    if shape.name == "openai-responses":  # says all of it again, three times
        said = "".join(CLEAN_PIECES)
        repeats = body.count(json.dumps(said).encode())
        assert data.count(json.dumps(behind(shape, said), ensure_ascii=False).encode()) == repeats == 3
    last_frame = body.rstrip(b"\n").rpartition(b"\n\n" if b"\n\n" in body else b"\n")[2]
    if shape.name not in ("openai-responses", "gemini", "bedrock-converse", "ollama"):  # their last frames may say it
        assert data.rstrip(b"\n").endswith(last_frame)


@each_shape
async def test_nothing_is_told_where_nothing_was_redacted(tmp_path: Path, shape: Shape, record: Record):
    body = record(CLEAN_PIECES)
    async with proxied(tmp_path, policy=noticing()) as proxy:
        for size in (None, 7):
            proxy.upstream.answer = streamed(shape, body, size)
            _, data = await ask(proxy, PATHS[shape.name], request_of(shape, "hi"))
            assert data == body


@each_shape
async def test_an_answer_that_is_stopped_has_its_message_alone(tmp_path: Path, shape: Shape, record: Record):
    async with proxied(tmp_path, policy=noticing()) as proxy:
        proxy.upstream.answer = streamed(shape, record(BAD_PIECES), 40)
        _, data = await ask(proxy, PATHS[shape.name], request_of(shape, f"card {CARD}!"))
        assert recorded.said(shape, data) == "Hello you \n\nStopped."
        assert TOLD.encode() not in data


@each_shape
async def test_what_is_open_is_closed_first(tmp_path: Path, shape: Shape, record: Record):
    async with proxied(tmp_path, policy=noticing()) as proxy:
        proxy.upstream.answer = streamed(shape, record(("so\n```py\n", "x = 1")), 40)
        _, data = await ask(proxy, PATHS[shape.name], request_of(shape, f"card {CARD}!"))
        assert recorded.said(shape, data) == behind(shape, "so\n```py\nx = 1", "\n```\n\n")


@each_whole
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("all fine", f"all fine\n\n{TOLD}"),
        (f"so {INJECTION} it is", "so \n\nStopped."),
        ("$$ x = 1", f"$$ x = 1\n$$\n\n{TOLD}"),
        ("  ", "  "),
        ('{\\"a\\": 1}', '{"a": 1}'),
        ("[1, 2]", "[1, 2]"),
        ("```json\\n{}\\n```", "```json\n{}\n```"),
    ],
)
async def test_whole_answers(tmp_path: Path, shape: Shape, document: Any, text: str, shown: str):
    body = json.dumps(document).replace("@", text).encode()
    async with proxied(tmp_path, policy=noticing()) as proxy:
        proxy.upstream.answer = Answer([body], JSON)
        _, answer = await ask(proxy, PATHS[shape.name], request_of(shape, f"card {CARD}!"))
        wanted = shown.removesuffix(f"\n$$\n\n{TOLD}").removesuffix(f"\n\n{TOLD}") if shape.name in NO_CHATS else shown
        assert recorded.text_of(shape, json.loads(answer)) == wanted


async def test_an_annotation_stands_beside_the_answer(tmp_path: Path):
    shape, record = recorded.STREAMS[0]
    body = record(CLEAN_PIECES)
    async with proxied(tmp_path, policy=noticing("annotation", "Ihre Karte fehlt: Prüfung.")) as proxy:
        proxy.upstream.answer = streamed(shape, body)
        response, data = await ask(proxy, CHAT, request_of(shape, f"card {CARD}!"))
        assert data == body
        assert unquote(response.headers[NOTICE]) == "Ihre Karte fehlt: Prüfung."
        response, _ = await ask(proxy, CHAT, request_of(shape, "hi"))
        assert NOTICE not in response.headers


async def test_the_text_is_in_the_policys_language(tmp_path: Path):
    shape, record = recorded.STREAMS[0]
    policy = POLICY.replace("rules:", "stream: {notice: paragraph}\nrules:").replace(
        'version: "7"}', 'version: "7", language: de}'
    )
    async with proxied(tmp_path, policy=policy) as proxy:
        proxy.upstream.answer = streamed(shape, record(CLEAN_PIECES))
        _, data = await ask(proxy, CHAT, request_of(shape, f"card {CARD}!"))
        assert recorded.said(shape, data).endswith(f" bye\n\n{changed(Language.DE)}")


async def test_json_that_was_asked_for_stays_json(tmp_path: Path):
    shape, record = recorded.STREAMS[0]
    body = record(('"a ', 'word"'))
    asked = request_of(shape, f"card {CARD}!") | {"response_format": {"type": "json_object"}}
    async with proxied(tmp_path, policy=noticing()) as proxy:
        proxy.upstream.answer = streamed(shape, body)
        _, data = await ask(proxy, CHAT, asked)
        assert data == body


def turn(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


@pytest.mark.parametrize(
    ("messages", "is_told"),
    [
        ([turn("user", "a"), turn("assistant", "b"), turn("user", CARD)], True),
        ([turn("user", CARD), turn("user", "and")], True),
        ([turn("user", CARD), turn("assistant", "b"), turn("tool", "c")], True),
        ([turn("user", CARD), turn("assistant", "b"), turn("user", "c")], False),
        ([turn("user", "a"), turn("assistant", CARD), turn("user", "c")], False),
        ([turn("system", CARD), turn("user", "c")], False),
        ([turn("user", "a"), turn("assistant", "b"), turn("tool", CARD)], False),
    ],
)
async def test_what_the_person_wrote_last_is_what_they_are_told_of(
    tmp_path: Path, messages: list[dict[str, str]], is_told: bool
):
    shape, record = recorded.STREAMS[0]
    async with proxied(tmp_path, policy=noticing()) as proxy:
        proxy.upstream.answer = streamed(shape, record(CLEAN_PIECES))
        _, data = await ask(proxy, CHAT, {"model": "m", "messages": messages, "stream": True})
        assert (TOLD.encode() in data) is is_told


# --- calls, and several parts ---------------------------------------------------------------------------------------


def chat(*choices: dict[str, Any]) -> bytes:
    frames = [json.dumps({"id": "c", "choices": [{"index": 0, **each}]}) for each in choices]
    return "".join(f"data: {each}\n\n" for each in (*frames, "[DONE]")).encode()


CALL = {"delta": {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": '{"a": "b"}'}}]}}
SAID = {"delta": {"content": "Let me see."}}


async def asked(proxy: Proxied, body: bytes, path: str = CHAT, size: int | None = None) -> bytes:
    pieces = [body] if size is None else [body[start : start + size] for start in range(0, len(body), size)]
    proxy.upstream.answer = Answer(pieces, SSE)
    _, data = await ask(
        proxy, path, {"model": "m", "messages": [turn("user", CARD)], "stream": True, "n": 2, "max_tokens": 9}
    )
    return data


async def test_a_step_that_ends_in_a_call_is_no_answer(tmp_path: Path):
    async with proxied(tmp_path, policy=noticing()) as proxy:
        for size in (None, 9):
            body = chat(SAID, CALL, {"delta": {}, "finish_reason": "tool_calls"})
            assert TOLD.encode() not in await asked(proxy, body, size=size)


async def test_each_choice_is_told_and_one_that_is_stopped_is_not(tmp_path: Path):
    frames = [(0, "One. "), (1, "Two. "), (2, f"Three {INJECTION}")]
    events = [{"choices": [{"index": index, "delta": {"content": text}}]} for index, text in frames]
    events += [{"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]} for index in (1, 0, 2)]
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in events).encode() + b"data: [DONE]\n\n"
    async with proxied(tmp_path, policy=noticing()) as proxy:
        data = await asked(proxy, body)
    said = {0: "", 1: "", 2: ""}
    for line in data.decode().splitlines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:])["choices"]:
                said[choice["index"]] += choice["delta"].get("content") or ""
    assert said == {0: f"One. \n\n{TOLD}", 1: f"Two. \n\n{TOLD}", 2: "Three \n\nStopped."}


async def test_a_stream_that_ends_without_a_word_is_told_all_the_same(tmp_path: Path):
    body = b'data: {"choices": [{"index": 0, "delta": {"content": "Hello."}}]}\n\n'
    async with proxied(tmp_path, policy=noticing()) as proxy:
        data = await asked(proxy, body)
        assert data.startswith(body)
        assert json.dumps(f"\n\n{TOLD}")[1:-1].encode() in data[len(body) :]


def blocks(*kinds: tuple[str, str]) -> bytes:
    """A message of Anthropic's with these blocks: a kind and what it says."""
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {"id": "m", "role": "assistant"}}]
    for index, (kind, text) in enumerate(kinds):
        delta, key = {
            "text": ("text_delta", "text"),
            "thinking": ("thinking_delta", "thinking"),
            "tool_use": ("input_json_delta", "partial_json"),
            "server_tool_use": ("input_json_delta", "partial_json"),
        }[kind]
        named = {"name": "f", "id": "t"} if "tool" in kind else {}
        events += [
            {"type": "content_block_start", "index": index, "content_block": {"type": kind, **named}},
            {"type": "content_block_delta", "index": index, "delta": {"type": delta, key: text}},
            {"type": "content_block_stop", "index": index},
        ]
    events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}]
    return "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events).encode()


TEXT, TEXTS, CALLS = ("text", "One."), ("text", "Two."), ("tool_use", '{"a": 1}')


@pytest.mark.parametrize(
    ("kinds", "told_in"),
    [
        ((TEXT,), 0),
        ((TEXT, TEXTS), 1),
        ((TEXT, ("server_tool_use", '{"q": 1}'), TEXTS), 2),
        ((("thinking", "Hm."), TEXT), 1),
        ((TEXT, ("thinking", "Hm."), TEXTS), 2),
        ((TEXT, CALLS), None),
        ((CALLS,), None),
    ],
)
async def test_the_notice_goes_into_the_last_block_before_it_ends(
    tmp_path: Path, kinds: tuple[tuple[str, str], ...], told_in: int | None
):
    body = blocks(*kinds)
    async with proxied(tmp_path, policy=noticing()) as proxy:
        for size in (None, 11):
            data = await asked(proxy, body, "/v1/messages", size)
            events = [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: ")]
            told = [number for number, each in enumerate(events) if TOLD in json.dumps(each)]
            if told_in is None:
                assert data == body
            else:
                assert [events[number]["index"] for number in told] == [told_in]
                assert events[told[-1] + 1] == {"type": "content_block_stop", "index": told_in}
                assert b"".join(data.split(b"\n\n")[:2]) == b"".join(body.split(b"\n\n")[:2])


async def test_a_block_that_others_follow_leaves_when_they_begin(tmp_path: Path):
    """What waits for the notice waits for one event, and not for the answer's end."""
    body = blocks(TEXT, TEXTS)
    second = body.index(b'"text_delta"', body.index(b"content_block_stop"))
    upto = body.index(b"\n\n", second) + 2
    async with proxied(tmp_path, policy=noticing()) as proxy:
        answer = proxy.upstream.answer = Answer([body[:upto], body[upto:]], SSE, hold_at=1)
        async with aiohttp.ClientSession() as client:
            asked = {"model": "m", "messages": [turn("user", CARD)], "stream": True, "max_tokens": 9}
            async with client.post(f"{proxy.url}/v1/messages", json=asked) as response:
                assert response.status == 200
                early = b""
                while b'"content_block_stop", "index": 0' not in early:
                    early += await response.content.readany()
                assert not answer.is_played.is_set()
                answer.go_on.set()
                assert TOLD.encode() in await response.read()
