"""What sessions did: violations that counted, and marks. Kept by tenant and session, in the memory of one process.

1. Nothing is kept of a session in which nothing counted, nor where the caller names no session.
2. Bounded in sessions and bytes. When it is full, a tenant with more than its share gives way first, and otherwise the
   one that was idle longest; of a tenant's sessions, the one that was. A session that did nothing for `idle_ms` is
   forgotten.
3. Of a session: the latest `MOST_COUNTED` violations, how many there were, its marks, and keyed digests of the latest
   `MOST_SEEN` violations, by which those are known that come again in a history. No text.

What follows from it (a risk that decays, a stop) is worked out when a stream begins, from what counted by then: a
policy that was changed meanwhile is held to at once.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Protocol

import msgspec

from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.session_facts import NOTHING_KNOWN, SessionFacts
from sidecar.policy.sessions import MOST_COUNTED, Counted, Escalation, risk_of
from sidecar.policy.stopped import stopped
from sidecar.values import Decision, Lane, Part, SessionMark, SessionStanding

MOST_SEEN = 256
SESSION_BYTES = 1200
"""What a session takes beside what it counts."""
COUNTED_BYTES = 160
SEEN_BYTES = 120
_DIGEST_BYTES = 8

_Key = tuple[str, str]


class Now(Protocol):
    """What is asked of a clock."""

    def now_ms(self) -> float:
        """Milliseconds of a clock that only goes forward."""
        ...

    def unix_seconds(self) -> float:
        """The time of day."""
        ...


class _Session:
    """What one session did."""

    __slots__ = ("counted", "marks", "seen", "total", "used_ms")

    def __init__(self) -> None:
        self.counted: deque[Counted] = deque(maxlen=MOST_COUNTED)
        self.total = 0
        """How many violations counted, also those that are not remembered one by one."""
        self.marks: frozenset[SessionMark] = frozenset()
        self.seen: OrderedDict[bytes, None] = OrderedDict()
        """Digests of violations, the least lately seen first."""
        self.used_ms = 0.0

    @property
    def size(self) -> int:
        """In bytes, roughly."""
        return SESSION_BYTES + COUNTED_BYTES * len(self.counted) + SEEN_BYTES * len(self.seen)

    def see(self, digest: bytes) -> bool:
        """Whether a violation was seen before. From now on it was."""
        was_seen = digest in self.seen
        self.seen[digest] = None
        self.seen.move_to_end(digest)
        if len(self.seen) > MOST_SEEN:
            self.seen.popitem(last=False)
        return was_seen


class Conducts:
    """See the module's text. One owner. `max_sessions` or `max_bytes` 0 keeps nothing."""

    def __init__(self, clock: Now, *, max_sessions: int, max_bytes: int, idle_ms: float) -> None:
        self._clock = clock
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._idle_ms = idle_ms
        self._key = os.urandom(32)
        self._tenants: OrderedDict[str, OrderedDict[str, _Session]] = OrderedDict()
        """By tenant, then by session, the least lately used first."""
        self._tenant_bytes: dict[str, int] = {}
        self._sessions = 0
        self.size = 0
        """In bytes."""

    def __len__(self) -> int:
        return self._sessions

    def of(self, tenant: str, session_id: str, plan: Plan) -> Conduct:
        """What the session of a stream did, as a policy sees it. A stream without a session is one by itself."""
        is_kept = bool(session_id and self._max_sessions and self._max_bytes and plan.counts_sessions)
        return Conduct(self if is_kept else None, (tenant, session_id), plan, self._clock)

    def get(self, key: _Key) -> _Session | None:
        """What is known of a session. It was used then."""
        tenant, session_id = key
        own = self._tenants.get(tenant)
        found = None if own is None else own.get(session_id)
        if own is None or found is None:
            return None
        now_ms = self._clock.now_ms()
        if now_ms - found.used_ms > self._idle_ms:
            self._drop(tenant, session_id)
            return None
        found.used_ms = now_ms
        own.move_to_end(session_id)
        self._tenants.move_to_end(tenant)
        return found

    def note(self, key: _Key, *, counted: Iterable[Counted] = (), marks: Iterable[SessionMark] = ()) -> None:
        """Keep what a session did."""
        session = self._begin(key)
        before = session.size
        for each in counted:
            session.counted.append(each)
            session.total += 1
        session.marks = session.marks.union(marks)
        self._resize(key[0], session.size - before)
        self._make_room(key[0])

    def see(self, key: _Key, said: tuple[object, ...]) -> bool:
        """Whether a session had a violation, of which this is all that tells it from others, before."""
        session = self._begin(key)
        before = session.size
        told = msgspec.msgpack.encode((*key, *said))
        was_seen = session.see(blake2b(told, key=self._key, digest_size=_DIGEST_BYTES).digest())
        self._resize(key[0], session.size - before)
        self._make_room(key[0])
        return was_seen

    def _begin(self, key: _Key) -> _Session:
        found = self.get(key)
        if found is not None:
            return found
        tenant, session_id = key
        session = self._tenants.setdefault(tenant, OrderedDict())[session_id] = _Session()
        session.used_ms = self._clock.now_ms()
        self._tenants.move_to_end(tenant)
        self._sessions += 1
        self._resize(tenant, session.size)
        return session

    def _resize(self, tenant: str, count: int) -> None:
        self.size += count
        self._tenant_bytes[tenant] = self._tenant_bytes.get(tenant, 0) + count

    def _make_room(self, tenant: str) -> None:
        """Forget sessions while there are too many, for what a tenant's did."""
        while self._sessions and (self.size > self._max_bytes or self._sessions > self._max_sessions):
            has_more = self._tenant_bytes.get(tenant, 0) * len(self._tenants) > self.size
            loser = tenant if has_more else next(iter(self._tenants))
            self._drop(loser, next(iter(self._tenants[loser])))

    def _drop(self, tenant: str, session_id: str) -> None:
        size = self._tenants[tenant].pop(session_id).size
        self._sessions -= 1
        self.size -= size
        self._tenant_bytes[tenant] -= size
        if not self._tenants[tenant]:
            del self._tenants[tenant], self._tenant_bytes[tenant]


