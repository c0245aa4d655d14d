"""Turns a loaded policy into a plan. A policy that cannot be kept is refused here, never ignored (law 10).

What is checked beyond the words themselves: the detector and its parameters, its labels and thresholds, whether it
can be built, whether the action can be done in a stream of this mode, the keys that an operator needs, what fails
open or closed, and that ids and names are unique and the tests speak of rules that exist.

Rules that give one detector the same parameters share it: it looks at the text once.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import ValidationError

from detectors import registry
from detectors.base import (
    BatchDetector,
    Detector,
    DetectorError,
    DetectorType,
    PairChecker,
    Params,
    PatternScanner,
    Reading,
    Reads,
    default_reads,
)
from detectors.parts import Part as DetectorPart
from detectors.parts import default_labels, parts_for, parts_of
from sidecar.errors import PolicyError, PolicyErrors
from sidecar.policy import operators
from sidecar.policy import plan as plans
from sidecar.policy.explain import split, suggest
from sidecar.policy.fakes import FAKES, unknown_kinds
from sidecar.policy.language import json_schema
from sidecar.policy.loader import Draft, LoadedPolicy, Place, Source, explain_all, read_drafts
from sidecar.policy.operators import ByName, Form, InWords, RedactionKeys
from sidecar.policy.plan import BatchPlan, Match, Notice, Plan, Rewrite, RulePlan, ScannerPlan, StreamSettings
from sidecar.policy.schema import (
    DEFAULT_POLICY,
    LABEL,
    BlockAction,
    CaseSpec,
    FixedText,
    Hash,
    Label,
    Mask,
    Named,
    NoticeSpec,
    OneWayOperator,
    PolicySpec,
    Pseudonym,
    RedactAction,
    RuleSpec,
    StandIn,
    StreamSpec,
    WithholdAction,
)
from sidecar.values import Action, Channel, Direction, FailMode, InHistory, Mode, Part, Severity, ToolCalls
from sidecar.wording import messages
from sidecar.wording.languages import Language
from sidecar.wording.names import name_of

_T = TypeVar("_T")

_SAID_BY_ALL = frozenset({Channel.CONTENT, Channel.OTHER})
"""The channels on which anybody says something."""


_WITHHELD = (
    "[Withheld: the rule {rule} keeps this text from you. Go on without it; asking for it again brings the same.]"
)


class Catalog(Protocol):
    """Where detectors are found by name: `detectors.registry`, or a smaller one."""

    def names(self) -> tuple[str, ...]:
        """The names of all detectors."""
        ...

    def get(self, name: str) -> type[DetectorType]:
        """The detector of that name. Raises `DetectorError`."""
        ...


@dataclass(frozen=True, slots=True)
class CompiledFile:
    """A policy file: its policies with their plans, or everything that is wrong with it."""

    path: Path
    policies: tuple[tuple[LoadedPolicy, Plan], ...]
    errors: tuple[PolicyError, ...]
    content: str = ""
    """Tells one content of the file from another, where its owner keeps that."""


def compile_file(path: str | Path, keys: RedactionKeys | None = None, *, catalog: Catalog = registry) -> CompiledFile:
    """Load and compile a file. Raises nothing for what the file holds: all its errors are in the answer, by line."""
    drafts = read_drafts(path)
    compiled = [_compile(draft, keys, catalog) for draft in drafts]
    errors = [error for draft in drafts for error in draft.errors]
    errors += [error for _, found in compiled for error in found]
    errors += _repeated_names([draft for draft in drafts if draft.spec is not None])
    if errors:
        errors.sort(key=lambda error: (error.line, error.column))
        return CompiledFile(Path(path), (), tuple(errors))
    pairs = zip(drafts, (plan for plan, _ in compiled), strict=True)
    policies = tuple((_loaded(draft), plan) for draft, plan in pairs if plan is not None)
    return CompiledFile(Path(path), policies, ())


def compile_policy(loaded: LoadedPolicy, keys: RedactionKeys | None = None, *, catalog: Catalog = registry) -> Plan:
    """Compile one policy. Raises `PolicyErrors` with everything that is wrong with it."""
    rules = dict(enumerate(loaded.spec.rules))
    plan, errors = _compile(Draft(loaded.source, loaded.spec, rules, (), loaded.document), keys, catalog)
    if plan is None:
        raise PolicyErrors(errors)
    return plan


def digest_of(spec: PolicySpec) -> str:
    """The sha256 of the policy's canonical JSON: the same whatever the layout and the comments of its file."""
    content = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _compile(draft: Draft, keys: RedactionKeys | None, catalog: Catalog) -> tuple[Plan | None, list[PolicyError]]:
    """The plan, or the errors beyond those of the draft."""
    spec = draft.spec
    rules = _RuleCompiler(draft, spec.stream if spec else StreamSpec(), keys, catalog)
    for number, rule in draft.rules.items():
        rules.compile(number, rule)
    errors = rules.errors + list(_repeated_ids(draft))
    if spec is not None:
        errors += _policy_errors(draft.source, spec)
    if spec is not None and not errors:
        errors += _call_errors(draft.source, spec, rules.plans)
    if spec is None or errors:
        return None, errors
    return _plan(spec, rules), []


