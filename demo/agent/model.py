"""A model that plays a script: an HTTP server with OpenAI's chat completions, which calls tools and says things."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Says:
    """An answer in words."""

    text: str


@dataclass(frozen=True, slots=True)
class Calls:
    """An answer that calls a tool."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


Turn = Says | Calls


class ScriptedModel:
    """Answers by the number of answers that the conversation has already; what the last request held is `seen`."""

    def __init__(self) -> None:
        self.script: Sequence[Turn] = ()
        self.seen: list[dict[str, Any]] = []

    def routes(self) -> web.Application:
        """The HTTP API."""
        application = web.Application()
        application.router.add_post("/v1/chat/completions", self._complete)
        return application

    async def _complete(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.seen = asked["messages"]
        answers = sum(message["role"] == "assistant" for message in self.seen)
        message, reason = _message(self.script[min(answers, len(self.script) - 1)], answers)
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        head = {"id": "chatcmpl-script", "object": "chat.completion", "created": int(time.time()), "model": "script"}
        return web.json_response({**head, "choices": [choice]})


@asynccontextmanager
async def serving(model: ScriptedModel) -> AsyncIterator[str]:
    """Serve a model; gives its URL and stops with the context."""
    runner = web.AppRunner(model.routes(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _message(turn: Turn, number: int) -> tuple[dict[str, Any], str]:
    if isinstance(turn, Says):
        return {"role": "assistant", "content": turn.text}, "stop"
    function = {"name": turn.tool, "arguments": json.dumps(turn.arguments)}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
