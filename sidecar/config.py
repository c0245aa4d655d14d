"""The settings: one YAML file, and an environment variable `TIDEGATE_...` for each key, which wins over the file.

A nested key joins its parts with two underscores: `grpc.listen` is `TIDEGATE_GRPC__LISTEN`. A list is written as JSON
or with commas. An unknown key is an error, in the file and in the environment, and each error names its key.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from detectors.context import CHAR_BYTES
from detectors.models.places import Places
from detectors.models.runtime import PROVIDERS, Runtime
from sidecar.drift.settings import DriftSettings
from sidecar.errors import ConfigError
from sidecar.judges.settings import JudgeSettings
from sidecar.outbox.settings import EventSettings, KafkaSettings, OutboxSettings
from sidecar.spelling import ADDRESS, NAME, URL, spelled
from sidecar.usage import Price, Prices

_PREFIX = "TIDEGATE_"
_NOT_SETTINGS = frozenset({"TIDEGATE_CONFIG"})
_SERVICE_LINK = re.compile(r"(^|_)(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP)(_\w+)?)$")
"""What Kubernetes adds to each pod for a service whose name begins with `tidegate`."""


def _split(value: object) -> object:
    """A list as it stands in an environment variable: JSON, or words between commas."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [word.strip() for word in value.split(",") if word.strip()]
    return _json(value, "neither a JSON list nor words between commas")


def _pairs(value: object) -> object:
    """A mapping as it stands in an environment variable: JSON, or `key=value` between commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("{"):
        return _json(value, "neither a JSON mapping nor key=value between commas")
    pairs = [word.partition("=") for word in value.split(",") if word.strip()]
    return {key.strip(): name.strip() for key, _, name in pairs}


def _json(value: str, otherwise: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(f"is {otherwise}") from None


Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(_split)]
MESH = "mesh."
"""How labels begin that only the mesh may set."""


def _mesh_free(labels: dict[str, str]) -> dict[str, str]:
    if any(label.startswith(MESH) for label in labels):
        raise ValueError(f"labels that begin with `{MESH}` are the mesh's own; choose another name")
    return labels


def _trusted(value: str) -> str:
    """Whose word is believed: checked, so that a slip does not trust everybody or nobody."""
    if value != "unix" and not value.startswith("spiffe://"):
        ip_network(value)
    return value


MeshFreeLabels = Annotated[dict[str, str], AfterValidator(_mesh_free)]
Trusted = Annotated[str, AfterValidator(_trusted)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of the settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FactNames(Section):
    """Under which names facts come; an empty name: they do not. Only what callers cannot forge should be named."""

    session_id: str = ""
    request_id: str = ""
    prompt_version: str = ""
    tenant: str = ""
    model: str = ""
    route: str = ""
    """By which way a request came: the proxy takes its path where nothing says another."""
    policy: str = ""
    """Lets whoever can set it choose what is checked."""
    language: str = ""
    """In which languages people are told things, as a header `accept-language` says it."""
    labels: MeshFreeLabels = Field(default_factory=dict)
    """Label -> name."""


class FactHeaders(FactNames):
    """Which request headers say what."""

    session_id: str = "x-tidegate-session"
    request_id: str = "x-request-id"
    language: str = "accept-language"


class FactAttributes(FactNames):
    """Which of Envoy's attributes say what: one such as `xds.route_name`, or `NAMESPACE:KEY.KEY` of its metadata."""

    route: str = "xds.route_name"


class Identity(Section):
    """Whose word counts for the identity of a caller. It becomes the labels `mesh.*`, which nobody else may set."""

    xfcc_peers: Annotated[tuple[Trusted, ...], BeforeValidator(_split)] = ()
    """Whose header `x-forwarded-client-cert` is believed: an address, a network, `unix`, or a peer's own SPIFFE id."""
    attribute: str = "connection.uri_san_peer_certificate"
    """The Envoy attribute that holds it, where the filter's `request_attributes` ask for that."""


