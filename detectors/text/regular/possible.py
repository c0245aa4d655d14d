r"""Whether a pattern can match at all.

`$\d` and `a\bb` are right and match no text. What decides is the kind of the characters on both sides of a place: a
word's, a line's end, any other one, or none. So a pattern is followed through the kinds, not through the characters:

* a state is the kind of the character before the place, and the kinds that the next one may still have;
* a character set leads to its kinds, an anchor or boundary leaves fewer kinds for the next character.

For trees without look-arounds, back-references and the like, which `Finder` refuses, the answer is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from detectors.text.regular.charset import ANY, NEWLINE, CharSet, category
from detectors.text.regular.tree import Alt, At, Chars, Group, Node, Place, Repeat, Seq


class _Kind(Enum):
    """What stands on one side of a place."""

    NOTHING = "the text's beginning or end"
    WORD = "a word character"
    NEWLINE = "a line's end"
    OTHER = "another character"


_State = tuple[_Kind, frozenset[_Kind]]
_EVERY = frozenset(_Kind)


def can_match(tree: Node) -> bool:
    """Whether there is a text that the tree matches."""
    ascii_words = any(at.ascii_words for at in _boundaries(tree))
    kinds = _characters(ascii_words=ascii_words)
    begin = frozenset((kind, _EVERY) for kind in _Kind)
    return bool(_through(tree, begin, kinds))


def _characters(*, ascii_words: bool) -> dict[_Kind, CharSet]:
    word = category("w", ascii_only=ascii_words)
    return {_Kind.WORD: word, _Kind.NEWLINE: NEWLINE, _Kind.OTHER: (word | NEWLINE).negated()}


def _boundaries(tree: Node) -> Iterable[At]:
    if isinstance(tree, At):
        yield tree
    for child in _children(tree):
        yield from _boundaries(child)


def _children(tree: Node) -> tuple[Node, ...]:
    match tree:
        case Seq(items):
            return items
        case Alt(branches):
            return branches
        case Repeat() | Group():
            return (tree.item,)
    return ()


def _through(tree: Node, states: frozenset[_State], kinds: dict[_Kind, CharSet]) -> frozenset[_State]:
    """The states behind the tree, from those before it; none where it cannot match there."""
    match tree:
        case Chars(chars):
            met = [kind for kind, own in kinds.items() if _meet(chars, own)]
            return frozenset((kind, _EVERY) for _, allowed in states for kind in met if kind in allowed)
        case Seq(items):
            for item in items:
                states = _through(item, states, kinds)
            return states
        case Alt(branches):
            return frozenset().union(*(_through(branch, states, kinds) for branch in branches))
        case Repeat(item, low, high):
            return _repeated(lambda before: _through(item, before, kinds), states, low, high)
        case Group(_, item):
            return _through(item, states, kinds)
        case At(place):
            narrowed = ((left, allowed & _behind(place, left)) for left, allowed in states)
            return frozenset(state for state in narrowed if state[1])
    return states  # what is not regular is refused elsewhere


def _repeated(
    step: Callable[[frozenset[_State]], frozenset[_State]], states: frozenset[_State], low: int, high: int | None
) -> frozenset[_State]:
    """The states behind a repeat. There are so few that more rounds than states add none."""
    for _ in range(min(low, len(_Kind) * 2 ** len(_Kind))):
        states = step(states)
    reached = states
    for _ in range(len(_Kind) * 2 ** len(_Kind) if high is None else high - low):
        states = step(states)
        if states <= reached:
            break
        reached |= states
    return reached


def _behind(place: Place, left: _Kind) -> frozenset[_Kind]:
    """The kinds of the next character at which the place holds, behind one of the kind `left`."""
    others = _EVERY - {_Kind.WORD}
    match place:
        case Place.BOUNDARY:
            return others if left is _Kind.WORD else frozenset({_Kind.WORD})
        case Place.NOT_BOUNDARY:
            return frozenset({_Kind.WORD}) if left is _Kind.WORD else others
        case Place.TEXT_START:
            return _EVERY if left is _Kind.NOTHING else frozenset()
        case Place.LINE_START:
            return _EVERY if left in {_Kind.NOTHING, _Kind.NEWLINE} else frozenset()
        case Place.TEXT_END:
            return frozenset({_Kind.NOTHING})
        case Place.LINE_END:
            return frozenset({_Kind.NOTHING, _Kind.NEWLINE})


def _meet(one: CharSet, other: CharSet) -> bool:
    """Whether two sets have a character in common."""
    return (one.negated() | other.negated()) != ANY
