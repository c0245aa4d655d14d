"""What no HTTP library sends: odd targets and half requests through the real listener, to what the upstream sees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.codec import encoding
from sidecar.config import Limits
from sidecar.outbox.event import Fault
from tests.proxies import CARD, INJECTION, MASKED, Proxied, proxied
from tests.transport.test_decision import CHAT, MUTATIONS, NEAR, UPGRADES, WRONG
from tests.transport.test_http import ask
from tests.upstream import JSON, SSE, Answer

ASK = json.dumps({"model": "m", "messages": [{"role": "user", "content": f"my card is {CARD}"}]}).encode()
ANSWER = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": CARD}}]}).encode()


def request(target: str, body: bytes = ASK, method: str = "POST", *headers: str) -> bytes:
    head = [f"{method} {target} HTTP/1.1", "Host: a", f"Content-Type: {JSON}", "Connection: close", *headers]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


async def raw(proxy: Proxied, data: bytes) -> tuple[int, bytes]:
    """The status and all of the answer to bytes that are sent as they are."""
    host, _, port = proxy.proxy.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer


def counted(proxy: Proxied, metric: str, **labels: str) -> float:
    found = proxy.engine.metrics.registry.get_sample_value(metric, labels)
    return found or 0


def faults(proxy: Proxied) -> list[tuple[str, str]]:
    return [(event.data.what, event.data.reason) for event in proxy.outbox.events if isinstance(event.data, Fault)]


# --- targets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "fault"), [*NEAR, *WRONG])
async def test_no_odd_target_reaches_the_upstream(tmp_path: Path, target: str, fault: str):
    """A fragment made the upstream serve the real path, while the guard took it for an unknown one."""
    async with proxied(tmp_path, unknown="pass") as proxy:
        status, answer = await raw(proxy, request(target))
        assert status == 400
        assert proxy.upstream.requests == []
        assert CARD.encode() not in answer


async def test_a_refusal_says_what_is_wrong_and_is_counted(tmp_path: Path):
    async with proxied(tmp_path) as proxy:
        status, answer = await raw(proxy, request(f"{CHAT}#x"))
        assert status == 400
        assert "has a fragment" in json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"]["message"]
        assert counted(proxy, "tidegate_http_refused_total", status="400", reason="target") == 1
        status, answer = await raw(proxy, request("/anthropic/V1/Messages"))
        assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"]["type"] == "invalid_request_error"
        await raw(proxy, request(CHAT, json.dumps({"messages": [{"role": "user", "content": INJECTION}]}).encode()))
        assert counted(proxy, "tidegate_http_refused_total", status="400", reason="policy") == 1


@given(st.lists(st.sampled_from((*MUTATIONS, "/v1", "/chat", "/completions", "é", "[", "|", '"', "+")), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_the_upstream_never_sees_another_target_than_the_judged_one(tmp_path: Path, parts: list[str]):
    target = "/" + "".join(parts)

    async def check() -> None:
        async with proxied(tmp_path, unknown="pass") as proxy:
            status, _ = await raw(proxy, request(target))
            assert (status == 200) == bool(proxy.upstream.requests)
            for seen in proxy.upstream.requests:
                assert seen.path == target

    asyncio.run(check())


async def test_the_upstreams_own_path_stands_before_the_target(tmp_path: Path):
    async with proxied(tmp_path) as proxy:
        base = proxy.upstream.url
    async with proxied(tmp_path, upstream_url=f"{base}/base/") as proxy:
        assert (await raw(proxy, request("/v1/x?a=%2F")))[0] == 502  # nobody listens there any more, but it was sent


# --- methods ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"])
@pytest.mark.parametrize("rule", ["guard", "pass"])
async def test_a_body_with_a_reading_method_never_reaches_the_upstream(tmp_path: Path, method: str, rule: str):
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(ASK), ASK)
    async with proxied(tmp_path, unknown=rule) as proxy:
        for target in (CHAT, "/v1/models"):
            assert (await raw(proxy, request(target, ASK, method)))[0] == 400
            head = request(target, b"", method, "Transfer-Encoding: chunked")
            assert (await raw(proxy, head + chunked))[0] == 400
        assert proxy.upstream.requests == []
        proxy.upstream.answer = Answer([], JSON)
        empty = request("/v1/models", b"", method, "Transfer-Encoding: chunked") + b"0\r\n\r\n"
        assert (await raw(proxy, empty))[0] == 200


async def test_connect_is_refused(tmp_path: Path):
    async with proxied(tmp_path) as proxy:
        assert (await raw(proxy, request("host:443", b"", "CONNECT")))[0] == 501
        assert proxy.upstream.requests == []


async def test_a_client_that_waits_to_be_told_sends_its_body(tmp_path: Path):
    async with proxied(tmp_path) as proxy:
        proxy.upstream.answer = Answer([ANSWER], JSON)
        host, _, port = proxy.proxy.address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        whole = request(CHAT, ASK, "POST", "Expect: 100-continue")
        head, body = whole[: -len(ASK)], whole[-len(ASK) :]
        writer.write(head)
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await asyncio.wait_for(reader.read(), 20)).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_parts_of_answers_are_not_asked_for(tmp_path: Path):
    async with proxied(tmp_path) as proxy:
        proxy.upstream.answer = Answer([ANSWER], JSON)
        named = ("Range: bytes=5-", 'If-Range: "x"', "A-IM: feed", "Accept-Encoding: gzip")
        await raw(proxy, request(CHAT, ASK, "POST", *named))
        await raw(proxy, request("/v1/files/a", b"", "GET", *named))
        for seen in proxy.upstream.requests:
            assert not {"range", "if-range", "a-im"} & {name.lower() for name in seen.headers}
            assert seen.headers["Accept-Encoding"] == "identity"
    async with proxied(tmp_path, unknown="pass") as proxy:
        await raw(proxy, request("/v1/files/a", b"", "GET", *named))
        assert proxy.upstream.requests[0].headers["Range"] == "bytes=5-"


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 203, 206, 207, 226, 299, 302, 307, 400, 401, 404, 429, 500, 503, 599])
@pytest.mark.parametrize("path", [CHAT, "/v1/other"])
async def test_answers_of_every_status_are_guarded(tmp_path: Path, status: int, path: str):
    error = json.dumps({"error": {"message": "no", "failed_generation": f"<f>{CARD}</f>"}}).encode()
    async with proxied(tmp_path) as proxy:
        for body in (ANSWER, error):
            proxy.upstream.answer = Answer([body], JSON, status=status)
            got, answer = await raw(proxy, request(path, b'{"messages": []}'))
            assert got == status
            assert CARD.encode() not in answer
        assert counted(proxy, "tidegate_unscanned_total", what="answer", path="openai-chat") == 0


async def test_a_change_of_protocols_that_nobody_asked_for_does_not_reach_the_client(tmp_path: Path):
    async def switches(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: any\r\n\r\n" + CARD.encode())
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(switches, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with proxied(tmp_path, upstream_url=url) as proxy:
            status, answer = await raw(proxy, request("/v1/other", b"", "GET"))
            assert status == 502
            assert b"changes to another protocol" in answer


async def test_an_error_that_cannot_be_read_keeps_its_status_and_says_so(tmp_path: Path):
    for kind, body in ((JSON, b"{nope " + CARD.encode()), ("application/x-odd", CARD.encode())):
        async with proxied(tmp_path) as proxy:
            proxy.upstream.answer = Answer([body], kind, status=429)
            response, answer = await ask(proxy, "/v1/messages", {"messages": []})
            assert response.status == 429
            assert json.loads(answer)["type"] == "error"
            assert "cannot be checked" in json.loads(answer)["error"]["message"]
        async with proxied(tmp_path, unknown_bodies="pass") as proxy:
            proxy.upstream.answer = Answer([body], kind, status=429)
            response, answer = await ask(proxy, "/v1/messages", {"messages": []})
            assert (response.status, answer) == (429, body)
            assert response.headers["x-tidegate-decision"] == "unguarded"
            assert len(faults(proxy)) == 1


async def test_answers_without_a_body_pass_whatever_they_say_they_are(tmp_path: Path):
    async with proxied(tmp_path) as proxy:
        for status in (200, 201, 204, 302, 304, 400, 404):
            proxy.upstream.answer = Answer([], "application/x-odd", status=status)
            got, answer = await raw(proxy, request(CHAT, b'{"messages": []}'))
            assert got == status
            assert b"unguarded" not in answer
        assert faults(proxy) == []


async def test_a_stored_answer_that_is_fetched_is_guarded(tmp_path: Path):
    async with proxied(tmp_path) as proxy:
        for path in ("/v1/responses/resp_1", CHAT, f"{CHAT}/chatcmpl-1"):
            proxy.upstream.answer = Answer([ANSWER], JSON)
            _, answer = await raw(proxy, request(path, b"", "GET"))
            assert MASKED.encode() in answer
            assert CARD.encode() not in answer
            for kind in ("text/plain", "text/html"):
                proxy.upstream.answer = Answer([b"a stored ", CARD.encode(), b" text"], kind)
                _, answer = await raw(proxy, request("/v1/files/a/content", b"", "GET"))
                assert CARD.encode() not in answer


async def test_an_image_that_is_fetched_passes_marked_told_and_counted(tmp_path: Path):
    async with proxied(tmp_path) as proxy:
        proxy.upstream.answer = Answer([b"\x89PNG"], "image/png")
        _, answer = await raw(proxy, request("/v1/files/file-Abc123/content", b"", "GET"))
        assert b"x-tidegate-decision: unguarded" in answer
        assert faults(proxy) == [("answer", "media type image: /v1/files/*/content")]
        counted_at = {"what": "answer", "path": "/v1/files/*/content"}
        assert counted(proxy, "tidegate_unscanned_total", **counted_at) == 1


async def test_json_and_events_under_the_name_of_text_are_read_as_what_they_are(tmp_path: Path):
    escaped = json.dumps({"said": CARD}).replace("4", "\\u0034").encode()
    events = b'data: {"said": "' + CARD.encode() + b'"}\n\n'
    async with proxied(tmp_path) as proxy:
        for body in (escaped, b"\n  " + escaped, events):
            for size in (1, len(body)):
                pieces = [body[at : at + size] for at in range(0, len(body), size)]
                proxy.upstream.answer = Answer(pieces, "text/plain")
                _, answer = await raw(proxy, request("/v1/other", b"", "GET"))
                assert MASKED.encode() in answer
        await ask(proxy, "/v1/other", escaped, headers={"Content-Type": "text/plain"})
        assert json.loads(proxy.upstream.requests[-1].body) == {"said": MASKED}
        proxy.upstream.answer = Answer(
            [encoding.encode("gzip", escaped)], "text/plain", headers={"Content-Encoding": "gzip"}
        )
        _, answer = await raw(proxy, request("/v1/other", b"", "GET"))
        assert MASKED.encode() in (encoding.decode("gzip", answer.rpartition(b"\r\n\r\n")[2], max_bytes=1000) or b"")


async def test_another_charset_is_a_body_that_cannot_be_read(tmp_path: Path):
    body = f"my card is {CARD}".encode("utf-16")
    for rule, status in (("refuse", 400), ("pass", 200)):
        async with proxied(tmp_path, unknown_bodies=rule) as proxy:
            kind = {"Content-Type": "text/plain; charset=utf-16"}
            response, _ = await ask(proxy, "/v1/other", body, headers=kind)
            assert response.status == status
            assert [seen.body for seen in proxy.upstream.requests] == ([body] if rule == "pass" else [])
            assert len(faults(proxy)) == (rule == "pass")


# --- there is no third case -------------------------------------------------------------------------------------------

METHODS = ("GET", "HEAD", "OPTIONS", "DELETE", "POST", "PUT", "PATCH", "PROPFIND", "QUERY")
TARGETS = (CHAT, "/v1/messages", "/api/chat", "/v1/other", "/v1/ask", f"{CHAT};x", f"{CHAT}/abc")
STATUSES = (200, 203, 206, 302, 400, 404, 503)
KINDS = (JSON, "text/plain", SSE, "application/x-ndjson", "image/png", "application/pdf", "text/plain; charset=utf-16")
BODIES = (b"", ASK, CARD.encode(), b'{"other": "' + CARD.encode() + b'"}', f"\ufffe{CARD}".encode("utf-16"))
MARKS = {
    "request": b"x-tidegate-request-decision: unguarded",
    "answer": b"x-tidegate-decision: unguarded",
}
RULES = [
    {"unknown": unknown, "unknown_bodies": bodies}
    for unknown in ("guard", "pass", "refuse")
    for bodies in ("refuse", "pass")
]


@given(
    st.sampled_from(METHODS),
    st.sampled_from(TARGETS),
    st.sampled_from(STATUSES),
    st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    st.tuples(st.sampled_from(BODIES), st.sampled_from(BODIES)),
    st.sampled_from(RULES),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_text_is_read_or_marked_told_and_counted_or_it_does_not_pass(
    tmp_path: Path,
    method: str,
    target: str,
    status: int,
    kinds: tuple[str, str],
    bodies: tuple[bytes, bytes],
    rules: dict[str, Any],
):
    """A card that was read is masked: where one passes, its direction is marked, in an event, and counted; once."""
    forms = (CARD.encode(), CARD.encode("utf-16-le"))

    async def check() -> None:
        async with proxied(tmp_path, text_paths=["/v1/ask"], **rules) as proxy:
            said = b"data: " + bodies[1] + b"\n\n" if kinds[1] == SSE and bodies[1] else bodies[1]
            proxy.upstream.answer = Answer([said], kinds[1], status=status)
            data = request(target, bodies[0], method).replace(JSON.encode(), kinds[0].encode(), 1)
            _, answer = await raw(proxy, data)
            marked = [what for what, mark in MARKS.items() if mark in answer.lower()]
            told = [what for what, _ in faults(proxy)]
            passed = any(form in seen.body for seen in proxy.upstream.requests for form in forms)
            shown = any(form in answer for form in forms)
            assert told == marked
            assert not passed or "request" in told
            assert not shown or "answer" in told
            assert proxy.upstream.requests or not told
            lines = proxy.engine.metrics.render().decode().splitlines()
            counts = [line for line in lines if line.startswith("tidegate_unscanned_total{")]
            assert sum(float(line.rpartition(" ")[2]) for line in counts) == len(told)

    asyncio.run(check())


async def test_unknown_paths_share_a_bounded_number_of_series(tmp_path: Path):
    async with proxied(tmp_path, unknown="pass") as proxy:
        for number in range(60):
            word = "".join(chr(97 + int(digit)) for digit in str(number))
            await proxy.engine.report_unscanned(_start(), "answer", "unknown path", f"/v1/{word}")
        series = [line for line in proxy.engine.metrics.render().decode().splitlines() if 'path="/v1/' in line]
        assert len([line for line in series if line.startswith("tidegate_unscanned_total")]) == 50
        assert counted(proxy, "tidegate_unscanned_total", what="answer", path="other") == 10


def _start() -> Any:
    from sidecar.start import StreamStart

    return StreamStart()


# --- upgrades ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("headers", "protocol"), UPGRADES)
async def test_an_upgrade_is_refused_by_name(tmp_path: Path, headers: dict[str, str], protocol: str):
    async with proxied(tmp_path) as proxy:
        named = [f"{name}: {value}" for name, value in headers.items()]
        data = request("/v1/realtime", b"", "GET", *named).replace(b"Connection: close\r\n", b"")
        host, _, port = proxy.proxy.address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(data)
        answer = await asyncio.wait_for(reader.readuntil(b'"code":null}}'), 20)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 501")
        assert f"upgraded to {protocol}".encode() in answer
        assert proxy.upstream.requests == []
        assert counted(proxy, "tidegate_http_refused_total", status="501", reason="upgrade") == 1


@asynccontextmanager
async def echoing() -> AsyncIterator[str]:
    """An upstream that speaks WebSocket and says back what it hears."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["realtime"])
        await socket.prepare(request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(f"{request.raw_path} {message.data}")
            else:
                await socket.send_bytes(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/v1/realtime", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_websocket_passes_where_the_settings_say_so_marked_told_and_counted(tmp_path: Path):
    async with echoing() as url, proxied(tmp_path, upstream_url=url, upgrades="pass") as proxy:
        address = proxy.url + "/v1/realtime?model=x"
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(address, protocols=["other", "realtime"]) as socket,
        ):
            assert socket.protocol == "realtime"
            assert socket._response.headers["x-tidegate-decision"] == "unguarded"
            await socket.send_str(CARD)
            assert await socket.receive_str(timeout=20) == f"/v1/realtime?model=x {CARD}"
            await socket.send_bytes(b"\x00")
            assert await socket.receive_bytes(timeout=20) == b"\x00"
            await socket.ping(b"x")
            await socket.close(code=4000)
        async with aiohttp.ClientSession() as client, client.ws_connect(address) as socket:
            await socket.send_str("and gone")
            connection: Any = socket._response.connection
            connection.transport.abort()
        await asyncio.wait_for(proxy.proxy.drain(), 20)
        assert [what for what, _ in faults(proxy)] == ["request", "answer"] * 2
        assert counted(proxy, "tidegate_unscanned_total", what="request", path="/v1/realtime") == 2
    async with echoing() as url, proxied(tmp_path, upstream_url=url, upgrades="pass") as proxy:
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(proxy.url + "/v1/none")
            assert refused.value.status == 502
        data = request("/v1/realtime", b"", "GET", "Upgrade: other").replace(
            b"Connection: close", b"Connection: upgrade"
        )
        host, _, port = proxy.proxy.address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(data)
        assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"HTTP/1.1 501")
        writer.close()


