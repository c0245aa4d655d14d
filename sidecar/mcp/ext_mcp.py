"""agentgateway's `ExtMcp` on the gRPC listener: the gateway keeps the traffic of MCP, and asks what may pass.

1. A request's `params`, or an answer's `result`, is put into the message that it came out of, and guarded as one of a
   session of MCP (`sidecar.mcp.guard`). What comes back is passed, replaced, or refused with a sentence.
2. What must be known from one call to the next is kept in memory: the tools that were left out of lists, by whoever
   asked, and the digests of tools, by tenant and servers. Both are bounded; what was used last stays.
3. Where the gateway asks several servers at once, it puts each one's name before its tools (`server_tool`); a call has
   the tool's own name and one server. A tool that was left out is known by both.

The gateway has no way to answer a request in the server's place, so a stopped call is an error there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import grpc
import msgspec
from google.protobuf.message import Message
from multidict import CIMultiDict

from sidecar.codec.jsontext import NotJsonError, dumps, loads
from sidecar.config import ExtMcp
from sidecar.engine import Engine
from sidecar.mcp.guard import McpGuard, Relayed
from sidecar.mcp.messages import INVALID_REQUEST, PARSE_ERROR, STOPPED
from sidecar.mcp.pins import Pins
from sidecar.start import StreamStart
from sidecar.tokens import Tokens
from sidecar.transport import agentgateway_pb as pb
from sidecar.transport.convert import parse
from sidecar.transport.facts import Caller, start_of
from sidecar.transport.grpc import Context, Server, answering, by_token
from sidecar.transport.identity import Peer
from sidecar.transport.running import Running

_MOST_KEPT = 1000
"""Of sessions in which tools were left out, and of groups of servers whose tools are pinned."""
_NO_JSON = "is no JSON, has a name twice, or is nested too deep; agentgateway sends JSON from 1.3 on"
_Value = TypeVar("_Value")


class ExtMcpService:
    """The service. With `tokens`, each call needs one, but for callers that showed a certificate."""

    name = pb.SERVICE
    files = (pb.DESCRIPTOR,)

    def __init__(self, engine: Engine, settings: ExtMcp, tokens: Tokens | None = None) -> None:
        self._engine = engine
        self._facts = settings.facts
        self._tokens = tokens
        self._running = Running()
        self._left_out: _Recent[dict[tuple[str, ...], set[str]]] = _Recent(dict)
        self._pins: _Recent[Pins] = _Recent(lambda: Pins(""))

    def add_to(self, server: Server) -> None:
        """Serve both methods."""
        methods: dict[str, grpc.RpcMethodHandler[bytes, Message]] = {
            "CheckRequest": grpc.unary_unary_rpc_method_handler(self.check_request, response_serializer=_written),
            "CheckResponse": grpc.unary_unary_rpc_method_handler(self.check_response, response_serializer=_written),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(pb.SERVICE, methods),))

    async def check_request(self, data: bytes, context: Context) -> Message:
        """Judge what a client asks of a server."""
        async with answering(context):
            with self._running.counted():
                asked = parse(pb.McpRequest, data)
                guard = self._guard(asked, context)
                params = asked.mcp_request if asked.HasField("mcp_request") else None
                head = {"jsonrpc": "2.0", "id": 0, "method": asked.method}
                return await _judged(guard.from_client, head, "params", params, pb.McpRequestResult)

    async def check_response(self, data: bytes, context: Context) -> Message:
        """Judge what a server answers."""
        async with answering(context):
            with self._running.counted():
                answer = parse(pb.McpResponse, data)
                guard = self._guard(answer, context)
                head = {"jsonrpc": "2.0", "id": 0}
                return await _judged(guard.from_server, head, "result", answer.mcp_response, pb.McpResponseResult)

    async def wait_idle(self) -> None:
        """Return when no call runs."""
        await self._running.wait_idle()

    def _guard(self, said: Any, context: Context) -> McpGuard:
        """What judges this call, with what is known from those before it. Raises `TidegateError`."""
        servers = tuple(said.service_names)
        start = self._start_of(said, servers, context)
        left_out = self._left_out.of((start.tenant, start.policy, start.session_id, *sorted(start.labels.items())))
        pins = self._pins.of((start.tenant, *servers))
        pins.server = "+".join(servers)
        known = left_out.setdefault(servers, set())
        if said.method == "tools/call":
            known = {name for listed, names in left_out.items() for name in _called(names, listed, servers)}
        return McpGuard(
            self._engine, start, pins, max_message_bytes=self._engine.limits.max_stream_chars, left_out=known
        )

    def _start_of(self, said: Any, servers: Iterable[str], context: Context) -> StreamStart:
        """What is known of a call: by the gateway's metadata, its own headers, and its identity."""
        headers = CIMultiDict(
            (key, value) for key, value in context.invocation_metadata() or () if isinstance(value, str)
        )
        told = {key: value.string_value for key, value in said.metadata_context.fields.items()}
        peer = Peer.of_grpc(context.peer(), context.auth_context())
        caller = Caller(headers, peer, told, f"mcp/{'+'.join(servers)}")
        start = start_of(self._facts, caller, None)
        start = msgspec.structs.replace(start, request_id=start.request_id or said.invocation_id)
        return by_token(self._tokens, caller, start)


