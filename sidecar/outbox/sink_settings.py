"""The settings of several sinks: `events.sinks`, a list with one entry for each, by its kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from sidecar.outbox.selection import Selection
from sidecar.spelling import TOPIC, spelled

View: TypeAlias = Literal["cloudevents", "ocsf", "ecs"]
"""What an event is written as: `sidecar.outbox.views` has them."""
Name: TypeAlias = Annotated[str, spelled("[a-z0-9][a-z0-9-]{0,39}", "small letters, digits and `-`, at most 40")]
Milliseconds: TypeAlias = Annotated[int, Field(ge=1, le=600_000)]
TopicName: TypeAlias = Annotated[str, spelled(*TOPIC)]
TopicKind: TypeAlias = Literal["violations", "decisions", "faults", "policies", "checkpoints", "quality"]


class _Section(BaseModel):
    """A part of the settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Sink(_Section):
    """What every sink has."""

    name: Name | None = None
    """How the outbox, metrics and `tidegate status` call it; without one, by its kind."""
    filter: Selection = Selection()
    """Which events it wants; the others are neither kept nor numbered for it."""
    view: View = "cloudevents"
    """What an event is written as."""


class KafkaEntry(_Sink):
    """The cluster of the section `kafka`, with its topics unless others are named here."""

    topics: dict[TopicKind, TopicName] = {}
    """Topics by kind (`violations`, `decisions`, ...), where they are not those of `kafka.topics`."""


class FileEntry(_Sink):
    """JSON lines in a file; opened anew for each batch, so it may be rotated by renaming."""

    path: Path = Path("tidegate-events.jsonl")


class StdoutEntry(_Sink):
    """JSON lines on standard output."""


class HttpEntry(_Sink):
    """A server that is sent batches."""

    url: str
    batch_events: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How many events go into one request at most."""
    timeout_ms: Milliseconds = 10_000
    """After this without an answer a request counts as failed and is tried again."""
    headers: dict[str, SecretStr] = {}
    """More headers of each request, such as an authorization."""
    header_files: dict[str, Path] = {}
    """Headers whose values stand in files, read when they change."""
    ca_file: Path | None = None
    """Whose certificates to trust; without it, the system's."""

    @model_validator(mode="after")
    def _is_possible(self) -> HttpEntry:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("url must begin with http:// or https:// and name a host")
        if parts.username or parts.password:
            raise ValueError("url holds a login, which logs would show; set headers or header_files instead")
        if self.ca_file and parts.scheme != "https":
            raise ValueError("ca_file is set, and url is not https")
        if both := {name.lower() for name in self.headers} & {name.lower() for name in self.header_files}:
            raise ValueError(f"the header {min(both)} is set by headers and by header_files; keep one")
        return self


class WebhookEntry(HttpEntry):
    """CloudEvents over HTTP, a batch in each request, signed as the Standard Webhooks specification has it."""

    secret: SecretStr | None = None
    """`whsec_` and at least 24 bytes in base64."""
    secret_file: Path | None = None
    """Secrets, one a line, read when the file changes; each request is signed with every one of them."""
    is_unsigned: bool = False
    """Send without a signature."""

    @model_validator(mode="after")
    def _is_signed(self) -> WebhookEntry:
        ways = [self.secret is not None, self.secret_file is not None, self.is_unsigned]
        if sum(ways) != 1:
            raise ValueError("needs one of secret_file, secret and is_unsigned: true")
        return self


class OtlpEntry(HttpEntry):
    """Log records over OTLP/HTTP in protobuf; `url` ends in `/v1/logs` at most collectors."""

    compression: Literal["none", "gzip"] = "gzip"
    resource: dict[str, str] = {}
    """Attributes of the resource, beside `service.name`."""


AnyEntry: TypeAlias = KafkaEntry | FileEntry | StdoutEntry | WebhookEntry | OtlpEntry


class SinkEntry(_Section):
    """One sink: a mapping of its kind to its settings."""

    kafka: KafkaEntry | None = None
    file: FileEntry | None = None
    stdout: StdoutEntry | None = None
    webhook: WebhookEntry | None = None
    otlp: OtlpEntry | None = None

    @model_validator(mode="before")
    @classmethod
    def _plainly(cls, value: object) -> object:
        """A kind alone is one without settings."""
        if isinstance(value, str):
            return {value: {}}
        return (
            {kind: {} if each is None else each for kind, each in value.items()} if isinstance(value, dict) else value
        )

    @model_validator(mode="after")
    def _is_one(self) -> SinkEntry:
        if len(self.model_fields_set) != 1:
            raise ValueError("needs one kind: kafka, file, stdout, webhook or otlp")
        return self

    @property
    def kind(self) -> str:
        """Which kind it is."""
        (kind,) = self.model_fields_set
        return kind

    @property
    def sink(self) -> AnyEntry:
        """Its settings."""
        value: AnyEntry = getattr(self, self.kind)
        return value

    @property
    def name(self) -> str:
        """What it is called."""
        return self.sink.name or self.kind


def as_list(value: object) -> object:
    """The list as it stands in an environment variable: JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('must be a list in JSON, such as [{"stdout": {}}]') from None


def require_apart(sinks: Sequence[SinkEntry]) -> None:
    """Raise `ValueError` when two sinks cannot be told apart, or write to the same place."""
    names: set[str] = set()
    for each in sinks:
        if each.name in names:
            raise ValueError(f"two sinks are called {each.name}; give each a name of its own")
        names.add(each.name)
    places: dict[Any, str] = {}
    for each in sinks:
        other = places.setdefault(_place_of(each), each.name)
        if other != each.name:
            raise ValueError(f"the sinks {other} and {each.name} write to the same place; keep one, or tell them apart")


def _place_of(entry: SinkEntry) -> Any:
    match entry.sink:
        case FileEntry(path=path):
            return ("file", path)
        case KafkaEntry(topics=topics):
            return ("kafka", *sorted(topics.items()))
        case StdoutEntry():
            return "stdout"
        case _:
            return entry.name