class Facts(Section):
    """What policies match on: fixed, or from trusted headers or Envoy's attributes; the latter win over the former."""

    policy: str = ""
    tenant: str = ""
    labels: MeshFreeLabels = Field(default_factory=dict)
    headers: FactHeaders = FactHeaders()
    attributes: FactAttributes = FactAttributes()
    identity: Identity = Identity()


class Tls(Section):
    """Certificates in PEM files. With `client_ca`, clients must show a certificate that it signed (mTLS).

    The files are looked at again at each handshake, so new certificates are taken without a restart.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None


class Grpc(Section):
    """The gRPC listener. TLS is for the TCP addresses; a Unix socket is guarded by its file mode."""

    listen: Words = ("127.0.0.1:50051",)
    server: Literal["light", "grpcio"] = "light"
    """Who serves addresses without TLS: the service's own light server, or grpcio."""
    unix_socket_mode: Annotated[str, spelled("0?[0-7]{3}", "a file mode in octal, such as 0660")] = "0660"
    share_ports: bool = False
    """Whether other processes may listen on the same TCP ports; the kernel then spreads connections over them."""
    tls: Tls | None = None
    reflection: bool = True
    idle_seconds: Seconds = 300.0
    """A stream whose client sends nothing, or takes nothing, for so long is ended."""
    keepalive_seconds: Seconds = 30.0
    keepalive_timeout_seconds: Seconds = 10.0
    min_ping_interval_seconds: Seconds = 10.0
    """A client that pings more often, and was sent nothing between, is cut off. A fifth earlier is in time: timers
    and networks are not exact."""
    message_seconds: Seconds = 10.0
    """A message that was begun has to be whole by then; a large one has a second more for each 256 KiB."""
    facts: Facts = Facts()
    """What of a stream's start is not the caller's to say; the headers are the call's metadata."""


class Admin(Section):
    """The HTTP listener for health, metrics and version. It answers anybody, so it listens on loopback by itself."""

    listen: str = "127.0.0.1:9464"
    console: bool = True
    """Whether a page for people is at `/`: read-only, without checked text, but with the ids of sessions."""


class Requests(Section):
    """What requests over HTTP may be, and what is known of them."""

    facts: Facts = Facts()
    max_request_bytes: Count = 16 * 1024 * 1024
    body_seconds: Seconds = 60.0
    """How long a request may take to arrive."""


class Guarded(Requests):
    """How traffic of providers' HTTP APIs is guarded, whoever brings it here."""

    unknown: Literal["guard", "refuse", "pass"] = "guard"
    """Paths of no API that is known: all texts of their requests and answers are guarded; they are not served; or they
    pass, marked `unguarded` and reported as unscanned."""
    unknown_bodies: Literal["pass", "refuse"] = "refuse"
    """Requests and answers that cannot be read: not what their path says, or in no format or charset that is known."""
    upgrades: Literal["refuse", "pass"] = "refuse"
    """WebSocket and its like: nothing in them is read. What passes is marked and reported as unscanned."""
    refusals: Literal["answer", "error"] = "answer"
    """What whoever asked is told of a request that a policy refuses: the policy's message as the assistant's answer,
    where the request is a turn of a chat, as interfaces show nothing of an error; or an error, as providers tell it."""
    encodings: Literal["decode", "pass", "refuse"] = "decode"
    """Bodies in gzip, deflate, br or zstd: opened, guarded and encoded again; passed, reported as unscanned; or not.
    Other codings are bodies that cannot be read: `unknown_bodies`."""
    text_paths: Words = ()
    """Paths whose requests and answers are plain text; `*` stands for anything."""
    block_join: Literal["paragraph", "plain"] = "paragraph"
    """How a block's message stands behind text that was let out before: what is open there (a code block, a formula, a
    folded part) is closed, and the message is a paragraph of its own; or right behind it."""
    max_answer_bytes: Count = 16 * 1024 * 1024
    """Of an answer that is one document."""
    max_frame_bytes: Count = 4 * 1024 * 1024
    """Of one event of a streamed answer."""

    @model_validator(mode="before")
    @classmethod
    def _takes_the_older_name(cls, values: Any) -> Any:
        """`unknown_paths` is what `unknown` was called while unknown paths could not be guarded."""
        if not isinstance(values, dict) or "unknown_paths" not in values:
            return values
        if "unknown" in values:
            raise ValueError("unknown and unknown_paths are the same setting; keep unknown")
        return {"unknown" if key == "unknown_paths" else key: value for key, value in values.items()}


