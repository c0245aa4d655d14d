"""`POST /request` and `POST /response`, as agentgateway's guardrail webhook asks, and kgateway's and Gloo's.

The three actions have no name on the wire: the gateway tells them apart by their fields. Form: agentgateway 1.4,
crates/agentgateway/src/llm/policy/webhook.rs, and the OpenAPI document "GuardRail Webhook API", version 0.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from sidecar.callouts.adapter import Asked, Handler, Reply, plain_failure
from sidecar.callouts.guarded import Guarded
from sidecar.codec.shapes import openai_chat
from sidecar.errors import CallerError
from sidecar.values import Direction, Lane


class _Message(msgspec.Struct):
    role: str
    content: str


class _Messages(msgspec.Struct):
    messages: list[_Message]


class _Choice(msgspec.Struct):
    message: _Message


class _Choices(msgspec.Struct):
    choices: list[_Choice]


class _Request(msgspec.Struct):
    body: _Messages | None = None


class _Response(msgspec.Struct):
    body: _Choices


class Agentgateway:
    """agentgateway's two webhooks."""

    name = "agentgateway"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """One path for each way."""
        return {"/request": self.request, "/response": self.response}

    async def request(self, asked: Asked) -> Reply:
        """Judge a prompt. Raises `TidegateError`."""
        request = asked.read(_Request)
        if request.body is None:  # `messageFormat: raw` has no word for a rejection
            raise CallerError("is missing: `messageFormat: raw` cannot reject; use the default format", field="body")
        messages = [{"role": each.role, "content": each.content} for each in request.body.messages]
        result = await asked.guard_document(openai_chat.SHAPE, {"messages": messages})
        passed = messages if result.guarded.is_blocked else result.document["messages"]
        return _action(result.guarded, messages != passed, {"messages": passed})

    async def response(self, asked: Asked) -> Reply:
        """Judge an answer: of one that streams, a window. Raises `TidegateError`."""
        messages = [choice.message for choice in asked.read(_Response).body.choices]
        lanes = [(Lane(number), message.content) for number, message in enumerate(messages)]
        guarded = await asked.guard(lanes, direction=Direction.OUTPUT)
        pairs = list(zip(messages, guarded.texts, strict=True))
        choices = [{"message": {"role": message.role, "content": text}} for message, text in pairs]
        is_changed = any(message.content != text for message, text in pairs)
        return _action(guarded, is_changed, {"choices": choices})

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """With a word and a sentence; the gateway then does as its `failureMode` says."""
        return plain_failure(status, reason, message)


def _action(guarded: Guarded, is_changed: bool, body: Mapping[str, Any]) -> Reply:
    """Reject, mask or pass."""
    if guarded.is_blocked:
        rejection = {"body": guarded.message, "status_code": HTTPStatus.FORBIDDEN, "reason": guarded.blocked_rule}
        return Reply({"action": rejection})
    if is_changed:
        rules = sorted({each.rule for each in guarded.found if each.counts})
        return Reply({"action": {"body": body, "reason": ", ".join(rules)}})
    return Reply({"action": {"reason": "passed"}})
