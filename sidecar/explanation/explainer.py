"""Explains what a set of policies does to a text: which one takes it, and each step until the last character left.

The text goes through the service's own core, as in `tidegate guard`, in small pieces, with a witness looking on. What a
rule would have found had it read the text is asked of the same core once more, with rules that change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from detectors.base import EVERYTHING, Detector, looks_of
from detectors.context import Context
from sidecar.core.structured import JsonReading
from sidecar.errors import UnknownPolicy
from sidecar.explanation.account import (
    Account,
    Asked,
    Final,
    FindingAccount,
    PolicyAccount,
    ReaderAccount,
    RuleAccount,
    SegmentAccount,
)
from sidecar.explanation.fates import Fates
from sidecar.explanation.pieces import Pieces
from sidecar.explanation.witness import Witness
from sidecar.offline import Guarded, guard
from sidecar.policy.cases import public_keys
from sidecar.policy.conditions import Circumstances
from sidecar.policy.facts import Match, StreamFacts
from sidecar.policy.plan import BatchPlan, Plan, RulePlan, ScannerPlan
from sidecar.policy.session_facts import NOTHING_KNOWN, SessionFacts
from sidecar.policy.store import PolicyStore
from sidecar.values import Channel, Enforcement, Failed, Lane, Part, Segment

MOST_STEPS = 4000
"""How many pieces a text is fed in: one a character, in texts up to this long."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A text, and what is said of its stream. Without a part it is the model's in an output, the user's in an input."""

    text: str
    facts: StreamFacts = StreamFacts()
    part: Part | None = None
    channel: Channel = Channel.CONTENT
    policy: str = ""
    is_history: bool = False
    context: Context | None = None
    session: SessionFacts = NOTHING_KNOWN
    """How its session stands."""

    @property
    def lane(self) -> Lane:
        """Where in the stream the text stands."""
        return Lane(channel=self.channel, part=self.part or self.facts.direction.speaker)


