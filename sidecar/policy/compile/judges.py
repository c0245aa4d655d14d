"""What a rule leaves to a judge: refused where nobody is there to be asked, or nothing would come of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from detectors.base import Detector, PairChecker, is_scanner
from sidecar.policy.codes import Code
from sidecar.policy.compile.refusals import Refusals
from sidecar.policy.document import Place
from sidecar.policy.explain import suggest
from sidecar.policy.judging import Escalation, JudgeFacts
from sidecar.policy.schema.judge import JudgeSpec
from sidecar.policy.schema.rules import RuleSpec


def escalation_of(spec: JudgeSpec | None) -> Escalation | None:
    """What a rule leaves to a judge."""
    if spec is None:
        return None
    low, high = spec.between
    return Escalation(spec.name, low, high, frozenset(spec.labels or ()), is_needed=spec.on_late == "fail")


def least_scores(spec: JudgeSpec | None, thresholds: Mapping[str, float]) -> Mapping[str, float]:
    """The least score of a violation, by label: a judge may confirm what is below the threshold."""
    if spec is None:
        return thresholds
    return {label: min(least, spec.between[0]) for label, least in thresholds.items()}


class JudgeChecks:
    """Notes what is wrong with what rules leave to judges. `judges` are those of the settings; None: not known."""

    def __init__(self, refusals: Refusals, judges: Mapping[str, JudgeFacts] | None, max_hold_ms: int) -> None:
        self._refusals = refusals
        self._judges = judges
        self._max_hold_ms = max_hold_ms

    def check(
        self, place: Place, rule: RuleSpec, thresholds: Mapping[str, float], detectors: Iterable[Detector]
    ) -> None:
        """Check the rule at `place`."""
        spec, where = rule.judge, (*place, "judge")
        if spec is None:
            return
        if any(is_scanner(each) or isinstance(each, PairChecker) for each in detectors):
            message = f"`{rule.detect.detector}` does not score segments, so none of its findings is unclear"
            remedy = "leave out `judge`, or use a detector that has a model read segments, such as `toxicity`"
            self._refusals.refuse(where, Code.NOTHING_TO_JUDGE, message, remedy, at_key=True)
        self._check_band((*where, "between"), spec, thresholds)
        if self._judges is not None:
            self._check_judge(where, spec, self._judges)

    def _check_band(self, where: Place, spec: JudgeSpec, thresholds: Mapping[str, float]) -> None:
        low, high = spec.between
        if low > high:
            message, remedy = f"no score lies between {low:g} and {high:g}", "write the lowest score first"
            self._refusals.refuse(where, Code.WRONG_BAND, message, remedy)
            return
        for label, least in thresholds.items():
            if not low <= least <= high:
                message = f"the threshold of `{label}` is {least:g}: on its far side a surer finding would count less"
                remedy = f"let the band hold {least:g}, or change the threshold"
                self._refusals.refuse(where, Code.WRONG_BAND, message, remedy)
                return

    def _check_judge(self, where: Place, spec: JudgeSpec, judges: Mapping[str, JudgeFacts]) -> None:
        judge = judges.get(spec.name)
        if judge is None:
            message = f"no judge `{spec.name}` is configured"
            remedy = suggest(spec.name, judges) if judges else "set `judges` in the configuration"
            self._refusals.refuse((*where, "name"), Code.UNKNOWN_JUDGE, message, remedy)
            return
        if judge.timeout_ms >= self._max_hold_ms:
            message = f"`{spec.name}` may take {judge.timeout_ms} ms, and text is held {self._max_hold_ms} ms at most"
            remedy = "raise `stream.max_hold_ms`, or lower the judge's `timeout_ms`"
            self._refusals.refuse((*where, "name"), Code.JUDGE_TOO_SLOW, message, remedy)
        for number, label in enumerate(spec.labels or ()):
            if label not in judge.labels:
                message = f"`{spec.name}` says nothing of `{label}`"
                remedy = suggest(label, judge.labels)
                self._refusals.refuse((*where, "labels", number), Code.UNKNOWN_JUDGE_LABEL, message, remedy)
