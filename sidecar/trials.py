"""Runs policies' tests: each text through the service's own core, guarded by the policy that a test means.

`guard_with` guards all by one policy, whatever it matches: that is what a policy's own tests mean. `guard_among` finds
the policy as the service does: by its name where a test says one, else the first that takes the stream by its facts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice, takewhile

import msgspec

from sidecar.offline import Guarded, read_text
from sidecar.policy.cases import Case, Chunks, Decided, Guard, Noted, Observed
from sidecar.policy.plan import Plan, in_order, taker
from sidecar.policy.turns import Call, Exchange, call_lanes
from sidecar.rehearsal import Rehearsal
from sidecar.remembered import Memory
from sidecar.values import Blocked, Decision, Direction, Lane, Release

_NOBODY = "no policy takes this {direction}: name one, or say in `stream` what it matches"


class _Heard(msgspec.Struct, frozen=True):
    """One stream of a test, the policy that guarded it, and what came of it."""

    exchange: Exchange
    plan: Plan
    guarded: Guarded


def guard_with(plan: Plan, memory: Memory | None = None) -> Guard:
    """What `sidecar.policy.cases.check` guards the tests of a policy with."""
    return _guard(lambda _case, _direction: plan, [plan], memory or Memory())


def guard_among(plans: Iterable[Plan], memory: Memory | None = None) -> Guard:
    """What `sidecar.policy.cases.check` guards tests beside policies with."""
    ordered = in_order(plans)
    by_name = {plan.name: plan for plan in ordered}

    def choose(case: Case, direction: Direction) -> Plan | None:
        if case.policy is not None:
            return by_name.get(case.policy)
        return taker(ordered, replace(case.facts, direction=direction))

    return _guard(choose, ordered, memory or Memory())


def _guard(choose: Callable[[Case, Direction], Plan | None], plans: Sequence[Plan], memory: Memory) -> Guard:
    remembering = {plan.name: memory.of(plan) for plan in plans}

    def guard(case: Case, chunks: Sequence[Chunks]) -> Observed:
        taken = taker(plans, case.facts)
        name = taken.name if taken else None
        rehearsal, pieces = Rehearsal(case.facts, case.session, languages=case.languages), iter(chunks)
        heard = []
        for exchange in case.exchanges:
            plan = choose(case, exchange.direction)
            if plan is None:
                return _unguarded(case, name, _NOBODY.format(direction=exchange.direction))
            own = list(islice(pieces, len(exchange.spoken)))
            conduct = rehearsal.begin(remembering[plan.name], exchange)
            guarded = rehearsal.guard(conduct, exchange, own, verdicts=case.verdicts)
            rehearsal.end(conduct, exchange, guarded)
            heard.append(_Heard(exchange, conduct.plan, guarded))
        return _observed(heard, name)

    return guard


def _unguarded(case: Case, policy: str | None, failure: str) -> Observed:
    nothing = Observed("", (), None, None, (), 0)
    turns = dict.fromkeys(case.turns, nothing)
    return msgspec.structs.replace(nothing, policy=policy, failures=(failure,), turns=turns)


def _observed(heard: Sequence[_Heard], policy: str | None) -> Observed:
    by_turn: dict[int, Observed] = {}
    for each in heard:
        for number in dict.fromkeys(spoken.turn for spoken in each.exchange.spoken):
            own = [spoken for spoken in each.exchange.spoken if spoken.turn == number]
            lanes = {spoken.lane: read_text(spoken.lane, spoken.text) for spoken in own}
            by_turn[number] = _of_lanes(each, lanes)
    turns = [*by_turn.values()]
    if len(turns) == 1:
        return msgspec.structs.replace(turns[0], policy=policy, turns=by_turn)
    blocked = next((turn for turn in turns if turn.blocked is not None), None)
    return Observed(
        output="".join(turn.output for turn in turns),
        violations=_joined(turn.violations for turn in turns),
        blocked=blocked.blocked if blocked else None,
        message=blocked.message if blocked else None,
        annotations=tuple(each for turn in turns for each in turn.annotations),
        leaked=sum(turn.leaked for turn in turns),
        decisions=tuple(each for turn in turns for each in turn.decisions),
        failures=_joined(turn.failures for turn in turns),
        calls=tuple(each for turn in turns for each in turn.calls),
        turns=by_turn,
        is_strict=all(turn.is_strict for turn in turns),
        policy=policy,
        rules=frozenset[tuple[str, str]]().union(*(turn.rules for turn in turns)),
        reading=frozenset[tuple[str, str]]().union(*(turn.reading for turn in turns)),
    )


def _of_lanes(heard: _Heard, lanes: Mapping[Lane, str]) -> Observed:
    """What came of some texts of a stream: those of one turn."""
    plan, guarded = heard.plan, heard.guarded
    decisions = [each for each in guarded.decisions if each.lane in lanes]
    violated = {each.rule for each in decisions if each.failure is None}
    failed = {each.rule for each in decisions if each.failure is not None}
    blocked = next((each for each in guarded.outputs if isinstance(each, Blocked) and each.lane in lanes), None)
    reading = {rule.id for lane in lanes for rule in plan.rules if rule.is_reading(lane.part, lane.channel)}
    of_calls = {lane for pair in _call_lanes(lanes) for lane in pair}
    return Observed(
        output="".join(guarded.text(lane) for lane in lanes if lane not in of_calls),
        violations=tuple(plan.rules[rule].id for rule in sorted(violated)),
        blocked=plan.rules[blocked.rule].id if blocked else None,
        message=blocked.message if blocked else None,
        annotations=tuple(_noted(plan, guarded, lanes)),
        leaked=sum(each.leaked_chars for each in decisions),
        decisions=tuple(_decided(plan, each) for each in decisions),
        failures=tuple(sorted({plan.rules[rule].detector for rule in failed})),
        calls=tuple(_calls(guarded, lanes)),
        is_strict=plan.is_strict,
        rules=frozenset((plan.name, plan.rules[rule].id) for rule in violated),
        reading=frozenset((plan.name, rule) for rule in reading),
    )


def _noted(plan: Plan, guarded: Guarded, lanes: Mapping[Lane, str]) -> Iterator[Noted]:
    for lane, text in lanes.items():
        own = [
            each
            for output in guarded.outputs
            if isinstance(output, Release) and output.lane == lane
            for each in output.annotations
        ]
        for each in sorted(own, key=lambda each: (each.start, each.rule, each.end, each.label)):
            yield Noted(plan.rules[each.rule].id, each.label, text[each.start : each.end])


def _decided(plan: Plan, decision: Decision) -> Decided:
    finding, rule = decision.finding, plan.rules[decision.rule]
    return Decided(
        rule=rule.id,
        done=decision.done.word,
        label=finding.label,
        score=round(finding.score, 2),
        threshold=rule.thresholds.get(finding.label),
        reason=finding.reason,
        start=finding.start,
        end=finding.end,
    )


def _call_lanes(lanes: Collection[Lane]) -> Iterator[tuple[Lane, Lane]]:
    """The lanes of the calls among them, of each its name's and its arguments'."""
    return takewhile(lambda pair: pair[1] in lanes, map(call_lanes, count()))


def _calls(guarded: Guarded, lanes: Collection[Lane]) -> Iterator[Call]:
    """What tools are handed: of each call that leaves, its name and its arguments."""
    for name_lane, arguments_lane in _call_lanes(lanes):
        name, arguments = guarded.text(name_lane), guarded.text(arguments_lane)
        if name or arguments:
            yield Call(_unquoted(name), arguments)


def _unquoted(name: str) -> str:
    try:
        return str(json.loads(name))
    except ValueError:
        return name  # cut off by a block


def _joined(words: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """All of them, each once, in their order."""
    return tuple(dict.fromkeys(each for some in words for each in some))
