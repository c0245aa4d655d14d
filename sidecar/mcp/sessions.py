"""Sessions of clients with servers over HTTP: what the relay keeps of each, how many, and for how long.

The server decides which sessions there are. One that the relay does not know, since it was started anew or forgot it,
is taken up again: what was left out of lists is known by the standing of whoever asks, so it stays left out, as long
as a session of theirs is known, and beyond that for the standings that were there last.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import msgspec

from sidecar.errors import Overloaded
from sidecar.mcp.left_out import LeftOut

Key = tuple[str, ...]
"""A server, the standing of whoever asks, and what names the session there."""
_MOST_KNOWN = 128
_MOST_KNOWN_BYTES = 65_536
_MOST_STANDINGS = 1000
_MOST_WAITING = 10_000
_AT_ONCE = 8
"""So many sessions are looked at, at a time, whether they are forgotten."""


class _Event(msgspec.Struct, frozen=True):
    digest: bytes
    left: bytes | None
    """What it became; None where nothing was done to it."""


class Known:
    """Events that were judged, by their ids, so that one that comes again is not judged, and told, again.

    Keeps the last ones; of one that was changed also what it became.
    """

    def __init__(self) -> None:
        self._events: OrderedDict[tuple[str, bytes], _Event] = OrderedDict()
        self._size = 0

    def add(self, policy: str, number: bytes, payload: bytes, left: bytes) -> None:
        """An event was judged by a policy, and became `left`."""
        own = _Event(_digest(payload), None if left == payload else left)
        if _size(number, own) > _MOST_KNOWN_BYTES // 2:
            return
        self._drop((policy, number))
        self._events[policy, number] = own
        self._size += _size(number, own)
        while len(self._events) > _MOST_KNOWN or self._size > _MOST_KNOWN_BYTES:
            self._drop(next(iter(self._events)))

    def get(self, policy: str, number: bytes, payload: bytes) -> bytes | None:
        """What an event became; None where it is not known, or another one under the same id."""
        found = self._events.get((policy, number))
        if found is None or found.digest != _digest(payload):
            return None
        return payload if found.left is None else found.left

    def _drop(self, key: tuple[str, bytes]) -> None:
        found = self._events.pop(key, None)
        self._size -= _size(key[1], found) if found is not None else 0


def _size(number: bytes, event: _Event) -> int:
    return len(number) + len(event.left or b"")


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()


class McpSession:
    """What is kept of a session: which exchanges run, and which events were judged."""

    def __init__(self) -> None:
        self.id = uuid4().hex
        """What events call it. What names it at the server is a secret."""
        self.known = Known()
        self.used_ms = 0.0
        self.open = 0
        self.waiting: set[Any] = set()
        """Over HTTP+SSE: the ids of requests that are to be answered on the stream."""
        self.tell: Callable[[bytes], Awaitable[None]] | None = None
        """Over HTTP+SSE: writes a message into the stream to the client."""
        self.left_out: LeftOut | None = None
        """Of its standing. It is held here, so that nobody else's sessions have it forgotten."""

    def wait_for(self, numbers: set[Any], *, but_for: set[Any]) -> None:
        """Requests are to be answered, others no more. Raises `Overloaded` when too many are."""
        self.waiting -= but_for
        if len(self.waiting) + len(numbers) > _MOST_WAITING:
            raise Overloaded("MCP requests that wait for an answer")
        self.waiting |= numbers


class Sessions:
    """All sessions. Past `limit`, the one that was used least lately gives way, if nothing of it runs."""

    def __init__(self, limit: int, *, idle_ms: float, now_ms: Callable[[], float]) -> None:
        self._limit = limit
        self._idle_ms = idle_ms
        self._now_ms = now_ms
        self._sessions: OrderedDict[Key, McpSession] = OrderedDict()
        self._left_out: WeakValueDictionary[Key, LeftOut] = WeakValueDictionary()
        self._lately: OrderedDict[Key, LeftOut] = OrderedDict()
        """Holds what was left out where no session does."""

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, key: Key) -> McpSession | None:
        """A session that is there."""
        self._forget()
        found = self._sessions.get(key)
        if found is not None:
            self._sessions.move_to_end(key)
            found.used_ms = self._now_ms()
        return found

    def take_up(self, key: Key) -> McpSession:
        """A session that the server knows. Raises `Overloaded` when there are too many."""
        found = self.find(key)
        if found is None:
            self.begin(key, found := McpSession())
        return found

    def begin(self, key: Key, session: McpSession) -> None:
        """A session has got its name. Raises `Overloaded` when there are too many."""
        self._forget()
        if len(self._sessions) >= self._limit:
            idle = next((name for name, each in self._sessions.items() if not each.open), None)
            if idle is None:
                raise Overloaded("MCP sessions")
            del self._sessions[idle]
        session.used_ms = self._now_ms()
        self._sessions[key] = session

    def end(self, key: Key, session: McpSession | None = None) -> None:
        """A session is over; if one is named, no other that has got its name since."""
        if session is None or self._sessions.get(key) is session:
            self._sessions.pop(key, None)

    def left_out(self, standing: Key, session: McpSession) -> LeftOut:
        """The tools of a server that were left out of lists, for all of one standing. The session is one of these."""
        session.left_out = found = self._left_out.setdefault(standing, LeftOut())
        self._lately[standing] = found
        self._lately.move_to_end(standing)
        if len(self._lately) > _MOST_STANDINGS:
            older = islice(self._lately.items(), _MOST_STANDINGS)
            del self._lately[next((key for key, each in older if not each), next(iter(self._lately)))]
        return found

    def _forget(self) -> None:
        """Drop what was not used for too long; the least lately used stand first."""
        now = self._now_ms()
        for key, session in list(islice(self._sessions.items(), _AT_ONCE)):
            if session.open:
                session.used_ms = now
                self._sessions.move_to_end(key)
            elif now - session.used_ms > self._idle_ms:
                del self._sessions[key]
            else:
                return
