"""The relay of MCP over HTTP against answers and headers that hide text, name two things, or are broken."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from sidecar.errors import Overloaded
from sidecar.mcp.messages import INVALID_REQUEST, STOPPED, UNANSWERED, UNCHECKED, answers_in, cancelled_in, requests_in
from sidecar.mcp.sessions import Known, McpSession, Sessions
from sidecar.values import Action, InHistory
from tests.fakes import SegmentFlagger, plan, rule
from tests.mcp.relaying import SECRET, events, relaying, scripted
from tests.mcp.test_http import as_json, call, event, get, message, post, result

HIDDEN = b'data: {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"This\\u0020is forbidden."}]}}\n\n'
IN_UTF7 = event(result("+AFQ-his is forbidden."))
TWO = b"[" + call("fine", 1) + b"," + call("fine", 2) + b"]"


def typed(kind: str, body: bytes, status: int = 200, coding: str = "identity") -> Callable[..., web.Response]:
    headers = {"Content-Type": kind, "Content-Encoding": coding}
    return lambda *_: web.Response(body=body, status=status, headers=headers)


class TestAnswersThatHideText:
    @pytest.mark.parametrize(
        "kind", ["text/event-streams", "text/plain; as=text/event-stream", "text/event-stream, x/y"]
    )
    async def test_a_type_that_some_clients_take_for_events_is_refused(self, kind: str) -> None:
        async with scripted(typed(kind, HIDDEN)) as server, relaying(server.url) as door:
            status, body, _ = await post(door, call("a", 7))
            assert (status, json.loads(body)["id"], json.loads(body)["error"]["code"]) == (502, 7, UNCHECKED)

    async def test_two_types_are_refused(self) -> None:
        def answer(*_: Any) -> web.Response:
            found = web.Response(body=HIDDEN, headers={"Content-Type": "text/event-stream"})
            found.headers.add("Content-Type", "application/json")
            return found

        async with scripted(answer) as server, relaying(server.url) as door:
            assert (await post(door, call("a")))[0] == 502

    async def test_a_type_that_some_clients_take_for_json_is_read_as_json(self) -> None:
        hidden = b" \xef\xbb\xbf" + HIDDEN[6:]
        async with scripted(typed("application/json-rpc", hidden)) as server, relaying(server.url) as door:
            _, body, _ = await post(door, call("a"))
            assert json.loads(body)["error"]["code"] == UNCHECKED

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("text/event-stream; charset=utf-7", IN_UTF7),
            ("application/json; charset=utf-7", b'{"jsonrpc":"2.0","id":1,"result":{}}'),
            ("text/plain; charset=utf-16", "This is forbidden.".encode("utf-16")),
            ("text/plain", "This is forbidden.".encode("utf-16")),
        ],
    )
    async def test_another_charset_is_refused(self, kind: str, body: bytes) -> None:
        async with scripted(typed(kind, body)) as server, relaying(server.url) as door:
            status, told, _ = await post(door, call("a"))
            assert (status, json.loads(told)["error"]["code"]) == (502, UNCHECKED)
            assert (await get(door))[0] == 502

    async def test_a_page_in_latin_letters_is_read(self) -> None:
        pages = iter(["Schön. This is forbidden.", "Schön."])

        def answer(*_: Any) -> web.Response:
            return typed("text/html;charset=ISO-8859-1", next(pages).encode("latin-1"), 404)()

        async with scripted(answer) as server, relaying(server.url) as door:
            status, body, _ = await post(door, call("a"))
            assert (status, json.loads(body)["error"]["code"]) == (404, STOPPED)
            assert (await post(door, call("a")))[:2] == (404, "Schön.".encode("latin-1"))

    async def test_a_request_in_another_charset_is_refused(self) -> None:
        async with scripted(lambda *_: as_json(result("ok"))) as server, relaying(server.url) as door:
            sent = {"Content-Type": "application/json; charset=utf-7"}
            assert (await post(door, call("a"), **sent))[0] == 415
            sent = {"Content-Type": "application/json; charset=UTF-8"}
            assert (await post(door, call("a"), **sent))[0] == 200
            assert len(server.seen) == 1

    async def test_metadata_that_is_coded_or_leads_elsewhere_is_refused(self) -> None:
        path = "/.well-known/oauth-protected-resource/tools"
        packed = gzip.compress(b'{"resource_name": "This is forbidden."}')
        async with (
            scripted(typed("application/json", packed, coding="gzip")) as server,
            relaying(server.url) as door,
            door.http.get(f"{door.url}{path}", headers={"Accept-Encoding": "gzip"}) as found,
        ):
            assert found.status == 502
        led = {"Location": "http://elsewhere.example/"}
        async with (
            scripted(lambda *_: web.Response(status=302, headers=led)) as server,
            relaying(server.url) as door,
            door.http.get(f"{door.url}{path}", allow_redirects=False) as found,
        ):
            assert (found.status, found.headers.get("Location")) == (502, None)


class TestWhatIsSaidTwice:
    """Headers that say again what a message says (revisions from 2026 on)."""

    async def test_what_was_replaced_does_not_pass_in_a_header(self) -> None:
        policy = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: tools, version: "1.0.0", owner: tests}
rules:
  - id: mask
    detect: {detector: patterns, patterns: [{label: WORD, regex: "swordfish"}]}
    severity: high
    action: {redact: {with: mask, in_tool_arguments: replace}}
"""
        named = {
            "Mcp-Method": "tools/call",
            "Mcp-Name": "echo",
            "Mcp-Param-Text": "the swordfish",
            "Mcp-Param-Coded": "=?base64?" + base64.b64encode(b"the swordfish").decode() + "?=",
            "Mcp-Param-Other": "swordfish",
        }
        async with scripted(lambda *_: as_json(result("ok"))) as server, relaying(server.url, policy) as door:
            assert (await post(door, call("the swordfish"), **named))[0] == 200
            _, _, headers, body = server.seen[0]
            text = json.loads(body)["params"]["arguments"]["text"]
            assert "swordfish" not in text
            assert (headers["Mcp-Method"], headers["Mcp-Name"]) == ("tools/call", "echo")
            coded = f"=?base64?{base64.b64encode(text.encode()).decode()}?="
            assert headers["Mcp-Param-Text"] == headers["Mcp-Param-Coded"] == coded
            assert "Mcp-Param-Other" not in headers
            named["Mcp-Param-Text"] = "fine"
            await post(door, call("fine"), **named)
            assert server.seen[1][2]["Mcp-Param-Text"] == "fine"


