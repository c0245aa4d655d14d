"""The machines that run patterns: `Finder` for one regular tree, `Watch` for what many trees could match.

Both are RE2 programs over bytes (`detectors.text.regular.charset`), so their work is linear in the text whatever the
pattern is. Measured here, ASCII text of 80 characters: a search that finds nothing takes 1.5 us, most of it the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache, partial
from typing import Any, TypeAlias

import re2

from detectors.text.regular.charset import TooManyCharactersError, coarse
from detectors.text.regular.render import (
    boundary_kinds,
    bounded,
    exact,
    extent,
    least_width,
    look_behind,
    prefixes,
    wide,
)
from detectors.text.regular.tree import IRREGULAR, Atomic, Either, Look, Node, NotRegular, Same, walk

MAX_REPEAT_CHARS = 128
"""What an unbounded repeat is bounded to, unless told otherwise."""
MAX_WIDTH = 1024
"""No pattern may match more characters than this: so much text would be held."""
_FINDER_MEMORY = 64 << 20
_WATCH_MEMORY = 64 << 20
"""Limits in bytes, for a program and its states together; states are made as texts need them."""


_Search: TypeAlias = Callable[[bytes, int, int], list[tuple[int, int]]]
"""The spans of the leftmost match in `data[begin:end]`: of the match and its groups, -1 where there is none."""
_UNANCHORED: Any = re2._re2.RE2.Anchor.UNANCHORED  # see `_compiled`


@cache
def _options(memory: int) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = memory
    options.log_errors = False
    return options


def _compiled(pattern: str, memory: int) -> _Search:
    compiled = _program(pattern, memory)
    if not compiled.ok():
        raise NotRegular(
            f"too large for the linear-time engine ({_words(compiled.error())})",
            remedy="use smaller repeat counts or fewer alternatives",
        )
    return partial(compiled.Match, _UNANCHORED)


@lru_cache(maxsize=128)
def _program(pattern: str, memory: int) -> Any:
    """RE2's own object: the wrapper around it costs as much again, in making it and in each search."""
    return re2._re2.RE2(pattern.encode("ascii"), _options(memory))


def _words(reason: bytes | str) -> str:
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason


class Finder:
    """Finds the matches of one regular tree: those of `re.finditer` on the bounded pattern.

    `capture` is the number of the group to report beside the match. Raises `NotRegular` when the tree has a
    look-around, back-reference, atomic group or conditional, matches the empty text, or is too wide or too large.
    """

    def __init__(self, tree: Node, *, capture: int = 0, max_repeat_chars: int = MAX_REPEAT_CHARS) -> None:
        _check_regular(tree)
        limited = bounded(tree, max_repeat_chars)
        self.reach, self.width = extent(limited)
        self.look_behind = look_behind(limited)
        if self.width > MAX_WIDTH:
            raise NotRegular(
                f"a match may be {self.width} characters long (limit {MAX_WIDTH})",
                remedy="bound its repeats, for example {1,64} for +",
            )
        try:
            pattern, self._alphabet = exact(limited, capture=capture)
        except TooManyCharactersError:
            raise NotRegular("too many different characters in one pattern", remedy="split it into several") from None
        self._search = _compiled(pattern, _FINDER_MEMORY)
        self._group = 1 if capture else 0

    def find(self, text: str, begin: int, until: int) -> Iterator[tuple[int, int, int, int]]:
        """The matches that begin in `[begin, until)`, without overlaps: start, end, and the group's start and end.

        Matches see all of `text`, left of `begin` too. A group that took no part is `(-1, -1)`.
        """
        data, group, unit = self._alphabet.encode(text), self._group, self._alphabet.unit
        while begin < until:
            spans = self._search(data, begin * unit, len(data))
            (start, end), (first, last) = spans[0], spans[group]
            if not 0 <= start < until * unit:
                return
            begin = end // unit
            yield start // unit, begin, first // unit, last // unit


_NOT_REGULAR: dict[type, tuple[str, str, str]] = {
    Look: ("look", "a look-around", "use \\b, or match the neighbouring text too"),
    Same: ("backref", "a back-reference", "write the repeated part out"),
    Atomic: ("atomic", "an atomic group or possessive repeat", "use a plain group or repeat: none can run away here"),
    Either: ("either", "a conditional group", "use alternatives"),
}


def _check_regular(tree: Node) -> None:
    for node in walk(tree) if tree.holds & IRREGULAR else ():
        if type(node) in _NOT_REGULAR:
            construct, reason, remedy = _NOT_REGULAR[type(node)]
            raise NotRegular(f"{reason} cannot run in linear time", remedy=remedy, construct=construct)
    if least_width(tree) == 0:
        raise NotRegular("it matches the empty text", remedy="make at least one character necessary")


class Watch:
    """What a set of trees could match, and what may still be arriving at the end of a text.

    Raises `NotRegular` when the trees are too large together.
    """

    def __init__(
        self,
        trees: Sequence[Node],
        *,
        max_repeat_chars: int = MAX_REPEAT_CHARS,
        finders: Sequence[Finder] | None = None,
    ) -> None:
        """`finders` are those of the same trees, where there are any: they know how far each may reach."""
        if finders is None:
            limited = [bounded(tree, max_repeat_chars) for tree in trees]
            sizes = [(extent(tree)[0], look_behind(tree)) for tree in limited]
        else:
            sizes = [(finder.reach, finder.look_behind) for finder in finders]
        self.reach = max((reach for reach, _ in sizes), default=0)
        self.look_behind = max((behind for _, behind in sizes), default=0)
        self._all = range(len(trees))
        kinds = set().union(*map(boundary_kinds, trees))
        alphabet = coarse(ascii_words=kinds == {True})
        self.encode = alphabet.encode
        """The bytes that the methods read: one for each code point of a text."""
        begun = "|".join(filter(None, (prefixes(tree, alphabet) for tree in trees)))
        self._prefixes = _compiled(f"(?:{begun})?\\z", _WATCH_MEMORY)
        filters = [wide(tree, alphabet) for tree in trees]
        self._gate = _compiled("|".join(filters) if filters else r"[^\x00-\xff]", _WATCH_MEMORY)
        self._which = _compiled_set(filters) if len(filters) > 1 else None

    def hold(self, data: bytes, begin: int) -> int:
        """The earliest position, from `begin` on, at which a match may still be arriving; the end when there is none.

        Whatever text follows, the matches that begin in `[begin, hold)` are those there are now. At least
        `len(data) - reach`. The search runs from the end backwards and stops where nothing is alive any more.
        """
        earliest = max(begin, len(data) - self.reach)
        return self._prefixes(data, earliest, len(data))[0][0]

    def matching(self, data: bytes, begin: int, until: int) -> Sequence[int]:
        """The trees, by index, that may match beginning in `[begin, until)`: never one too few."""
        if not 0 <= self._gate(data, begin, len(data))[0][0] < until:
            return ()
        if self._which is None:
            return self._all
        # The set gives nothing when it ran out of memory; then every tree is asked.
        return self._which(data[max(begin - 1, 0) :]) or self._all


def _compiled_set(patterns: Sequence[str]) -> Any:
    result = re2.Set.SearchSet(_options(_WATCH_MEMORY))
    try:
        for pattern in patterns:
            result.Add(pattern.encode("ascii"))
        result.Compile()
    except re2.error:
        raise NotRegular("too many large patterns together", remedy="split them over several rules") from None
    return result.Match
