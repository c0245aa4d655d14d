"""Where a link leads and where an image comes from, so that what stands there is replaced as a whole.

`[Jane](mailto:jane@example.com)` with a word in the middle of its target is a link that leads to nowhere, and an image
so asks a server for the rest. Five places are known: an inline link's or image's target, plain or in `<>`; a link
definition's; an attribute of HTML that holds an address; an autolink (`<jane@example.com>`), to which its brackets
belong.

Pure functions of a text and a position, which look back `LOOK_BACK_CHARS` at most. What decides is that a target is
**open** at a position, and that what is open there was open at each position before, back to where it began: so whoever
lets text out as it arrives knows what to hold (`open_at`), at most `REACH_CHARS`. A target that has gone on for longer
when something is found in it stays as it is before that.
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum, auto
from operator import attrgetter

import msgspec

REACH_CHARS = 64
"""How far behind a target's beginning something may be found that replaces all of it."""
REST_CHARS = 256
"""How much of a target behind what was found in it is replaced with it."""
_OPENING_CHARS = 128
LOOK_BACK_CHARS = REACH_CHARS + _OPENING_CHARS


class Kind(Enum):
    """What a target is part of."""

    LINK = auto()
    IMAGE = auto()
    DEFINITION = auto()
    AUTOLINK = auto()


class Target(msgspec.Struct, frozen=True, gc=False):
    """A target that is open: where it begins (an autolink with its bracket), and the characters that end it.

    `is_nested` says that brackets stand in pairs in it, `has_escapes` that a backslash takes what follows its meaning.
    """

    kind: Kind
    start: int
    ends: str
    is_nested: bool = False
    has_escapes: bool = False


_BY_START = attrgetter("start")
_MARKUP = re.compile(r"[*_~`<>]")
"""What means something in a text that is no link's target."""
_LINK_GOES_ON = tuple("\"'()")
_BLANKS = " \t\r\n\v\f"
_MARKS = ("](", "]:", "<", "=")
_INLINE = re.compile(r"(?P<image>!\[(?:\\.|[^\[\]\\\n]){0,64})?\]\([ \t]*\n?[ \t]*(?P<pointed><)?")
_DEFINITION = re.compile(r"(?:\A|(?<=\n))[ \t>]{0,8}\[(?!\^)(?:\\.|[^\[\]\\\n]){1,64}\]:[ \t]*\n?[ \t]*(?P<pointed><)?")
_ATTRIBUTE = re.compile(
    r"(?<![\w-])(?:(?P<image>background|poster|src|srcset)|action|cite|formaction|href|ping)=(?P<quote>[\"'])?",
    re.IGNORECASE,
)
_AUTOLINK = re.compile(r"<(?=[A-Za-z0-9_+]|\Z)")
_IS_AUTOLINK = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>`]*>|<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+>")


def open_at(text: str, position: int) -> Target | None:
    """The outermost target open before `text[position]` that began at most `REACH_CHARS` before it, if there is one."""
    before = max(0, position - LOOK_BACK_CHARS)
    for mark in _MARKS:
        if text.rfind(mark, before, position) >= 0:
            return _open_at(text, before, position)
    return None


def _open_at(text: str, before: int, position: int) -> Target | None:
    for kinds in ((_attribute, _inline, _definition), (_autolink,)):
        found = [kind(text, before, position) for kind in kinds]
        near = [target for target in found if target is not None and position - target.start <= REACH_CHARS]
        if near:
            return min(near, key=_BY_START)
    return None


def end_of(text: str, target: Target, position: int, *, is_final: bool) -> int | None:
    """Where a target ends in which something up to `position` was found: before what ends it, an autolink behind that.

    0: there is no such target, as what was found goes on behind it, as it is no autolink, as a link begins in it (which
    of the two is one is not asked: each stays what it is), or as it holds markup and no link ends with it. None: the
    text that has arrived cannot tell.
    """
    limit = position + REST_CHARS
    end, depth = _first_end(text, target, position, min(len(text), limit))
    if end is None and len(text) < limit and not is_final:
        return None
    if target.kind is Kind.AUTOLINK:
        return end + 1 if end is not None and _IS_AUTOLINK.fullmatch(text, target.start, end + 1) else 0
    last = min(len(text), limit) if end is None else end
    if text.find("](", target.start, last) >= 0:
        return 0
    is_unsure = target.is_nested or end is None
    if is_unsure and target.kind is not Kind.DEFINITION and _MARKUP.search(text, target.start, last):
        behind = text[last : last + 2].strip()[:1]
        if not behind and len(text) < last + 2 and not is_final:
            return None
        if behind not in _LINK_GOES_ON:
            return 0
    if end is None:
        return 0 if depth and target.kind is Kind.DEFINITION else last
    end -= text[end] == "[" and text[end - 1] == "!"  # an image begins
    is_one = not depth and (target.kind is not Kind.DEFINITION or text[end] != ")")
    return end if is_one and end >= position else 0


def _first_end(text: str, target: Target, position: int, limit: int) -> tuple[int | None, int]:
    """The first place before `limit` with a character that ends the target, and how many brackets are open there.

    Behind `position` a `|` does: it may be the end of a table's cell.
    """
    depth, place = 0, target.start + (target.kind is Kind.AUTOLINK)
    while place < limit:
        character = text[place]
        if character == "(" and target.is_nested:
            depth += 1
        elif character == ")" and target.is_nested and depth:
            depth -= 1
        elif character in target.ends or (character == "|" and place >= position and text[place - 1] != "\\"):
            return place, depth
        place += 2 if character == "\\" and target.has_escapes else 1
    return None, depth


def _last(pattern: re.Pattern[str], text: str, before: int, position: int) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text, before, position), maxlen=1)), None)


def _if_open(text: str, target: Target, position: int) -> Target | None:
    return target if _first_end(text, target, position, position)[0] is None else None


def _attribute(text: str, before: int, position: int) -> Target | None:
    found = _last(_ATTRIBUTE, text, before, position)
    if found is None:
        return None
    ends = f"{found['quote']}{_BLANKS}<>[]" if found["quote"] else f"\"'{_BLANKS}<>[]"
    return _if_open(text, Target(Kind.IMAGE if found["image"] else Kind.LINK, found.end(), ends), position)


def _inline(text: str, before: int, position: int) -> Target | None:
    found = _last(_INLINE, text, before, position)
    return None if found is None else _destination(text, found, Kind.IMAGE if found["image"] else Kind.LINK, position)


def _definition(text: str, before: int, position: int) -> Target | None:
    found = _last(_DEFINITION, text, before, position)
    return None if found is None else _destination(text, found, Kind.DEFINITION, position)


def _destination(text: str, found: re.Match[str], kind: Kind, position: int) -> Target | None:
    if found["pointed"]:
        return _if_open(text, Target(kind, found.end(), "<>\n", has_escapes=True), position)
    return _if_open(text, Target(kind, found.end(), f"{_BLANKS})", is_nested=True, has_escapes=True), position)


def _autolink(text: str, before: int, position: int) -> Target | None:
    found = _last(_AUTOLINK, text, before, position)
    return None if found is None else _if_open(text, Target(Kind.AUTOLINK, found.start(), f"<>{_BLANKS}"), position)
