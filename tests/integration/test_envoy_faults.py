"""What may go wrong around the real Envoy, and what it may do otherwise: HTTP/2, trailers, retries, large bodies."""

from __future__ import annotations

import asyncio
import copy
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sidecar.codec.shapes import openai_chat
from sidecar.outbox.event import Event
from sidecar.outbox.memory import MemoryOutbox
from tests import recorded
from tests.integration.envoy import running_envoy
from tests.integration.mesh import filter_of, in_mode, manager_of, mesh, request_of, streamed
from tests.integration.sidecar import Sidecar
from tests.proxies import CARD, CLEAN_PIECES, INJECTION, MASKED, PIECES, POLICY, SAID
from tests.upstream import JSON, SSE, Answer, scripted_upstream

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

SHAPE = openai_chat.SHAPE
CHAT = "/v1/chat/completions"
CLEAN = recorded.chat(CLEAN_PIECES)


@asynccontextmanager
async def asking(url: str, text: str = "hi") -> AsyncIterator[aiohttp.ClientResponse]:
    """A request whose answer has begun."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as client,
        client.post(url + CHAT, json=request_of(text)) as response,
    ):
        yield response


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


# --- the guard --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "allows", "is_open"),
    [("FULL_DUPLEX_STREAMED", False, False), ("FULL_DUPLEX_STREAMED", True, False), ("STREAMED", True, True)],
    ids=["closed", "full-duplex-is-always-closed", "open"],
)
async def test_a_guard_that_is_killed_in_mid_stream(
    binary: str, tmp_path: Path, mode: str, allows: bool, is_open: bool
):
    """Envoy's failure mode decides; in full duplex bodies are gone with the guard, so it has no choice."""

    def alter(config: Any) -> None:
        filter_of(config)["failure_mode_allow"] = allows
        in_mode(mode)(config)

    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "policy.yaml").write_text(POLICY)
    body = recorded.chat(PIECES)
    with tempfile.TemporaryDirectory(prefix="tg") as short:
        socket = f"{short}/grpc.sock"
        guard = Sidecar(tmp_path, {"grpc": {"listen": [f"unix:{socket}"]}, "ext_proc": {"enabled": True}})
        try:
            await guard.start()
            async with (
                scripted_upstream() as upstream,
                running_envoy(binary, tmp_path, socket=socket, upstream=upstream.url, alter=alter) as url,
            ):
                answer = upstream.answer = streamed(body, 40)
                answer.hold_at = body.index(b" is 41") // 40
                async with asking(url) as response:
                    begun = await response.content.readany()
                    guard.kill()
                    answer.go_on.set()
                    if is_open:
                        assert (await response.content.read()).endswith(b"data: [DONE]\n\n")
                    else:
                        with pytest.raises(aiohttp.ClientError):
                            await response.content.read()
                assert b"4111" not in begun
                upstream.answer = streamed(body, 40)
                async with asking(url) as response:
                    if is_open:
                        assert await response.read() == body
                        assert "x-tidegate-policy" not in response.headers
                    else:
                        assert response.status >= 500
                assert len(upstream.requests) == (2 if is_open else 1)
        finally:
            guard.kill()


