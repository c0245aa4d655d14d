"""Conversations through two versions of policies, by the service's own core, and what differs.

1. Both versions are compiled with the same detectors: what has the same detector with the same parameters shares it.
2. Detectors remember what they found (`sidecar.remembered`), so each text is read once for both versions, and once
   for all the conversations in which it comes again. A stream is guarded once where the policy is the same in both, and
   where what the versions say otherwise met nothing in it (`alike`).
3. Each request and each answer is compared by what becomes of it: blocked, withheld, redacted, annotated.

`tally_of` maps a batch of rows to a `Tally`; tallies are added up. That is all that another engine needs.
What it does not promise: what depends on time (optimistic mode's late verdicts, deadlines) is not replayed, nor what a
version does that is tried on a part of the streams.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

import msgspec

from detectors.models.places import use_places
from sidecar.conduct import Conduct
from sidecar.config import models_settings
from sidecar.errors import PolicyErrors
from sidecar.offline import Guarded, read_text
from sidecar.policy.cases import public_keys
from sidecar.policy.compile.detection import Made
from sidecar.policy.compiler import compile_file
from sidecar.policy.loader import policy_files
from sidecar.policy.plan import Plan, in_order, taker
from sidecar.policy.rollouts import errors_together, in_force
from sidecar.policy.session_facts import SessionFacts
from sidecar.policy.turns import Exchange, exchanges
from sidecar.rehearsal import Rehearsal
from sidecar.remembered import Heard, Memory
from sidecar.values import Action, Blocked, Channel, Decision, Direction, Lane, Release
from workbench.preview.alike import Bearing, Pair
from workbench.preview.confusion import Confusion
from workbench.preview.tally import Change, Example, Tally
from workbench.preview.traffic import Conversation, Row, conversations
from workbench.preview.veil import Found, bared, veiled

_GRAVEST = 3
"""How many rules an example names."""


class Asked(msgspec.Struct, frozen=True):
    """What is compared, and how: the same on every process and machine."""

    old: tuple[str, ...]
    """Files and folders of policies."""
    new: tuple[str, ...]
    policy: str = ""
    """The policy that guards every stream; empty: each the one that takes it."""
    shows_text: bool = False
    examples: int = 5


class Seen(msgspec.Struct, frozen=True):
    """What one version does with one stream."""

    plan: Plan | None
    facts: SessionFacts | None
    guarded: Guarded
    heard: frozenset[Heard] = frozenset()
    """What detectors found in it."""

    @property
    def is_broken(self) -> bool:
        """Whether some of it was not looked at, as it should have been."""
        return any(each.failure is not None for each in self.guarded.decisions)

    @property
    def blocked(self) -> Blocked | None:
        """What stopped it."""
        return self.guarded.blocked

    @property
    def is_withheld(self) -> bool:
        """Whether a text of it gave way to a sentence."""
        return any(isinstance(each, Release) and each.is_withheld for each in self.guarded.outputs)

    @property
    def is_redacted(self) -> bool:
        """Whether anything was replaced."""
        return any(not each.is_restored for each in self.guarded.redactions)

    def texts(self) -> dict[Lane, str]:
        """What leaves of each text."""
        texts: dict[Lane, str] = {}
        for each in self.guarded.outputs:
            if isinstance(each, Release):
                texts[each.lane] = texts.get(each.lane, "") + each.text
        return texts

    @property
    def violations(self) -> list[Decision]:
        """The decisions of rules on what was found."""
        return [each for each in self.guarded.decisions if each.failure is None and each.decided > Action.ALLOW]

    @property
    def rules(self) -> set[str]:
        """The rules that fired, as `policy/rule`."""
        return {self.named(each) for each in self.violations}

    def named(self, decision: Decision | Blocked) -> str:
        """A decision's rule, as `policy/rule`."""
        assert self.plan is not None
        return f"{self.plan.name}/{self.plan.rules[decision.rule].id}"

    @property
    def failed(self) -> set[str]:
        """The detectors that failed."""
        return {self.plan.rules[each.rule].detector for each in self.guarded.decisions if each.failure and self.plan}

    def told(self) -> str:
        """What becomes of it, in words."""
        if self.plan is None:
            return "no policy takes it"
        if self.blocked is not None:
            return f"blocked by {self.named(self.blocked)}"
        word = "withheld" if self.is_withheld else self.guarded.action.word
        rules = sorted(self.named(each) for each in self.violations if each.done is self.guarded.action)
        if not rules:
            return "nothing found"
        return f"{_DONE.get(word, word)} by {', '.join(dict.fromkeys(rules[:_GRAVEST]))}"


