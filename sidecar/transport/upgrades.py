"""WebSockets that the settings have pass unread: messages go both ways as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeAlias

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sidecar.transport.decision import Refuse
from sidecar.transport.http_headers import to_upstream
from sidecar.transport.http_status import RefusedError, UpstreamError

_PROTOCOL = "Sec-WebSocket-Protocol"
_OF_HANDSHAKE = frozenset(("sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", _PROTOCOL.lower()))

_NOT_SENT = frozenset({1005, 1006})
"""Codes that say how a connection ended which nobody closed: none may be sent."""

_Socket: TypeAlias = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def relay(
    request: web.BaseRequest, client: aiohttp.ClientSession, url: URL, marks: Mapping[str, str]
) -> web.WebSocketResponse:
    """Connect a client's WebSocket with the upstream's, to the end of both. Raises `RefusedError`, `UpstreamError`."""
    if request.headers.get("Upgrade", "").strip().lower() != "websocket":
        raise RefusedError(Refuse(501, "upgrade", "of all upgrades only that to websocket can pass here"))
    async with await _connected(request, client, url) as upstream:
        near = web.WebSocketResponse(
            protocols=[upstream.protocol] if upstream.protocol else (),
            autoping=False,
            autoclose=False,
            compress=False,
            max_msg_size=0,
        )
        near.headers.update(marks)
        await near.prepare(request)
        async with asyncio.TaskGroup() as pumps:
            pumps.create_task(_pump(near, upstream))
            pumps.create_task(_pump(upstream, near))
    return near


async def _connected(
    request: web.BaseRequest, client: aiohttp.ClientSession, url: URL
) -> aiohttp.ClientWebSocketResponse:
    kept = to_upstream(CIMultiDict(request.headers))
    headers = CIMultiDict((name, value) for name, value in kept.items() if name.lower() not in _OF_HANDSHAKE)
    protocols = [word.strip() for value in request.headers.getall(_PROTOCOL, ()) for word in value.split(",")]
    try:
        return await client.ws_connect(
            url, protocols=protocols, headers=headers, autoping=False, autoclose=False, max_msg_size=0
        )
    except aiohttp.WSServerHandshakeError as error:
        raise UpstreamError(f"the upstream answered the upgrade with status {error.status}") from None


async def _pump(source: _Socket, sink: _Socket) -> None:
    """Pass on what comes from one side until it closes; then close the other. Either may be gone already."""
    with suppress(ConnectionError):
        async for message in source:
            await _send(message, sink)
        code = source.close_code or aiohttp.WSCloseCode.OK
        await sink.close(code=code if code not in _NOT_SENT else aiohttp.WSCloseCode.OK)


async def _send(message: aiohttp.WSMessage, sink: _Socket) -> None:
    match message.type:
        case aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
        case aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        case aiohttp.WSMsgType.PING:
            await sink.ping(message.data)
        case aiohttp.WSMsgType.PONG:
            await sink.pong(message.data)
