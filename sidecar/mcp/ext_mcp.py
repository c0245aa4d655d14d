"""agentgateway's `ExtMcp` on the gRPC listener: the gateway keeps the traffic of MCP, and asks what may pass.

1. A request's `params`, or an answer's `result`, is put into the message that it came out of, and guarded as one of a
   session of MCP (`sidecar.mcp.guard`). What comes back is passed, replaced, or refused with a sentence.
2. What must be known from one call to the next: the tools that were left out of lists, by whoever asked, in memory;
   and the digests of tools, by tenant and servers, in memory and, across restarts, in a file (`ext_mcp.state`). Both
   are bounded; what holds something, and was used last, stays, and the tenant with most of it loses first.
3. Where the gateway asks several servers at once, it puts each one's name before its tools (`server_tool`); a call has
   the tool's own name and one server. A tool that was left out is known by both.

The gateway has no way to answer a request in the server's place, so a stopped call is an error there.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

import grpc
import msgspec
from google.protobuf.message import Message
from multidict import CIMultiDict

from sidecar.codec.jsontext import NotJsonError, dumps, loads
from sidecar.config import ExtMcp
from sidecar.engine import Engine
from sidecar.mcp.guard import McpGuard, Relayed
from sidecar.mcp.left_out import LeftOut
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
    """The service. With `tokens`, each call needs one, but for callers that showed a certificate.

    Raises `ConfigError` when the file of pins cannot be used.
    """

    name = pb.SERVICE
    files = (pb.DESCRIPTOR,)

    def __init__(self, engine: Engine, settings: ExtMcp, tokens: Tokens | None = None) -> None:
        self._engine = engine
        self._settings = settings
        self._tokens = tokens
        self._running = Running()
        self._left_out: _Recent[_Lists] = _Recent(_Lists.has_any)
        self._pins: _Recent[Pins] = _Recent(Pins.has_any)
        self._pins_of("", ()).check()

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
        asker = (start.tenant, start.policy, start.session_id, *sorted(start.labels.items()))
        lists = self._left_out.of(asker, _Lists)
        pins = self._pins.of((start.tenant, *servers), lambda: self._pins_of(start.tenant, servers))
        known = lists.called(servers) if said.method == "tools/call" else lists.listed(servers)
        limit = self._engine.limits.max_stream_chars
        return McpGuard(self._engine, start, pins, max_message_bytes=limit, left_out=known)

    def _pins_of(self, tenant: str, servers: tuple[str, ...]) -> Pins:
        accepts_changes = self._settings.accept_changes
        return Pins("+".join(servers), self._settings.state, tenant=tenant, accepts_changes=accepts_changes)

    def _start_of(self, said: Any, servers: Iterable[str], context: Context) -> StreamStart:
        """What is known of a call: by the gateway's metadata, its own headers, and its identity."""
        headers = CIMultiDict(
            (key, value) for key, value in context.invocation_metadata() or () if isinstance(value, str)
        )
        told = {key: value.string_value for key, value in said.metadata_context.fields.items()}
        peer = Peer.of_grpc(context.peer(), context.auth_context())
        caller = Caller(headers, peer, told, f"mcp/{'+'.join(servers)}")
        start = start_of(self._settings.facts, caller, None)
        start = msgspec.structs.replace(start, request_id=start.request_id or said.invocation_id)
        return by_token(self._tokens, caller, start)


class _Recent(OrderedDict[tuple[Any, ...], _Value]):
    """Values by key, each made when it is first asked for. A key begins with its tenant.

    Past `_MOST_KEPT` an empty one goes first, then of the tenant with most keys the one that was used least lately: so
    a tenant of many keys pushes out its own.
    """

    def __init__(self, has_any: Callable[[_Value], bool]) -> None:
        super().__init__()
        self._has_any = has_any

    def of(self, key: tuple[Any, ...], make: Callable[[], _Value]) -> _Value:
        """The value of a key."""
        found = self[key] if key in self else self.setdefault(key, make())
        self.move_to_end(key)
        if len(self) > _MOST_KEPT:
            del self[self._first_to_go()]
        return found

    def _first_to_go(self) -> tuple[Any, ...]:
        """Of all but the last used."""
        older = [*islice(self, len(self) - 1)]
        of_tenants = Counter(tenant for tenant, *_ in self)
        most = max(of_tenants.values())
        empty = (key for key in older if not self._has_any(self[key]))
        return next(empty, None) or next(key for key in older if of_tenants[key[0]] == most)


class _Lists:
    """What was left out of the lists that one asker has seen, by the servers that were asked for each."""

    def __init__(self) -> None:
        self._lists: dict[tuple[str, ...], LeftOut] = {}

    def has_any(self) -> bool:
        """Whether anything was left out."""
        return any(self._lists.values())

    def listed(self, servers: tuple[str, ...]) -> LeftOut:
        """Of the list of these servers."""
        return self._lists.setdefault(servers, LeftOut())

    def called(self, servers: tuple[str, ...]) -> LeftOut:
        """Of all lists, by the names that tools have in calls to these servers."""
        called = LeftOut()
        for listed, left_out in self._lists.items():
            for server in {*listed} & {*servers}:
                called.merge(left_out, f"{server}_" if len(listed) > 1 else "")
        return called


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
