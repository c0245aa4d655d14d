"""Completions."""

from __future__ import annotations

from typing import Any

from sidecar.codec.shapes.openai_completions import SHAPE

__all__ = ["ANSWERS", "REQUESTS", "SHAPE", "STREAMS"]

_HEAD = {"id": "cmpl-1", "object": "text_completion", "created": 1764374400, "model": "davinci-test"}


def _choice(text: str, index: int = 0, finish: str | None = None, logprobs: Any = None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}


def _chunk(text: str, index: int = 0, finish: str | None = None, logprobs: Any = None) -> dict[str, Any]:
    return {**_HEAD, "choices": [_choice(text, index, finish, logprobs)]}


REQUESTS: dict[str, Any] = {
    "plain": {"model": "davinci-test", "prompt": "Once upon a time", "max_tokens": 16},
    "several": {"model": "davinci-test", "prompt": ["One fine day", "One dark night"], "n": 1},
    "suffix": {"model": "davinci-test", "prompt": "def add(a, b):", "suffix": "    return c"},
    "metadata": {"model": "davinci-test", "prompt": "Hello", "user": "desk-7", "stop": ["END"], "extra": {"note": "x"}},
}
ANSWERS: dict[str, Any] = {
    "plain": {**_HEAD, "choices": [_choice(" there was a king.", finish="stop")], "usage": {"total_tokens": 9}},
    "several": {**_HEAD, "choices": [_choice(" it rained.", 0, "stop"), _choice(" owls sang.", 1, "length")]},
    "logprobs": {
        **_HEAD,
        "choices": [
            _choice(
                " a king",
                finish="stop",
                logprobs={
                    "tokens": [" a", " king"],
                    "token_logprobs": [-0.1, -0.2],
                    "top_logprobs": [{" a": -0.1, " the": -1.0}, {" king": -0.2}],
                    "text_offset": [0, 2],
                },
            )
        ],
    },
    "unknown_fields": {**_HEAD, "choices": [{**_choice("Yes.", finish="stop"), "explanation": "Since I know."}]},
}
STREAMS: dict[str, list[Any]] = {
    "plain": [_chunk(" there"), _chunk(" was a"), _chunk(" king."), _chunk("", finish="stop"), "[DONE]"],
    "several": [_chunk("One", 0), _chunk("Two", 1), _chunk(" day", 0, "stop"), _chunk(" nights", 1, "stop"), "[DONE]"],
    "logprobs": [
        _chunk(" a", logprobs={"tokens": [" a"], "token_logprobs": [-0.1], "top_logprobs": None, "text_offset": [0]}),
        _chunk(" king", finish="stop"),
        "[DONE]",
    ],
    "usage": [_chunk("Yes.", finish="stop"), {**_HEAD, "choices": [], "usage": {"total_tokens": 4}}, "[DONE]"],
}
