"""The edges through the real Envoy: odd targets, statuses, reading methods with bodies, and WebSocket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.integration.mesh import Mesh, manager_of, mesh, request_of
from tests.proxies import CARD, INJECTION, MASKED
from tests.transport.test_decision import CHAT, NEAR, WRONG
from tests.upstream import JSON, Answer

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

ASK = json.dumps(request_of(f"{INJECTION}, my card is {CARD}")).encode()


def whole_of(text: str) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}).encode()


async def raw(envoy: Mesh, target: str, *, method: str = "POST", body: bytes = ASK) -> bytes:
    """All of the answer to a request with a target that no library would send."""
    host, _, port = envoy.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"{method} {target} HTTP/1.1\r\nhost: a\r\ncontent-type: {JSON}\r\nconnection: close\r\n"
    writer.write(head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body)
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()
    return answer


async def test_no_odd_target_reaches_the_provider_unread(binary: str, tmp_path: Path):
    """Envoy itself tidies some targets, and they are guarded as what they are then; the others are refused."""
    async with mesh(binary, tmp_path) as envoy:
        for target, _ in [*NEAR, *WRONG]:
            answer = await raw(envoy, target)
            assert not answer or answer.startswith(b"HTTP/1.1 400"), (target, answer)
            assert envoy.upstream.requests == [], target


async def test_a_body_with_a_reading_method_never_reaches_the_provider(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path) as envoy:
        for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
            answer = await raw(envoy, CHAT, method=method)
            assert answer.startswith(b"HTTP/1.1 400"), answer
        assert all(not seen.body for seen in envoy.upstream.requests)


@pytest.mark.parametrize("status", [203, 206, 207, 302, 400, 429, 503])
async def test_answers_of_every_status_are_guarded(binary: str, tmp_path: Path, status: int):
    async with mesh(binary, tmp_path) as envoy:
        for path in (CHAT, "/v1/other"):
            envoy.upstream.answer = Answer([whole_of(CARD)], JSON, status=status)
            answer = await raw(envoy, path, body=json.dumps(request_of("hi")).encode())
            assert answer.startswith(f"HTTP/1.1 {status}".encode())
            assert MASKED.encode() in answer
            assert CARD.encode() not in answer


def with_websockets(config: Any) -> None:
    manager_of(config)["upgrade_configs"] = [{"upgrade_type": "websocket"}]


async def test_a_websocket_is_refused_though_envoy_would_let_it_pass(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path, alter=with_websockets) as envoy, aiohttp.ClientSession() as client:
        for path in ("/v1/realtime", CHAT):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(envoy.url + path)
            assert refused.value.status == 501
        assert envoy.upstream.requests == []
        assert envoy.faults == []


async def test_a_websocket_passes_where_the_settings_say_so_marked_and_told(binary: str, tmp_path: Path):
    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"heard {message.data}")
        return socket

    app = web.Application()
    app.router.add_get("/v1/realtime", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    def alter(config: Any) -> None:
        with_websockets(config)
        provider = config["static_resources"]["clusters"][0]["load_assignment"]
        address = provider["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
        address |= {"address": "127.0.0.1", "port_value": port}

    async with mesh(binary, tmp_path, alter=alter, upgrades="pass") as envoy, aiohttp.ClientSession() as client:
        async with client.ws_connect(f"{envoy.url}/v1/realtime") as socket:
            assert socket._response.headers["x-tidegate-decision"] == "unguarded"
            for word in (CARD, "again"):
                await socket.send_str(word)
                assert await socket.receive_str(timeout=30) == f"heard {word}"
        assert envoy.faults == [
            ("unscanned", "request", "upgrade: /v1/realtime"),
            ("unscanned", "answer", "upgrade: /v1/realtime"),
        ]
    await runner.cleanup()
