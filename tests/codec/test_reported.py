"""Places that nobody read once, with the shipped policies: each stands for its kind."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sidecar.codec.formats import Format
from sidecar.codec.shape import AnswerOptions, Shape
from sidecar.codec.shapes import anthropic, bedrock, gemini, ollama, openai_chat, openai_responses, tgi
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_file
from sidecar.policy.plan import Plan
from tests.codec.playing import guarded
from tests.codec.test_body import stream_of
from tests.exchanges.wire import Exchange
from tests.fakes import replacing_in_calls

POLICIES = Path(__file__).parents[2] / "policies"
MAIL = "anna.berg@example.org"


@cache
def shipped(name: str) -> Plan:
    return replacing_in_calls(as_it_comes(name))


def as_it_comes(name: str) -> Plan:
    """A shipped policy, which keeps the values that an application's own tools are handed."""
    (policy,) = compile_file(POLICIES / f"{name}.yaml", public_keys()).policies
    return policy[1]


def chat_delta(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta}]}


def user(*content: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}]}


STREAMED: dict[str, tuple[Shape, Any]] = {
    "a custom tool's input": (
        openai_chat.SHAPE,
        chat_delta(
            tool_calls=[{"index": 0, "id": "c", "type": "custom", "custom": {"name": "sh", "input": f"to {MAIL}"}}]
        ),
    ),
    "a function's name": (
        openai_chat.SHAPE,
        chat_delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": MAIL, "arguments": "{}"}}]),
    ),
    "reasoning and its details": (
        openai_chat.SHAPE,
        chat_delta(content="", reasoning=f"Mail {MAIL}", reasoning_details=[{"text": f"Mail {MAIL}", "index": 0}]),
    ),
    "thinking blocks": (
        openai_chat.SHAPE,
        chat_delta(reasoning_content=f"to {MAIL}", thinking_blocks=[{"type": "thinking", "thinking": f"to {MAIL}"}]),
    ),
    "citations in a context": (openai_chat.SHAPE, chat_delta(context={"citations": [{"content": MAIL}]})),
    "search results": (
        openai_chat.SHAPE,
        chat_delta(executed_tools=[{"search_results": {"results": [{"content": MAIL}]}}]),
    ),
    "text beside the delta": (openai_chat.SHAPE, {"choices": [{"index": 0, "text": MAIL, "delta": {"content": MAIL}}]}),
    "an image's alternative": (openai_chat.SHAPE, chat_delta(images=[{"image_url": {"alt": MAIL}}])),
    "code of an interpreter": (
        openai_responses.SHAPE,
        {"type": "response.code_interpreter_call_code.delta", "output_index": 0, "delta": f"print('{MAIL}')"},
    ),
    "an answer of another server": (
        openai_responses.SHAPE,
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {"id": "m", "type": "mcp_call", "name": "look", "arguments": "{}", "output": f"to {MAIL}"},
        },
    ),
    "an echo of the instructions": (
        openai_responses.SHAPE,
        {"type": "response.created", "response": {"id": "r", "instructions": f"Write to {MAIL}", "output": []}},
    ),
    "a delta that nobody knows": (openai_responses.SHAPE, {"type": "response.brand_new.delta", "delta": MAIL}),
    "a result of another server": (
        anthropic.SHAPE,
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "mcp_tool_result", "content": [{"type": "text", "text": MAIL}]},
        },
    ),
    "what a command printed": (
        anthropic.SHAPE,
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "bash_code_execution_tool_result", "content": {"stdout": MAIL}},
        },
    ),
    "a citation": (
        anthropic.SHAPE,
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "citations_delta", "citation": {"cited_text": MAIL}},
        },
    ),
    "what a message begins with": (
        anthropic.SHAPE,
        {"type": "message_start", "message": {"content": [{"type": "text", "text": MAIL}]}},
    ),
    "a tool's input as an object": (
        ollama.SHAPE,
        {"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"to": MAIL}}}]}},
    ),
    "other tokens": (tgi.SHAPE, {"token": {"id": 1, "text": "a"}, "top_tokens": [{"text": MAIL}]}),
    "a function call": (
        gemini.SHAPE,
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"to": [MAIL]}}}]}}]},
    ),
}

