"""The one extension point: what a detector is.

A detector reports findings; it never decides and has no threshold. There are two ways to run one:

* a **pattern scanner** reads a lane's text inline as it grows. `start()` opens a `Scan` for one lane; the scan
  remembers how far everything is decided (`cleared`) and is handed the text from there on, with `look_behind`
  characters of context.
* a **batch detector** (segment classifier) is given whole segments, of many streams at once, off the event loop. A
  **pair checker** is one that is given whole sentences of an answer, each with the context it must rest on.

`detectors` knows nothing of gRPC, Kafka or policies.
"""

from __future__ import annotations

import copy
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeGuard, runtime_checkable

import msgspec
from pydantic import BaseModel, ConfigDict

from detectors.context import Context
from detectors.task import Task
from detectors.types import Finding, Look


@dataclass(frozen=True, slots=True)
class AnswerBar:
    """Raises a rule's threshold with the number of sentences, so that an answer is not flagged for its length.

    `sentences` is how many an answer has; `reached` are pairs of a score and the share of borne out sentences that
    reach it, as measured: scores rise, shares fall, both between 0 and 1. Where a share s reaches the threshold,
    1 - (1 - s)^(1/n) may reach the bar of each of n sentences (Sidak 1967): so s of the answers are flagged.
    """

    sentences: int
    reached: tuple[tuple[float, float], ...]

    def least(self, threshold: float, number: int) -> float:
        """The score that counts at an answer's checked sentence `number`, from 1: never below `threshold`."""
        share = _between(self.reached, threshold)
        allowed = 1 - (1 - share) ** (1 / max(number, self.sentences))
        return max(threshold, _between([(share, score) for score, share in reversed(self.reached)], allowed))


def _between(points: Sequence[tuple[float, float]], x: float) -> float:
    """The value at `x` of a line through points of rising x; beyond its ends that of the nearest."""
    after = bisect_right(points, x, key=lambda point: point[0])
    if after in (0, len(points)):
        return points[max(after - 1, 0)][1]
    (left, low), (right, high) = points[after - 1], points[after]
    return low + (high - low) * (x - left) / (right - left)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a rule reads what a pair checker says of one sentence after the other.

    It fires at a sentence that fails and with which at least `consecutive` in a row have failed, and, with `ratio`,
    more than that share of the answer's checked sentences, of which there are at least `ratio_after`. `evidence` says
    that sentences which pass are annotated too. With `answer` a sentence fails by a bar that knows the answer's length.
    """

    consecutive: int = 1
    ratio: float | None = None
    ratio_after: int = 3
    evidence: bool = False
    answer: AnswerBar | None = None


ONE_BY_ONE = Reading()
"""A rule that fires at each sentence that fails."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Whose words, and which texts of theirs, a rule reads: those of the parts, on the channels.

    Parts are `user`, `system`, `model`, `context`, `tool_result` and `tool_definition`; channels are `content`,
    `reasoning`, `tool_arguments` and `other`, the fields that no API is known to have.
    """

    parts: frozenset[str]
    channels: frozenset[str]


THIRD_PARTIES = frozenset({"user", "context", "tool_result", "tool_definition"})
"""Whose words neither the operator nor the model wrote."""
EVERYTHING = Reads(THIRD_PARTIES | {"system", "model"}, frozenset({"content", "reasoning", "tool_arguments", "other"}))


class Params(BaseModel):
    """The keys a policy's `detect:` may give it, beside `labels` and `threshold`. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule_keys: ClassVar[frozenset[str]] = frozenset()
    """The keys that say how a rule reads the findings. Rules that differ in these alone share one detector."""

    def reading(self) -> Reading:
        """How a rule with these parameters reads sentences. Used for pair checkers."""
        return ONE_BY_ONE


class DetectorError(Exception):
    """A detector could not be built or run. The message is for the policy author and holds no checked text.

    `path` says which of the parameters is wrong, such as `("patterns", 2, "regex")`: the author is shown its line.
    `others` are what else is wrong, so that all is told at once.
    """

    def __init__(self, message: str, *, path: Sequence[str | int] = (), others: Sequence[DetectorError] = ()) -> None:
        super().__init__(message)
        self.path = tuple(path)
        self.others = tuple(others)


