"""What `tidegate guard` does: texts through the core with policies from files, and what came of each as a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from detectors.context import context_of
from detectors.models.places import use_places
from detectors.types import Grounding
from sidecar.config import Settings
from sidecar.core.answer import Sentences
from sidecar.errors import ConfigError
from sidecar.keys import redaction_keys
from sidecar.offline import Guarded, guard_text
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.summary import is_violation
from sidecar.values import Annotation, Decision, Direction, Lane, Part, Standing


class Result(msgspec.Struct, frozen=True):
    """What came of one text. `blocked_by` is the rule that stopped it, or empty."""

    released: str
    action: str
    violations: tuple[dict[str, Any], ...]
    leaked_chars: int
    max_held_chars: int
    policy: str
    blocked_by: str
    annotations: tuple[dict[str, Any], ...] = ()
    grounding: dict[str, Any] | None = None
    """How the answer's sentences stand to the context, when the policy asks for that."""

    def row(self) -> dict[str, Any]:
        """As it is printed."""
        return msgspec.structs.asdict(self)


class Guarding:
    """A policy and a direction, ready for texts."""

    def __init__(
        self,
        plan: Plan,
        direction: Direction,
        *,
        part: Part | None = None,
        is_history: bool = False,
        about: StreamFacts | None = None,
    ) -> None:
        """`part` is whose words the texts are; `is_history`: they stand in a request's history; `about` is the rest."""
        self._plan = plan
        self._about = about
        self._direction = direction
        self._lane = Lane(part=part or direction.speaker)
        self._is_history = is_history

    @classmethod
    def load(
        cls,
        settings: Settings,
        paths: Sequence[Path],
        *,
        policy: str,
        facts: StreamFacts,
        part: Part | None = None,
        is_history: bool = False,
    ) -> Guarding:
        """Compile the policies of `paths`, or the settings', and choose one. Raises `PolicyErrors`, `UnknownPolicy`.

        Without a name it is the one that takes a stream with these facts; the only one takes any.
        """
        use_places(settings.models.places())
        if settings.policies.bundle and not paths:
            raise ConfigError("the policies come as a bundle; name files with --policies", path="policies.bundle")
        store = PolicyStore(paths or settings.policies.directories, redaction_keys(settings.keys))
        store.load()
        only = [*store.plans] if len(store.plans) == 1 else [""]
        plan = store.resolve(policy or only[0] or None, facts)
        return cls(plan, facts.direction, part=part, is_history=is_history, about=facts)

    def guard(
        self, text: str, chunk_chars: int | None = None, *, context: Sequence[str | tuple[str, str]] = ()
    ) -> Result:
        """Guard one text, fed whole or so many characters at a time; `context` is what it should rest on."""
        guarded = guard_text(
            self._plan,
            _chunks(text, chunk_chars),
            lane=self._lane,
            direction=self._direction,
            context=context_of(context),
            is_history=self._is_history,
            about=self._about,
        )
        return self._result(guarded)

    def _result(self, guarded: Guarded) -> Result:
        blocked = guarded.blocked
        return Result(
            released=guarded.text(),
            action=guarded.action.word,
            violations=tuple(self._violation(each) for each in guarded.decisions if is_violation(each)),
            leaked_chars=guarded.leaked_chars,
            max_held_chars=guarded.max_held_chars,
            policy=self._plan.name,
            blocked_by=self._plan.rules[blocked.rule].id if blocked else "",
            annotations=tuple(self._annotation(each) for each in guarded.annotations),
            grounding=_sentences(guarded.sentences),
        )

    def _annotation(self, annotation: Annotation) -> dict[str, Any]:
        return {
            "rule": self._plan.rules[annotation.rule].id,
            "label": annotation.label,
            "start": annotation.start,
            "end": annotation.end,
            "score": annotation.score,
            "reason": annotation.reason,
            **_grounding(annotation.grounding),
        }

    def _violation(self, decision: Decision) -> dict[str, Any]:
        rule = self._plan.rules[decision.rule]
        finding = decision.finding
        return {
            "rule": rule.id,
            "label": finding.label,
            "start": finding.start,
            "end": finding.end,
            "score": finding.score,
            "threshold": rule.thresholds.get(finding.label),
            "reason": finding.reason,
            "severity": rule.severity_of(finding.score).word,
            "decided": decision.decided.word,
            "done": decision.done.word,
            "shadow": not rule.is_enforced,
            **_grounding(finding.grounding),
        }


def _grounding(grounding: Grounding | None) -> dict[str, Any]:
    """What a sentence rests on; nothing where nothing was compared."""
    if grounding is None:
        return {}
    own = {
        "support": grounding.support,
        "passage": grounding.passage,
        "evidence": [grounding.start, grounding.end],
        "failed": list(grounding.failed),
    }
    if grounding.unsupported_end > grounding.unsupported_start:
        own["unsupported"] = [grounding.unsupported_start, grounding.unsupported_end]
    return {"grounding": own}


def _sentences(sentences: Sentences | None) -> dict[str, Any] | None:
    if sentences is None:
        return None
    counts = {verdict.value: sentences.counts[verdict] for verdict in Standing}
    return {**counts, "unchecked_reasons": dict(sentences.reasons)}


def _chunks(text: str, size: int | None) -> Iterator[str]:
    step = size or max(len(text), 1)
    return (text[start : start + step] for start in range(0, len(text), step))
