"""The real Envoy with the guard beside it and a scripted provider behind it, all in the test's process but Envoy."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from sidecar.config import ExtProc, Grpc, Limits
from sidecar.outbox.event import Data, Fault, StreamDecision, Violation
from sidecar.outbox.memory import MemoryOutbox
from sidecar.transport.ext_proc import ExternalProcessor
from sidecar.transport.grpc import GrpcServer
from tests.integration.envoy import running_envoy
from tests.proxies import POLICY, guarding
from tests.upstream import JSON, SSE, Answer, Upstream, scripted_upstream

Alter = Callable[[Any], None]
"""Changes Envoy's configuration before it is used."""


@dataclass
class Mesh:
    """Envoy, the guard beside it and the provider behind it."""

    url: str
    upstream: Upstream
    server: GrpcServer
    outbox: MemoryOutbox

    async def ask(self, text: str) -> tuple[aiohttp.ClientResponse, bytes]:
        """A chat request with one message."""
        return await self.post("/v1/chat/completions", json.dumps(request_of(text)).encode())

    async def post(
        self, path: str, data: bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """A request whose answer is not decoded."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60), auto_decompress=False) as client,
            client.post(
                self.url + path, data=io.BytesIO(data), headers={"Content-Type": JSON, **(headers or {})}
            ) as response,
        ):
            return response, await response.read()

    @property
    def events(self) -> list[Data]:
        return [event.data for event in self.outbox.events]

    @property
    def endings(self) -> list[tuple[str, str]]:
        return [(each.direction, each.ended) for each in self.events if isinstance(each, StreamDecision)]

    @property
    def faults(self) -> list[tuple[str, str, str]]:
        return [(each.fault, each.what, each.reason) for each in self.events if isinstance(each, Fault)]

    @property
    def violations(self) -> list[Violation]:
        return [each for each in self.events if isinstance(each, Violation)]


@asynccontextmanager
async def mesh(
    binary: str,
    folder: Path,
    *,
    alter: Alter | None = None,
    limits: Limits | None = None,
    policy: str = POLICY,
    outbox: MemoryOutbox | None = None,
    **settings: object,
) -> AsyncIterator[Mesh]:
    """A mesh; `settings` are those of the section `ext_proc`. Refusals are errors, unless a test says otherwise."""
    with tempfile.TemporaryDirectory(prefix="tg") as short:  # a socket's path has at most 107 bytes
        socket = f"{short}/grpc.sock"
        guard = guarding(folder, policy=policy, limits=limits, outbox=outbox)
        async with guard as (engine, recorded), scripted_upstream() as upstream:
            processor = ExternalProcessor(
                engine, ExtProc.model_validate({"enabled": True, "refusals": "error", **settings})
            )
            server = GrpcServer(engine, Grpc(listen=(f"unix:{socket}",)), engine.limits, processor)
            await server.start()
            try:
                async with running_envoy(binary, folder, socket=socket, upstream=upstream.url, alter=alter) as url:
                    yield Mesh(url, upstream, server, recorded)
            finally:
                await server.stop()


def request_of(text: str) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], "stream": True}


def streamed(body: bytes, size: int) -> Answer:
    """An answer in writes of a size."""
    return Answer([body[start : start + size] for start in range(0, len(body), size)], SSE)


def filter_of(config: Any) -> Any:
    """The settings of the external processor in a configuration of Envoy."""
    return manager_of(config)["http_filters"][0]["typed_config"]


def manager_of(config: Any) -> Any:
    """The settings of the listener's HTTP connection manager."""
    return config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def in_mode(mode: str, answers: str = "") -> Alter:
    """Sets the body modes: of requests, and of answers where they differ."""

    def alter(config: Any) -> None:
        filter_of(config)["processing_mode"] |= {"request_body_mode": mode, "response_body_mode": answers or mode}

    return alter
