"""Serves gRPC methods over plain HTTP/2. The part of `grpc.aio.Server` that services here use.

Services are the same as with `grpc.aio.server()`: handlers of `grpc.*_rpc_method_handler`, whose behaviours are
coroutines or asynchronous generators. What it does not do: TLS, and compressing what it sends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import grpc

from sidecar.transport.http2.call import Call
from sidecar.transport.http2.compression import ACCEPTED, ENCODINGS, Inflater, Refused
from sidecar.transport.http2.connection import Bounds
from sidecar.transport.http2.headers import HEADER_LIST_BYTES
from sidecar.transport.http2.holdings import Answers, Holdings
from sidecar.transport.http2.link import Link
from sidecar.transport.http2.metadata import Metadata

_log = logging.getLogger(__name__)

_UNIX = "unix:"
_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])")
_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_CONTENT_TYPE = re.compile(rb"application/grpc([+;].*)?", re.IGNORECASE | re.DOTALL)
_IDENTITY = b"identity"
_NO_GRPC = "the content type is not application/grpc: this port speaks gRPC only"
_NO_GRPC_WEB = "grpc-web is not spoken here: put a proxy before this port that translates, such as Envoy"
_LONGEST_SECONDS = 1e8
_GOING_SECONDS = 1.0
"""How long a client may take to say that it knows that it should go."""
_LOOK_SECONDS = 0.01


class _Details(NamedTuple):
    """What a generic handler is asked with."""

    method: str
    invocation_metadata: Metadata


class _Unserved(Refused):
    """What is no call of gRPC: told in HTTP's words too, since whoever asks may not know gRPC's."""

    def __init__(self, reason: str, http_status: str) -> None:
        super().__init__(grpc.StatusCode.INVALID_ARGUMENT, reason)
        self.http_status = http_status


class Http2Server:
    """A listener for any number of addresses."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.holdings = Holdings()
        self.answers = Answers()
        self.inflater = Inflater()
        self._handlers: list[grpc.GenericRpcHandler] = []
        self._known: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._links: set[Link] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._listeners: list[asyncio.Server] = []
        self._files: list[str] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Serve these methods."""
        self._handlers += handlers

    def add_registered_method_handlers(self, service: str, methods: Mapping[str, Any]) -> None:
        """What generated code tells beside `add_generic_rpc_handlers`; that is enough here."""

    async def listen(self, address: str, *, share_port: bool = False) -> str:
        """Take connections at `HOST:PORT` or `unix:PATH`; returns where. Raises `OSError`.

        `share_port` lets other processes listen on the same port.
        """
        if address.startswith(_UNIX):
            path = address.removeprefix(_UNIX).removeprefix("//")
            _remove_stale(path)
            self._listeners.append(await asyncio.get_running_loop().create_unix_server(self._connect, path))
            self._files.append(path)
            return address
        host, _, port = address.rpartition(":")
        listener = _bound(host.strip("[]"), int(port), share_port=share_port)
        self._listeners.append(await asyncio.get_running_loop().create_server(self._connect, sock=listener))
        return f"{host}:{listener.getsockname()[1]}"

    async def go_away(self) -> None:
        """Close the listeners and send clients elsewhere; returns when each knows. Calls that run may end."""
        self._close_listeners()
        links = [*self._links]
        for link in links:
            link.go_away()
        told_at = asyncio.get_running_loop().time()
        while not all(link.is_left for link in links):
            if asyncio.get_running_loop().time() - told_at > _GOING_SECONDS:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        for link in links:
            link.leave()

    async def stop(self, grace_seconds: float) -> None:
        """Take nothing new; what still runs after the grace is cancelled."""
        self._close_listeners()
        for link in [*self._links]:
            link.leave()
        if self._calls:
            await asyncio.wait(self._calls, timeout=grace_seconds)
        for task in self._calls:
            task.cancel()
        if self._calls:
            await asyncio.wait(self._calls)
        for link in [*self._links]:
            link.close()
        for path in self._files:
            with suppress(OSError):
                os.unlink(path)

    # -- calls ----------------------------------------------------------------------------------------------------

    def begin(self, call: Call) -> None:
        """Serve a call, or say why not."""
        try:
            handler = self._handler_for(call)
            seconds = _seconds(call.request.get(b"grpc-timeout"))
        except _Unserved as unserved:
            call.finish(unserved.code, unserved.reason, http_status=unserved.http_status)
            return
        except Refused as refused:
            call.finish(refused.code, refused.reason)
            return
        if seconds is not None:
            call.timer = asyncio.get_running_loop().call_later(seconds, call.expire)
        call.has_one_answer = not handler.response_streaming
        call.task = asyncio.create_task(_serve(call, handler), name=call.request.path.decode("latin-1"))
        self._calls.add(call.task)
        call.task.add_done_callback(self._calls.discard)

    def gone(self, link: Link) -> None:
        """A connection has ended."""
        self._links.discard(link)

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def _connect(self) -> Link:
        link = Link(self)
        self._links.add(link)
        return link

    def _handler_for(self, call: Call) -> grpc.RpcMethodHandler[Any, Any]:
        """Who serves a call. Raises `_Unserved` or `Refused` when nobody does."""
        request = call.request
        if request.is_too_large:
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, f"the metadata has more than {HEADER_LIST_BYTES} bytes")
        content_type = request.get(b"content-type") or b""
        if not _CONTENT_TYPE.fullmatch(content_type):
            raise _Unserved(
                _NO_GRPC_WEB if content_type.lower().startswith(b"application/grpc-web") else _NO_GRPC, "415"
            )
        if request.method != b"POST":
            raise _Unserved("a call is a POST", "405")
        handler = self._handler(request.path.decode("latin-1"), call.invocation_metadata())
        if handler is None:
            raise Refused(grpc.StatusCode.UNIMPLEMENTED, "there is no such method")
        encoding = request.get(b"grpc-encoding") or _IDENTITY
        if encoding != _IDENTITY and encoding.decode("latin-1") not in ENCODINGS:
            raise Refused(grpc.StatusCode.UNIMPLEMENTED, f"messages may come as {ACCEPTED}")
        return handler

    def _handler(self, path: str, metadata: Metadata) -> grpc.RpcMethodHandler[Any, Any] | None:
        known = self._known.get(path)
        if known is not None:
            return known
        details: Any = _Details(path, metadata)
        found = next((each for all_of in self._handlers if (each := all_of.service(details)) is not None), None)
        if found is not None:
            self._known[path] = found
        return found


async def _serve(call: Call, handler: grpc.RpcMethodHandler[Any, Any]) -> None:
    """Run a method. What it raises becomes a status without a word of it."""
    try:
        await _answer(call, handler)
    except grpc.aio.AbortError:
        pass
    except asyncio.CancelledError:
        call.finish(grpc.StatusCode.UNAVAILABLE, "the server is stopping")
    except Exception as error:  # noqa: BLE001 - one call's fault ends that call only
        _log.error("a call failed", exc_info=error)
        call.finish(grpc.StatusCode.INTERNAL, "the call failed")


async def _answer(call: Call, handler: Any) -> None:
    call.answer_with(handler.response_serializer)
    parse = handler.request_deserializer
    behaviour = handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
    request = call.requests(parse) if handler.request_streaming else await call.only(parse)
    answer = behaviour(request, call)
    if hasattr(answer, "__aiter__"):
        async for message in answer:
            await call.write(message)
    elif handler.response_streaming:
        await answer
    else:
        await call.answer(await answer)
        return
    await call.complete()


def _seconds(timeout: bytes | None) -> float | None:
    """How long a call may take. Raises `Refused` for what is no time."""
    if timeout is None:
        return None
    found = _TIMEOUT.fullmatch(timeout)
    if found is None:
        raise Refused(
            grpc.StatusCode.INVALID_ARGUMENT, "grpc-timeout is at most eight digits and one of H, M, S, m, u and n"
        )
    return min(int(found[1]) * _SECONDS[found[2]], _LONGEST_SECONDS)


def _bound(host: str, port: int, *, share_port: bool) -> socket.socket:
    """A listening socket; `::` is for both families."""
    is_any = host in {"::", ""}
    family = socket.AF_INET6 if ":" in host or is_any else socket.AF_INET
    both = is_any and socket.has_dualstack_ipv6()
    address = (host or "::", port)
    return socket.create_server(address, family=family, dualstack_ipv6=both, backlog=512, reuse_port=share_port)


def _remove_stale(path: str) -> None:
    """Remove a socket that an earlier process left; anything else stays, and is an error when it is bound."""
    with suppress(OSError):
        if stat.S_ISSOCK(os.stat(path).st_mode) and not _is_live(path):
            os.unlink(path)


def _is_live(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True
