"""The relay of MCP over HTTP by the byte: against scripted servers, in both transports."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.codec.frames import FrameTooLongError, ServerSentEvents
from sidecar.mcp.messages import INVALID_REQUEST, PARSE_ERROR, STOPPED, UNANSWERED, UNCHECKED
from sidecar.tokens import Tokens, digest_of, new_token
from tests.mcp.relaying import SECRET, Relaying, events, real, relaying, scripted, sums

BOTH = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def message(**fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **fields}).encode()


def call(text: str, number: Any = 1) -> bytes:
    return message(id=number, method="tools/call", params={"name": "echo", "arguments": {"text": text}})


def result(text: str, number: Any = 1) -> bytes:
    return message(id=number, result={"content": [{"type": "text", "text": text}]})


def event(data: bytes, number: str = "", name: str = "message") -> bytes:
    named = f"id: {number}\n".encode() if number else b""
    return named + f"event: {name}\n".encode() + b"data: " + data + b"\n\n"


async def post(door: Relaying, data: bytes, path: str = "/tools", **headers: str) -> tuple[int, bytes, Any]:
    async with door.http.post(f"{door.url}{path}", data=data, headers={**BOTH, **headers}) as answer:
        return answer.status, await answer.read(), answer.headers


async def get(door: Relaying, path: str = "/tools", **headers: str) -> tuple[int, bytes, Any]:
    async with door.http.get(f"{door.url}{path}", headers={"Accept": "text/event-stream", **headers}) as answer:
        return answer.status, await answer.read(), answer.headers


def as_json(body: bytes, status: int = 200, **headers: str) -> web.Response:
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json", **headers})


def accepted() -> web.Response:
    return web.Response(status=202)


CLEAN = (
    b": hello\n\n"
    b"retry: 500\nid: a-0\ndata: \n\n"
    b"id: a-1\r\nevent: message\r\ndata: "
    + message(method="notifications/progress", params={"progressToken": 1})
    + b"\r\n\r\n"
    b'data: {"jsonrpc":"2.0",\n'
    b'data:  "id":1,"result":{"content":[{"type":"text","text":"\\u00e4h \xe2\x80\xa8"}]}}\nid: a-2\n\n'
    b": bye\n\n"
)
DIRTY = (
    event(message(method="notifications/message", params={"level": "info", "data": "This is forbidden."}), "d-1")
    + event(result("This is forbidden."), "d-2")
    + event(b"no json at all", "d-3")
    + event(result("fine"), "d-4")
)


class TestStreamsOfAnswers:
    async def test_a_clean_stream_is_untouched_byte_for_byte(self) -> None:
        async with scripted(lambda request, _: events(CLEAN)(request)) as server, relaying(server.url) as door:
            status, body, headers = await post(door, call("fine"))
            assert (status, body) == (200, CLEAN)
            assert headers["Mcp-Session-Id"] == "s1"
            assert headers["Content-Type"].startswith("text/event-stream")
            assert server.seen[0][3] == call("fine")

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.integers(0, len(CLEAN + DIRTY)), max_size=12))
    def test_what_leaves_is_the_same_however_the_body_is_cut(self, cuts: list[int]) -> None:
        data = CLEAN + DIRTY
        marks = [0, *sorted(cuts), len(data)]
        pieces = [data[start:end] for start, end in pairwise(marks) if end > start]

        async def run() -> None:
            async with scripted(lambda request, _: events(*pieces)(request)) as server, relaying(server.url) as door:
                _, body, _ = await post(door, call("fine"))
                assert body.startswith(CLEAN)
                assert b"forbidden" not in body
                assert b"no json" not in body
                assert body.endswith(event(result("fine"), "d-4"))
                assert [line for line in body.split(b"\n") if line.startswith(b"id: d-")] == [
                    b"id: d-1",
                    b"id: d-2",
                    b"id: d-3",
                    b"id: d-4",
                ]
                assert door.rules == ["forbidden", "forbidden"]

        asyncio.run(run())

    async def test_an_event_leaves_when_it_was_judged(self) -> None:
        more = asyncio.Event()

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(event(message(method="notifications/progress", params={"progressToken": 1})))
            await more.wait()
            await response.write(event(result("fine")))
            return response

        async with (
            scripted(lambda request, _: answer(request)) as server,
            relaying(server.url) as door,
            door.http.post(f"{door.url}/tools", data=call("a"), headers=BOTH) as found,
        ):
            assert b"progress" in await found.content.readuntil(b"\n\n")
            more.set()
            assert b"fine" in await found.content.read()

    async def test_an_event_that_is_too_long_is_answered_by_an_error_and_the_stream_goes_on(self) -> None:
        stream = event(result("long " * 1000, 1), "e-1") + event(result("fine", 2), "e-2")
        async with (
            scripted(lambda request, _: events(stream[:3000], stream[3000:])(request)) as server,
            relaying(server.url, max_message_bytes=2000) as door,
        ):
            _, body, _ = await post(door, b"[" + call("a", 1) + b"," + call("b", 2) + b"]")
            first, second = body.split(b"\n\n")[:2]
            assert first.startswith(b"id: e-1\n")
            assert json.loads(first.split(b"data: ")[1])["error"]["code"] == UNCHECKED
            assert second + b"\n\n" == event(result("fine", 2), "e-2")

    @pytest.mark.parametrize("is_last", [False, True])
    async def test_a_servers_own_request_that_is_too_long_is_answered(self, is_last: bool) -> None:
        """Python's and Go's packages write the id first, TypeScript's last."""
        params = json.dumps({"messages": [], "systemPrompt": "long " * 1000})
        own = f'"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{params}'
        other = f'"method":"sampling/createMessage","params":{params},"jsonrpc":"2.0","id":"q"'
        stream = event(f"{{{other if is_last else own}}}".encode(), "e-1") + event(result("fine"))

        def answer(_: web.BaseRequest, body: bytes) -> Any:
            return accepted() if b'"q"' in body else events(stream[:3000], stream[3000:])(_)

        async with scripted(answer) as server, relaying(server.url, max_message_bytes=2000) as door:
            _, body, _ = await post(door, call("a"))
            assert body == b"id: e-1\n\n" + event(result("fine"))
            told = server.bodies()[-1]
            assert (told["id"], told["error"]["code"]) == ("q", INVALID_REQUEST)

    async def test_what_says_when_to_come_back_stays_of_events_that_do_not_pass(self) -> None:
        dropped = b"retry: 700\nid: r-1\ndata: no json\n\n" + b"retry: x\ndata: no json\n\n"
        long = b"retry: 800\r\ndata: " + result("long " * 1000, 1) + b"\r\nid: r-2\r\nretry: 900\r\n\r\n"
        async with (
            scripted(lambda request, _: events(dropped + long)(request)) as server,
            relaying(server.url, max_message_bytes=2000) as door,
        ):
            _, body, _ = await post(door, call("a"))
            first, second, _ = body.split(b"\n\n")
            assert first == b"id: r-1\nretry: 700"
            assert second.startswith(b"id: r-2\nretry: 900\ndata: ")
            assert json.loads(second.split(b"data: ")[1])["error"]["code"] == UNCHECKED

    @pytest.mark.parametrize(("number", "is_told"), [("", True), ("n-1", False)])
    async def test_a_stream_that_breaks_off_is_answered_by_an_error_unless_it_can_be_resumed(
        self, number: str, is_told: bool
    ) -> None:
        progress = event(message(method="notifications/progress", params={"progressToken": 1}), number)

        async def broken(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(progress + b"data: {")
            assert request.transport is not None
            request.transport.close()
            return response

        async with scripted(lambda request, _: broken(request)) as server, relaying(server.url) as door:
            _, body, _ = await post(door, call("a", 7))
            assert body.startswith(progress)
            told = [json.loads(line[6:]) for line in body[len(progress) :].split(b"\n") if line.startswith(b"data: ")]
            assert [(each["id"], each["error"]["code"]) for each in told] == ([(7, UNANSWERED)] if is_told else [])


class TestResumption:
    async def test_an_event_that_comes_again_becomes_what_it_became_and_is_told_once(self) -> None:
        asked = message(id="q", method="sampling/createMessage", params={"messages": [], "systemPrompt": SECRET})
        stream = DIRTY + event(asked, "d-5")

        def answer(request: web.BaseRequest, _: bytes) -> Any:
            return events(stream)(request) if request.method == "GET" else accepted()

        async with scripted(answer) as server, relaying(server.url) as door:
            _, first, _ = await get(door, **{"Mcp-Session-Id": "s1"})
            _, again, _ = await get(door, **{"Mcp-Session-Id": "s1", "Last-Event-ID": "d-0"})
            assert again == first
            assert door.rules == ["forbidden", "forbidden", "secrets"]
            told = [each for each in server.bodies() if each["id"] == "q"]
            assert [each["error"]["code"] for each in told] == [STOPPED]
            assert [headers.get("Last-Event-ID") for method, _, headers, _ in server.seen if method == "GET"] == [
                None,
                "d-0",
            ]
            assert all("Last-Event-ID" not in headers for method, _, headers, _ in server.seen if method == "POST")

    async def test_another_message_under_the_same_id_is_judged(self) -> None:
        streams = iter([event(result("fine"), "x"), event(result("This is forbidden."), "x")])
        async with scripted(lambda request, _: events(next(streams))(request)) as server, relaying(server.url) as door:
            await get(door, **{"Mcp-Session-Id": "s1"})
            _, body, _ = await get(door, **{"Mcp-Session-Id": "s1"})
            assert b"forbidden" not in body


class TestMessages:
    async def test_a_clean_exchange_is_untouched_byte_for_byte(self) -> None:
        reply = b'{ "jsonrpc":"2.0","id":1, "result":{"content":[{"type":"text","text":"\xc3\xa4 \\u2028"}]}}\r\n'
        async with scripted(lambda _, __: as_json(reply)) as server, relaying(f"{server.url}/mcp") as door:
            data = b'{ "id" : 1,"jsonrpc":"2.0", "method":"ping" }\n'
            sent = {"MCP-Protocol-Version": "2025-06-18", "Authorization": "Bearer theirs", "Mcp-Session-Id": "s1"}
            status, body, _ = await post(door, data, "/tools?x=1", **sent)
            assert (status, body) == (200, reply)
            method, path, headers, got = server.seen[0]
            assert (method, path, got) == ("POST", "/mcp?x=1", data)
            assert {name: headers[name] for name in sent} == sent

    async def test_a_notification_is_accepted(self) -> None:
        async with scripted(lambda _, __: accepted()) as server, relaying(server.url) as door:
            assert (await post(door, message(method="notifications/initialized")))[:2] == (202, b"")
            assert (await post(door, message(method="notifications/x", params={"a": SECRET})))[:2] == (202, b"")
            assert len(server.seen) == 1

    async def test_of_a_batch_the_rest_goes_on_and_all_are_answered(self) -> None:
        batch = b"[" + call("fine", 1) + b"," + call(SECRET, 2) + b"]"

        def answer(_: web.BaseRequest, body: bytes) -> web.Response:
            return as_json(json.dumps([json.loads(result("ok", each["id"])) for each in json.loads(body)]).encode())

        async with scripted(answer) as server, relaying(server.url) as door:
            status, body, _ = await post(door, batch)
            found = {each["id"]: each["result"].get("isError", False) for each in json.loads(body)}
            assert (status, found) == (200, {1: False, 2: True})
            assert SECRET not in str(server.bodies())
            status, body, _ = await post(door, b"[" + call(SECRET, 3) + b"," + call(SECRET, 4) + b"]")
            assert sorted(each["id"] for each in json.loads(body)) == [3, 4]
        async with (
            scripted(lambda request, _: events(event(result("ok", 1)))(request)) as server,
            relaying(server.url) as door,
        ):
            _, body, _ = await post(door, batch)
            assert body.endswith(event(result("ok", 1)))
            assert b'"id":2' in body

    async def test_what_is_no_json_is_refused(self) -> None:
        async with scripted(lambda _, __: accepted()) as server, relaying(server.url) as door:
            for data in (b"{", b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}'):
                status, body, _ = await post(door, data)
                assert (status, json.loads(body)["error"]["code"]) == (400, PARSE_ERROR)
            assert (await post(door, call("a"), **{"Content-Encoding": "gzip"}))[0] == 415
            assert server.seen == []

    async def test_a_request_that_is_too_long_is_refused(self) -> None:
        async with scripted(lambda _, __: accepted()) as server, relaying(server.url, max_request_bytes=1000) as door:
            status, body, _ = await post(door, call("word " * 1000))
            assert (status, json.loads(body)["error"]["code"]) == (413, INVALID_REQUEST)
            assert server.seen == []

    async def test_an_answer_that_is_too_long_is_refused(self) -> None:
        async with (
            scripted(lambda _, __: as_json(result("word " * 1000))) as server,
            relaying(server.url, max_message_bytes=1000) as door,
        ):
            status, body, _ = await post(door, call("a", "n"))
            told = json.loads(body)
            assert (status, told["id"], told["error"]["code"]) == (502, "n", UNCHECKED)

    @pytest.mark.parametrize("text", ["Session not found. This is forbidden.", "<p>This is forbidden</p>"])
    async def test_an_error_in_words_is_read_too(self, text: str) -> None:
        texts = iter([text, "Not here."])
        async with (
            scripted(lambda _, __: web.Response(text=next(texts), status=400)) as server,
            relaying(server.url) as door,
        ):
            status, body, _ = await post(door, call("a"))
            assert (status, b"forbidden" in body) == (400, False)
            assert (await post(door, call("a")))[:2] == (400, b"Not here.")


class TestFailures:
    async def test_a_server_that_is_not_there(self) -> None:
        async with relaying("http://127.0.0.1:9/mcp") as door:
            status, body, _ = await post(door, call("a", 5))
            told = json.loads(body)
            assert (status, told["id"], told["error"]["code"]) == (502, 5, UNANSWERED)
            assert "cannot be reached" in told["error"]["message"]
            assert (await get(door))[0] == 502

    async def test_a_server_that_says_nothing(self) -> None:
        async def silent() -> web.Response:
            await asyncio.sleep(600)
            return accepted()

        async with scripted(lambda _, __: silent()) as server, relaying(server.url, idle_seconds=0.2) as door:
            for status, body, _ in (await post(door, call("a", 5)), await get(door)):
                assert (status, json.loads(body)["error"]["code"]) == (504, UNANSWERED)

    async def test_a_redirect_is_followed_within_the_server_alone(self) -> None:
        def answer(request: web.BaseRequest, _: bytes) -> web.Response:
            if request.path == "/mcp":
                return web.Response(status=307, headers={"Location": "/mcp/"})
            return as_json(result("ok"))

        async with scripted(answer) as server, relaying(f"{server.url}/mcp") as door:
            assert (await post(door, call("a")))[:2] == (200, result("ok"))
            assert server.seen[1][3] == call("a")
        elsewhere = {"Location": "http://elsewhere.example/mcp"}
        async with (
            scripted(lambda _, __: web.Response(status=307, headers=elsewhere)) as server,
            relaying(server.url) as door,
        ):
            status, body, _ = await post(door, call("a"))
            assert status == 502
            assert b"redirect to elsewhere" in body
            assert b"elsewhere.example" not in body

    async def test_paths_methods_and_origins_that_are_not_served(self) -> None:
        async with (
            scripted(lambda _, __: accepted()) as server,
            relaying(server.url, origins=["https://app.example"]) as door,
        ):
            ping = message(id=1, method="ping")
            assert (await post(door, ping, "/other"))[0] == 404
            assert (await post(door, ping, "/tools/~/messages?x=1"))[0] == 404
            async with door.http.put(f"{door.url}/tools") as found:
                assert found.status == 405
            for origin, status in (
                ("http://evil.example", 403),
                ("null", 403),
                ("https://app.example", 202),
                ("http://localhost:6274", 202),
            ):
                assert (await post(door, ping, Origin=origin))[0] == status

    @pytest.mark.parametrize(
        ("host", "is_served"),
        [
            ("localhost:9000", True),
            ("tools.localhost", True),
            ("[::1]:9000", True),
            ("127.0.0.1", True),
            ("127.1:9000", True),
            ("0x7f.1", True),
            ("2130706433", True),
            ("LOCALHOST.", True),
            ("tools.example.com", True),
            ("app.example:8443", True),
            ("evil.example", False),
            ("127.0.0.1.evil.example", False),
            ("localhost.evil.example:9000", False),
            ("127.1.evil", False),
            ("0x7f.1.2.3.4.5", False),
            ("", True),
            ("[", False),
        ],
    )
    async def test_a_page_that_has_a_name_lead_to_this_machine_is_refused(self, host: str, is_served: bool) -> None:
        """A browser sends no `Origin` with a GET within one origin: the name by which it comes tells."""
        own: dict[str, Any] = {"public_url": "https://tools.example.com/mcp", "origins": ["https://app.example"]}
        async with scripted(lambda *_: as_json(result("ok"))) as server, relaying(server.url, **own) as door:
            for path in ("/tools", "/.well-known/oauth-protected-resource/tools"):
                status, body, _ = await get(door, path, Host=host)
                assert (status, b"public_url" in body) == ((200, False) if is_served else (403, True))
            assert len(server.seen) == (2 if is_served else 0)

    @pytest.mark.parametrize(
        ("listen", "is_refused"),
        [
            ("127.0.0.1", True),
            ("LOCALHOST", True),
            ("127.1", True),
            ("0x7f.1", True),
            ("2130706433", True),
            ("[0:0::1]", True),
            ("0", False),
            ("0.0.0.0", False),
        ],
    )
    async def test_by_where_it_listens_however_the_settings_spell_that(self, listen: str, is_refused: bool) -> None:
        """Where others come, nobody here knows by which name."""
        async with relaying("http://127.0.0.1:9/mcp", listen=f"{listen}:0") as door:
            host = listen if listen.startswith("[") else "localhost"
            url = f"http://{host}:{door.url.rpartition(':')[2]}/other"
            async with door.http.post(url, headers={"Host": "evil.example"}) as found:
                assert found.status == (403 if is_refused else 404)

    async def test_what_needs_no_token_is_judged_whatever_it_says_of_itself(self, tmp_path: Path) -> None:
        file = tmp_path / "tokens.yaml"
        file.write_text(f"tokens:\n  - {{id: a, sha256: {digest_of(new_token())}, scopes: [mcp], tenants: [acme]}}\n")
        facts = {"headers": {"tenant": "x-tenant", "labels": {"app": "x-app"}}, "labels": {"zone": "z"}}
        said = {"X-Tenant": "acme", "X-App": "other", "X-Tidegate-Session": "theirs"}
        path = "/.well-known/oauth-protected-resource/tools"

        def answer(request: web.BaseRequest, _: bytes) -> web.Response:
            return as_json(f'{{"resource_name": "{request.method}. This is forbidden."}}'.encode())

        async with scripted(answer) as server, relaying(server.url, tokens=Tokens(file), facts=facts) as door:
            assert b"forbidden" not in (await get(door, path, **said))[1]
            async with door.http.options(f"{door.url}/tools", headers=said) as found:
                assert b"forbidden" not in await found.read()
            told = [(each.ids.tenant, each.app.labels) for each in door.serving.violations]
            assert told == [("", {"zone": "z"})] * 2
            assert all(each.ids.session != "theirs" for each in door.serving.violations)
        async with scripted(answer) as server, relaying(server.url, facts=facts) as door:
            await get(door, path, **said)
            ids = door.serving.violations[0].ids
            assert (ids.tenant, ids.session) == ("acme", "theirs")

    async def test_a_token_is_asked_for_and_is_no_business_of_the_servers(self, tmp_path: Path) -> None:
        secret = new_token()
        file = tmp_path / "tokens.yaml"
        file.write_text(f"tokens:\n  - {{id: a, sha256: {digest_of(secret)}, scopes: [mcp], tenants: [acme]}}\n")
        async with scripted(lambda _, __: accepted()) as server, relaying(server.url, tokens=Tokens(file)) as door:
            status, _, headers = await post(door, call("a"), Authorization=f"Bearer {secret}")
            assert (status, headers["WWW-Authenticate"]) == (401, 'Tidegate header="x-tidegate-authorization"')
            given_ = {"X-Tidegate-Authorization": f"Bearer {secret}", "Authorization": "Bearer theirs"}
            assert (await post(door, call(SECRET), **given_))[0] == 200
            assert (await post(door, call("a"), **given_))[0] == 202
            assert door.serving.violations[0].ids.tenant == "acme"
            assert "X-Tidegate-Authorization" not in server.seen[0][2]
            assert server.seen[0][2]["Authorization"] == "Bearer theirs"


class TestSessions:
    async def test_a_session_ends_when_the_server_says_so(self) -> None:
        def answer(request: web.BaseRequest, body: bytes) -> web.Response:
            if request.method == "DELETE":
                return web.Response(status=200)
            named = {"Mcp-Session-Id": "s1"} if b"initialize" in body else {}
            is_over = request.headers.get("Mcp-Session-Id") == "gone"
            return as_json(
                message(id=1, error={"code": -32600, "message": "gone"}) if is_over else result("ok"),
                404 if is_over else 200,
                **named,
            )

        async with scripted(answer) as server, relaying(server.url) as door:
            await post(door, message(id=1, method="initialize", params={"protocolVersion": "2025-06-18"}))
            assert door.listener.sessions == 1
            async with door.http.delete(f"{door.url}/tools", headers={"Mcp-Session-Id": "s1"}) as found:
                assert found.status == 200
            assert door.listener.sessions == 0
            status, body, _ = await post(door, call("a"), **{"Mcp-Session-Id": "gone"})
            assert (status, json.loads(body)["error"]["message"]) == (404, "gone")
            assert door.listener.sessions == 0

    async def test_sessions_are_bounded_and_one_that_was_forgotten_is_taken_up_again(self) -> None:
        async with (
            scripted(lambda _, __: as_json(result("ok"))) as server,
            relaying(server.url, max_sessions=2) as door,
        ):
            for number in range(5):
                assert (await post(door, call("a"), **{"Mcp-Session-Id": f"s{number}"}))[0] == 200
                assert door.listener.sessions <= 2
            assert (await post(door, call("a"), **{"Mcp-Session-Id": "s0"}))[0] == 200

    async def test_no_more_sessions_than_may_be_are_busy(self) -> None:
        async with (
            scripted(lambda request, _: waiting(request)) as server,
            relaying(server.url, max_sessions=1) as door,
            door.http.get(f"{door.url}/tools", headers={"Mcp-Session-Id": "a"}) as first,
        ):
            await first.content.readuntil(b"\n\n")
            status, _, headers = await get(door, **{"Mcp-Session-Id": "b"})
            assert (status, "Retry-After" in headers) == (503, True)

    async def test_a_tool_that_was_left_out_stays_so_when_a_session_is_taken_up_again(self) -> None:
        tools = message(id=1, result={"tools": [{"name": "echo", "description": "This is forbidden."}]})

        def answer(_: web.BaseRequest, body: bytes) -> web.Response:
            return as_json(tools if b"tools/list" in body else result("ok"))

        async with scripted(answer) as server, relaying(server.url, max_sessions=1) as door:
            await post(door, message(id=1, method="tools/list"), **{"Mcp-Session-Id": "a"})
            await post(door, message(id=1, method="ping"), **{"Mcp-Session-Id": "b"})
            _, body, _ = await post(door, call("a"), **{"Mcp-Session-Id": "a"})
            assert json.loads(body)["result"]["isError"]


async def waiting(request: web.BaseRequest) -> web.StreamResponse:
    """A stream that says something, and then nothing."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b": hello\n\n")
    await asyncio.sleep(600)
    return response


async def test_streams_that_wait_end_cleanly_when_the_relay_does() -> None:
    async with scripted(lambda request, _: waiting(request)) as server, relaying(server.url) as door:
        async with door.http.get(f"{door.url}/tools", headers={"Mcp-Session-Id": "a"}) as stream:
            await stream.content.readuntil(b"\n\n")
            async with asyncio.timeout(30):
                await door.listener.drain()
            assert await stream.content.read() == b""
        assert (await post(door, call("a")))[0] == 503


class TestAuthorization:
    async def test_a_challenge_and_the_metadata_lead_back_to_the_relay(self) -> None:
        def answer(request: web.BaseRequest, _: bytes) -> web.Response:
            origin = f"http://{request.headers['Host']}"
            if request.path == "/.well-known/oauth-protected-resource/base/mcp":
                return as_json(f'{{"resource": "{origin}/base/mcp", "authorization_servers": ["{origin}"]}}'.encode())
            if request.path == "/.well-known/oauth-authorization-server":
                return as_json(f'{{"issuer": "{origin}"}}'.encode())
            if request.path.startswith("/.well-known"):
                return web.Response(status=404)
            where = f"{origin}/.well-known/oauth-protected-resource/base/mcp"
            said = f'Bearer error="invalid_token", resource_metadata="{where}"'
            return as_json(b'{"error": "invalid_token"}', 401, **{"WWW-Authenticate": said})

        async with scripted(answer) as server, relaying(f"{server.url}/base/mcp") as door:
            status, body, headers = await post(door, call("a"))
            assert (status, body) == (401, b'{"error": "invalid_token"}')
            where = f"{door.url}/.well-known/oauth-protected-resource/tools"
            assert headers["WWW-Authenticate"] == f'Bearer error="invalid_token", resource_metadata="{where}"'
            _, body, _ = await get(door, "/.well-known/oauth-protected-resource/tools")
            assert json.loads(body) == {"resource": f"{door.url}/tools", "authorization_servers": [server.url]}
            for path in ("/.well-known/oauth-authorization-server/tools", "/.well-known/oauth-authorization-server"):
                assert json.loads((await get(door, path))[1]) == {"issuer": server.url}


class TestHttpSse:
    """The transport of revision 2024-11-05."""

    async def test_messages_come_to_the_relay_and_what_was_stopped_is_answered_on_the_stream(self) -> None:
        said: asyncio.Queue[bytes] = asyncio.Queue()

        async def answer(request: web.BaseRequest, body: bytes) -> web.StreamResponse:
            if request.method == "POST":
                await said.put(event(result("ok", json.loads(body)["id"])))
                return web.Response(status=202, text="Accepted")
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(b"event: endpoint\r\ndata: /messages/?session_id=abc\r\n\r\n")
            while True:
                await response.write(await said.get())

        async with scripted(answer) as server, relaying(f"{server.url}/sse") as door:
            async with door.http.get(f"{door.url}/tools", headers={"Accept": "text/event-stream"}) as stream:
                first = await stream.content.readuntil(b"\r\n\r\n")
                assert first == b"event: endpoint\r\ndata: /tools/~/messages/?session_id=abc\r\n\r\n"
                path = "/tools/~/messages/?session_id=abc"
                assert (await post(door, call("fine", 1), path))[:2] == (202, b"Accepted")
                assert await stream.content.readuntil(b"\n\n") == event(result("ok", 1))
                assert server.seen[1][1] == "/messages/?session_id=abc"
                assert (await post(door, call(SECRET, 2), path))[:2] == (202, b"")
                told = json.loads((await stream.content.readuntil(b"\n\n")).split(b"data: ")[1])
                assert (told["id"], told["result"]["isError"]) == (2, True)
                assert len(server.seen) == 2
            while door.listener.sessions:
                await asyncio.sleep(0.01)
            assert (await post(door, call("fine", 3), path))[0] == 404

    async def test_an_endpoint_elsewhere_ends_the_stream(self) -> None:
        stream = event(b"http://elsewhere.example/messages", name="endpoint")
        async with scripted(lambda request, _: events(stream)(request)) as server, relaying(server.url) as door:
            with pytest.raises(aiohttp.ClientError):
                await get(door)

    async def test_a_message_that_the_server_does_not_take_is_answered_on_the_stream(self) -> None:
        async def answer(request: web.BaseRequest, _: bytes) -> web.StreamResponse:
            if request.method == "POST":
                return web.Response(status=500)
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(event(b"/m?s=1", name="endpoint"))
            await asyncio.sleep(600)
            return response

        async with (
            scripted(answer) as server,
            relaying(server.url) as door,
            door.http.get(f"{door.url}/tools") as stream,
        ):
            await stream.content.readuntil(b"\n\n")
            assert (await post(door, call("a", 9), "/tools/~/m?s=1"))[0] == 500
            told = json.loads((await stream.content.readuntil(b"\n\n")).split(b"data: ")[1])
            assert (told["id"], told["error"]["code"]) == (9, UNANSWERED)


@given(
    st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"\n\n", b"data: x"]), max_size=30).map(b"".join),
    st.lists(st.integers(0, 120), max_size=6),
)
def test_an_event_that_is_too_long_is_skipped_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    data = b"data: " + b"y" * 40 + b"\n" + data.replace(b"\n\n", b"\n").replace(b"\r", b"") + b"\n\ndata: z\n\n"
    marks = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    def read(pieces: list[bytes]) -> list[tuple[bytes, bytes]]:
        frames = ServerSentEvents(max_bytes=32)
        found: list[tuple[bytes, bytes]] = []
        for piece in pieces:
            left: bytes | None = piece
            while left is not None:
                try:
                    found.extend((each.raw, each.end) for each in frames.feed(left))  # keeps what came before
                    left = None
                except FrameTooLongError:
                    frames.skip()
                    left = b""
        return found

    assert read([data])[-1] == (b"data: z\n\n", b"")
    assert read([data])[0][0] == data[:32]
    assert read([data]) == read([data[start:end] for start, end in pairwise(marks)])


async def test_a_server_of_the_package_answers_the_same_with_and_without_the_relay() -> None:
    """But for the session's name, byte for byte."""
    async with (
        real(sums().streamable_http_app(stateless_http=True, json_response=True)) as url,
        relaying(f"{url}/mcp") as door,
    ):
        asked = [
            message(
                id=1,
                method="initialize",
                params={
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "clientInfo": {"name": "t", "version": "1"},
                },
            ),
            message(id=2, method="tools/list"),
            call("Ähm… \u2028 fine", "three"),
            message(id=4, method="no/such/method"),
        ]
        for data in asked:
            async with door.http.post(f"{url}/mcp", data=data, headers=BOTH) as found:
                direct = (found.status, await found.read())
            assert (await post(door, data))[:2] == direct
