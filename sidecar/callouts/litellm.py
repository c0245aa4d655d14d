"""`POST /beta/litellm_basic_guardrail_api`, as LiteLLM's proxy asks its generic guardrail API.

A request's messages are read by their roles; what is masked comes back in `texts`, `structured_messages` and `tools`,
of which LiteLLM takes what its version knows. Of an answer that streams, LiteLLM sends all that came so far, time and
again, and never says which call is the last: each is judged as if it were, and `stream_holdback_chars` says, for each
text, how many code points at its end what follows may still change.

Form: LiteLLM 1.110, litellm/types/proxy/guardrails/guardrail_hooks/generic_guardrail_api.py, where the hold-back is a
list; a number, as before, is ignored by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import field

from sidecar.callouts.adapter import Asked, Handler, Reply, plain_failure
from sidecar.callouts.guarded import Guarded, open_document
from sidecar.codec.shapes import openai_chat
from sidecar.codec.weave import Text
from sidecar.values import Direction, Lane

_NO_MASK = "A tool call holds what may not pass."
"""Outside of messages LiteLLM takes no calls back: what a policy would replace in them is stopped."""
_KEY_CHARS = 12


class _Request(msgspec.Struct):
    input_type: Literal["request", "response"]
    texts: list[str] | None = None
    structured_messages: list[Any] | None = None
    tools: list[Any] | None = None
    tool_calls: list[Any] | None = None
    request_data: dict[str, Any] = field(default_factory=dict)
    litellm_call_id: str | None = None
    litellm_trace_id: str | None = None
    model: str | None = None


class Litellm:
    """LiteLLM's generic guardrail API."""

    name = "litellm"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """One path."""
        return {"/beta/litellm_basic_guardrail_api": self.guard}

    async def guard(self, asked: Asked) -> Reply:
        """Judge a request, or what there is of an answer. Raises `TidegateError`."""
        request = asked.read(_Request)
        answer = await (_request if request.input_type == "request" else _response)(asked, request)
        return Reply(answer)

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """With a word and a sentence; LiteLLM then does as its `unreachable_fallback` and `fail_on_error` say."""
        return plain_failure(status, reason, message)


async def _request(asked: Asked, request: _Request) -> dict[str, Any]:
    rows = _rows(request)
    document = {"model": request.model or "", "messages": rows}
    if request.tools:
        document["tools"] = request.tools
    result = await asked.guard_document(openai_chat.SHAPE, document, **_facts(request))
    if result.guarded.is_blocked:
        return _blocked(result.guarded.message)
    passed = result.document
    if passed == document:
        return {"action": "NONE"}
    answer: dict[str, Any] = {"action": "GUARDRAIL_INTERVENED", "texts": [*_texts_of(passed["messages"])]}
    if request.structured_messages is rows:
        answer["structured_messages"] = passed["messages"]
    elif _calls_of(passed["messages"]) != _calls_of(rows):
        return _blocked(_NO_MASK)
    if request.tools:
        answer["tools"] = passed["tools"]
    return answer


def _rows(request: _Request) -> list[Any]:
    """The messages; where a request has none that say its texts, each text is the user's.

    Not every route of LiteLLM's has messages, and a guardrail may be set to see only some of them.
    """
    messages, texts = request.structured_messages, request.texts
    if messages and (texts is None or [*_texts_of(messages)] == texts):
        return messages
    rows: list[Any] = [{"role": "user", "content": text} for text in texts or []]
    if request.tool_calls:
        rows.append({"role": "assistant", "content": None, "tool_calls": request.tool_calls})
    return rows


def _texts_of(messages: Sequence[Any]) -> Iterator[str]:
    """The texts of messages in LiteLLM's order: each content, or each text of its parts."""
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (part["text"] for part in content if isinstance(part, dict) and part.get("text") is not None)


def _calls_of(messages: Sequence[Any]) -> list[Any]:
    return [message.get("tool_calls") for message in messages]


async def _response(asked: Asked, request: _Request) -> dict[str, Any]:
    texts, calls = request.texts or [], _calls(request.tool_calls)
    lanes = [(Lane(number), text) for number, text in enumerate(texts)]
    guarded = await asked.guard(lanes, calls, may_grow=True, direction=Direction.OUTPUT, **_facts(request))
    if guarded.is_blocked:
        return _blocked(guarded.message)
    count = len(texts)
    if [*guarded.texts[count:]] != [each.text for each in calls]:
        return _blocked(_NO_MASK)
    return _passed(guarded, texts)


def _calls(calls: list[Any] | None) -> Sequence[Text]:
    """All that an answer's calls say: names, arguments, and what else stands in them. Raises `CallerError`."""
    if not calls:
        return ()
    document = {"choices": [{"index": 0, "message": {"tool_calls": calls}}]}
    return open_document(openai_chat.SHAPE, document, is_request=False).texts


def _passed(guarded: Guarded, texts: Sequence[str]) -> dict[str, Any]:
    count = len(texts)
    passed = [*guarded.texts[:count]]
    answer: dict[str, Any] = {"action": "NONE", "stream_holdback_chars": guarded.open_chars[:count]}
    if passed != [*texts]:
        answer |= {"action": "GUARDRAIL_INTERVENED", "texts": passed}
    return answer


def _blocked(message: str) -> dict[str, Any]:
    return {"action": "BLOCKED", "blocked_reason": message}


def _facts(request: _Request) -> dict[str, Any]:
    """What LiteLLM's proxy knows of the call; what only its caller says (`additional_provider_specific_params`) is not.

    A caller may choose the trace: bound to the key, it is no way into another key's session.
    """
    known = {name: value for name, value in request.request_data.items() if isinstance(value, str)}
    trace, key = request.litellm_trace_id or "", known.get("user_api_key_hash", "")[:_KEY_CHARS]
    labels = {"team": known.get("user_api_key_team_id", ""), "key": known.get("user_api_key_alias", "")}
    return {
        "model": request.model or "",
        "request_id": request.litellm_call_id or "",
        "session_id": f"{trace}@{key}" if trace and key else trace,
        "labels": {name: value for name, value in labels.items() if value},
    }
