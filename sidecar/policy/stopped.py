"""The plan of a session that is stopped: the policy's own, and a rule that finds each text where it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from detectors.types import Finding
from sidecar.policy.plan import Plan, ScannerPlan

SESSION_STOPPED = "SESSION_STOPPED"
UNTIL = "{until}"
"""What stands in a message for the time."""


class _Scan:
    """One text's scan: its first character is found, once."""

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._is_told = False
        self.cleared = 0

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """Clear all text."""
        self.cleared = offset + len(text)
        if self._is_told or not text:
            return ()
        self._is_told = True
        return (Finding(0, 1, SESSION_STOPPED, 1.0, self._reason),)


class _Beginning:
    """A scanner that finds where a text begins, whatever it says."""

    name = "session"
    labels = frozenset({SESSION_STOPPED})
    look_behind = 0
    look_ahead = 0

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def start(self) -> _Scan:
        """The scan of a text."""
        return _Scan(self._reason)


def stopped(plan: Plan, number: int, *, until: str) -> Plan:
    """The plan for streams of a session that the plan's rule of this number stops; its message says until when."""
    rule = plan.all_rules[number]
    own = replace(
        rule,
        message=(rule.message or "").replace(UNTIL, until),
        translations={language: text.replace(UNTIL, until) for language, text in rule.translations.items()},
    )
    rules = tuple(own if each.index == number else each for each in plan.all_rules)
    scanner = ScannerPlan(_Beginning(f"the session is stopped until {until}"), (own,))
    return replace(plan, rules=rules, stoppers=(), scanners=(*plan.scanners, scanner))