def _plan(spec: PolicySpec, rules: _RuleCompiler) -> Plan:
    metadata, stream = spec.metadata, spec.stream
    return Plan(
        name=metadata.name,
        version=metadata.version,
        digest=digest_of(spec),
        owner=metadata.owner,
        language=metadata.language,
        order=metadata.order,
        match=Match(
            directions=frozenset(spec.match.directions or ()),
            labels=tuple(sorted(spec.match.labels.items())),
            tenants=frozenset(spec.match.tenants or ()),
        ),
        stream=StreamSettings(
            mode=stream.mode,
            max_hold_ms=stream.max_hold_ms,
            max_held_chars=stream.max_held_chars,
            max_segment_tokens=stream.max_segment_tokens,
            min_segment_tokens=stream.min_segment_tokens,
            pace_ms=stream.pace_ms,
            tool_calls=stream.tool_calls,
            notice=_notice(stream.notice, metadata.language),
        ),
        rules=tuple(rules.plans),
        scanners=tuple(
            ScannerPlan(each, readers) for each, readers in rules.readers() if isinstance(each, PatternScanner)
        ),
        batches=tuple(
            BatchPlan.of(index, each, readers)
            for index, (each, readers) in enumerate(
                (each, readers) for each, readers in rules.readers() if isinstance(each, BatchDetector)
            )
        ),
    )


# --- rules -----------------------------------------------------------------------------------------------------------


