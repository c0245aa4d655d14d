"""YAML documents as plain values, with the place of every key and value.

libyaml says what stands in the file, event by event; the values are built from that at once, by the core schema of
YAML 1.2 (`off` and `no` are words), and the places are kept by path (`rules[2].action`). Repeated keys, empty values,
merge keys and tags are errors. What an alias stands for is built again at its place, so that it has places of its own;
a document may hold `MAX_NODES` values so, `MAX_DEPTH` deep, and is given up where it holds more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import yaml

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.scalars import offset_of

Place: TypeAlias = tuple[str | int, ...]
"""Where in a document: keys and list positions from its top."""

MAX_NODES = 100_000
MAX_DEPTH = 40
MAX_DOCUMENTS = 1_000
"""Of one text: each is read, checked and complained of by itself."""
_MOST_NOT_YAML = 20
"""After so many documents that are not YAML the rest of a text is not read."""
_BEGIN = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_SHOWN_CHARS = 40

_BY_SCORE = "severity"
"""The mapping that has numbers for keys."""
_TAG = "tag:yaml.org,2002:"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMBER = re.compile(r"[-+.0-9]")
"""How a number begins."""
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_MAX_DIGITS = 400
"""More than the largest number that anything here takes."""
_PARSER = getattr(yaml, "CLoader", yaml.Loader)  # the slow one where PyYAML was built without libyaml


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document's keys and values stand in `text`. Lines and columns count from 1."""

    file: str
    values: Mapping[Place, tuple[int, int]] = field(default_factory=dict)
    keys: Mapping[Place, tuple[int, int]] = field(default_factory=dict)
    text: str = field(default="", repr=False)

    def error(
        self,
        place: Place,
        code: Code,
        message: str,
        remedy: str = "",
        *,
        at_key: bool = False,
        offset: int | None = None,
    ) -> PolicyError:
        """A `PolicyError` about `place`: its value, or its key; what does not exist is told where it should be.

        With an `offset` it is about that character of the value, which is a text.
        """
        line, column = self.position(place, at_key=at_key)
        if offset is not None and self.text:
            line, column = offset_of(self.text, (line, column), offset)
        return PolicyError(
            message,
            file=self.file,
            line=line,
            column=column,
            path=format_place(place),
            remedy=_sentence(remedy),
            code=code,
        )

    def is_double_quoted(self, place: Place) -> bool:
        """Whether a text stands in double quotes, in which YAML reads backslashes."""
        line, column = self.position(place)
        lines = self.text.split("\n", line)
        return len(lines) >= line and lines[line - 1][column - 1 : column] == '"'

    def place_of(self, place: Place) -> str:
        """`file:line:column` of what stands at `place`, or nearest above it."""
        line, column = self.position(place)
        return f"{self.file}:{line}:{column}"

    def position(self, place: Place, *, at_key: bool = False) -> tuple[int, int]:
        """The line and column of what stands at `place`, or nearest above it."""
        if at_key and place in self.keys:
            return self.keys[place]
        while place and place not in self.values:
            place = place[:-1]
        return self.values.get(place, (1, 1))


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its plain value, where what stands in it, and what of it cannot be."""

    source: Source
    value: Any
    errors: Sequence[PolicyError]


def read_documents(text: str, file: str) -> Iterator[Document]:
    """The documents of a text, empty ones left out.

    One that is not YAML has that as its only error; those behind it are read, after `_MOST_NOT_YAML` of them no more.
    Behind `MAX_DOCUMENTS` the text is not read: the next one has that as its only error.
    """
    for number, document in enumerate(_documents(text, file)):
        if number == MAX_DOCUMENTS:
            message, remedy = f"the file holds more than {MAX_DOCUMENTS:,} documents", "split it into several files"
            source = Source(file, {(): document.source.position(())})
            yield Document(source, None, (source.error((), Code.TOO_LARGE, message, remedy),))
            return
        yield document


def _documents(text: str, file: str) -> Iterator[Document]:
    begins = [match.start() for match in _BEGIN.finditer(text)]
    begin = 0
    for _ in range(_MOST_NOT_YAML):
        failed = yield from _read_from(text, begin, file)
        later = [each for each in begins if each >= max(failed, begin + 1)]
        if not later:
            return
        begin = later[0]


def _read_from(text: str, begin: int, file: str) -> Generator[Document, None, int]:
    """The documents from a place on, up to the first one that is not YAML; where that was, or the end of the text."""
    builder: _Builder | None = None
    first = text.count("\n", 0, begin)
    try:
        for event in yaml.parse(text[begin:], Loader=_PARSER):
            if isinstance(event, yaml.DocumentStartEvent):
                builder = _Builder(text, file, first)
            elif isinstance(event, yaml.DocumentEndEvent) and builder is not None:
                if not builder.is_empty:
                    yield builder.document()
                builder = None
            elif builder is not None and builder.is_too_deep(event):
                yield builder.document()
                return len(text)
            elif builder is not None:
                builder.events.append(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = "; ".join(part for part in (error.context, error.problem) if part)
        remedy = _SINGLE_QUOTES if "unknown escape character" in what else _CHECK
        line, column = (mark.line, mark.column) if mark else (0, 0)
        yield _unreadable(file, Code.NOT_YAML, what, remedy, (first + line + 1, column + 1))
        return begin + _line_begin(text[begin:], line)
    except yaml.reader.ReaderError as error:
        at = begin + error.position
        yield _unreadable(file, Code.NOT_YAML, error.reason, "remove what is not text", _place_of(text, at))
    except UnicodeEncodeError as error:
        what, at = "it holds half of a surrogate pair", begin + error.start
        yield _unreadable(file, Code.NOT_TEXT, what, "write the character itself", _place_of(text, at))
    return len(text)


def _line_begin(text: str, line: int) -> int:
    """Where a line begins, counted from 0."""
    at = 0
    for _ in range(line):
        at = text.find("\n", at) + 1
    return at


def _place_of(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n") + 1, at - before.rfind("\n")


def format_place(place: Place) -> str:
    """A place as authors write it: `rules[2].action.redact.with`; odd keys are quoted."""
    parts: list[str] = []
    for step in place:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif step.replace("_", "a").replace("-", "a").isalnum():
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{json.dumps(step, ensure_ascii=False)}]")
    return "".join(parts)


_SINGLE_QUOTES = "write a text with backslashes, such as a regex, in single quotes"
_CHECK = "check indentation (spaces, no tabs), quotes and brackets near here"


def _unreadable(file: str, code: Code, what: str, remedy: str, position: tuple[int, int]) -> Document:
    source = Source(file, {(): position})
    return Document(source, None, (source.error((), code, f"this is not YAML: {what}", remedy),))


def _sentence(text: str) -> str:
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text.endswith(("?", ".")) else ".")


class _GivenUpError(Exception):
    """The document holds more than can be read."""


class _Builder:
    """Builds one document's plain value from its events and remembers where each part of it stands."""

    def __init__(self, text: str, file: str, first: int) -> None:
        self.events: list[Any] = []
        self._first = first
        """The line, from 0, from which the events count theirs."""
        self._values: dict[Place, tuple[int, int]] = {}
        self._keys: dict[Place, tuple[int, int]] = {}
        self._source = Source(file, self._values, self._keys, text)
        self._errors: list[PolicyError] = []
        self._targets: dict[int, int] = {}
        """The events that are aliases, and those with which begins what they stand for."""
        self._open: set[int] = set()
        """The events of which the values are not built to their end."""
        self._outermost: Any = None
        """The alias that is being written out, and is in no other one's value."""
        self._depth = 0
        self._built = 0

    @property
    def is_empty(self) -> bool:
        """Whether the document holds nothing."""
        return len(self.events) == 1 and _kind(self.events[0]) == "null"

    def is_too_deep(self, event: Any) -> bool:
        """Whether the document is given up with this event: libyaml's own work grows with the square of the depth."""
        self._depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if self._depth <= MAX_DEPTH + 1:
            return False
        self.events = []
        with suppress(_GivenUpError):
            self._give_up(event, "the file is nested too deeply", f"keep it to {MAX_DEPTH} levels")
        return True

    def document(self) -> Document:
        """The document. What is too large is given up: its value is None then."""
        if not self.events:
            return Document(self._source, None, tuple(self._errors))
        self._find_targets()
        try:
            value, _ = self._node(0, ())
        except _GivenUpError:
            value = None
        return Document(self._source, value, tuple(self._errors))

    def _find_targets(self) -> None:
        anchors: dict[str, int] = {}
        for at, event in enumerate(self.events):
            if not isinstance(event, yaml.AliasEvent):
                if getattr(event, "anchor", None) is not None:
                    anchors[event.anchor] = at
            elif event.anchor in anchors:
                self._targets[at] = anchors[event.anchor]

    def _node(self, at: int, place: Place) -> tuple[Any, int]:
        """The value of the node whose first event is number `at`, and the number of the first event behind it.

        None, and an error noted, when it has none that a policy may hold.
        """
        event = self.events[at]
        self._values[place] = self._position(event)
        self._built += 1
        if len(place) > MAX_DEPTH:
            self._give_up(event, "the file is nested too deeply", f"keep it to {MAX_DEPTH} levels")
        if self._built > MAX_NODES:
            message = f"the document holds more than {MAX_NODES:,} values, what aliases stand for included"
            self._give_up(event, message, "split it, or use fewer aliases")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(at, place), at + 1
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place), at + 1
        if event.tag not in (None, f"{_TAG}map", f"{_TAG}seq"):
            self._refuse(
                place, Code.FOREIGN_YAML, f"the tag `{_shown(event.tag)}` is not part of the language", _NO_TAG
            )
        self._open.add(at)
        built = self._mapping(at, place) if isinstance(event, yaml.MappingStartEvent) else self._sequence(at, place)
        self._open.discard(at)
        return built

    def _alias(self, at: int, place: Place) -> Any:
        event, target = self.events[at], self._targets.get(at)
        if target is None:
            message = f"there is no anchor `{_shown(event.anchor)}` above"
            self._refuse(place, Code.FOREIGN_YAML, message, "write the value out")
            return None
        if target in self._open:
            self._give_up(event, f"`*{_shown(event.anchor)}` stands in what it stands for", "write the value out")
        outermost, self._outermost = self._outermost, self._outermost or event
        value, _ = self._node(target, place)
        self._outermost = outermost
        return value

    def _sequence(self, at: int, place: Place) -> tuple[list[Any], int]:
        values: list[Any] = []
        at += 1
        while not isinstance(self.events[at], yaml.SequenceEndEvent):
            value, at = self._node(at, (*place, len(values)))
            values.append(value)
        return values, at + 1

    def _mapping(self, at: int, place: Place) -> tuple[dict[str, Any], int]:
        mapping: dict[str, Any] = {}
        at += 1
        while not isinstance(self.events[at], yaml.MappingEndEvent):
            event = self.events[at]
            key = self._key(event, place)
            if key is None or key in mapping:
                at = self._behind(self._behind(at))
                if key is not None:
                    self._repeated(key, event, place)
                continue
            self._keys[*place, key] = self._position(event)
            mapping[key], at = self._node(at + 1, (*place, key))
        return mapping, at + 1

    def _repeated(self, key: str, event: Any, place: Place) -> None:
        inner = (*place, key)
        first = self._keys[inner][0]
        self._keys[inner] = self._position(event)
        message = f"`{_shown(key)}` is written twice, first on line {first}"
        self._refuse(inner, Code.REPEATED_KEY, message, "keep one of the two", at_key=True)

    def _behind(self, at: int) -> int:
        """The number of the first event behind the node that begins with number `at`."""
        depth = 0
        while True:
            event = self.events[at]
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            at += 1
            if not depth:
                return at

    def _key(self, event: Any, place: Place) -> str | None:
        kind = _kind(event)
        if kind == "str" or (kind in {"int", "float"} and place[-1:] == (_BY_SCORE,)):
            return str(event.value)
        self._values[place] = self._position(event)
        if kind == "merge":
            message = "merge keys (`<<`) are not part of the language"
            self._refuse(place, Code.FOREIGN_YAML, message, "write the keys out")
        elif isinstance(event, yaml.ScalarEvent):
            shown = _shown(event.value)
            remedy = f'put it in quotes: "{shown}"'
            self._refuse(place, Code.FOREIGN_YAML, f"the key `{shown}` is not text", remedy)
        else:
            remedy = "put quotes around a value that begins with `{` or `[`"
            self._refuse(place, Code.FOREIGN_YAML, "a key must be text", remedy)
        return None

    def _scalar(self, event: Any, place: Place) -> Any:
        kind = _kind(event)
        if kind in {"str", "timestamp", "merge"}:
            return event.value
        if kind in {"int", "float", "bool"}:
            return self._number(kind, event.value, place)
        if kind == "null":
            key = place[-1] if place else 0
            message = f"`{key}` has no value" if isinstance(key, str) else "this entry is empty"
            self._refuse(place, Code.NO_VALUE, message, "give it one, or remove it", at_key=True)
        else:
            self._refuse(
                place, Code.FOREIGN_YAML, f"the tag `{_shown(event.tag)}` is not part of the language", _NO_TAG
            )
        return None

    def _number(self, kind: str, text: str, place: Place) -> Any:
        if len(text) > _MAX_DIGITS:
            message = f"`{_shown(text)}` is too long for a number"
            self._refuse(place, Code.TOO_LONG, message, "put it in quotes if it is text")
            return None
        try:
            return _MADE[kind](text)
        except (ValueError, KeyError, OverflowError):
            self._refuse(place, Code.FOREIGN_YAML, f"`{_shown(text)}` is not what its tag says", _NO_TAG)
            return None

    def _give_up(self, event: Any, message: str, remedy: str) -> NoReturn:
        source = Source(self._source.file, {(): self._position(self._outermost or event)})
        self._errors.append(source.error((), Code.TOO_LARGE, message, remedy))
        raise _GivenUpError

    def _position(self, event: Any) -> tuple[int, int]:
        mark = event.start_mark
        return self._first + mark.line + 1, mark.column + 1

    def _refuse(self, place: Place, code: Code, message: str, remedy: str, *, at_key: bool = False) -> None:
        self._errors.append(self._source.error(place, code, message, remedy, at_key=at_key))


_NO_TAG = "write the value without a tag"


def _foreign(tag: str) -> str:
    return f"the tag `{_shown(tag)}` is not part of the language"


def _int(text: str) -> int:
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


def _float(text: str) -> float:
    return float(text.replace(".inf", "inf").replace(".nan", "nan") if "n" in text else text)


_MADE = {
    "int": _int,
    "float": lambda text: _float(text.lower()),
    "bool": _BOOL.__getitem__,
}


def _kind(event: Any) -> str:
    """What a scalar is, by its tag or else by the core schema of YAML 1.2; empty for anything else."""
    if not isinstance(event, yaml.ScalarEvent):
        return ""
    if event.tag is not None and event.tag != "!":
        return str(event.tag).removeprefix(_TAG)
    if not event.implicit[0]:
        return "str"
    text = event.value
    if text in _NULL:
        return "null"
    if text in _BOOL:
        return "bool"
    if _NUMBER.match(text):
        return "int" if _INT.fullmatch(text) else "float" if _FLOAT.fullmatch(text) else "str"
    return "merge" if text == "<<" else "str"


def _shown(text: str) -> str:
    return f"{text[:_SHOWN_CHARS]}..." if len(text) > _SHOWN_CHARS else text
