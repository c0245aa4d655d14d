"""The admin HTTP listener: `/healthz`, `/readyz`, `/metrics`, `/version`, and the operator's page at `/`.

It starts first, to say why not yet.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from sidecar.errors import ConfigError
from sidecar.readiness import Readiness
from sidecar.telemetry.metrics import Metrics

_SHUTDOWN_SECONDS = 1.0
_UNIX = "unix:"

Page = Callable[[web.Request], Awaitable[web.Response]]


class AdminServer:
    """Serves what operators and their tools ask for, by path. It changes nothing."""

    def __init__(self, listen: str, pages: Mapping[str, Page]) -> None:
        self._listen = listen
        self._pages = pages
        self._runner: web.AppRunner | None = None
        self.address = ""
        """Where it listens, with the port that was chosen for port 0."""

    async def start(self) -> None:
        """Listen. Raises `ConfigError` when the address cannot be bound."""
        is_unix = self._listen.startswith(_UNIX)
        host, port = ("", 0) if is_unix else _host_and_port(self._listen)
        runner = web.AppRunner(
            self._routes(), access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        self._runner = runner
        try:
            path = self._listen.removeprefix(_UNIX)
            await (web.UnixSite(runner, path) if is_unix else web.TCPSite(runner, host, port)).start()
        except OSError as error:
            raise ConfigError(f"cannot listen on {self._listen}: {error.strerror}", path="admin.listen") from None
        self.address = self._listen if is_unix else f"{host}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _routes(self) -> web.Application:
        routes = web.Application()
        for path, page in self._pages.items():
            routes.router.add_get(path, page)
        return routes


def service_pages(readiness: Readiness, metrics: Metrics, version: str) -> Mapping[str, Page]:
    """The pages of one service."""

    async def health(_request: web.Request) -> web.Response:
        """The process is alive: its event loop answers."""
        return web.Response(text="ok\n")

    async def ready(_request: web.Request) -> web.Response:
        """Whether streams are welcome, and how each part is."""
        return ready_page(readiness.parts, is_ready=readiness.is_ready, notes=readiness.notes)

    async def scrape(request: web.Request) -> web.Response:
        return metrics_page(*metrics.render_as(request.headers.get("Accept", "")))

    return {"/healthz": health, "/readyz": ready, "/metrics": scrape, "/version": about_page(version)}


def ready_page(parts: Mapping[str, str], *, is_ready: bool, notes: Mapping[str, str] | None = None) -> web.Response:
    """Whether all is as it should be, how each part is, and what else there is to know."""
    known = {"notes": dict(notes)} if notes else {}
    return _json({"ready": is_ready, "parts": dict(parts)} | known, status=200 if is_ready else 503)


def metrics_page(text: bytes, content_type: str) -> web.Response:
    """What Prometheus scrapes."""
    return web.Response(body=text, headers={"Content-Type": content_type})


def about_page(version: str) -> Page:
    """What runs here."""

    async def about(_request: web.Request) -> web.Response:
        return _json({"name": "tidegate", "version": version, "python": platform.python_version()})

    return about


def _json(content: object, *, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(content) + "\n", content_type="application/json", status=status)


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"{address!r} is not HOST:PORT or unix:/path", path="admin.listen")
    return host.strip("[]"), int(port)
