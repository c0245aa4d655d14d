"""The body modes of Envoy's filter, through the real Envoy: what is guarded in each, and what each cannot do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.codec import encoding
from sidecar.codec.shapes import openai_chat
from tests import recorded
from tests.integration.mesh import Mesh, in_mode, mesh, request_of, streamed
from tests.proxies import BAD_PIECES, CARD, CLEAN_PIECES, INJECTION, MASKED, PIECES, SAID, refusal
from tests.upstream import JSON, SSE, Answer

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

SHAPE = openai_chat.SHAPE
CHAT = "/v1/chat/completions"


def whole_of(text: str) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}).encode()


async def guards_both_ways(envoy: Mesh) -> None:
    """Clean traffic byte for byte, cards masked, an injection refused, a block ended properly, in any chunks."""
    body = recorded.chat(CLEAN_PIECES)
    for size in (7, len(body)):
        envoy.upstream.answer = streamed(body, size)
        response, answer = await envoy.ask("hi")
        assert (response.status, answer) == (200, body)
        assert response.headers["x-tidegate-policy"] == "default@7"
    assert json.loads(envoy.upstream.requests[-1].body) == request_of("hi")
    envoy.upstream.answer = streamed(recorded.chat(PIECES), 23)
    _, answer = await envoy.ask(f"my card is {CARD}")
    assert recorded.said(SHAPE, answer) == SAID
    assert b"4111" not in answer
    assert json.loads(envoy.upstream.requests[-1].body) == request_of(f"my card is {MASKED}")
    envoy.upstream.answer = streamed(recorded.chat(BAD_PIECES), 40)
    response, answer = await envoy.ask("hi")
    assert recorded.said(SHAPE, answer) == "Hello you \n\nStopped."
    assert answer.endswith(b"data: [DONE]\n\n")
    assert envoy.endings[-1] == ("output", "blocked")
    envoy.upstream.answer = Answer([whole_of(f"It is {CARD}.")], JSON, headers={"Content-Length": "99"})
    envoy.upstream.answer.headers = {"Content-Length": str(len(whole_of(f"It is {CARD}.")))}
    _, answer = await envoy.ask("hi")
    assert json.loads(answer)["choices"][0]["message"]["content"] == f"It is {MASKED}."
    envoy.upstream.answer = Answer([encoding.encode("gzip", whole_of(f"It is {CARD}."))], JSON)
    envoy.upstream.answer.headers = {"Content-Encoding": "gzip"}
    response, answer = await envoy.ask("hi")
    assert response.headers["Content-Encoding"] == "gzip"
    plain = encoding.decode("gzip", answer, max_bytes=10_000)
    assert json.loads(plain or b"")["choices"][0]["message"]["content"] == f"It is {MASKED}."
    for coding in ("br", "zstd"):
        envoy.upstream.answer = Answer([encoding.encode(coding, recorded.chat(PIECES))], SSE)
        envoy.upstream.answer.headers = {"Content-Encoding": coding}
        _, answer = await envoy.ask("hi")
        plain = encoding.decode(coding, answer, max_bytes=100_000)
        assert recorded.said(SHAPE, plain or b"") == SAID


async def guards_the_rest(envoy: Mesh) -> None:
    """Other paths, an upstream's errors, and requests and answers without a body."""
    many = json.dumps(["words " * 500] * 50).encode()
    envoy.upstream.answer = Answer([many], JSON)
    _, answer = await envoy.post("/v1/other", b'{"input": "' + b"x" * 100_000 + b'"}')
    assert answer == many
    envoy.upstream.answer = Answer([json.dumps({"quoted": CARD}).encode()], JSON, status=402)
    response, answer = await envoy.post("/v1/other", json.dumps({"input": CARD}).encode())
    assert (response.status, json.loads(answer)) == (402, {"quoted": MASKED})
    assert json.loads(envoy.upstream.requests[-1].body) == {"input": MASKED}
    envoy.upstream.answer = Answer([b'{"error": {}}'], JSON, status=429)
    response, answer = await envoy.ask("hi")
    assert (response.status, answer) == (429, b'{"error": {}}')
    envoy.upstream.answer = Answer([], status=204)
    response, answer = await envoy.post("/v1/other", b"")
    assert (response.status, answer) == (204, b"")


async def refuses(envoy: Mesh) -> None:
    """An injection, and a body that is too large: the text of neither reaches the provider."""
    envoy.upstream.requests.clear()
    response, answer = await envoy.ask(f"please {INJECTION} now")
    assert (response.status, answer) == refusal(SHAPE, response.headers["x-tidegate-stream"], "message 1")
    response, answer = await envoy.ask("x" * 300_000)
    assert response.status == 400
    assert b"context_length_exceeded" in answer
    assert b"200000 bytes" in answer
    assert all(INJECTION.encode() not in seen.body for seen in envoy.upstream.requests)


@pytest.mark.parametrize("mode", ["FULL_DUPLEX_STREAMED", "STREAMED", "BUFFERED"])
async def test_each_mode_guards_both_ways(binary: str, tmp_path: Path, mode: str):
    async with mesh(binary, tmp_path, alter=in_mode(mode), max_request_bytes=200_000) as envoy:
        await guards_both_ways(envoy)
        await guards_the_rest(envoy)
        await refuses(envoy)


async def test_the_ways_may_differ(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path, alter=in_mode("BUFFERED", "STREAMED")) as envoy:
        await guards_both_ways(envoy)


async def test_a_body_that_envoy_does_not_send_is_reported_as_unscanned(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path, alter=in_mode("BUFFERED", "NONE")) as envoy:
        envoy.upstream.answer = streamed(recorded.chat(PIECES), 23)
        response, answer = await envoy.ask(f"my card is {CARD}")
        assert answer == recorded.chat(PIECES)
        assert response.headers["x-tidegate-decision"] == "unguarded"
        assert response.headers["x-tidegate-request-decision"] == "redact"
        assert envoy.faults == [("unscanned", "answer", "not sent by Envoy: openai-chat")]


async def test_a_request_that_envoy_does_not_send_is_reported_and_its_answer_guarded(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path, alter=in_mode("NONE", "STREAMED")) as envoy:
        envoy.upstream.answer = streamed(recorded.chat(PIECES), 23)
        response, answer = await envoy.ask(f"my card is {CARD}")
        assert recorded.said(SHAPE, answer) == SAID
        assert response.headers["x-tidegate-request-decision"] == "unguarded"
        assert envoy.faults == [("unscanned", "request", "not sent by Envoy: openai-chat")]


async def test_a_mode_in_which_text_could_pass_unseen_lets_nothing_pass(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path, alter=in_mode("BUFFERED_PARTIAL")) as envoy:
        response, answer = await envoy.ask("hi")
        assert (response.status, envoy.upstream.requests) == (500, []), answer