class StuckOutbox(MemoryOutbox):
    """An outbox whose disk takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def put(self, events: Iterable[Event]) -> None:
        await self.gate.wait()
        await super().put(list(events))


async def test_a_guard_that_is_too_slow_is_an_error(binary: str, tmp_path: Path):
    """In full duplex Envoy does not time messages: there, the bounds of the guard itself are all there is."""

    def alter(config: Any) -> None:
        filter_of(config)["message_timeout"] = "0.3s"
        in_mode("BUFFERED")(config)

    outbox = StuckOutbox()
    async with mesh(binary, tmp_path, alter=alter, outbox=outbox) as envoy:
        try:
            response, _ = await envoy.ask(f"my card is {CARD}")
            assert response.status >= 500
            assert envoy.upstream.requests == []
        finally:
            outbox.gate.set()


# --- the other two ----------------------------------------------------------------------------------------------------


async def test_an_upstream_that_breaks_off_breaks_the_answer_off(binary: str, tmp_path: Path):
    body = recorded.chat(PIECES)
    async with mesh(binary, tmp_path) as envoy:
        answer = envoy.upstream.answer = streamed(body[: body.index(b"11 1111 1")], 40)
        answer.resets = True
        answer.hold_at = body.index(b" is 41") // 40
        async with asking(envoy.url) as response:
            assert await response.content.readany()
            answer.go_on.set()
            with pytest.raises(aiohttp.ClientError):
                await response.read()
        await until(lambda: envoy.endings[-1:] == [("output", "cancelled")])


async def test_when_the_client_goes_away_the_work_is_dropped_and_the_event_says_so(binary: str, tmp_path: Path):
    body = recorded.chat(PIECES)
    async with mesh(binary, tmp_path) as envoy:
        answer = envoy.upstream.answer = streamed(body, 40)
        answer.hold_at = body.index(b" is 41") // 40
        async with asking(envoy.url) as response:
            assert await response.content.readany()
        await asyncio.wait_for(answer.is_left.wait(), 30)
        await until(lambda: envoy.endings[-1:] == [("output", "cancelled")])


# --- what bodies may be like ------------------------------------------------------------------------------------------


async def test_five_megabytes_pass_both_ways(binary: str, tmp_path: Path):
    """Above 1 MB Envoy has been seen to end a body twice. Most of it is a picture, which is not text."""
    words, picture = "harmless words " * 20_000, "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 200_000
    parts = [{"type": "text", "text": words}, {"type": "image_url", "image_url": {"url": picture}}]
    asked = json.dumps({"model": "m", "messages": [{"role": "user", "content": parts}]}).encode()
    message = {"role": "assistant", "content": words, "images": [{"image_url": {"url": picture}}]}
    told = json.dumps({"choices": [{"index": 0, "message": message}]}).encode()
    assert min(len(asked), len(told)) > 5_000_000
    async with mesh(binary, tmp_path) as envoy:
        envoy.upstream.answer = Answer([told], JSON)
        response, answer = await envoy.post(CHAT, asked)
        assert (response.status, answer == told) == (200, True)
        assert envoy.upstream.requests[-1].body == asked


async def test_a_thousand_events_in_one_segment_and_one_byte_at_a_time(binary: str, tmp_path: Path):
    event = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
    many = b"".join(event % each.encode() for each in [*"ab " * 330, *CARD[:-1], CARD[-1]]) + b"data: [DONE]\n\n"
    assert many.count(b"data:") > 1_000
    assert len(many) < 65_483  # what loopback carries in one segment
    async with mesh(binary, tmp_path) as envoy:
        envoy.upstream.answer = Answer([many], SSE)
        _, answer = await envoy.ask("hi")
        assert recorded.said(SHAPE, answer) == "ab " * 330 + MASKED
        body = recorded.chat(PIECES)
        envoy.upstream.answer = streamed(body, 1)
        _, answer = await envoy.ask("hi")
        assert recorded.said(SHAPE, answer) == SAID


async def test_a_retry_of_envoys_is_one_exchange(binary: str, tmp_path: Path):
    def alter(config: Any) -> None:
        route = manager_of(config)["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
        route["retry_policy"] = {"retry_on": "5xx", "num_retries": 2}

    async with mesh(binary, tmp_path, alter=alter) as envoy:
        envoy.upstream.before = [Answer([b"{}"], status=503), Answer([b"{}"], status=503)]
        envoy.upstream.answer = streamed(recorded.chat(PIECES), 23)
        response, answer = await envoy.ask(f"my card is {CARD}")
        assert (response.status, recorded.said(SHAPE, answer)) == (200, SAID)
        assert [json.loads(seen.body) for seen in envoy.upstream.requests] == [request_of(f"my card is {MASKED}")] * 3
        assert envoy.endings == [("input", "finished"), ("output", "finished")]


# --- HTTP/2 and trailers ----------------------------------------------------------------------------------------------


def over_http2(config: Any) -> None:
    """Puts a listener before the guarded one and one behind it, so that it speaks HTTP/2 both ways."""
    resources = config["static_resources"]
    guarded = resources["listeners"][0]
    provider, guard = resources["clusters"]
    folder = Path(guard["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["pipe"]["path"])
    front, back = _plain(guarded, "llm", "guarded"), _plain(guarded, "back", "provider")
    inner, outer = _at(folder.with_name("inner.sock")), _at(folder.with_name("outer.sock"))
    guarded |= {"name": "guarded", "address": inner}
    back["address"] = outer
    resources["listeners"] = [front, guarded, back]
    provider["name"] = "provider"
    resources["clusters"] = [provider, guard, _http2(guard, "guarded", inner), _http2(guard, "llm", outer)]


def _plain(listener: Any, name: str, cluster: str) -> Any:
    made = copy.deepcopy(listener)
    made["name"] = name
    manager = made["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = manager["http_filters"][-1:]
    manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"] = cluster
    return made


def _http2(like: Any, name: str, address: Any) -> Any:
    made = {**copy.deepcopy(like), "name": name}
    made["load_assignment"] = {
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
    }
    return made


def _at(path: Path) -> dict[str, object]:
    return {"pipe": {"path": str(path)}}


async def test_http2_both_ways(binary: str, tmp_path: Path):
    async with mesh(binary, tmp_path, alter=over_http2) as envoy:
        envoy.upstream.answer = streamed(CLEAN, 40)
        response, answer = await envoy.ask("hi")
        assert (response.status, answer) == (200, CLEAN)
        envoy.upstream.answer = streamed(recorded.chat(PIECES), 23)
        _, answer = await envoy.ask(f"my card is {CARD}")
        assert recorded.said(SHAPE, answer) == SAID
        response, _ = await envoy.ask(f"please {INJECTION}")
        assert response.status == 400


@pytest.mark.parametrize("mode", ["FULL_DUPLEX_STREAMED", "BUFFERED"])
async def test_trailers_are_left_out_since_nobody_reads_them(binary: str, tmp_path: Path, mode: str):
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"true}")
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        body = recorded.chat(PIECES)
        writer.write(head + b"%x\r\n%s\r\n0\r\nx-sum: 7\r\n\r\n" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def alter(config: Any) -> None:
        filter_of(config)["processing_mode"] |= {"request_body_mode": mode, "response_body_mode": mode}
        manager_of(config)["http_protocol_options"] = {"enable_trailers": True}
        provider = config["static_resources"]["clusters"][0]
        provider["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = {
            "socket_address": {"address": "127.0.0.1", "port_value": port}
        }
        options = copy.deepcopy(config["static_resources"]["clusters"][1]["typed_extension_protocol_options"])
        for each in options.values():
            each["explicit_http_config"] = {"http_protocol_options": {"enable_trailers": True}}
        provider["typed_extension_protocol_options"] = options

    async with server, mesh(binary, tmp_path, alter=alter) as envoy:
        host, _, own = envoy.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(own))
        data = json.dumps(request_of("hi")).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: {JSON}\r\nte: trailers\r\nconnection: close\r\n"
        chunked = b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
        writer.write(head.encode() + chunked)
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        assert MASKED.encode() in answer
        assert b"4111" not in answer
        assert b"x-sum" not in answer
        assert envoy.endings == [("input", "finished"), ("output", "finished")]