class Stop(msgspec.Struct, frozen=True, gc=False):
    """A session is stopped: by which escalation, and until when, in Unix seconds."""

    escalation: Escalation
    until: float


class Conduct:
    """One stream's view of its session: how it stood when the stream began, and what the stream adds."""

    def __init__(self, conducts: Conducts | None, key: _Key, plan: Plan, clock: Now) -> None:
        self._conducts = conducts
        self._key = key
        self._plan = plan
        self._clock = clock
        self._told: set[int] = set()
        """The rules that counted in this stream: each does once."""
        self.facts = self._facts()
        """How the session stood when the stream began."""
        self.stop = self.stop_now()
        """Whether it was stopped then."""
        self.plan = plan if self.stop is None else _stopped(plan, self.stop)
        """What the stream is held to."""

    def standing(self) -> SessionStanding | None:
        """How it stands now, for the record; None where it does not matter, or nothing happened in it."""
        session = self._session()
        if session is None:
            return None
        facts, stop = self._facts(), self.stop_now()
        if stop is not None and not self._rule_of(stop.escalation).is_enforced:
            stop = None
        return SessionStanding(
            risk=facts.risk,
            violations=facts.violations,
            marks=session.marks,
            stopped_by="" if stop is None else self._rule_of(stop.escalation).id,
            stopped_until=None if stop is None else stop.until,
        )

    def stop_now(self) -> Stop | None:
        """Whether it is stopped now: by the longest stop, one that is enforced before one in shadow."""
        session = self._session()
        if session is None:
            return None
        now_ms, settings = self._clock.now_ms(), self._plan.session
        ends = [(each.until(session.counted, settings.half_life_ms), each) for each in settings.escalations]
        running = [(end, each) for end, each in ends if end is not None and end > now_ms]
        if not running:
            return None
        end, escalation = max(running, key=lambda each: (self._rule_of(each[1]).is_enforced, each[0]))
        return Stop(escalation, self._clock.unix_seconds() + (end - now_ms) / 1000)

    def read(self, part: Part) -> None:
        """Note that a model is given text of a part."""
        if self._conducts is not None and part in self._plan.session.untrusted:
            self._conducts.note(self._key, marks=(SessionMark.UNTRUSTED,))

    def count(self, decisions: Iterable[Decision], is_history: Callable[[Lane], bool]) -> None:
        """Note decisions that are recorded. One about a history counts unless the session had it before."""
        for each in decisions:
            self._count(each, is_history=is_history(each.lane))

    def _count(self, decision: Decision, *, is_history: bool) -> None:
        rule = self._plan.all_rules[decision.rule]
        conducts = self._conducts
        if conducts is None or not _counts(rule, decision):
            return
        found, lane = decision.finding, decision.lane
        said = (rule.id, lane.part, lane.channel, found.label, found.start, found.end, decision.excerpt)
        was_seen = conducts.see(self._key, said)
        if (was_seen and is_history) or rule.index in self._told:
            return
        self._told.add(rule.index)
        severity = rule.severity_of(found.score)
        counted = (Counted(self._clock.now_ms(), rule.id, severity, rule.risk),) if rule.risk else ()
        conducts.note(self._key, counted=counted, marks=rule.marks)

    def _rule_of(self, escalation: Escalation) -> RulePlan:
        return self._plan.all_rules[escalation.rule]

    def _session(self) -> _Session | None:
        return None if self._conducts is None else self._conducts.get(self._key)

    def _facts(self) -> SessionFacts:
        session = self._session()
        if session is None:
            return NOTHING_KNOWN
        return SessionFacts(
            risk=risk_of(session.counted, self._clock.now_ms(), self._plan.session.half_life_ms),
            violations=session.total,
            untrusted=SessionMark.UNTRUSTED in session.marks,
            sensitive=SessionMark.SENSITIVE in session.marks,
            sends=SessionMark.SENDS in session.marks,
        )


def told_time(unix_seconds: float) -> str:
    """A time as people are told it: in UTC, by the minute, rounded up."""
    return datetime.fromtimestamp(math.ceil(unix_seconds / 60) * 60, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _stopped(plan: Plan, stop: Stop) -> Plan:
    return stopped(plan, stop.escalation.rule, until=told_time(stop.until))


def _counts(rule: RulePlan, decision: Decision) -> bool:
    """Whether a decision says something of the session: a finding of an enforced rule, no failure of ours."""
    return rule.is_telling and rule.is_enforced and decision.failure is None