class _RuleCompiler:
    """Compiles the rules of one policy, one after the other, and notes what is wrong with each."""

    def __init__(self, draft: Draft, stream: StreamSpec, keys: RedactionKeys | None, catalog: Catalog) -> None:
        self.plans: list[RulePlan] = []
        self.errors: list[PolicyError] = []
        self._source = draft.source
        self._document = draft.document
        self._stream = stream
        self._directions = draft.spec.match.directions if draft.spec else None
        self._language = draft.spec.metadata.language if draft.spec else Language.EN
        self._keys = keys
        self._catalog = catalog
        self._detectors: dict[str, Detector | DetectorError] = {}
        self._readers: dict[str, list[RulePlan]] = {}

    def readers(self) -> Iterator[tuple[Detector, tuple[RulePlan, ...]]]:
        """Each detector once, with the rules that read it."""
        for identity, rules in self._readers.items():
            detector = self._detectors[identity]
            if not isinstance(detector, DetectorError):
                yield detector, tuple(rules)

    def compile(self, number: int, rule: RuleSpec) -> None:
        """Add the rule's plan, or its errors."""
        place: Place = ("rules", number)
        before = len(self.errors)
        action = _action_of(rule)
        self._check_fail_mode(place, rule, action)
        if rule.history is not None and action is not Action.BLOCK:
            message = f"`history` says what a rule that blocks does, and this one does `{action.name.lower()}`"
            self._refuse((*place, "history"), message, "remove `history`, or let the rule block")
        rewrite = self._rewrite(place, rule, action)
        kind = self._kind(place, rule)
        if kind is None:
            return
        reads = self._reads(place, rule, kind)
        params = self._params(place, rule, kind)
        if params is None:
            return
        thresholds = self._thresholds(place, rule, kind, params)
        self._check_calls(place, rule, action, reads)
        self._check_words(place, rule, thresholds)
        identities = self._build(place, kind, params, thresholds)
        for identity in identities:
            detector = self._detectors[identity]
            if not isinstance(detector, DetectorError):
                self._check_stream(place, rule, action, detector, reads)
        if len(self.errors) > before:
            return
        plan = self._rule_plan(rule, action, thresholds, rewrite, params.reading(), reads)
        self.plans.append(plan)
        for identity in identities:
            self._readers.setdefault(identity, []).append(plan)

    def _build(
        self, place: Place, kind: type[DetectorType], params: Params, thresholds: Mapping[str, float]
    ) -> list[str]:
        """Make the detector, or those of its parts that find any of the rule's labels; their identities."""
        parts = _asked(lambda: parts_of(kind, params))
        if isinstance(parts, DetectorError):
            return []  # `labels_of` failed before, and was refused
        identities = []
        for number in parts_for(parts, thresholds) or range(len(parts)):
            identity = f"{kind.name}.{number} {params.model_dump_json(exclude=set(params.rule_keys))}"
            self._detector(place, identity, parts[number])
            identities.append(identity)
        return identities

    def _rule_plan(
        self,
        rule: RuleSpec,
        action: Action,
        thresholds: Mapping[str, float],
        rewrite: Rewrite | None,
        reading: Reading,
        reads: Reads,
    ) -> RulePlan:
        gates = action >= Action.REDACT
        default = FailMode.FAIL_CLOSED if gates else FailMode.FAIL_OPEN
        whole = self._stream.on_failure if gates else None
        return RulePlan(
            index=len(self.plans),
            id=rule.id,
            detector=rule.detect.detector,
            thresholds=thresholds,
            severity=Severity[rule.severity.upper()],
            action=action,
            enforcement=rule.enforcement,
            on_error=rule.on_error or whole or default,
            on_timeout=rule.on_timeout or (gates and self._stream.on_timeout) or whole or default,
            message=_message_of(rule),
            in_history=rule.history or InHistory.WITHHOLD,
            in_its_place=_in_its_place(rule),
            rewrite=rewrite,
            stand_in=_stand_in(rule),
            spares_calls=action is Action.REDACT and _one_way(rule)[0].in_tool_arguments == "keep",
            is_reversible=isinstance(rule.action, RedactAction) and isinstance(rule.action.redact, Pseudonym),
            reading=reading,
            reads=reads,
        )

    def _kind(self, place: Place, rule: RuleSpec) -> type[DetectorType] | None:
        name, where = rule.detect.detector, (*place, "detect", "detector")
        names = self._catalog.names()
        if name not in names:
            self._refuse(where, f"there is no detector `{name}`", suggest(name, names))
            return None
        kind = _asked(lambda: self._catalog.get(name))
        if isinstance(kind, DetectorError):
            message, remedy = split(str(kind), "install what it needs, or leave it out")
            self._refuse(where, f"the detector `{name}` cannot be used: {message}", remedy)
            return None
        return kind

    def _reads(self, place: Place, rule: RuleSpec, kind: type[DetectorType]) -> Reads:
        """Whose words it reads, on which channels. A rule that would read nothing is refused."""
        parts, channels, default = rule.detect.parts, rule.detect.channels, default_reads(kind)
        reads = Reads(
            default.parts if parts is None else frozenset(parts),
            default.channels if channels is None else frozenset(channels),
        )
        key = "channels" if parts is None else "parts"
        where = (*place, "detect", key) if parts or channels else (*place, "detect")
        if Part.MODEL not in reads.parts and not reads.channels & _SAID_BY_ALL:
            message = "it reads nothing: only a model thinks aloud and calls tools"
            self._refuse(where, message, "add `model` to `detect.parts`, or `content` to `detect.channels`")
        elif reads.parts == {Part.USER} and self._directions == [Direction.OUTPUT]:
            message = "it reads nothing: the policy takes outputs only, and no user speaks in them"
            self._refuse(where, message, "add `model` to `detect.parts`, or `input` to `match.directions`")
        return reads

    def _params(self, place: Place, rule: RuleSpec, kind: type[DetectorType]) -> Params | None:
        try:
            params = _asked(lambda: kind.params.model_validate(rule.detect.params))
        except ValidationError as error:
            where = (*place, "detect")
            self.errors += explain_all(error, self._source, where, self._document, json_schema([kind]))
            return None
        if isinstance(params, DetectorError):
            self._refused(place, params)
            return None
        return params

    def _thresholds(
        self, place: Place, rule: RuleSpec, kind: type[DetectorType], params: Params
    ) -> Mapping[str, float]:
        recommended = _asked(lambda: kind.labels_of(params))
        if isinstance(recommended, DetectorError):
            self._refused(place, recommended)
            return {}
        labels, threshold = rule.detect.labels, rule.detect.threshold
        where = (*place, "detect", "labels")
        if isinstance(labels, Mapping) and threshold is not None:
            remedy = "keep one: a list of labels with `threshold`, or a score for each label"
            self._refuse((*place, "detect", "threshold"), "`labels` states the least scores already", remedy)
        if isinstance(labels, Mapping):
            self._check_labels(kind, recommended, {(*where, name): name for name in labels})
            return dict(labels)
        names = [name for name in recommended if name in default_labels(kind, params)] if labels is None else labels
        if labels is not None:
            self._check_labels(kind, recommended, {(*where, number): name for number, name in enumerate(labels)})
        return {name: recommended.get(name, 1.0) if threshold is None else threshold for name in names}

    def _check_labels(
        self, kind: type[DetectorType], recommended: Mapping[str, float], places: Mapping[Place, str]
    ) -> None:
        seen: set[str] = set()
        for place, name in places.items():
            if name in seen:
                self._refuse(place, f"`{name}` is listed twice", "keep one of the two", at_key=True)
            elif name not in recommended:
                message = f"the detector `{kind.name}` has no label `{name}` with these parameters"
                self._refuse(place, message, suggest(name, recommended), at_key=True)
            seen.add(name)

    def _detector(self, place: Place, identity: str, part: DetectorPart) -> None:
        if identity not in self._detectors:
            self._detectors[identity] = _asked(part.build)
        detector = self._detectors[identity]
        if isinstance(detector, DetectorError):
            self._refused(place, detector)

    def _refused(self, place: Place, error: DetectorError) -> None:
        """Note that a detector refuses the rule's parameters."""
        message, remedy = split(str(error))
        self._refuse((*place, "detect", *error.path), message, remedy)

    def _check_stream(self, place: Place, rule: RuleSpec, action: Action, detector: Detector, reads: Reads) -> None:
        name, stream = rule.detect.detector, self._stream
        if isinstance(detector, PairChecker) and not (Part.MODEL in reads.parts and Channel.CONTENT in reads.channels):
            message = f"it reads nothing: `{name}` compares what a model says in its answer"
            self._refuse((*place, "detect"), message, "leave out `detect.parts` and `detect.channels`")
        if isinstance(detector, PairChecker) and self._directions == [Direction.INPUT]:
            message = f"`{name}` compares what a model answers, and the policy takes inputs only"
            self._refuse((*place, "detect", "detector"), message, "let `match.directions` have `output`")
        if isinstance(detector, PatternScanner):
            if detector.look_ahead > stream.max_held_chars:
                held = detector.look_ahead
                message = f"`{name}` may hold back {held} characters, the stream at most {stream.max_held_chars}"
                remedy = f"raise `stream.max_held_chars` to {held} or more"
                self._refuse((*place, "detect"), message, remedy)
        elif stream.mode is Mode.OPTIMISTIC and action is Action.REDACT:
            message = f"in optimistic mode text leaves before `{name}` answers, so it cannot be redacted"
            remedy = "use `mode: strict`, or the action `block` (it cuts the stream) or `annotate`"
            self._refuse((*place, "action"), message, remedy)

    def _check_fail_mode(self, place: Place, rule: RuleSpec, action: Action) -> None:
        for key in ("on_error", "on_timeout"):
            if action < Action.REDACT and getattr(rule, key) is FailMode.FAIL_CLOSED:
                message = f"text does not wait for a rule that does `{action.name.lower()}`, so it cannot fail closed"
                self._refuse((*place, key), message, f"remove `{key}`, or let the rule block or redact")

    def _check_words(self, place: Place, rule: RuleSpec, labels: Iterable[str]) -> None:
        operator, where = _one_way(rule)
        if isinstance(operator, Named):
            for name in set(operator.words).difference(labels):
                message = f"the rule acts on no label `{name}`"
                place_of_word = (*place, "action", "redact", *where, "words", name)
                self._refuse(place_of_word, message, suggest(name, labels), at_key=True)

    def _check_calls(self, place: Place, rule: RuleSpec, action: Action, reads: Reads) -> None:
        """Refuse a redaction that is told to read what a model hands to tools, and would change nothing there."""
        channels = rule.detect.channels or ()
        is_read = Channel.TOOL_ARGUMENTS in channels and Part.MODEL in reads.parts
        if not is_read or action is not Action.REDACT or self._directions == [Direction.INPUT] or _stand_in(rule):
            return
        if _one_way(rule)[0].in_tool_arguments == "keep":
            where = (*place, "detect", "channels", channels.index(Channel.TOOL_ARGUMENTS))
            message = "a redaction leaves what a model hands to tools, so it does nothing there"
            remedy = "say `in_tool_arguments: replace` in `redact`, use `with: stand_in`, or leave `tool_arguments` out"
            self._refuse(where, message, remedy)

    def _rewrite(self, place: Place, rule: RuleSpec, action: Action) -> Rewrite | None:
        if action is not Action.REDACT:
            return None
        operator, where = _one_way(rule)
        if isinstance(operator, Hash | Pseudonym) and self._keys is None:
            message = f"`{operator.with_}` needs the redaction key, and none is configured"
            remedy = (
                "set `keys.redaction` or `keys.redaction_file` in the configuration, or use `mask`, `label` or `remove`"
            )
            self._refuse((*place, "action", "redact", *where, "with"), message, remedy)
            return None
        return _operator(operator, self._keys, self._language)

    def _refuse(self, place: Place, message: str, remedy: str, *, at_key: bool = False) -> None:
        self.errors.append(self._source.error(place, message, remedy, at_key=at_key))


