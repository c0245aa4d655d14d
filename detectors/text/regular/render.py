r"""Constructions on the tree of a pattern: bounds, widths, and three RE2 patterns.

* `exact` is the same language, over the pattern's own `Alphabet`. Only truly regular trees have one.
* `wide` matches wherever the pattern could: look-arounds dropped, back-references replaced by their group, long counts
  opened. Over a coarse alphabet.
* `prefixes` matches, at the end of a text, every prefix (but the empty one) of every string that the pattern could
  match, and so tells what may still be arriving. Over a coarse alphabet. It is built from the right: with `rest` for
  the prefixes of what follows,

      prefixes(x, rest)      = x(?:\z|rest)                               for one character
      prefixes(A|B, rest)    = prefixes(A)|prefixes(B)|(?:A|B)rest
      prefixes(x{m,n}, rest) = x{1,m-1}|x{m,n}(?:\z|rest)
      prefixes(A{m,n}, rest) = A{0,n-1}prefixes(A)|A{m,n}rest

  so it is about twice as long as the pattern. A look-ahead needs characters to the right to decide, so its own prefixes
  are prefixes too.

Widening is always safe and costs some hold; narrowing never is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from detectors.text.regular.charset import (
    Alphabet,
    CharSet,
    Coarse,
    PairAlphabet,
    TooManyCharactersError,
    alphabet,
    category,
    coarse,
)
from detectors.text.regular.tree import (
    ANCHOR,
    ASCII_BOUNDARY,
    BOUNDARY,
    GROUP,
    LOOK,
    UNBOUNDED,
    Alt,
    At,
    Atomic,
    Chars,
    Either,
    Group,
    Look,
    Node,
    NotRegular,
    Place,
    Repeat,
    Same,
    Seq,
    children,
    walk,
)

WIDE_COUNT = 20
"""Counts above this are opened in `wide`: a filter's automaton must stay small. English words are shorter."""
PREFIX_COUNT = 32
"""Counts above this are opened in `prefixes`; card numbers and IBANs stay exact."""
LONG_MINIMUM = 8
"""An opened repeat in `prefixes` whose minimum is above this forgets the minimum."""
MINIMUM_GROUP_REPEATS = 8
"""An unbounded repeat of a wide group is allowed at least this often."""

_EXACT_PLACES = {
    Place.BOUNDARY: r"\b",
    Place.NOT_BOUNDARY: r"\B",
    Place.TEXT_START: r"\A",
    Place.LINE_START: "(?m:^)",
    Place.TEXT_END: r"\z",
    Place.LINE_END: "(?m:$)",
}
BOUNDARIES = (Place.BOUNDARY, Place.NOT_BOUNDARY)
_Class: TypeAlias = Callable[[CharSet], str]
_ONE = (1, 1)
"""The reach and the width of one character. Sequences of characters are read in place below: most nodes are that, and a
call for each is a third of the work."""


# ---------------------------------------------------------------- bounds


