"""A conversation without a server: its streams one after the other, with what they have in common.

That is the book of stand-ins, so that what a request puts in is put back in its answer, and what the session did, by
which rules may escalate. Time passes between turns alone, where one says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sidecar.conduct import Conduct, Conducts
from sidecar.offline import Guarded, guard_exchange, public_stand_ins
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan
from sidecar.policy.turns import Exchange
from sidecar.values import Judged, Release

_SESSION_BYTES = 1 << 20


@dataclass
class _StillClock:
    """A clock that stands still until it is moved on."""

    ms: float = 0.0

    def now_ms(self) -> float:
        return self.ms

    def unix_seconds(self) -> float:
        return self.ms / 1000


class Rehearsal:
    """See the module's text. One conversation, with one version of the policies."""

    def __init__(self, facts: StreamFacts, session: str, *, languages: Sequence[str] = ()) -> None:
        """`facts` are what the application says of each of its streams, `languages` those of the reader."""
        self._facts = facts
        self._session = session
        self._languages = languages
        self._book = public_stand_ins(session)
        self._clock = _StillClock()
        self._conducts = Conducts(self._clock, max_sessions=1, max_bytes=_SESSION_BYTES, idle_ms=float("inf"))

    def begin(self, plan: Plan, exchange: Exchange) -> Conduct:
        """How the session stands when its next stream begins: the plan in force for it, and the facts."""
        self._clock.ms += exchange.after_ms
        return self._conducts.of(self._facts.tenant, self._session, plan)

    def guard(
        self,
        conduct: Conduct,
        exchange: Exchange,
        chunks: Sequence[Sequence[str]] | None = None,
        *,
        verdicts: Mapping[str, Judged] | None = None,
    ) -> Guarded:
        """Guard the stream that began so. What it did is for `end` to note."""
        return guard_exchange(
            conduct.plan,
            exchange,
            chunks,
            session_id=self._session,
            stand_ins=self._book,
            facts=conduct.facts,
            about=replace(self._facts, direction=exchange.direction),
            languages=self._languages,
            verdicts=verdicts or {},
        )

    def stands_as(self, other: Rehearsal) -> bool:
        """Whether the same was put in for values in both, so that the same is put back."""
        return self._book.says_as(other._book)

    def follow(self, other: Rehearsal) -> None:
        """Take over what was put in for values: the other one guarded a stream for both."""
        self._book = other._book.copy()

    @staticmethod
    def end(conduct: Conduct, exchange: Exchange, guarded: Guarded) -> None:
        """Note what the session did in a stream, as the service does."""
        history = exchange.history or frozenset()
        conduct.count(guarded.decisions, history.__contains__)
        for output in guarded.outputs:
            if isinstance(output, Release) and output.text and not output.is_withheld:
                conduct.read(output.lane.part)
