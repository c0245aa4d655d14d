"""OpenAI chat completions, https://platform.openai.com/docs/api-reference/chat, and all who speak it.

Azure, Groq, Together, OpenRouter, vLLM, Mistral and others add fields of their own: what is not named here is text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sidecar.codec.advice import in_messages
from sidecar.codec.jsontext import Path
from sidecar.codec.places import (
    BASE64,
    COUNTS,
    DATA,
    FILE,
    FINAL,
    LOGPROBS,
    OPAQUE,
    PICTURE,
    TOKENS,
    Kind,
    Node,
    arguments,
    definitions,
    node,
    opaque,
    text,
    twin,
)
from sidecar.codec.shape import (
    NewFrame,
    Opening,
    Shape,
    Unanswered,
    choice_scope,
    encode,
    items,
    message_scope,
    numbered_scope,
    opened,
    run_scope,
    spoken,
    tells,
)
from sidecar.codec.shapes import openai, openai_completions
from sidecar.values import Channel, Lane, Part

_NAMES = opaque("id object created model system_fingerprint service_tier provider obfuscation")

_MEDIA = node(
    {"file_data": FILE, "filename": text(), "url": DATA, "data": BASE64, **opaque("detail format file_id id")}
)

_PART = node(
    {
        "type": OPAQUE,
        "text": text(enter=run_scope),
        "refusal": text(),
        **dict.fromkeys(("image_url", "video_url", "audio_url"), PICTURE),
        "input_audio": _MEDIA,
        "file": _MEDIA,
        "cache_control": OPAQUE,
        "thinking": text(Channel.REASONING, each=node({"type": OPAQUE, "text": text(Channel.REASONING)})),
    },
    channel=Channel.CONTENT,
)
"""A part of a message's content. Text parts of one message are read as one text."""

_CONTENT = text(each=_PART)

_FUNCTION = node({"name": text(Channel.TOOL_ARGUMENTS), "arguments": arguments()}, channel=Channel.TOOL_ARGUMENTS)

_CALL = node(
    {
        **opaque("index id type"),
        "function": _FUNCTION,
        "custom": node({"name": text(Channel.TOOL_ARGUMENTS), "input": text(Channel.TOOL_ARGUMENTS)}),
    },
    channel=Channel.TOOL_ARGUMENTS,
    enter=numbered_scope("tool_calls"),
)

_THOUGHTS = {
    "reasoning_content": text(Channel.REASONING),
    "reasoning": twin(Channel.REASONING),
    "reasoning_details": node(
        each=node(
            {
                **opaque("type id format index data signature"),
                "text": twin(Channel.REASONING),
                "summary": twin(Channel.REASONING),
            },
            enter=numbered_scope("reasoning_details"),
        )
    ),
    "thinking_blocks": node(
        each=node(
            {**opaque("type signature data"), "thinking": twin(Channel.REASONING)},
            enter=numbered_scope("thinking_blocks"),
        )
    ),
}

_MESSAGE_FIELDS = {
    "role": OPAQUE,
    "content": _CONTENT,
    "refusal": text(),
    **_THOUGHTS,
    "tool_calls": node(each=_CALL, channel=Channel.TOOL_ARGUMENTS),
    "function_call": _FUNCTION,
    "tool_call_id": OPAQUE,
    "audio": node({"transcript": text(), **opaque("id data expires_at")}),
    "annotations": node(emptied="[]"),
    "images": node(each=node({**opaque("type index"), "image_url": PICTURE})),
}

_ANSWERED = node(_MESSAGE_FIELDS)

_CHOICE = node(
    {
        "index": OPAQUE,
        "delta": _ANSWERED,
        "message": _ANSWERED,
        "text": twin(),
        "finish_reason": FINAL,
        **opaque("native_finish_reason stop_reason seed"),
        "content_filter_results": openai.FILTERS,
        "token_ids": TOKENS,
        "logprobs": LOGPROBS,
    },
    enter=choice_scope,
)

_ANSWER = node(
    {
        **_NAMES,
        "choices": node(each=_CHOICE),
        **dict.fromkeys(("usage", "time_info", "timings"), COUNTS),
        "prompt_filter_results": openai.PROMPT_FILTERS,
        "prompt_logprobs": LOGPROBS,
        "prompt_token_ids": OPAQUE,
    }
)

