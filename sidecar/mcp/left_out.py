"""Tools that were left out of lists, so that calls of them are answered here. Bounded, whatever a server defines."""

from __future__ import annotations

from collections.abc import Iterable

MOST_NAMES = 1000
MOST_CHARS = 256
"""Of a name: the protocol has 128. A tool of a longer one is left out, always."""


class LeftOut:
    """Names of tools. When there are more than are kept, every call is one of a tool that was left out."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self.is_full = False
        """Whether there were more than are kept."""

    def __bool__(self) -> bool:
        return self.is_full or bool(self._names)

    def __contains__(self, name: str) -> bool:
        return self.is_full or name in self._names or len(name) > MOST_CHARS

    def add(self, name: str) -> None:
        """A tool was left out."""
        if name in self:
            return
        if len(self._names) < MOST_NAMES:
            self._names.add(name)
        else:
            self.is_full = True

    def forgive(self, names: Iterable[str]) -> None:
        """Tools that pass now may be called."""
        self._names.difference_update(names)

    def merge(self, other: LeftOut, prefix: str = "") -> None:
        """Take over what was left out elsewhere; there `prefix` may stand before a name."""
        self.is_full = self.is_full or other.is_full
        self._names.update(other._names, (name.removeprefix(prefix) for name in other._names))
