"""The settings of the outbox and of where its events go: the sections `outbox`, `events` and `kafka`."""

from __future__ import annotations

import importlib.util
import json
import shlex
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from sidecar.outbox.event import Kind
from sidecar.outbox.sink_settings import SinkEntry, as_list, require_apart
from sidecar.spelling import TOPIC, spelled

SinkName: TypeAlias = Literal["kafka", "file", "stdout", "none"]
Format: TypeAlias = Literal["json", "protobuf"]
TopicName: TypeAlias = Annotated[str, spelled(*TOPIC)]
SchemaId: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
Milliseconds: TypeAlias = Annotated[int, Field(ge=1, le=600_000)]

_CODEC_MODULES = {"lz4": ("cramjam", "lz4"), "zstd": ("cramjam", "zstd")}
"""Compression -> the module it needs, and the extra of aiokafka that brings it."""


def _words(value: object) -> object:
    """A command as it stands in an environment variable: a JSON list, or words as a shell would part them."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.lstrip().startswith("[") else shlex.split(value)


def _list(value: object) -> object:
    """A list as it stands in an environment variable: a JSON list, or words between commas."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.lstrip().startswith("[") else [word.strip() for word in value.split(",") if word]


class _Section(BaseModel):
    """A part of the settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OutboxSettings(_Section):
    """The SQLite file that events are committed to before what they record is shown."""

    path: Path = Path("tidegate-outbox.db")
    """Beside it stand `-wal`, `-shm` and `.lock`; the directory must be writable and, to survive restarts, lasting."""
    max_events: Annotated[int, Field(ge=1)] = 100_000
    """Past this, or past `max_bytes`, the lowest severity goes first, oldest first, counted."""
    max_bytes: Annotated[int, Field(ge=1024)] = 256 * 1024 * 1024
    """Of events; the file may be up to twice as large."""
    take_over: bool = True
    """Whether the outboxes that former workers left beside this one are published too, until they are empty."""
    memory_bytes: Annotated[int, Field(ge=1024)] = 16 * 1024 * 1024
    """Of events that are kept in memory while the file cannot be written."""
    patience_ms: Milliseconds = 1000
    """The longest that a stream waits for its event to be recorded; a disk that is slower still gets it."""
    worker: Annotated[int, Field(ge=0)] | None = None
    """Which of several workers' this outbox is: set by `workers`, so that no other service takes it over."""
    forget_sinks: Annotated[tuple[str, ...], BeforeValidator(_list)] = ()
    """Sinks that are no more: what the outbox keeps for them is deleted at the start."""
    durability: Literal["full", "normal"] = "full"
    """`full` survives a power cut, `normal` only the end of the process (kill -9), and is a little faster."""


class EventSettings(_Section):
    """Where events go: to one sink (`sink`) or several (`sinks`).

    Without either, to Kafka when `kafka.bootstrap_servers` is set, else they stay in the outbox.
    """

    sink: SinkName | None = None
    sinks: Annotated[tuple[SinkEntry, ...], BeforeValidator(as_list)] = ()
    """Several at a time, each with its own filter and view."""
    format: Format = "json"
    """What Kafka gets; `file` and `stdout` always get JSON lines."""
    file: Path = Path("tidegate-events.jsonl")
    """For the `file` sink. Opened anew for each batch, so it may be rotated by renaming."""
    batch_events: Annotated[int, Field(ge=1, le=10_000)] = 500
    """How many events are on their way at once."""
    linger_ms: Annotated[int, Field(ge=0, le=60_000)] = 5
    """How long to wait for more before a batch leaves. A stream never waits for this."""
    max_backoff_ms: Milliseconds = 30_000
    """The longest wait between two tries while the sink does not answer."""
    evidence: Literal["none", "hash", "shape", "masked", "encrypted"] = "shape"
    """What events keep of a matched text, where its rule does not say. `raw` is a rule's to say, with a reason."""
    evidence_key_file: Path | None = None
    """An X25519 public key in PEM: whom matched texts are encrypted for."""
    signing_key_file: Path | None = None
    """An Ed25519 key in PEM: with it, checkpoints sign the chain of events."""
    checkpoint_events: Annotated[int, Field(ge=1)] = 1000
    """A checkpoint follows so many events,"""
    checkpoint_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """or comes so long after the first that none vouches for."""

    @model_validator(mode="after")
    def _are_apart(self) -> EventSettings:
        if self.sink is not None and self.sinks:
            raise ValueError("sink and sinks are both set; keep sinks, which says more")
        require_apart(self.sinks)
        if self.format == "protobuf" and any(each.kafka and each.kafka.view != "cloudevents" for each in self.sinks):
            raise ValueError(
                "format protobuf writes events as they are; leave out the view of the kafka sink, or format"
            )
        return self


class Topics(_Section):
    """One topic a kind. They may be one and the same; the few checkpoints go beside the policies."""

    violations: TopicName = "tidegate.violations"
    decisions: TopicName = "tidegate.decisions"
    faults: TopicName = "tidegate.faults"
    policies: TopicName = "tidegate.policies"
    checkpoints: TopicName = "tidegate.policies"
    labels: TopicName = "tidegate.labels"
    """What people say of events: written by `tidegate events label`, never by the service."""
    quality: TopicName = "tidegate.faults"
    """What moved: few, so that they need no topic of their own, and may have one."""

    def of(self, kind: Kind) -> str:
        """The topic of one kind of event."""
        match kind:
            case Kind.VIOLATION:
                return self.violations
            case Kind.DECISION:
                return self.decisions
            case Kind.FAULT:
                return self.faults
            case Kind.POLICY:
                return self.policies
            case Kind.CHECKPOINT:
                return self.checkpoints
            case Kind.LABEL:
                return self.labels
            case Kind.DRIFT:
                return self.quality

    @property
    def names(self) -> tuple[str, ...]:
        """Each topic that the service publishes to, once, in a fixed order."""
        return tuple(dict.fromkeys(self.of(kind) for kind in Kind if kind is not Kind.LABEL))

    @property
    def all_names(self) -> tuple[str, ...]:
        """Those, and that of labels."""
        return tuple(dict.fromkeys((*self.names, self.labels)))


class SchemaIds(_Section):
    """Under which id a schema registry has the schema of each kind of event; without one, values have no frame."""

    violation: SchemaId | None = None
    decision: SchemaId | None = None
    fault: SchemaId | None = None
    policy: SchemaId | None = None
    label: SchemaId | None = None

    def of(self, kind: Kind) -> int | None:
        """The id of one kind's schema; None where values have no frame."""
        found: int | None = getattr(self, kind.value, None)
        return found


class OAuthSettings(_Section):
    """Where tokens come from, for OAUTHBEARER: a command that prints one, or an OIDC provider's client credentials."""

    command: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    """A program with its arguments; its output is the token."""
    token_url: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    scope: str = ""
    aws_region: str = ""
    """For AWS_MSK_IAM, whose tokens the package `aws-msk-iam-sasl-signer-python` signs."""


class KafkaSettings(_Section):
    """How to reach Kafka. Events are sent with acks=all and deleted only after the acknowledgement."""

    bootstrap_servers: str = ""
    """`host:port`, several between commas."""
    client_id: str = "tidegate"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: Path | None = None
    """Read at each connection, so that a password may be changed without a restart."""
    oauth: OAuthSettings = OAuthSettings()
    ssl_ca_file: Path | None = None
    """Whose certificates to trust; without it, the system's."""
    ssl_cert_file: Path | None = None
    ssl_key_file: Path | None = None
    ssl_key_password: SecretStr | None = None
    ssl_check_hostname: bool = True
    compression: Literal["none", "gzip", "lz4", "zstd"] = "gzip"
    idempotence: bool = True
    """Have the broker drop repeats of a send; off for brokers that know no producer ids."""
    max_batch_bytes: Annotated[int, Field(ge=1024)] = 262_144
    """The largest batch for one partition; one that a topic's `max.message.bytes` forbids is halved."""
    request_timeout_ms: Milliseconds = 10_000
    """After this without an acknowledgement a send counts as failed and is tried again."""
    topics: Topics = Topics()
    schema_ids: SchemaIds = SchemaIds()
    """For consumers that read with a schema registry's deserializer: values then begin with the id."""

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.security_protocol in {"SSL", "SASL_SSL"}

    @property
    def uses_sasl(self) -> bool:
        """Whether the client signs in with a name and a password."""
        return self.security_protocol in {"SASL_PLAINTEXT", "SASL_SSL"}

    @model_validator(mode="after")
    def _fits_together(self) -> KafkaSettings:
        if self.uses_sasl:
            _require_identity(self)
        if self.sasl_password and self.sasl_password_file:
            raise ValueError("sasl_password and sasl_password_file are both set; keep one")
        if self.ssl_key_file and not self.ssl_cert_file:
            raise ValueError("ssl_key_file is set without ssl_cert_file")
        _require_codec(self.compression)
        return self


def _require_identity(kafka: KafkaSettings) -> None:
    """Raise `ValueError` unless the settings say who signs in."""
    oauth = kafka.oauth
    match kafka.sasl_mechanism:
        case "OAUTHBEARER":
            if not (oauth.command or (oauth.token_url and oauth.client_id)):
                raise ValueError(
                    "sasl_mechanism OAUTHBEARER needs oauth.command, or oauth.token_url and oauth.client_id"
                )
        case "AWS_MSK_IAM":
            _require_signer(oauth)
        case _:
            if not (kafka.sasl_username and (kafka.sasl_password or kafka.sasl_password_file)):
                raise ValueError(
                    f"security_protocol {kafka.security_protocol} needs sasl_username and sasl_password"
                    " or sasl_password_file"
                )


def _require_signer(oauth: OAuthSettings) -> None:
    if not oauth.aws_region:
        raise ValueError("sasl_mechanism AWS_MSK_IAM needs oauth.aws_region")
    if importlib.util.find_spec("aws_msk_iam_sasl_signer") is None:
        raise ValueError("sasl_mechanism AWS_MSK_IAM needs a package: pip install 'tidegate-sidecar[msk]'")


def _require_codec(compression: str) -> None:
    module, extra = _CODEC_MODULES.get(compression, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        raise ValueError(
            f"compression {compression} needs a codec that is not installed: pip install 'aiokafka[{extra}]'"
        )
