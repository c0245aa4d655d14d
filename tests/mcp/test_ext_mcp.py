"""agentgateway's ExtMcp: what passes, what is changed, what is refused. Over real gRPC servers and a real engine.

The client's messages are made of the interface as agentgateway publishes it (crates/protos/proto/ext_mcp.proto), and by
hand, byte for byte, where the wire itself is held fast.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from sidecar.config import ExtMcp, Grpc
from sidecar.errors import ConfigError
from sidecar.mcp.ext_mcp import _MOST_KEPT, ExtMcpService, _Recent
from sidecar.outbox.event import Fault, FaultKind
from sidecar.policy.plan import Plan
from sidecar.tokens import Tokens, digest_of
from sidecar.transport import agentgateway_pb as pb
from sidecar.values import Action, Channel, Direction, InHistory, Part
from tests.callouts.serving import GUARD
from tests.fakes import SegmentFlagger, plan, rule
from tests.servers import Serving, serving

FACTS = {"attributes": {"session_id": "session", "tenant": "tenant", "labels": {"route": "route"}}}
FINE_TOOL = {"name": "add", "description": "Adds numbers.", "inputSchema": {"type": "object"}}
BAD_TOOL = {"name": "help", "description": "This is forbidden.", "inputSchema": {"type": "object"}}


class Gateway:
    """What agentgateway is to the service: a client of it."""

    def __init__(self, running: Serving, channel: grpc.aio.Channel, metadata: Any = ()) -> None:
        self.running = running
        self._channel = channel
        self._metadata = metadata

    async def sends(self, method: str, kind: Any, message: bytes) -> Any:
        """The answer to a message, given as bytes."""
        call: Any = self._channel.unary_unary(f"/{pb.SERVICE}/{method}", response_deserializer=kind.FromString)
        return await call(message, metadata=self._metadata)

    async def asks(self, method: str, params: Any = None, *servers: str, **facts: str) -> Any:
        """What becomes of a request. `params`: bytes as they are, or what is written as JSON."""
        said = {"mcp_request": _bytes(params)} if params is not None else {}
        message = pb.McpRequest(service_names=servers or ("files",), method=method, metadata_context=facts, **said)
        return await self.sends("CheckRequest", pb.McpRequestResult, message.SerializeToString())

    async def answers(self, method: str, result: Any, *servers: str, **facts: str) -> Any:
        """What becomes of an answer."""
        message = pb.McpResponse(
            service_names=servers or ("files",), method=method, metadata_context=facts, mcp_response=_bytes(result)
        )
        return await self.sends("CheckResponse", pb.McpResponseResult, message.SerializeToString())


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def said(result: Any) -> Any:
    """A result as its case and its content."""
    match result.WhichOneof("result"):
        case "mutated":
            return json.loads(result.mutated)
        case "error":
            return pb.AuthorizationError.Code.Name(result.error.code), result.error.reason
        case other:
            return other


@asynccontextmanager
async def gateway(
    *plans: Plan, server: str = "light", tokens: Tokens | None = None, metadata: Any = (), **more: Any
) -> AsyncIterator[Gateway]:
    settings = ExtMcp.model_validate({"enabled": True, "facts": FACTS, **more})
    listen = Grpc.model_validate({"listen": ("127.0.0.1:0",), "server": server})
    async with (
        serving(
            *(plans or (GUARD,)),
            grpc=listen,
            tokens=tokens,
            beside=lambda engine: ExtMcpService(engine, settings, tokens),
        ) as running,
        grpc.aio.insecure_channel(running.address) as channel,
    ):
        yield Gateway(running, channel, metadata)


@pytest_asyncio.fixture(params=["light", "grpcio"])
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    async with gateway(server=request.param) as found:
        yield found


def call(text: str, name: str = "add") -> Any:
    return {"name": name, "arguments": {"text": text}}


def result_of(*texts: str) -> Any:
    return {"content": [{"type": "text", "text": each} for each in texts], "isError": False}


class TestTheWire:
    """Numbers and types, as released gateways have them."""

    async def test_a_request_by_the_byte(self, asked: Gateway) -> None:
        params = b'{"name":"add","arguments":{"text":"4111 1111"}}'
        data = (
            b"\x0a\x05files\x12\x0atools/call\x22" + bytes([len(params)]) + params + b"\x2a\x08\x0a\x01h\x12\x03a\xffb"
        )
        result = await asked.sends("CheckRequest", pb.McpRequestResult, data)

        mutated = b'{"name": "add", "arguments": {"text": "<CREDIT_CARD>"}}'
        assert json.loads(result.mutated) == json.loads(mutated)
        assert result.SerializeToString()[:1] == b"\x12"  # field 2, bytes

    async def test_an_answer_by_the_byte(self, asked: Gateway) -> None:
        data = b'\x0a\x05files\x12\x0atools/call\x22\x0e{"content":[]}\x2a\x02id'
        passed = await asked.sends("CheckResponse", pb.McpResponseResult, data)
        assert passed.SerializeToString() == b"\x0a\x00"  # field 1, an empty message

    async def test_an_error_by_the_byte(self, asked: Gateway) -> None:
        told = (await asked.asks("resources/read", {"uri": "a://forbidden"})).SerializeToString()
        reason = b"Let us not. (rule rule-1)"
        assert told == b"\x1a" + bytes([4 + len(reason)]) + b"\x08\x01\x12" + bytes([len(reason)]) + reason

    async def test_it_is_told_by_reflection(self, asked: Gateway) -> None:
        def ask() -> list[str]:
            with grpc.insecure_channel(asked.running.address) as channel:
                known = ProtoReflectionDescriptorDatabase(channel)
                file = known.FindFileContainingSymbol(pb.SERVICE)
                return [*known.get_services(), *(each.name for each in file.service[0].method)]

        found = await asyncio.to_thread(ask)
        assert {pb.SERVICE, "CheckRequest", "CheckResponse"} <= {*found}

    async def test_what_is_no_message_is_the_callers_error(self, asked: Gateway) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await asked.sends("CheckRequest", pb.McpRequestResult, b"\x0a\xff")
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


class TestWhatPasses:
    @pytest.mark.parametrize(
        ("method", "params"),
        [
            ("tools/list", None),
            ("tools/list", b'{"cursor": "abc"}'),
            ("tools/call", b'{"name":"add","arguments":{"n":1.50,"x":"\\n"}}'),
            ("prompts/get", {"name": "greet", "arguments": {"name": "Bo"}}),
            ("resources/read", {"uri": "a://b"}),
            ("some/day", b'["what",{"ever":1}]'),
        ],
    )
    async def test_a_clean_request(self, asked: Gateway, method: str, params: Any) -> None:
        assert said(await asked.asks(method, params)) == "pass"

    @pytest.mark.parametrize(
        ("method", "result"),
        [
            ("tools/call", {**result_of("fine"), "structuredContent": {"a": 1e2}}),
            ("tools/list", {"tools": [FINE_TOOL], "nextCursor": "abc"}),
            ("resources/read", {"contents": [{"uri": "a://b", "blob": "AAEC"}]}),
            ("prompts/get", {"messages": [{"role": "user", "content": {"type": "text", "text": "Hi."}}]}),
        ],
    )
    async def test_a_clean_answer(self, asked: Gateway, method: str, result: Any) -> None:
        assert said(await asked.answers(method, result)) == "pass"


class TestWhatIsChanged:
    async def test_arguments_are_masked_and_the_rest_stays(self, asked: Gateway) -> None:
        params = b'{"name":"add","_meta":{"progressToken":7},"arguments":{"n":15,"text":"4111 1111"}}'
        result = await asked.asks("tools/call", params)
        assert result.mutated == params.replace(b"4111 1111", b"<CREDIT_CARD>")

    async def test_a_result_is_masked_in_its_place(self, asked: Gateway) -> None:
        told = said(await asked.answers("tools/call", result_of("fine", "4111 1111")))
        assert told == result_of("fine", "<CREDIT_CARD>")

    async def test_a_text_that_is_blocked_in_a_result_is_withheld(self, asked: Gateway) -> None:
        told = said(await asked.answers("tools/call", result_of("fine", "forbidden")))
        assert told == result_of("fine", "[rule-1]")

    async def test_a_poisoned_definition_is_left_out(self, asked: Gateway) -> None:
        listed = {"tools": [FINE_TOOL, BAD_TOOL], "nextCursor": "n"}
        assert said(await asked.answers("tools/list", listed)) == {"tools": [FINE_TOOL], "nextCursor": "n"}


class TestWhatIsRefused:
    async def test_a_call(self, asked: Gateway) -> None:
        assert said(await asked.asks("tools/call", call("forbidden"))) == (
            "PERMISSION_DENIED",
            "Let us not. (rule rule-1)",
        )

    async def test_a_resource_a_prompt_and_what_nobody_knows(self, asked: Gateway) -> None:
        for method, params in (
            ("resources/read", {"uri": "a://forbidden"}),
            ("prompts/get", {"name": "x", "arguments": {"a": "forbidden"}}),
            ("some/day", ["forbidden"]),
        ):
            assert said(await asked.asks(method, params))[0] == "PERMISSION_DENIED", method

    @pytest.mark.parametrize(
        "payload", [b"", b"not json", b'{"a":1,"a":2}', b'{}, "method": "ping"', b'"\xff"', b"[" * 100 + b"]" * 100]
    )
    async def test_what_is_no_json_or_not_one_value(self, asked: Gateway, payload: bytes) -> None:
        assert said(await asked.asks("tools/call", payload))[0] == "INVALID"
        assert said(await asked.answers("tools/call", payload))[0] == "INVALID"

    async def test_what_cannot_be_checked(self) -> None:
        async with gateway() as asked:
            asked.running.engine.drain()
            code, reason = said(await asked.asks("tools/call", call("fine")))
            assert code == "UNKNOWN"
            assert reason.startswith("The message could not be checked: ")
            told = said(await asked.answers("tools/call", result_of("fine")))
            assert (told["isError"], told["content"][0]["text"]) == (True, reason)
            assert said(await asked.answers("resources/read", {"contents": []})) == ("UNKNOWN", reason)


class TestToolsThatWereLeftOut:
    async def test_their_calls_are_refused_until_they_are_fine(self, asked: Gateway) -> None:
        await asked.answers("tools/list", {"tools": [BAD_TOOL]})
        code, reason = said(await asked.asks("tools/call", call("fine", "help")))
        assert (code, reason.split(":")[0]) == ("PERMISSION_DENIED", "This tool was left out")
        assert said(await asked.asks("tools/call", call("fine", "help"), "other")) == "pass"

        fine = {**BAD_TOOL, "description": "Helps."}
        async with gateway() as fresh:
            await fresh.answers("tools/list", {"tools": [fine]})
            assert said(await fresh.asks("tools/call", call("fine", "help"))) == "pass"

    async def test_by_the_name_that_the_gateway_gives_them_among_several_servers(self, asked: Gateway) -> None:
        listed = {"tools": [{**FINE_TOOL, "name": "a_add"}, {**BAD_TOOL, "name": "b_help"}]}
        assert len(said(await asked.answers("tools/list", listed, "a", "b"))["tools"]) == 1
        assert said(await asked.asks("tools/call", call("fine", "help"), "b"))[0] == "PERMISSION_DENIED"
        assert said(await asked.asks("tools/call", call("fine", "help"), "a")) == "pass"
        assert said(await asked.asks("tools/call", call("fine", "add"), "a")) == "pass"

    async def test_sessions_and_tenants_do_not_share_them(self, asked: Gateway) -> None:
        await asked.answers("tools/list", {"tools": [BAD_TOOL]}, session="s", tenant="acme")
        assert said(await asked.asks("tools/call", call("x", "help"), session="s", tenant="acme"))[0] != "pass"
        assert said(await asked.asks("tools/call", call("x", "help"), session="s", tenant="other")) == "pass"
        assert said(await asked.asks("tools/call", call("x", "help"), session="t", tenant="acme")) == "pass"

    async def test_a_definition_that_changed(self, asked: Gateway) -> None:
        assert said(await asked.answers("tools/list", {"tools": [FINE_TOOL]}, session="1")) == "pass"
        changed = {"tools": [{**FINE_TOOL, "description": "Adds, too."}]}
        assert said(await asked.answers("tools/list", changed, session="2")) == {"tools": []}
        assert said(await asked.answers("tools/list", changed, "others", session="2")) == "pass"
        assert said(await asked.answers("tools/list", changed, tenant="acme")) == "pass"
        faults = [each.data for each in asked.running.outbox.events if isinstance(each.data, Fault)]
        assert [each.what for each in faults] == ["add"]

    async def test_a_definition_that_changed_over_a_restart(self, tmp_path: Path) -> None:
        changed, file = {**FINE_TOOL, "description": "Adds, too."}, tmp_path / "pins.json"
        async with gateway(state=file) as before:
            assert said(await before.answers("tools/list", {"tools": [FINE_TOOL]}, tenant="acme")) == "pass"
            listed = {"tools": [{**FINE_TOOL, "name": "a_add"}]}
            assert said(await before.answers("tools/list", listed, "a", "b", tenant="acme")) == "pass"
        async with gateway(state=file) as after:
            assert said(await after.answers("tools/list", {"tools": [changed]}, tenant="acme")) == {"tools": []}
            assert said(await after.asks("tools/call", call("fine"), tenant="acme"))[0] == "PERMISSION_DENIED"
            listed = {"tools": [{**changed, "name": "a_add"}]}
            assert said(await after.answers("tools/list", listed, "a", "b", tenant="acme")) == {"tools": []}
            assert said(await after.answers("tools/list", {"tools": [changed]}, tenant="other")) == "pass"
            assert said(await after.answers("tools/list", {"tools": [changed]})) == "pass"
            assert said(await after.answers("tools/list", {"tools": [FINE_TOOL]}, tenant="acme")) == "pass"
            faults = [each.data for each in after.running.outbox.events if isinstance(each.data, Fault)]
            assert [(each.fault, each.what) for each in faults] == [
                (FaultKind.TOOL_CHANGED, "add"),
                (FaultKind.TOOL_CHANGED, "a_add"),
            ]
        async with gateway(state=file, accept_changes=True) as accepting:
            assert said(await accepting.answers("tools/list", {"tools": [changed]}, tenant="acme")) == "pass"
        async with gateway(state=file) as last:
            assert said(await last.answers("tools/list", {"tools": [changed]}, tenant="acme")) == "pass"

    async def test_a_file_of_pins_that_cannot_be_used(self, tmp_path: Path) -> None:
        file = tmp_path / "pins.json"
        file.write_text("no json")
        with pytest.raises(ConfigError, match=r"pins\.json: is no file of pins"):
            async with gateway(state=file):
                pass
        file.unlink()
        async with gateway(state=file) as asked:
            file.write_text("no json")
            code, reason = said(await asked.answers("resources/list", {"resources": []})), ""
            assert code == "pass"
            code, reason = said(await asked.answers("tools/list", {"tools": [FINE_TOOL]}))
            assert (code, "could not be checked" in reason) == ("UNKNOWN", True)

    async def test_what_was_left_out_is_kept_before_what_holds_nothing(self) -> None:
        async with gateway() as asked:
            await asked.answers("tools/list", {"tools": [BAD_TOOL]}, session="kept")
            for number in range(_MOST_KEPT + 1):
                await asked.asks("ping", None, session=str(number))
            assert said(await asked.asks("tools/call", call("x", "help"), session="kept"))[0] == "PERMISSION_DENIED"

    async def test_what_is_kept_is_bounded(self) -> None:
        async with gateway() as asked:
            for number in range(_MOST_KEPT + 1):
                await asked.asks("tools/list", None, session=str(number))
            service = asked.running.server._services[1]
            assert isinstance(service, ExtMcpService)
            assert len(service._left_out) == _MOST_KEPT

    def test_a_tenant_of_many_servers_pushes_out_its_own(self) -> None:
        kept: _Recent[list[int]] = _Recent(bool)
        for server in ("a", "b"):
            kept.of(("small", server), lambda: [1])
        for number in range(2 * _MOST_KEPT):
            kept.of(("big", str(number)), lambda: [1])
        assert [server for tenant, server in kept if tenant == "small"] == ["a", "b"]
        assert [*kept][2:] == [("big", str(number)) for number in range(_MOST_KEPT + 2, 2 * _MOST_KEPT)]

    def test_of_tenants_with_as_much_as_each_other_the_one_loses_that_was_there_least_lately(self) -> None:
        kept: _Recent[list[int]] = _Recent(bool)
        for number in range(_MOST_KEPT):
            kept.of((str(number), "a"), lambda: [1])
        kept.of(("0", "a"), lambda: [1])
        kept.of(("new", "a"), lambda: [1])
        assert ("0", "a") in kept
        assert ("1", "a") not in kept
        assert len(kept) == _MOST_KEPT


class TestWhatIsKnown:
    async def test_whose_words_they_are_and_for_whom(self, asked: Gateway) -> None:
        await asked.asks("tools/call", call("forbidden"), session="s-1", tenant="acme", route="r", other="no")
        await asked.answers("tools/call", result_of("forbidden"), session="s-1", tenant="acme")
        one, two = asked.running.violations
        assert (one.where.direction, one.where.part, one.where.channel) == (
            Direction.OUTPUT,
            Part.MODEL,
            Channel.TOOL_ARGUMENTS,
        )
        assert (two.where.direction, two.where.part) == (Direction.INPUT, Part.TOOL_RESULT)
        assert {(each.ids.session, each.ids.tenant) for each in (one, two)} == {("s-1", "acme")}
        assert one.app.labels == {"route": "r"}

    async def test_the_invocation_is_the_request(self, asked: Gateway) -> None:
        message = pb.McpRequest(service_names=["a"], method="ping", invocation_id="inv-1")
        await asked.sends("CheckRequest", pb.McpRequestResult, message.SerializeToString())
        assert [each.ids.request for each in asked.running.decisions] == ["inv-1"]

    async def test_a_token_is_needed_where_one_is(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.yaml"
        path.write_text(f"tokens:\n  - {{id: gw, sha256: {digest_of('tg_gw')}, scopes: [grpc], tenants: [acme]}}\n")
        async with gateway(tokens=Tokens(path)) as asked:
            with pytest.raises(grpc.aio.AioRpcError, match="a token is needed"):
                await asked.asks("ping")
        async with gateway(tokens=Tokens(path), metadata=(("authorization", "Bearer tg_gw"),)) as asked:
            assert said(await asked.asks("ping")) == "pass"
            assert [each.ids.tenant for each in asked.running.decisions] == ["acme"]


async def test_a_rule_that_refuses_a_history_refuses_the_result() -> None:
    block = rule(Action.BLOCK, "bad", message="Let us not.", in_history=InHistory.REFUSE)
    async with gateway(plan((SegmentFlagger("forbidden", label="bad"), [block]))) as asked:
        told = said(await asked.answers("tools/call", result_of("forbidden")))
        assert (told["isError"], told["content"][0]["text"]) == (True, "Let us not. (rule rule-0)")
        assert said(await asked.answers("resources/read", {"contents": [{"uri": "a", "text": "forbidden"}]})) == (
            "PERMISSION_DENIED",
            "Let us not. (rule rule-0)",
        )
