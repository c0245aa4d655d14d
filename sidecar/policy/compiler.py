"""Turns a loaded policy into a plan. A policy that cannot be kept is refused here, never ignored (law 10).

What is checked beyond the words themselves: the detector and its parameters, its labels and thresholds, whether it
can be built, whether the action can be done in a stream of this mode, the keys that an operator needs, what fails
open or closed, and that ids and names are unique and the tests speak of rules that exist.

The steps are in `compile`. Rules that give one detector the same parameters share it: it looks at the text once.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from detectors import registry
from detectors.base import BatchDetector, is_scanner
from sidecar.errors import PolicyError, PolicyErrors
from sidecar.policy.compile.actions import default_of, translations_of
from sidecar.policy.compile.detection import Catalog, Made
from sidecar.policy.compile.refusals import Refusals
from sidecar.policy.compile.requirements import with_requirements
from sidecar.policy.compile.rules import RuleCompiler
from sidecar.policy.compile.sessions import settings_of, stoppers_of
from sidecar.policy.compile.trials import trial_of
from sidecar.policy.compile.whole import call_errors, policy_errors, repeated_ids, repeated_names
from sidecar.policy.facts import Glob, Match
from sidecar.policy.judging import JudgeFacts
from sidecar.policy.loader import Draft, LoadedPolicy, read_drafts
from sidecar.policy.operators import RedactionKeys
from sidecar.policy.plan import BatchPlan, Notice, Plan, RulePlan, ScannerPlan, StreamSettings
from sidecar.policy.schema.match import MatchSpec
from sidecar.policy.schema.policy import PolicySpec
from sidecar.policy.schema.stream import NoticeSpec, StreamSpec
from sidecar.values import EVIDENCE_LEVELS, EvidenceLevel
from sidecar.wording import messages
from sidecar.wording.languages import Language


@dataclass(frozen=True, slots=True)
class CompiledFile:
    """A policy file: its policies with their plans, or everything that is wrong with it."""

    path: Path
    policies: tuple[tuple[LoadedPolicy, Plan], ...]
    errors: tuple[PolicyError, ...]
    content: str = ""
    """Tells one content of the file from another, where its owner keeps that."""


def compile_file(
    path: str | Path,
    keys: RedactionKeys | None = None,
    *,
    catalog: Catalog = registry,
    made: Made | None = None,
    keeps: Collection[EvidenceLevel] = EVIDENCE_LEVELS,
    judges: Mapping[str, JudgeFacts] | None = None,
) -> CompiledFile:
    """Load and compile a file. Raises nothing for what the file holds: all its errors are in the answer, by line.

    `made` are detectors that there are: policies that are compiled with the same ones share them. `keeps` are the
    levels of evidence that can be kept.
    """
    drafts = read_drafts(path)
    compiled = [_compile(draft, keys, catalog, made, keeps=keeps, judges=judges) for draft in drafts]
    errors = [error for draft in drafts for error in draft.errors]
    errors += [error for _, found in compiled for error in found]
    errors += repeated_names(drafts)
    if errors:
        errors.sort(key=lambda error: (error.line, error.column))
        return CompiledFile(Path(path), (), tuple(errors))
    pairs = zip(drafts, (plan for plan, _ in compiled), strict=True)
    policies = tuple((_loaded(draft), plan) for draft, plan in pairs if plan is not None)
    return CompiledFile(Path(path), policies, ())


def compile_policy(loaded: LoadedPolicy, keys: RedactionKeys | None = None, *, catalog: Catalog = registry) -> Plan:
    """Compile one policy. Raises `PolicyErrors` with everything that is wrong with it."""
    plan, errors = _compile(Draft.of(loaded), keys, catalog)
    if plan is None:
        raise PolicyErrors(errors)
    return plan


def digest_of(spec: PolicySpec) -> str:
    """The sha256 of the policy's canonical JSON: the same whatever the layout and the comments of its file."""
    content = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: what is made here stays, and looking through it over and over is a fifth of all.

    Where several compile at once, the one that found it at work sets it to work again.
    """
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


@_uncollected()
def _compile(
    draft: Draft,
    keys: RedactionKeys | None,
    catalog: Catalog,
    made: Made | None = None,
    *,
    keeps: Collection[EvidenceLevel] = EVIDENCE_LEVELS,
    judges: Mapping[str, JudgeFacts] | None = None,
) -> tuple[Plan | None, list[PolicyError]]:
    """The plan, or the errors beyond those of the draft."""
    spec = draft.spec
    rules = RuleCompiler(draft, keys, catalog, made, keeps=keeps, judges=judges)
    for number, rule in draft.rules.items():
        rules.compile(number, rule)
    for number, detect in draft.detects.items():
        rules.look(number, detect)
    errors = [*rules.errors, *repeated_ids(draft), *policy_errors(draft)]
    if spec is not None and not errors:
        errors += call_errors(draft.source, spec, rules.plans)
    if spec is None or errors:
        return None, errors
    refusals = Refusals(draft.source)
    plan = with_requirements(refusals, spec, _plan(spec, rules))
    return (None, refusals.errors) if refusals.errors else (plan, [])


def _plan(spec: PolicySpec, rules: RuleCompiler) -> Plan:
    readers = [*rules.readers()]
    scanners = [ScannerPlan(each, read_by) for each, read_by in readers if is_scanner(each)]
    batched = [
        (each, group)
        for each, read_by in readers
        if not is_scanner(each) and isinstance(each, BatchDetector)
        for group in _apart(read_by)
    ]
    metadata = spec.metadata
    return Plan(
        name=metadata.name,
        version=metadata.version,
        digest=digest_of(spec),
        owner=metadata.owner,
        language=metadata.language,
        order=metadata.order,
        match=_match(spec.match),
        canaries=tuple(rule.index for rule in rules.plans if rule.canary is not None),
        rollout=trial_of(spec.rollout) if spec.rollout is not None else None,
        replaces=spec.rollout.replaces if spec.rollout is not None else "",
        stream=_settings(spec.stream, metadata.language),
        session=settings_of(spec),
        stoppers=stoppers_of(spec),
        rules=tuple(rules.plans),
        scanners=tuple(scanners),
        batches=tuple(BatchPlan.of(index, each, read_by) for index, (each, read_by) in enumerate(batched)),
    )


def _apart(rules: Sequence[RulePlan]) -> Iterator[tuple[RulePlan, ...]]:
    """The rules of a detector that hear of it together: whose findings a judge decides waits, and alone."""
    if at_once := tuple(rule for rule in rules if rule.judge is None):
        yield at_once
    yield from ((rule,) for rule in rules if rule.judge is not None)


def _match(spec: MatchSpec) -> Match:
    return Match(
        directions=frozenset(spec.directions or ()),
        labels=_entries(spec.labels),
        tenants=_globs(spec.tenants),
        models=_globs(spec.models),
        routes=_globs(spec.routes),
        prompt_versions=_globs(spec.prompt_versions),
        identities=_globs(spec.identities),
        attributes=_entries(spec.attributes or {}),
    )


def _globs(words: Sequence[str] | None) -> tuple[Glob, ...]:
    return tuple(map(Glob, words or ()))


def _entries(wanted: Mapping[str, str]) -> tuple[tuple[str, Glob], ...]:
    return tuple((key, Glob(word)) for key, word in sorted(wanted.items()))


def _settings(spec: StreamSpec, language: Language) -> StreamSettings:
    return StreamSettings(
        mode=spec.mode,
        max_hold_ms=spec.max_hold_ms,
        max_held_chars=spec.max_held_chars,
        max_segment_tokens=spec.max_segment_tokens,
        min_segment_tokens=spec.min_segment_tokens,
        pace_ms=spec.pace_ms,
        early_tokens=tuple(spec.early_tokens),
        early_every_tokens=spec.early_every_tokens,
        tool_calls=spec.tool_calls,
        notice=_notice(spec.notice, language),
    )


def _notice(spec: NoticeSpec | None, language: Language) -> Notice | None:
    if spec is None:
        return None
    form, own = (spec, None) if isinstance(spec, str) else (spec.as_, spec.text)
    text = default_of(own, language) or messages.changed(language)
    return Notice(text, form == "paragraph", translations_of(own))


def _loaded(draft: Draft) -> LoadedPolicy:
    assert draft.spec is not None
    return LoadedPolicy(draft.source, draft.spec, draft.document)