class Explainer:
    """Explains texts by the policies of a store."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store

    @classmethod
    def load(cls, paths: Sequence[Path]) -> Explainer:
        """Compile the policies of files and directories; redactions use public keys. Raises `PolicyErrors`."""
        store = PolicyStore(paths, public_keys())
        store.load()
        return cls(store)

    @property
    def plans(self) -> Mapping[str, Plan]:
        """The policies, by name."""
        return self._store.plans

    def explain(self, question: Question) -> Account:
        """What becomes of a text and why. Raises `UnknownPolicy` where the question names one that is not there."""
        plan = self._taken(question)
        asked = Asked(
            direction=question.facts.direction,
            part=question.lane.part,
            channel=question.channel,
            labels=question.facts.labels,
            attributes=question.facts.attributes,
            tenant=question.facts.tenant,
            model=question.facts.model,
            route=question.facts.route,
            prompt_version=question.facts.prompt_version,
            policy=question.policy,
            is_history=question.is_history,
            context=question.context.ids if question.context else (),
        )
        policies = tuple(_policies(self._store.matching, plan, question))
        if plan is None:
            return Account(asked=asked, text=question.text, policies=policies, policy="")
        return _Run(plan, question).account(asked, policies)

    def _taken(self, question: Question) -> Plan | None:
        try:
            return self._store.resolve(question.policy or None, question.facts)
        except UnknownPolicy:
            if question.policy:
                raise
            return None


class _Run:
    """One text through one policy."""

    def __init__(self, plan: Plan, question: Question) -> None:
        self._plan = plan
        self._question = question
        self._lane = question.lane
        self._size = max(1, -(-len(question.text) // MOST_STEPS))
        is_json = question.channel is Channel.TOOL_ARGUMENTS
        self._read = _decoded(question.text) if is_json else question.text

    def account(self, asked: Asked, policies: tuple[PolicyAccount, ...]) -> Account:
        """All of it."""
        text = self._question.text
        witness, guarded = self._watched(self._plan, self._size)
        segments = _segments(self._plan, self._lane, witness)
        numbers = {number: place.number for number, place in segments.items()}
        fates = self._fates(self._plan, guarded, numbers)
        waited_for = [each for each in segments.values() if each.is_waited_for]
        pieces = Pieces(self._plan, waited_for, len(text), self._size).of(witness.steps)
        return Account(
            asked=asked,
            text=text,
            policies=policies,
            policy=self._plan.name,
            is_decoded=self._read != text,
            read_text=self._read if self._read != text else "",
            rules=tuple(self._rule(rule) for rule in self._plan.rules),
            readers=tuple(self._readers(witness, segments)),
            findings=tuple(fates.findings(witness.judgements) + self._unread()),
            decisions=tuple(fates.decisions()),
            pieces=pieces,
            final=_final(self._plan, guarded),
        )

    def _watched(self, plan: Plan, size: int) -> tuple[Witness, Guarded]:
        question, witness = self._question, Witness(self._lane)
        text = question.text
        guarded = guard(
            plan,
            [(self._lane, text[start : start + size]) for start in range(0, len(text), size)],
            direction=question.facts.direction,
            about=question.facts,
            context=question.context,
            facts=question.session,
            history=frozenset({self._lane}) if question.is_history else None,
            watch=witness,
        )
        return witness, guarded

    def _fates(self, plan: Plan, guarded: Guarded, numbers: Mapping[int, int]) -> Fates:
        question = self._question
        return Fates(
            plan,
            guarded,
            text=self._read,
            raw=question.text,
            numbers=numbers,
            lane=self._lane,
            circumstances=Circumstances(question.facts, question.session, datetime.now(UTC).date()),
        )

    def _rule(self, rule: RulePlan) -> RuleAccount:
        return RuleAccount(
            id=rule.id,
            detector=rule.detector,
            action=rule.action.word,
            is_enforced=rule.is_enforced,
            is_reading=self._is_reading(rule),
            why=self._why_reading(rule),
        )

    def _is_reading(self, rule: RulePlan) -> bool:
        readers = self._plan.readers(self._lane)
        rules = [*(each.rules for each in readers.scanners), *(each.rules for each in readers.batches)]
        return any(rule in own for own in rules)

    def _why_reading(self, rule: RulePlan) -> str:
        lane, reads = self._lane, rule.reads
        if self._is_reading(rule):
            canary = (
                "" if rule.canary is None else f"; it is a canary, carried out on {rule.canary.percent:g} % of streams"
            )
            return f"it reads this text{canary}"
        if lane.part not in reads.parts:
            return f"it reads the words of {_listed(reads.parts)}; this is {lane.part}"
        if lane.channel not in reads.channels:
            return f"it reads {_listed(reads.channels)}; this is {lane.channel}"
        return "its detector compares the sentences of an answer with a context; this is no answer"

    def _readers(self, witness: Witness, segments: Mapping[int, SegmentAccount]) -> Iterator[ReaderAccount]:
        """Each detector of the policy, and what it read. A detector in parts is several."""
        runs: list[ScannerPlan | BatchPlan] = [*self._plan.scanners, *self._plan.batches]
        for each in runs:
            rules = [rule for rule in each.rules if self._is_reading(rule)]
            own = {answer.segment.number for answer in witness.answers if answer.batch.detector is each.detector}
            yield self._reader(each, rules, [self._looked(segments[number], each.detector) for number in sorted(own)])

    def _reader(
        self, run: ScannerPlan | BatchPlan, rules: Sequence[RulePlan], own: Sequence[SegmentAccount]
    ) -> ReaderAccount:
        detector = run.detector
        is_scanner = isinstance(run, ScannerPlan)
        is_reading = bool(rules) or not run.rules
        looks = looks_of(detector, self._read) if is_reading and is_scanner else ()
        return ReaderAccount(
            name=detector.name,
            model="" if isinstance(run, ScannerPlan) else run.detector.model,
            rules=tuple(rule.id for rule in rules),
            is_reading=is_reading,
            why=_why_read(run, own) if is_reading else "no rule of its reads this text",
            looks=tuple(looks),
            segments=tuple(own),
        )

    def _looked(self, segment: SegmentAccount, detector: Detector) -> SegmentAccount:
        looks = looks_of(detector, self._read[segment.start : segment.end])
        return msgspec.structs.replace(segment, looks=tuple(looks))

    def _unread(self) -> list[FindingAccount]:
        """What rules would have found that do not read this text."""
        unread = {rule.index: self._why_reading(rule) for rule in self._plan.rules if not self._is_reading(rule)}
        if not unread:
            return []
        plan = _as_if_reading(self._plan, frozenset(unread))
        witness, guarded = self._watched(plan, max(1, len(self._question.text)))
        return self._fates(plan, guarded, {}).findings(witness.judgements, why_unread=unread)


def _policies(ordered: Sequence[Plan], taken: Plan | None, question: Question) -> Iterator[PolicyAccount]:
    for plan in ordered:
        yield PolicyAccount(
            name=plan.name,
            version=plan.version,
            digest=plan.digest,
            order=plan.order,
            is_taken=plan is taken,
            why=_why_policy(plan, taken, question),
        )


def _why_policy(plan: Plan, taken: Plan | None, question: Question) -> str:
    """Why a policy takes the text, or does not."""
    if question.policy:
        return "it was named" if plan is taken else f"not asked: {question.policy} was named"
    unmet = [_unmet(plan.match, path, question.facts) for path in plan.match.unmet(question.facts)]
    if plan is taken:
        return "it is the first whose conditions all hold" if plan.match != Match() else "it takes every stream"
    if unmet:
        return "; ".join(unmet)
    assert taken is not None
    return f"its conditions hold, but {taken.name} comes before it"


def _unmet(match: Match, path: str, facts: StreamFacts) -> str:
    """A condition that does not hold, and what would."""
    kind, _, name = path.partition(".")
    wanted = match.described()[kind]
    if kind == "directions":
        return f"it takes {_listed(wanted)}; this is {facts.direction}"
    if isinstance(wanted, dict):
        entries = facts.labels if kind == "labels" else facts.attributes
        said = f"it is {entries[name]}" if name in entries else "the stream has none"
        return f"it wants the {kind.removesuffix('s')} {name}={wanted[name]}; {said}"
    fact = {"identities": "identity"}.get(kind, kind.removesuffix("s").replace("_", " "))
    said = f"the {fact} is {facts.words[kind]}" if facts.words[kind] else f"no {fact} is given"
    return f"it takes the {kind.replace('_', ' ')} {_listed(wanted)}; {said}"


def _why_read(run: ScannerPlan | BatchPlan, segments: Sequence[SegmentAccount]) -> str:
    if isinstance(run, ScannerPlan):
        return f"all of the text as it arrived, holding back at most {run.detector.look_ahead} characters"
    what = "sentence" if run.is_pair_checker else "segment"
    return f"{len(segments)} {what}{'s' * (len(segments) != 1)}" if segments else "nothing: there were only blanks"


def _as_if_reading(plan: Plan, unread: frozenset[int]) -> Plan:
    """The policy with those rules alone, as if they read everything and changed nothing."""

    def changed(rule: RulePlan) -> RulePlan:
        return replace(rule, reads=EVERYTHING, enforcement=Enforcement.SHADOW)

    def own(rules: Sequence[RulePlan]) -> tuple[RulePlan, ...]:
        return tuple(changed(rule) for rule in rules if rule.index in unread)

    return replace(
        plan,
        rules=tuple(map(changed, plan.rules)),
        scanners=tuple(replace(each, rules=own(each.rules)) for each in plan.scanners if own(each.rules)),
        batches=tuple(replace(each, rules=own(each.rules)) for each in plan.batches if own(each.rules)),
    )


def _segments(plan: Plan, lane: Lane, witness: Witness) -> dict[int, SegmentAccount]:
    """What models were given, by the stream's number, in the order of the text."""
    gating = plan.readers(lane).gating
    every: dict[int, Segment] = {each.segment.number: each.segment for each in witness.answers}
    waited_for = {each.segment.number for each in witness.answers if each.batch.index in gating}
    failed = {each.segment.number: each.outcome for each in witness.answers if isinstance(each.outcome, Failed)}
    ordered = sorted(every.values(), key=lambda each: (each.start, each.end, each.number))
    return {
        each.number: SegmentAccount(
            number=place,
            start=each.start,
            end=each.end,
            context_start=each.start - each.begin,
            is_waited_for=each.number in waited_for,
            failure=f"{failed[each.number].kind}: {failed[each.number].reason}" if each.number in failed else "",
        )
        for place, each in enumerate(ordered, start=1)
    }


def _final(plan: Plan, guarded: Guarded) -> Final:
    blocked = guarded.blocked
    return Final(
        text=guarded.text(),
        action=guarded.action.word,
        blocked_by=plan.rules[blocked.rule].id if blocked else "",
        message=blocked.message if blocked else "",
        max_held_chars=guarded.max_held_chars,
        leaked_chars=guarded.leaked_chars,
        unscanned_chars=sum(each.unscanned_chars for each in guarded.coverage),
        unscanned_why=tuple(dict.fromkeys(reason for each in guarded.coverage for reason in each.reasons)),
    )


def _decoded(raw: str) -> str:
    """How JSON is read: with its escapes decoded."""
    reading = JsonReading()
    return reading.feed(raw) + reading.finish()


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
