"""Explains an event: what it says, whether its policy is in force as it was, and what its text would come to now.

An event holds no text. Who has the text gives it beside the event, and it goes through the policies at hand, standing
where the event says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import msgspec

from detectors.context import Context
from sidecar.errors import UnknownPolicy
from sidecar.explanation.account import Account, DecisionAccount
from sidecar.explanation.explainer import Explainer, Question
from sidecar.outbox.event import (
    Checkpoint,
    Data,
    Drift,
    Fault,
    Kind,
    Label,
    PolicyChange,
    StreamDecision,
    Violation,
    kind_of,
)
from sidecar.outbox.evidence import shape_of
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan
from sidecar.policy.session_facts import NOTHING_KNOWN, SessionFacts
from sidecar.values import Action, Channel

Standing: TypeAlias = Literal["in_force", "changed", "not_there", "no_policy"]
"""How the event's policy stands to those at hand: the same content, another one, none of its name; it names none."""


class EventAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What an event tells, and what the policies at hand would make of its text."""

    event: Data
    kind: Kind
    says: tuple[str, ...]
    """What it tells, in sentences."""
    standing: Standing
    why_standing: str
    replay: Account | None = None
    """What becomes of the text now, where it was given."""
    recurs: bool | None = None
    """Whether the same rule decides the same of the same place; None where there is nothing to compare."""
    why_recurs: str = ""


def explain_event(
    explainer: Explainer,
    data: Data,
    text: str | None,
    *,
    context: Context | None = None,
    session: SessionFacts = NOTHING_KNOWN,
) -> EventAccount:
    """What an event tells; with the text, what becomes of that now, in a session that stands so."""
    standing, why = _standing(data, explainer.plans)
    replay = None if text is None else _replayed(explainer, data, text, context, session)
    recurs, why_recurs = (None, "") if replay is None else _compared(data, replay)
    return EventAccount(
        event=data,
        kind=kind_of(data),
        says=tuple(_says(data)),
        standing=standing,
        why_standing=why,
        replay=replay,
        recurs=recurs,
        why_recurs=why_recurs,
    )


# --- what it says -----------------------------------------------------------------------------------------------------


def _says(data: Data) -> Iterator[str]:
    match data:
        case Violation():
            yield from _violation(data)
        case StreamDecision():
            yield from _stream(data)
        case Fault():
            times = f", {data.count} times" if data.count > 1 else ""
            yield f"{data.time.occurred}: {data.fault.value}: {data.what}{times}, severity {data.severity}"
            if data.reason:
                yield f"why: {data.reason}"
        case PolicyChange():
            yield f"{data.time.occurred}: {data.what}: {data.step.value}, severity {data.severity}"
            if data.reason:
                yield f"why: {data.reason}"
        case Checkpoint():
            yield f"{data.time.occurred}: a checkpoint: what came before it is as it was recorded"
            yield f"signed by: {data.key_id}" if data.signature else "not signed"
        case Label():
            yield from _label(data)
        case Drift():
            yield from _drift(data)
    yield from _whose(data)


def _label(data: Label) -> Iterator[str]:
    of = f" of {data.rule} {data.label}".rstrip() if data.rule else ""
    yield f"{data.time.occurred}: {data.by} says of the event {data.event}: {data.verdict.value}{of}"
    if data.note:
        yield f"note: {data.note}"


def _drift(data: Drift) -> Iterator[str]:
    what = f"{data.signal} of {data.direction}s {data.movement.value}"
    yield f"{data.time.occurred}: {what}, severity {data.severity}"
    yield f"why: a distance of {data.distance:g} from the reference; by chance in {data.chance:g} of windows"


def _violation(data: Violation) -> Iterator[str]:
    rule, found, where, exposure = data.policy, data.detector, data.where, data.exposure
    shadow = ", in shadow" if rule.enforcement != "enforce" else ""
    done = "and that was done" if data.done == data.decided else f"and what was done is {data.done}"
    yield f"{data.time.occurred}: rule {rule.rule} of {rule.name} ({rule.severity}{shadow}) said {data.decided}, {done}"
    model = f" ({found.model})" if found.model else ""
    if data.failure is not None:
        yield f"{found.name}{model} gave no answer: {data.failure.kind} {data.failure.reason}".rstrip()
    else:
        score = "" if found.score is None else f" with a score of {found.score:.2f}"
        threshold = "" if found.threshold is None else f"; it counts from {found.threshold:g} on"
        yield f"{found.name}{model} found {found.label}{score}{threshold}"
    yield f"why: {found.reason or 'the detector gave no reason'}"
    segment = f", in segment {where.segment}" if where.segment is not None else ""
    yield (
        f"where: characters {where.span.start} to {where.span.end} of the {where.direction}"
        f" ({where.part}, {where.channel}, choice {where.choice}){segment}"
    )
    if data.evidence.shape:
        yield f"what it looked like: {data.evidence.shape}"
    leaked = f", and {exposure.leaked_chars} characters of it had left" if exposure.leaked_chars else ""
    yield f"text had left up to character {exposure.released_to}{leaked}"
    yield f"its start was held for {exposure.held_ms:g} ms"
    if data.grounding is not None:
        passage = f" by passage {data.grounding.passage}" if data.grounding.passage else ""
        yield f"support: {data.grounding.support:.2f}{passage}"


def _stream(data: StreamDecision) -> Iterator[str]:
    yield f"{data.time.occurred}: a stream ({data.direction}) under {data.policy.name} {data.ended}"
    yield f"the strongest action that was done: {data.done}"
    counts = ", ".join(f"{rule}: {count}" for rule, count in data.violations.items())
    yield f"violations by rule: {counts}" if counts else "no rule was violated"
    yield f"at most {data.max_held_chars} characters were held, for {data.max_held_ms:g} ms; {data.leaked_chars} leaked"
    for each in data.coverage:
        if each.unscanned_chars:
            lane = f"{each.lane.part}, {each.lane.channel}"
            yield f"not looked at: {each.unscanned_chars} characters ({lane}): {'; '.join(each.reasons)}"


def _whose(data: Data) -> Iterator[str]:
    ids = data.ids
    named = {"stream": ids.stream, "session": ids.session, "tenant": ids.tenant, "request": ids.request}
    said = [f"{name} {value}" for name, value in named.items() if value]
    app = data.app if isinstance(data, Violation | StreamDecision | Drift) else None
    said += [f"model {app.model}"] if app and app.model else []
    said += [f"prompt version {app.prompt_version}"] if app and app.prompt_version else []
    said += [f"label {key}={value}" for key, value in (app.labels if app else {}).items()]
    if said:
        yield f"whose: {', '.join(said)}"


# --- the policy -------------------------------------------------------------------------------------------------------


def _standing(data: Data, plans: Mapping[str, Plan]) -> tuple[Standing, str]:
    """How the event's policy stands to the policies at hand."""
    policy = None if isinstance(data, Checkpoint | Drift | Label) else data.policy
    if policy is None:
        return "no_policy", "the event names no policy"
    plan = plans.get(policy.name)
    if plan is None:
        return "not_there", f"there is no policy {policy.name} among these"
    if plan.digest == policy.digest:
        return "in_force", f"{policy.name} {policy.version} is the same as then"
    version = f"it was version {policy.version} and is {plan.version}"
    if plan.version == policy.version:
        version = f"its content is another under the same version, {plan.version}"
    return "changed", "; ".join([f"{policy.name} has changed since: {version}", *_changes(data, plan)])


