"""The plain values that all layers share. No behaviour beyond what a value knows of itself.

Offsets are half-open, in Unicode code points, counted from the beginning of one lane's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from typing import Literal, TypeAlias, get_args

import msgspec

from detectors.base import FIRST_CHARS, BatchItem
from detectors.context import Context
from detectors.types import Finding, Grounding


class Direction(StrEnum):
    """Which half of an exchange a stream carries."""

    INPUT = "input"
    OUTPUT = "output"

    @property
    def speaker(self) -> Part:
        """Whose words a text of this half is, where nobody says."""
        return Part.USER if self is Direction.INPUT else Part.MODEL


class Channel(StrEnum):
    """Which text of a choice a lane carries."""

    __hash__ = str.__hash__  # an enumeration's own is a call in Python, and lanes are looked up many times a token

    CONTENT = "content"
    REASONING = "reasoning"
    TOOL_ARGUMENTS = "tool_arguments"
    OTHER = "other"
    """A field that no shape knows. It stands beside the parts of an answer, and is no part of their order."""


class Part(StrEnum):
    """Whose words a lane carries: an injection hidden in a document is judged as such."""

    __hash__ = str.__hash__

    MODEL = "model"
    USER = "user"
    SYSTEM = "system"
    CONTEXT = "context"
    TOOL_RESULT = "tool_result"
    TOOL_DEFINITION = "tool_definition"


class Mode(StrEnum):
    """Whether text waits for its verdicts or leaves at once and is cut later."""

    STRICT = "strict"
    OPTIMISTIC = "optimistic"


class ToolCalls(StrEnum):
    """Whether a call of a tool leaves whole and judged, or streams as other text does."""

    WHOLE = "whole"
    STREAM = "stream"


class FailMode(StrEnum):
    """What an answer that never came counts as."""

    FAIL_OPEN = "fail_open"
    FAIL_CLOSED = "fail_closed"


class Enforcement(StrEnum):
    """Whether a rule's decision is carried out or only published."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


ActionName: TypeAlias = Literal["allow", "annotate", "advise", "redact", "withhold", "block"]
SeverityName: TypeAlias = Literal["info", "low", "medium", "high", "critical"]
EvidenceLevel: TypeAlias = Literal["none", "hash", "shape", "masked", "encrypted", "raw"]
"""What an event keeps of a matched text."""
EVIDENCE_LEVELS: tuple[EvidenceLevel, ...] = get_args(EvidenceLevel)
HowEnded: TypeAlias = Literal["finished", "blocked", "cancelled", "failed"]
"""How a stream ended; `cancelled`: the caller left."""

CanarySide: TypeAlias = Literal["canary", "stable"]
"""Whether a stream is held to what is tried, or to what was before."""

_ACTIONS: tuple[ActionName, ...] = get_args(ActionName)
_SEVERITIES: tuple[SeverityName, ...] = get_args(SeverityName)


class Action(IntEnum):
    """What is done to the text, weakest first: the strongest wins on the same text."""

    ALLOW = 0
    ANNOTATE = 1
    ADVISE = 2
    """The text stays, and the model is told something beside it."""
    REDACT = 3
    WITHHOLD = 4
    """All of a text of a request's history gives way to a sentence that says so, and the request goes on."""
    BLOCK = 5

    @property
    def word(self) -> ActionName:
        """As it is written everywhere: in policies, events, marks and metrics."""
        return _ACTIONS[self]

    @classmethod
    def of(cls, word: ActionName) -> Action:
        """The action that is written so."""
        return cls[word.upper()]


class InHistory(StrEnum):
    """What a rule that blocks does in a request's history: withhold the text there, or refuse the request."""

    WITHHOLD = "withhold"
    REFUSE = "refuse"


class SessionMark(StrEnum):
    """What a session did that is harmless by itself: a rule's violation may say so, and stays said."""

    __hash__ = str.__hash__

    UNTRUSTED = "untrusted"
    """It read what strangers may have written."""
    SENSITIVE = "sensitive"
    """It touched what must not get out."""
    SENDS = "sends"
    """It hands something to the outside."""


WITHHELD = "withheld"
"""The name that the sentence in place of a withheld text has where JSON stood, and stands in for a withheld name."""


