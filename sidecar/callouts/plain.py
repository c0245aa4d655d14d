"""`POST /v1/check`, for curl and scripts: texts or messages in; what may go on, and what was found, out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import field

from sidecar.callouts.adapter import Asked, Handler, Reply, plain_failure
from sidecar.callouts.guarded import Guarded
from sidecar.codec.shapes import openai_chat
from sidecar.errors import CallerError
from sidecar.start import Passage
from sidecar.values import Channel, Direction, Lane, Part

_OWN_PART = {Direction.INPUT: Part.USER, Direction.OUTPUT: Part.MODEL}


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    text: str | None = None
    texts: list[str] | None = None
    messages: list[Any] | None = None
    direction: Literal["input", "output"] = "input"
    part: Literal["user", "system", "model", "context", "tool_result", "tool_definition"] | None = None
    policy: str = ""
    tenant: str = ""
    session_id: str = ""
    request_id: str = ""
    model: str = ""
    prompt: str = ""
    prompt_version: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    context: list[str] = field(default_factory=list)


class Plain:
    """The form of our own."""

    name = "check"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """One path."""
        return {"/v1/check": self.check}

    async def check(self, asked: Asked) -> Reply:
        """Guard what is there. Raises `TidegateError`."""
        request = asked.read(_Request)
        given = [name for name in ("text", "texts", "messages") if getattr(request, name) is not None]
        if len(given) != 1:
            raise CallerError("holds exactly one of text, texts and messages", field="body")
        direction = Direction(request.direction)
        facts = {
            name: getattr(request, name)
            for name in ("policy", "tenant", "session_id", "request_id", "model", "prompt", "prompt_version")
        }
        facts |= {"labels": request.labels, "attributes": request.attributes, "direction": direction}
        facts["context"] = tuple(Passage("", each) for each in request.context)
        if request.messages is not None:
            return await self._messages(asked, request.messages, direction, facts)
        part = Part(request.part) if request.part is not None else _OWN_PART[direction]
        texts = [request.text] if request.text is not None else request.texts or []
        lanes = [(Lane(number, Channel.CONTENT, part), text) for number, text in enumerate(texts)]
        guarded = await asked.guard(lanes, **facts)
        passed = {"text": guarded.texts[0]} if request.text is not None else {"texts": guarded.texts}
        return Reply(told(guarded) | ({} if guarded.is_blocked else passed))

    async def _messages(self, asked: Asked, messages: list[Any], direction: Direction, facts: dict[str, Any]) -> Reply:
        if direction is not Direction.INPUT:
            raise CallerError("are a request; an answer is checked as text, with direction output", field="messages")
        result = await asked.guard_document(openai_chat.SHAPE, {"model": facts["model"], "messages": messages}, **facts)
        guarded = result.guarded
        return Reply(told(guarded) | ({} if guarded.is_blocked else {"messages": result.document["messages"]}))

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """`error`, with `type` and `message`."""
        return plain_failure(status, reason, message)


def told(guarded: Guarded) -> dict[str, Any]:
    """All that came of it, as JSON."""
    return {
        "action": guarded.action.word,
        "blocked": guarded.is_blocked,
        **({"message": guarded.message, "rule": guarded.blocked_rule} if guarded.is_blocked else {}),
        "violations": [
            {
                "rule": each.rule,
                "detector": each.detector,
                "label": each.label,
                "score": round(each.score, 6),
                "reason": each.reason,
                "severity": each.severity,
                "text": each.text,
                "start": each.start,
                "end": each.end,
                "decided": each.decided.word,
                "done": each.done.word,
                "shadow": each.is_shadow,
            }
            for each in guarded.found
        ],
        "policy": {"name": guarded.plan.name, "version": guarded.plan.version, "digest": guarded.plan.digest},
        "stream_id": guarded.stream_id,
        "unscanned_chars": guarded.unscanned_chars,
        **({"advice": guarded.advice} if guarded.advice else {}),
    }
