"""The Envoys that meshes install, the newest patch of each minor version: what is guarded, what their filters answer.

Most of it are the tests of the newest Envoy, run with each.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.integration.envoy import ROOT, envoy_versions, locked_version
from tests.integration.mesh import Mesh, in_mode, manager_of, mesh
from tests.integration.test_envoy import (  # noqa: F401 - run here with each version
    test_a_block_in_mid_stream_ends_it_properly_and_hangs_up_on_the_upstream,
    test_a_blocked_request_is_refused_and_never_sent,
    test_a_megabyte_passes_both_ways,
    test_the_shipped_configuration_is_valid,
    test_traffic_is_the_same_when_clean_and_masked_when_not,
    test_without_the_guard_nothing_passes,
)
from tests.integration.test_envoy_modes import test_each_mode_guards_both_ways  # noqa: F401 - run here with each version
from tests.proxies import CARD

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

CHAT = "/v1/chat/completions"
ORIGIN = "https://app.example"
_FILTERS = "type.googleapis.com/envoy.extensions.filters.http"
_KEY = {"kty": "oct", "alg": "HS256", "kid": "k", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}


@pytest.fixture(params=sorted(envoy_versions()), scope="session")
def binary(request: pytest.FixtureRequest, missing: Callable[[str], None]) -> str:
    """The program of an Envoy, of each version."""
    found = envoy_versions()[request.param]
    if not found.exists():
        missing(f"Envoy {request.param} (make envoy)")
    return str(found)


def with_filters_before(config: Any) -> None:
    """Put filters that answer by themselves before the guard: CORS, JWT and RBAC."""
    jwt = {
        "@type": f"{_FILTERS}.jwt_authn.v3.JwtAuthentication",
        "providers": {"p": {"issuer": "i", "local_jwks": {"inline_string": json.dumps({"keys": [_KEY]})}}},
        "rules": [{"match": {"prefix": "/jwt"}, "requires": {"provider_name": "p"}}],
    }
    denied = {"permissions": [{"url_path": {"path": {"prefix": "/denied"}}}], "principals": [{"any": True}]}
    rbac = {"@type": f"{_FILTERS}.rbac.v3.RBAC", "rules": {"action": "DENY", "policies": {"p": denied}}}
    policy = {
        "@type": f"{_FILTERS}.cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"exact": ORIGIN}],
        "allow_methods": "POST",
        "allow_headers": "authorization",
    }
    manager = manager_of(config)
    [host] = manager["route_config"]["virtual_hosts"]
    host["typed_per_filter_config"] = {"envoy.filters.http.cors": policy}
    manager["http_filters"][:0] = [
        {"name": "envoy.filters.http.cors", "typed_config": {"@type": f"{_FILTERS}.cors.v3.Cors"}},
        {"name": "envoy.filters.http.jwt_authn", "typed_config": jwt},
        {"name": "envoy.filters.http.rbac", "typed_config": rbac},
    ]


async def asked(
    envoy: Mesh, method: str, path: str, headers: Mapping[str, str]
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of an answer."""
    data = b"{}" if method == "POST" else None
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, envoy.url + path, headers=headers, data=data) as response,
    ):
        return response.status, response.headers, await response.read()


@pytest.mark.parametrize("mode", ["FULL_DUPLEX_STREAMED", "STREAMED", "BUFFERED"])
async def test_what_filters_before_the_guard_answer_reaches_the_client(binary: str, tmp_path: Path, mode: str):
    def alter(config: Any) -> None:
        in_mode(mode)(config)
        with_filters_before(config)

    async with mesh(binary, tmp_path, alter=alter) as envoy:
        preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        status, headers, body = await asked(envoy, "OPTIONS", CHAT, preflight)
        assert (status, body) == (200, b"")
        assert headers["Access-Control-Allow-Origin"] == ORIGIN
        assert headers["Access-Control-Allow-Methods"] == "POST"
        status, headers, body = await asked(envoy, "POST", f"/jwt{CHAT}", {})
        assert (status, body) == (401, b"Jwt is missing")
        assert headers["WWW-Authenticate"].startswith("Bearer realm=")
        assert headers["Content-Type"] == "text/plain"
        status, _, body = await asked(envoy, "POST", f"/denied{CHAT}", {})
        assert (status, body) == (403, b"RBAC: access denied")
        assert envoy.upstream.requests == []


async def test_an_upgrade_that_a_filter_refuses_is_refused(binary: str, tmp_path: Path):
    def alter(config: Any) -> None:
        with_filters_before(config)
        with_upgrades(config)

    async with mesh(binary, tmp_path, alter=alter) as envoy, aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"{envoy.url}/denied")
        assert refused.value.status == 403


# -- upgrades ----------------------------------------------------------------------------------------------------------


def with_upgrades(config: Any) -> None:
    """Let WebSockets through, as Envoy Gateway does on every route and Istio on every listener."""
    manager_of(config)["upgrade_configs"] = [{"upgrade_type": "websocket"}]


@asynccontextmanager
async def speaking_websocket() -> AsyncIterator[tuple[int, list[str]]]:
    """A provider that takes WebSockets and gives back what it is told: its port, and what it was told."""
    told: list[str] = []

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            told.append(message.data)
            await socket.send_str(message.data)
        return socket

    routes = web.Application()
    routes.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(routes, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1], told
    finally:
        await runner.cleanup()


async def _talk(client: aiohttp.ClientSession, url: str) -> None:
    """Say something over a WebSocket and hear it back, if that works."""
    async with asyncio.timeout(10), client.ws_connect(url) as socket:
        await socket.send_str(f"my card is {CARD}")
        await socket.receive_str()


@pytest.mark.parametrize("path", [CHAT, "/v1/realtime"])
async def test_an_upgrade_is_refused_before_a_word_of_it_passes(binary: str, tmp_path: Path, path: str):
    async with speaking_websocket() as (port, told):

        def alter(config: Any) -> None:
            with_upgrades(config)
            [llm, _] = config["static_resources"]["clusters"]
            endpoint = llm["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
            endpoint["address"]["socket_address"]["port_value"] = port

        async with mesh(binary, tmp_path, alter=alter) as envoy, aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await _talk(client, envoy.url + path)
            assert 400 <= refused.value.status < 600
        assert told == []


# -- which versions ----------------------------------------------------------------------------------------------------


def test_the_documentation_names_the_versions_that_are_tested_with():
    told = (ROOT / "docs/envoy.md").read_text()
    newest, *older = envoy_versions()
    versions = [locked_version(), *(locked_version(minor) for minor in older)]
    assert all(version in told for version in versions), (newest, versions)