_DONE = {"redact": "redacted", "annotate": "annotated", "allow": "let through, found", "withhold": "withheld"}


class Version:
    """One version of the policies, with detectors that remember."""

    def __init__(self, paths: Sequence[str], made: Made, memory: Memory) -> None:
        """Compile them. Raises `PolicyError` or `PolicyErrors`."""
        files = [compile_file(path, public_keys(), made=made) for path in policy_files(paths)]
        errors = [error for file in files for error in file.errors] + errors_together(files)
        if errors:
            raise PolicyErrors(errors)
        self.memory = memory
        stable, _ = in_force(plan for file in files for _, plan in file.policies)
        self.plans = in_order(stable.values())
        self._remembering = {plan.name: memory.of(plan) for plan in self.plans}
        specs = {plan.name: loaded.spec for file in files for loaded, plan in file.policies if plan.rollout is None}
        self._bearings = {name: Bearing.of(specs[name], plan) for name, plan in self._remembering.items()}

    def plan_for(self, said: Conversation, direction: Direction, policy: str) -> Plan | None:
        """The policy that guards a stream of a conversation."""
        if policy := said.policy or policy:
            return next((plan for plan in self.plans if plan.name == policy), None)
        return taker(self.plans, replace(said.facts, direction=direction))

    def remembering(self, plan: Plan) -> Plan:
        """The same policy, with detectors that remember."""
        return self._remembering[plan.name]

    def bearing(self, plan: Plan) -> Bearing | None:
        """What of a policy bears on streams; None of one that is not as it was written: its session is stopped."""
        return self._bearings[plan.name] if self._remembering.get(plan.name) is plan else None


class _Side:
    """One conversation with one version of the policies."""

    def __init__(self, version: Version, said: Conversation, policy: str) -> None:
        self._version = version
        self._said = said
        self._policy = policy
        self.rehearsal = Rehearsal(said.facts, said.session or said.id, languages=said.languages)

    def begin(self, exchange: Exchange) -> Conduct | None:
        """How the next stream begins; None where no policy takes it."""
        plan = self._version.plan_for(self._said, exchange.direction, self._policy)
        return None if plan is None else self.rehearsal.begin(self._version.remembering(plan), exchange)

    def guard(self, conduct: Conduct | None, exchange: Exchange) -> Seen:
        """Guard the stream that began so."""
        if conduct is None:
            return Seen(None, None, _untouched(exchange))
        heard = self._version.memory.heard
        heard.clear()
        guarded = self.rehearsal.guard(conduct, exchange)
        return Seen(conduct.plan, conduct.facts, guarded, frozenset(heard))

    def end(self, conduct: Conduct | None, exchange: Exchange, seen: Seen) -> None:
        """Note what the session did in it."""
        if conduct is not None:
            self.rehearsal.end(conduct, exchange, seen.guarded)


class _Stream(msgspec.Struct, frozen=True):
    """One request or answer of a conversation, and what both versions do with it."""

    row: Row
    said: Conversation
    number: int
    exchange: Exchange
    old: Seen
    new: Seen


