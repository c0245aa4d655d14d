"""Changes single values inside a JSON document and leaves every other byte as it was.

A path names a value: keys and indexes from the top, such as `("choices", 0, "delta", "content")`. The document is
walked once and not rebuilt, so number spellings, key order and white space survive.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Collection, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in effect: documented nowhere, stable since 2.6
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 64

_BLANK = re.compile(r"[ \t\n\r]*")
_OPENING = frozenset("{[")
_HALF = re.compile("[\ud800-\udfff]")


class WideNumber:
    """A number that Python's have no room for: of more digits than `int` reads, or beyond the largest `float`.

    JSON bounds neither. It is neither text nor a number to reckon with, and is written as it was spelt.
    """

    __slots__ = ("spelling",)

    def __init__(self, spelling: str) -> None:
        self.spelling = spelling

    def __eq__(self, other: object) -> bool:
        """Whether it is spelt alike."""
        return isinstance(other, WideNumber) and other.spelling == self.spelling

    def __hash__(self) -> int:
        """By how it is spelt."""
        return hash(self.spelling)

    def __repr__(self) -> str:
        """As it was spelt: ids are told apart by it."""
        return self.spelling


class NotJsonError(ValueError):
    """The document is not JSON, or is nested deeper than `MAX_DEPTH`."""


def loads(document: str | bytes, *, takes_nan: bool = False) -> Any:
    """Parse a document. Raises `NotJsonError`, also when an object has a name twice: readers differ on which counts.

    `takes_nan`: `NaN` and `Infinity` are wide numbers. JSON has none, but servers write them, and take them: whoever
    reads such a document reads its texts as they stand here.
    """
    decoder = _DECODER if takes_nan else _STRICT
    try:
        text = document if isinstance(document, str) else document.decode("utf-8")
        value = _whole(decoder, text) if text[:1] in _OPENING else decoder.decode(text)
    except (ValueError, RecursionError, StopIteration) as error:
        raise NotJsonError("not valid JSON") from error
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_nested_deeper(value):
        raise NotJsonError(f"nested deeper than {MAX_DEPTH}")
    return value


def _whole(decoder: json.JSONDecoder, text: str) -> Any:
    """What `decode` gives of a text that begins at once, in half the time."""
    value, end = decoder.scan_once(text, 0)  # type: ignore[attr-defined]
    if end != len(text) and _BLANK.fullmatch(text, end) is None:
        raise ValueError("something stands behind the document")
    return value


def _is_nested_deeper(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether a document could not be changed afterwards."""
    level = [value]
    for _ in range(depth):
        level = [inner for each in level for inner in _held(each) if isinstance(inner, dict | list)]
    return any(_held(each) for each in level)


def _held(value: Any) -> Collection[Any]:
    """What a value holds, if it is one that holds others."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refused(name: str) -> Any:
    raise NotJsonError(f"{name} is no value of JSON")


def _float(spelling: str) -> float | WideNumber:
    value = float(spelling)
    return WideNumber(spelling) if value in (float("inf"), float("-inf")) else value


def _int(spelling: str) -> int | WideNumber:
    most = sys.get_int_max_str_digits()
    return int(spelling) if not most or len(spelling) <= most else WideNumber(spelling)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJsonError("an object has a name twice")
    return found


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refused, parse_float=_float, parse_int=_int)
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=WideNumber, parse_float=_float, parse_int=_int)


def dumps(value: Any) -> str:
    """A value as JSON text, short. Halves of surrogate pairs make it one in ASCII, where they stay what they are."""
    try:
        return _dumped(value)
    except TypeError:
        return _dumped_with_wide(value)


def _dumped(value: Any, default: Callable[[object], str] | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=default)
    return json.dumps(value, separators=(",", ":"), default=default) if _has_surrogate(text) else text


def _dumped_with_wide(value: Any) -> str:
    """The same with wide numbers: each is first a string that begins with the text's digest, which no text holds."""
    spellings: list[str] = []
    mark = ""

    def stand_in(number: object) -> str:
        if not isinstance(number, WideNumber):
            raise TypeError(f"{type(number).__name__} is no value of JSON")
        spellings.append(number.spelling)
        return f"{mark}{len(spellings) - 1}"

    mark = hashlib.sha256(_dumped(value, stand_in).encode()).hexdigest()
    return re.sub(rf'"{mark}(\d+)"', lambda found: spellings[int(found[1])], _dumped(value, stand_in))


def literal(text: str) -> str:
    """A string as JSON. Half a surrogate pair stays escaped: the other half may stand in the next frame."""
    return json.dumps(text, ensure_ascii=_has_surrogate(text))