class ExtProc(Guarded):
    """Envoy's external processor, on the gRPC listener."""

    enabled: bool = False


class ExtMcp(Section):
    """agentgateway's `ExtMcp`, on the gRPC listener."""

    enabled: bool = False
    facts: Facts = Facts()
    """What policies match on; `attributes` are the names of the gateway's `metadata`."""
    state: Path | None = None
    """A file that pins the definitions of tools across restarts; without it, while the service runs."""
    accept_changes: bool = False
    """Whether tools that changed since `state` was written are pinned anew."""


class Proxy(Guarded):
    """The guarding HTTP proxy. It runs when `upstream` is set."""

    listen: str = "127.0.0.1:8080"
    share_port: bool = False
    """Whether other processes may listen on the same port, as in `grpc`."""
    upstream: str = ""
    """The provider's base URL, such as `http://localhost:11434`; request paths are put behind it."""
    connect_seconds: Seconds = 10.0
    idle_seconds: Seconds = 300.0
    """How long the upstream may say nothing."""

    @field_validator("upstream")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", value):
            raise ValueError("must be a URL such as http://localhost:11434")
        return value.rstrip("/")


class Callouts(Requests):
    """The listener for gateways and programs that ask what to do with a text. It runs when `listen` is set."""

    listen: Annotated[str, spelled(*ADDRESS)] = ""
    """`HOST:PORT`; port 0 chooses one, which the log names."""
    share_port: bool = False
    """Whether other processes may listen on the same port, as in `grpc`."""
    adapters: Words = ()
    """Whose forms are served, by name; without any, all of them."""


class McpServer(Section):
    """A server of the Model Context Protocol that is reached over HTTP."""

    upstream: Annotated[str, spelled(*URL)]
    """Its URL, as clients would be given it."""
    path: Annotated[str, spelled(r"(/[^?#~\s]*)?", "a path that begins with `/`, without `?`, `#` and `~`")] = ""
    """Where clients reach it here; empty: `/` and its name."""


class Mcp(Requests):
    """The listener for MCP over HTTP, where clients come in place of a server's URL. It runs when `listen` is set."""

    listen: Annotated[str, spelled(*ADDRESS)] = ""
    """`HOST:PORT`; port 0 chooses one, which the log names."""
    servers: Annotated[dict[Annotated[str, spelled(*NAME)], McpServer], BeforeValidator(_pairs)] = Field(
        default_factory=dict
    )
    """By name, by which pins and policies know them (`match.routes: [mcp/NAME]`)."""
    state: Path | None = None
    """A file that pins the definitions of tools across restarts; without it, while the service runs."""
    accept_changes: bool = False
    """Whether tools that changed since `state` was written are pinned anew."""
    origins: Words = ()
    """Origins of web pages that may ask, such as `https://app.example.com`, beside those of this machine's own."""
    public_url: Annotated[str, spelled(r"(https?://[^?#\s]+)?", "a URL without a query")] = ""
    """How clients reach the listener, for metadata of servers' authorization; empty: as each request says."""
    connect_seconds: Seconds = 10.0
    idle_seconds: Seconds = 300.0
    """How long a server may say nothing while it answers."""
    stream_seconds: Seconds = 3600.0
    """How long a stream of what a server says by itself may be silent."""
    max_message_bytes: Count = 16 * 1024 * 1024
    """A message of a server's that is longer does not pass. One of a client's: `max_request_bytes`."""
    max_exchanges: Count = 2000
    """Requests that are served, and streams that are open, at a time."""
    max_sessions: Count = 1000
    """Past it, one that is idle is forgotten, and taken up again when it comes back."""
    session_seconds: Seconds = 3600.0
    """After so long without a request a session is forgotten; likewise."""

    @model_validator(mode="after")
    def _fits(self) -> Mcp:
        if self.listen and not self.servers:
            raise ValueError("listen needs servers: name one, with its upstream")
        paths = [(each.path or f"/{name}").rstrip("/") for name, each in self.servers.items()]
        if len({*paths}) < len(paths):
            raise ValueError("servers: two have the same path")
        return self