class TestAnswersToSeveral:
    async def test_an_error_in_words_to_a_batch_of_which_a_part_was_stopped(self, caplog: Any) -> None:
        batch = b"[" + call("fine", 1) + b"," + call(SECRET, 2) + b"]"
        async with scripted(typed("text/plain", b"Bad.", 400)) as server, relaying(server.url) as door:
            with caplog.at_level(logging.ERROR):
                status, body, _ = await post(door, batch)
            told = {each["id"]: each for each in json.loads(body)}
            assert (status, told[1]["error"]["code"], told[2]["result"]["isError"]) == (400, UNANSWERED, True)
            assert not caplog.records

    async def test_a_notification_taken_in_words_beside_a_call_that_was_stopped(self) -> None:
        batch = b"[" + message(method="notifications/initialized") + b"," + call(SECRET, 2) + b"]"
        async with scripted(typed("text/plain", b"Accepted", 202)) as server, relaying(server.url) as door:
            status, body, _ = await post(door, batch)
            assert (status, json.loads(body)["id"]) == (200, 2)

    async def test_errors_to_a_batch_are_one_list(self) -> None:
        async with relaying("http://127.0.0.1:9/mcp") as door:
            status, body, _ = await post(door, TWO)
            assert (status, [each["id"] for each in json.loads(body)]) == (502, [1, 2])
        async with scripted(typed("text/plain", b"This is forbidden.", 400)) as server, relaying(server.url) as door:
            _, body, _ = await post(door, TWO)
            assert [(each["id"], each["error"]["code"]) for each in json.loads(body)] == [(1, STOPPED), (2, STOPPED)]

    async def test_a_list_of_too_many_is_refused(self) -> None:
        batch = b"[" + b",".join([message(method="ping")] * 1001) + b"]"
        async with scripted(lambda *_: as_json(batch)) as server, relaying(server.url) as door:
            status, body, _ = await post(door, batch)
            assert (status, json.loads(body)["error"]["code"]) == (400, INVALID_REQUEST)
            assert server.seen == []
            _, body, _ = await post(door, call("a"))
            assert json.loads(body)["error"]["code"] == UNCHECKED


