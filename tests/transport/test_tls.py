"""Encrypted listeners: TLS, mutual TLS, and certificates that change while the service runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import tidegate
from sidecar.config import Grpc, Tls
from sidecar.errors import ConfigError
from sidecar.transport.identity import mesh_labels
from sidecar.transport.tls import Certificates
from sidecar.values import Action
from tests.certificates import Authority, replace_file
from tests.fakes import WordScanner, plan, rule
from tests.servers import serving

POLICY = plan((WordScanner(r"\d{4} \d{4}"), [rule(Action.REDACT)]))


def listener(tls: Tls) -> Grpc:
    return Grpc(listen=("127.0.0.1:0",), tls=tls)


def trusting(authority: Authority, **files: Path) -> tidegate.Tls:
    return tidegate.Tls(ca=authority.ca, server_name="localhost", **files)


async def check(address: str, tls: tidegate.Tls | None) -> str:
    async with tidegate.AsyncClient(address, tls=tls) as client:
        return (await client.check("my 4111 1111", timeout=10)).text


async def test_tls(tmp_path: Path):
    authority = Authority(tmp_path, "ca")
    cert, key = authority.issue("server")
    async with serving(POLICY, grpc=listener(Tls(cert=cert, key=key))) as server:
        assert await check(server.address, trusting(authority)) == "my <WORD>"
        with pytest.raises(tidegate.Unavailable):
            await check(server.address, trusting(Authority(tmp_path, "other")))
        with pytest.raises(tidegate.Unavailable):
            await check(server.address, None)


async def test_mutual_tls_asks_for_a_certificate(tmp_path: Path):
    authority, clients = Authority(tmp_path, "ca"), Authority(tmp_path, "clients")
    cert, key = authority.issue("server")
    good_cert, good_key = clients.issue("good")
    bad_cert, bad_key = Authority(tmp_path, "strangers").issue("bad")
    async with serving(POLICY, grpc=listener(Tls(cert=cert, key=key, client_ca=clients.ca))) as server:
        assert await check(server.address, trusting(authority, cert=good_cert, key=good_key)) == "my <WORD>"
        with pytest.raises(tidegate.Unavailable):
            await check(server.address, trusting(authority))
        with pytest.raises(tidegate.Unavailable):
            await check(server.address, trusting(authority, cert=bad_cert, key=bad_key))


async def test_new_certificates_are_taken_without_a_restart(tmp_path: Path):
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    cert, key = old.issue("server")
    async with serving(POLICY, grpc=listener(Tls(cert=cert, key=key))) as server:
        assert await check(server.address, trusting(old)) == "my <WORD>"
        new.issue("server")
        assert await check(server.address, trusting(new)) == "my <WORD>"
        with pytest.raises(tidegate.Unavailable):
            await check(server.address, trusting(old))


async def test_a_pair_that_does_not_fit_leaves_the_last_good_one(tmp_path: Path):
    authority = Authority(tmp_path, "ca")
    cert, key = authority.issue("server")
    other_cert, other_key = authority.issue("other")
    async with serving(POLICY, grpc=listener(Tls(cert=cert, key=key))) as server:
        replace_file(cert, other_cert.read_bytes())
        assert await check(server.address, trusting(authority)) == "my <WORD>"
        replace_file(key, other_key.read_bytes())
        assert await check(server.address, trusting(authority)) == "my <WORD>"


@pytest.mark.parametrize("content", [b"", b"not PEM"])
def test_certificates_that_cannot_be_used_are_refused_at_the_start(tmp_path: Path, content: bytes):
    cert, key = Authority(tmp_path, "ca").issue("server")
    cert.write_bytes(content)
    with pytest.raises(ConfigError, match=r"grpc\.tls: the certificates cannot be used"):
        Certificates(Tls(cert=cert, key=key)).credentials()


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"nowhere\.pem"):
        Certificates(Tls(cert=tmp_path / "nowhere.pem", key=tmp_path / "nowhere.pem")).credentials()


async def test_a_clients_certificate_says_who_it_is(tmp_path: Path):
    services, clients = Authority(tmp_path, "services"), Authority(tmp_path, "clients")
    cert, key = services.issue("server")
    identity = "spiffe://prod/ns/chat/sa/api"
    own_cert, own_key = clients.issue("client", identity)
    async with serving(POLICY, grpc=listener(Tls(cert=cert, key=key, client_ca=clients.ca))) as server:
        async with tidegate.AsyncClient(server.address, tls=trusting(services, cert=own_cert, key=own_key)) as client:
            await client.check("1234 5678", labels={"app": "bot"})
        assert [each.app.labels for each in server.violations] == [{"app": "bot", **mesh_labels(identity)}]
