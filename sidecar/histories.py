"""What is known of the texts of requests: a message that was checked comes again with every turn of its session.

A text is found by a keyed digest of it with all that its judgement depends on: policy, models, direction, whose words
it is, channel, and whether it is read as JSON; for one tenant. Of a text with stand-ins in it, or with escapes in which
some may be, it depends on the session, too, since they are none in another. The key is drawn anew in each process.
Neither text nor replacements are kept, so that one judgement serves every session of the tenant.

Sized in bytes, and kept in the order of use. Sessions read their whole history at each turn, so that what was not used
lately is most likely over, and what was comes again; where there is no room, what is new has to wait (ADR 0029):

1. An entry keeps its place until `PATIENCE` times as many texts were looked up as there are entries, and it was not
   among them. Only then is it dropped for a new one. So a history that is longer than the room does not chase itself
   out at each turn, nor does one long reader chase out the others.
2. A tenant that has less than an equal share takes from the one that has most.
3. A tenant of which nothing was looked up for `IDLE` times as many loses what it has.

What it relies on: a detector's findings depend on nothing but the text and what is said above.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from hashlib import blake2b
from typing import Any

import msgspec

from sidecar.core.judgement import Judgement
from sidecar.policy.plan import Plan
from sidecar.policy.stand_ins import StandIns
from sidecar.values import Channel, Direction, Lane, Part, Tool

PATIENCE = 4
IDLE = 16
ENTRY_BYTES = 288
"""What an entry takes beside its data: its digest, its place in the order of use, and when it was used."""
_DIGEST_BYTES = 16
_AT_ONCE = 16
"""How many entries another tenant loses at a time: which one has most is not looked for again for each."""
_MOST_OF_ROOM = 16
"""A larger share than one in so many of all room is given to no entry."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Judgement).decode


class _Entry(msgspec.Struct, gc=False):
    data: bytes
    used: int
    """How many lookups there had been."""

    @property
    def size(self) -> int:
        return ENTRY_BYTES + len(self.data)


class _Shelf:
    """One tenant's entries, the least lately used first."""

    __slots__ = ("entries", "size")

    def __init__(self) -> None:
        self.entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self.size = 0