class TestIds:
    async def test_text_behind_a_byte_order_mark_is_no_id(self) -> None:
        stream = event(b'{"a": "\xef\xbb\xbfid: This is no id')
        async with scripted(lambda request, _: events(stream)(request)) as server, relaying(server.url) as door:
            assert b"This" not in (await post(door, call("a")))[1]

    async def test_an_id_that_is_text_does_not_pass_with_the_error_in_its_place(self) -> None:
        block = rule(Action.BLOCK, "bad", in_history=InHistory.REFUSE)
        policy = plan((SegmentFlagger("swordfish", label="bad"), [block]))
        reply = result("fine", "swordfish " * 40)
        async with scripted(lambda *_: as_json(reply)) as server, relaying(server.url, policy) as door:
            _, body, _ = await post(door, call("a", 7))
            assert b"swordfish" not in body
            assert (json.loads(body)["id"], json.loads(body)["error"]["code"]) == (7, UNCHECKED)

    def test_of_events_that_were_judged_few_bytes_are_kept(self) -> None:
        known = Known()
        for number in range(300):
            known.add("p", b"%d" % number + b"x" * 30_000, b"a", b"a")
        assert len([n for n in range(300) if known.get("p", b"%d" % n + b"x" * 30_000, b"a")]) == 2
        known.add("p", b"x" * 60_000, b"a", b"a")
        assert known.get("p", b"x" * 60_000, b"a") is None

    def test_requests_that_wait_are_bounded_and_one_that_was_cancelled_waits_no_more(self) -> None:
        session = McpSession()
        session.wait_for({1, 2}, but_for=set())
        cancel = message(method="notifications/cancelled", params={"requestId": 1})
        session.wait_for(requests_in(cancel), but_for=cancelled_in(cancel))
        assert session.waiting == {2}
        with pytest.raises(Overloaded, match="wait for an answer"):
            session.wait_for(set(range(10, 10_010)), but_for=set())
        assert requests_in(message(id="x" * 300, method="ping")) == set()

    async def test_an_event_id_with_nul_is_none(self) -> None:
        stream = event(b"no json", "a\0b")

        async def broken(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(stream + b"data: {")
            assert request.transport is not None
            request.transport.close()
            return response

        async with scripted(lambda request, _: broken(request)) as server, relaying(server.url) as door:
            _, body, _ = await post(door, call("a", 7))
            assert not body.startswith(b"id: a")
            assert b'"id":7' in body

    @pytest.mark.parametrize("number", ["digits", "x" * 5000, None, True, [1], {"a": 1}, 1.5])
    async def test_a_message_with_an_odd_id_is_answered(self, number: Any, caplog: Any) -> None:
        data = message(id=1, method="ping").replace(
            b": 1", b": " + (b"1" + b"0" * 5000 if number == "digits" else json.dumps(number).encode())
        )
        async with scripted(lambda *_: as_json(result("ok"))) as server, relaying(server.url) as door:
            with caplog.at_level(logging.ERROR):
                status, _, _ = await post(door, data)
            assert status in (200, 400)
            assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


async def test_a_tool_that_was_left_out_is_not_let_in_by_a_prompt_of_its_name() -> None:
    tools = message(id=1, result={"tools": [{"name": "echo", "description": "This is forbidden."}]})
    prompts = message(id=1, result={"prompts": [{"name": "echo", "description": "Fine."}]})

    def answer(_: web.BaseRequest, body: bytes) -> web.Response:
        return as_json(tools if b"tools/list" in body else prompts if b"prompts/list" in body else result("ok"))

    async with scripted(answer) as server, relaying(server.url) as door:
        for method in ("tools/list", "prompts/list"):
            await post(door, message(id=1, method=method))
        _, body, _ = await post(door, call("a"))
        assert json.loads(body)["result"]["isError"]


async def test_a_body_that_breaks_off_is_no_fault_of_ours(caplog: Any) -> None:
    async with scripted(lambda *_: as_json(result("ok"))) as server, relaying(server.url) as door:
        host, port = door.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        with caplog.at_level(logging.ERROR):
            writer.write(b"POST /tools HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            head = await reader.read(4096)
            writer.close()
        assert b" 400 " in head.split(b"\r\n")[0]
        assert not [each for each in caplog.records if each.name == "sidecar.mcp.listener"]


async def test_what_needs_no_token_begins_no_session() -> None:
    async with scripted(typed("text/plain", b"")) as server, relaying(server.url) as door:
        async with door.http.options(f"{door.url}/tools", headers={"Mcp-Session-Id": "s1"}) as found:
            assert (found.status, door.listener.sessions) == (200, 0)
        async with door.http.options(f"{door.url}/tools/~/admin") as found:
            assert found.status == 404
        assert len(server.seen) == 1


def test_the_end_of_an_older_stream_leaves_its_successor() -> None:
    """A server whose endpoint names no session: a client that comes again gets the same one."""
    sessions, older, newer = Sessions(9, idle_ms=1000, now_ms=lambda: 0.0), McpSession(), McpSession()
    for each in (older, newer):
        sessions.begin(("tools", "/m"), each)
    sessions.end(("tools", "/m"), older)
    assert sessions.find(("tools", "/m")) is newer
    sessions.end(("tools", "/m"), newer)
    assert sessions.find(("tools", "/m")) is None


def test_what_was_left_out_is_known_as_long_as_a_session_is_and_empty_standings_are_forgotten_first() -> None:
    sessions, alive = Sessions(9, idle_ms=1000, now_ms=lambda: 0.0), McpSession()
    sessions.begin(("tools", "a"), alive)
    sessions.left_out(("tools", "a"), alive).add("echo")
    sessions.left_out(("tools", "stateless"), McpSession()).add("echo")
    for number in range(1500):
        sessions.left_out(("tools", str(number)), McpSession())
    assert "echo" in sessions.left_out(("tools", "stateless"), McpSession())
    for number in range(1500):
        sessions.left_out(("tools", str(number)), McpSession()).add("other")
    assert "echo" in sessions.left_out(("tools", "a"), McpSession())
    assert "echo" not in sessions.left_out(("tools", "stateless"), McpSession())
    assert len(sessions._lately) == 1000


async def test_a_message_that_asks_and_answers_at_once_does_not_pass() -> None:
    both = message(id=1, method="ping", result={"tools": [{"name": "echo", "description": "Fine."}]})
    async with scripted(lambda *_: as_json(both)) as server, relaying(server.url) as door:
        _, body, _ = await post(door, call("a"))
        assert json.loads(body)["error"]["code"] == UNCHECKED


def test_a_request_with_a_number_for_which_there_is_no_room_is_waited_for() -> None:
    waiting = requests_in(b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}')
    assert len(waiting) == 1
    assert answers_in(b'{"jsonrpc":"2.0","id":1e999,"result":{}}') == waiting
    assert cancelled_in(b'{"method":"notifications/cancelled","params":{"requestId":1e999}}') == waiting
    assert answers_in(b'{"jsonrpc":"2.0","id":2e999,"result":{}}') != waiting
