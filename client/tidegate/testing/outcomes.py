"""What a guard in memory lets out: by rules that act on words, or by a script."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tidegate.errors import TidegateError
from tidegate.types import Action, Annotation, Lane, Redaction, Release, Span, Verdict, Violation

Step: TypeAlias = str | Release | Verdict | TidegateError
"""A step of a script: text that is released, a release or a verdict as it is, or the error that the call ends with."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done to which words. `message` stands for the text where it is stopped."""

    words: str
    action: Action
    replacement: str = ""
    message: str = ""
    rule: str = ""
    label: str = "words"

    def __post_init__(self) -> None:
        """Raises `ValueError`: a rule without words would act on everything."""
        if not self.words:
            raise ValueError("a rule needs words to act on")


def annotate(words: str, *, rule: str = "annotate", label: str = "words") -> Rule:
    """Remark on the words; they are released as they are."""
    return Rule(words, Action.ANNOTATE, rule=rule, label=label)


def redact(words: str, replacement: str = "[REDACTED]", *, rule: str = "redact", label: str = "words") -> Rule:
    """Put the replacement in the words' place."""
    return Rule(words, Action.REDACT, replacement=replacement, rule=rule, label=label)


def block(words: str, message: str = "", *, rule: str = "block", label: str = "words") -> Rule:
    """Stop the choice before the words."""
    return Rule(words, Action.BLOCK, message=message, rule=rule, label=label)


class Outcome(Protocol):
    """What comes of one call. `feed` and `finish` raise the `TidegateError` that the call ends with."""

    violations: list[Violation]

    def feed(self, lane: Lane, text: str, *, is_final: bool) -> Iterator[Release | Verdict]:
        """What leaves when this text of a lane has arrived; `is_final` says that the lane ends with it."""
        ...

    def finish(self) -> Iterator[Release | Verdict]:
        """What leaves at the end of all."""
        ...


class ByRules:
    """Rules act on their words. Where those of several stand, the first and the longest count."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = {rule.words: rule for rule in rules}
        longest_first = sorted(self._rules, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._longest = len(longest_first[0]) if rules else 1
        self._held: dict[Lane, tuple[int, str]] = {}
        self._stopped: set[int] = set()
        self.violations: list[Violation] = []

    def feed(self, lane: Lane, text: str, *, is_final: bool) -> Iterator[Release | Verdict]:
        """See `Outcome`."""
        start, held = self._held.get(lane, (0, ""))
        yield from self._let_out(lane, start, held + text, is_final=is_final)

    def finish(self) -> Iterator[Release | Verdict]:
        """See `Outcome`."""
        for lane, (start, held) in list(self._held.items()):
            yield from self._let_out(lane, start, held, is_final=True)

    def _let_out(self, lane: Lane, start: int, text: str, *, is_final: bool) -> Iterator[Release | Verdict]:
        if lane.choice in self._stopped:
            return
        certain = len(text) if is_final else max(0, len(text) - self._longest + 1)
        leaving = _Leaving(lane, start)
        for match in self._pattern.finditer(text):
            if match.start() >= certain:
                break
            rule = self._rules[match.group()]
            span = Span(start + match.start(), start + match.end())
            self.violations.append(_violation(rule.rule, rule.label, rule.action, lane, span))
            leaving.take(text, match.start())
            if rule.action is Action.BLOCK:
                self._stopped.add(lane.choice)
                yield from leaving.release()
                yield Verdict(rule.rule, rule.label, message=rule.message, position=span.start, lane=lane)
                return
            leaving.act(rule, match.group())
        leaving.take(text, max(certain, leaving.taken))
        self._held[lane] = (start + leaving.taken, text[leaving.taken :])
        yield from leaving.release()


class _Leaving:
    """One release that is being put together."""

    def __init__(self, lane: Lane, start: int) -> None:
        self._lane = lane
        self._start = start
        self._pieces: list[str] = []
        self._chars = 0
        self._annotations: list[Annotation] = []
        self._redactions: list[Redaction] = []
        self.taken = 0

    def take(self, text: str, end: int) -> None:
        """Let the text out as it is, up to there."""
        self._put(text[self.taken : end])
        self.taken = end

    def act(self, rule: Rule, words: str) -> None:
        """Let a rule's words out as the rule has them."""
        span = Span(self._start + self.taken, self._start + self.taken + len(words))
        if rule.action is Action.REDACT:
            replacement = Span(self._chars, self._chars + len(rule.replacement))
            self._redactions.append(Redaction(rule.rule, rule.label, span, replacement))
            self._put(rule.replacement)
        else:
            self._annotations.append(Annotation(rule.rule, rule.label, span, score=1.0, reason="words"))
            self._put(words)
        self.taken += len(words)

    def release(self) -> Iterator[Release]:
        """What leaves, if anything does."""
        if self.taken:
            span = Span(self._start, self._start + self.taken)
            yield Release("".join(self._pieces), self._lane, span, tuple(self._annotations), tuple(self._redactions))

    def _put(self, text: str) -> None:
        self._pieces.append(text)
        self._chars += len(text)


class ByScript:
    """The steps of a script, one for each chunk, and the rest at the end."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = deque(steps)
        self._released: dict[Lane, int] = {}
        self._lane = Lane()
        self.violations: list[Violation] = []

    def feed(self, lane: Lane, text: str, *, is_final: bool) -> Iterator[Release | Verdict]:
        """See `Outcome`."""
        self._lane = lane
        if self._steps:
            yield self._played(self._steps.popleft())

    def finish(self) -> Iterator[Release | Verdict]:
        """See `Outcome`."""
        while self._steps:
            yield self._played(self._steps.popleft())

    def _played(self, step: Step) -> Release | Verdict:
        match step:
            case TidegateError():
                raise step
            case str():
                start = self._released.get(self._lane, 0)
                self._released[self._lane] = start + len(step)
                return Release(step, self._lane, Span(start, start + len(step)))
            case Verdict():
                place = Span(step.position, step.position)
                self.violations.append(_violation(step.rule, step.label, Action.BLOCK, step.lane, place))
        return step


def _violation(rule: str, label: str, action: Action, lane: Lane, span: Span) -> Violation:
    return Violation(
        rule=rule,
        severity="medium",
        decided=action,
        done=action,
        lane=lane,
        label=label,
        span=span,
        score=1.0,
        reason="words",
        leaked_chars=0,
        is_shadow=False,
    )