class _Recent(OrderedDict[tuple[Any, ...], _Value]):
    """Values by key, each made when it is first asked for; the most lately used are kept."""

    def __init__(self, make: Callable[[], _Value]) -> None:
        super().__init__()
        self._make = make

    def of(self, key: tuple[Any, ...]) -> _Value:
        """The value of a key."""
        if key not in self:
            self[key] = self._make()
        self.move_to_end(key)
        if len(self) > _MOST_KEPT:
            self.popitem(last=False)
        return self[key]


def _called(names: Iterable[str], listed: tuple[str, ...], servers: tuple[str, ...]) -> Iterable[str]:
    """What tools that were left out of the list of some servers are called in a call to these."""
    for server in {*listed} & {*servers}:
        yield from names
        if len(listed) > 1:
            yield from (name.removeprefix(f"{server}_") for name in names)


async def _judged(
    judge: Callable[[bytes], Any], head: Mapping[str, Any], key: str, value: bytes | None, kind: Any
) -> Message:
    """What becomes of a value: it is judged in the message that it stood in."""
    try:
        _ = None if value is None else loads(value)  # by itself: else it could be more than one value
    except NotJsonError:
        return _refusal(kind, "INVALID", f"{'mcp_request' if key == 'params' else 'mcp_response'} {_NO_JSON}")
    begins = dumps({**head, key: None}).encode("utf-8", "surrogatepass").removesuffix(b"null}")
    message = begins + (b"null" if value is None else value) + b"}"
    relayed: Relayed = await judge(message)
    if relayed.onward == message:
        return kind(**{"pass": pb.Pass()})  # type: ignore[no-any-return]  # made of a descriptor
    document = loads(relayed.back or relayed.onward)
    if relayed.back or key not in document:
        return _stopped(kind, document)
    return kind(mutated=_changed(relayed.onward, begins, document[key]))  # type: ignore[no-any-return]  # as above


def _changed(message: bytes, begins: bytes, value: Any) -> bytes:
    """The value at a message's end as it stands there, so that spellings stay; written anew where its head changed."""
    if message.startswith(begins):
        return message.rstrip()[len(begins) : -1]
    return dumps(value).encode("utf-8", "surrogatepass")


def _stopped(kind: Any, document: Mapping[str, Any]) -> Message:
    """What did not pass, of the message that would have been answered in its place."""
    if "error" not in document:
        return _refusal(kind, "PERMISSION_DENIED", document["result"]["content"][0]["text"])
    error = document["error"]
    codes = {STOPPED: "PERMISSION_DENIED", PARSE_ERROR: "INVALID", INVALID_REQUEST: "INVALID"}
    return _refusal(kind, codes.get(error["code"], "UNKNOWN"), error["message"])


def _refusal(kind: Any, code: str, reason: str) -> Message:
    return kind(error=pb.AuthorizationError(code=code, reason=reason))  # type: ignore[no-any-return]  # as above


def _written(message: Message) -> bytes:
    return message.SerializeToString()