class ModelUnavailable(DetectorError):  # noqa: N818 - it is what it says, and no fault of the detector
    """The model does not answer just now, whatever the text: trying its texts one by one would not help."""


class Scan(Protocol):
    """A pattern scanner's state for one lane."""

    @property
    def cleared(self) -> int:
        """Every finding that starts before this lane offset is decided and was returned."""
        ...

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """Look at the text that arrived and return the findings that became certain, by start, in lane offsets.

        `text` is the lane's text from lane offset `offset` to all that has arrived; `offset` is at most
        `max(0, cleared - look_behind)`. What is returned over a whole lane does not depend on how often this was
        called. `is_final` says that the lane ends here: then `cleared` becomes the end of the text.
        """
        ...


@runtime_checkable
class ForkingScan(Scan, Protocol):
    """A scan that knows how to make its like. One that does not is copied in depth, all but its scanner."""

    def fork(self) -> Scan:
        """Another scan in the same state: what is done to one does not show in the other."""
        ...


def forked(scan: Scan, scanner: PatternScanner) -> Scan:
    """Another scan in the state of `scan`, which is one of `scanner`'s: to ask what it would say if the text ended."""
    return scan.fork() if isinstance(scan, ForkingScan) else copy.deepcopy(scan, {id(scanner): scanner})


class BatchItem(msgspec.Struct, frozen=True, gc=False):
    """One segment for a batch detector: `text[begin:]` is the segment, `text[:begin]` its left context.

    `part` and `direction` say whose words they are (`user`, `context`, `tool_result`, `model`, ...; `input`, `output`).
    `context` is what the stream's caller had supplied when the segment was complete, for pair checkers.

    `is_early`: it is the beginning of a segment that goes on. Nothing found in it is acted on, but it leaves where
    nothing comes near what would be. So what may yet turn out to be something is told there, with its probability.

    `is_later`: it begins behind the first `FIRST_CHARS` characters of its text.
    """

    text: str
    begin: int
    part: str = "model"
    direction: str = "output"
    context: Context | None = None
    is_early: bool = False
    is_later: bool = False


FIRST_CHARS = 256
"""What begins in so many characters is the beginning of a text, for models that judge what comes later otherwise."""


@runtime_checkable
class PatternScanner(Protocol):
    """Spans, inline. Immutable; shared by all streams."""

    @property
    def name(self) -> str:
        """The detector's name."""
        ...

    @property
    def labels(self) -> frozenset[str]:
        """What it can find."""
        ...

    @property
    def look_behind(self) -> int:
        """Characters left of `cleared` that `advance` must still be given."""
        ...

    @property
    def look_ahead(self) -> int:
        """The most characters that stay undecided (`end of text - cleared`) while the lane is open."""
        ...

    def start(self) -> Scan:
        """Open a scan for one lane, at lane offset 0."""
        ...


_OF_SCANNERS = [name for name in vars(PatternScanner) if not name.startswith("_")]


def is_scanner(detector: object) -> TypeGuard[PatternScanner]:
    """Whether it is a pattern scanner: `isinstance`, which takes 30 us because it works the members out each time."""
    return all(hasattr(detector, name) for name in _OF_SCANNERS)


def plain_words_of(scanner: PatternScanner) -> re.Pattern[str] | None:
    """Words that a scanner holds although nothing of its kind begins with them: its `plain_words`, if it knows any.

    Where text of another lane comes behind such words (a match of the pattern, from its beginning to its end), they are
    let go, and what follows them later is looked at by itself.
    """
    words: re.Pattern[str] | None = getattr(scanner, "plain_words", None)  # to ask a protocol would take 30 us
    return words


