"""What the client takes and gives. Offsets are half-open, in Unicode code points of a lane's original text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypeAlias, TypedDict

Direction: TypeAlias = Literal["input", "output"]
Channel: TypeAlias = Literal["content", "reasoning", "tool_arguments", "other"]
Part: TypeAlias = Literal["model", "user", "system", "context", "tool_result", "tool_definition"]
Severity: TypeAlias = Literal["unspecified", "info", "low", "medium", "high", "critical"]
OnBlock: TypeAlias = Literal["raise", "yield"]
OnUnavailable: TypeAlias = Literal["raise", "pass", "block"]
"""While no sidecar answers: raise `Unavailable`; let the text pass unread, marked; or hold it back as if blocked."""


class Action(StrEnum):
    """What was done to text."""

    ALLOW = "allow"
    ANNOTATE = "annotate"
    ADVISE = "advise"
    """The text passed, and the model is to be told something beside it."""
    REDACT = "redact"
    WITHHOLD = "withhold"
    """All of a text of a request's history gave way to a sentence that says so."""
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Lane:
    """One text of a stream: a choice (or message) and its channel. Without `part`: the model's words, or the user's."""

    choice: int = 0
    channel: Channel = "content"
    part: Part | None = None
    item: int = 0
    """Which of several texts of one channel: the number of a tool call, or of a content block."""
    is_name: bool = False
    """Whether the text is the name of the call whose arguments are the lane that is the same but for this."""
    call: str = ""
    """Which tool call, by the id that the model's provider gave it, in place of `item`."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one lane's text. Bytes are UTF-8, and may be cut inside a character."""

    text: str | bytes
    lane: Lane = field(default_factory=Lane)
    ends_lane: bool = False
    """Whether no more text of the lane comes: it is judged finally, and what may leave does. The text may be empty."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that an answer should rest on. Without an id it is called by its number, from 1."""

    text: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens that an answer took, as the model's provider counts them: for the record, and for its cost.

    `input_tokens` is all of the input; `cached_tokens` and `cache_written_tokens` are the parts of it that the
    provider's cache gave, or took. What is not known is None.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_written_tokens: int | None = None


AnyChunk: TypeAlias = str | bytes | tuple[int, Channel, str | bytes | None] | Chunk | Passage | Usage | None
"""What a stream takes: text of the first choice's content, `(choice, channel, text)`, or a `Chunk`.

None, which is what many APIs have where a piece brings no text, is skipped. A `Passage` among them is more context, for
the sentences that are complete only after it. A `Usage` comes last: the stream ends with it.
"""

Context: TypeAlias = Mapping[str, str] | Sequence[str | tuple[str, str]]
"""Texts that an answer should rest on: by id, or in order, each with an id or numbered from 1."""


