"""grpc.health.v1."""

from __future__ import annotations

from typing import cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from sidecar.transport.http2.server import Http2Server
from tidegate.v1 import guard_pb2

GUARD_SERVICE: str = guard_pb2.DESCRIPTOR.services_by_name["GuardService"].full_name
_EVERYTHING = ""


class Health:
    """What health checks are told, for the guard service and the whole server: not serving, until told otherwise."""

    def __init__(self) -> None:
        self._servicer = health.aio.HealthServicer()

    async def add_to(self, server: grpc.aio.Server | Http2Server) -> None:
        """Serve health checks, `NOT_SERVING` for now."""
        await self._set(health_pb2.HealthCheckResponse.NOT_SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, cast("grpc.aio.Server", server))

    async def serve(self) -> None:
        """Say that streams are welcome."""
        await self._set(health_pb2.HealthCheckResponse.SERVING)

    async def drain(self) -> None:
        """Say, from now on, that streams should go elsewhere."""
        await self._servicer.enter_graceful_shutdown()

    async def _set(self, status: int) -> None:
        for service in (_EVERYTHING, GUARD_SERVICE):
            await self._servicer.set(service, status)