@runtime_checkable
class BatchDetector(Protocol):
    """Findings per segment, in batches. Thread-safe; called off the event loop."""

    @property
    def name(self) -> str:
        """The detector's name."""
        ...

    @property
    def labels(self) -> frozenset[str]:
        """What it can find."""
        ...

    @property
    def look_behind(self) -> int:
        """Characters of left context a segment should carry."""
        ...

    @property
    def model(self) -> str:
        """Name and version of the model; requests for the same model may share a batch."""
        ...

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        """Findings per item, spans relative to `item.text`, only within `text[begin:]`.

        An item's findings do not depend on the rest of its batch.
        """
        ...


UNSUPPORTED = "unsupported"
"""A pair checker's finding for each sentence that it checked: the score is 1 - support."""
NEUTRAL = "neutral"
"""A sentence that claims nothing."""
UNCHECKED = "unchecked"
"""A sentence that could not be checked; the reason says why."""
KNOWN_ATTACK = "known_attack"
"""A classifier's finding for a text that is near a known attack: the score says how near."""
KNOWN_FALSE_ALARM = "known_false_alarm"
"""And for a text of which it says nothing else, since it is a known false alarm; the reason says which."""
SUPPORTED = "supported"
"""What a rule calls a sentence that passed."""


@runtime_checkable
class PairChecker(BatchDetector, Protocol):
    """A batch detector that is given the sentences of an answer, with the stream's context.

    For each sentence there is a finding `UNSUPPORTED`, `NEUTRAL` or `UNCHECKED`; others of the same span may follow it.
    """

    @property
    def sentence_tokens(self) -> int:
        """The longest sentence it is given, in estimated word pieces; what is longer is cut."""
        ...

    @property
    def pair_tokens(self) -> int:
        """About how many tokens its model reads for one sentence."""
        ...


@runtime_checkable
class ReadsNames(Protocol):
    """A pattern scanner to which it matters what a value is called: `536228726` is an SSN when its key says `ssn`."""

    def start_named(self, name: str) -> Scan:
        """Open a scan for a lane that is the whole value of something named `name`, at lane offset 0.

        `name` is read as if it stood before the text; no finding lies in it, and offsets count from the text. It may
        be a path (`user.phone`), and is nothing (`""`) where a value has no name.
        """
        ...


def open_scan(scanner: PatternScanner, name: str = "") -> Scan:
    """Open a scan for a lane; `name` is what the text is the value of (a JSON key), for scanners that read names."""
    return scanner.start_named(name) if name and isinstance(scanner, ReadsNames) else scanner.start()


_SIGN = re.compile(r'\\.?|["{}\[\]]', re.DOTALL)
_BLANK = " \t\n\r"


class ObjectForm:
    """Whether a text that comes in pieces is a whole object of JSON: its brackets are counted, each character once.

    What stands between them is not looked at, so that what is whole may be no JSON all the same.
    """

    __slots__ = ("_depth", "_in_string", "_is_escaped", "is_closed", "is_none", "solid")

    def __init__(self) -> None:
        self.is_none = False
        """Whether it can be none, whatever follows: it begins otherwise, or something stands behind it."""
        self.is_closed = False
        """Whether its last bracket came."""
        self.solid = 0
        """How many pieces came that are not blank."""
        self._depth = 0
        self._in_string = False
        self._is_escaped = False

    def add(self, text: str) -> None:
        """Take in more of the text."""
        solid = text.strip(_BLANK)
        if not solid:
            self._is_escaped = self._is_escaped and not text
            return
        self.solid += 1
        self.is_none = self.is_none or self.is_closed or not (self._depth or solid.startswith("{"))
        if not self.is_none:
            self._count(text)

    def _count(self, text: str) -> None:
        begin, self._is_escaped = int(self._is_escaped), False
        for sign in _SIGN.finditer(text, begin):
            match sign[0]:
                case '"':
                    self._in_string = not self._in_string
                case "{" | "[" if not self._in_string:
                    self._depth += 1
                case "}" | "]" if not self._in_string:
                    self._depth -= 1
                    if not self._depth:
                        self.is_closed = True
                        self.is_none = bool(text[sign.end() :].strip(_BLANK))
                        return
                case "\\":
                    self._is_escaped = True


