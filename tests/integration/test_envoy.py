"""LLM traffic through the real Envoy, with the configuration that the project ships and a scripted provider."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from demo.mesh.envoy import CONFIG
from sidecar.codec.shapes import openai_chat
from tests import recorded
from tests.integration.envoy import validate
from tests.integration.mesh import mesh, request_of, streamed
from tests.proxies import BAD_PIECES, CARD, CLEAN_PIECES, INJECTION, MASKED, PIECES, SAID, refusal
from tests.upstream import JSON, Answer

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

SHAPE = openai_chat.SHAPE


def test_the_shipped_configuration_is_valid(binary: str):
    said = validate(binary, CONFIG)
    assert said.returncode == 0, said.stderr


async def test_traffic_is_the_same_when_clean_and_masked_when_not(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path) as envoy:
        envoy.upstream.answer = Answer([b"[]"], JSON)
        async with aiohttp.ClientSession() as client, client.get(f"{envoy.url}/v1/models") as response:
            assert (response.status, await response.read()) == (200, b"[]")
            assert response.headers["x-tidegate-decision"] == "allow"
        body = recorded.chat(CLEAN_PIECES)
        for size in (1, len(body)):
            envoy.upstream.answer = streamed(body, size)
            response, answer = await envoy.ask("hi")
            assert (response.status, answer) == (200, body)
            assert response.headers["x-tidegate-policy"] == "default@7"
        envoy.upstream.answer = streamed(recorded.chat(PIECES), 23)
        _, answer = await envoy.ask(f"my card is {CARD}")
        assert recorded.said(SHAPE, answer) == SAID
        assert json.loads(envoy.upstream.requests[-1].body) == request_of(f"my card is {MASKED}")
        whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": f"It is {CARD}."}}]}
        envoy.upstream.answer = Answer([json.dumps(whole).encode()], JSON)
        _, answer = await envoy.ask("hi")
        assert json.loads(answer)["choices"][0]["message"]["content"] == f"It is {MASKED}."


async def test_a_megabyte_passes_both_ways(binary: str, tmp_path: Path):
    """Above 1 MB Envoy has been seen to end a body twice."""
    words = "harmless words " * 100_000
    whole = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": words}}]}).encode()
    async with mesh(binary, tmp_path) as envoy:
        envoy.upstream.answer = Answer([whole], JSON)
        response, answer = await envoy.ask(words)
        assert (response.status, answer) == (200, whole)
        assert json.loads(envoy.upstream.requests[-1].body) == request_of(words)


async def test_a_blocked_request_is_refused_and_never_sent(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path) as envoy:
        response, answer = await envoy.ask(f"please {INJECTION} now")
        assert (response.status, answer) == refusal(SHAPE, response.headers["x-tidegate-stream"], "message 1")
        assert response.content_type == JSON
        assert envoy.upstream.requests == []


async def test_a_block_in_mid_stream_ends_it_properly_and_hangs_up_on_the_upstream(binary: str, tmp_path: Path):
    body = recorded.chat(BAD_PIECES)
    async with mesh(binary, tmp_path) as envoy:
        answer = envoy.upstream.answer = streamed(body, 40)
        answer.hold_at = body.index(b"les now") // 40 + 4  # the upstream has not ended when the block falls
        _, data = await envoy.ask("hi")
        assert recorded.said(SHAPE, data) == "Hello you \n\nStopped."
        assert b"content_filter" in data
        assert data.endswith(b"data: [DONE]\n\n")
        await asyncio.wait_for(answer.is_left.wait(), 30)
        assert envoy.endings[-1] == ("output", "blocked")


async def test_without_the_guard_nothing_passes(binary: str, tmp_path: Path):
    body = recorded.chat(CLEAN_PIECES)
    async with mesh(binary, tmp_path) as envoy:
        answer = envoy.upstream.answer = streamed(body, 40)
        answer.hold_at = 4
        asking = asyncio.create_task(envoy.ask("hi"))
        while not envoy.upstream.requests:
            await asyncio.sleep(0.01)
        await envoy.server.stop()
        try:
            response, data = await asking
            assert response.status >= 500, data
        except aiohttp.ClientError:
            pass  # the answer had begun, and was broken off
        response, _ = await envoy.ask("hi")
        assert response.status >= 500
        assert len(envoy.upstream.requests) == 1