def bounded(node: Node, max_repeat_chars: int) -> Node:
    """The same with an end to every repeat: `max_repeat_chars` characters, half of it inside another repeat."""
    if not node.holds & UNBOUNDED:
        return node
    match node:
        case Repeat(item, low, None, lazy):
            inner = bounded(
                _flattened(item, lazy=lazy),
                max(max_repeat_chars // 2, 1) if item.holds & UNBOUNDED else max_repeat_chars,
            )
            most = max(low, MINIMUM_GROUP_REPEATS, max_repeat_chars // max(width(inner), 1))
            return Repeat(inner, low, most, lazy)
        case Repeat(item, low, high, lazy):
            return Repeat(bounded(item, max_repeat_chars), low, high, lazy)
        case Seq(items):
            return Seq(tuple([bounded(item, max_repeat_chars) if item.holds & UNBOUNDED else item for item in items]))
        case Alt(branches):
            return Alt(tuple(bounded(branch, max_repeat_chars) for branch in branches))
        case Group(number, item):
            return Group(number, bounded(item, max_repeat_chars))
        case Look(item, behind, negative):
            return Look(bounded(item, max_repeat_chars), behind, negative)
        case Atomic(item):
            return Atomic(bounded(item, max_repeat_chars))
        case Either(yes, no):
            return Either(bounded(yes, max_repeat_chars), bounded(no, max_repeat_chars))
        case _:
            return node


def _flattened(item: Node, *, lazy: bool) -> Node:
    """`(x+)+` is `x+`: the item of an unbounded repeat, without an unbounded repeat of its own."""
    inner = item.item if isinstance(item, Group) else item
    if isinstance(inner, Repeat) and inner.high is None and inner.low == 1 and inner.lazy == lazy:
        return _flattened(inner.item, lazy=lazy)
    return item


def extent(node: Node) -> tuple[int, int]:
    """How many characters a bounded tree may read before a match is decided, and how many it matches, at the most.

    The first is counted from the match's start, look-aheads included.
    """
    return _reach(node, groups_of(node))


def width(node: Node) -> int:
    """The most characters that a bounded tree matches."""
    return extent(node)[1]


def least_width(node: Node) -> int:
    """The fewest characters that a tree matches, or fewer."""
    match node:
        case Chars():
            return 1
        case Seq(items):
            return sum([1 if type(item) is Chars else least_width(item) for item in items])
        case Alt(branches):
            return min(least_width(branch) for branch in branches)
        case Repeat(item, low):
            return least_width(item) * low
        case Group(_, item) | Atomic(item):
            return least_width(item)
        case _:
            return 0


def _reach(node: Node, groups: Mapping[int, Node]) -> tuple[int, int]:
    """The reach and the width."""
    match node:
        case Chars():
            return _ONE
        case Seq(items):
            furthest = before = 0
            for item in items:
                far, across = _ONE if type(item) is Chars else _reach(item, groups)
                furthest, before = max(furthest, before + far), before + across
            return furthest, before
        case Repeat(item, _, high):
            far, across = _reach(item, groups)
            return across * max((high or 0) - 1, 0) + far, across * (high or 0)
        case Look(item, behind):
            return 0 if behind else _reach(item, groups)[0], 0
        case Same(number):
            return _reach(groups[number], groups)
        case _:
            below = [_reach(child, groups) for child in children(node)]
            return max((far for far, _ in below), default=0), max((across for _, across in below), default=0)


def look_behind(node: Node) -> int:
    """How many characters left of a match a tree may read: its widest look-behind, and 1 for a boundary."""
    if not node.holds & LOOK:
        return 1
    behind = [width(part.item) for part in walk(node) if isinstance(part, Look) and part.behind]
    return max([1, *behind])


def groups_of(node: Node) -> dict[int, Node]:
    """The capturing groups by number."""
    return {part.number: part.item for part in walk(node) if isinstance(part, Group)} if node.holds & GROUP else {}


# ---------------------------------------------------------------- exact


def exact(node: Node, *, capture: int = 0) -> tuple[str, Alphabet | PairAlphabet]:
    """The same language for RE2, with the alphabet to read it over. Group `capture` becomes the only group.

    Raises `NotRegular` for what no finite automaton can do, and `TooManyCharactersError`.
    """
    sets = [part.chars for part in walk(node) if isinstance(part, Chars)]
    read_over = _alphabet(node, sets)
    return _render(node, read_over.class_of, capture), read_over


def _alphabet(node: Node, sets: list[CharSet]) -> Alphabet | PairAlphabet:
    try:
        return alphabet(frozenset(sets), _word_characters(node))
    except TooManyCharactersError:
        if node.holds & ANCHOR:
            raise
        return PairAlphabet(sets)


def _word_characters(node: Node) -> CharSet | None:
    """What the pattern's word boundaries go by."""
    kinds = boundary_kinds(node)
    if len(kinds) > 1:
        raise NotRegular("word boundaries both with and without (?a)", remedy="use one of the two in the whole pattern")
    return category("w", ascii_only=kinds.pop()) if kinds else None


def boundary_kinds(node: Node) -> set[bool]:
    """Whether its word boundaries go by ASCII words, or not, or both; empty when there are none."""
    return {ascii_words for ascii_words, kind in ((False, BOUNDARY), (True, ASCII_BOUNDARY)) if node.holds & kind}


def _render(node: Node, class_of: _Class, capture: int) -> str:
    match node:
        case Chars(chars):
            return class_of(chars)
        case Seq(items):
            return "".join(
                [class_of(item.chars) if type(item) is Chars else _render(item, class_of, capture) for item in items]
            )
        case Alt(branches):
            return f"(?:{'|'.join(_render(branch, class_of, capture) for branch in branches)})"
        case Repeat(item, low, high, lazy):
            return _repeat(item, _render(item, class_of, capture), low, high) + ("?" if lazy else "")
        case Group(number, item):
            return f"({'' if number == capture else '?:'}{_render(item, class_of, capture)})"
        case At(place):
            return _EXACT_PLACES[place]
        case _:
            raise NotRegular(f"{type(node).__name__} is not regular")


def _repeat(item: Node, text: str, low: int, high: int | None) -> str:
    if not text:
        return ""
    unit = text if isinstance(item, Chars) else f"(?:{text})"
    match low, high:
        case 0, None:
            return f"{unit}*"
        case 1, None:
            return f"{unit}+"
        case 0, 1:
            return f"{unit}?"
        case 1, 1:
            return unit
        case _:
            return f"{unit}{{{low}{'' if high == low else ','}{'' if high is None or high == low else high}}}"


# ---------------------------------------------------------------- over-approximations


def wide(node: Node, alphabet: Coarse | None = None) -> str:
    """An RE2 pattern over a coarse alphabet that matches wherever the tree could."""
    return _Wide(groups_of(node), alphabet or coarse()).full(node, WIDE_COUNT)


def prefixes(node: Node, alphabet: Coarse | None = None) -> str:
    r"""An RE2 pattern for the prefixes of what the tree could match, over a coarse alphabet, to be followed by `\z`."""
    return _Wide(groups_of(node), alphabet or coarse()).prefix(node, "")


class _Wide:
    """Renders the parts of one pattern; the groups are for its back-references."""

    def __init__(self, groups: Mapping[int, Node], alphabet: Coarse) -> None:
        self._groups = groups
        self._class_of = alphabet.class_of
        self._ascii_words = alphabet.ascii_words

    def full(self, node: Node, count: int) -> str:
        """Whole matches; repeats above `count` are opened."""
        match node:
            case Chars(chars):
                return self._class_of(chars)
            case Seq(items):
                class_of = self._class_of
                return "".join(
                    [class_of(item.chars) if type(item) is Chars else self.full(item, count) for item in items]
                )
            case Alt() | Either():
                return f"(?:{'|'.join(self.full(branch, count) for branch in children(node))})"
            case Repeat(item, low, high):
                least, most = min(low, count), high if high is not None and high <= count else None
                return _repeat(item, self.full(item, max(count // max(least, most or 1, 1), 1)), least, most)
            case Group(_, item) | Atomic(item):
                return f"(?:{self.full(item, count)})"
            case Same(number):
                return f"(?:{self.full(self._groups[number], count)})"
            case At():
                return self._place(node)
            case Look():
                return ""

    def prefix(self, node: Node, rest: str) -> str:  # noqa: C901 - one line for each kind of node
        """Prefixes of the node followed by what `rest` has the prefixes of ("" for nothing)."""
        match node:
            case Chars(chars):
                return f"{self._class_of(chars)}{_optional(rest)}"
            case Seq(items):
                for item in reversed(items):
                    if type(item) is Chars:
                        rest = f"{self._class_of(item.chars)}{_optional(rest)}"
                    else:
                        rest = self.prefix(item, rest)
                return rest
            case Alt() | Either():
                begun = [self.prefix(branch, "") for branch in children(node)]
                return _any_of(*begun, f"{self.full(node, PREFIX_COUNT)}{rest}" if rest else "")
            case Repeat(Chars() as item, low, high):
                return self._prefix_of_run(item, low, high, rest)
            case Repeat():
                return self._prefix_of_repeat(node, rest)
            case Group(_, item) | Atomic(item):
                return self.prefix(item, rest)
            case Same(number):
                return self.prefix(self._groups[number], rest)
            case At():
                return f"{self._place(node)}{rest}" if rest else ""
            case Look(item, behind):
                return rest if behind else _any_of(self.prefix(item, ""), rest)

    def _place(self, node: At) -> str:
        """Ends are dropped (more text may come), and so are boundaries of another kind than the alphabet's."""
        if node.place in (Place.TEXT_END, Place.LINE_END):
            return ""
        if node.place in BOUNDARIES and node.ascii_words != self._ascii_words:
            return ""
        return _EXACT_PLACES[node.place]

    def _prefix_of_run(self, item: Chars, low: int, high: int | None, rest: str) -> str:
        """Of one character repeated."""
        char = self.full(item, PREFIX_COUNT)
        most = high if high is not None and high <= PREFIX_COUNT else None
        if high == 0 or not rest:
            return rest if high == 0 else _repeat(item, char, 1, most)
        if low == 0 or (most is None and low > LONG_MINIMUM):
            return _any_of(_repeat(item, char, 1, most), f"{_repeat(item, char, 0, most)}{rest}")
        begun = _repeat(item, char, 1, low - 1) if low > 1 else ""
        return _any_of(begun, f"{_repeat(item, char, low, most)}{_optional(rest)}")

    def _prefix_of_repeat(self, node: Repeat, rest: str) -> str:
        """Of a group repeated."""
        item, low, high = node.item, node.low, node.high
        if low == high == 1:
            return self.prefix(item, rest)
        begun = self.prefix(item, "")
        if high == 0 or not begun:
            return rest
        whole = self.full(item, PREFIX_COUNT // MINIMUM_GROUP_REPEATS)
        if high is None or high > MINIMUM_GROUP_REPEATS:
            return f"(?:{whole})*{_any_of(begun, rest)}"
        before = _repeat(item, whole, 0, high - 1) if high > 1 else ""
        return _any_of(f"{before}{_any_of(begun)}", f"{_repeat(item, whole, low, high)}{rest}" if rest else "")


def _optional(pattern: str) -> str:
    """The pattern, or the end of the text here.

    `(?:...)?` would say the same, because all this ends at the end of the text; but then 5,000 keywords share one exit,
    and RE2 compiles them in 8 s instead of 0.3 s.
    """
    return f"(?:\\z|{pattern})" if pattern else ""


def _any_of(*patterns: str) -> str:
    """The alternatives that there are."""
    return f"(?:{'|'.join(filter(None, patterns))})" if any(patterns) else ""
