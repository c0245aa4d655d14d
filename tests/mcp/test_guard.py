"""Messages of MCP, one by one: what goes on, what is answered, and what is left out. Over a real engine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sidecar.config import Limits
from sidecar.mcp.guard import McpGuard, Relayed
from sidecar.mcp.left_out import MOST_CHARS, MOST_NAMES, LeftOut
from sidecar.mcp.messages import PARSE_ERROR, STOPPED, UNCHECKED, head_of
from sidecar.mcp.pins import Pins, digest_of
from sidecar.outbox.event import Fault
from sidecar.start import StreamStart
from sidecar.values import Action, Channel, Direction, InHistory, Part
from tests.callouts.serving import GUARD
from tests.fakes import SegmentFlagger, plan, rule
from tests.servers import Serving, serving

FINE_TOOL = {"name": "add", "description": "Adds numbers.", "inputSchema": {"type": "object"}}
BAD_TOOL = {"name": "help", "description": "This is forbidden.", "inputSchema": {"type": "object"}}


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Serving]:
    async with serving(GUARD) as found:
        yield found


def guard_of(running: Serving, pins: Pins | None = None) -> McpGuard:
    return McpGuard(running.engine, StreamStart(session_id="s"), pins or Pins("here"), max_message_bytes=4096)


@pytest.fixture
def guard(running: Serving) -> McpGuard:
    return guard_of(running)


def message(**fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **fields}).encode() + b"\n"


def request(method: str, number: Any = 1, **params: Any) -> bytes:
    return message(id=number, method=method, params=params)


def call(text: str, number: Any = 1, name: str = "add") -> bytes:
    return request("tools/call", number, name=name, arguments={"text": text})


async def test_a_message_of_too_many_texts_is_not_read() -> None:
    async with serving(GUARD, limits=Limits(max_request_texts=3)) as running:
        guard, parts = guard_of(running), [{"type": "text", "text": "a fine day"}] * 4
        called = await guard.from_server(message(id=1, result={"content": parts}))
        prompted = await guard.from_server(message(id=2, result={"messages": [{"content": each} for each in parts]}))
        assert running.decisions == []
    failed, error = answered(called.onward)["result"], answered(prompted.onward)["error"]
    assert (failed["isError"], "more than 3 texts" in failed["content"][0]["text"]) == (True, True)
    assert (error["code"], "more than 3 texts" in error["message"]) == (UNCHECKED, True)


def listed(*tools: Any, key: str = "tools", **more: Any) -> bytes:
    return message(id=1, result={key: tools, **more})


def answered(data: bytes) -> Any:
    return json.loads(data)


CLEAN_OF_CLIENT = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}\n',
    b'{ "id" : "a" ,"jsonrpc":"2.0", "method":"tools/call","params":{"name":"a","arguments":{"n":1.50,"x":"\\n"}}}\r\n',
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n',
    b'{"jsonrpc":"2.0","id":7,"result":{"action":"accept","content":{"name":"Bo"}}}\n',
    b'{"jsonrpc":"2.0","id":8,"result":{"role":"assistant","model":"m","content":{"type":"text","text":"Hi."}}}\n',
    b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "id": 2, "method": "ping"}]\n',
    b'{"jsonrpc":"2.0","id":3,"method":"some/day","params":["what",{"ever":1}]}\n',
)
CLEAN_OF_SERVER = (
    b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"fine"}],"structuredContent":{"a":1e2}}}\n',
    b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"add","inputSchema":{}}],"nextCursor":"abc"}}\n',
    b'{"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"a://b","blob":"AAEC"}]}}\n',
    b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":4,"progress":1,"message":"half"}}\n',
    b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"unknown"}}\n',
    b'{"jsonrpc":"2.0","id":5,"method":"roots/list"}',
)


class TestCleanMessagesPassByteForByte:
    @pytest.mark.parametrize("data", CLEAN_OF_CLIENT)
    async def test_of_the_client(self, guard: McpGuard, data: bytes) -> None:
        assert await guard.from_client(data) == Relayed(onward=data)

    @pytest.mark.parametrize("data", CLEAN_OF_SERVER)
    async def test_of_the_server(self, guard: McpGuard, data: bytes) -> None:
        assert await guard.from_server(data) == Relayed(onward=data)


class TestNothingPassesUnread:
    """A word that a rule blocks is found wherever it stands."""

    @pytest.mark.parametrize(
        "data",
        [
            call("forbidden"),
            call("fine", name="forbidden"),
            request("tools/call", name="add", arguments={"a": [{"forbidden": 1}]}),
            request("resources/read", uri="a://forbidden"),
            request("prompts/get", name="greet", arguments={"name": "forbidden"}),
            request("completion/complete", ref={"name": "x"}, argument={"name": "a", "value": "forbidden"}),
            request("some/day", deep=[{"er": "forbidden"}]),
            request("forbidden"),
            request("tools/list", cursor="forbidden " * 40),
            message(id=1, result={"content": {"type": "text", "text": "forbidden"}, "role": "assistant"}),
            message(id=1, result={"action": "accept", "content": {"name": "forbidden"}}),
            message(id="forbidden " * 40, method="ping"),
            message(method="notifications/cancelled", params={"requestId": 1, "reason": "forbidden"}),
            b'["forbidden"]\n',
            b'"forbidden"\n',
        ],
    )
    async def test_of_the_client(self, guard: McpGuard, data: bytes) -> None:
        assert b"forbidden" not in (await guard.from_client(data)).onward

    @pytest.mark.parametrize(
        "data",
        [
            message(id=1, result={"content": [{"type": "text", "text": "forbidden"}]}),
            message(id=1, result={"content": [], "structuredContent": {"forbidden": 1}}),
            message(id=1, result={"content": [{"type": "resource", "resource": {"blob": "Zm9yYmlkZGVu"}}]}),
            message(id=1, result={"content": [{"type": "resource_link", "uri": "a://b", "title": "forbidden"}]}),
            message(id=1, result={"messages": [{"role": "user", "content": {"type": "text", "text": "forbidden"}}]}),
            message(id=1, result={"contents": [{"uri": "a://b", "text": "forbidden"}]}),
            message(id=1, result={"instructions": "forbidden", "capabilities": {}}),
            message(id=1, result={"some": {"day": "forbidden"}}),
            message(id=1, result="forbidden"),
            message(id=1, error={"code": 1, "message": "m", "data": {"x": "forbidden"}}),
            message(method="notifications/message", params={"level": "info", "data": "forbidden"}),
            message(method="notifications/of_some_day", params={"x": "forbidden"}),
            request("sampling/createMessage", messages=[{"role": "user", "content": {"text": "forbidden"}}]),
            request("sampling/createMessage", messages=[], systemPrompt="forbidden"),
            request("elicitation/create", message="forbidden", requestedSchema={}),
        ],
    )
    async def test_of_the_server(self, guard: McpGuard, data: bytes) -> None:
        relayed = await guard.from_server(data)
        assert b"forbidden" not in relayed.onward

    async def test_whose_words_they_are(self, running: Serving) -> None:
        guard = guard_of(running)
        await guard.from_client(call("forbidden"))
        await guard.from_server(message(id=1, result={"content": [{"type": "text", "text": "forbidden"}]}))
        await guard.from_server(listed(BAD_TOOL))
        where = [each.where for each in running.violations]
        assert [(each.direction, each.part, each.channel) for each in where[:2]] == [
            (Direction.OUTPUT, Part.MODEL, Channel.TOOL_ARGUMENTS),
            (Direction.INPUT, Part.TOOL_RESULT, Channel.CONTENT),
        ]
        assert {each.part for each in where[2:]} == {Part.TOOL_DEFINITION}


class TestTheSessionGoesOn:
    async def test_a_blocked_call_is_answered_by_a_result_that_failed(self, guard: McpGuard) -> None:
        relayed = await guard.from_client(call("forbidden", number="x-1"))
        assert relayed.onward == b""
        told = answered(relayed.back)
        assert told["id"] == "x-1"
        assert told["result"]["isError"] is True
        assert told["result"]["content"][0]["text"].startswith("Let us not.")

    async def test_any_other_request_is_answered_by_an_error(self, guard: McpGuard) -> None:
        relayed = await guard.from_client(request("resources/read", 4, uri="a://forbidden"))
        assert (answered(relayed.back)["id"], answered(relayed.back)["error"]["code"]) == (4, STOPPED)

    async def test_a_notification_is_not_answered(self, guard: McpGuard) -> None:
        assert (
            await guard.from_server(message(method="notifications/message", params={"data": "forbidden"})) == Relayed()
        )

    async def test_a_blocked_result_is_withheld_in_its_place(self, guard: McpGuard) -> None:
        data = message(id=9, result={"content": [{"text": "fine"}, {"text": "forbidden"}], "isError": False})
        assert (await guard.from_server(data)).onward == data.replace(b"forbidden", b"[rule-1]")

    async def test_structured_content_that_was_withheld_is_left_out(self, guard: McpGuard) -> None:
        data = message(id=9, result={"content": [{"text": "fine"}], "structuredContent": {"a": "forbidden"}})
        told = answered((await guard.from_server(data)).onward)["result"]
        assert told == {"content": [{"text": "fine"}], "isError": True}

    async def test_where_history_is_blocked_a_result_gives_way_to_one_that_failed(self) -> None:
        block = rule(Action.BLOCK, "bad", message="Let us not.", in_history=InHistory.REFUSE)
        async with serving(plan((SegmentFlagger("forbidden", label="bad"), [block]))) as running:
            data = message(id=9, result={"content": [{"type": "text", "text": "forbidden"}], "isError": False})
            told = answered((await guard_of(running).from_server(data)).onward)
            assert (told["id"], told["result"]["isError"]) == (9, True)
            told = answered((await guard_of(running).from_server(message(id=9, result={"x": "forbidden"}))).onward)
            assert (told["id"], told["error"]["code"]) == (9, STOPPED)

    async def test_a_request_of_the_servers_is_answered_to_the_server(self, guard: McpGuard) -> None:
        relayed = await guard.from_server(request("sampling/createMessage", 3, messages=[], systemPrompt="forbidden"))
        assert relayed.onward == b""
        assert answered(relayed.back)["error"]["code"] == STOPPED

    async def test_what_is_replaced_stands_in_its_place(self, guard: McpGuard) -> None:
        data = message(id=1, result={"content": [{"type": "text", "text": "4111 1111"}], "isError": False})
        assert (await guard.from_server(data)).onward == data.replace(b"4111 1111", b"<CREDIT_CARD>")

    async def test_in_a_batch_only_what_was_stopped_is_missing(self, guard: McpGuard) -> None:
        lines = [answered(call("forbidden", 1)), answered(call("fine", 2))]
        relayed = await guard.from_client(json.dumps(lines).encode())
        assert [each["id"] for each in answered(relayed.onward)] == [2]
        assert answered(relayed.back)["id"] == 1


class TestWhatCannotBeRead:
    @pytest.mark.parametrize("data", [b"what\n", b'{"a":1,"a":2}\n', b"[" * 100 + b"]" * 100, b'{"a":NaN}', b"\xff\n"])
    async def test_does_not_pass(self, guard: McpGuard, data: bytes) -> None:
        relayed = await guard.from_client(data)
        assert relayed.onward == b""
        assert answered(relayed.back)["error"]["code"] == PARSE_ERROR
        assert await guard.from_server(data) == Relayed()

    async def test_whoever_waits_for_it_is_told(self, guard: McpGuard) -> None:
        relayed = await guard.from_server(b'{"jsonrpc":"2.0","id":5,"result":{"a":1,"a":2}}\n')
        assert (answered(relayed.onward)["id"], answered(relayed.onward)["error"]["code"]) == (5, UNCHECKED)

    def test_too_long_an_answer(self, guard: McpGuard) -> None:
        told = answered(guard.too_long(b'{"jsonrpc":"2.0","id":"a1","result":{"con', b'tent":"..."}}').onward)
        assert (told["id"], told["error"]["code"]) == ("a1", UNCHECKED)

    def test_too_long_a_request(self, guard: McpGuard) -> None:
        relayed = guard.too_long(b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{', b'"a":"..."}}')
        assert (relayed.onward, answered(relayed.back)["id"]) == (b"", 2)

    @pytest.mark.parametrize(
        ("head", "end", "told"),
        [
            (b'{"jsonrpc":"2.0","id":7,"method":"a/b","params":{"x', b'..."}}', (7, False)),
            (b'{"jsonrpc":"2.0","method":"a/b","id":"n-1","params":{"x', b'..."}}', ("n-1", False)),
            (b'{"method":"a/b","params":{"x":"', b'y"},"jsonrpc":"2.0","id":0}\n', (0, False)),
            (b'{"result":{"content":[', b']},"jsonrpc":"2.0","id":-4}', (-4, True)),
            (b'{ "error" : {"message":"', b'"} , "id" : "q" }\r\n', ("q", True)),
            (b'{"params":{"x":"', b'y"},"jsonrpc":"2.0","id":1,"method":"a"}', (1, False)),
            (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"', b'y"},"id":2}', None),
            (b'{"method":"a","params":{"x":"', b'id":5}","y":{"id":5}}}', None),
            (b'{"method":"a","params":{"x":"', b'\\"id\\":5}"}}', None),
            (b'{"method":"a","result":{"x":"', b'"},"id":5}', None),
            (b'{"id":1,"result":{"x":"', b'"},"method":"a"}', None),
            (b'{"id":{"a":1},"method":"a","params":{"x":"', b'"}}', None),
            (b'[{"jsonrpc":"2.0","id":1,"method":"a"},', b'{"jsonrpc":"2.0","id":2,"method":"a"}]', None),
            (b"", b"", None),
        ],
    )
    def test_the_id_of_what_is_too_long_stands_at_one_of_its_ends(self, head: bytes, end: bytes, told: Any) -> None:
        assert head_of(head, end) == told


class TestDefinitions:
    async def test_a_poisoned_one_is_left_out_and_the_others_stay(self, guard: McpGuard) -> None:
        relayed = await guard.from_server(listed(FINE_TOOL, BAD_TOOL, {**FINE_TOOL, "name": "sub"}, nextCursor="n"))
        told = answered(relayed.onward)["result"]
        assert ([each["name"] for each in told["tools"]], told["nextCursor"]) == (["add", "sub"], "n")

    @pytest.mark.parametrize("key", ["prompts", "resources", "resourceTemplates"])
    async def test_of_other_kinds(self, guard: McpGuard, key: str) -> None:
        relayed = await guard.from_server(listed(BAD_TOOL, FINE_TOOL, key=key))
        assert answered(relayed.onward)["result"][key] == [FINE_TOOL]

    async def test_a_tool_that_was_left_out_cannot_be_called(self, guard: McpGuard) -> None:
        await guard.from_server(listed(FINE_TOOL, BAD_TOOL))
        assert (await guard.from_client(call("fine", name="add"))).onward
        relayed = await guard.from_client(call("fine", name="help"))
        assert relayed.onward == b""
        assert answered(relayed.back)["result"]["isError"] is True

    async def test_a_changed_one_is_left_out_and_told(self, running: Serving) -> None:
        guard = guard_of(running)
        changed = {**FINE_TOOL, "description": "Adds numbers, and mails them."}
        assert (await guard.from_server(listed(FINE_TOOL))).onward == listed(FINE_TOOL)
        for _ in range(2):
            await guard.from_server(message(method="notifications/tools/list_changed"))
            assert answered((await guard.from_server(listed(changed))).onward)["result"]["tools"] == []
        assert (await guard.from_client(call("fine"))).onward == b""
        faults = [each.data for each in running.outbox.events if isinstance(each.data, Fault)]
        assert [(each.fault, each.what) for each in faults] == [("tool_changed", "add")] * 2

    async def test_one_that_is_again_what_it_was_can_be_called(self, guard: McpGuard) -> None:
        await guard.from_server(listed(FINE_TOOL))
        await guard.from_server(listed({**FINE_TOOL, "title": "x"}))
        await guard.from_server(listed(FINE_TOOL))
        assert (await guard.from_client(call("fine"))).onward

    async def test_a_name_that_another_server_has_is_told(self, running: Serving, tmp_path: Path) -> None:
        file = tmp_path / "pins.json"
        await guard_of(running, Pins("one", file)).from_server(listed(FINE_TOOL))
        relayed = await guard_of(running, Pins("two", file)).from_server(listed(FINE_TOOL))
        assert relayed.onward == listed(FINE_TOOL)
        faults = [each.data for each in running.outbox.events if isinstance(each.data, Fault)]
        assert [(each.fault, each.what) for each in faults] == [("tool_shadowed", "add")]
        assert "one" in faults[0].reason

    async def test_a_name_that_is_a_text_is_told_by_its_digest(self, running: Serving) -> None:
        guard = guard_of(running)
        odd = {**FINE_TOOL, "name": "odd words of somebody"}
        await guard.from_server(listed(odd))
        await guard.from_server(listed({**odd, "title": "x"}))
        faults = [each.data for each in running.outbox.events if isinstance(each.data, Fault)]
        assert [each.what for each in faults] == [digest_of(odd["name"])[:19]]


class TestTooManyTools:
    """Whatever a server defines, what is kept of it is bounded; what is past the bound may not be called."""

    async def test_when_more_were_left_out_than_are_kept_none_may_be_called(self, guard: McpGuard, caplog: Any) -> None:
        names = [f"help{number}" for number in range(MOST_NAMES + 1)]
        left_out = LeftOut()
        for name in names[:MOST_NAMES]:
            left_out.add(name)
        assert (names[0] in left_out, names[-1] in left_out, left_out.is_full) == (True, False, False)
        guard._left_out = left_out
        assert (await guard.from_client(call("fine"))).onward
        await guard.from_server(listed(FINE_TOOL, {**BAD_TOOL, "name": names[-1]}))
        told = answered((await guard.from_client(call("fine"))).back)["result"]
        assert (told["isError"], told["content"][0]["text"][:14]) == (True, "Too many tools")
        assert "none may be called" in caplog.text

    async def test_a_tool_with_a_name_that_is_too_long_is_left_out(self, guard: McpGuard) -> None:
        name = "x" * (MOST_CHARS + 1)
        relayed = await guard.from_server(listed(FINE_TOOL, {**FINE_TOOL, "name": name}))
        assert [each["name"] for each in answered(relayed.onward)["result"]["tools"]] == ["add"]
        assert answered((await guard.from_client(call("fine", name=name))).back)["result"]["isError"]

    def test_what_is_forgiven_and_merged(self) -> None:
        one, other = LeftOut(), LeftOut()
        for name in ("a_add", "b_add"):
            other.add(name)
        one.merge(other, "a_")
        assert [name in one for name in ("add", "a_add", "b_add", "x")] == [True, True, True, False]
        one.forgive(["add", "a_add", "b_add"])
        assert not one
        assert other


@pytest.mark.parametrize("number", ["7" * 5_000, "1e999"], ids=["integer", "float"])
async def test_a_message_with_a_number_of_any_size_is_json(running: Serving, number: str) -> None:
    guard = McpGuard(running.engine, StreamStart(session_id="s"), Pins("here"), max_message_bytes=1 << 16)
    asked = f'"method":"tools/call","params":{{"name":"add","arguments":{{"n":{number}}}}}'
    fine = f'{{"jsonrpc":"2.0","id":1,{asked}}}\n'.encode()
    assert await guard.from_client(fine) == Relayed(onward=fine)
    tool = f'{{"name":"add","description":"Adds.","inputSchema":{{"maximum":{number}}}}}'
    offered = f'{{"jsonrpc":"2.0","id":2,"result":{{"tools":[{tool}]}}}}\n'.encode()
    await guard.from_client(request("tools/list", 2))
    assert await guard.from_server(offered) == Relayed(onward=offered)
    await guard.from_client(request("tools/list", 3))
    changed = await guard.from_server(offered.replace(b'"id":2', b'"id":3').replace(number.encode(), b"8" * 5_000))
    assert json.loads(changed.onward)["result"]["tools"] == []
