"""The doors of the tests' Kafka broker: names and passwords, TLS, client certificates, and rights per topic."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from sidecar.outbox.settings import KafkaSettings, Topics
from tests.certificates import Authority

SASL_LISTENERS = {"SASL": "SASL_PLAINTEXT", "TOKEN": "SASL_PLAINTEXT", "TLS": "SSL", "MUTUAL": "SSL"}
USER = "tidegate"
PASSWORD = "right"
_OAUTH = (
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=us;"
)
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def secured_properties(folder: Path) -> Mapping[str, str]:
    """What makes the listeners work. The broker's certificate is for localhost, its authority lies in the folder."""
    authority = Authority(folder, "authority")
    certificate, key = authority.issue("broker")
    authority.issue("client")
    store = folder / "broker.pem"
    store.write_text(key.read_text() + certificate.read_text())
    tls = {"keystore.type": "PEM", "keystore.location": str(store)}
    trust = {"truststore.type": "PEM", "truststore.location": str(authority.ca)}
    properties = {f"listener.name.tls.ssl.{name}": value for name, value in tls.items()}
    properties |= {f"listener.name.mutual.ssl.{name}": value for name, value in (tls | trust).items()}
    return properties | {
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.sasl.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
        "listener.name.token.oauthbearer.sasl.jaas.config": _OAUTH,
        "listener.name.sasl.scram-sha-256.sasl.jaas.config": _SCRAM,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "connection.failed.authentication.delay.ms": "0",
    }


def unsigned_token(name: str) -> str:
    """A token that a broker takes which validates no signatures: for tests only, as Kafka's documentation says."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": name, "iat": now - 60, "exp": now + 3600})
    encoded = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{'.'.join(encoded)}."


def sasl_settings(address: str, topics: Topics, **values: object) -> KafkaSettings:
    """Settings of a client that signs in."""
    return KafkaSettings.model_validate(
        {
            "bootstrap_servers": address,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_username": USER,
            "topics": topics,
            "request_timeout_ms": 3000,
        }
        | ({} if "sasl_password_file" in values else {"sasl_password": PASSWORD})
        | values
    )