def _asked(question: Callable[[], _T]) -> _T | DetectorError:
    """What a detector answers. It may be anyone's code: whatever it raises is a reason to refuse the policy."""
    try:
        return question()
    except ValidationError:
        raise
    except DetectorError as error:
        return error
    except ImportError as error:
        return DetectorError(
            f"it needs {error.name or 'a package'}, which cannot be loaded; install it, or leave it out"
        )
    except Exception as error:  # noqa: BLE001 - as said above
        return DetectorError(f"it failed with {type(error).__name__}; ask its authors, or leave it out")


def _action_of(rule: RuleSpec) -> Action:
    if isinstance(rule.action, str):
        return Action[rule.action.upper()]
    if isinstance(rule.action, WithholdAction):
        return Action.WITHHOLD
    return Action.BLOCK if isinstance(rule.action, BlockAction) else Action.REDACT


def _message_of(rule: RuleSpec) -> str | None:
    """What the user is told whose words the rule stops; None where it states nothing, as where one fails closed."""
    if isinstance(rule.action, WithholdAction):
        return rule.action.withhold.message or None
    return rule.action.block.message if isinstance(rule.action, BlockAction) else None


def _in_its_place(rule: RuleSpec) -> str:
    """What stands in the place of a text that is withheld: the model reads it, and has to go on."""
    own = rule.action.withhold.message if isinstance(rule.action, WithholdAction) else ""
    return own or _WITHHELD.format(rule=rule.id)


