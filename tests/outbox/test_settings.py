"""The settings refuse what cannot work, and say what to do."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from pydantic import ValidationError

from sidecar.errors import ConfigError
from sidecar.outbox.event import Kind
from sidecar.outbox.kafka import client_options
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
    assert client_options(settings)["sasl_plain_password"] == word


def test_tls_with_a_missing_certificate_is_refused(tmp_path: Path):
    settings = KafkaSettings(security_protocol="SSL", ssl_ca_file=tmp_path / "no.pem", bootstrap_servers="b:1")
    with pytest.raises(ConfigError, match="certificates cannot be used"):
        client_options(settings)


def test_tls_is_on_and_checks_names():
    options = client_options(KafkaSettings(security_protocol="SSL", bootstrap_servers="b:1"))
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
    assert topics.names == ("all", "faults")
    assert [topics.of(kind) for kind in Kind] == ["all", "all", "faults"]