class Auth(Section):
    """Bearer tokens of those who ask. The digests of tokens are in a file, which may change while the service runs."""

    tokens_file: Path | None = None
    """YAML, as `tidegate tokens create` writes it. Without it nobody needs a token."""
    doors: Words = ("callouts", "grpc", "mcp")
    """Where a token is needed. A caller of gRPC that showed a certificate (mTLS) needs none."""

    @field_validator("doors")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted({*names} - {"callouts", "grpc", "mcp"}):
            raise ValueError(f"{', '.join(unknown)} is none of callouts, grpc, mcp")
        return names


class Limits(Section):
    """What one caller may ask for. Past a limit the call fails and says which one."""

    max_streams: Count = 1000
    max_chunk_bytes: Count = 65_536
    max_stream_chars: Count = 2_000_000
    max_context_chars: Count = 500_000
    """The prompt and all passages together."""
    max_context_passages: Count = 256
    max_lanes: Count = 1024
    """Texts of one stream that are open: each message of a conversation is one, and each choice, tool call and block of
    an answer."""
    max_ended_lanes: Count = 16_384
    """Those that ended: some 3.5 KB are kept of each until its stream ends."""
    max_request_texts: Count = 32_768
    """Texts of one request: each message, part, definition, and a call's name and arguments. Past it the request is
    refused as one that is too long. 3 to 4 KB are kept of each until it is checked, however short it is."""
    max_labels: Count = 64
    """Entries in `labels`, and as many in `attributes`."""
    max_name_chars: Count = 256
    """The length of a name, an id, a label or an attribute."""
    stand_ins_kept: Annotated[int, Field(ge=0)] = 100_000
    """Values that are remembered beside those of a running exchange, to be put back for their stand-ins."""
    stand_ins_kept_bytes: Annotated[int, Field(ge=0)] = 32 * 1024 * 1024
    contexts_bytes: Count = 128 * 1024 * 1024
    """What the contexts of all streams may take together; a character counts as `CHAR_BYTES`. Past it streams with a
    context are refused, to try again."""
    context_cache_bytes: Annotated[int, Field(ge=0)] = 32 * 1024 * 1024
    """Passages that are kept indexed, for other streams of the same tenant, counted likewise. 0 shares none."""
    known_texts_bytes: Annotated[int, Field(ge=0)] = 64 * 1024 * 1024
    """What is kept of texts of requests that were checked, some 300 bytes each, so that a history is not read again at
    each turn. 0 keeps nothing."""
    sessions_kept: Annotated[int, Field(ge=0)] = 50_000
    """Sessions of which it is remembered what they did, where a policy asks for that; 0: of none."""
    sessions_kept_bytes: Annotated[int, Field(ge=0)] = 32 * 1024 * 1024
    """What that may take, 1 to 50 KB each."""
    sessions_kept_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    """After so long without a stream a session is forgotten."""
    max_held_call_chars: Count = 1_000_000
    """Text of tool calls of one stream that is held, where they leave whole; past it the rules' fail mode acts."""
    request_bodies_bytes: Count = 256 * 1024 * 1024
    """All request bodies together that are held at a time, by the proxy and by the external processor."""
    events_per_rule: Count = 100
    """Events of one rule in one stream, blocks apart; its decision event counts the rest."""
    inbox_chunks: Count = 64
    """Chunks of one stream that wait for the core; then its reader stops."""

    @model_validator(mode="before")
    @classmethod
    def _takes_characters(cls, values: Any) -> Any:
        """`context_cache_chars` is what `context_cache_bytes` was called when it counted characters."""
        if not isinstance(values, dict) or "context_cache_chars" not in values:
            return values
        if "context_cache_bytes" in values:
            raise ValueError(
                "context_cache_chars and context_cache_bytes are the same setting; keep context_cache_bytes"
            )
        chars = TypeAdapter(Annotated[int, Field(ge=0)]).validate_python(values["context_cache_chars"])
        rest = {key: value for key, value in values.items() if key != "context_cache_chars"}
        return rest | {"context_cache_bytes": chars * CHAR_BYTES}

    @model_validator(mode="after")
    def _holds_a_context(self) -> Limits:
        least = self.max_context_chars * CHAR_BYTES
        if self.contexts_bytes < least:
            message = f"contexts_bytes has no room for one context of max_context_chars: make it {least} or more"
            raise ValueError(message)
        return self


