"""TLS as the examples set it up, in the real Envoy: the right certificate is taken, one for another name is not."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from sidecar.config import ExtProc, Grpc, Tls
from sidecar.transport.ext_proc import ExternalProcessor
from sidecar.transport.grpc import GrpcServer
from tests.deploy.tools import one, read
from tests.integration.envoy import running_envoy
from tests.integration.mesh import request_of
from tests.proxies import CARD, MASKED, guarding
from tests.upstream import JSON, Answer, Upstream, scripted_upstream

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

HOST = "api.openai.com"
SERVICE = "tidegate.guard.svc"
OTHER = "somebody.example.com"
_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


class Identity(NamedTuple):
    """A certificate that signs itself, so that whoever trusts it trusts it as an authority, and its key."""

    cert: Path
    key: Path


def identity(folder: Path, host: str) -> Identity:
    """One for a host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = Identity(folder / f"{host}.crt", folder / f"{host}.key")
    made.cert.write_bytes(cert.public_bytes(Encoding.PEM))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


async def ask(url: str, host: str) -> int:
    """The status of a chat request that names a card."""
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{url}/v1/chat/completions", json=request_of(CARD), headers={"Host": host}) as response,
    ):
        await response.read()
        return response.status


# -- the provider, behind Istio's Envoy --------------------------------------------------------------------------------


def as_istio_makes(tls: Any, trusted: Path) -> dict[str, Any]:
    """What Istio puts into a cluster for the TLS settings of a DestinationRule with the mode SIMPLE.

    A rule that names an `sni` sends that and has the name unchecked, unless it names `subjectAltNames` too. What is
    trusted stands for the operating system's authorities.
    """
    names = [{"exact": name} for name in tls.get("subjectAltNames", ())]
    checks = {"trusted_ca": {"filename": str(trusted)}, "match_subject_alt_names": names}
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
async def provider(shown: Identity) -> AsyncIterator[tuple[str, Upstream]]:
    """A provider that shows a certificate: its address, and what it was told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*shown)
    async with scripted_upstream(context) as upstream:
        upstream.answer = Answer([b'{"choices": []}'], JSON)
        yield upstream.url.partition("//")[2], upstream


async def told_through_istio(binary: str, folder: Path, tls: Any, host: str) -> tuple[int, int]:
    """The status that a client gets, and how many requests a provider with a certificate for a host was told."""
    shown = identity(folder, host)

    def alter(config: Any) -> None:
        [llm, tidegate] = config["static_resources"]["clusters"]
        llm |= as_istio_makes(tls, shown.cert)
        config["static_resources"]["clusters"] = [llm]
        manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        del manager["http_filters"][0]  # the guard is not what is asked here
        assert tidegate["name"] == "tidegate"

    async with (
        provider(shown) as (address, upstream),
        running_envoy(binary, folder, socket="/unused", upstream=address, alter=alter) as url,
    ):
        return await ask(url, HOST), len(upstream.requests)


def shipped() -> Any:
    """The TLS settings of the example for Istio."""
    rule = one(read("istio/provider.yaml"), "DestinationRule")["spec"]
    return rule["trafficPolicy"]["portLevelSettings"][0]["tls"]


async def test_istios_envoy_takes_the_providers_certificate(binary: str, tmp_path: Path):
    assert await told_through_istio(binary, tmp_path, shipped(), HOST) == (200, 1)


async def test_istios_envoy_tells_nothing_to_whoever_shows_another_name(binary: str, tmp_path: Path):
    assert await told_through_istio(binary, tmp_path, shipped(), OTHER) == (503, 0)


async def test_with_an_sni_in_the_names_place_another_name_would_be_taken(binary: str, tmp_path: Path):
    """Why the example has none."""
    assert await told_through_istio(binary, tmp_path, {"sni": HOST}, OTHER) == (200, 1)


# -- the service, behind an Envoy of one's own -------------------------------------------------------------------------


@asynccontextmanager
async def guarded_over_tls(binary: str, folder: Path, host: str) -> AsyncIterator[tuple[str, Upstream]]:
    """Envoy with the shipped cluster for TLS before a service with a certificate for a host."""
    shown, own = identity(folder, host), identity(folder, "envoy")
    tls = Tls(cert=shown.cert, key=shown.key, client_ca=own.cert)
    async with guarding(folder) as (engine, _), scripted_upstream() as upstream:
        upstream.answer = Answer([b'{"choices": []}'], JSON)
        processor = ExternalProcessor(engine, ExtProc(enabled=True))
        server = GrpcServer(engine, Grpc(listen=("127.0.0.1:0",), tls=tls), engine.limits, processor)
        await server.start()
        try:

            def alter(config: Any) -> None:
                cluster = _with_files(trusted=shown.cert, own=own)
                port = int(server.addresses[0].rpartition(":")[2])
                endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
                endpoint["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
                config["static_resources"]["clusters"][1] = cluster

            async with running_envoy(binary, folder, socket="/unused", upstream=upstream.url, alter=alter) as url:
                yield url, upstream
        finally:
            await server.stop()


def _with_files(*, trusted: Path, own: Identity) -> Any:
    """The shipped cluster, with these files in place of those it names."""
    text = json.dumps(read("envoy/tls.yaml")[0])
    for name, file in {"ca.crt": trusted, "tls.crt": own.cert, "tls.key": own.key}.items():
        text = text.replace(f"/etc/envoy/tidegate/{name}", str(file))
    return json.loads(text)


async def test_envoy_reaches_the_service_over_tls(binary: str, tmp_path: Path):
    async with guarded_over_tls(binary, tmp_path, SERVICE) as (url, upstream):
        assert await ask(url, HOST) == 200
        assert MASKED.encode() in upstream.requests[0].body


async def test_a_service_with_another_name_is_not_handed_anything(binary: str, tmp_path: Path):
    async with guarded_over_tls(binary, tmp_path, OTHER) as (url, upstream):
        assert await ask(url, HOST) >= 500
        assert upstream.requests == []