_MOST_OF_CALL = 262_144
"""Characters of a call's arguments that are kept to be judged."""


class ToolCall:
    """What is known of a model's call of a tool, while it comes. Owned by who reads the stream.

    `tool` is the name, as far as it was told (`""`: not at all); `is_name` that the text which is scanned is that name.
    `arguments` are the text as it came: where it is JSON, not decoded. `is_cut` says that they are longer than what is
    kept, `is_over` that nothing more comes, `form` what they are so far. `task` is what the call is to serve, where
    anybody told.
    `unjudged` is why a scanner could not judge it: its to write, and told in the coverage.
    """

    def __init__(self, tool: str = "", *, is_name: bool = False, task: Task | None = None) -> None:
        self.tool = tool
        self.is_name = is_name
        self.task = task
        self.unjudged = ""
        self.is_cut = False
        self.is_over = False
        self.form = ObjectForm()
        self._pieces: list[str] = []
        self._chars = 0

    @property
    def arguments(self) -> str:
        """The text so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def add(self, text: str) -> None:
        """Take in more of the text."""
        self.is_cut = self.is_cut or self._chars + len(text) > _MOST_OF_CALL
        if not self.is_cut:
            self._pieces.append(text)
            self._chars += len(text)
            self.form.add(text)


@runtime_checkable
class ReadsCalls(Protocol):
    """A pattern scanner that judges calls of tools: by what they call, and their arguments as a whole."""

    def start_call(self, call: ToolCall) -> Scan:
        """Open a scan for a lane that is part of a call, at lane offset 0. It reads `call` where the lane ends."""
        ...


def reads_calls(scanner: object) -> bool:
    """Whether a detector judges calls of tools."""
    return hasattr(scanner, "start_call")  # to ask a protocol would take 30 us


def scan_of_call(scanner: PatternScanner, call: ToolCall | None) -> Scan:
    """Open a scan for a lane, which is part of a call or of none."""
    return scanner.start_call(call) if call is not None and isinstance(scanner, ReadsCalls) else scanner.start()


Detector = PatternScanner | BatchDetector


@runtime_checkable
class ShowsLooks(Protocol):
    """A detector that can show how it reads a text, for whoever asks why it said what it said."""

    def looks(self, text: str) -> Sequence[Look]:
        """How it reads a whole text, or a segment, otherwise than as it is written; empty when it does not."""
        ...


def looks_of(detector: Detector, text: str) -> Sequence[Look]:
    """How a detector reads a text otherwise than as it is written, if it does and can show it."""
    return detector.looks(text) if isinstance(detector, ShowsLooks) else ()


@runtime_checkable
class OffersWords(Protocol):
    """What a detector type has beside `DetectorType` of which a parameter is a list of words that are known."""

    @classmethod
    def words(cls) -> Mapping[str, Sequence[str]]:
        """The words, by parameter, that the shipped model knows. Raises `DetectorError` where it is not there."""
        ...


def offered_words(kind: type[DetectorType]) -> Mapping[str, Sequence[str]]:
    """The words that are known of a detector's parameters, by parameter."""
    candidate: object = kind
    return candidate.words() if isinstance(candidate, OffersWords) else {}


def default_reads(kind: type[DetectorType]) -> Reads:
    """What a rule reads that does not say so: the detector type's `reads`, where it has them; else everything."""
    reads: Reads = getattr(kind, "reads", EVERYTHING)  # to ask a protocol would take 30 us
    return reads


class DetectorType(Protocol):
    """What the registry holds: how to make a detector from a policy's words."""

    name: ClassVar[str]
    params: ClassVar[type[Params]]
    summary: ClassVar[str]
    """One line for `--help`, the schema and the docs."""

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """The labels it can find with these parameters, each with the recommended threshold (0..1)."""
        ...

    @classmethod
    def build(cls, params: Params) -> Detector:
        """Make the detector. Raises `DetectorError` when it cannot work (a bad pattern, a missing model)."""
        ...