class Policies(Section):
    """Where the policies are, and whether a change there is taken up by itself: in directories, or in a bundle."""

    directories: Paths = (Path("policies"),)
    reload: bool = True
    poll_seconds: Seconds = 2.0
    bundle: str = ""
    """Where a bundle comes from, which takes the place of directories: a folder, a `.tar.gz`, or the URL of one."""
    trusted_keys: Paths = ()
    """Files with public keys: a bundle must be signed by one of them. Without any, none need be."""
    pin: Annotated[str, spelled("(sha256:[0-9a-f]{64})?", "a digest: `sha256:` and 64 hexadecimal digits")] = ""
    """The digest of the one bundle that may be in force, older than the one before or not."""
    keep: Path = Path("tidegate-bundles")
    """A folder for the last good bundle, which is in force at a start when its source is away."""
    bundle_token_file: Path | None = None
    """A file with a bearer token for the URL; read at each request."""
    bundle_poll_seconds: Seconds = 30.0
    """How often a server is asked whether there is another bundle; a fifth sooner or later, by chance."""
    bundle_timeout_seconds: Seconds = 10.0
    max_bundle_bytes: Annotated[int, Field(ge=1024, le=1024**3)] = 16 * 1024 * 1024
    """Packed, and unpacked."""

    @model_validator(mode="after")
    def _is_one_source(self) -> Policies:
        if not self.bundle:
            for name in ("trusted_keys", "pin", "bundle_token_file"):
                if getattr(self, name):
                    raise ValueError(f"{name} is about a bundle, and `bundle` is not set")
        elif self.bundle.startswith("http://") and not (self.trusted_keys or self.pin):
            raise ValueError("bundle comes over plain http, which anybody on the way can change: set trusted_keys")
        return self


class Keys(Section):
    """Secret keys, in place or in a file: for the hash and pseudonym operators, and for the hashes in events.

    Stand-ins are made with `stand_in`, or else with what `redaction` gives.
    """

    stand_in: SecretStr | None = None
    stand_in_file: Path | None = None
    redaction: SecretStr | None = None
    redaction_file: Path | None = None
    hash: SecretStr | None = None
    hash_file: Path | None = None

    @model_validator(mode="after")
    def _one_source_each(self) -> Keys:
        for name in ("stand_in", "redaction", "hash"):
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"{name} and {name}_file are both set; keep one")
        return self

    def redaction_key(self) -> bytes | None:
        """The key of the redaction operators, if there is one. Raises `ConfigError` when its file cannot be read."""
        return _secret(self.redaction, self.redaction_file, "keys.redaction_file")

    def stand_in_key(self) -> bytes | None:
        """The key of stand-ins alone, if there is one. Raises `ConfigError` when its file cannot be read."""
        return _secret(self.stand_in, self.stand_in_file, "keys.stand_in_file")

    def hash_key(self) -> bytes | None:
        """The key of the hashes in events, if there is one. Raises `ConfigError` when its file cannot be read."""
        return _secret(self.hash, self.hash_file, "keys.hash_file")


