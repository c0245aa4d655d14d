"""Envoy with what Envoy Gateway makes of `deploy/envoy-gateway/`: small buffers, a timeout of its own, other paths."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from google.protobuf import json_format

from sidecar.transport import envoy_pb
from tests.deploy.tools import documents, read
from tests.integration.envoy import envoy_versions
from tests.integration.mesh import filter_of, manager_of, mesh, request_of, streamed
from tests.proxies import BAD_PIECES, CARD, CLEAN_PIECES, INJECTION, MASKED, PIECES, SAID
from tests.upstream import JSON, Answer

VERSIONS = ("1.39", "1.40")
"""Of the Envoys that Envoy Gateway installs."""
[MADE] = documents((Path(__file__).parent / "envoy_gateway.yaml").read_text())
CHAT = "/v1/chat/completions"


@pytest.fixture(params=VERSIONS)
def binary(request: pytest.FixtureRequest, missing: Callable[[str], None]) -> str:
    """The program of an Envoy, of each version."""
    found = envoy_versions()[request.param]
    if not found.exists():
        missing(f"Envoy {request.param} (make envoy)")
    return str(found)


def as_made(config: Any) -> None:
    """Lay what Envoy Gateway makes over the configuration."""
    [listener] = config["static_resources"]["listeners"]
    listener |= MADE["listener"]
    manager = manager_of(config)
    manager |= MADE["manager"]
    [route] = manager["route_config"]["virtual_hosts"][0]["routes"]
    route["route"] |= MADE["route"]
    for cluster in config["static_resources"]["clusters"]:
        cluster |= MADE["cluster"]
    manager["http_filters"][0]["typed_config"] = MADE["filter"]


def chat(pieces: Iterable[str]) -> bytes:
    """A streamed answer of the chat API that says these pieces."""
    documents = ({"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces)
    return b"".join(f"data: {json.dumps(each)}\n\n".encode() for each in documents) + b"data: [DONE]\n\n"


def said(answer: bytes) -> str:
    """What a streamed answer says."""
    events = [line.removeprefix("data: ") for line in answer.decode().splitlines() if line.startswith("data: {")]
    return "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events)


def test_it_is_what_the_policy_asks_for():
    [policy] = read("envoy-gateway/tidegate.yaml")
    [asked] = policy["spec"]["extProc"]
    made = MADE["filter"]
    json_format.ParseDict(
        {key: value for key, value in made.items() if key != "@type"},
        envoy_pb.ExternalProcessor(),
        descriptor_pool=envoy_pb.DESCRIPTOR.pool,
    )
    assert made["message_timeout"] == asked["messageTimeout"]
    assert made["failure_mode_allow"] is asked["failOpen"]
    assert made["request_attributes"] == asked["processingMode"]["request"]["attributes"]
    assert made["processing_mode"] == filter_of(read("envoy/envoy.yaml")[0])["processing_mode"]
    [rule] = [each["spec"]["rules"][0] for each in read("envoy-gateway/gateway.yaml") if each["kind"] == "HTTPRoute"]
    assert MADE["route"]["timeout"] == rule["timeouts"]["request"]


@pytest.mark.envoy
@pytest.mark.slow
async def test_traffic_is_guarded_both_ways(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path, alter=as_made) as envoy:
        body = chat(CLEAN_PIECES)
        envoy.upstream.answer = streamed(body, 7)
        response, answer = await envoy.ask("hi")
        assert (response.status, answer) == (200, body)
        envoy.upstream.answer = streamed(chat(PIECES), 23)
        _, answer = await envoy.ask(f"my card is {CARD}")
        assert said(answer) == SAID
        assert json.loads(envoy.upstream.requests[-1].body) == request_of(f"my card is {MASKED}")
        envoy.upstream.answer = streamed(chat(BAD_PIECES), 40)
        _, answer = await envoy.ask("hi")
        assert said(answer) == "Hello you \n\nStopped."
        sent = len(envoy.upstream.requests)
        response, answer = await envoy.ask(f"please {INJECTION} now")
        assert (response.headers["x-tidegate-decision"], b"Stopped." in answer) == ("block", True)
        assert len(envoy.upstream.requests) == sent


@pytest.mark.envoy
@pytest.mark.slow
async def test_bodies_far_larger_than_the_buffers_pass(binary: str, tmp_path: Path):
    words = "harmless words " * 100_000
    whole = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": words}}]}).encode()
    assert len(whole) > 40 * MADE["listener"]["per_connection_buffer_limit_bytes"]
    async with mesh(binary, tmp_path, alter=as_made) as envoy:
        envoy.upstream.answer = Answer([whole], JSON)
        response, answer = await envoy.ask(words)
        assert (response.status, answer) == (200, whole)
        assert json.loads(envoy.upstream.requests[-1].body) == request_of(words)


@pytest.mark.envoy
@pytest.mark.slow
async def test_an_escaped_slash_reaches_the_provider_as_the_path_that_was_judged(binary: str, tmp_path: Path):
    """Envoy sends the client to the plain path, so what is guarded and what the provider sees is one."""
    async with (
        mesh(binary, tmp_path, alter=as_made) as envoy,
        aiohttp.ClientSession() as client,
        client.post(f"{envoy.url}/v1%2Fchat/completions", json=request_of(CARD), allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (307, CHAT)
        assert envoy.upstream.requests == []