def _notice(spec: NoticeSpec | None, language: Language) -> Notice | None:
    if spec is None:
        return None
    form, own = (spec, None) if isinstance(spec, str) else (spec.as_, spec.text)
    return Notice(own or messages.changed(language), is_paragraph=form == "paragraph")


def _one_way(rule: RuleSpec) -> tuple[OneWayOperator, Place]:
    """The operator that replaces what does not come back, and where in the rule's operator it stands."""
    operator = rule.action.redact if isinstance(rule.action, RedactAction) else LABEL
    return (operator.answers, ("answers",)) if isinstance(operator, StandIn) else (operator, ())


def _stand_in(rule: RuleSpec) -> plans.StandIn | None:
    operator = rule.action.redact if isinstance(rule.action, RedactAction) else None
    if not isinstance(operator, StandIn):
        return None
    return plans.StandIn(
        restore=frozenset(map(Channel, operator.restore)),
        by_session=operator.same_within == "session",
        is_secret=rule.detect.detector == "secrets",
    )


def _operator(operator: OneWayOperator, keys: RedactionKeys | None, language: Language) -> Rewrite:
    if isinstance(operator, Mask):
        return operators.mask(char=operator.char, keep_first=operator.keep_first, keep_last=operator.keep_last)
    if isinstance(operator, FixedText):
        return operators.fixed_text(operator.text)
    if isinstance(operator, Hash) and keys is not None:
        return operators.keyed_hash(keys, _form(operator, language), length=operator.length)
    if isinstance(operator, Pseudonym) and keys is not None:
        return operators.pseudonym(keys, _form(operator, language, "[]"))
    return operators.label(_form(operator, language)) if isinstance(operator, Label) else operators.remove()