class SchedulerSettings(Section):
    """How segments are batched for the model detectors."""

    threads: Annotated[int, Field(ge=0)] = 0
    """Batches that run at a time; 0: one for each core of the container's CPU limit, as a pass takes one thread."""
    queue_limit: Count = 8192
    """Segments that wait, at most half of them one tenant's. What comes then is shed, whoever it is of: so the limit is
    for memory, and what would be late is shed long before."""
    max_batch_items: Count = 8
    max_batch_tokens: Count = 512
    """A pass takes one thread: larger batches cost no less for a token, and those in them wait longer."""
    linger_ms: Annotated[int, Field(ge=0)] = 30
    """How long a segment that nobody waits for just now waits for others to share its batch, though a worker is idle;
    at most a tenth of its policy's `max_hold_ms`. First words, prompts and calls do not wait. 0: none does."""
    cache_entries: Annotated[int, Field(ge=0)] = 4096
    """Findings that are kept by a keyed digest of model and text: a repeated passage is read once. 0 keeps none."""
    cache_max_chars: Count = 1024
    """A longer text is not looked up: it hardly comes again."""


class Breaker(Section):
    """When the inference server is left alone, and for how long."""

    failures: Count = 3
    """Calls in a row without an answer; after them none is made for a while."""
    open_seconds: Seconds = 5.0
    """How long none is made. Then a single call tries."""


class ServerTls(Section):
    """How the inference server is trusted. An empty section: by the system's authorities."""

    ca: Path | None = None
    """Whose certificate the server must show."""
    cert: Path | None = None
    key: Path | None = None
    """Our own certificate and key, where the server asks for them."""
    server_name: str = ""
    """The name in the server's certificate, where it is not the target's."""

    @model_validator(mode="after")
    def _is_a_pair(self) -> ServerTls:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together; one of them is missing")
        return self


class Inference(Section):
    """Models that run on an inference server (Open Inference Protocol v2 over gRPC). Without `models`: none does."""

    target: str = ""
    """The server's gRPC address, `HOST:PORT` or `unix:/path`."""
    models: Annotated[dict[str, str], BeforeValidator(_pairs)] = Field(default_factory=dict)
    """Which models: as policies name them -> name on the server; in a variable, `tidegate-encoder=encoder`."""
    tls: ServerTls | None = None
    timeout_ms: Annotated[int, Field(ge=1, le=60_000)] = 150
    """How long a batch may take there and back."""
    fallback: Literal["local", "fail"] = "local"
    """What reads a batch without an answer: the local model, which then is loaded too; or nothing, so that the batch's
    segments fail and each rule's `on_error` applies."""
    breaker: Breaker = Breaker()

    @model_validator(mode="after")
    def _has_a_target(self) -> Inference:
        if bool(self.models) != bool(self.target):
            raise ValueError("target and models go together; one of them is missing")
        if not all(self.models.values()):
            raise ValueError("models maps each name here to its name on the server")
        return self


class Models(Section):
    """Where models lie and how they run. Those that come with Tidegate are always found, after these."""

    directories: Paths = (Path("models"),)
    """Folders of models, searched in this order; `tidegate models add` writes into the first."""
    threads: Annotated[int, Field(ge=0)] = 1
    """Threads of one model's pass; 0: the container's CPU limit. A segment is too short for two to share."""
    providers: Words = ("cpu",)
    """What models run on, the first that is there: `cuda`, `openvino` (builds of ONNX Runtime of their own), `cpu`."""

    @field_validator("providers")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in PROVIDERS]
        if unknown or not names:
            raise ValueError(f"is a list of {', '.join(PROVIDERS)}")
        return names

    def places(self) -> Places:
        """As detectors take it."""
        return Places(self.directories, Runtime(self.threads, self.providers))


