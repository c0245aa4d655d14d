"""The listener for MCP over HTTP: clients on one side, the servers of the settings on the other.

Each request is an `exchange`. Pins belong to a server, what is left out of lists to a server and the standing of
whoever asks, and the rest to a session. On SIGTERM streams that only wait end at once, so that clients resume them
elsewhere; answers to requests are let finish.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

import aiohttp
import msgspec
from aiohttp import web
from multidict import CIMultiDict

from sidecar.config import FactHeaders, Mcp
from sidecar.engine import Engine
from sidecar.errors import TidegateError
from sidecar.mcp.behind import Behind
from sidecar.mcp.exchange import Exchange
from sidecar.mcp.messages import INVALID_REQUEST, UNANSWERED, UNCHECKED, errors_for, joined
from sidecar.mcp.pins import Pins
from sidecar.mcp.routes import Way, is_local_or, is_loopback, is_own_host, places_of, way_of
from sidecar.mcp.sessions import Sessions
from sidecar.start import StreamStart
from sidecar.tokens import Tokens
from sidecar.transport.connections import listening, upstream_client
from sidecar.transport.decision import FIRST_ERROR, Refuse
from sidecar.transport.exchange import InFlight, Room, told
from sidecar.transport.facts import Caller, start_of
from sidecar.transport.http_status import (
    HttpStatus,
    RefusedError,
    UpstreamError,
    UpstreamTimeoutError,
    http_status_of,
)
from sidecar.transport.identity import Peer

_log = logging.getLogger(__name__)

SCOPE = "mcp"
"""What a token has to be for."""
TOKEN = "x-tidegate-authorization"  # noqa: S105 - the name of a header
"""Where a token for the relay is: `Authorization` is for the server behind it."""
_METHODS = ("POST", "GET", "DELETE", "OPTIONS")
_ASKED_FREELY = "OPTIONS"


class McpListener:
    """The listener, and the connections to the servers. With `tokens`, each request needs one."""

    def __init__(self, engine: Engine, settings: Mcp, tokens: Tokens | None = None, room: Room | None = None) -> None:
        """`room` is for the bodies of requests, where other doors share it."""
        self._engine = engine
        self._settings = settings
        self._tokens = tokens
        self._unclaimed = settings.facts.model_copy(update={"headers": FactHeaders(session_id="")})
        """Facts that do not rest on what whoever shows no token says of themselves."""
        self._room = room or Room(engine.limits.request_bodies_bytes)
        self._places = places_of(settings.servers)
        self._pins = {
            each.name: Pins(each.name, settings.state, accepts_changes=settings.accept_changes) for each in self._places
        }
        self._sessions = Sessions(
            settings.max_sessions, idle_ms=settings.session_seconds * 1000, now_ms=engine.clock.now_ms
        )
        self._running = InFlight(settings.max_exchanges)
        self._ending = asyncio.Event()
        self._runner: web.ServerRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self.address = ""
        """Where it listens, with the port that was chosen for port 0."""
        self._is_local = False
        """Whether this machine alone reaches it: by where it listens, however the settings spell that."""

    @property
    def sessions(self) -> int:
        """How many sessions are known."""
        return len(self._sessions)

    async def start(self) -> None:
        """Listen and serve. Raises `ConfigError` when the address cannot be bound, or the file of pins not used."""
        for pins in self._pins.values():
            pins.check()
        self._client = upstream_client(
            connect_seconds=self._settings.connect_seconds, idle_seconds=self._settings.idle_seconds
        )
        self._runner, self.address = await listening(self._handle, self._settings.listen, "mcp.listen")
        self._is_local = all(is_loopback(str(each[0])) for each in self._runner.addresses)

    async def drain(self) -> None:
        """Refuse new requests and end streams that only wait; returns when nothing runs any more."""
        self._ending.set()
        await self._running.drain()

    async def stop(self) -> None:
        """Stop listening. What still runs is cancelled."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._client is not None:
            await self._client.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange: Exchange | None = None
        with self._running.counted():
            try:
                self._running.admit()
                way = self._way(request)
                exchange = self._exchange(request, way, self._start(request, way))
                with self._running.permit():
                    return await exchange.run(self._room)
            except Exception as error:  # noqa: BLE001 - one exchange's fault ends that exchange only
                return self._failed(request, error, exchange)

    def _way(self, request: web.BaseRequest) -> Way:
        """Where a request leads. Raises `RefusedError`."""
        self._check_host(request.headers.get("Host", ""))
        origin = request.headers.get("Origin", "")
        if origin and not is_local_or(self._settings.origins, origin):
            message = "web pages of this origin may not ask here; mcp.origins names those that may"
            raise RefusedError(Refuse(HTTPStatus.FORBIDDEN, "origin", message))
        way = way_of(self._places, request.raw_path)
        if way is None:
            known = ", ".join(each.path or "/" for each in self._places)
            message = f"no server is there; these paths are served: {known}"
            raise RefusedError(Refuse(HTTPStatus.NOT_FOUND, "unknown path", message))
        allowed = ("GET", "OPTIONS") if way.is_metadata else ("POST", "OPTIONS") if way.told else _METHODS
        if request.method not in allowed:
            message = f"what is there is asked by {', '.join(allowed)}"
            raise RefusedError(Refuse(HTTPStatus.METHOD_NOT_ALLOWED, "method", message))
        return way

    def _check_host(self, host: str) -> None:
        """Refuse a page that has a name of its own lead to this machine. Raises `RefusedError`.

        Where others than this machine reach the listener, nobody here knows by which names.
        """
        own = (self._settings.public_url, *self._settings.origins)
        if host and self._is_local and not is_own_host(host, own):
            message = (
                "this is not how this machine is called; mcp.public_url says how it is, where a proxy stands before"
            )
            raise RefusedError(Refuse(HTTPStatus.FORBIDDEN, "host", message))

    def _start(self, request: web.BaseRequest, way: Way) -> StreamStart:
        """What is known of a request before it is read. Raises `Unauthenticated` and `Forbidden`."""
        headers = CIMultiDict(request.headers)
        caller = Caller(headers, Peer(request.remote or ""), route=f"mcp/{way.place.name}")
        if self._tokens is not None and (way.is_metadata or request.method == _ASKED_FREELY):
            return start_of(self._unclaimed, caller, None)
        start = start_of(self._settings.facts, caller, None)
        if self._tokens is None:
            return start
        token = self._tokens.of(headers.get(TOKEN, ""), SCOPE)
        return msgspec.structs.replace(start, tenant=token.tenant(start.tenant))

    def _exchange(self, request: web.BaseRequest, way: Way, start: StreamStart) -> Exchange:
        assert self._client is not None
        behind = Behind(
            self._engine, self._settings, self._client, self._sessions, self._pins[way.place.name], self._ending
        )
        return Exchange(request, way, start, behind)

    def _failed(self, request: web.BaseRequest, error: Exception, exchange: Exchange | None) -> web.StreamResponse:
        """The answer that tells an error; where one has begun, its connection ends instead."""
        error = told(error)
        if not isinstance(error, TidegateError):
            _log.error("a request of MCP failed", exc_info=error)
        status = http_status_of(error)
        begun = exchange.begun if exchange is not None else None
        if begun is not None:
            _log.warning("a stream of MCP was broken off", extra={"reason": status.reason})
            if request.transport is not None:
                request.transport.close()
            return begun
        _log.info("a request of MCP was refused", extra={"status": status.code, "reason": status.reason})
        self._engine.metrics.count_refused(status.code, status.reason)
        numbers = exchange.numbers if exchange is not None else ()
        body = joined(b"", errors_for(numbers, _code_of(error, status), status.message))
        answer = web.Response(status=status.code, body=body, content_type="application/json", headers=status.headers)
        if status.code == HTTPStatus.UNAUTHORIZED:  # no `Bearer`: a client would ask the server's own authority for it
            answer.headers["WWW-Authenticate"] = f'Tidegate header="{TOKEN}"'
        return answer


def _code_of(error: Exception, status: HttpStatus) -> int:
    if isinstance(error, UpstreamError | UpstreamTimeoutError):
        return UNANSWERED
    return INVALID_REQUEST if FIRST_ERROR <= status.code < HTTPStatus.INTERNAL_SERVER_ERROR else UNCHECKED
