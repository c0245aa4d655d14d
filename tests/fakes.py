"""Small detectors whose findings can be told by looking at the text, and plans made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import regex

from detectors.base import (
    EVERYTHING,
    NEUTRAL,
    UNCHECKED,
    UNSUPPORTED,
    BatchDetector,
    BatchItem,
    PatternScanner,
    Reads,
)
from detectors.types import Finding, Grounding
from sidecar.policy.facts import Match
from sidecar.policy.plan import BatchPlan, Plan, RulePlan, ScannerPlan, StreamSettings
from sidecar.values import Action, Enforcement, FailMode, InHistory, Mode, Severity


def replacing_in_calls(plan: Plan) -> Plan:
    """The plan, if each of its redactions said `in_tool_arguments: replace`: what stands in calls is replaced, too."""
    rules = {rule.index: replace(rule, spares_calls=False) for rule in plan.rules}
    return replace(
        plan,
        rules=tuple(rules.values()),
        scanners=tuple(replace(each, rules=_of(each.rules, rules)) for each in plan.scanners),
        batches=tuple(replace(each, rules=_of(each.rules, rules)) for each in plan.batches),
    )


def _of(own: Iterable[RulePlan], rules: Mapping[int, RulePlan]) -> tuple[RulePlan, ...]:
    return tuple(rules[rule.index] for rule in own)


class WordScan:
    """Finds a pattern's matches as `regex` does on the whole text; partial matching tells what may still become one."""

    def __init__(self, pattern: regex.Pattern[str], label: str) -> None:
        self.pattern = pattern
        self.label = label
        self.cleared = 0
        self.resume = 0

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        findings: list[Finding] = []
        end = offset + len(text)
        while True:
            start = max(self.resume, self.cleared)
            found = self.pattern.search(text, start - offset, partial=not is_final)
            if found is None:
                self.cleared = end
                return findings
            if found.partial or (found.end() == len(text) and not is_final):
                self.cleared = offset + found.start()
                return findings
            findings.append(Finding(offset + found.start(), offset + found.end(), self.label, 0.9, "fake"))
            self.resume = offset + found.end()
            self.cleared = offset + found.start() + 1


class WordScanner:
    """A pattern scanner for tests. The pattern must have a bounded width."""

    def __init__(self, pattern: str, *, label: str = "WORD", look_ahead: int = 40) -> None:
        self.pattern = regex.compile(pattern)
        self.name = "fake"
        self.labels = frozenset({label})
        self.label = label
        self.look_behind = 1
        self.look_ahead = look_ahead

    def start(self) -> WordScan:
        return WordScan(self.pattern, self.label)


class SegmentFlagger:
    """A batch detector for tests: a segment that holds `word` gets its label, as a whole or at the word's spans."""

    def __init__(self, word: str, *, label: str = "FLAG", spans: bool = False, fails_on: str = "") -> None:
        self.word = word
        self.name = "fake-segments"
        self.labels = frozenset({label})
        self.label = label
        self.look_behind = 20
        self.model = "fake-model-1"
        self.spans = spans
        self.fails_on = fails_on

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        if self.fails_on and any(self.fails_on in item.text[item.begin :] for item in items):
            raise RuntimeError("poison")
        return [self._find(item) for item in items]

    def _find(self, item: BatchItem) -> list[Finding]:
        if self.spans:
            return [
                Finding(each.start(), each.end(), self.label, 0.8, "fake")
                for each in regex.finditer(regex.escape(self.word), item.text, pos=item.begin)
            ]
        if self.word in item.text[item.begin :]:
            return [Finding(item.begin, len(item.text), self.label, 0.8, "fake")]
        return []


class QuoteChecker:
    """A pair checker for tests: a sentence is borne out when the context holds it word for word."""

    name = "quotes"
    labels = frozenset({UNSUPPORTED, UNCHECKED, NEUTRAL})
    look_behind = 0
    model = "quotes-1"
    sentence_tokens = 80
    pair_tokens = 10

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        return [[self._judge(item)] for item in items]

    def _judge(self, item: BatchItem) -> Finding:
        text = item.text[item.begin :]
        start, end = item.begin + len(text) - len(text.lstrip()), len(item.text)
        if text.endswith("?"):
            return Finding(start, end, NEUTRAL, 0.0)
        if item.context is None or not len(item.context):
            return Finding(start, end, UNCHECKED, 1.0, "no context")
        place = next((n for n, each in enumerate(item.context.documents) if text.strip() in each.text), None)
        passage = "" if place is None else item.context.ids[place]
        support = 0.1 if place is None else 0.9
        return Finding(start, end, UNSUPPORTED, 1 - support, "", Grounding(support, passage, 0, 5, start, start + 1))


def label_of(text: str, label: str, session_id: str) -> str:
    """A redaction operator that names the label."""
    return f"<{label}>"


def stars(text: str, label: str, session_id: str) -> str:
    """A redaction operator that keeps the length."""
    return "*" * len(text)


def rule(
    action: Action,
    label: str = "WORD",
    *,
    index: int = 0,
    enforcement: Enforcement = Enforcement.ENFORCE,
    on_error: FailMode = FailMode.FAIL_CLOSED,
    on_timeout: FailMode = FailMode.FAIL_CLOSED,
    rewrite: Callable[[str, str, str], str] = label_of,
    message: str | None = "",
    thresholds: Mapping[str, float] | None = None,
    in_history: InHistory = InHistory.WITHHOLD,
    reads: Reads = EVERYTHING,
) -> RulePlan:
    """A rule on one label."""
    return RulePlan(
        index=index,
        id=f"rule-{index}",
        detector="fake",
        thresholds=thresholds or {label: 0.5},
        severity=Severity.HIGH,
        action=action,
        enforcement=enforcement,
        on_error=on_error,
        on_timeout=on_timeout,
        message=message,
        rewrite=rewrite if action is Action.REDACT else None,
        in_history=in_history,
        in_its_place=f"[rule-{index}]",
        reads=reads,
    )


def plan(
    *detectors: tuple[PatternScanner | BatchDetector, Iterable[RulePlan]],
    mode: Mode = Mode.STRICT,
    max_hold_ms: int = 400,
    max_held_chars: int = 4096,
    max_segment_tokens: int = 16,
    early_tokens: tuple[int, ...] = (),
    early_every_tokens: int = 0,
) -> Plan:
    """A plan of detectors and the rules that read them. Rules get their index from their place."""
    rules: list[RulePlan] = []
    scanners: list[ScannerPlan] = []
    batches: list[BatchPlan] = []
    for detector, read_by in detectors:
        own = tuple(read_by)
        rules += own
        if isinstance(detector, BatchDetector):
            batches.append(BatchPlan.of(len(batches), detector, own))
        else:
            scanners.append(ScannerPlan(detector, own))
    settings = StreamSettings(
        mode,
        max_hold_ms,
        max_held_chars,
        max_segment_tokens,
        early_tokens=early_tokens,
        early_every_tokens=early_every_tokens,
    )
    ordered = tuple(sorted(rules, key=lambda each: each.index))
    return Plan("test", "1", "0" * 64, "", Match(), settings, ordered, tuple(scanners), tuple(batches))
