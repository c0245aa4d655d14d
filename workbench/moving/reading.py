"""Files of strangers as plain values, with their lines: YAML as PyYAML reads it, JSON, XML. Nothing of them is run.

A file has at most `MAX_FILE_BYTES`, a document `MAX_NODES` values, `MAX_DEPTH` deep; what an alias stands for counts
again. Tags of YAML are passed over; XML has no document types, and so no entities.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeAlias
from xml.parsers import expat

import yaml

from sidecar.cli.ending import Failure

Place: TypeAlias = tuple[str | int, ...]
"""Where in a document: keys and list positions from its top."""

MAX_FILE_BYTES = 1 << 20
MAX_NODES = 20_000
MAX_DEPTH = 40
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER = yaml.resolver.Resolver()
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_OF_SCALARS = {
    "tag:yaml.org,2002:bool": _CONSTRUCTOR.construct_yaml_bool,
    "tag:yaml.org,2002:int": _CONSTRUCTOR.construct_yaml_int,
    "tag:yaml.org,2002:float": _CONSTRUCTOR.construct_yaml_float,
    "tag:yaml.org,2002:null": _CONSTRUCTOR.construct_yaml_null,
}
"""Whatever else a plain word may be, such as a date, it stays a text."""


@dataclass(frozen=True, slots=True)
class Read:
    """A document and where its values stand; lines count from 1."""

    file: str
    value: Any
    lines: Mapping[Place, int] = field(default_factory=dict)

    def at(self, *place: str | int) -> str:
        """`FILE:LINE: path`: the line of what stands there, or of the nearest thing around it."""
        known = (self.lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in self.lines)
        line = next(known, None)
        where = self.file if line is None else f"{self.file}:{line}"
        return f"{where}: {path_of(place)}" if place else where

    def wrong(self, message: str, *place: str | int) -> NoReturn:
        """Raise `Failure` about a place."""
        raise Failure(f"{self.at(*place)}: {message}")

    def mapping(self, *place: str | int) -> dict[str, Any]:
        """The mapping that stands there; empty where nothing does. Raises `Failure`."""
        found: dict[str, Any] = self._of(dict, "a mapping of keys", place)
        return found

    def list(self, *place: str | int) -> list[Any]:
        """The list that stands there; empty where nothing does. Raises `Failure`."""
        found: list[Any] = self._of(list, "a list", place)
        return found

    def _of(self, kind: type[Any], name: str, place: Place) -> Any:
        value = self.value
        for step in place:
            value = value.get(step) if isinstance(value, dict) else value[step]
        if value is None:
            return kind()
        return value if isinstance(value, kind) else self.wrong(f"this is to be {name}", *place)


@dataclass(slots=True)
class Element:
    """An element of XML."""

    tag: str
    attributes: Mapping[str, str]
    line: int
    children: list[Element] = field(default_factory=list)

    def named(self, tag: str) -> Element | None:
        """The first child of that name."""
        return next((each for each in self.children if each.tag == tag), None)


def path_of(place: Place) -> str:
    """A place as `a.b[2]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")


def read_text(path: Path) -> str:
    """A file's text. Raises `Failure` for one that is too large, or no UTF-8."""
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise Failure(f"{path} has more than {MAX_FILE_BYTES} bytes: it is no configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None


def read_yaml(path: Path) -> Read:
    """The only document of a file. Raises `Failure`."""
    return yaml_of(read_text(path), str(path))


def yaml_of(text: str, file: str) -> Read:
    """The same of a text."""
    reader = _Yaml(file, text)
    try:
        return Read(file, reader.document(), reader.lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Failure(f"{file}:{line}: this is not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        raise Failure(f"{file}: this is not YAML: {error.reason} at character {error.position}") from None


def read_json(path: Path) -> Read:
    """A file of JSON; its values have paths and no lines. Raises `Failure`."""
    text = read_text(path)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise Failure(f"{path}:{error.lineno}: this is not JSON: {error.msg}") from None
    except ValueError:  # of Python's bound on digits, which does not say where
        raise Failure(f"{path}: a number has more digits than can be read: it is no setting") from None
    except RecursionError:
        raise Failure(f"{path}: this nests more than {MAX_DEPTH} deep") from None
    read = Read(str(path), value)
    bounded(read)
    return read


def bounded(read: Read) -> None:
    """Raise `Failure` where a document holds too much, or nests too deep."""
    waiting, seen = [(read.value, 1)], 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > MAX_NODES or depth > MAX_DEPTH:
            read.wrong(f"this holds more than {MAX_NODES} values, or nests more than {MAX_DEPTH} deep")
        below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend((each, depth + 1) for each in below)


class _Yaml:
    """Builds a document from its events."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._events: Iterator[Any] = yaml.parse(text, Loader=_PARSER)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0
        self.lines: dict[Place, int] = {}

    def document(self) -> Any:
        """The document; None of an empty file."""
        value: Any = None
        is_read = False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if is_read:
                    self._wrong(event, "a configuration is one document")
                value, is_read = self._node(next(self._events), ()), True
        return value

    def _node(self, event: Any, place: Place) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or len(place) > MAX_DEPTH:
            self._wrong(event, f"this holds more than {MAX_NODES} values, or nests more than {MAX_DEPTH} deep")
        self.lines[place] = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._nodes
        value = self._value(event, place)
        if event.anchor:
            self._anchors[event.anchor] = value, self._nodes - before + 1
        return value

    def _value(self, event: Any, place: Place) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return [
                self._node(each, (*place, number)) for number, each in enumerate(self._until(yaml.SequenceEndEvent))
            ]
        return self._mapping(place)

    def _mapping(self, place: Place) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._wrong(event, "a key is one word")
            key = event.value
            value = self._node(next(self._events), (*place, key))
            if key in own:
                self._wrong(event, f"the key `{key}` is there twice")
            if key == "<<" and event.implicit[0]:
                for each in value if isinstance(value, list) else [value]:
                    merged = (each if isinstance(each, dict) else {}) | merged
            else:
                own[key] = value
        return merged | own

    def _until(self, end: type[Any]) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            self._wrong(event, f"nothing is called &{event.anchor}")
        value, nodes = self._anchors[event.anchor]
        self._nodes += nodes
        return value

    def _wrong(self, event: Any, message: str) -> NoReturn:
        raise Failure(f"{self._file}:{event.start_mark.line + 1}: {message}")


def _scalar(event: Any) -> Any:
    """A scalar's value, by YAML 1.1 as PyYAML knows it."""
    if not event.implicit[0]:
        return event.value
    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))
    make = _OF_SCALARS.get(tag)
    if make is None:
        return event.value
    try:
        return make(yaml.ScalarNode(tag, event.value))
    except ValueError:  # as of `1_`, or a number with more digits than Python reads
        return event.value


def read_xml(path: Path) -> Element:
    """The root of a file of XML. Raises `Failure`."""
    return xml_of(read_text(path), str(path))


def xml_of(text: str, file: str) -> Element:
    """The same of a text."""
    reader = _Xml(file)
    try:
        reader.parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise Failure(f"{file}:{error.lineno}: this is not XML: {expat.errors.messages[error.code]}") from None
    return reader.top[0]


class _Xml:
    """Builds elements as expat tells of them."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.top: list[Element] = []
        self._open: list[Element] = []
        self._count = 0
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_NODES or len(self._open) >= MAX_DEPTH:
            self._wrong(f"this has more than {MAX_NODES} elements, or nests more than {MAX_DEPTH} deep")
        element = Element(tag, attributes, self.parser.CurrentLineNumber)
        (self._open[-1].children if self._open else self.top).append(element)
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _doctype(self, *_: Any) -> None:
        self._wrong("a document type, and with it entities, is not read: take it out")

    def _wrong(self, message: str) -> NoReturn:
        raise Failure(f"{self._file}:{self.parser.CurrentLineNumber}: {message}")