def replace_values(document: str, changes: Mapping[Path, str]) -> str:
    """The document with other JSON text for the values at those paths that are there. Raises `NotJsonError`."""
    spans: list[tuple[int, int, str]] = []
    on_the_way: dict[Path, str | None] = {path[:end]: None for path in changes for end in range(len(path))}
    end = _walk(document, _BLANK.match(document, 0).end(), (), on_the_way | dict(changes), spans, 0)  # type: ignore[union-attr]
    if _BLANK.match(document, end).end() != len(document):  # type: ignore[union-attr]
        raise NotJsonError("text after the document")
    pieces: list[str] = []
    position = 0
    for start, stop, text in spans:
        pieces += (document[position:start], text)
        position = stop
    return "".join((*pieces, document[position:]))


def edited(document: str, changes: Mapping[Path, Any]) -> str:
    """The document with other values at those paths that are there. Raises `NotJsonError`."""
    return replace_values(document, {path: dumps(value) for path, value in changes.items()}) if changes else document


def edited_at(document: str, path: Path, edit: Callable[[str], str]) -> str:
    """The document with the JSON text of one value edited; as it is where the value is not. Raises `NotJsonError`."""
    spans: list[tuple[int, int, str]] = []
    on_the_way: dict[Path, str | None] = {path[:end]: None for end in range(len(path))}
    _walk(document, _skip(document, 0), (), on_the_way | {path: ""}, spans, 0)
    for start, end, _ in spans:
        return document[:start] + edit(document[start:end]) + document[end:]
    return document


def places_of(document: str, paths: Collection[Path]) -> list[tuple[Path, tuple[int, int]]]:
    """Where the JSON texts of the values at those paths stand, as far as they are there. Raises `NotJsonError`."""
    spans: list[tuple[int, int, str]] = []
    found: list[tuple[Path, tuple[int, int]]] = []
    for path in paths:
        on_the_way: dict[Path, str | None] = {path[:end]: None for end in range(len(path))}
        spans.clear()
        _walk(document, _skip(document, 0), (), on_the_way | {path: ""}, spans, 0)
        found += ((path, (start, end)) for start, end, _ in spans)
    return sorted(found, key=_place)


def _place(found: tuple[Path, tuple[int, int]]) -> tuple[int, int]:
    return found[1]


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and _HALF.search(text) is not None


def _walk(
    document: str,
    at: int,
    path: Path,
    changes: Mapping[Path, str | None],
    spans: list[tuple[int, int, str]],
    depth: int,
) -> int:
    """Walk the value that begins at `at`; returns where it ends."""
    if path not in changes:
        return _end_of(document, at, depth)
    new = changes[path]
    if new is not None:
        end = _end_of(document, at, depth)
        spans.append((at, end, new))
        return end
    begins = document[at : at + 1]
    if begins == "{":
        return _walk_object(document, at, path, changes, spans, depth)
    if begins == "[":
        return _walk_array(document, at, path, changes, spans, depth)
    return _end_of(document, at, depth)


def _end_of(document: str, at: int, depth: int) -> int:
    """Where the value ends that begins at `at`, as the parser sees it: a history is long, and little of it changes."""
    try:
        value, end = _DECODER.scan_once(document, at)  # type: ignore[attr-defined]
    except (ValueError, RecursionError, StopIteration) as error:
        raise NotJsonError(f"no value at {at}") from error
    room = MAX_DEPTH - depth
    if document.count("{", at, end) + document.count("[", at, end) > room and _is_nested_deeper(value, room):
        raise NotJsonError(f"nested deeper than {MAX_DEPTH}")
    return int(end)


def _walk_object(
    document: str,
    at: int,
    path: Path,
    changes: Mapping[Path, str | None],
    spans: list[tuple[int, int, str]],
    depth: int,
) -> int:
    at = _skip(document, at + 1)
    if document[at : at + 1] == "}":
        return at + 1
    while True:
        key, at = _string(document, at)
        at = _expect(document, at, ":")
        at = _walk(document, _skip(document, at), (*path, key), changes, spans, depth + 1)
        at = _skip(document, at)
        if document[at : at + 1] == "}":
            return at + 1
        at = _skip(document, _expect(document, at, ","))


def _walk_array(
    document: str,
    at: int,
    path: Path,
    changes: Mapping[Path, str | None],
    spans: list[tuple[int, int, str]],
    depth: int,
) -> int:
    at = _skip(document, at + 1)
    if document[at : at + 1] == "]":
        return at + 1
    index = 0
    while True:
        at = _skip(document, _walk(document, at, (*path, index), changes, spans, depth + 1))
        if document[at : at + 1] == "]":
            return at + 1
        at = _skip(document, _expect(document, at, ","))
        index += 1


def _string(document: str, at: int) -> tuple[str, int]:
    if document[at : at + 1] != '"':
        raise NotJsonError(f"no string at {at}")
    try:
        text, end = scanstring(document, at + 1)
    except ValueError as error:
        raise NotJsonError("a string without an end") from error
    return text, end


def _skip(document: str, at: int) -> int:
    return _BLANK.match(document, at).end()  # type: ignore[union-attr] # matches always, maybe nothing


def _expect(document: str, at: int, sign: str) -> int:
    at = _skip(document, at)
    if document[at : at + 1] != sign:
        raise NotJsonError(f"no {sign!r} at {at}")
    return at + 1
