"""The settings refuse what cannot work, and say what to do."""

from __future__ import annotations

import importlib.util
from base64 import b64decode
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from sidecar.errors import ConfigError
from sidecar.outbox.credentials import Credentials
from sidecar.outbox.event import Kind
from sidecar.outbox.kafka import KafkaSink
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings, Topics


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"security_protocol": "SASL_SSL"}, "needs sasl_username and sasl_password"),
        ({"ssl_key_file": "key.pem"}, "without ssl_cert_file"),
        ({"compression": "brotli"}, "compression"),
        ({"topics": {"violations": "no spaces"}}, "topics.violations"),
        ({"request_timeout_ms": 0}, "request_timeout_ms"),
        ({"brokers": "x"}, "brokers"),
    ],
)
def test_kafka_settings_that_cannot_work_are_refused(values: dict[str, object], says: str):
    with pytest.raises(ValidationError, match=says):
        KafkaSettings.model_validate(values)


@pytest.mark.parametrize(("codec", "extra"), [("lz4", r"aiokafka\[lz4\]"), ("zstd", r"aiokafka\[zstd\]")])
def test_missing_codec_is_named(codec: str, extra: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValidationError, match=extra):
        KafkaSettings.model_validate({"compression": codec})


def test_password_is_not_shown():
    word = "-".join(["not", "to", "be", "seen"])
    settings = KafkaSettings.model_validate(
        {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "u", "sasl_password": word, "bootstrap_servers": "b:1"}
    )
    assert word not in repr(settings)
    assert Credentials(settings).options()["sasl_plain_password"] == word


def test_tls_with_a_missing_certificate_is_refused(tmp_path: Path):
    settings = KafkaSettings(security_protocol="SSL", ssl_ca_file=tmp_path / "no.pem", bootstrap_servers="b:1")
    with pytest.raises(ConfigError, match=r"kafka\.ssl_ca_file: cannot read .*no\.pem: No such file"):
        KafkaSink(settings)


def test_tls_is_on_and_checks_names():
    options = Credentials(KafkaSettings(security_protocol="SSL")).options()
    assert options["ssl_context"].check_hostname
    assert "sasl_mechanism" not in options


@pytest.mark.parametrize(
    "values",
    [{"max_events": 0}, {"max_bytes": 10}, {"durability": "off"}, {"file": "x"}],
    ids=lambda values: next(iter(values)),
)
def test_outbox_settings_that_cannot_work_are_refused(values: dict[str, object]):
    with pytest.raises(ValidationError):
        OutboxSettings.model_validate(values)


def test_unknown_sink_is_refused():
    with pytest.raises(ValidationError, match="sink"):
        EventSettings.model_validate({"sink": "syslog"})


def test_topics_may_be_one_and_the_same():
    topics = Topics(violations="all", decisions="all", faults="faults")
    assert topics.names == ("all", "faults", "tidegate.policies", "tidegate.faults")
    policies, labels, quality = "tidegate.policies", "tidegate.labels", "tidegate.faults"
    assert [topics.of(kind) for kind in Kind] == ["all", "all", "faults", policies, policies, labels, quality]
    assert topics.all_names == (*topics.names, "tidegate.labels")


@pytest.mark.parametrize("password", [None, "in place"])
def test_password_file_is_read_at_each_connection(password: str | None, tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("first\n")
    values = {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "u", "sasl_password_file": file}
    if password is not None:
        with pytest.raises(ValidationError, match="keep one"):
            KafkaSettings.model_validate(values | {"sasl_password": password})
        return
    credentials = Credentials(KafkaSettings.model_validate(values))
    assert credentials.options()["sasl_plain_password"] == "first"
    file.write_text("second\n")
    assert credentials.options()["sasl_plain_password"] == "second"
    file.unlink()
    with pytest.raises(ConfigError, match=r"kafka\.sasl_password_file: cannot read .*password"):
        credentials.options()


async def test_token_is_what_a_command_prints(tmp_path: Path):
    values = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "OAUTHBEARER"}
    with pytest.raises(ValidationError, match=r"needs oauth\.command"):
        KafkaSettings.model_validate(values)
    script = tmp_path / "token"
    for text, says in [("echo abc", ""), ("exit 3", "status 3"), ("true", "printed none")]:
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        settings = KafkaSettings.model_validate(values | {"oauth": {"command": str(script)}})
        provider = Credentials(settings).options()["sasl_oauth_token_provider"]
        if says:
            with pytest.raises(ConfigError, match=says):
                await provider.token()
        else:
            assert await provider.token() == "abc"


async def test_token_of_an_oidc_provider_is_asked_for_with_the_client_s_id_and_secret(tmp_path: Path):
    """A renewed secret on disk is taken at the next connection; a refusal is said without the secret."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret")

    async def answer(request: web.Request) -> web.Response:
        form = await request.post()
        assert (form["grant_type"], form["scope"]) == ("client_credentials", "kafka")
        login = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        if login != "us:s3cret":
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response({"access_token": "abc"})

    application = web.Application()
    application.router.add_post("/token", answer)
    async with TestServer(application) as server:
        oauth = {"token_url": str(server.make_url("/token")), "client_id": "us", "scope": "kafka"}
        settings = KafkaSettings.model_validate(
            {
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "OAUTHBEARER",
                "oauth": oauth | {"client_secret_file": secret},
            }
        )
        provider = Credentials(settings).options()["sasl_oauth_token_provider"]
        assert await provider.token() == "abc"
        secret.write_text("wrong word")
        with pytest.raises(ConfigError, match="401 invalid_client") as raised:
            await provider.token()
        assert "wrong word" not in str(raised.value)


def test_msk_needs_a_region_and_its_signer():
    values = {"security_protocol": "SASL_SSL", "sasl_mechanism": "AWS_MSK_IAM"}
    with pytest.raises(ValidationError, match=r"oauth\.aws_region"):
        KafkaSettings.model_validate(values)
    with pytest.raises(ValidationError, match=r"tidegate-sidecar\[msk\]"):
        KafkaSettings.model_validate(values | {"oauth": {"aws_region": "eu-central-1"}})