_REQUEST = node(
    {
        "model": OPAQUE,
        "models": OPAQUE,
        "messages": node(each=node({**_MESSAGE_FIELDS, "name": text()}, enter=message_scope)),
        "tools": definitions(),
        "functions": definitions(),
        "tool_choice": OPAQUE,
        "modalities": OPAQUE,
        "audio": OPAQUE,
        **opaque("service_tier reasoning_effort verbosity prompt_cache_key safety_identifier"),
        "documents": node(each=Node(Kind.JSON, channel=Channel.CONTENT, part=Part.CONTEXT)),
        "response_format": Node(Kind.JSON, channel=Channel.CONTENT, part=Part.SYSTEM),
        "prediction": node({"type": OPAQUE, "content": text(each=_PART)}, part=Part.USER),
    }
)


class _Voice(openai.Template):
    """Says the message as a last delta."""

    def end(self, lane: Lane, key: tuple[Any, ...], message: str) -> list[NewFrame]:
        """The message as a last delta, then the finish reason `content_filter`."""
        said = [{"index": lane.choice, "delta": {"content": message}, "finish_reason": None}] if message else []
        return [
            self.chunk(each) for each in (*said, {"index": lane.choice, "delta": {}, "finish_reason": openai.FILTERED})
        ]


def _stopped(document: Any, choice: int, message: str, unspoken: frozenset[Path]) -> Mapping[Path, Any]:
    """The choice with the text that was let out, and the message behind it; no calls, which would be run."""
    changes: dict[Path, Any] = {}
    for place, found in items(document, "choices"):
        if tells(found, place, choice):
            said = found.get("message")
            changes["choices", place] = {
                "index": found.get("index", place),
                "message": _message(said if isinstance(said, dict) else {}, message, place, unspoken),
                "logprobs": None,
                "finish_reason": openai.FILTERED,
            }
    return changes


def _message(said: dict[str, Any], message: str, place: int, unspoken: frozenset[Path]) -> dict[str, Any]:
    before = said.get("content")
    kept = {key: said[key] for key in ("role", "reasoning_content", "reasoning") if said.get(key)}
    if isinstance(before, list):
        parts = spoken(before, ("choices", place, "message", "content"), unspoken)
        return {**kept, "content": [*parts, *([{"type": "text", "text": message}] if message else [])]}
    return {**kept, "content": (before if isinstance(before, str) else "") + message}


def _opening(unanswered: Unanswered) -> Opening:
    """The assistant's role, and no word yet."""
    names = {"id": f"chatcmpl-{unanswered.number}", "created": unanswered.created, "model": unanswered.model}
    begun = {"role": "assistant", "content": ""}
    places = range(unanswered.choices)
    whole = {
        **names,
        "object": "chat.completion",
        "choices": [{"index": place, "message": begun, "logprobs": None, "finish_reason": None} for place in places],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }
    chunk = {**names, "object": "chat.completion.chunk"}
    return opened(
        unanswered,
        whole,
        *(
            NewFrame(encode({**chunk, "choices": [{"index": place, "delta": begun, "finish_reason": None}]}))
            for place in places
        ),
    )


def _fits(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("messages"), list)


def _wants_json(document: Any) -> bool:
    """Whether the answer's content is JSON by request."""
    asked = document.get("response_format") if isinstance(document, dict) else None
    return isinstance(asked, dict) and asked.get("type") in ("json_object", "json_schema")


SHAPE = Shape(
    name="openai-chat",
    title="OpenAI chat completions, and all who speak it",
    provider="openai",
    paths=(r"/(chat|agents)/completions$",),
    fits=_fits,
    request=_REQUEST,
    advised=in_messages,
    response=_ANSWER,
    event=_ANSWER,
    ends=openai.ends,
    is_last=openai.is_done,
    voice=_Voice,
    stopped=_stopped,
    opening=_opening,
    refusal=openai.refusal,
    failure=openai.failure,
    too_long=openai.too_long,
    choices=openai.choices,
    wants_usage=openai.wants_usage,
    usage=openai.usage,
    wants_json=_wants_json,
    is_reopened=True,
    is_chat=True,
)

FIM = msgspec.structs.replace(
    SHAPE,
    name="mistral-fim",
    title="Mistral's fill in the middle: asked like completions, answered like a chat",
    provider="mistral_ai",
    operation="text_completion",
    paths=(r"/fim/completions$",),
    request=openai_completions.SHAPE.request,
    fits=openai_completions.SHAPE.fits,
    opening=None,
    is_chat=False,
)
