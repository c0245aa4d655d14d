"""What a caller says of a stream when it starts, held against the limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
from msgspec import field

from detectors.task import Task
from sidecar.config import Limits
from sidecar.errors import CallerError
from sidecar.outbox.builders import (
    StreamInfo,
    uuid7,
)
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan
from sidecar.values import (
    Direction,
    Lane,
)
from sidecar.wording.languages import best_liked


class Passage(msgspec.Struct, frozen=True):
    """A text that an answer should rest on. Without an id it is called by its number, from 1."""

    id: str
    text: str


class ClientOutage(msgspec.Struct, frozen=True):
    """What a client says of its calls that found no service: how many, and the first and last, in Unix seconds."""

    passed_calls: int
    passed_chars: int
    blocked_calls: int
    first: float
    last: float


class StreamStart(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a stream when it starts. `trace` is a W3C `traceparent`, or empty."""

    direction: Direction = Direction.OUTPUT
    policy: str = ""
    tenant: str = ""
    session_id: str = ""
    request_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    route: str = ""
    """By which way it came: the name of a route, or a path."""
    prompt_version: str = ""
    prompt: str = ""
    context: tuple[Passage, ...] = ()
    task: Task | None = None
    """What a model's calls are to serve; None where nobody told: then `prompt`, and `context` as what was read."""
    relevant: tuple[str, ...] = ()
    """Ids of the passages that are relevant, where somebody labelled that: retrieved or not."""
    passages_left_out: int = 0
    """How many more there were, past a limit: the summary says so."""
    history: Collection[Lane] | None = None
    """The lanes of a request that are no new words of the user's, nor the operator's; None where nobody tells."""
    trace: str = ""
    asked_ms: float | None = None
    """When the model was asked whose answer this is, by the clock; None where its pace is not to be measured."""
    languages: tuple[str, ...] = ()
    """Of whoever reads what is said, the best liked first, in small letters."""
    outage: ClientOutage | None = None
    """What became of calls before this one."""

    @property
    def known_task(self) -> Task | None:
        """What a model's calls are to serve, as far as anybody told."""
        if self.task is not None or not self.prompt:
            return self.task
        return Task((self.prompt,), untrusted=[each.text for each in self.context])

    @property
    def facts(self) -> StreamFacts:
        """What policies may rest on."""
        return StreamFacts(
            self.direction,
            self.tenant,
            self.model,
            self.route,
            self.prompt_version,
            self.labels,
            self.attributes,
            best_liked(self.languages),
        )


def check_start(start: StreamStart, limits: Limits) -> None:
    """Raise `CallerError` when something in `start` is past its limit."""
    for name in ("policy", "tenant", "session_id", "request_id", "model", "route", "prompt_version"):
        _check_size(f"start.{name}", len(getattr(start, name)), limits.max_name_chars, "characters")
    for name in ("labels", "attributes"):
        entries: Mapping[str, str] = getattr(start, name)
        _check_size(f"start.{name}", len(entries), limits.max_labels, "entries")
        longest = max((len(text) for entry in entries.items() for text in entry), default=0)
        _check_size(f"start.{name}", longest, limits.max_name_chars, "characters in a key or value")
    _check_size("start.relevant", len(start.relevant), limits.max_context_passages, "ids")
    _check_size(
        "start.relevant", max(map(len, start.relevant), default=0), limits.max_name_chars, "characters in an id"
    )
    check_context("start.context", start.context, limits, chars=len(start.prompt))


def check_context(
    field_name: str, passages: Sequence[Passage], limits: Limits, *, chars: int = 0, count: int = 0
) -> None:
    """Raise `CallerError` when passages are past a limit; so many characters, and passages, were there before."""
    _check_size(field_name, count + len(passages), limits.max_context_passages, "passages")
    longest = max((len(passage.id) for passage in passages), default=0)
    _check_size(f"{field_name}.id", longest, limits.max_name_chars, "characters")
    chars += sum(len(passage.text) for passage in passages)
    _check_size(field_name, chars, limits.max_context_chars, "characters, the prompt included")


def _check_size(field_name: str, size: int, limit: int, unit: str) -> None:
    if size > limit:
        raise CallerError(f"has {size} {unit}; at most {limit} are allowed", field=field_name, limit=limit)


def info_of(plan: Plan, start: StreamStart, unix_seconds: float, stream_id: str = "") -> StreamInfo:
    """What events say of a stream with this start, which begins now; under a new id, unless it has one."""
    return StreamInfo(
        stream_id=stream_id or uuid7(unix_seconds),
        direction=start.direction,
        policy=plan.name,
        policy_version=plan.version,
        policy_digest=plan.digest,
        tenant=start.tenant,
        session_id=start.session_id,
        request_id=start.request_id,
        trace=start.trace,
        labels=start.labels,
        attributes=start.attributes,
        model=start.model,
        prompt_version=start.prompt_version,
    )
