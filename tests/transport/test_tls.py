"""Encrypted listeners: TLS, mutual TLS, and certificates that change while the service runs."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

import tidegate
from sidecar.config import Grpc, Tls
from sidecar.errors import ConfigError
from sidecar.transport.identity import mesh_labels
from sidecar.transport.tls import Certificates
from sidecar.values import Action
from tests.fakes import WordScanner, plan, rule
from tests.servers import serving

POLICY = plan((WordScanner(r"\d{4} \d{4}"), [rule(Action.REDACT)]))


class Authority:
    """Signs certificates, in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(self._sign(self.name, self.key, is_ca=True).public_bytes(Encoding.PEM))

    def issue(self, name: str, uri: str = "") -> tuple[Path, Path]:
        """Write a certificate for localhost, and a URI, and its key; both files are replaced as one would."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        cert = self._sign(subject, key, is_ca=False, uri=uri)
        cert_file, key_file = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        _replace(cert_file, cert.public_bytes(Encoding.PEM))
        _replace(key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return cert_file, key_file

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_ca: bool, uri: str = ""
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        names: list[x509.GeneralName] = [x509.DNSName("localhost")]
        names += [x509.UniformResourceIdentifier(uri)] if uri else []
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def _replace(file: Path, content: bytes) -> None:
    temporary = file.with_suffix(".new")
    temporary.write_bytes(content)
    os.replace(temporary, file)


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
        _replace(cert, other_cert.read_bytes())
        assert await check(server.address, trusting(authority)) == "my <WORD>"
        _replace(key, other_key.read_bytes())
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
