"""Whether servers could take a request's target for another one than it says.

Servers differ in what they do to a path before they look it up: they undo percent encoding, once or twice, resolve dot
segments, join doubled slashes, turn backslashes, drop parameters (`;x=1`), what follows a NUL or an encoded `?` or `#`,
white space, a trailing slash or dot, an extension, and do not care for case. `_readings` are what comes of that. When
one is a known path, in any case, and the path itself is not that one, the request is refused: it would be guarded as
one thing and served as another. An unknown path that resembles none is nobody's fault.

Not found out: rewrites that somebody configured in the upstream.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias
from urllib.parse import unquote

import msgspec

from sidecar.codec.shape import Shape

Known: TypeAlias = Callable[[str], Shape | None]
"""Which API a path is of."""

_MAX_FORMS = 4
"""How many forms of a path are looked at, its own the first; one that has more is refused."""
_MAX_CHARS = 2048
_MAX_CUTS = 4
"""At so many signs from the left of a path's last segment, and from the right, it is cut: more would cost time."""
_SHOWN_CHARS = 200

_STRAY = re.compile(r"[^!-~]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"%(25)*(0[0-9A-Fa-f]|1[0-9A-Fa-f]|7[fF])")
_DOTS = re.compile(r"(?:^|[/\\])(?:\.|%(25)*2[eE]){1,2}(?:$|[/\\;])")
_CUT = re.compile(r"[?#\x00-\x20]")
_SPACES = re.compile(r"[\x00-\x20]")
_SIGN = re.compile(r"[^\w-]")
_PARAMETERS = re.compile(r";[^/]*")

_FAULTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("has a backslash", re.compile(r"\\|%(25)*5[cC]")),
    ("has doubled slashes", re.compile(r"//")),
    ("ends in a slash", re.compile(r"./$")),
    ("has a parameter behind a semicolon", re.compile(r";|%(25)*3[bB]")),
    ("has an encoded question mark", re.compile(r"%(25)*3[fF]")),
    ("has an encoded number sign", re.compile(r"%(25)*23")),
    ("has an encoded slash", re.compile(r"%(25)*2[fF]")),
    ("has an encoded space", re.compile(r"%(25)*20")),
    ("is encoded twice", re.compile(r"%25[0-9A-Fa-f]{2}")),
    ("has encoded characters", re.compile(r"%")),
)
"""Faults in the order in which they are told; what is left is another case, or something behind the path."""
_UNTIDY = re.compile(r"//|\\|./$")
"""What no plain form of a known path has, wherever it stands."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a target, as the rest of a sentence. `shape` is the API that was meant, where one was."""

    message: str
    shape: Shape | None = None


def fault_in_target(target: str) -> Fault | None:
    """What is wrong with a target whatever its path is."""
    if not target.startswith("/"):
        return Fault("must begin with a slash: a path, not a whole URL")
    path, mark, query = target.partition("?")
    if "#" in target:
        return Fault("has a fragment (`#`), which clients keep to themselves; leave it out")
    if _STRAY.search(target):
        return Fault("has a space, a control character or one that is not ASCII; encode it")
    if _BAD_ESCAPE.search(path):
        return Fault("has a `%` that begins no escape; write `%25`")
    if len(path) > _MAX_CHARS:
        return Fault(f"has a path of more than {_MAX_CHARS} characters")
    if len([*_decodings(path)]) > _MAX_FORMS:
        return Fault("is encoded again and again; encode it once")
    if _CONTROL.search(path):
        return Fault("has an encoded control character")
    if _DOTS.search(path):
        return Fault("has dot segments; write the path that they lead to")
    if mark and not query:
        return Fault("ends in an empty query; leave the `?` out")
    return None


def fault_in_path(path: str, known: Known, known_in_any_case: Known) -> Fault | None:
    """What is wrong with a path that some server could take for a known one, or for another one than it is."""
    own = known(path)
    for reading in _readings(path):
        shape = known_in_any_case(reading)
        if shape is not None and (shape is not own or _UNTIDY.search(path)):
            return Fault(f"{_what(path, reading)}; the path that was meant is {_meant(reading, known, shape)}", shape)
    return None


def _meant(reading: str, known: Known, shape: Shape) -> str:
    plain = next((each for each in (reading, reading.casefold()) if known(each) is shape), f"one of {shape.name}")
    return plain[:_SHOWN_CHARS]


def _what(path: str, reading: str) -> str:
    for message, pattern in _FAULTS:
        if pattern.search(path):
            return message
    return "is written in another case" if path.casefold() == reading.casefold() else "has something behind the path"


def _readings(path: str) -> Iterator[str]:
    """What servers could make of a path, the least changed first."""
    seen: set[str] = set()
    for level in _decodings(path):
        for text in (level, _CUT.split(level)[0], _SPACES.sub("", level)):
            for reading in _tidied(text):
                if reading not in seen:
                    seen.add(reading)
                    yield reading


def _decodings(path: str) -> Iterator[str]:
    """The path, and what comes of undoing its percent encoding once, twice, and so on until nothing changes."""
    for _ in range(_MAX_FORMS + 1):
        yield path
        decoded = unquote(path)
        if decoded == path:
            return
        path = decoded


def _tidied(text: str) -> Iterator[str]:
    """A text with its slashes, dot segments and parameters resolved, and cut."""
    slashes = text.replace("\\", "/")
    for each in (slashes, _PARAMETERS.sub("", slashes)):
        yield from _cut(posixpath.normpath("/" + each.strip(". \t").lstrip("/")))


def _cut(path: str) -> Iterator[str]:
    """The path, and what is left of it when its last segment ends at a sign: `completions.json`, `completions,x`."""
    yield path
    folder, _, last = path.rpartition("/")
    signs = [sign.start() for sign in _SIGN.finditer(last) if sign.start()]
    for at in sorted({*signs[:_MAX_CUTS], *signs[-_MAX_CUTS:]}, reverse=True):
        yield f"{folder}/{last[:at]}"
