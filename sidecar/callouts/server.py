"""The listener of call-outs: who asks is known by a token or a fact of the mesh, a body is bounded, a failure is told.

Each answer is one JSON document, in the form of whoever asks. What a policy stops is an answer, never a failure.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from sidecar.callouts.adapter import Adapter, Asked, Handler, Reply, plain_failure
from sidecar.callouts.catalogue import ADAPTERS
from sidecar.callouts.documents import encoded
from sidecar.codec.encoding import is_known
from sidecar.config import Callouts
from sidecar.engine import Engine
from sidecar.errors import CallerError, TidegateError, UnknownPolicy
from sidecar.tokens import Tokens
from sidecar.transport.connections import let_body_come, listening
from sidecar.transport.decision import Refuse
from sidecar.transport.exchange import Held, InFlight, Room, opened_request, read_request
from sidecar.transport.facts import Caller, start_of
from sidecar.transport.http_headers import coding_of
from sidecar.transport.http_status import HttpStatus, RefusedError, http_status_of
from sidecar.transport.identity import Peer

_log = logging.getLogger(__name__)


class CalloutServer:
    """The listener. With `tokens`, each request needs one."""

    def __init__(self, engine: Engine, settings: Callouts, tokens: Tokens | None = None) -> None:
        self._engine = engine
        self._settings = settings
        self._tokens = tokens
        self._runner: web.ServerRunner | None = None
        self._running = InFlight(engine.limits.max_streams)
        self._room = Room(engine.limits.request_bodies_bytes)
        chosen = settings.adapters or tuple(ADAPTERS)
        self._paths: dict[str, tuple[Adapter, Handler]] = {}
        for name in chosen:
            adapter = ADAPTERS[name]
            self._paths.update({path: (adapter, handle) for path, handle in adapter.paths.items()})
        self.address = ""
        """Where it listens, with the port that was chosen for port 0."""

    async def start(self) -> None:
        """Listen and serve. Raises `ConfigError` when the address cannot be bound."""
        self._runner, self.address = await listening(
            self._handle, self._settings.listen, "callouts.listen", shares_port=self._settings.share_port
        )

    async def drain(self) -> None:
        """Refuse new requests; returns when none is left."""
        await self._running.drain()

    async def stop(self) -> None:
        """Stop listening. What still runs is cancelled."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        adapter, handle = self._paths.get(request.path, (None, None))
        with self._running.counted():
            try:
                self._running.admit()
                self._check(request, is_known=handle is not None)
                with self._running.permit():
                    assert adapter is not None
                    assert handle is not None
                    return _written(await self._answer(request, adapter, handle))
            except Exception as error:  # noqa: BLE001 - one request's fault ends that request only
                return self._failed(error, adapter)

    def _check(self, request: web.BaseRequest, *, is_known: bool) -> None:
        """Raise `RefusedError` when nothing answers to the request."""
        if not is_known:
            known = ", ".join(sorted(self._paths))
            raise RefusedError(
                Refuse(HTTPStatus.NOT_FOUND, "unknown path", f"there is no such path; these are: {known}")
            )
        if request.method != "POST":
            raise RefusedError(Refuse(HTTPStatus.METHOD_NOT_ALLOWED, "method", f"{request.path} is asked by POST"))

    async def _answer(self, request: web.BaseRequest, adapter: Adapter, handle: Handler) -> Reply:
        headers = CIMultiDict(request.headers)
        token = self._tokens.of(headers.get("Authorization", ""), adapter.name) if self._tokens is not None else None
        start = start_of(self._settings.facts, Caller(headers, Peer(request.remote or ""), route=request.path), None)
        with self._room.held() as held:
            body = await self._body(request, coding_of(headers), held)
            tenant_of = token.tenant if token is not None else None
            return await handle(Asked(self._engine, start, body, request.path, tenant_of))

    async def _body(self, request: web.BaseRequest, coding: str, held: Held) -> bytes:
        """A request's body, its encoding undone. Raises `CallerError`, `SlowBodyError` and `Overloaded`."""
        if coding and not is_known(coding):
            raise CallerError("has a content encoding that is not read here; send it without one", field="body")
        let_body_come(request)
        data = await read_request(self._settings, request.content.iter_any(), held)
        content = opened_request(self._settings, coding, data)
        held.take(len(content) if coding else 0)
        return content

    def _failed(self, error: Exception, adapter: Adapter | None) -> web.Response:
        status = _status_of(error)
        if not isinstance(error, TidegateError):
            _log.error("a call-out failed", exc_info=error)
        name = adapter.name if adapter is not None else "unknown path"
        _log.info("a call-out was refused", extra={"status": status.code, "reason": status.reason, "callout": name})
        self._engine.metrics.count_refused(status.code, status.reason)
        failure = adapter.failure if adapter is not None else plain_failure
        answer = _written(failure(status.code, status.reason, status.message))
        answer.headers.update(status.headers)
        if status.code == HTTPStatus.UNAUTHORIZED:
            answer.headers["WWW-Authenticate"] = 'Bearer realm="tidegate"'
        return answer


def _status_of(error: Exception) -> HttpStatus:
    if isinstance(error, UnknownPolicy):  # here it is the caller who names it
        return HttpStatus(HTTPStatus.NOT_FOUND, "policy", str(error))
    return http_status_of(error)


def _written(answer: Reply) -> web.Response:
    is_text = isinstance(answer.content, str)
    body = answer.content.encode() if is_text else encoded(answer.content)
    return web.Response(body=body, status=answer.status, content_type=answer.media_type)