# --- under load -------------------------------------------------------------------------------------------------------


class Half:
    """A request whose body does not end."""

    def __init__(self, proxy: Proxied, begun: bytes) -> None:
        self._proxy = proxy
        self._begun = begun

    async def __aenter__(self) -> asyncio.StreamReader:
        host, _, port = self._proxy.proxy.address.partition(":")
        reader, self._writer = await asyncio.open_connection(host, int(port))
        head = f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nContent-Type: {JSON}\r\nContent-Length: 100000\r\n\r\n"
        self._writer.write(head.encode() + self._begun)
        return reader

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()


async def _until(is_so: Any) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0)


async def test_a_permit_is_taken_before_a_body_is_read(tmp_path: Path):
    async with proxied(tmp_path, limits=Limits(max_streams=1)) as proxy:
        proxy.upstream.answer = Answer([ANSWER], JSON)
        async with Half(proxy, b"{"):
            await _until(lambda: proxy.proxy.held_bytes == 1)
            response, answer = await ask(proxy, CHAT, ASK)
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert "too many exchanges" in json.loads(answer)["error"]["message"]
        await _until(lambda: proxy.proxy.held_bytes == 0)
        response, _ = await ask(proxy, CHAT, ASK)
        assert response.status == 200


async def test_bodies_that_are_held_are_bounded_together(tmp_path: Path):
    async with proxied(tmp_path, limits=Limits(request_bodies_bytes=1000)) as proxy:
        proxy.upstream.answer = Answer([ANSWER], JSON)
        async with Half(proxy, b"x" * 900):
            await _until(lambda: proxy.proxy.held_bytes == 900)
            response, answer = await ask(proxy, CHAT, ASK + b" " * 100)
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert "too many request bodies" in json.loads(answer)["error"]["message"]
        await _until(lambda: proxy.proxy.held_bytes == 0)
        response, _ = await ask(proxy, CHAT, ASK + b" " * 100)
        assert response.status == 200
        packed = encoding.encode("gzip", ASK + b" " * 2000)
        response, _ = await ask(proxy, CHAT, packed, headers={"Content-Encoding": "gzip"})
        assert response.status == 503
        assert proxy.proxy.held_bytes == 0