class StreamOptions(TypedDict, total=False):
    """What may be said of a stream. Nothing here switches a check off."""

    policy: str
    """A policy by name; without one, the first whose `match` accepts the stream, else `default`."""
    direction: Direction
    """Which half of the exchange: `output` unless said otherwise."""
    tenant: str
    session_id: str
    """One conversation: its events stay in order, and a pseudonym stays the same within it."""
    request_id: str
    labels: Mapping[str, str]
    """Facts that policies match on."""
    attributes: Mapping[str, str]
    """Facts that are only recorded."""
    model: str
    prompt_version: str
    prompt: str
    context: Context
    usage: Usage
    """What a whole answer took; of a stream, a `Usage` behind its chunks says so."""
    relevant: Sequence[str]
    """Ids of the passages that are relevant, where somebody labelled that: events then say how good retrieval was."""
    traceparent: str
    """W3C trace context, repeated in the stream's events."""


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open interval of code points."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a sentence rests on: the passage that supports it best, and where in it; none when nothing does.

    `support` is 0 to 1, higher is better. `unsupported` is what of the sentence is not borne out, in the original
    text of the lane. `failed` are exact checks: number, date, name, quote, negation, speaker, hedge, quantifier, order,
    word, citation.
    """

    support: float
    passage: str = ""
    evidence: Span | None = None
    unsupported: Span | None = None
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on text that was released."""

    rule: str
    label: str
    span: Span
    score: float
    reason: str
    grounding: Grounding | None = None
    advice: str = ""
    """What the model is to be told because of it."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """A replaced span, and where its replacement stands in the text of the same message.

    `is_restored`: not a rule's work, but the value that a stand-in stood for; rule and label are empty.
    """

    rule: str
    label: str
    span: Span
    replacement: Span
    is_restored: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Text that may be passed on, in order within its lane. The text may be empty."""

    text: str
    lane: Lane = field(default_factory=Lane)
    input: Span = Span(0, 0)
    annotations: tuple[Annotation, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    is_unguarded: bool = False
    """Nobody looked at this text: no sidecar answered, and the client is set to let text pass then."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A choice was stopped: no release of it follows. `message` is the replacement text for the user.

    `joint` is what to show between the released text and the message, where both are read as Markdown.
    """

    rule: str
    label: str = ""
    reason: str = ""
    message: str = ""
    position: int = 0
    lane: Lane = field(default_factory=Lane)
    joint: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    """A finding that met a rule: what the rule said, and what was done."""

    rule: str
    severity: Severity
    decided: Action
    done: Action
    lane: Lane
    label: str
    span: Span
    score: float
    reason: str
    leaked_chars: int
    is_shadow: bool
    grounding: Grounding | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of one lane was looked at."""

    lane: Lane
    received_chars: int
    released_chars: int
    unscanned_chars: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy that a stream was held to."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class GroundingSummary:
    """What became of the sentences that were compared with the context: counts, and shares of 0 to 1.

    `faithfulness` is the share of the checked sentences that are supported, `context_use` that of the passages that
    supported one best, `context_relevance` how much of the words of the prompt they hold. None: nothing to share out.
    """

    supported: int
    unsupported: int
    neutral: int
    unchecked: int
    unchecked_reasons: Mapping[str, int]
    passages: int
    faithfulness: float | None
    context_use: float | None
    context_relevance: float | None
    passages_left_out: int = 0
    """Passages that a proxy found past a limit: nothing was compared with them."""

    @property
    def hallucination_rate(self) -> float | None:
        """The share of the checked sentences that nothing bears out."""
        return None if self.faithfulness is None else 1 - self.faithfulness


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of a stream. `action` is the strongest that was done; `violations` are the first thousand."""

    stream_id: str
    policy: Policy
    action: Action
    violations: tuple[Violation, ...]
    violation_count: int
    coverage: tuple[Coverage, ...]
    max_held_seconds: float
    median_held_seconds: float
    max_held_chars: int
    grounding: GroundingSummary | None = None
    """Set when the policy has a rule on grounding."""
    notice: str = ""
    """What to tell the person whose prompt this was: something was redacted in it, and the policy has them told."""
    restored: int = 0
    """How many stand-ins gave way to what they stood for."""
    advice: tuple[str, ...] = ()
    """What to tell the model that is asked beside this prompt: notes for its instructions."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of one whole text: `text` is what may be passed on, up to the block if there was one."""

    action: Action
    text: str
    verdict: Verdict | None
    annotations: tuple[Annotation, ...]
    redactions: tuple[Redaction, ...]
    summary: Summary

    is_unguarded: bool = False
    """Nobody looked at the text: no sidecar answered, and the client is set to let text pass then."""

    @property
    def is_blocked(self) -> bool:
        """Whether the text was stopped."""
        return self.verdict is not None


Shown: TypeAlias = Release | Verdict | Summary
"""What a stream gives."""


@dataclass(frozen=True, slots=True)
class Tls:
    """How to encrypt: PEM files. Without `ca`, the system's; `cert` and `key` are for a sidecar that asks for them."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    server_name: str = ""
    """The name in the sidecar's certificate, where it is not the address's."""
