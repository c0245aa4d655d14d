"""What answers took, read where each provider writes it: whole and streamed, however the stream was cut."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.codec.body import WholeBody
from sidecar.codec.catalogue import GENERIC, SHAPES
from sidecar.codec.formats import Format
from sidecar.codec.opened import streamed
from sidecar.codec.shape import Shape
from sidecar.usage import MOST_TOKENS, Usage
from tests.exchanges import EXCHANGES, Exchange
from tests.exchanges.wire import Frame, written

_OPENAI = {"prompt_tokens": 90, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 64}}
_RESPONSES = {"input_tokens": 90, "output_tokens": 12, "input_tokens_details": {"cached_tokens": 64}}
_ANTHROPIC = {"input_tokens": 9, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 17, "output_tokens": 1}
_BEDROCK = {"inputTokens": 9, "outputTokens": 12, "cacheReadInputTokens": 64, "cacheWriteInputTokens": 17}
_GEMINI = {
    "promptTokenCount": 80,
    "toolUsePromptTokenCount": 10,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 7,
    "cachedContentTokenCount": 64,
}
_COHERE = {
    "billed_units": {"input_tokens": 90, "output_tokens": 12},
    "tokens": {"input_tokens": 120, "output_tokens": 13},
    "cached_tokens": 64,
}
_READ = Usage(90, 12, 64)
_READ_AND_WRITTEN = Usage(90, 12, 64, 17)

_WHOLE: list[tuple[str, Any, Usage | None]] = [
    ("openai-chat", {"choices": [], "usage": _OPENAI}, _READ),
    ("openai-chat", {"choices": []}, None),
    ("openai-chat", {"choices": [], "usage": {"prompt_tokens": "90", "completion_tokens": True}}, None),
    ("openai-chat", {"choices": [], "usage": {"prompt_tokens": -1, "completion_tokens": MOST_TOKENS + 1}}, None),
    ("openai-chat", ["no", "answer"], None),
    ("openai-completions", {"choices": [], "usage": _OPENAI}, _READ),
    ("openai-responses", {"output": [], "usage": _RESPONSES}, _READ),
    ("anthropic-messages", {"content": [], "usage": {**_ANTHROPIC, "output_tokens": 12}}, _READ_AND_WRITTEN),
    ("bedrock-converse", {"output": {}, "usage": _BEDROCK}, _READ_AND_WRITTEN),
    ("gemini", {"candidates": [], "usageMetadata": _GEMINI}, _READ),
    ("gemini", {"candidates": [], "usage_metadata": {"prompt_token_count": 9}}, Usage(9)),
    ("gemini", [{"usageMetadata": {"promptTokenCount": 9}}, {"usageMetadata": _GEMINI}, {}], _READ),
    ("cohere-chat", {"message": {}, "usage": _COHERE}, _READ),
    ("cohere-chat", {"message": {}, "usage": {"tokens": {"input_tokens": 120, "output_tokens": 13}}}, Usage(120, 13)),
    ("ollama", {"done": True, "prompt_eval_count": 90, "eval_count": 12}, Usage(90, 12)),
    ("ollama", {"done": True, "eval_count": 12}, Usage(None, 12)),
    ("tgi", {"generated_text": "Yes.", "details": {"generated_tokens": 2}}, Usage(None, 2)),
    ("tgi", [{"generated_text": "Yes.", "details": {"generated_tokens": 2, "prefill": [{}, {}]}}], Usage(2, 2)),
    ("inputs", {"data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}, Usage(8, 0)),
    ("generic", {"usage": _OPENAI}, None),
]

_STREAMS: list[tuple[str, Format, list[Frame], Usage | None]] = [
    (
        "openai-chat",
        Format.SSE,
        [
            {"choices": [{"index": 0, "delta": {"content": "Yes."}}], "usage": None},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 90}},
            {"choices": [], "usage": _OPENAI},
            "[DONE]",
        ],
        _READ,
    ),
    (
        "anthropic-messages",
        Format.SSE,
        [
            ("message_start", {"type": "message_start", "message": {"content": [], "usage": _ANTHROPIC}}),
            ("message_delta", {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 12}}),
        ],
        _READ_AND_WRITTEN,
    ),
    (
        "openai-responses",
        Format.SSE,
        [
            ("response.created", {"type": "response.created", "response": {"output": [], "usage": None}}),
            ("response.completed", {"type": "response.completed", "response": {"output": [], "usage": _RESPONSES}}),
        ],
        _READ,
    ),
    (
        "gemini",
        Format.SSE,
        [{"candidates": [], "usageMetadata": {"promptTokenCount": 80}}, {"usageMetadata": _GEMINI}],
        _READ,
    ),
    ("bedrock-converse", Format.EVENT_STREAM, [("metadata", {"usage": _BEDROCK})], _READ_AND_WRITTEN),
    ("cohere-chat", Format.SSE, [{"type": "message-end", "delta": {"usage": _COHERE}}], _READ),
    (
        "ollama",
        Format.LINES,
        [{"message": {"content": "Yes."}, "done": False}, {"done": True, "prompt_eval_count": 90, "eval_count": 12}],
        Usage(90, 12),
    ),
    (
        "tgi",
        Format.SSE,
        [
            {"token": {"id": 1, "text": "Yes", "special": False}, "generated_text": None, "details": None},
            {
                "token": {"id": 2, "text": ".", "special": False},
                "generated_text": "Yes.",
                "details": {"generated_tokens": 2, "input_length": 9},
            },
        ],
        Usage(9, 2),
    ),
    ("openai-chat", Format.SSE, ["[DONE]"], None),
]


def _shape(name: str) -> Shape:
    return next(each for each in (*SHAPES, GENERIC) if each.name == name)


def _usage_of_stream(shape: Shape, form: Format, data: bytes, *, cut: int) -> Usage | None:
    body = streamed(shape, form, max_frame_bytes=1 << 20, max_waiting_bytes=1 << 20)
    for start in range(0, len(data), cut):
        body.feed(data[start : start + cut])
    body.finish()
    return body.usage


@pytest.mark.parametrize(("name", "document", "expected"), _WHOLE)
def test_a_whole_answer_says_what_it_took(name: str, document: Any, expected: Usage | None):
    assert _shape(name).usage(document) == expected


@pytest.mark.parametrize("cut", [1, 7, 100_000])
@pytest.mark.parametrize(("name", "form", "frames", "expected"), _STREAMS)
def test_a_stream_says_what_it_took(name: str, form: Format, frames: list[Frame], expected: Usage | None, cut: int):
    data = b"".join(written(form, each) for each in frames)
    assert _usage_of_stream(_shape(name), form, data, cut=cut) == expected


@pytest.mark.parametrize("exchange", [each for each in EXCHANGES if each.half != "request"], ids=str)
def test_every_provider_s_own_exchanges_can_be_counted(exchange: Exchange):
    """Whatever an answer holds, it is counted or not, and never fails."""
    if exchange.half == "answer":
        WholeBody(exchange.shape, exchange.data, is_request=False).usage  # noqa: B018 - it must not raise
    else:
        _usage_of_stream(exchange.shape, exchange.form, exchange.data, cut=100_000)


def test_a_request_counts_nothing():
    body = b'{"model": "m", "messages": [], "usage": {"prompt_tokens": 3}}'
    assert WholeBody(_shape("openai-chat"), body, is_request=True).usage is None
