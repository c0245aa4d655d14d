"""Whether a finding that reached its rule's threshold is a violation: what the rule asks beyond that, in one stream.

A rule may have a condition (`when`) and exceptions (`except`). Both are asked of what remains after the findings of one
rule that contain one another were settled (`decide`): where the larger one is excepted, what stands in it is, too.

What they see is the stream as it was told when it began, the session as it stood then, the finding, and, for exceptions
by value, the text that was found. None of that depends on how the text arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from detectors.types import Finding
from sidecar.policy.cel import Condition, ConditionError
from sidecar.policy.facts import Glob, StreamFacts
from sidecar.policy.session_facts import NOTHING_KNOWN, SessionFacts
from sidecar.values import Lane

TOOL_NAME = "tool.name"


@dataclass(frozen=True, slots=True)
class Exemption:
    """What is no violation of a rule, although it was found: one of some values, or whatever a condition holds for."""

    reason: str
    owner: str
    last_day: date | None = None
    """The last day on which it holds, in UTC; None: for good."""
    words: frozenset[str] = frozenset()
    globs: tuple[Glob, ...] = ()
    when: Condition | None = None

    def is_over(self, today: date) -> bool:
        """Whether it holds no longer."""
        return self.last_day is not None and today > self.last_day

    def covers(self, text: str) -> bool:
        """Whether it is about this very text."""
        return text in self.words or any(glob.matches(text) for glob in self.globs)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rule asks of a finding beyond its threshold."""

    when: Condition | None = None
    exemptions: tuple[Exemption, ...] = ()

    @property
    def ask_of_tools(self) -> bool:
        """Whether something here depends on what a call calls."""
        conditions = (self.when, *(each.when for each in self.exemptions))
        return any(each is not None and TOOL_NAME in each.names for each in conditions)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding that may be a violation: by which detector, in which lane, in a call of which tool (empty: none)."""

    finding: Finding
    lane: Lane
    detector: str
    tool: str = ""


class Circumstances:
    """What the conditions of rules may see of one stream; it stays as it is to the stream's end."""

    __slots__ = ("_today", "_values")

    def __init__(
        self, facts: StreamFacts | None = None, session: SessionFacts = NOTHING_KNOWN, today: date = date.max
    ) -> None:
        """`today` is the day on which the stream began, in UTC. Without one, no exception that has an end holds."""
        self._today = today
        self._values = {**_fields("stream", facts or StreamFacts(), _STREAM), **_fields("session", session, _SESSION)}

    def admit(self, terms: Terms, found: Candidate, text: Callable[[], str]) -> bool:
        """Whether the finding is a violation, `text` being what was found. Raises `ConditionError`."""
        return self.objection(terms, found, text) is None

    def objection(self, terms: Terms, found: Candidate, text: Callable[[], str]) -> Condition | Exemption | None:
        """What keeps the finding from being a violation: the condition, or an exception. Raises `ConditionError`.

        An exception of which that cannot be told does not hold.
        """
        when = terms.when
        if when is not None and not when.holds(self._asked(when, found)):
            return when
        return next((each for each in terms.exemptions if self._excepts(each, found, text)), None)

    def _excepts(self, exemption: Exemption, found: Candidate, text: Callable[[], str]) -> bool:
        if exemption.is_over(self._today):
            return False
        if exemption.when is None:
            return exemption.covers(text())
        try:
            return exemption.when.holds(self._asked(exemption.when, found))
        except ConditionError:
            return False

    def _asked(self, condition: Condition, found: Candidate) -> Mapping[str, Any]:
        """The values of what the condition asks of: no others are worth their making."""
        values = self._values
        return {name: values[name] if name in values else _OF_FINDING[name](found) for name in condition.names}


_STREAM = ("direction", "tenant", "model", "route", "prompt_version", "language", "labels", "attributes")
_SESSION = ("risk", "violations", "untrusted", "sensitive", "sends")
_OF_FINDING: Mapping[str, Callable[[Candidate], Any]] = {
    "finding.label": lambda found: found.finding.label,
    "finding.score": lambda found: found.finding.score,
    "finding.length": lambda found: found.finding.end - found.finding.start,
    "finding.reason": lambda found: found.finding.reason,
    "finding.part": lambda found: str(found.lane.part),
    "finding.channel": lambda found: str(found.lane.channel),
    "finding.detector": lambda found: found.detector,
    TOOL_NAME: lambda found: found.tool,
}


def _fields(name: str, owner: Any, fields: Sequence[str]) -> dict[str, Any]:
    return {f"{name}.{field}": _plain(getattr(owner, field)) for field in fields}


def _plain(value: Any) -> Any:
    """As the library takes it: no word of an enum, no view of a mapping."""
    if isinstance(value, Mapping):
        return dict(value)
    return str(value) if isinstance(value, str) else value
