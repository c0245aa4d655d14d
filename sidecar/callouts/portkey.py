"""`POST /portkey`, as Portkey's webhook guardrail asks before and after a call.

`verdict` is false where a policy blocks; what it replaces comes back in `transformedData`, which is the whole body of
the request or the answer. Form: Portkey's documentation, "Bring Your Own Guardrails", and
plugins/default/webhook.ts of Portkey-AI/gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import field

from sidecar.callouts.adapter import Asked, Handler, Reply
from sidecar.callouts.guarded import Guarded
from sidecar.codec.catalogue import GENERIC, shape_of
from sidecar.values import Channel, Direction, Lane, Part

_PATHS: Mapping[str, str] = {
    "chatComplete": "/v1/chat/completions",
    "complete": "/v1/completions",
    "messages": "/v1/messages",
    "createModelResponse": "/v1/responses",
    "embed": "/v1/embeddings",
}
"""The provider's API that each of Portkey's types of requests is."""
_CANNOT = "It holds what a policy replaces, which cannot be done in this type of request."


class _Side(msgspec.Struct):
    json: Any = None
    text: str | None = None


class _Request(msgspec.Struct, rename="camel"):
    event_type: Literal["beforeRequestHook", "afterRequestHook"]
    request: _Side = field(default_factory=_Side)
    response: _Side = field(default_factory=_Side)
    request_type: str | None = None
    metadata: dict[str, Any] | None = None


class Portkey:
    """Portkey's webhook."""

    name = "portkey"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """One path."""
        return {"/portkey": self.judge}

    async def judge(self, asked: Asked) -> Reply:
        """Judge a request, or an answer. Raises `TidegateError`."""
        request = asked.read(_Request)
        is_request = request.event_type == "beforeRequestHook"
        name, side = ("request", request.request) if is_request else ("response", request.response)
        facts = _facts(request, Direction.INPUT if is_request else Direction.OUTPUT)
        if not isinstance(side.json, dict) or not side.json:
            part = Part.USER if is_request else Part.MODEL
            text = side.text or ""
            guarded = await asked.guard([(Lane(0, Channel.CONTENT, part), text)], **facts)
            return _judged(guarded, is_replaced=guarded.texts[0] != text)
        shape = shape_of(_PATHS.get(request.request_type or "", ""))
        result = await asked.guard_document(shape or GENERIC, side.json, **facts)
        is_replaced = not result.guarded.is_blocked and result.document != side.json
        if shape is None:
            return _judged(result.guarded, is_replaced=is_replaced)
        answer = _verdict(result.guarded)
        if is_replaced:
            answer["transformedData"] = {name: {"json": result.document}}
        return Reply(answer)

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """A verdict that is false, which nothing takes for a pass, with a word and a sentence."""
        return Reply({"verdict": False, "data": {"error": {"type": reason, "message": message}}}, status)


def _judged(guarded: Guarded, *, is_replaced: bool) -> Reply:
    """The verdict on what cannot be replaced."""
    return Reply(_verdict(guarded, _CANNOT if is_replaced and not guarded.is_blocked else ""))


def _verdict(guarded: Guarded, fault: str = "") -> dict[str, Any]:
    rules = sorted({each.rule for each in guarded.found if each.counts})
    data = {"action": guarded.action.word, "rules": rules, "stream_id": guarded.stream_id}
    if message := guarded.message or fault:
        data["message"] = message
    return {"verdict": not guarded.is_blocked and not fault, "data": data}


def _facts(request: _Request, direction: Direction) -> dict[str, Any]:
    """What is known of the call. Metadata is the caller's: it says which session it is, and no more."""
    metadata = request.metadata or {}
    asked = request.request.json
    facts = {"session_id": metadata.get("session_id"), "request_id": metadata.get("request_id")}
    facts["model"] = asked.get("model") if isinstance(asked, dict) else None
    known = {name: value for name, value in facts.items() if isinstance(value, str)}
    return {**known, "direction": direction}
