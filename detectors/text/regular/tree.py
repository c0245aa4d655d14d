"""Regular expressions in Python's syntax, read into a small tree.

`parse` uses the standard library's own parser, so a pattern means here what it means to `re`. The tree has only what
the constructions of `regular.render` need: sets of characters, sequences, choices, repeats, and what is not regular, by
name.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, lru_cache
from typing import Any, ClassVar, TypeAlias

from detectors.text.regular.charset import ANY, NEWLINE, CharSet, category

_parser: Any = importlib.import_module("re._parser")  # no type stub knows it; `sre_parse` is its deprecated name
_ASCII, _IGNORECASE, _DOTALL, _MULTILINE = map(int, (re.ASCII, re.IGNORECASE, re.DOTALL, re.MULTILINE))
_OF_CHARACTERS = _ASCII | _IGNORECASE
"""The flags by which characters are taken for one another."""
_MAX_REPEAT = int(importlib.import_module("re._constants").MAXREPEAT)


class NotRegular(Exception):  # noqa: N818 - reads as the statement that it is
    """A pattern that cannot run in linear time here.

    `reason` says what stands in the way, `position` where (an index into the pattern, None for all of it), `remedy`
    what to do, `subject` whose pattern it is (a rule's `reason`).
    """

    def __init__(self, reason: str, position: int | None = None, remedy: str = "", construct: str = "") -> None:
        super().__init__(reason)
        self.subject = ""
        self.reason = reason
        self.construct = construct
        self.position = position
        self.remedy = remedy

    def __str__(self) -> str:
        subject = f"{self.subject}: " if self.subject else ""
        position = "" if self.position is None else f" at position {self.position}"
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{subject}{self.reason}{position}{remedy}"


class Place(Enum):
    """A place between two characters."""

    BOUNDARY = r"\b"
    NOT_BOUNDARY = r"\B"
    TEXT_START = r"\A"
    LINE_START = "^ with (?m)"
    TEXT_END = r"\Z"
    LINE_END = "$ with (?m)"


Holds: TypeAlias = int
"""Which kinds of nodes a tree holds, so that nobody walks through a tree of 30,000 keywords for what is not in it."""
UNBOUNDED, GROUP, LOOK, IRREGULAR, ANCHOR, BOUNDARY, ASCII_BOUNDARY = (1 << bit for bit in range(7))
"""A repeat without end; a group; a look-around; that or another thing that is not regular; a place of any kind; a word
boundary of Unicode's words, of ASCII's."""


def _held(nodes: Iterable[Node]) -> Holds:
    """What the nodes hold together."""
    held = 0
    for node in nodes:
        held |= node.holds
    return held


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    chars: CharSet

    holds: ClassVar[Holds] = 0


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other; the empty sequence matches the empty text."""

    items: tuple[Node, ...] = ()

    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", _held(self.items))


@dataclass(frozen=True, slots=True)
class Alt:
    """The first of these that leads to a match."""

    branches: tuple[Node, ...]

    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", _held(self.branches))


@dataclass(frozen=True, slots=True)
class Repeat:
    """`low` to `high` times (`None`: without end), as many or, when lazy, as few as possible."""

    item: Node
    low: int
    high: int | None
    lazy: bool = False

    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", self.item.holds | (UNBOUNDED if self.high is None else 0))


@dataclass(frozen=True, slots=True)
class Group:
    """A capturing group, numbered from 1."""

    number: int
    item: Node

    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", self.item.holds | GROUP)


@dataclass(frozen=True, slots=True)
class At:
    """A place between characters; `ascii_words` as under `(?a)`."""

    place: Place
    ascii_words: bool = False

    @property
    def holds(self) -> Holds:
        """What it is itself."""
        if self.place not in (Place.BOUNDARY, Place.NOT_BOUNDARY):
            return ANCHOR
        return ANCHOR | (ASCII_BOUNDARY if self.ascii_words else BOUNDARY)


@dataclass(frozen=True, slots=True)
class Look:
    """A look-ahead or look-behind."""

    item: Node
    behind: bool
    negative: bool

    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", self.item.holds | LOOK | IRREGULAR)


@dataclass(frozen=True, slots=True)
class Same:
    """A back-reference to a group."""

    number: int

    holds: ClassVar[Holds] = IRREGULAR


@dataclass(frozen=True, slots=True)
class Atomic:
    """An atomic group or possessive repeat."""

    item: Node

    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", self.item.holds | IRREGULAR)


@dataclass(frozen=True, slots=True)
class Either:
    """`(?(1)yes|no)`: `yes` when the group took part."""

    yes: Node
    no: Node

    holds: Holds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", _held((self.yes, self.no)) | IRREGULAR)


Node: TypeAlias = Chars | Seq | Alt | Repeat | Group | At | Look | Same | Atomic | Either


def parse(pattern: str, flags: int = 0) -> Node:
    """The tree of a pattern. Raises `re.error` when it is not valid Python syntax."""
    parsed = _parser.parse(pattern, flags)
    return _Reader(parsed.state.flags)._sequence(parsed)


def group_numbers(pattern: str, flags: int = 0) -> dict[str, int]:
    """The named groups of a pattern."""
    return dict(_parser.parse(pattern, flags).state.groupdict)


def literal(text: str, *, ignore_case: bool = False) -> Seq:
    """Exactly this text."""
    return Seq(tuple(Chars(_single(ord(char), ignore_case)) for char in text))


def _single(code_point: int, ignore_case: bool) -> CharSet:
    one = CharSet(((code_point, code_point),))
    return one.folded() if ignore_case else one


@cache
def _method(op: Any) -> str:
    """The method of `_Reader` for what the standard library's parser calls `op`."""
    return f"_read_{str(op).lower()}"


class _Reader:
    """Turns the standard library's parse tree into ours, under the flags that hold at that place."""

    def __init__(self, flags: int) -> None:
        self._flags = flags

    def _sequence(self, parsed: Iterable[tuple[Any, Any]]) -> Node:
        items = tuple(self._node(op, value) for op, value in parsed)
        return items[0] if len(items) == 1 else Seq(items)

    def _node(self, op: Any, value: Any) -> Node:
        reader: Callable[[Any], Node] = getattr(self, _method(op))
        return reader(value)

    @property
    def _ascii(self) -> bool:
        return bool(self._flags & _ASCII)

    def _fold(self, chars: CharSet) -> CharSet:
        return chars.folded(ascii_only=self._ascii) if self._flags & _IGNORECASE else chars

    def _read_literal(self, value: int) -> Node:
        return _of_literal(value, self._flags & _OF_CHARACTERS)

    def _read_not_literal(self, value: int) -> Node:
        return Chars(self._fold(CharSet(((value, value),))).negated())

    def _read_any(self, _: Any) -> Node:
        return Chars(ANY if self._flags & _DOTALL else NEWLINE.negated())

    def _read_in(self, items: Sequence[tuple[Any, Any]]) -> Node:
        return _of_items(tuple(items), self._flags & _OF_CHARACTERS)

    def _chars(self, items: Sequence[tuple[Any, Any]]) -> Chars:
        """One character out of what stands in brackets."""
        listed, named, negated = [], CharSet(), False
        for op, value in items:
            match str(op):
                case "NEGATE":
                    negated = True
                case "LITERAL":
                    listed.append((value, value))
                case "RANGE":
                    listed.append(value)
                case _:
                    named |= self._category(str(value))
        chars = self._fold(CharSet.of(listed)) | named
        return Chars(chars.negated() if negated else chars)

    def _category(self, name: str) -> CharSet:
        """Of `CATEGORY_WORD`, `CATEGORY_NOT_DIGIT`, ..."""
        *_, kind = name.split("_")
        chars = category({"DIGIT": "d", "SPACE": "s", "WORD": "w"}[kind], ascii_only=self._ascii)
        return chars.negated() if "_NOT_" in name else chars

    def _read_branch(self, value: Any) -> Node:
        return Alt(tuple(self._sequence(branch) for branch in value[1]))

    def _read_subpattern(self, value: Any) -> Node:
        number, added, removed, parsed = value
        kinds = int(re.ASCII | re.UNICODE)
        flags = self._flags & ~kinds if added & kinds else self._flags
        item = _Reader((flags | added) & ~removed)._sequence(parsed)
        return item if number is None else Group(number, item)

    def _read_max_repeat(self, value: Any, *, lazy: bool = False) -> Node:
        low, high, parsed = value
        return Repeat(self._sequence(parsed), int(low), None if high == _MAX_REPEAT else int(high), lazy)

    def _read_min_repeat(self, value: Any) -> Node:
        return self._read_max_repeat(value, lazy=True)

    def _read_possessive_repeat(self, value: Any) -> Node:
        return Atomic(self._read_max_repeat(value))

    def _read_atomic_group(self, parsed: Any) -> Node:
        return Atomic(self._sequence(parsed))

    def _read_assert(self, value: Any, *, negative: bool = False) -> Node:
        direction, parsed = value
        return Look(self._sequence(parsed), behind=direction < 0, negative=negative)

    def _read_assert_not(self, value: Any) -> Node:
        return self._read_assert(value, negative=True)

    def _read_groupref(self, number: int) -> Node:
        return Same(number)

    def _read_groupref_exists(self, value: Any) -> Node:
        _, yes, no = value
        return Either(self._sequence(yes), self._sequence(no) if no else Seq())

    def _read_failure(self, _: Any) -> Node:
        return Chars(CharSet())

    def _read_at(self, value: Any) -> Node:
        multiline = self._flags & _MULTILINE
        places = {
            "AT_BEGINNING": Place.LINE_START if multiline else Place.TEXT_START,
            "AT_BEGINNING_STRING": Place.TEXT_START,
            "AT_BOUNDARY": Place.BOUNDARY,
            "AT_NON_BOUNDARY": Place.NOT_BOUNDARY,
            "AT_END": Place.LINE_END if multiline else Place.TEXT_END,
            "AT_END_STRING": Place.TEXT_END,
        }
        return At(places[str(value)], self._ascii)


# Patterns are made of the same characters over and over: each is one node, however many patterns hold it.


@lru_cache(maxsize=1024)
def _of_literal(code_point: int, flags: int) -> Chars:
    return Chars(_Reader(flags)._fold(CharSet(((code_point, code_point),))))


@lru_cache(maxsize=1024)
def _of_items(items: tuple[tuple[Any, Any], ...], flags: int) -> Chars:
    return _Reader(flags)._chars(items)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Seq(items):
            return items
        case Alt(branches):
            return branches
        case Repeat(item) | Group(_, item) | Look(item) | Atomic(item):
            return (item,)
        case Either(yes, no):
            return (yes, no)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the pattern's order."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        if type(node) is not Chars:  # most nodes are, and have nothing below
            stack.extend(reversed(children(node)))


_CONSTRUCTS = re.compile(
    r"""\\(?:(?P<backref>[1-9])|.)
    | \[\^?\]?(?:\\.|[^\]\\])*\]
    | (?P<look>\(\?<?[=!])
    | (?P<atomic>\(\?>|[*+?}]\+)
    | (?P<named>\(\?P=)
    | (?P<either>\(\?\()
    """,
    re.VERBOSE | re.DOTALL,
)


def position_of(pattern: str, construct: str) -> int | None:
    """Where the first construct of a kind (`look`, `atomic`, `backref`, `either`) begins in the pattern's text."""
    wanted = {"backref", "named"} if construct == "backref" else {construct}
    found = (match.start() for match in _CONSTRUCTS.finditer(pattern) if match.lastgroup in wanted)
    return next(found, None)
