"""Connections of a door over HTTP: to its clients, and to what is behind it. What goes wrong is told in our words."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web

from sidecar.errors import ConfigError, IdleStream
from sidecar.transport.http_status import UpstreamError, UpstreamTimeoutError

_quiet = logging.getLogger(f"{__name__}.requests")
"""What aiohttp has to say of requests that are no HTTP, it quotes: that is for the client, and for no log."""
_quiet.disabled = True

_SHUTDOWN_SECONDS = 1.0
_KEEP_ALIVE_SECONDS = 4.0
"""Shorter than servers keep idle connections, so that none is closed just as a request goes out."""
_ADDED_BY_AIOHTTP = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


async def listening(
    handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    address: str,
    path: str,
    *,
    shares_port: bool = False,
) -> tuple[web.ServerRunner, str]:
    """Listen at `HOST:PORT`, and have each request handled; returns what serves, and where: the port is the one chosen.

    Bodies come as they were sent: their encoding is for who handles them. Raises `ConfigError` when the address cannot
    be bound; `path` is the setting's.
    """
    host, port = host_and_port(address, path)
    # No router: it would answer by itself what it does not know, such as `OPTIONS *`.
    server = web.Server(handle, handler_cancellation=True, access_log=None, logger=_quiet, auto_decompress=False)
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_port=shares_port or None).start()
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(f"cannot listen on {address}: {error.strerror}", path=path) from None
    return runner, f"{address.rpartition(':')[0]}:{runner.addresses[0][1]}"


def upstream_client(*, connect_seconds: float, idle_seconds: float) -> aiohttp.ClientSession:
    """A client that sends what it is given and no more: no header, cookie or decoding of its own."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds, sock_read=idle_seconds)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=timeout,
        skip_auto_headers=_ADDED_BY_AIOHTTP,
        auto_decompress=False,
    )


@contextmanager
def upstream_errors(idle_seconds: float) -> Iterator[None]:
    """Tell what goes wrong with the upstream in our words, without its address."""
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        number = error.os_error.errno or 0
        why = os.strerror(number) if number > 0 else "its name is not known"
        raise UpstreamError(f"the upstream cannot be reached: {why}") from error
    except aiohttp.ServerTimeoutError as error:
        raise UpstreamTimeoutError(
            f"the upstream could not be reached in time, or was silent for {idle_seconds:g} s"
        ) from error
    except aiohttp.ClientError as error:
        raise UpstreamError("the upstream broke off, or does not speak HTTP") from error


def host_and_port(address: str, path: str) -> tuple[str, int]:
    """The two parts of `HOST:PORT`. Raises `ConfigError`; `path` is the setting's."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"{address!r} is not HOST:PORT", path=path)
    return host.strip("[]"), int(port)


def let_body_come(request: web.BaseRequest) -> None:
    """Tell a client that waits for it to send the body, now that there is room for it."""
    if request.headers.get("Expect", "").strip().lower() == "100-continue":
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def write(response: web.StreamResponse, data: bytes, idle_seconds: float) -> None:
    """Send bytes. Raises `IdleStream` when the client takes none for too long; one that went away cancels."""
    try:
        async with asyncio.timeout(idle_seconds):
            await response.write(data)
    except TimeoutError:
        raise IdleStream(idle_seconds) from None
    except ConnectionError:
        raise asyncio.CancelledError from None
