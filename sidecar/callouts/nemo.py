"""`POST /v1/checks`, as the server of NeMo Guardrails has it: whether messages pass, are modified, or are blocked.

Which rails run is read off the messages, as there: all before an answer at the end are input, the answer is output;
`guardrails.rail_types` narrows it. `guardrails.config_id` names a policy. Form: `GuardrailCheckRequest` and
`GuardrailCheckResponse` of nemoguardrails/server/schemas/openai.py, version 0.25.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import field

from sidecar.callouts.adapter import Asked, Handler, Reply, plain_failure
from sidecar.callouts.guarded import Guarded, GuardedDocument
from sidecar.codec.shapes import openai_chat
from sidecar.errors import CallerError
from sidecar.values import Direction


class _Options(msgspec.Struct):
    config_id: str | None = None
    config_ids: list[str] | None = None
    thread_id: str | None = None
    rail_types: list[Literal["input", "output"]] | None = None


class _Request(msgspec.Struct):
    messages: list[dict[str, Any]]
    model: str = ""
    tools: list[Any] | None = None
    guardrails: _Options = field(default_factory=_Options)


class Nemo:
    """NeMo Guardrails' endpoint for checks."""

    name = "nemo"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """One path."""
        return {"/v1/checks": self.check}

    async def check(self, asked: Asked) -> Reply:
        """Judge messages: what was asked, then the answer at their end. Raises `TidegateError`."""
        request = asked.read(_Request)
        if not request.messages:
            raise CallerError("hold no message", field="messages")
        facts = _facts(request)
        answer = request.messages[-1] if request.messages[-1].get("role") == "assistant" else None
        said = request.messages if answer is None else request.messages[:-1]
        wanted = request.guardrails.rail_types or ("input", "output")
        result, content = None, _content_of(request.messages[-1])
        if said and "input" in wanted:
            result = await _judge_request(asked, request, said, facts)
            if result.guarded.is_blocked:
                return Reply(_blocked(result.guarded))
            if answer is None:
                content = _content_of(result.document["messages"][-1])
        if answer is not None and "output" in wanted:
            result = await _judge_answer(asked, request, answer, facts)
            if result.guarded.is_blocked:
                return Reply(_blocked(result.guarded))
            content = _content_of(result.document["choices"][0]["message"])
        if result is None:
            raise CallerError("leave nothing of the messages to check", field="guardrails.rail_types")
        is_changed = content != _content_of(request.messages[-1])
        return Reply({"status": "modified" if is_changed else "passed", "content": content, "rail": None})

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """With a word and a sentence."""
        return plain_failure(status, reason, message)


def _facts(request: _Request) -> dict[str, Any]:
    options = request.guardrails
    names = [options.config_id] if options.config_id else options.config_ids or []
    if len(names) > 1:
        raise CallerError("name several policies; one judges", field="guardrails.config_ids")
    return {"policy": names[0] if names else "", "session_id": options.thread_id or "", "model": request.model}


async def _judge_request(
    asked: Asked, request: _Request, messages: list[dict[str, Any]], facts: Mapping[str, Any]
) -> GuardedDocument:
    document = {"model": request.model, "messages": messages} | ({"tools": request.tools} if request.tools else {})
    return await asked.guard_document(openai_chat.SHAPE, document, **facts)


async def _judge_answer(
    asked: Asked, request: _Request, answer: dict[str, Any], facts: Mapping[str, Any]
) -> GuardedDocument:
    choice = {"index": 0, "message": answer, "finish_reason": "stop"}
    document = {"object": "chat.completion", "model": request.model, "choices": [choice]}
    return await asked.guard_document(openai_chat.SHAPE, document, direction=Direction.OUTPUT, **facts)


def _blocked(guarded: Guarded) -> dict[str, Any]:
    return {"status": "blocked", "content": guarded.message, "rail": guarded.blocked_rule}


def _content_of(message: Mapping[str, Any]) -> str:
    """The text of a message: of one with parts, theirs together."""
    content = message.get("content")
    if isinstance(content, list):
        texts = (each.get("text", "") for each in content if isinstance(each, dict))
        return "\n".join(each for each in texts if isinstance(each, str))
    return content if isinstance(content, str) else ""