class Histories:
    """See the module's text. One owner. `max_bytes` 0 keeps nothing."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._key = os.urandom(32)
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()
        """By tenant, the least lately used first."""
        self._lookups = 0
        self._entries = 0
        self.size = 0
        """In bytes."""

    def __len__(self) -> int:
        return self._entries

    def of(self, tenant: str, plan: Plan, direction: Direction, stand_ins: StandIns | None = None) -> History | None:
        """What is known of a tenant's texts under a policy; None where nothing is kept.

        `stand_ins` is the book by which stand-ins are known in them.
        """
        if not self._max_bytes:
            return None
        models = tuple(batch.detector.model for batch in plan.batches)
        beside = plan.other.digest if plan.other is not None else ""
        said = msgspec.msgpack.encode((tenant, plan.digest, beside, models, direction.value))
        return History(self, tenant, plan, blake2b(said, key=self._key, digest_size=_DIGEST_BYTES), stand_ins)

    def get(self, tenant: str, digest: bytes) -> bytes | None:
        """What is kept for a digest. It was used then."""
        self._lookups += 1
        shelf = self._shelves.get(tenant)
        if shelf is None:
            return None
        self._shelves.move_to_end(tenant)
        entry = shelf.entries.get(digest)
        if entry is None:
            return None
        entry.used = self._lookups
        shelf.entries.move_to_end(digest)
        return entry.data

    def put(self, tenant: str, digest: bytes, data: bytes) -> None:
        """Keep data, if there is room or some can be made."""
        entry = _Entry(data, self._lookups)
        if entry.size * _MOST_OF_ROOM > self._max_bytes or digest in self._entries_of(tenant):
            return
        while self.size + entry.size > self._max_bytes:
            loser = self._loser(tenant, entry.size)
            if loser is None:
                return
            self._drop_first(loser, 1 if loser == tenant else _AT_ONCE)
        shelf = self._shelves.setdefault(tenant, _Shelf())
        shelf.entries[digest] = entry
        shelf.size += entry.size
        self.size += entry.size
        self._entries += 1

    def _entries_of(self, tenant: str) -> OrderedDict[bytes, _Entry]:
        shelf = self._shelves.get(tenant)
        return OrderedDict() if shelf is None else shelf.entries

    def _loser(self, tenant: str, size: int) -> str | None:
        """The tenant whose least lately used entry makes room for one of `tenant`; None where all are in use."""
        own = self._shelves.get(tenant)
        if own is not None and self._is_over(next(iter(own.entries.values())), PATIENCE):
            return tenant
        share = self._max_bytes / (len(self._shelves) + (own is None))
        if (0 if own is None else own.size) + size <= share:
            return max(self._shelves, key=lambda each: self._shelves[each].size)
        idle = next(iter(self._shelves))
        is_idle = self._is_over(next(reversed(self._shelves[idle].entries.values())), IDLE)
        return idle if is_idle else None

    def _is_over(self, entry: _Entry, times: int) -> bool:
        return self._lookups - entry.used > times * self._entries

    def _drop_first(self, tenant: str, count: int) -> None:
        shelf = self._shelves[tenant]
        for _ in range(min(count, len(shelf.entries))):
            _, entry = shelf.entries.popitem(last=False)
            shelf.size -= entry.size
            self.size -= entry.size
            self._entries -= 1
        if not shelf.entries:
            del self._shelves[tenant]


class History:
    """What is known of one tenant's texts under one policy, for one stream."""

    __slots__ = ("_begun", "_compares", "_histories", "_said", "_stand_ins", "_tenant", "_unknown", "hits", "misses")

    def __init__(self, histories: Histories, tenant: str, plan: Plan, said: Any, stand_ins: StandIns | None) -> None:
        self._histories = histories
        self._tenant = tenant
        self._compares = plan.reads_context
        self._stand_ins = stand_ins if plan.stand_in_rules or (stand_ins and stand_ins.is_used) else None
        self._said = said
        """The digest of all that is the same for the stream's texts."""
        self._begun: dict[tuple[Part, Channel, bool], Any] = {}
        self._unknown: dict[Lane, bytes] = {}
        self.hits: list[int] = []
        """The lengths, in characters, of the texts that were known, and in `misses` of those that were not."""
        self.misses: list[int] = []

    def recall(self, lane: Lane, text: str, *, is_json: bool, tool: Tool | None = None) -> Judgement | None:
        """What is known of the whole text of a lane. Where nothing is, `learn` keeps what turns out.

        `tool`: what it calls, where that is part of what is judged.
        """
        if self._compares and lane.part is Part.MODEL and lane.channel is Channel.CONTENT:
            return None  # its sentences are compared with what this stream's caller supplied
        digest = self._beginning(lane.part, lane.channel, is_json).copy()
        if self._stand_ins is not None and ((is_json and "\\" in text) or self._stand_ins.stands_in(text)):
            digest.update(msgspec.msgpack.encode(self._stand_ins.session_id))
        if tool is not None:
            digest.update(msgspec.msgpack.encode((tool.name, tool.is_name)))
        digest.update(text.encode("utf-8", "surrogatepass"))
        found = self._histories.get(self._tenant, name := digest.digest())
        if found is None:
            self._unknown[lane] = name
            self.misses.append(len(text))
            return None
        self.hits.append(len(text))
        return _decode(found)

    def _beginning(self, part: Part, channel: Channel, is_json: bool) -> Any:
        """The digest of all that is the same for such texts of the stream."""
        found = self._begun.get((part, channel, is_json))
        if found is None:
            found = self._begun[part, channel, is_json] = self._said.copy()
            found.update(f"{part} {channel} {is_json:d} ".encode())
        return found

    def learn(self, lane: Lane, judgement: Judgement) -> None:
        """Keep what turned out of a lane's text. All that it led to must have been recorded."""
        name = self._unknown.pop(lane, None)
        if name is not None:
            self._histories.put(self._tenant, name, _encode(judgement))