class Replay:
    """Two versions beside each other. One owner."""

    def __init__(self, asked: Asked, memory: Memory | None = None) -> None:
        """Compile both. Raises `PolicyError` or `PolicyErrors`."""
        use_places(models_settings().places())
        made: Made = {}
        self.asked = asked
        self.memory = memory or Memory()
        self.old = Version(asked.old, made, self.memory)
        self.new = Version(asked.new, made, self.memory)
        self._pairs: dict[tuple[int, int], Pair] = {}

    def tally_of(self, rows: Iterable[Row]) -> Tally:
        """Counts of a batch. Raises `Unreadable`, with all rows that are no conversations."""
        tally = Tally(examples_kept=self.asked.examples)
        asked, known = self.memory.asked, self.memory.known
        for row, said in conversations(rows):
            if said is None:
                tally.without_text += 1
            else:
                self._count(tally, row, said)
        tally.asked, tally.known = self.memory.asked - asked, self.memory.known - known
        return tally

    def _count(self, tally: Tally, row: Row, said: Conversation) -> None:
        tally.conversations += 1
        old, new = (_Side(version, said, self.asked.policy) for version in (self.old, self.new))
        fired: tuple[set[str], set[str]] = set(), set()
        for number, exchange in enumerate(exchanges(said.turns)):
            before, after = self._guarded(old, new, exchange)
            self._compare(tally, _Stream(row, said, number, exchange, before, after))
            fired[0].update(before.rules)
            fired[1].update(after.rules)
        _review(tally, said, *fired)

    def _guarded(self, old: _Side, new: _Side, exchange: Exchange) -> tuple[Seen, Seen]:
        """What both versions do with a stream, which is guarded once where it comes out alike."""
        stands_alike = old.rehearsal.stands_as(new.rehearsal)
        was, is_now = old.begin(exchange), new.begin(exchange)
        before = after = old.guard(was, exchange)
        if is_now is None or not (stands_alike and self._is_alike(before, is_now, exchange)):
            after = new.guard(is_now, exchange)
        else:
            new.rehearsal.follow(old.rehearsal)
        old.end(was, exchange, before)
        new.end(is_now, exchange, after)
        return before, after

    def _is_alike(self, seen: Seen, conduct: Conduct, exchange: Exchange) -> bool:
        """Whether a stream that begins so in the new version comes out as it was seen in the old one."""
        if seen.plan is None or seen.facts != conduct.facts:
            return False
        if seen.plan.digest == conduct.plan.digest:
            return True
        old, new = self.old.bearing(seen.plan), self.new.bearing(conduct.plan)
        if old is None or new is None or seen.is_broken:
            return False
        has_calls = any(each.lane.channel is Channel.TOOL_ARGUMENTS for each in exchange.spoken)
        return self._pair(old, new).is_alike(seen.heard, has_calls=has_calls)

    def _pair(self, old: Bearing, new: Bearing) -> Pair:
        key = (id(old), id(new))  # each lives as long as its version
        if key not in self._pairs:
            self._pairs[key] = Pair(old, new)
        return self._pairs[key]

    def _compare(self, tally: Tally, stream: _Stream) -> None:
        old, new = stream.old, stream.new
        tally.chars += sum(len(each.text) for each in stream.exchange.spoken)
        tally.unguarded_old += old.plan is None
        tally.unguarded_new += new.plan is None
        for version, seen in (("old", old), ("new", new)):
            for detector in seen.failed:
                name = f"{version}: {detector}"
                tally.failures[name] = tally.failures.get(name, 0) + 1
        change = Change.NONE if old is new else _change(old, new)
        lane = _decisive(stream)
        tally.count(change, stream.said.tenant, lane.part)
        tally.fired(old.rules, new.rules)
        if change is not Change.NONE and tally.wants_example(change, stream.row.number):
            tally.keep(change, self._example(stream, lane))

    def _example(self, stream: _Stream, lane: Lane) -> Example:
        old, new, said = stream.old, stream.new, stream.said
        text = next(read_text(lane, each.text) for each in stream.exchange.spoken if each.lane == lane)
        differing = [(seen, each) for seen, each in _differing(old, new) if each.lane == lane]
        found = {_of(each) for seen in (old, new) for each in seen.violations if each.lane == lane}
        show, is_bare = (bared, True) if self.asked.shows_text else (veiled, False)
        return Example(
            number=stream.row.number,
            stream=stream.number,
            place=stream.row.place,
            id=said.id,
            tenant=said.tenant,
            direction=stream.exchange.direction,
            part=lane.part,
            old=old.told(),
            new=new.told(),
            found=tuple(_described(seen, each, "new" if seen is new else "old") for seen, each in differing[:_GRAVEST]),
            text=show(text, found, at=min((_of(each) for _, each in differing), default=None)),
            old_output=old.guarded.text(lane) if is_bare else "",
            new_output=new.guarded.text(lane) if is_bare else "",
        )


@lru_cache(maxsize=1)
def _replay(asked: Asked) -> Replay:
    return Replay(asked)


