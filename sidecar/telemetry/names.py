"""Bounded sets of label values: no label grows with what callers send."""

from __future__ import annotations

import re

OTHER = "other"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/@+*-]{0,63}")


class Names:
    """The known values, the first others, and one for all that come later."""

    def __init__(self, room: int) -> None:
        self._names: set[str] = set()
        self._room = room

    def know(self, name: str) -> None:
        """Have a value of its own for this name."""
        self._names.add(name)

    def of(self, name: str) -> str:
        """The value for a name."""
        if name not in self._names and self._room:
            self._room -= 1
            self._names.add(name)
        return name if name in self._names else OTHER


def plain(name: str) -> str:
    """A name as it may stand in a label: short, and of letters and digits; nothing, or what is none of that."""
    return name if not name or _PLAIN.fullmatch(name) else OTHER
