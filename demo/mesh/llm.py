"""A model provider that plays recorded answers, token by token: an HTTP server with OpenAI's chat completions.

It stands alone (`python llm.py --listen 0.0.0.0:11434`), so that a container with nothing but aiohttp can run it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

RECORDED: Mapping[str, str] = {
    "bread": (
        "Gern! Für ein Brot: 500 g Mehl, 350 ml Wasser 🥖, etwas Salz und Hefe. "
        "Knead it for ten minutes, let it rest overnight, and bake it at 230 °C for 45 minutes. 簡単です！"
    ),
    "card": (
        "Let me look that up. Order 20261122 was paid with card 5500 0000 0000 0004 on Monday, "
        "and the receipt went to your inbox."
    ),
    "project": (
        "Three teams work on it this autumn. The one that you mean is Project Osprey, which ships in May "
        "to twelve customers whose names I can list."
    ),
}
"""A word of the question -> the answer."""
OTHERWISE = "I am a recording. Ask me about bread, a card or a project."
TOKENS_PER_SECOND = 35.0
_TOKEN = re.compile(r" ?[^\W\d_]{1,6}|\d{1,3}|\s|.", re.DOTALL)
"""What a language model emits: pieces of words, digits by threes, marks alone."""


class RecordedModel:
    """Answers with recordings; `asked` are the questions that reached it."""

    def __init__(self, tokens_per_second: float = TOKENS_PER_SECOND) -> None:
        self.asked: list[str] = []
        self._pause = 1 / tokens_per_second

    def routes(self) -> web.Application:
        """The HTTP API."""
        application = web.Application()
        application.router.add_post("/v1/chat/completions", self._complete)
        application.router.add_get("/v1/models", self._list)
        return application

    async def _list(self, _request: web.Request) -> web.Response:
        model = {"id": "recorded", "object": "model", "created": 0, "owned_by": "demo"}
        return web.json_response({"object": "list", "data": [model]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        question = str(asked["messages"][-1]["content"])
        self.asked.append(question)
        answer = next((text for word, text in RECORDED.items() if word in question.lower()), OTHERWISE)
        if not asked.get("stream"):
            return web.json_response(_whole(answer))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        for event in _events(answer):
            await response.write(b"data: " + event + b"\n\n")
            await asyncio.sleep(self._pause)
        await response.write_eof()
        return response


@asynccontextmanager
async def serving(model: RecordedModel, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a model; gives its `host:port` and stops with the context."""
    runner = web.AppRunner(model.routes(), access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield f"{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _whole(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    tokens = len(_TOKEN.findall(text))
    usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1}
    return {**_head("chat.completion"), "choices": [choice], "usage": usage}


def _events(text: str) -> Iterator[bytes]:
    yield _chunk({"role": "assistant", "content": ""})
    for token in _TOKEN.findall(text):
        yield _chunk({"content": token})
    yield _chunk({}, "stop")
    yield b"[DONE]"


def _chunk(delta: Mapping[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return json.dumps({**_head("chat.completion.chunk"), "choices": [choice]}, ensure_ascii=False).encode()


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-recorded", "object": kind, "created": int(time.time()), "model": "recorded"}


async def _serve(host: str, port: int, tokens_per_second: float) -> None:
    async with serving(RecordedModel(tokens_per_second), host, port):
        await asyncio.Event().wait()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="A model provider that plays recorded answers.")
    parser.add_argument("--listen", default="127.0.0.1:11434", metavar="HOST:PORT")
    parser.add_argument("--tokens-per-second", type=float, default=TOKENS_PER_SECOND, metavar="N")
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    asyncio.run(_serve(host, int(port), options.tokens_per_second))


if __name__ == "__main__":
    main()
