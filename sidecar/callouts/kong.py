"""`POST /kong`, for Kong's plugin ai-custom-guardrail, whose request and answer are what its configuration makes them.

Kong sends the text and its phase (`$(content)`, `$(source)`) and reads whether to block. It takes no text back this
way, so what a policy would replace is blocked, too. Form: Kong's documentation of the plugin, version 3.14.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from sidecar.callouts.adapter import Asked, Handler, Reply
from sidecar.callouts.guarded import Guarded
from sidecar.values import Channel, Direction, Lane, Part

_CANNOT = "It holds what a policy replaces, which Kong cannot do here."


class _Request(msgspec.Struct):
    content: str
    source: Literal["INPUT", "OUTPUT"]
    model: str = ""
    session_id: str = ""


class Kong:
    """Kong's custom guardrail."""

    name = "kong"

    @property
    def paths(self) -> Mapping[str, Handler]:
        """One path."""
        return {"/kong": self.judge}

    async def judge(self, asked: Asked) -> Reply:
        """Judge a text. Raises `TidegateError`."""
        request = asked.read(_Request)
        is_input = request.source == "INPUT"
        lane = Lane(0, Channel.CONTENT, Part.USER if is_input else Part.MODEL)
        guarded = await asked.guard(
            [(lane, request.content)],
            direction=Direction.INPUT if is_input else Direction.OUTPUT,
            model=request.model,
            session_id=request.session_id,
        )
        return Reply(_told(guarded, request.content))

    def failure(self, status: int, reason: str, message: str) -> Reply:
        """What blocks, where the plugin reads it in spite of the status, with a word and a sentence."""
        return Reply({"block": True, "block_message": message, "reason": reason}, status)


def _told(guarded: Guarded, content: str) -> dict[str, Any]:
    is_replaced = not guarded.is_blocked and guarded.texts[0] != content
    rules = sorted({each.rule for each in guarded.found if each.counts})
    message = guarded.message or (_CANNOT if is_replaced else "")
    return {
        "block": guarded.is_blocked or is_replaced,
        "block_message": message,
        "reason": ", ".join(rules),
        "action": guarded.action.word,
        "stream_id": guarded.stream_id,
    }
