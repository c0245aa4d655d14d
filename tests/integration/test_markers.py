"""Nothing passes unread from end to end: a marker anywhere in any body is redacted, by the proxy and through Envoy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from sidecar.codec.formats import Format
from tests.codec.test_unread import MARKER, plantings
from tests.exchanges import EXCHANGES, Exchange
from tests.integration.mesh import mesh
from tests.proxies import proxied
from tests.upstream import JSON, NDJSON, SSE, Answer, Upstream

PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-completions": "/v1/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
    "gemini": "/v1beta/models/m:generateContent",
    "bedrock-converse": "/model/m/converse",
    "cohere-chat": "/v2/chat",
    "ollama": "/api/chat",
    "tgi": "/generate",
    "generic": "/v1/other",
}
STREAMED_PATHS = {
    "gemini": "/v1beta/models/m:streamGenerateContent",
    "bedrock-converse": "/model/m/converse-stream",
    "tgi": "/generate_stream",
}
TYPES = {
    Format.JSON: JSON,
    Format.SSE: SSE,
    Format.LINES: NDJSON,
    Format.EVENT_STREAM: "application/vnd.amazon.eventstream",
}
SHAPES = sorted({each.shape.name for each in EXCHANGES})
POLICY = f"""
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: default, version: "1"}}
rules:
  - id: no-markers
    detect: {{detector: patterns, patterns: [{{label: MARKER, regex: "{MARKER}"}}]}}
    action: {{redact: {{with: text, text: "#", in_tool_arguments: replace}}}}
"""

Post = Callable[[str, bytes], Awaitable[bytes]]


async def check(shape: str, upstream: Upstream, post: Post) -> None:
    """Send and get every body of a shape with a marker in each of its strings in turn."""
    of_shape = [each for each in EXCHANGES if each.shape.name == shape]
    asked = next(each for each in of_shape if each.half == "request").data
    for exchange in of_shape:
        path = STREAMED_PATHS.get(shape, PATHS[shape]) if exchange.half == "stream" else PATHS[shape]
        for number, place, with_marker in plantings(exchange):
            where = (str(exchange), number, place)
            if exchange.half == "request":
                upstream.answer = answer_of(next(each for each in of_shape if each.half == "answer"))
                await post(path, with_marker.data)
                assert upstream.requests, where
                assert MARKER.encode() not in upstream.requests.pop().body, where
            else:
                upstream.answer = answer_of(with_marker)
                out = await post(path, asked)
                assert upstream.requests.pop().body == asked, where
                assert out, where
                assert MARKER.encode() not in out, where


def answer_of(exchange: Exchange) -> Answer:
    return Answer([exchange.data], TYPES[exchange.form])


@asynccontextmanager
async def posting(url: str) -> AsyncIterator[Post]:
    async with aiohttp.ClientSession() as client:

        async def post(path: str, data: bytes) -> bytes:
            async with client.post(url + path, data=data, headers={"Content-Type": JSON}) as response:
                return await response.read()

        yield post


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_marker_in_any_string_is_redacted_by_the_proxy(shape: str, tmp_path: Path):
    async with proxied(tmp_path, policy=POLICY) as proxy, posting(proxy.url) as post:
        await check(shape, proxy.upstream, post)


@pytest.mark.envoy
@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_marker_in_any_string_is_redacted_through_envoy(binary: str, shape: str, tmp_path: Path):
    async with mesh(binary, tmp_path, policy=POLICY) as envoy, posting(envoy.url) as post:
        await check(shape, envoy.upstream, post)
