"""What detectors that judge calls of tools share: lists of tools' names, and the scan of a call.

The scan says nothing until the call is over, and then all at its last character. It may be asked what it would say if
the call were over, at each of its characters: then it is judged only where that can say something new.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import copy

from detectors.base import ToolCall
from detectors.types import Finding

Judge = Callable[[ToolCall], Sequence[tuple[str, float, str]]]
"""What is wrong with a call as far as it is known: labels with score and reason."""


class CallScan:
    """The scan of one lane: all but its last character is cleared as it comes."""

    def __init__(self, judge: Judge, call: ToolCall) -> None:
        self._judged = _Judged(judge, call)
        self._at = 0
        self._is_over = False

    @property
    def cleared(self) -> int:
        """All but the last character, while the lane is open."""
        return self._at if self._is_over else max(0, self._at - 1)

    def fork(self) -> CallScan:
        """Another scan in the same state, of the same call."""
        return copy(self)

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """What is wrong with the call, where it ends."""
        self._at = offset + len(text)
        if not is_final or self._is_over:
            return ()
        self._is_over = True
        told = self._judged.told() if self._at else ()
        return [Finding(self._at - 1, self._at, *each) for each in told] if told else ()


class _Judged:
    """What is told of a call, by all scans of it. An object is judged once it is closed: before, more may come."""

    def __init__(self, judge: Judge, call: ToolCall) -> None:
        self._judge = judge
        self._call = call
        self._known: tuple[object, ...] = ()
        self._told: Sequence[tuple[str, float, str]] = ()

    def told(self) -> Sequence[tuple[str, float, str]]:
        """What is wrong with the call as far as it is known."""
        call, form = self._call, self._call.form
        if not (call.is_over or call.is_name or call.is_cut or form.is_none or form.is_closed):
            return ()
        known = (call.tool, call.is_over, call.is_cut, form.solid, call.task)
        if known != self._known:
            self._known, self._told = known, self._judge(call)
        return self._told


class Names:
    """A list of tools' names, each maybe with `*`, which stands for any characters."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._all = [re.compile(_glob(each), re.DOTALL) for each in patterns]

    def has(self, name: str) -> bool:
        """Whether a name is on the list."""
        return any(each.fullmatch(name) for each in self._all)


def _glob(pattern: str) -> str:
    """A regular expression that looks for each piece between two `*` once: a model writes the names, in linear time."""
    first, *others = [re.escape(each) for each in pattern.split("*")]
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>.*?{each})" for each in middle) + ".*" + last
