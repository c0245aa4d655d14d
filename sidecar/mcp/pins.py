"""Definitions of tools, pinned by their digests: what a server offered when it was first seen, and which servers do.

A file holds them across restarts, for several servers; without one they last as long as the session. It is read and
written under a lock beside it, and replaced as a whole. A server that defines ever more tools fills neither: past
`MOST_PINS` of them, a new one is not pinned. Ever more servers and tenants do not fill the file: past `MOST_KEPT` pins,
those of whoever has most go first, and of these what was used least lately; they are pinned anew when they come again.
So a tenant of many pins pushes out its own, and who names ever new tenants has to name a thousand before those lose any
that have no more than their share. What stands last in the file was used last.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from sidecar.codec.jsontext import dumps
from sidecar.errors import ConfigError
from sidecar.mcp.left_out import MOST_CHARS

_log = logging.getLogger(__name__)

MOST_PINS = 10_000
"""Of one server."""
MOST_KEPT = 100_000
"""In a file, of all tenants together, and as many of whoever is none; a server counts as one at least."""
SHARE = 100
"""What every tenant may keep: of tenants with no more than that, the one loses that was there least lately."""
_MODE = 0o600


Servers: TypeAlias = dict[str, dict[str, str]]
"""By server and tool, the digest of the tool's definition."""


class _State(msgspec.Struct, forbid_unknown_fields=True):
    """The file. What is pinned for one tenant alone is in `tenants`."""

    version: Literal[1] = 1
    servers: Servers = msgspec.field(default_factory=dict)
    tenants: dict[str, Servers] = msgspec.field(default_factory=dict)

    def used(self, tenant: str, server: str) -> Servers:
        """The servers that a tenant reaches, or whoever is none; of them, this one is the last used now."""
        servers = self.servers
        if tenant:
            servers = self.tenants[tenant] = self.tenants.pop(tenant, {})
        servers[server] = servers.pop(server, {})
        return servers

    def fit(self, tenant: str) -> None:
        """Forget what is too much, so that there is room for what was used now."""
        held = self.tenants if tenant else {"": self.servers}
        over = sum(_size(names) for servers in held.values() for names in servers.values()) - MOST_KEPT
        if over > 0:
            _log.warning("pins of %d tools are forgotten, as the file is full", _forget(held, over))


def _forget(held: dict[str, Servers], over: int) -> int:
    """Take so many pins at least from whoever has most, a server's all at once; returns how many."""
    sizes = {tenant: sum(map(_size, servers.values())) for tenant, servers in held.items() if servers}
    turns = [(-max(size, SHARE), place, tenant) for place, (tenant, size) in enumerate(sizes.items())]
    heapify(turns)
    oldest = {tenant: iter([*held[tenant]]) for tenant in sizes}
    gone = 0
    while turns and gone < over:
        _, place, tenant = turns[0]
        servers = held[tenant]
        size = _size(servers.pop(next(oldest[tenant])))
        gone, sizes[tenant] = gone + size, sizes[tenant] - size
        if servers:
            heapreplace(turns, (-max(sizes[tenant], SHARE), place, tenant))
        else:
            heappop(turns)
            del held[tenant]
    return gone


def _size(names: Mapping[str, str]) -> int:
    return max(1, len(names))


class Pinned(msgspec.Struct, frozen=True):
    """What came of a list of definitions."""

    changed: frozenset[str] = frozenset()
    """The names of tools that are defined otherwise than when they were first seen."""
    shadowed: Mapping[str, str] = {}
    """By the name of a tool that is new here, another server that has one of this name."""
    unpinned: frozenset[str] = frozenset()
    """The names of tools for which there was no room, which are too long, or no text (half of a character)."""


def digest_of(definition: Any) -> str:
    """The digest of a definition: SHA-256 of its JSON with sorted keys, so that neither order nor spacing counts."""
    return "sha256:" + hashlib.sha256(dumps(_sorted(definition)).encode("utf-8", "surrogatepass")).hexdigest()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


class Pins:
    """The pins of one server, or of several that answer as one (`A+B`). Not for several threads."""

    def __init__(
        self, server: str, file: Path | None = None, *, tenant: str = "", accepts_changes: bool = False
    ) -> None:
        """`accepts_changes`: what is seen first in this session counts, whatever the file says."""
        self.server = server
        self._tenant = tenant
        self._file = file
        self._accepts_changes = accepts_changes
        self._seen: dict[str, str] = {}
        """What was seen in this session."""

    def has_any(self) -> bool:
        """Whether anything was seen in this session."""
        return bool(self._seen)

    def check(self) -> None:
        """Raise `ConfigError` when the file cannot be used."""
        if self._file is not None:
            with self._state(self._file):
                pass

    def pin(self, tools: Iterable[Any]) -> Pinned:
        """Pin what is new of these definitions, and say what is not as it was. Raises `ConfigError`."""
        found = [(each["name"], digest_of(each)) for each in tools if _is_named(each)]
        if self._file is None or all(name in self._seen for name, _ in found):
            return self._pinned(found, {}, {})
        with self._state(self._file) as state:
            servers = state.used(self._tenant, self.server)
            others = {name: server for server, names in servers.items() if self._is_another(server) for name in names}
            pinned = self._pinned(found, servers[self.server], others)
            state.fit(self._tenant)
            return pinned

    def _is_another(self, server: str) -> bool:
        """Whether it has none of the tools that are pinned here."""
        return not {*server.split("+")} & {*self.server.split("+")}

    def _pinned(self, found: Iterable[tuple[str, str]], kept: dict[str, str], others: Mapping[str, str]) -> Pinned:
        changed: set[str] = set()
        unpinned: set[str] = set()
        shadowed: dict[str, str] = {}
        for name, digest in found:
            first = self._seen.get(name) or (None if self._accepts_changes else kept.get(name))
            if first is None and not self._has_room(name, kept):
                unpinned.add(name)
                continue
            if first is None:
                shadowed |= {name: others[name]} if name in others else {}
            elif first != digest:
                changed.add(name)
            self._seen[name] = kept[name] = first or digest
        return Pinned(frozenset(changed), shadowed, frozenset(unpinned))

    def _has_room(self, name: str, kept: Mapping[str, str]) -> bool:
        fits = len(name) <= MOST_CHARS and _is_text(name)
        return fits and (name in kept or max(len(kept), len(self._seen)) < MOST_PINS)

    @contextmanager
    def _state(self, file: Path) -> Iterator[_State]:
        """The file's content, which is written back where it was changed."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with open(f"{file}.lock", "a", opener=_opener) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                before = file.read_bytes() if file.exists() else b""
                state = msgspec.json.decode(before, type=_State) if before else _State()
                yield state
                _write(file, before, msgspec.json.format(msgspec.json.encode(state)) + b"\n")
        except OSError as error:
            raise ConfigError(f"cannot be used: {error.strerror}", path=str(file)) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ConfigError("is no file of pins; remove it to pin anew", path=str(file)) from None


def _is_named(definition: Any) -> bool:
    return isinstance(definition, dict) and isinstance(definition.get("name"), str)


def _is_text(name: str) -> bool:
    """Whether it can be written: half of a surrogate pair cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, _MODE)


def _write(file: Path, before: bytes, after: bytes) -> None:
    if after == before:
        return
    fresh = file.with_name(f"{file.name}.new")
    with open(fresh, "wb", opener=_opener) as out:
        out.write(after)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
