"""The incremental scanner for regular rules.

On every `advance`:
1. the watch tells from the end of the text backwards where a match may still be arriving: everything before is decided;
2. if anything was newly decided, one filter over all rules says whether a match may begin in it; in plain text it ends
   here;
3. the rules that may match look for matches that begin in the decided part (and may end right of it). Each rule goes on
   where its last match ended, so the matches are those of one `finditer` over the whole lane;
4. findings are handed out when their start is decided, so that over a lane they come sorted, however it was cut.

While text is held only step 1 runs, over at most `look_ahead` characters. Steps 2 and 3 wait, when much is held, until
at least an eighth of it is decided: each character is filtered at most `_FREE_CHARS` times, and 9 times beyond.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TypeAlias

from detectors.text.regular.machine import MAX_REPEAT_CHARS, Finder, Watch
from detectors.text.regular.tree import Node, NotRegular, group_numbers, parse, position_of
from detectors.types import Finding

_FREE_CHARS = 64
_SHARE = 8

Check: TypeAlias = Callable[[str, int, int], float | None]
"""`(text, start, end)` of what was found -> its score, or None for no finding. `text` goes on for one character right
of it (none at the end of the lane), and begins the scanner's `look_behind` characters left of it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One regular pattern and what a match of it means.

    `pattern` is a Python regular expression, or a tree. `group` names the group whose span is the finding (default: the
    whole match). `check` has the last word on the score.
    """

    label: str
    pattern: str | Node
    score: float
    reason: str = ""
    flags: int = 0
    group: str = ""
    check: Check | None = None


class RegularScanner:
    """A pattern scanner for a set of rules. Raises `NotRegular` for a rule that cannot run in linear time.

    `look_behind` is what the rules' checks want to see left of a match, in characters.
    """

    def __init__(
        self, name: str, rules: Sequence[Rule], *, look_behind: int = 1, max_repeat_chars: int = MAX_REPEAT_CHARS
    ) -> None:
        trees: list[Node] = []
        self.finders: list[Finder] = []
        for rule in rules:
            tree, finder = _machine(rule, max_repeat_chars)
            trees.append(tree)
            self.finders.append(finder)
        self.name = name
        self.rules = tuple(rules)
        self.labels = frozenset(rule.label for rule in rules)
        self.watch = Watch(trees, finders=self.finders)
        self.look_behind = max(look_behind, self.watch.look_behind)
        self.look_ahead = self.watch.reach + self.watch.reach // (_SHARE - 1) + 1

    def start(self) -> RegularScan:
        """Open a scan for one lane."""
        return RegularScan(self)


def _machine(rule: Rule, max_repeat_chars: int) -> tuple[Node, Finder]:
    """A rule's tree and finder. Raises `NotRegular` with the rule's reason as its subject."""
    text = rule.pattern if isinstance(rule.pattern, str) else ""
    try:
        tree = _tree(rule)
        capture = group_numbers(text, rule.flags)[rule.group] if rule.group else 0
        return tree, Finder(tree, capture=capture, max_repeat_chars=max_repeat_chars)
    except NotRegular as error:
        error.subject = rule.reason
        error.position = position_of(text, error.construct) if error.construct else error.position
        raise


def _tree(rule: Rule) -> Node:
    if not isinstance(rule.pattern, str):
        return rule.pattern
    try:
        return parse(rule.pattern, rule.flags)
    except (re.error, OverflowError, RecursionError) as error:
        problem = getattr(error, "msg", type(error).__name__)
        raise NotRegular(f"not a valid regular expression ({problem})", getattr(error, "pos", None)) from None


class RegularScan:
    """The scan of one lane by a `RegularScanner`."""

    def __init__(self, scanner: RegularScanner) -> None:
        self._scanner = scanner
        self._cleared = 0
        self._resume: dict[int, int] = {}
        self._pending: list[Finding] = []

    @property
    def cleared(self) -> int:
        """Every finding that starts before this lane offset was returned."""
        return self._cleared

    def fork(self) -> RegularScan:
        """Another scan in the same state."""
        other = copy(self)
        other._resume, other._pending = dict(self._resume), list(self._pending)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start."""
        watch, end = self._scanner.watch, offset + len(text)
        base = max(offset, self._cleared - self._scanner.look_behind)
        tail = text[base - offset :]
        data, begin = watch.encode(tail), self._cleared - base
        hold = len(data) if is_final else watch.hold(data, begin)
        if not is_final and not self._is_due(hold - begin, len(data) - begin):
            return ()
        for index in watch.matching(data, begin, hold):
            self._find(index, tail, base, hold)
        self._cleared = end if is_final else base + hold
        return self._take_decided(is_final=is_final)

    @staticmethod
    def _is_due(decided: int, undecided: int) -> bool:
        return decided > 0 and (undecided <= _FREE_CHARS or decided * _SHARE >= undecided)

    def _find(self, index: int, tail: str, base: int, hold: int) -> None:
        """Collect one rule's matches that begin in `tail` from where it is to resume up to `hold`."""
        rule, finder = self._scanner.rules[index], self._scanner.finders[index]
        begin = max(self._resume.get(index, 0), self._cleared) - base
        for _, end, first, last in finder.find(tail, begin, hold):
            self._resume[index] = base + end
            if last <= first:
                continue
            score = rule.score if rule.check is None else self._checked(rule.check, tail, first, last)
            if score is not None:
                self._pending.append(Finding(base + first, base + last, rule.label, score, rule.reason))

    def _checked(self, check: Check, tail: str, start: int, end: int) -> float | None:
        """The check's answer, from a view that does not depend on how the text was cut."""
        left = max(start - self._scanner.look_behind, 0)
        return check(tail[left : end + 1], start - left, end - left)

    def _take_decided(self, *, is_final: bool) -> Sequence[Finding]:
        if not self._pending:
            return ()
        self._pending.sort()
        ready = [finding for finding in self._pending if is_final or finding.start < self._cleared]
        del self._pending[: len(ready)]
        return ready
