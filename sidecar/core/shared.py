"""What the lanes of one stream have in common. Owned by the stream."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count

import msgspec

from detectors.base import ToolCall
from detectors.context import Context
from detectors.task import Task
from detectors.types import Finding
from sidecar.core.cuts import Way
from sidecar.core.established import Established
from sidecar.core.items import Item, Source
from sidecar.core.trace import Trace
from sidecar.policy.conditions import Circumstances
from sidecar.policy.decide import Violation
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.session_facts import NOTHING_KNOWN, SessionFacts
from sidecar.policy.stand_ins import Draft, StandIns
from sidecar.values import Action, Channel, Failed, FailMode, FailureKind, InHistory, Lane, Mode, Output, Part
from sidecar.wording.languages import chosen

_NOT_NEW = frozenset({Part.MODEL, Part.CONTEXT, Part.TOOL_RESULT})
"""Whose words are history in any request."""
_OF_CHOICE = 1 << 32
"""What is added to a segment's number for each choice before its own, so that a stream's are all different."""


class Shared:
    """See the module's text. `now_ms` is the time of the present step."""

    __slots__ = (
        "_decisions_made",
        "_failures_told",
        "_history",
        "_holds_calls",
        "_is_strict",
        "_languages",
        "_segments_made",
        "_writes_words",
        "beginnings",
        "calls",
        "circumstances",
        "context",
        "established",
        "held_call_chars",
        "is_redacting",
        "is_request",
        "judges_calls",
        "max_held_call_chars",
        "now_ms",
        "outputs",
        "plan",
        "session_id",
        "stand_ins",
        "task",
        "trace",
    )

    def __init__(
        self,
        plan: Plan,
        session_id: str,
        max_held_call_chars: int | None,
        *,
        is_request: bool = False,
        history: Collection[Lane] | None = None,
        stand_ins: StandIns | None = None,
        languages: Sequence[str] = (),
        facts: SessionFacts = NOTHING_KNOWN,
        circumstances: Circumstances | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.plan = plan
        self.circumstances = circumstances or Circumstances(session=facts)
        self.established = Established(plan, facts)
        self.trace = trace
        self._languages = languages
        self.session_id = session_id
        self.is_request = is_request
        self.stand_ins = stand_ins
        self.is_redacting = plan.redacts
        self._writes_words = any(rule.is_enforced and rule.rewrite and self._writes(rule) for rule in plan.rules)
        self._holds_calls = max_held_call_chars is not None
        self.max_held_call_chars = max_held_call_chars or 0
        self.held_call_chars = 0
        self.judges_calls = plan.judges_calls
        """Whether a rule judges calls of tools by more than their text."""
        self.calls: dict[Lane, ToolCall] = {}
        self.task: Task | None = None
        """What they are to serve, where anybody told."""
        self._is_strict = plan.stream.mode is Mode.STRICT
        self._history = history
        self.outputs: deque[Output] = deque()
        self.context: Context | None = None
        self.now_ms = 0.0
        self._segments_made: defaultdict[int, list[int]] = defaultdict(lambda: [0] * len(Way))
        """By choice; an input has one. What another choice was given, and when, matters to none."""
        self.beginnings = count(-1, -1)
        """The numbers of segments' beginnings that are read early: below 0, so that segments count as without them."""
        self._decisions_made = 0
        self._failures_told: set[tuple[int, FailureKind]] = set()

    def holds(self, lane: Lane) -> bool:
        """Whether a lane is a call that leaves whole, or not at all."""
        return self._holds_calls and lane.channel is Channel.TOOL_ARGUMENTS

    def call_of(self, lane: Lane) -> ToolCall | None:
        """What is known of the call that a lane is part of, where a rule judges calls."""
        if not self.judges_calls or lane.channel is not Channel.TOOL_ARGUMENTS:
            return None
        return self.calls.setdefault(lane, ToolCall(task=self.task))

    def tool_of(self, lane: Lane) -> str:
        """Which tool a lane calls, as far as somebody told; empty for a text that is the name itself."""
        call = self.calls.get(lane)
        return "" if call is None or call.is_name else call.tool

    def writes_words(self, lane: Lane) -> bool:
        """Whether words may be written into a lane that people read, in whatever markup."""
        return self._writes_words and lane.channel in (Channel.CONTENT, Channel.REASONING)

    def gating(self, lane: Lane) -> frozenset[int]:
        """The batch detectors that a lane's text waits for."""
        is_waiting = self._is_strict or self.holds(lane) or self.keeps(lane)
        return self.plan.readers(lane).gating if is_waiting else frozenset()

    def is_history(self, lane: Lane) -> bool:
        """Whether a lane's text stands in a request's history: not the user's newest words, nor the operator's."""
        if not self.is_request:
            return False
        return lane.part in _NOT_NEW if self._history is None else lane in self._history

    def is_withholding(self, rule: RulePlan) -> bool:
        """Whether a rule has a text of the history withheld; a rule that blocks, where it is told what history is."""
        if rule.action is Action.BLOCK:
            return self._history is not None and rule.in_history is InHistory.WITHHOLD
        return rule.action is Action.WITHHOLD

    def keeps(self, lane: Lane) -> bool:
        """Whether a lane's text leaves whole, at its end, as a rule may have it withheld."""
        return self.is_history(lane) and any(map(self.is_withholding, self.plan.readers(lane).stopping))

    def known_stand_ins(self) -> StandIns | None:
        """The book by which stand-ins are known; None where there can be none."""
        book = self.stand_ins
        return book if book is not None and (self.plan.stand_in_rules or book.is_used) else None

    def action_of(self, rule: RulePlan, lane: Lane) -> Action:
        """What a rule's violation asks for. A value of the model's own stays in what it hands to a tool."""
        is_call = lane.channel is Channel.TOOL_ARGUMENTS and not self.is_request
        return Action.ANNOTATE if rule.spares_calls and is_call else rule.action

    def message_of(self, rule: RulePlan) -> str:
        """What the stream's reader is told in place of what the rule blocked."""
        return chosen(rule.message or "", rule.translations, self._languages)

    def puts_back(self, rule: RulePlan, label: str) -> bool:
        """Whether what the rule puts in a value's place gives way to it again: it is for no reader, and for no more."""
        if label in rule.by_label:
            return rule.by_label[label].is_reversible
        return rule.is_reversible or (rule.stand_in is not None and self.is_request and self.stand_ins is not None)

    def _writes(self, rule: RulePlan) -> bool:
        """Whether a rule puts words in the place of some label's values."""
        return not all(self.puts_back(rule, label) for label in rule.thresholds)

    def draft(self) -> Draft | None:
        """What a lane notes of stand-ins that may yet be withheld."""
        return None if self.stand_ins is None else Draft(self.stand_ins)

    def rewrite(self, rule: RulePlan, text: str, label: str, draft: Draft | None) -> str:
        """What a rule puts in the place of a text. What that stands for is noted in the draft, or in the book."""
        book = draft or self.stand_ins
        if label in rule.by_label:
            return rule.by_label[label].rewrite(text, label, self.session_id)
        if rule.stand_in is not None and self.is_request and book is not None:
            return book.put(text, label, rule.stand_in)
        assert rule.rewrite is not None
        return rule.rewrite(text, label, self.session_id)

    def next_segment(self, way: Way, lane: Lane) -> int:
        """The next segment's number. Each way has its own, so that they do not depend on how the text arrived."""
        choice = 0 if self.is_request else lane.choice
        made = self._segments_made[choice]
        made[way] += 1
        return self._numbered(made[way], way) + choice * _OF_CHOICE

    @property
    def segments_made(self) -> int:
        """How many segments were made of texts, sentences left out."""
        return self._segments_made[0][Way.SEGMENTS]

    def place_of(self, segment: int | None) -> int | None:
        """Which of those a segment with this number is, from 1."""
        return segment if segment is None or self.plan.reads_one_way else (segment + 1) // len(Way)

    def skip_segments(self, count: int) -> int:
        """Give away so many numbers, for a text that nobody needs to read again; returns how many were made before."""
        made = self._segments_made[0]
        before, made[Way.SEGMENTS] = made[Way.SEGMENTS], made[Way.SEGMENTS] + count
        return before

    def number_of(self, place: int) -> int:
        """The number of the segment that is this one of texts."""
        return self._numbered(place, Way.SEGMENTS)

    def _numbered(self, made: int, way: Way) -> int:
        return made if self.plan.reads_one_way else made * len(Way) - 1 + way

    def failures(
        self, why: str, rules: Iterable[RulePlan], place: tuple[int, int], failed: Failed, source: Source
    ) -> Iterator[Item]:
        """What follows for text that was not looked at, by each rule's fail mode; what passes is told once."""
        finding = Finding(*place, "", 0.0, why)
        for rule in rules:
            is_late = failed.kind is not FailureKind.ERROR and source.segment is not None
            mode = rule.on_timeout if is_late else rule.on_error
            is_closed = mode is FailMode.FAIL_CLOSED and rule.is_gating
            if is_closed or self._is_news(rule.index, failed.kind):
                action = Action.BLOCK if is_closed else Action.ALLOW
                yield Item(Violation(rule, finding), action, *place, "", source, failed)

    def next_output(self) -> Output | None:
        """The next output, its decisions numbered in the order in which they are handed out."""
        if not self.outputs:
            return None
        output = self.outputs.popleft()
        if not output.decisions:
            return output
        first = self._decisions_made + 1
        self._decisions_made += len(output.decisions)
        numbered = [msgspec.structs.replace(each, number=n) for n, each in enumerate(output.decisions, start=first)]
        return msgspec.structs.replace(output, decisions=tuple(numbered))

    def _is_news(self, rule: int, kind: FailureKind) -> bool:
        """Whether a rule's failure of this kind has not been told yet in this stream."""
        if (rule, kind) in self._failures_told:
            return False
        self._failures_told.add((rule, kind))
        return True