class Telemetry(Section):
    """What the service says of itself. Checked text is never part of it."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    traces: Literal["off", "otlp"] = "off"
    """Spans of guarded exchanges and streams, sent over OTLP/HTTP; the variables `OTEL_*` hold beside the settings."""
    trace_events: bool = True
    """Whether violations and evaluations are sent beside spans, as log events. A few receivers take spans alone."""
    otlp_endpoint: Annotated[str, spelled("(https?://[^?#]+)?", "a URL without a query")] = ""
    """The receiver's base URL, such as `http://collector:4318`. Empty: as `OTEL_EXPORTER_OTLP_ENDPOINT` says."""
    usage_label_values: Annotated[int, Field(ge=0, le=1000)] = 50
    """Tenants, apps, models and prompt versions, so many of each, that have series of their own; the rest are `other`.
    """


class PriceSettings(Section):
    """What a model costs, for a million tokens."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)]
    cached: Annotated[float, Field(ge=0)] | None = None
    """Of input that the provider's cache gave; without it as any other input."""
    cache_written: Annotated[float, Field(ge=0)] | None = None
    """Of input that its cache took; likewise."""

    def price(self) -> Price:
        """With nothing left open."""
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_written is None else self.cache_written
        return Price(self.input, self.output, cached, written)


class UsageSettings(Section):
    """What answers cost, by the operator's price table."""

    currency: Annotated[str, spelled("[A-Z]{3}", "a currency's three letters, such as EUR")] = "USD"
    prices: Annotated[dict[str, PriceSettings], BeforeValidator(_pairs)] = Field(default_factory=dict)
    """By model, as requests name it; a name may end with `*`. The longest that fits counts."""

    def table(self) -> Prices:
        """As it is asked for prices."""
        return Prices({name: each.price() for name, each in self.prices.items()}, self.currency)


class StoreSettings(Section):
    """A collection of a vector store that has exemplars."""

    kind: Literal["qdrant", "chroma"]
    collection: Annotated[str, Field(min_length=1)]
    url: Annotated[str, spelled(r"(https?://[^/]+:\d+/?)?", "a URL with its port, such as http://localhost:6333")] = ""
    """A server's, with its port; or"""
    path: Path | None = None
    """the folder of a store without one."""
    api_key_file: Path | None = None
    """What the server wants to be shown; read at each try."""
    is_all: Literal["", "attack", "false_alarm"] = ""
    """What all of it is, where points do not say so."""
    vectors_only: bool = False
    """Whether the copy holds vectors in place of texts."""

    @property
    def key(self) -> str:
        """The key in the file. Raises `OSError`."""
        return self.api_key_file.read_text(encoding="utf-8").strip() if self.api_key_file else ""

    @model_validator(mode="after")
    def _is_somewhere(self) -> StoreSettings:
        if bool(self.url) == (self.path is not None):
            raise ValueError("a store is at a url or in a path: state one of the two")
        return self


class ExemplarSettings(Section):
    """Exemplars that come from vector stores, by the names that policies call them."""

    folder: Path = Path("tidegate-exemplars")
    """Where copies lie. On a disk that lasts, the last good ones are there after a restart."""
    refresh_s: Seconds = 60.0
    stores: dict[Annotated[str, spelled(*NAME)], StoreSettings] = Field(default_factory=dict)


class Settings(Section):
    """All settings, each with its default. `load_settings` reads them."""

    grpc: Grpc = Grpc()
    admin: Admin = Admin()
    proxy: Proxy = Proxy()
    ext_proc: ExtProc = ExtProc()
    ext_mcp: ExtMcp = ExtMcp()
    callouts: Callouts = Callouts()
    mcp: Mcp = Mcp()
    auth: Auth = Auth()
    limits: Limits = Limits()
    policies: Policies = Policies()
    exemplars: ExemplarSettings = ExemplarSettings()
    keys: Keys = Keys()
    scheduler: SchedulerSettings = SchedulerSettings()
    inference: Inference = Inference()
    judges: Annotated[
        dict[Annotated[str, spelled(*NAME)], JudgeSettings],
        BeforeValidator(_pairs),
    ] = Field(default_factory=dict)
    models: Models = Models()
    outbox: OutboxSettings = OutboxSettings()
    events: EventSettings = EventSettings()
    kafka: KafkaSettings = KafkaSettings()
    drift: DriftSettings = DriftSettings()
    telemetry: Telemetry = Telemetry()
    usage: UsageSettings = UsageSettings()
    workers: Count = 1
    """Processes that serve the same ports, each with an outbox of its own. One is right for one or two cores."""
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """How long running streams may go on after SIGTERM."""
    drain_pause_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """How long new streams are still taken after SIGTERM, until load balancers have seen that it is not ready."""
    core_dumps: bool = False
    """Whether a crash may leave a core file: an image of the memory, with the texts that were being checked."""
    loop: Literal["auto", "asyncio", "uvloop"] = "auto"
    """The event loop. `auto` is the one that was measured to be cheaper: uvloop."""


