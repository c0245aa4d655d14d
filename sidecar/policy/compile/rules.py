"""One rule after the other becomes a plan. Rules that give one detector the same parameters share it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from detectors.base import Detector, PairChecker, Reads, is_scanner, reads_calls
from detectors.suggestion import closest
from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.compile.actions import (
    action_of,
    advice_of,
    by_label,
    default_of,
    in_its_place,
    is_reversible,
    message_of,
    one_way,
    replacements_of,
    rewrite_of,
    stand_in_of,
    translations_of,
)
from sidecar.policy.compile.calls import check_judged_calls
from sidecar.policy.compile.detection import Catalog, Detection, DetectionCompiler, Made
from sidecar.policy.compile.evidence import check_evidence
from sidecar.policy.compile.judges import JudgeChecks, escalation_of, least_scores
from sidecar.policy.compile.refusals import Refusals, check_wording
from sidecar.policy.compile.sessions import condition_of
from sidecar.policy.compile.terms import bands_of, highest_severity, terms_of
from sidecar.policy.compile.trials import trial_of
from sidecar.policy.conditions import Terms
from sidecar.policy.document import Place
from sidecar.policy.explain import suggest
from sidecar.policy.judging import JudgeFacts
from sidecar.policy.loader import Draft
from sidecar.policy.operators import RedactionKeys
from sidecar.policy.plan import Rewrite, RulePlan
from sidecar.policy.schema.actions import BlockAction, Hash, Named, OneWayOperator, Pseudonym
from sidecar.policy.schema.detect import Detect
from sidecar.policy.schema.rollout import CanaryEnforcement
from sidecar.policy.schema.rules import RuleSpec
from sidecar.policy.schema.stream import StreamSpec
from sidecar.policy.taxonomy import SCHEMES
from sidecar.values import (
    EVIDENCE_LEVELS,
    Action,
    Channel,
    Direction,
    Enforcement,
    EvidenceLevel,
    FailMode,
    InHistory,
    Mode,
    Part,
    Severity,
)
from sidecar.wording.languages import Language


class RuleCompiler:
    """Compiles the rules of one policy, one after the other, and notes what is wrong with each."""

    def __init__(
        self,
        draft: Draft,
        keys: RedactionKeys | None,
        catalog: Catalog,
        made: Made | None = None,
        *,
        keeps: Collection[EvidenceLevel] = EVIDENCE_LEVELS,
        judges: Mapping[str, JudgeFacts] | None = None,
    ) -> None:
        self.plans: list[RulePlan] = []
        self._refusals = Refusals(draft.source)
        self._stream = draft.stream or StreamSpec()
        self._directions = draft.match.directions if draft.match else None
        self._language = draft.metadata.language if draft.metadata else Language.EN
        self._keys = keys
        self._keeps = keeps
        self._judges = JudgeChecks(self._refusals, judges, self._stream.max_hold_ms)
        self._detection = DetectionCompiler(self._refusals, draft.document, catalog, self._directions, made)

    @property
    def errors(self) -> list[PolicyError]:
        """What is wrong with the rules compiled so far."""
        return self._refusals.errors

    def readers(self) -> Iterator[tuple[Detector, tuple[RulePlan, ...]]]:
        """Each detector once, with the rules that read it."""
        return self._detection.readers()

    def compile(self, number: int, rule: RuleSpec) -> None:
        """Add the rule's plan, or its errors."""
        place: Place = ("rules", number)
        before = len(self.errors)
        action = action_of(rule)
        self._check_fail_mode(place, rule, action)
        self._check_history(place, rule, action)
        self._check_message(place, rule)
        self._check_tags(place, rule)
        check_evidence(self._refusals, place, rule, self._keeps)
        rewrite = self._rewrite(place, rule, action)
        terms = terms_of(self._refusals, place, rule)
        detection = self._detection.compile(place, rule.detect)
        if detection is None:
            return
        if action is Action.ADVISE:
            detection = self._of_requests(place, rule, detection)
        self._check_calls(place, rule, action, detection.reads)
        self._check_labels(place, rule, detection.thresholds)
        self._check_session(place, rule, detection.reads)
        self._judges.check(place, rule, detection.thresholds, self._detection.detectors(detection))
        bands = bands_of(self._refusals, place, rule, least_scores(rule.judge, detection.thresholds))
        for detector in self._detection.detectors(detection):
            self._check_stream(place, rule, action, detector, detection.reads)
            if reads_calls(detector):
                check_judged_calls(self._refusals, place, rule, action, detection.reads, self._stream)
        if len(self.errors) > before:
            return
        plan = self._plan(rule, action, detection, rewrite, terms, bands)
        self.plans.append(plan)
        self._detection.read(plan, detection)

    def look(self, number: int, detect: Detect) -> None:
        """Note what is wrong with what a rule looks for that is wrong otherwise."""
        self._detection.look(("rules", number), detect)

    def _plan(
        self,
        rule: RuleSpec,
        action: Action,
        detection: Detection,
        rewrite: Rewrite | None,
        terms: Terms | None,
        bands: tuple[tuple[float, Severity], ...],
    ) -> RulePlan:
        gates = action >= Action.REDACT
        default = FailMode.FAIL_CLOSED if gates else FailMode.FAIL_OPEN
        whole = self._stream.on_failure if gates else None
        return RulePlan(
            index=len(self.plans),
            id=rule.id,
            detector=rule.detect.detector,
            thresholds=detection.thresholds,
            tags=rule.tags.stated if rule.tags else {},
            severity=highest_severity(rule),
            action=action,
            enforcement=rule.enforcement if isinstance(rule.enforcement, Enforcement) else Enforcement.ENFORCE,
            canary=trial_of(rule.enforcement.canary) if isinstance(rule.enforcement, CanaryEnforcement) else None,
            on_error=rule.on_error or whole or default,
            on_timeout=rule.on_timeout or (gates and self._stream.on_timeout) or whole or default,
            message=default_of(message_of(rule), self._language),
            translations=translations_of(message_of(rule)),
            in_history=rule.history or InHistory.WITHHOLD,
            in_its_place=in_its_place(rule),
            advice=advice_of(rule),
            rewrite=rewrite,
            by_label={} if rewrite is None else replacements_of(rule, self._keys, self._language),
            stand_in=stand_in_of(rule),
            spares_calls=action is Action.REDACT and one_way(rule)[0].in_tool_arguments == "keep",
            is_reversible=is_reversible(rule),
            reading=detection.params.reading(),
            reads=detection.reads,
            risk=rule.risk or 0.0,
            marks=frozenset(rule.marks or ()),
            session=condition_of(rule.session),
            evidence=rule.evidence.level if rule.evidence else None,
            evidence_reason=rule.evidence.reason if rule.evidence else "",
            terms=terms,
            judge=escalation_of(rule.judge),
            bands=bands,
        )

    def _of_requests(self, place: Place, rule: RuleSpec, detection: Detection) -> Detection:
        """What a rule reads that advises the model: what it is given, not what it said. Refuse one that never would."""
        spoken = (Part.MODEL,) if rule.detect.parts and Part.MODEL in rule.detect.parts else ()
        parts = detection.reads.parts - {Part.MODEL}
        if self._directions == [Direction.OUTPUT]:
            message = "the policy takes outputs only: the model has answered by then, and takes no advice"
            remedy = "add `input` to `match.directions`, or let the rule annotate, redact or block"
            self._refusals.refuse((*place, "action"), Code.NOBODY_TO_ADVISE, message, remedy)
        elif spoken or not parts:
            message = "it reads what a model said, which takes no advice any more"
            remedy = "have it read `user`, `context` or `tool_result` in `detect.parts`"
            where = (*place, "detect", "parts") if spoken else (*place, "detect")
            self._refusals.refuse(where, Code.NOBODY_TO_ADVISE, message, remedy)
        return replace(detection, reads=Reads(parts, detection.reads.channels))

    def _rewrite(self, place: Place, rule: RuleSpec, action: Action) -> Rewrite | None:
        if action is not Action.REDACT:
            return None
        operator, where = one_way(rule)
        has_keys = [self._has_keys((*place, "action", "redact", *where), operator)]
        has_keys += [
            self._has_keys((*place, "action", "redact", "by_label", label), own)
            for label, own in by_label(rule).items()
        ]
        return rewrite_of(operator, self._keys, self._language) if all(has_keys) else None

    def _has_keys(self, place: Place, operator: OneWayOperator) -> bool:
        """Whether the operator has the key that it needs. That it has none is noted."""
        if self._keys is not None or not isinstance(operator, Hash | Pseudonym):
            return True
        message = f"`{operator.with_}` needs the redaction key, and none is configured"
        remedy = (
            "set `keys.redaction` or `keys.redaction_file` in the configuration, or use `mask`, `label` or `remove`"
        )
        self._refusals.refuse((*place, "with"), Code.NO_KEY, message, remedy)
        return False

    def _check_stream(self, place: Place, rule: RuleSpec, action: Action, detector: Detector, reads: Reads) -> None:
        name, stream = rule.detect.detector, self._stream
        if is_scanner(detector):
            if detector.look_ahead > stream.max_held_chars:
                held = detector.look_ahead
                message = f"`{name}` may hold back {held} characters, the stream at most {stream.max_held_chars}"
                remedy = f"raise `stream.max_held_chars` to {held} or more"
                self._refusals.refuse((*place, "detect"), Code.HOLDS_TOO_MUCH, message, remedy)
            return
        if isinstance(detector, PairChecker):
            self._check_pairs(place, name, reads)
        if stream.mode is Mode.OPTIMISTIC and action is Action.REDACT:
            message = f"in optimistic mode text leaves before `{name}` answers, so it cannot be redacted"
            remedy = "use `mode: strict`, or the action `block` (it cuts the stream) or `annotate`"
            self._refusals.refuse((*place, "action"), Code.TEXT_HAS_LEFT, message, remedy)

    def _check_pairs(self, place: Place, name: str, reads: Reads) -> None:
        if not (Part.MODEL in reads.parts and Channel.CONTENT in reads.channels):
            message = f"it reads nothing: `{name}` compares what a model says in its answer"
            remedy = "leave out `detect.parts` and `detect.channels`"
            self._refusals.refuse((*place, "detect"), Code.READS_NOTHING, message, remedy)
        if self._directions == [Direction.INPUT]:
            message = f"`{name}` compares what a model answers, and the policy takes inputs only"
            where = (*place, "detect", "detector")
            self._refusals.refuse(where, Code.NOTHING_TO_COMPARE, message, "let `match.directions` have `output`")

    def _check_fail_mode(self, place: Place, rule: RuleSpec, action: Action) -> None:
        for key in ("on_error", "on_timeout"):
            if action < Action.REDACT and getattr(rule, key) is FailMode.FAIL_CLOSED:
                message = f"text does not wait for a rule that does `{action.word}`, so it cannot fail closed"
                remedy = f"remove `{key}`, or let the rule block or redact"
                self._refusals.refuse((*place, key), Code.CANNOT_FAIL_CLOSED, message, remedy)

    def _check_history(self, place: Place, rule: RuleSpec, action: Action) -> None:
        if rule.history is not None and action is not Action.BLOCK:
            message = f"`history` says what a rule that blocks does, and this one does `{action.word}`"
            remedy = "remove `history`, or let the rule block"
            self._refusals.refuse((*place, "history"), Code.NO_HISTORY, message, remedy)

    def _check_labels(self, place: Place, rule: RuleSpec, labels: Iterable[str]) -> None:
        """Refuse an operator that speaks of labels on which the rule does not act, or says one thing twice."""
        operator, where = one_way(rule)
        redact = (*place, "action", "redact")
        self._check_words((*redact, *where), operator, labels)
        for label, own in by_label(rule).items():
            place_of_label = (*redact, "by_label", label)
            self._check_words(place_of_label, own, (label,))
            if label not in labels:
                message = f"the rule acts on no label `{label}`"
                remedy = suggest(label, labels)
                self._refusals.refuse(place_of_label, Code.UNUSED_WORDS, message, remedy, at_key=True)
            if "in_tool_arguments" in own.model_fields_set:
                message, remedy = "`in_tool_arguments` is said for the whole rule", "say it beside `by_label`"
                where_said = (*place_of_label, "in_tool_arguments")
                self._refusals.refuse(where_said, Code.CONTRADICTION, message, remedy, at_key=True)

    def _check_words(self, place: Place, operator: OneWayOperator, labels: Iterable[str]) -> None:
        if isinstance(operator, Named):
            for name in set(operator.words).difference(labels):
                message = f"the rule acts on no label `{name}`"
                remedy = suggest(name, labels)
                self._refusals.refuse((*place, "words", name), Code.UNUSED_WORDS, message, remedy, at_key=True)

    def _check_session(self, place: Place, rule: RuleSpec, reads: Reads) -> None:
        if rule.session is not None and reads.parts == {Part.MODEL} and self._directions == [Direction.INPUT]:
            message = "what a model said earlier was judged then, so in requests this reads nothing"
            remedy = "let `match.directions` have `output`, or add a part to `detect.parts`"
            self._refusals.refuse((*place, "session"), Code.READS_NOTHING, message, remedy, at_key=True)

    def _check_message(self, place: Place, rule: RuleSpec) -> None:
        """Refuse a message in several languages of which none is for everybody else."""
        if isinstance(rule.action, BlockAction):
            check_wording(self._refusals, (*place, "action", "block", "message"), message_of(rule), self._language)

    def _check_tags(self, place: Place, rule: RuleSpec) -> None:
        for scheme, entries in (rule.tags.stated if rule.tags else {}).items():
            for number, entry in enumerate(entries):
                if entry not in SCHEMES[scheme]:
                    where, message = (*place, "tags", scheme, number), f"`{scheme}` has no entry `{entry}`"
                    remedy, meant = suggest(entry, SCHEMES[scheme]), closest(entry, SCHEMES[scheme])
                    if meant is not None:
                        remedy = f"did you mean `{meant}` ({SCHEMES[scheme][meant]})?"
                    self._refusals.refuse(where, Code.UNKNOWN_TAG, message, remedy)

    def _check_calls(self, place: Place, rule: RuleSpec, action: Action, reads: Reads) -> None:
        """Refuse a redaction that is told to read what a model hands to tools, and would change nothing there."""
        channels = rule.detect.channels or ()
        is_read = Channel.TOOL_ARGUMENTS in channels and Part.MODEL in reads.parts
        if not is_read or action is not Action.REDACT or self._directions == [Direction.INPUT] or stand_in_of(rule):
            return
        if one_way(rule)[0].in_tool_arguments == "keep":
            where = (*place, "detect", "channels", channels.index(Channel.TOOL_ARGUMENTS))
            message = "a redaction leaves what a model hands to tools, so it does nothing there"
            remedy = "say `in_tool_arguments: replace` in `redact`, use `with: stand_in`, or leave `tool_arguments` out"
            self._refusals.refuse(where, Code.CALLS_STAY, message, remedy)
