"""The listener of call-outs: paths, methods, tokens, bounds, and the end of a service."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import aiohttp
import pytest
from pydantic import ValidationError

from sidecar.callouts.catalogue import ADAPTERS
from sidecar.callouts.server import CalloutServer
from sidecar.codec import encoding
from sidecar.config import Callouts
from sidecar.errors import ConfigError
from sidecar.tokens import Token, Tokens, digest_of, new_token
from tests.callouts.serving import CARD, FINE, MASKED, calling


def tokens_of(folder: Path, *entries: str) -> Tokens:
    path = folder / "tokens.yaml"
    path.write_text("tokens:\n" + "".join(f"  - {entry}\n" for entry in entries))
    return Tokens(path)


async def test_what_is_not_there_is_told_with_what_is():
    async with calling() as door:
        assert ", /v1/check, " in (await door.post("/v1/chek", {"text": FINE}))[1]["error"]["message"]
        async with door.http.get(f"{door.url}/v1/check") as answer:
            assert answer.status == 405
            assert "is asked by POST" in (await answer.json())["error"]["message"]


@pytest.mark.parametrize("path", [path for each in ADAPTERS.values() for path in each.paths])
async def test_what_is_nested_too_deep_is_a_mistake_of_whoever_asks(path: str):
    async with calling() as door:
        status, _ = await door.post(path, b'{"a":' * 5000 + b"1" + b"}" * 5000)
        assert status in {400, 422}


async def test_without_a_token_nothing_is_looked_at(tmp_path: Path):
    secret = new_token()
    tokens = tokens_of(
        tmp_path,
        f"{{id: gateway, sha256: {digest_of(secret)}, scopes: [check], tenants: [acme, other]}}",
        f"{{id: elsewhere, sha256: {digest_of('tg_x')}, scopes: [grpc]}}",
        f"{{id: one, sha256: {digest_of('tg_y')}, tenants: [acme]}}",
        f"{{id: old, sha256: {digest_of('tg_z')}, expires: 2020-01-01}}",
    )
    async with calling(tokens=tokens) as door:

        async def ask(token: str | None, tenant: str = "") -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
            body = {"text": CARD} | ({"tenant": tenant} if tenant else {})
            status, answer = await door.post("/v1/check", body, headers=headers)
            return status, answer.get("error", {}).get("message", answer.get("action"))

        assert (await ask(None))[0] == 401
        assert (await ask("tg_wrong"))[0] == 401
        assert (await ask("tg_z"))[0] == 401
        assert await ask("tg_x") == (403, "the token elsewhere is not for check")
        assert await ask(secret) == (403, "the token gateway is not for a call that names no tenant")
        assert await ask(secret, "third") == (403, "the token gateway is not for the tenant 'third'")
        assert not door.decisions
        assert await ask(secret, "acme") == (200, "redact")
        assert await ask("tg_y") == (200, "redact")
        assert [each.ids.tenant for each in door.decisions] == ["acme", "acme"]


async def test_a_401_says_how(tmp_path: Path):
    async with (
        calling(tokens=tokens_of(tmp_path)) as door,
        door.http.post(f"{door.url}/v1/check", json={"text": FINE}) as answer,
    ):
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tidegate"'


def test_tokens_are_taken_and_taken_back_while_it_runs(tmp_path: Path):
    now = 1_700_000_000.0
    path = tmp_path / "tokens.yaml"
    path.write_text(f"tokens: [{{id: a, sha256: {digest_of('tg_a')}}}]")
    tokens = Tokens(path, now=lambda: now)
    assert tokens.of("Bearer tg_a", "check") == Token("a", digest_of("tg_a"))

    path.write_text(f"tokens: [{{id: b, sha256: {digest_of('tg_b')}, scopes: ['*']}}]\n# changed")
    now += 2
    assert tokens.of("bearer tg_b", "check").id == "b"

    path.write_text("tokens: [oops")  # the former ones stay
    now += 2
    assert tokens.of("Bearer tg_b", "check").id == "b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tokens: [oops", "is not YAML"),
        ("tokens: [{id: a}]", "missing required field `sha256`"),
        ("tokens: [{id: a, sha256: abc}]", "the sha256 of a is not 64 hexadecimal digits"),
        (f"tokens: [{{id: a, sha256: {digest_of('x')}}}, {{id: b, sha256: {digest_of('x')}}}]", "are the same token"),
        ("tokes: []", "unknown field `tokes`"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_at_the_start(tmp_path: Path, text: str, said: str):
    path = tmp_path / "tokens.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        Tokens(path)


async def test_a_body_that_is_too_large_is_not_read():
    async with calling(max_request_bytes=100) as door:
        status, answer = await door.post("/v1/check", {"text": "a" * 200})

    assert (status, answer["error"]["type"]) == (413, "too large")


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip", "zstd"])
async def test_an_encoded_body_is_opened(coding: str):
    body = encoding.encode(coding, json.dumps({"text": CARD}).encode())
    async with calling() as door:
        status, answer = await door.post("/v1/check", body, headers={"Content-Encoding": coding})

    assert (status, answer["text"]) == (200, MASKED)


@pytest.mark.parametrize(
    ("coding", "body", "status", "said"),
    [
        ("gzip", b"no gzip at all", 400, "is not encoded as its headers say"),
        ("gzip", encoding.encode("gzip", b"{}")[:-9], 400, "ends in the middle of its encoding"),
        ("gzip", encoding.encode("gzip", b" " * 100_000), 413, "has more than 50000 bytes"),
        ("x-odd", b"{}", 400, "has a content encoding that is not read here"),
    ],
)
async def test_an_encoded_body_that_cannot_be_opened_is_the_callers_error(
    coding: str, body: bytes, status: int, said: str
):
    async with calling(max_request_bytes=50_000) as door:
        answer = await door.post("/v1/check", body, headers={"Content-Encoding": coding})

    assert answer[0] == status
    assert said in answer[1]["error"]["message"]


async def test_a_client_that_waits_with_its_body_is_told_to_send_it():
    async with calling() as door:
        sent = door.http.post(f"{door.url}/v1/check", json={"text": CARD}, expect100=True)
        async with asyncio.timeout(30), sent as answer:
            assert (await answer.json())["text"] == MASKED


async def test_what_runs_may_finish_and_nothing_new_comes():
    async with calling() as door:
        await door.server.drain()
        status, answer = await door.post("/v1/check", {"text": FINE})

    assert (status, answer["error"]["type"]) == (503, "draining")


async def test_an_address_that_is_taken_is_named():
    async with calling() as door:
        other = CalloutServer(door.serving.engine, Callouts(listen=door.server.address))
        with pytest.raises(ConfigError, match=r"callouts\.listen: cannot listen on"):
            await other.start()
        await other.stop()


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_an_address_of_ipv6_is_told_as_it_is_written():
    async with calling() as door:
        other = CalloutServer(door.serving.engine, Callouts(listen="[::1]:0"))
        await other.start()
        assert other.address.startswith("[::1]:")
        async with door.http.post(f"http://{other.address}/v1/check", json={"text": CARD}) as answer:
            assert (await answer.json())["text"] == MASKED
        await other.stop()


def test_an_address_needs_a_port():
    with pytest.raises(ValidationError, match="must be HOST:PORT, such as"):
        Callouts(listen="localhost")


async def test_many_at_once_are_each_answered():
    async with calling() as door, aiohttp.ClientSession() as http:

        async def ask(number: int) -> str:
            async with http.post(f"{door.url}/v1/check", json={"text": f"{number}: {CARD}"}) as answer:
                return str((await answer.json())["text"])

        answers = await asyncio.gather(*map(ask, range(50)))

    assert [each.partition(":")[0] for each in answers] == [str(number) for number in range(50)]