def load_settings(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from a YAML file, if one is given, and the environment.

    Raises `ConfigError`, with a line for each key, when the file cannot be read, a key is unknown or a value is wrong.
    """
    from_file = _read_file(file) if file is not None else {}
    from_environment = _read_environment(os.environ if environment is None else environment)
    return checked(_merge(from_file, from_environment), from_environment)


def models_settings(environment: Mapping[str, str] | None = None) -> Models:
    """The section `models` as the environment has it, whatever the rest is like. Raises `ConfigError`."""
    values = _read_environment(os.environ if environment is None else environment).get("models", {})
    return checked({"models": values}, {"models": values}).models


def checked(values: Mapping[str, Any], from_environment: Mapping[str, Any] | None = None) -> Settings:
    """Settings of these values; `from_environment` are those of them that variables set. Raises `ConfigError`."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise _explain(error, from_environment or {}) from None


def _read_file(file: Path) -> dict[str, Any]:
    try:
        values = YAML(typ="safe", pure=True).load(file)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "is not YAML"
        raise ConfigError(f"{file}{place}: {problem}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: must be a mapping of settings")
    return values


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The variables as a tree: `TIDEGATE_GRPC__LISTEN` stands at `grpc`, `listen`."""
    tree: dict[str, Any] = {}
    for variable, value in environment.items():
        if not _is_setting(variable):
            continue
        *sections, key = variable.removeprefix(_PREFIX).lower().split("__")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
            if not isinstance(branch, dict):
                raise ConfigError(f"{variable} is set, and so is a variable for the whole of {section}; keep one")
        branch[key] = value
    return tree


def _is_setting(variable: str) -> bool:
    return (
        variable.startswith(_PREFIX)
        and variable not in _NOT_SETTINGS
        and not _SERVICE_LINK.search(variable.removeprefix(_PREFIX))
    )


def _merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Both trees in one; where both have a value, the second's stands."""
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def _explain(error: ValidationError, from_environment: Mapping[str, Any]) -> ConfigError:
    """Each wrong key with its path, what is wrong, and where it was set. Values are left out: one may be a secret."""
    lines = []
    for each in error.errors(include_url=False, include_input=False):
        path = ".".join(str(step) for step in each["loc"])
        message = "is not a setting" if each["type"] == "extra_forbidden" else each["msg"].removeprefix("Value error, ")
        lines.append(f"{path}: {message}{_origin(each['loc'], from_environment)}")
    return ConfigError("\n".join(lines))


def _origin(location: tuple[int | str, ...], from_environment: Mapping[str, Any]) -> str:
    """The environment variable that set the key, if one did."""
    branch: Any = from_environment
    steps: list[str] = []
    for step in location:
        if not isinstance(branch, dict) or step not in branch:
            break
        branch = branch[step]
        steps.append(str(step).upper())
    return f" (set by {_PREFIX}{'__'.join(steps)})" if steps and not isinstance(branch, dict) else ""


def _secret(value: SecretStr | None, file: Path | None, path: str) -> bytes | None:
    if value is not None:
        return value.get_secret_value().encode()
    if file is None:
        return None
    try:
        return file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", path=path) from None
