"""What `tidegate guard` does: texts through the core with policies from files, and what came of each as a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from detectors.onnx.places import use_places
from sidecar.config import Settings
from sidecar.keys import redaction_keys
from sidecar.offline import Guarded, guard_text
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.summary import is_violation
from sidecar.values import Decision, Direction, Lane, Part

_PARTS = {Direction.OUTPUT: Part.MODEL, Direction.INPUT: Part.USER}


class Result(msgspec.Struct, frozen=True):
    """What came of one text. `blocked_by` is the rule that stopped it, or empty."""

    released: str
    action: str
    violations: tuple[dict[str, Any], ...]
    leaked_chars: int
    max_held_chars: int
    policy: str
    blocked_by: str

    def row(self) -> dict[str, Any]:
        """As it is printed."""
        return msgspec.structs.asdict(self)


class Guarding:
    """A policy and a direction, ready for texts."""

    def __init__(self, plan: Plan, direction: Direction) -> None:
        self._plan = plan
        self._direction = direction

    @classmethod
    def load(cls, settings: Settings, paths: Sequence[Path], *, policy: str, direction: Direction) -> Guarding:
        """Compile the policies of `paths`, or the settings', and choose one. Raises `PolicyErrors`, `UnknownPolicy`."""
        use_places(settings.models.places())
        store = PolicyStore(paths or settings.policies.directories, redaction_keys(settings.keys))
        store.load()
        only = [*store.plans] if len(store.plans) == 1 else [""]
        return cls(store.resolve(policy or only[0] or None, direction, {}, ""), direction)

    def guard(self, text: str, chunk_chars: int | None = None) -> Result:
        """Guard one text, fed whole or so many characters at a time."""
        lane = Lane(part=_PARTS[self._direction])
        guarded = guard_text(self._plan, _chunks(text, chunk_chars), lane=lane, direction=self._direction)
        return self._result(guarded)

    def _result(self, guarded: Guarded) -> Result:
        blocked = guarded.blocked
        return Result(
            released=guarded.text(),
            action=guarded.action.name.lower(),
            violations=tuple(self._violation(each) for each in guarded.decisions if is_violation(each)),
            leaked_chars=guarded.leaked_chars,
            max_held_chars=guarded.max_held_chars,
            policy=self._plan.name,
            blocked_by=self._plan.rules[blocked.rule].id if blocked else "",
        )

    def _violation(self, decision: Decision) -> dict[str, Any]:
        rule = self._plan.rules[decision.rule]
        finding = decision.finding
        return {
            "rule": rule.id,
            "label": finding.label,
            "start": finding.start,
            "end": finding.end,
            "score": finding.score,
            "severity": rule.severity.name.lower(),
            "decided": decision.decided.name.lower(),
            "done": decision.done.name.lower(),
            "shadow": not rule.is_enforced,
        }


def _chunks(text: str, size: int | None) -> Iterator[str]:
    step = size or max(len(text), 1)
    return (text[start : start + step] for start in range(0, len(text), step))