def _form(operator: Named, language: Language, brackets: str = "<>") -> Form:
    if operator.form == "name":
        return ByName(brackets)
    own = operator.words
    return InWords(lambda label: own.get(label) or name_of(label, language))


# --- the policy as a whole -------------------------------------------------------------------------------------------


def _policy_errors(source: Source, spec: PolicySpec) -> Iterator[PolicyError]:
    if spec.metadata.name == DEFAULT_POLICY and spec.match.model_fields_set:
        message = "the policy named `default` takes every stream that no other policy takes"
        yield source.error(("match",), message, "remove `match`, or give the policy another name", at_key=True)
    if spec.stream.tool_calls is ToolCalls.WHOLE and not any(map(_may_change_text, spec.rules)):
        message = "no rule blocks or redacts, so no call of a tool waits for a verdict"
        yield source.error(("stream", "tool_calls"), message, "remove `tool_calls`, or add such a rule")
    yield from _test_errors(source, spec.tests, [rule.id for rule in spec.rules])


def _call_errors(source: Source, spec: PolicySpec, rules: Iterable[RulePlan]) -> Iterator[PolicyError]:
    reads_calls = (
        rule.is_reading(Part.MODEL, Channel.TOOL_ARGUMENTS) for rule in rules if rule.action >= Action.REDACT
    )
    if spec.stream.tool_calls is ToolCalls.WHOLE and not any(reads_calls):
        message = "no rule that blocks or redacts reads calls of tools, so none waits for a verdict"
        remedy = "remove `tool_calls`, or have such a rule read the part `model` on the channel `tool_arguments`"
        yield source.error(("stream", "tool_calls"), message, remedy)


def _may_change_text(rule: RuleSpec) -> bool:
    return _action_of(rule) >= Action.REDACT


def _test_errors(source: Source, tests: Sequence[CaseSpec], ids: Sequence[str]) -> Iterator[PolicyError]:
    names: Counter[str] = Counter()
    for number, test in enumerate(tests):
        names[test.name] += 1
        if names[test.name] == 2:
            yield source.error(
                ("tests", number, "name"), f"two tests are named `{test.name}`", "give each its own name"
            )
        for key in ("output", "input"):
            for kind in unknown_kinds(getattr(test, key) or ""):
                yield source.error(("tests", number, key), f"there is no fake `{kind}`", suggest(kind, FAKES))
        for place, rule in _named_rules(test):
            if rule not in ids:
                where = ("tests", number, "expect", *place)
                yield source.error(where, f"there is no rule `{rule}`", suggest(rule, ids))


def _named_rules(test: CaseSpec) -> Iterator[tuple[Place, str]]:
    expect = test.expect
    for number, rule in enumerate(expect.violations or ()):
        yield ("violations", number), rule
    if isinstance(expect.blocked, str):
        yield ("blocked",), expect.blocked
    for number, annotation in enumerate(expect.annotations or ()):
        if annotation.rule is not None:
            yield ("annotations", number, "rule"), annotation.rule


def _repeated_ids(draft: Draft) -> Iterator[PolicyError]:
    first: dict[str, int] = {}
    for number, rule in draft.rules.items():
        if rule.id in first:
            message = f"rules[{first[rule.id]}] has the id `{rule.id}` already"
            yield draft.source.error(("rules", number, "id"), message, "give each rule its own id")
        first.setdefault(rule.id, number)


def _repeated_names(drafts: Iterable[Draft]) -> Iterator[PolicyError]:
    seen: set[str] = set()
    for draft in drafts:
        name = draft.spec.metadata.name if draft.spec else ""
        if name in seen:
            yield draft.source.error(
                ("metadata", "name"), f"the file has a policy named `{name}` already", "give each policy its own name"
            )
        seen.add(name)


def _loaded(draft: Draft) -> LoadedPolicy:
    assert draft.spec is not None
    return LoadedPolicy(draft.source, draft.spec, draft.document)
