"""TLS as the examples set it up, in the real Envoy: the right certificate is taken, one for another name is not."""

from __future__ import annotations

import copy
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sidecar.config import ExtProc, Grpc, Tls
from sidecar.transport.ext_proc import ExternalProcessor
from sidecar.transport.grpc import GrpcServer
from tests.deploy.tools import one, read
from tests.integration.envoy import running_envoy
from tests.integration.mesh import request_of
from tests.proxies import CARD, MASKED, guarding
from tests.transport.test_tls import Authority
from tests.upstream import JSON, Answer, Upstream, scripted_upstream

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

HOST = "api.openai.com"
SERVICE = "tidegate.guard.svc"
OTHER = "somebody.example.com"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


async def ask(url: str, host: str) -> int:
    """The status of a chat request that names a card."""
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{url}/v1/chat/completions", json=request_of(CARD), headers={"Host": host}) as response,
    ):
        await response.read()
        return response.status


# -- the provider, behind Istio's Envoy --------------------------------------------------------------------------------


def as_istio_makes(tls: Any, authority: Authority) -> dict[str, Any]:
    """What Istio puts into a cluster for the TLS settings of a DestinationRule with the mode SIMPLE.

    A rule that names an `sni` sends that and has the name unchecked, unless it names `subjectAltNames` too. The
    authority stands for the operating system's.
    """
    names = [{"exact": name} for name in tls.get("subjectAltNames", ())]
    checks = {"trusted_ca": {"filename": str(authority.ca)}, "match_subject_alt_names": names}
    context = {"@type": _TLS, "sni": tls.get("sni", ""), "common_tls_context": {"validation_context": checks}}
    by_host = {"auto_sni": "sni" not in tls, "auto_san_validation": "sni" not in tls and not names}
    options = {
        "@type": f"type.googleapis.com/{_HTTP}",
        "upstream_http_protocol_options": by_host,
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": context},
        "typed_extension_protocol_options": {_HTTP: options},
    }


@asynccontextmanager
async def provider(certificate: tuple[Path, Path]) -> AsyncIterator[tuple[str, Upstream]]:
    """A provider that shows a certificate: its address, and what it was told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    async with scripted_upstream(context) as upstream:
        upstream.answer = Answer([b'{"choices": []}'], JSON)
        yield upstream.url.partition("//")[2], upstream


async def told_through_istio(binary: str, folder: Path, tls: Any, authority: Authority, host: str) -> tuple[int, int]:
    """The status that a client gets, and how many requests a provider with a certificate for a host was told."""

    def alter(config: Any) -> None:
        [llm, tidegate] = config["static_resources"]["clusters"]
        llm |= as_istio_makes(tls, authority)
        config["static_resources"]["clusters"] = [llm]
        manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        del manager["http_filters"][0]  # the guard is not what is asked here
        assert tidegate["name"] == "tidegate"

    async with (
        provider(authority.issue("provider", host=host)) as (address, upstream),
        running_envoy(binary, folder, socket="/unused", upstream=address, alter=alter) as url,
    ):
        return await ask(url, HOST), len(upstream.requests)


def shipped() -> Any:
    """The TLS settings of the example for Istio."""
    rule = one(read("istio/provider.yaml"), "DestinationRule")["spec"]
    return rule["trafficPolicy"]["portLevelSettings"][0]["tls"]


async def test_istios_envoy_takes_the_providers_certificate(binary: str, tmp_path: Path, authority: Authority):
    assert await told_through_istio(binary, tmp_path, shipped(), authority, HOST) == (200, 1)


async def test_istios_envoy_tells_nothing_to_whoever_shows_another_name(
    binary: str, tmp_path: Path, authority: Authority
):
    assert await told_through_istio(binary, tmp_path, shipped(), authority, OTHER) == (503, 0)


async def test_with_an_sni_in_the_names_place_another_name_would_be_taken(
    binary: str, tmp_path: Path, authority: Authority
):
    """Why the example has none."""
    assert await told_through_istio(binary, tmp_path, {"sni": HOST}, authority, OTHER) == (200, 1)


# -- the service, behind an Envoy of one's own -------------------------------------------------------------------------


@asynccontextmanager
async def guarded_over_tls(
    binary: str, folder: Path, authority: Authority, host: str
) -> AsyncIterator[tuple[str, Upstream]]:
    """Envoy with the shipped cluster for TLS before a service with a certificate for a host."""
    server_cert, server_key = authority.issue("server", host=host)
    tls = Tls(cert=server_cert, key=server_key, client_ca=authority.ca)
    async with guarding(folder) as (engine, _), scripted_upstream() as upstream:
        upstream.answer = Answer([b'{"choices": []}'], JSON)
        processor = ExternalProcessor(engine, ExtProc(enabled=True))
        server = GrpcServer(engine, Grpc(listen=("127.0.0.1:0",), tls=tls), engine.limits, processor)
        await server.start()
        try:

            def alter(config: Any) -> None:
                cluster = _with_files(authority)
                port = int(server.addresses[0].rpartition(":")[2])
                endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
                endpoint["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
                config["static_resources"]["clusters"][1] = cluster

            async with running_envoy(binary, folder, socket="/unused", upstream=upstream.url, alter=alter) as url:
                yield url, upstream
        finally:
            await server.stop()


def _with_files(authority: Authority) -> Any:
    """The shipped cluster, with the authority's files in place of those it names."""
    cert, key = authority.issue("envoy")
    text = json.dumps(copy.deepcopy(read("envoy/tls.yaml")[0]))
    for name, file in {"ca.crt": authority.ca, "tls.crt": cert, "tls.key": key}.items():
        text = text.replace(f"/etc/envoy/tidegate/{name}", str(file))
    return json.loads(text)


async def test_envoy_reaches_the_service_over_tls(binary: str, tmp_path: Path, authority: Authority):
    async with guarded_over_tls(binary, tmp_path, authority, SERVICE) as (url, upstream):
        assert await ask(url, HOST) == 200
        assert MASKED.encode() in upstream.requests[0].body


async def test_a_service_with_another_name_is_not_handed_anything(binary: str, tmp_path: Path, authority: Authority):
    async with guarded_over_tls(binary, tmp_path, authority, OTHER) as (url, upstream):
        assert await ask(url, HOST) >= 500
        assert upstream.requests == []