def _changes(data: Data, plan: Plan) -> Iterator[str]:
    """What of the event's rule is another now."""
    if not isinstance(data, Violation):
        return
    then = data.policy
    rule = next((each for each in plan.rules if each.id == then.rule), None)
    if rule is None:
        yield f"it has no rule {then.rule} any more"
        return
    threshold = rule.thresholds.get(data.detector.label)
    if data.failure is None and threshold != data.detector.threshold:
        was = "not asked for" if data.detector.threshold is None else f"{data.detector.threshold:g}"
        now = "not asked for" if threshold is None else f"{threshold:g}"
        yield f"the threshold of {data.detector.label} was {was} and is {now}"
    if rule.action.word != then.action:
        yield f"its action was {then.action} and is {rule.action.word}"
    if rule.enforcement != then.enforcement:
        yield f"its enforcement was {then.enforcement} and is {rule.enforcement}"


# --- the text ---------------------------------------------------------------------------------------------------------


def _replayed(
    explainer: Explainer, data: Data, text: str, context: Context | None, session: SessionFacts
) -> Account | None:
    """What becomes of the text now, standing where the event says; None for an event that is about no text."""
    if not isinstance(data, Violation | StreamDecision):
        return None
    where = data.where if isinstance(data, Violation) else None
    question = Question(
        text=text,
        facts=StreamFacts(
            data.where.direction if isinstance(data, Violation) else data.direction,
            data.ids.tenant,
            model=data.app.model,
            prompt_version=data.app.prompt_version,
            labels=data.app.labels,
            attributes=data.app.attributes,
        ),
        part=where.part if where else None,
        channel=where.channel if where else Channel.CONTENT,
        policy=data.policy.name,
        is_history=data.done == Action.WITHHOLD.word,
        context=context,
        session=session,
    )
    try:
        return explainer.explain(question)
    except UnknownPolicy:
        return explainer.explain(msgspec.structs.replace(question, policy=""))


def _compared(data: Data, replay: Account) -> tuple[bool | None, str]:
    """Whether the replay decides what the event says, and if not, what stands in the way."""
    if not isinstance(data, Violation):
        return None, "the event tells of all texts of a stream: this is what becomes of one"
    span = data.where.span
    matched = replay.text[span.start : span.end]
    if not data.failure and not replay.is_decoded and shape_of(matched) != data.evidence.shape:
        return None, "the text is another one: what stands at the event's place does not have its shape"
    decided = [each for each in replay.decisions if _is_it(data, each)]
    if not decided:
        return False, f"rule {data.policy.rule} decides nothing about this place now"
    (first, *_) = decided
    if (first.decided, first.done) != (data.decided, data.done):
        return False, f"the rule now says {first.decided}, and {first.done} is done"
    return True, f"rule {data.policy.rule} decides the same now"


def _is_it(data: Violation, decision: DecisionAccount) -> bool:
    """Whether a decision is the event's: the same rule, of the same place and label."""
    span = data.where.span
    place = (decision.start, decision.end) == (span.start, span.end)
    return place and (decision.rule, decision.label) == (data.policy.rule, data.detector.label)