def tally_of(asked: Asked, rows: Iterable[Row]) -> Tally:
    """What a batch of rows comes to. Policies are compiled, and models loaded, once in each process.

    This is all that another engine needs to be given: it maps batches by it, and adds up what comes (`Tally.add`).
    """
    return _replay(asked).tally_of(rows)


def _untouched(exchange: Exchange) -> Guarded:
    """What comes of a stream that nobody guards: all of it leaves."""
    return Guarded(tuple(Release(each.lane, each.text, 0, len(each.text)) for each in exchange.spoken), (), 0)


def _change(old: Seen, new: Seen) -> Change:
    """What changes, the gravest of it."""
    for before, after, gained, lost in (
        (old.blocked is not None, new.blocked is not None, Change.NEWLY_BLOCKED, Change.NO_LONGER_BLOCKED),
        (old.is_withheld, new.is_withheld, Change.NEWLY_WITHHELD, Change.NO_LONGER_WITHHELD),
        (old.is_redacted, new.is_redacted, Change.NEWLY_REDACTED, Change.NO_LONGER_REDACTED),
    ):
        if before != after:
            return gained if after else lost
    if old.blocked and new.blocked and _stop(old, old.blocked) != _stop(new, new.blocked):
        return Change.BLOCKED_OTHERWISE
    if old.texts() != new.texts():
        return Change.REDACTED_OTHERWISE
    return Change.FOUND_OTHERWISE if _keys(old) != _keys(new) else Change.NONE


def _stop(seen: Seen, blocked: Blocked) -> tuple[Lane, str, int, str]:
    return blocked.lane, seen.named(blocked), blocked.position, blocked.message


_Key: TypeAlias = tuple[str, Lane, str, int, int, Action]


def _key(seen: Seen, decision: Decision) -> _Key:
    finding = decision.finding
    return seen.named(decision), decision.lane, finding.label, finding.start, finding.end, decision.done


def _keys(seen: Seen) -> set[_Key]:
    return {_key(seen, each) for each in seen.violations}


def _differing(old: Seen, new: Seen) -> list[tuple[Seen, Decision]]:
    """The decisions that one version alone made, those of the new one first."""
    only = {id(new): _keys(new) - _keys(old), id(old): _keys(old) - _keys(new)}
    return [(seen, each) for seen in (new, old) for each in seen.violations if _key(seen, each) in only[id(seen)]]


def _decisive(stream: _Stream) -> Lane:
    """The text in which the gravest change is; the first one where nothing changes."""
    old, new = stream.old, stream.new
    if old is not new:
        if (block := new.blocked or old.blocked) is not None and bool(old.blocked) != bool(new.blocked):
            return block.lane
        for _, decision in _differing(old, new):
            return decision.lane
    return stream.exchange.spoken[0].lane


def _of(decision: Decision) -> Found:
    return Found(decision.finding.start, decision.finding.end, decision.finding.label)


def _described(seen: Seen, decision: Decision, version: str) -> str:
    """A decision in a line, with nothing of the text."""
    assert seen.plan is not None
    finding, rule = decision.finding, seen.plan.rules[decision.rule]
    least = rule.thresholds.get(finding.label)
    score = f"{finding.score:.2f}" + ("" if least is None else f" (from {least:g})")
    why = f", {finding.reason}" if finding.reason else ""
    return f"{version}: {seen.named(decision)} {decision.done.word}: {finding.label} {score}{why}"


def _review(tally: Tally, said: Conversation, old: set[str], new: set[str]) -> None:
    """Count a conversation of which an analyst said something."""
    review = said.review
    if review is None:
        return
    is_right = [bool(fired) == review.violation for fired in (old, new)]
    tally.corrected += is_right == [False, True]
    tally.spoilt += is_right == [True, False]
    tally.old.count(is_violation=review.violation, is_found=bool(old))
    tally.new.count(is_violation=review.violation, is_found=bool(new))
    if review.violation and not review.rules:
        return
    wanted = set(review.rules)
    for fired, confusions in ((old, tally.old_rules), (new, tally.new_rules)):
        found = {rule.rpartition("/")[2] for rule in fired}
        for rule in wanted | {each.rpartition("/")[2] for each in old | new}:
            confusion = confusions.setdefault(rule, Confusion())
            confusion.count(is_violation=rule in wanted, is_found=rule in found)
