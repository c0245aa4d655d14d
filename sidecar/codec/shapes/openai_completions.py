"""OpenAI completions: https://platform.openai.com/docs/api-reference/completions. A chunk is like an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.codec.jsontext import Path
from sidecar.codec.places import (
    COUNTS,
    FINAL,
    LOGPROBS,
    TOKENS,
    Key,
    Reader,
    Scope,
    node,
    opaque,
    text,
)
from sidecar.codec.shape import NewFrame, Shape, choice_scope, items, tells
from sidecar.codec.shapes import openai
from sidecar.values import Lane


def _prompt_scope(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """One of several prompts, numbered."""
    return scope.named(path, choice=path[-1] if isinstance(path[-1], int) else 0)


_REQUEST = node(
    {
        **opaque("model service_tier"),
        "prompt": text(each=text(enter=_prompt_scope)),
        "suffix": text(),
    }
)

_ANSWER = node(
    {
        **opaque("id object created model system_fingerprint service_tier provider obfuscation"),
        "choices": node(
            each=node(
                {
                    **opaque("index stop_reason prompt_token_ids"),
                    "content_filter_results": openai.FILTERS,
                    "token_ids": TOKENS,
                    "text": text(),
                    "finish_reason": FINAL,
                    "logprobs": LOGPROBS,
                },
                enter=choice_scope,
            )
        ),
        "usage": COUNTS,
        "timings": COUNTS,
        "prompt_filter_results": openai.PROMPT_FILTERS,
        "prompt_logprobs": LOGPROBS,
    }
)


class _Voice(openai.Template):
    """Says the message as a last text."""

    def end(self, lane: Lane, key: Key, message: str) -> list[NewFrame]:
        """The message, with the finish reason `content_filter`."""
        return [self.chunk(_choice(lane.choice, message))]


def _choice(index: int, said: str) -> dict[str, Any]:
    return {"text": said, "index": index, "logprobs": None, "finish_reason": openai.FILTERED}


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    return {
        ("choices", place): _choice(choice, str(found.get("text") or "") + message)
        for place, found in items(document, "choices")
        if tells(found, place, choice)
    }


def _fits(document: Any) -> bool:
    """A prompt in words; token numbers cannot be read."""
    prompt = document.get("prompt") if isinstance(document, dict) else None
    return isinstance(prompt, str) or (isinstance(prompt, list) and all(isinstance(each, str) for each in prompt))


SHAPE = Shape(
    name="openai-completions",
    title="OpenAI completions",
    provider="openai",
    operation="text_completion",
    paths=(r"/completions$",),
    fits=_fits,
    request=_REQUEST,
    response=_ANSWER,
    event=_ANSWER,
    ends=openai.ends,
    is_last=openai.is_done,
    voice=_Voice,
    stopped=_stopped,
    refusal=openai.refusal,
    failure=openai.failure,
    too_long=openai.too_long,
    choices=openai.choices,
    wants_usage=openai.wants_usage,
    usage=openai.usage,
)
