"""Bearer tokens over gRPC: who may ask, and for whom."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import tidegate
from sidecar.tokens import Tokens, digest_of
from sidecar.values import Action
from tests.fakes import WordScanner, plan, rule
from tests.servers import serving

GUARD = plan((WordScanner(r"\d{4} \d{4}"), [rule(Action.REDACT)]), max_hold_ms=60_000)
CARD = "My card is 4111 1111."
MASKED = "My card is <WORD>."


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    path = tmp_path / "tokens.yaml"
    path.write_text(
        "tokens:\n"
        f"  - {{id: app, sha256: {digest_of('tg_app')}, scopes: [grpc], tenants: [acme]}}\n"
        f"  - {{id: gateway, sha256: {digest_of('tg_gateway')}, scopes: [check]}}\n"
    )
    return Tokens(path)


async def test_a_call_is_for_its_tokens_tenant(tokens: Tokens):
    async with serving(GUARD, tokens=tokens) as server, tidegate.AsyncClient(server.address, token="tg_app") as client:
        assert (await client.check(CARD)).text == MASKED
        assert "".join([text async for text in client.stream([CARD], tenant="acme").text()]) == MASKED
        with pytest.raises(tidegate.NotAllowed, match="the token app is not for the tenant 'other'"):
            await client.check(CARD, tenant="other")
        with pytest.raises(tidegate.NotAllowed, match="the token app is not for the tenant 'other'"):
            [text async for text in client.stream([CARD], tenant="other").text()]

        assert [each.ids.tenant for each in server.decisions] == ["acme", "acme"]


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "a token is needed"),
        ("tg_nobodys", "a token is needed"),
        ("tg_gateway", "the token gateway is not for grpc"),
    ],
)
async def test_without_a_token_for_it_nothing_is_looked_at(tokens: Tokens, token: str, said: str):
    async with serving(GUARD, tokens=tokens) as server, tidegate.AsyncClient(server.address, token=token) as client:
        with pytest.raises(tidegate.NotAllowed, match=said):
            await client.check(CARD)
        with pytest.raises(tidegate.NotAllowed, match=said):
            [text async for text in client.stream([CARD]).text()]

        assert not server.decisions


async def test_health_needs_none(tokens: Tokens):
    async with serving(GUARD, tokens=tokens) as server, grpc.aio.insecure_channel(server.address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())  # type: ignore[attr-defined]

    assert answer.status == health_pb2.HealthCheckResponse.SERVING
