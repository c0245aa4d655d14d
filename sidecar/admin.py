"""The admin HTTP listener: `/healthz`, `/readyz`, `/metrics`, `/version`. It starts first, to say why not yet."""

from __future__ import annotations

import json
import platform
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from sidecar.errors import ConfigError
from sidecar.readiness import Readiness
from sidecar.telemetry.metrics import Metrics

_SHUTDOWN_SECONDS = 1.0


class AdminServer:
    """Serves what operators and their tools ask for. It changes nothing."""

    def __init__(self, listen: str, *, readiness: Readiness, metrics: Metrics, version: str) -> None:
        self._listen = listen
        self._readiness = readiness
        self._metrics = metrics
        self._version = version
        self._runner: web.AppRunner | None = None
        self.address = ""
        """Where it listens, with the port that was chosen for port 0."""

    async def start(self) -> None:
        """Listen. Raises `ConfigError` when the address cannot be bound."""
        host, port = _host_and_port(self._listen)
        runner = web.AppRunner(
            self._routes(), access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ConfigError(f"cannot listen on {self._listen}: {error.strerror}", path="admin.listen") from None
        self.address = f"{host}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _routes(self) -> web.Application:
        routes = web.Application()
        pages: dict[str, Callable[[], web.Response]] = {
            "/healthz": self._health,
            "/readyz": self._ready,
            "/metrics": self._scrape,
            "/version": self._about,
        }
        for path, page in pages.items():
            routes.router.add_get(path, _handler(page))
        return routes

    def _health(self) -> web.Response:
        """The process is alive: its event loop answers."""
        return web.Response(text="ok\n")

    def _ready(self) -> web.Response:
        """Whether streams are welcome, and how each part is."""
        is_ready = self._readiness.is_ready
        return _json({"ready": is_ready, "parts": dict(self._readiness.parts)}, status=200 if is_ready else 503)

    def _scrape(self) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _about(self) -> web.Response:
        return _json({"name": "tidegate", "version": self._version, "python": platform.python_version()})


def _handler(page: Callable[[], web.Response]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return page()

    return handle


def _json(content: object, *, status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(content) + "\n", content_type="application/json", status=status)


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"{address!r} is not HOST:PORT", path="admin.listen")
    return host.strip("[]"), int(port)