async def test_what_an_answer_takes_long_for_holds_no_room(tmp_path: Path):
    async with proxied(tmp_path) as proxy:
        answer = proxy.upstream.answer = Answer([b"data: [DONE]\n\n", b"\n"], SSE, hold_at=1)
        asking = asyncio.create_task(ask(proxy, CHAT, ASK))
        await _until(lambda: proxy.upstream.requests and proxy.proxy.held_bytes == 0)
        assert not asking.done()
        answer.go_on.set()
        response, _ = await asking
        assert response.status == 200


async def test_a_body_that_does_not_arrive_in_time_is_given_up(tmp_path: Path):
    async with proxied(tmp_path, body_seconds=0.05) as proxy:
        async with Half(proxy, b"{") as reader:
            answer = await asyncio.wait_for(reader.readuntil(b"null}}"), 20)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"did not arrive within 0.05 s" in answer
        assert counted(proxy, "tidegate_http_refused_total", status="408", reason="slow body") == 1


# --- what passes unread ----------------------------------------------------------------------------------------------


async def test_long_texts_on_a_path_that_passes_unread_are_counted_and_the_log_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    long, short = json.dumps({"prompt": "word " * 1000}).encode(), json.dumps({"id": 7}).encode()
    async with proxied(tmp_path, unknown="pass") as proxy:
        for _ in range(3):
            await raw(proxy, request("/v9/novel/dream", long))
        await raw(proxy, request("/v9/novel/dream", short))
        await raw(proxy, request("/v9/image", b"\x00" * 5000).replace(JSON.encode(), b"image/png"))
        assert counted(proxy, "tidegate_unscanned_long_texts_total", path="/v9/novel/dream") == 3
        assert counted(proxy, "tidegate_unscanned_long_texts_total", path="/v9/image") == 0
    told = [each for each in caplog.records if each.getMessage().startswith("long texts pass unread")]
    assert [vars(each)["subject"] for each in told] == ["/v9/novel/dream"]


async def test_long_texts_on_a_path_that_is_guarded_are_not(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    long = json.dumps({"prompt": "word " * 1000}).encode()
    async with proxied(tmp_path) as proxy:
        await raw(proxy, request("/v9/novel/dream", long))
        assert counted(proxy, "tidegate_unscanned_long_texts_total", path="/v9/novel/dream") == 0
    assert not [each for each in caplog.records if each.getMessage().startswith("long texts pass unread")]
