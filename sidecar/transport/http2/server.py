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

from sidecar.transport.http2.call import Call, Metadata
from sidecar.transport.http2.connection import Bounds, Connection

_log = logging.getLogger(__name__)

_UNIX = "unix:"
_TIMEOUT = re.compile(r"(\d{1,8})([HMSmun])")
_SECONDS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_CONTENT_TYPE = "application/grpc"


class _Details(NamedTuple):
    """What a generic handler is asked with."""

    method: str
    invocation_metadata: Metadata


class Http2Server:
    """A listener for any number of addresses."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._handlers: list[grpc.GenericRpcHandler] = []
        self._known: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._connections: set[Connection] = set()
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

    async def stop(self, grace_seconds: float) -> None:
        """Take nothing new; what still runs after the grace is cancelled."""
        for listener in self._listeners:
            listener.close()
        for connection in [*self._connections]:
            connection.go_away()
        if self._calls:
            await asyncio.wait(self._calls, timeout=grace_seconds)
        for task in self._calls:
            task.cancel()
        if self._calls:
            await asyncio.wait(self._calls)
        for connection in [*self._connections]:
            connection.close()
        for path in self._files:
            with suppress(OSError):
                os.unlink(path)

    # -- calls ----------------------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        connection = Connection(self._bounds, self._begin, self._connections.discard)
        self._connections.add(connection)
        return connection

    def _begin(self, call: Call, path: str) -> None:
        metadata = dict(call.invocation_metadata())
        handler = self._handler(path, call.invocation_metadata())
        if not str(metadata.get("content-type", "")).startswith(_CONTENT_TYPE):
            call.finish(grpc.StatusCode.INVALID_ARGUMENT, f"the content type is not {_CONTENT_TYPE}")
        elif handler is None:
            call.finish(grpc.StatusCode.UNIMPLEMENTED, "there is no such method")
        else:
            seconds = _seconds(str(metadata.get("grpc-timeout", "")))
            if seconds is not None:
                call.timer = asyncio.get_running_loop().call_later(seconds, call.expire)
            call.task = asyncio.create_task(_serve(call, handler), name=path)
            self._calls.add(call.task)
            call.task.add_done_callback(self._calls.discard)

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
    request = call.requests(parse) if handler.request_streaming else await _only(call, parse)
    answer = behaviour(request, call)
    if hasattr(answer, "__aiter__"):
        async for message in answer:
            await call.write(message)
    elif handler.response_streaming:
        await answer
    else:
        await call.write(await answer)
    await call.complete()


async def _only(call: Call, parse: Any) -> Any:
    """The one message of a unary request."""
    data = await call.read()
    if data is grpc.aio.EOF:
        await call.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request has no message")
    return data if parse is None else parse(data)


def _seconds(timeout: str) -> float | None:
    found = _TIMEOUT.fullmatch(timeout)
    return int(found[1]) * _SECONDS[found[2]] if found is not None else None


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
