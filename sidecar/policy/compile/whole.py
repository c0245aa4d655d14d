"""What concerns a policy as a whole: its parts against each other, its tests, its names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.compile.actions import action_of
from sidecar.policy.compile.refusals import Refusals, check_wording
from sidecar.policy.compile.sessions import check_sessions, escalations_of
from sidecar.policy.document import Place, Source
from sidecar.policy.explain import suggest
from sidecar.policy.fakes import FAKES, unknown_kinds
from sidecar.policy.loader import Draft
from sidecar.policy.plan import RulePlan
from sidecar.policy.schema.base import DEFAULT_POLICY
from sidecar.policy.schema.cases import CaseSpec, Expect
from sidecar.policy.schema.policy import PolicySpec
from sidecar.policy.schema.rollout import CanaryEnforcement
from sidecar.policy.schema.rules import RuleSpec
from sidecar.values import Action, Channel, Part, ToolCalls
from sidecar.wording.languages import Language

MAX_CANARIES = 8
"""Rules of one policy: there is a plan for each combination of their sides that comes up."""


def policy_errors(draft: Draft) -> Iterator[PolicyError]:
    """What contradicts what, beyond single rules, as far as the policy could be read."""
    source, match, stream = draft.source, draft.match, draft.stream
    if match and draft.name == DEFAULT_POLICY and match.model_fields_set:
        message = "the policy named `default` takes every stream that no other policy takes"
        remedy = "remove `match`, or give the policy another name"
        yield source.error(("match",), Code.MATCH_OF_DEFAULT, message, remedy, at_key=True)
    waits = stream is not None and stream.tool_calls is ToolCalls.WHOLE and draft.has_all_rules
    if waits and not any(map(_may_change_text, draft.rules.values())):
        message = "no rule blocks or redacts, so no call of a tool waits for a verdict"
        remedy = "remove `tool_calls`, or add such a rule"
        yield source.error(("stream", "tool_calls"), Code.CALLS_WAIT_FOR_NOBODY, message, remedy)
    refusals = Refusals(source)
    if stream is not None and stream.notice is not None and not isinstance(stream.notice, str):
        language = draft.metadata.language if draft.metadata else Language.EN
        check_wording(refusals, ("stream", "notice", "text"), stream.notice.text, language)
    check_sessions(refusals, draft)
    yield from refusals.errors
    if draft.spec is not None:
        yield from _canary_errors(source, draft.spec)
    ids = [*draft.ids.values(), *(each.id for each in escalations_of(draft.session))]
    yield from errors_of_tests(source, draft.tests, lambda _: ids)


def _canary_errors(source: Source, spec: PolicySpec) -> Iterator[PolicyError]:
    if spec.rollout is not None and spec.rollout.replaces == spec.metadata.version:
        message = f"it would replace itself: this is version `{spec.metadata.version}`"
        remedy = "give this version a number of its own"
        yield source.error(("rollout", "replaces"), Code.NOTHING_TO_REPLACE, message, remedy)
    canaries = [number for number, rule in enumerate(spec.rules) if isinstance(rule.enforcement, CanaryEnforcement)]
    if len(canaries) > MAX_CANARIES:
        message = f"{len(canaries)} rules are canaries; at most {MAX_CANARIES} may be"
        remedy = "try the whole version with `rollout`"
        yield source.error(("rules", canaries[-1], "enforcement"), Code.OUT_OF_BOUNDS, message, remedy)


def call_errors(source: Source, spec: PolicySpec, rules: Iterable[RulePlan]) -> Iterator[PolicyError]:
    """What the policy says of calls of tools, against what its rules read."""
    reads_calls = (
        rule.is_reading(Part.MODEL, Channel.TOOL_ARGUMENTS) for rule in rules if rule.action >= Action.REDACT
    )
    if spec.stream.tool_calls is ToolCalls.WHOLE and not any(reads_calls):
        message = "no rule that blocks or redacts reads calls of tools, so none waits for a verdict"
        remedy = "remove `tool_calls`, or have such a rule read the part `model` on the channel `tool_arguments`"
        yield source.error(("stream", "tool_calls"), Code.CALLS_WAIT_FOR_NOBODY, message, remedy)


def _may_change_text(rule: RuleSpec) -> bool:
    return action_of(rule) >= Action.REDACT


def errors_of_tests(
    source: Source, tests: Mapping[int, CaseSpec], ids_of: Callable[[CaseSpec], Sequence[str]]
) -> Iterator[PolicyError]:
    """What is wrong with tests, beyond their words; by their numbers; `ids_of` are the rules that one may speak of."""
    names: Counter[str] = Counter()
    for number, test in tests.items():
        place: Place = ("tests", number)
        names[test.name] += 1
        if names[test.name] == 2:
            message = f"two tests are named `{test.name}`"
            yield source.error((*place, "name"), Code.REPEATED_TEST, message, "give each its own name")
        for where, text in _texts(test):
            for kind in unknown_kinds(text):
                message = f"there is no fake `{kind}`"
                yield source.error((*place, *where), Code.UNKNOWN_FAKE, message, suggest(kind, FAKES))
        ids = ids_of(test)
        for where, rule in named_rules(test):
            if rule not in ids:
                message = f"there is no rule `{rule}`"
                yield source.error((*place, *where), Code.UNKNOWN_RULE, message, suggest(rule, ids))


def _texts(test: CaseSpec) -> Iterator[tuple[Place, str]]:
    for key in ("output", "input"):
        yield (key,), getattr(test, key) or ""
    for number, turn in enumerate(test.turns or ()):
        for key in ("user", "system", "model", "reasoning", "tool_result", "tool_definition"):
            yield ("turns", number, key), getattr(turn, key) or ""


def named_rules(test: CaseSpec) -> Iterator[tuple[Place, str]]:
    """The rules of which a test speaks, each with where it does."""
    expected: list[tuple[Place, Expect]] = [(("expect",), test.expect)]
    expected += [(("turns", n, "expect"), turn.expect) for n, turn in enumerate(test.turns or ()) if turn.expect]
    for place, expect in expected:
        for where, rule in _rules_expected(expect):
            yield (*place, *where), rule


def _rules_expected(expect: Expect) -> Iterator[tuple[Place, str]]:
    for number, rule in enumerate(expect.violations or ()):
        yield ("violations", number), rule
    if isinstance(expect.blocked, str):
        yield ("blocked",), expect.blocked
    for number, annotation in enumerate(expect.annotations or ()):
        if annotation.rule is not None:
            yield ("annotations", number, "rule"), annotation.rule


def repeated_ids(draft: Draft) -> Iterator[PolicyError]:
    """An error for each rule whose id an earlier one has."""
    first: dict[str, int] = {}
    for number, name in draft.ids.items():
        if name in first:
            message = f"rules[{first[name]}] has the id `{name}` already"
            yield draft.source.error(("rules", number, "id"), Code.REPEATED_RULE, message, "give each rule its own id")
        first.setdefault(name, number)


def repeated_names(drafts: Iterable[Draft]) -> Iterator[PolicyError]:
    """An error for each policy of a file whose name an earlier one has."""
    seen: set[str] = set()
    for draft in drafts:
        name = draft.name
        if name and draft.spec is not None and draft.spec.rollout is not None:
            name = f"{name}, tried beside another"
        if name and name in seen:
            message = f"the file has a policy named `{name}` already"
            remedy = "give each policy its own name"
            yield draft.source.error(("metadata", "name"), Code.REPEATED_POLICY, message, remedy)
        seen.add(name)