ASKED: dict[str, tuple[Shape, Any]] = {
    "a custom tool's input": (
        openai_chat.SHAPE,
        {
            "messages": [
                {"role": "assistant", "tool_calls": [{"type": "custom", "custom": {"name": "q", "input": MAIL}}]}
            ]
        },
    ),
    "reasoning": (openai_chat.SHAPE, {"messages": [{"role": "assistant", "content": "ok", "reasoning_content": MAIL}]}),
    "documents": (openai_chat.SHAPE, {"messages": [], "documents": [{"title": "t", "text": MAIL}]}),
    "a prediction": (openai_chat.SHAPE, {"messages": [], "prediction": {"type": "content", "content": MAIL}}),
    "a definition": (openai_chat.SHAPE, {"messages": [], "tools": [{"function": {"description": f"Ask {MAIL}"}}]}),
    "metadata and stops": (openai_chat.SHAPE, {"messages": [], "metadata": {"who": MAIL}, "stop": [MAIL]}),
    "a file's text": (
        openai_chat.SHAPE,
        user({"type": "file", "file": {"file_data": "data:text/plain;base64,YW5uYS5iZXJnQGV4YW1wbGUub3Jn"}}),
    ),
    "what a shell printed": (
        openai_responses.SHAPE,
        {"input": [{"type": "shell_call_output", "call_id": "c", "output": [{"stdout": f"to {MAIL}", "stderr": ""}]}]},
    ),
    "an interpreter's code and logs": (
        openai_responses.SHAPE,
        {"input": [{"type": "code_interpreter_call", "code": f"p('{MAIL}')", "outputs": [{"logs": MAIL}]}]},
    ),
    "variables of a prompt": (openai_responses.SHAPE, {"prompt": {"id": "p", "variables": {"who": MAIL}}}),
    "a search result": (
        anthropic.SHAPE,
        user({"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": MAIL}]}),
    ),
    "a document in parts": (
        anthropic.SHAPE,
        user({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": MAIL}]}}),
    ),
    "a document inside a tool's result": (
        anthropic.SHAPE,
        user(
            {
                "type": "tool_result",
                "content": [{"type": "document", "title": MAIL, "source": {"type": "text", "data": MAIL}}],
            }
        ),
    ),
    "a title and its context": (anthropic.SHAPE, user({"type": "document", "title": MAIL, "context": MAIL})),
    "calls of the history": (
        ollama.SHAPE,
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": {"to": MAIL}}}]}]},
    ),
    "a result as JSON": (bedrock.SHAPE, user({"toolResult": {"content": [{"json": {"deep": [{"to": MAIL}]}}]}})),
    "a system instruction": (gemini.SHAPE, {"contents": [], "system_instruction": {"parts": [{"text": MAIL}]}}),
}


@pytest.mark.parametrize(("shape", "document"), STREAMED.values(), ids=STREAMED)
def test_an_address_in_a_frame_is_redacted(shape: Shape, document: Any) -> None:
    exchange = stream_of(shape, [document])
    for size in (1, 1 << 20):
        out = guarded(exchange, shipped("pii-redact"), size=size)
        assert MAIL.encode() not in out
        assert "‹email-address›".encode() in out or b"null" in out


@pytest.mark.parametrize("field", ["output", "error"])
def test_what_a_providers_call_came_to_is_no_argument_of_a_call(field: str) -> None:
    item = {"id": "m", "type": "mcp_call", "name": "look", "arguments": f'{{"to":"{MAIL}"}}', field: f"to {MAIL}"}
    document = {"type": "response.output_item.done", "output_index": 0, "item": item}
    out = guarded(stream_of(openai_responses.SHAPE, [document]), as_it_comes("pii-redact"), size=1 << 20)
    assert f'"{field}": "to ‹email-address›"'.encode() in out
    assert out.count(MAIL.encode()) == 1


@pytest.mark.parametrize(("shape", "document"), ASKED.values(), ids=ASKED)
def test_an_address_in_a_request_is_redacted(shape: Shape, document: Any) -> None:
    out = guarded(Exchange(shape, "asked", "request", Format.JSON, (document,)), shipped("pii-redact"))
    assert MAIL.encode() not in out
    assert b"YW5uYS5iZXJnQGV4YW1wbGUub3Jn" not in out
    json.loads(out)


OBJECT = {"ssn": 536228726, "card": 4111111111111111, "phone": "4155552671", "deep": [{"to": MAIL}], MAIL: True, "n": 3}


@pytest.mark.parametrize(
    ("shape", "document", "found"),
    [
        (
            anthropic.SHAPE,
            {"content": [{"type": "tool_use", "id": "t", "name": "f", "input": OBJECT}]},
            lambda answer: answer["content"][0]["input"],
        ),
        (
            ollama.SHAPE,
            {"message": {"tool_calls": [{"function": {"name": "f", "arguments": OBJECT}}]}},
            lambda answer: answer["message"]["tool_calls"][0]["function"]["arguments"],
        ),
        (
            openai_chat.SHAPE,
            {"choices": [{"message": {"tool_calls": [{"function": {"name": "f", "arguments": json.dumps(OBJECT)}}]}}]},
            lambda answer: json.loads(answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]),
        ),
        (
            bedrock.SHAPE,
            {"output": {"message": {"content": [{"toolUse": {"name": "f", "input": OBJECT}}]}}},
            lambda answer: answer["output"]["message"]["content"][0]["toolUse"]["input"],
        ),
    ],
    ids=["anthropic", "ollama", "openai-chat", "bedrock"],
)
def test_keys_and_numbers_of_arguments_are_read_and_the_arguments_stay_what_they_were(
    shape: Shape, document: Any, found: Any
) -> None:
    answer = json.loads(guarded(Exchange(shape, "whole", "answer", Format.JSON, (document,)), shipped("pii-redact")))
    assert found(answer) == {
        "ssn": "‹social-security-number›",
        "card": "••••••••••••1111",
        "phone": "‹phone-number›",
        "deep": [{"to": "‹email-address›"}],
        "‹email-address›": True,
        "n": 3,
    }


def test_offsets_into_a_changed_text_go_with_it() -> None:
    note = {"type": "url_citation", "url_citation": {"title": "Seas", "start_index": 40, "end_index": 50}}
    message = {"content": f"Write to {MAIL}, who knows the sea.", "annotations": [note]}
    document = {"choices": [{"index": 0, "message": message}]}
    exchange = Exchange(openai_chat.SHAPE, "whole", "answer", Format.JSON, (document,))
    answer = json.loads(guarded(exchange, shipped("pii-redact")))
    assert answer["choices"][0]["message"]["annotations"] == []


def test_a_structured_answer_is_read_as_the_json_that_it_is() -> None:
    pieces = ['{"to": "anna.berg\\u', '0040example.org", "card": 41111111', '11111111, "n": 3}']
    frames = [chat_delta(content=each) for each in pieces]
    out = guarded(stream_of(openai_chat.SHAPE, frames), shipped("pii-redact"), asked=AnswerOptions(is_json=True))
    said = "".join(
        json.loads(line[6:])["choices"][0]["delta"]["content"]
        for line in out.decode().splitlines()
        if line.startswith("data:")
    )
    assert json.loads(said) == {"to": "‹email-address›", "card": "••••••••••••1111", "n": 3}
