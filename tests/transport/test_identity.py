"""Who is asking: what counts, and what nobody can say of itself."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Literal

import aiohttp
import grpc
import pytest
from multidict import CIMultiDict
from pydantic import ValidationError

from sidecar.config import Facts, Grpc
from sidecar.errors import CallerError
from sidecar.outbox.event import StreamDecision
from sidecar.start import StreamStart
from sidecar.transport import envoy_pb as pb
from sidecar.transport.envoy_facts import attributes_of
from sidecar.transport.envoy_pb import ProcessingMode
from sidecar.transport.facts import Caller, named_attributes, pinned, start_of
from sidecar.transport.grpc import GrpcServer
from sidecar.transport.identity import Peer, identity_in, mesh_labels
from tests.proxies import CARD, MASKED, POLICY, guarding, proxied
from tests.transport import test_ext_proc as processor
from tests.upstream import JSON, Answer
from tidegate.v1 import guard_pb2

API = "spiffe://prod/ns/chat/sa/api"
XFCC = f"Hash=abc;URI={API}"
LENIENT = POLICY.replace("name: default", "name: lenient").replace(
    'version: "7"}', 'version: "7"}\nmatch: {labels: {mesh.namespace: chat}}'
)
LENIENT = (
    LENIENT[: LENIENT.index("rules:")] + "rules:\n  - id: note\n    detect: {detector: pii}\n    action: annotate\n"
)
TWO = f"{POLICY}\n---\n{LENIENT}"
"""`default` redacts cards; `lenient`, for namespace `chat` of the mesh, only remarks on them."""


def facts(**values: object) -> Facts:
    return Facts.model_validate(values)


# --- the parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "identity"),
    [
        (XFCC, API),
        (f'By=spiffe://prod/a;Hash=1;Subject="CN=a,O=\\"b;c\\"";URI={API};DNS=x', API),
        (f"URI=spiffe://evil/ns/a/sa/b,{XFCC}", API),  # what the client sent stands before what its proxy wrote
        (f"uri={API};URI=spiffe://second", API),
        (f"{XFCC},Hash=1", ""),
        (f'Subject="URI={API}"', ""),
        (f'{XFCC},Subject="unclosed', ""),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_the_last_element_of_the_header_counts(header: str, identity: str):
    assert identity_in(header) == identity


def test_an_identity_becomes_labels():
    assert mesh_labels(API) == {
        "mesh.identity": API,
        "mesh.trust_domain": "prod",
        "mesh.namespace": "chat",
        "mesh.service_account": "api",
    }
    assert mesh_labels("spiffe://prod/other") == {"mesh.identity": "spiffe://prod/other"}
    assert mesh_labels("") == {}


@pytest.mark.parametrize(
    ("peers", "peer", "counts"),
    [
        ((), Peer("127.0.0.1"), False),
        (("127.0.0.1",), Peer("127.0.0.1"), True),
        (("10.0.0.0/8", "unix"), Peer("10.1.2.3"), True),
        (("10.0.0.0/8", "unix"), Peer("unix"), True),
        (("10.0.0.0/8",), Peer("11.0.0.1"), False),
        (("10.0.0.0/8",), Peer(""), False),
        (("spiffe://prod/ns/mesh/sa/envoy",), Peer("11.0.0.1", ("spiffe://prod/ns/mesh/sa/envoy",)), True),
        (("unix",), Peer("11.0.0.1", ("https://unix",)), False),
    ],
)
def test_the_header_counts_from_configured_peers_only(peers: tuple[str, ...], peer: Peer, counts: bool):
    headers = CIMultiDict({"X-Forwarded-Client-Cert": XFCC, "x-tidegate-policy": "lenient"})
    start = start_of(facts(identity={"xfcc_peers": peers}), Caller(headers, peer), {"model": "m"})
    assert start.labels == (mesh_labels(API) if counts else {})
    assert start.policy == ""


def test_who_reads_says_in_which_languages():
    asked = Caller(CIMultiDict({"Accept-Language": "de-CH,de;q=0.9,en;q=0.8"}))
    assert start_of(facts(), asked, None).languages == ("de-ch", "de", "en")
    assert start_of(facts(headers={"language": ""}), asked, None).languages == ()
    named = facts(attributes={"language": "metadata.locale"})
    assert start_of(named, Caller(CIMultiDict(), Peer(), {"metadata.locale": "fr"}), None).languages == ("fr",)
    assert pinned(facts(), asked, StreamStart()).languages == ("de-ch", "de", "en")


def test_grpcs_names_of_peers():
    auth = {"x509_subject_alternative_name": [b"localhost", API.encode()], "transport_security_type": [b"ssl"]}
    assert Peer.of_grpc("ipv4:10.0.0.1:99", auth) == Peer("10.0.0.1", (API,))
    assert Peer.of_grpc("ipv6:%5B::1%5D:99", {}) == Peer("::1")
    assert Peer.of_grpc("unix:", {}) == Peer("unix")


@pytest.mark.parametrize(
    "values",
    [
        {"labels": {"mesh.identity": API}},
        {"headers": {"labels": {"mesh.namespace": "x-ns"}}},
        {"attributes": {"labels": {"mesh.namespace": "a"}}},
        {"identity": {"xfcc_peers": ["everybody"]}},
    ],
)
def test_settings_that_would_forge_an_identity_are_refused(values: dict[str, object]):
    with pytest.raises(ValidationError):
        facts(**values)


def test_what_envoy_says_wins_over_headers_and_they_over_the_settings():
    settings = facts(
        tenant="fixed", labels={"app": "bot", "route": "fixed"},
        headers={"tenant": "x-tenant", "model": "x-model", "labels": {"route": "x-route", "team": "x-team"}},
        attributes={"tenant": "jwt:claims.tenant", "labels": {"route": "xds.route_name"}},
    )  # fmt: skip
    message = pb.ProcessingRequest()
    message.attributes["envoy.filters.http.ext_proc"].update(
        {"xds.route_name": "chat", "connection.uri_san_peer_certificate": API, "source.port": 7.0}
    )
    message.metadata_context.filter_metadata["jwt"].update({"claims": {"tenant": "acme", "list": [1]}})
    names = {*named_attributes(settings), "source.port", "jwt:claims.list", "jwt:claims", "jwt:none.deep", "none:a"}
    attributes = attributes_of(message, names)
    assert attributes == {
        "xds.route_name": "chat",
        "connection.uri_san_peer_certificate": API,
        "source.port": "7",
        "jwt:claims.tenant": "acme",
    }
    headers = CIMultiDict({"X-Tenant": "forged", "x-route": "forged", "x-team": "red", "x-model": "big"})
    start = start_of(settings, Caller(headers, Peer(), attributes), {"model": "small"})
    assert (start.tenant, start.model) == ("acme", "big")
    assert start.labels == {"app": "bot", "route": "chat", "team": "red", **mesh_labels(API)}


def test_what_the_operator_knows_wins_over_a_grpc_callers_start():
    said = StreamStart(policy="none", tenant="other", labels={"app": "x", "own": "y"}, session_id="s", model="m")
    settings = facts(policy="strict", tenant="acme", labels={"app": "bot"})
    metadata = CIMultiDict({"x-tidegate-session": "t", "x-request-id": "r"})
    start = pinned(settings, Caller(metadata, Peer("10.0.0.1", (API,))), said)
    assert (start.policy, start.tenant, start.session_id, start.request_id) == ("strict", "acme", "s", "r")
    assert start.labels == {"app": "bot", "own": "y", **mesh_labels(API)}
    assert pinned(facts(), Caller(CIMultiDict()), said) == said
    with pytest.raises(CallerError, match="only the mesh"):
        pinned(settings, Caller(metadata), StreamStart(labels={"mesh.namespace": "chat"}))


# --- through the doors: the request can switch nothing off ------------------------------------------------------------

FORGED = {
    "x-forwarded-client-cert": XFCC,
    "x-tidegate-policy": "lenient",
    "x-tidegate-decision": "allow",
    "x-tidegate-tenant": "trusted",
    "mesh.namespace": "chat",
    "x-envoy-peer-metadata": "chat",
}


def forged(text: str) -> bytes:
    """A request that asks in its body, too, not to be checked."""
    document = {**json.loads(processor.request_of(text)), "policy": "lenient", "labels": {"mesh.namespace": "chat"}}
    return json.dumps(document).encode()


@pytest.mark.parametrize(("peers", "policy"), [((), "default"), (("127.0.0.0/8",), "lenient")])
async def test_a_request_chooses_its_policy_at_the_proxy_only_by_an_identity_that_is_proven(
    tmp_path: Path, peers: tuple[str, ...], policy: str
):
    trusting = {"identity": {"xfcc_peers": peers}}
    async with proxied(tmp_path, policy=TWO, facts=trusting) as proxy, aiohttp.ClientSession() as client:
        proxy.upstream.answer = Answer([processor.answer_of("Hello.")], JSON)
        url, headers = f"{proxy.url}/v1/chat/completions?policy=lenient", {**FORGED, "Content-Type": JSON}
        async with client.post(url, data=io.BytesIO(forged(f"card {CARD}")), headers=headers) as response:
            assert response.status == 200
            assert response.headers["x-tidegate-policy"] == f"{policy}@7"
        sent = proxy.upstream.requests[-1].body
        assert ((MASKED if policy == "default" else CARD).encode() in sent, policy) == (True, policy)
        labels = [each.app.labels for each in proxy.violations]
        assert labels == [mesh_labels(API) if policy == "lenient" else {}]


@pytest.mark.parametrize("source", ["request", "attribute"])
async def test_the_same_at_envoy(tmp_path: Path, source: str):
    """What Envoy proves counts; the same said by the request does not."""
    async with processor.processing(tmp_path, policy=TWO) as envoy:
        exchange = envoy.exchange()
        named = {":method": "POST", ":path": processor.PATH, "content-type": JSON, **FORGED}
        mode = ProcessingMode.FULL_DUPLEX_STREAMED
        first = pb.ProcessingRequest(
            request_headers=processor.headers(named),
            protocol_config={"request_body_mode": mode, "response_body_mode": mode},
        )
        if source == "attribute":
            first.attributes["envoy.filters.http.ext_proc"].update({"connection.uri_san_peer_certificate": API})
        await exchange.call.write(first)
        await exchange.send(request_body=pb.HttpBody(body=forged(f"card {CARD}"), end_of_stream=True))
        body = (await exchange.way("request")).body
        assert ((CARD if source == "attribute" else MASKED).encode() in body, source) == (True, source)
        await exchange.answer(processor.answer_of("Hello."), JSON)
        got = await exchange.way("response")
        assert got.added["x-tidegate-policy"] == ("lenient@7" if source == "attribute" else "default@7")
        await exchange.close()


@pytest.mark.parametrize("server", ["light", "grpcio"])
async def test_the_same_on_grpc(tmp_path: Path, server: Literal["light", "grpcio"]):
    trusting = facts(identity={"xfcc_peers": ["127.0.0.1"]}, tenant="acme")
    settings = Grpc(listen=("127.0.0.1:0",), server=server, facts=trusting)
    async with guarding(tmp_path, policy=TWO) as (engine, outbox):
        guard = GrpcServer(engine, settings, engine.limits)
        await guard.start()
        try:
            async with grpc.aio.insecure_channel(guard.addresses[0]) as channel:
                check: Any = channel.unary_unary(
                    "/tidegate.v1.GuardService/Check",
                    request_serializer=lambda message: message.SerializeToString(),
                    response_deserializer=guard_pb2.CheckResponse.FromString,
                )
                start = guard_pb2.Start(tenant="other")
                for metadata in ((), (("x-forwarded-client-cert", XFCC),)):
                    await check(guard_pb2.CheckRequest(start=start, text=f"card {CARD}"), metadata=metadata)
                start.labels["mesh.namespace"] = "chat"
                with pytest.raises(grpc.aio.AioRpcError, match=r"start\.labels"):
                    await check(guard_pb2.CheckRequest(start=start, text=CARD))
        finally:
            await guard.stop()
        ends = [each.data for each in outbox.events if isinstance(each.data, StreamDecision)]
        assert [(each.policy.name, each.ids.tenant) for each in ends] == [("default", "acme"), ("lenient", "acme")]
        assert ends[1].app.labels == mesh_labels(API)