class Severity(IntEnum):
    """How much a violation matters; the outbox sheds the lowest first."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5

    @property
    def word(self) -> SeverityName:
        """As it is written everywhere."""
        return _SEVERITIES[self - 1]

    @classmethod
    def of(cls, word: SeverityName) -> Severity:
        """The severity that is written so."""
        return cls[word.upper()]


class FailureKind(StrEnum):
    """Why a detector gave no findings for a segment."""

    ERROR = "error"
    TIMEOUT = "timeout"
    SHED = "shed"


class Lane(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """One text of a stream: a choice's channel, or a message of the input. It has its own offsets."""

    choice: int = 0
    channel: Channel = Channel.CONTENT
    part: Part = Part.MODEL
    item: int = 0
    """Which of several texts of one channel: the number of a tool call, or of a content block."""


class Tool(msgspec.Struct, frozen=True, gc=False):
    """Which tool a text of a model's call is for, as far as it was named, and whether the text is that name."""

    name: str
    is_name: bool = False


class Segment(msgspec.Struct, frozen=True, gc=False):
    """What a model detector sees: `text[begin:]` is the segment, `text[:begin]` its left context.

    `start` and `end` are the segment's offsets in its lane; `number` is unique within the stream. `context` is what the
    caller had supplied when the segment was complete.
    """

    number: int
    lane: Lane
    start: int
    end: int
    text: str
    begin: int
    context: Context | None = None
    run: int = 0
    """In which run of its lane's text it ends: text of another lane came before and behind it."""
    is_code: bool = False
    """Whether it is fenced code, which somebody quotes."""
    cleared: int = 0
    """Up to where in its lane its beginning was cleared before it was complete; not behind `start`: not at all."""

    @property
    def is_early(self) -> bool:
        """Whether it is the beginning of a segment, read early: such have numbers of their own, below 0."""
        return self.number < 0

    @property
    def part(self) -> Part:
        """As whose words it is judged: code that a user quotes, as a document."""
        return Part.CONTEXT if self.is_code else self.lane.part

    @property
    def is_later(self) -> bool:
        """Whether it begins behind the beginning of its lane."""
        return self.start >= FIRST_CHARS

    def item(self, direction: Direction) -> BatchItem:
        """What a batch detector is given."""
        return BatchItem(self.text, self.begin, self.part, direction, self.context, self.is_early, self.is_later)

    def to_lane(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Findings in `text`, moved to lane offsets and clipped to the segment: none in the left context."""
        base = self.start - self.begin
        moved = (
            msgspec.structs.replace(
                each,
                start=max(each.start + base, self.start),
                end=min(each.end + base, self.end),
                grounding=each.grounding and _shifted(each.grounding, base),
            )
            for each in findings
        )
        return tuple(each for each in moved if each.end > each.start)


def _shifted(grounding: Grounding, offset: int) -> Grounding:
    """The same, its span of the sentence moved; an empty span stays, as it stands nowhere."""
    start, end = grounding.unsupported_start, grounding.unsupported_end
    if start == end:
        return msgspec.structs.replace(grounding, unsupported_start=0, unsupported_end=0)
    return msgspec.structs.replace(grounding, unsupported_start=start + offset, unsupported_end=end + offset)


class Judged(msgspec.Struct, frozen=True, gc=False):
    """What came of asking a judge. `reason` says it in words of ours, without any of the text."""

    is_unsafe: bool | None
    """None: there is no verdict, and the local one stands."""
    reason: str
    labels: tuple[str, ...] = ()
    """Why it is unsafe."""
    failure: FailureKind | None = None
    """How asking failed, if it did."""

    def confirms(self, labels: frozenset[str]) -> bool | None:
        """Whether a finding is a violation, for a rule to which these labels count; None: the local verdict stands."""
        if self.is_unsafe and labels and labels.isdisjoint(self.labels):
            return None
        return self.is_unsafe


class Found(msgspec.Struct, frozen=True, gc=False):
    """A detector run that ended: its findings, in lane offsets, possibly none."""

    findings: tuple[Finding, ...] = ()
    judged: Judged | None = None
    """What was said of those that are unclear, where a judge was to say it."""


class Failed(msgspec.Struct, frozen=True, gc=False):
    """A detector run that did not end well; the rule's fail mode says what follows."""

    kind: FailureKind
    reason: str = ""


Outcome: TypeAlias = Found | Failed


class Standing(StrEnum):
    """What became of a sentence that was to be compared with a context."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NEUTRAL = "neutral"
    UNCHECKED = "unchecked"


class GroundingTally(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream's answers rest on their context. Shares are 0 to 1, and None where there is nothing to share out."""

    sentences: Mapping[Standing, int]
    unchecked_reasons: Mapping[str, int]
    passages: int
    used_passages: int
    passages_left_out: int = 0
    """Passages past a limit, with which nothing was compared."""
    context_relevance: float | None = None
    """How much of the question's words the context holds: the retrieval's quality, whatever the answer."""

    @property
    def faithfulness(self) -> float | None:
        """The share of the checked sentences that are supported."""
        supported, unsupported = self.sentences[Standing.SUPPORTED], self.sentences[Standing.UNSUPPORTED]
        return supported / (supported + unsupported) if supported + unsupported else None

    @property
    def context_use(self) -> float | None:
        """The share of the passages that supported a sentence best."""
        return self.used_passages / self.passages if self.passages else None


class Exposure(msgspec.Struct, frozen=True, gc=False):
    """How far text had left when a decision took effect.

    `released_to` is the lane offset up to which text had been released; `leaked_chars` counts the characters of the
    finding's span that left as they were; `held_ms` is how long the span's first character was held.
    """

    released_to: int
    leaked_chars: int
    held_ms: float


class SessionStanding(msgspec.Struct, frozen=True):
    """How a session stands, for the record. `stopped_until` is in Unix seconds."""

    risk: float
    violations: int
    marks: frozenset[SessionMark]
    stopped_by: str = ""
    """The escalation's id."""
    stopped_until: float | None = None


def tokens_of(chars: int) -> int:
    """An estimate of the tokens of a text with so many characters: four each, a rule of thumb for English."""
    return -(-chars // 4)


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What one rule decided about one finding, and what was done. One violation event is made from each.

    `decided` is the rule's action; `done` is what happened to the text. They differ in shadow, after release, and when
    a stronger rule acted on the same text. `failure` is set when the decision follows from a detector's failure.
    `excerpt` is the matched text, for evidence; it is redacted or hashed before it leaves the process.
    `number` counts the decisions of a stream from 1, in the order they were made.
    """

    number: int
    rule: int
    lane: Lane
    finding: Finding
    decided: Action
    done: Action
    exposure: Exposure
    excerpt: str
    failure: Failed | None = None
    segment: int | None = None
    model: str = ""
    is_enforced: bool = True
    is_repeated: bool = False
    """Whether it was made, and recorded, when the same text was looked at before: no event is made of it again."""

    @property
    def leaked_chars(self) -> int:
        """Characters that left although an enforced rule redacts or blocks them; shadow lets them out on purpose."""
        return self.exposure.leaked_chars if self.is_enforced and self.decided >= Action.REDACT else 0


class Annotation(msgspec.Struct, frozen=True, gc=False):
    """A remark on released text: which rule, what was found, where in the lane's input."""

    rule: int
    label: str
    start: int
    end: int
    score: float
    reason: str = ""
    grounding: Grounding | None = None
    advice: str = ""
    """What the model is to be told because of it."""


NO_RULE = -1
"""The rule of what no rule did."""


class Redaction(msgspec.Struct, frozen=True, gc=False):
    """A replaced span: lane offsets of the original, and where the replacement stands in the release's own text.

    `is_restored`: a stand-in, in whose place the value stands again that it stood for; no rule and label is told.
    """

    rule: int
    label: str
    start: int
    end: int
    replacement_start: int
    replacement_end: int
    is_restored: bool = False


class Release(msgspec.Struct, frozen=True, gc=False):
    """Text that may leave. `start` and `end` are the input offsets it accounts for; `text` is what to send.

    An empty text is possible: a removal, or an annotation of text that left before.
    """

    lane: Lane
    text: str
    start: int
    end: int
    annotations: tuple[Annotation, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    decisions: tuple[Decision, ...] = ()
    is_withheld: bool = False
    """Whether all of the lane gave way to `text`, which says so. It is then the lane's only release."""


class Blocked(msgspec.Struct, frozen=True, gc=False):
    """A choice was stopped: nothing of it leaves any more. `message` is the replacement text, possibly empty."""

    lane: Lane
    rule: int
    position: int
    message: str
    label: str
    reason: str
    decisions: tuple[Decision, ...] = ()
    failed: Failed | None = None
    """Set when nothing was found, but a model's answer is missing."""

    @property
    def is_late(self) -> bool:
        """Whether it only says that a text was not looked at in time."""
        return self.failed is not None and self.failed.kind is not FailureKind.ERROR


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """Decisions that change no text (shadow, failures that pass): recorded, not sent."""

    lane: Lane
    decisions: tuple[Decision, ...] = ()


Output: TypeAlias = Release | Blocked | Recorded
