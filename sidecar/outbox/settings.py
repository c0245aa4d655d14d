"""The settings of the outbox and of where its events go: the sections `outbox`, `events` and `kafka`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from sidecar.outbox.event import Kind

SinkName: TypeAlias = Literal["kafka", "file", "stdout", "none"]
Format: TypeAlias = Literal["json", "protobuf"]
TopicName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Milliseconds: TypeAlias = Annotated[int, Field(ge=1, le=600_000)]

_CODEC_MODULES = {"lz4": ("cramjam", "lz4"), "zstd": ("cramjam", "zstd")}
"""Compression -> the module it needs, and the extra of aiokafka that brings it."""


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
    durability: Literal["full", "normal"] = "full"
    """`full` survives a power cut, `normal` only the end of the process (kill -9), and is a little faster."""


class EventSettings(_Section):
    """Where events go. Without `sink`: to Kafka when `kafka.bootstrap_servers` is set, else they stay in the outbox."""

    sink: SinkName | None = None
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


class Topics(_Section):
    """One topic a kind. They may be one and the same."""

    violations: TopicName = "tidegate.violations"
    decisions: TopicName = "tidegate.decisions"
    faults: TopicName = "tidegate.faults"

    def of(self, kind: Kind) -> str:
        """The topic of one kind of event."""
        match kind:
            case Kind.VIOLATION:
                return self.violations
            case Kind.DECISION:
                return self.decisions
            case Kind.FAULT:
                return self.faults

    @property
    def names(self) -> tuple[str, ...]:
        """Each topic once, in a fixed order."""
        return tuple(dict.fromkeys((self.violations, self.decisions, self.faults)))


class KafkaSettings(_Section):
    """How to reach Kafka. Events are sent with acks=all and deleted only after the acknowledgement."""

    bootstrap_servers: str = ""
    """`host:port`, several between commas."""
    client_id: str = "tidegate"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca_file: Path | None = None
    """Whose certificates to trust; without it, the system's."""
    ssl_cert_file: Path | None = None
    ssl_key_file: Path | None = None
    ssl_key_password: SecretStr | None = None
    ssl_check_hostname: bool = True
    compression: Literal["none", "gzip", "lz4", "zstd"] = "gzip"
    idempotence: bool = True
    """Have the broker drop repeats of a send; off for brokers that know no producer ids."""
    max_batch_bytes: Annotated[int, Field(ge=16_384)] = 262_144
    """The largest batch for one partition; at most the broker's `message.max.bytes`."""
    request_timeout_ms: Milliseconds = 10_000
    """After this without an acknowledgement a send counts as failed and is tried again."""
    topics: Topics = Topics()

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
        if self.uses_sasl and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"security_protocol {self.security_protocol} needs sasl_username and sasl_password")
        if self.ssl_key_file and not self.ssl_cert_file:
            raise ValueError("ssl_key_file is set without ssl_cert_file")
        _require_codec(self.compression)
        return self


def _require_codec(compression: str) -> None:
    module, extra = _CODEC_MODULES.get(compression, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        raise ValueError(
            f"compression {compression} needs a codec that is not installed: pip install 'aiokafka[{extra}]'"
        )
