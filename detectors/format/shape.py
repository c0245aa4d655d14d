"""JSON Schema, held in a time that grows with the text alone: the text is a model's, and may be made to be slow.

Regular expressions are RE2's, which run in linear time, and items are told apart by hashes, not each with each. What a
part of a schema says of a part of the document is found out once: where a schema refers to itself in an `anyOf`, each
level of the document would double the work. Past `MOST_STEPS`, or a depth, nothing is said of a document. All of a
schema is read as draft 2020-12, whatever a part of it says of itself.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import re2

from detectors.base import DetectorError

MOST_STEPS = 50_000
"""How often a part of a schema is held against a part of a document: at 6 us each, 0.3 s, as no other stream moves."""
_MOST_DEEP = 150
"""How deep that may go, each way into a document and each alternative counted: Python's stack ends soon behind it."""
_PATH = ("json", "schema")
_REMEDY = "write one that RE2 takes, without look-around, back-references and \\u"


class NotHeldError(Exception):
    """A document cannot be held against a schema: nothing is said of it."""


class _Work:
    """How far a document is held against a schema: the steps that took, and what is wrong with which part of it."""

    def __init__(self) -> None:
        self._steps = 0
        self._depth = 0
        self._wrong: dict[tuple[int, int], tuple[str | int, ...] | None] = {}
        """By place: where in its part of the schema it fails."""

    def step(self) -> None:
        """Count one. Raises `NotHeldError`."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise NotHeldError

    def first(self, place: tuple[int, int], errors: Iterator[Any]) -> Any | None:
        """The first error at a place, a part of the document and one of the schema; None without one."""
        if place in self._wrong:
            path = self._wrong[place]
            return None if path is None else _wrong("it is as it was", path)
        self._depth += 1
        if self._depth > _MOST_DEEP:
            raise NotHeldError
        found = next(errors, None)
        self._depth -= 1
        self._wrong[place] = None if found is None else tuple(found.relative_schema_path)
        return found


_work: ContextVar[_Work] = ContextVar("work")


def shape_of(schema: Mapping[str, Any]) -> Callable[[str], str]:
    """What says of a whole document why it is not of a schema; empty where it is. Raises `DetectorError`.

    What comes back raises `NotHeldError`.
    """
    if importlib.util.find_spec("jsonschema") is None:
        raise DetectorError("a schema needs a package: pip install 'tidegate-sidecar[schema]'", path=_PATH)
    from jsonschema import Draft202012Validator, SchemaError  # only where a policy has a schema

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise DetectorError(f"is no JSON Schema: {error.message}", path=(*_PATH, *error.path)) from error
    if remote := next(_references(schema), None):
        raise DetectorError(f"refers to {remote}: a schema has to be whole, with $defs of its own", path=_PATH)
    _check_regexes(schema)
    validator = _linear()(schema)

    def reason(text: str) -> str:
        _work.set(_Work())
        try:
            wrong = next(validator.iter_errors(json.loads(text, parse_float=_number)), None)
        except (ValueError, RecursionError) as error:  # a number that Python does not take
            raise NotHeldError from error
        return "" if wrong is None else f"not of the schema: {'/'.join(map(str, wrong.absolute_schema_path))}"

    return reason


def _parts(shape: object) -> Iterator[Mapping[str, Any]]:
    """All mappings in a schema."""
    if isinstance(shape, Mapping):
        yield shape
    for each in shape.values() if isinstance(shape, Mapping) else shape if isinstance(shape, list | tuple) else ():
        yield from _parts(each)


def _references(shape: object) -> Iterator[str]:
    """The references that lead out of a schema."""
    for part in _parts(shape):
        for key in ("$ref", "$dynamicRef"):
            value = part.get(key)
            if isinstance(value, str) and not value.startswith("#"):
                yield value


def _check_regexes(schema: Mapping[str, Any]) -> None:
    for part in _parts(schema):
        named = part.get("patternProperties")
        for regex in (part.get("pattern"), *(named if isinstance(named, Mapping) else ())):
            if isinstance(regex, str):
                _check_regex(regex)
        if "unevaluatedProperties" in part and any("patternProperties" in each for each in _parts(schema)):
            message = "has both patternProperties and unevaluatedProperties: use additionalProperties"
            raise DetectorError(message, path=_PATH)


def _check_regex(regex: str) -> None:
    try:
        _compiled(regex)
    except re2.error as error:
        raise DetectorError(f"has a regex that cannot be used, {regex!r}: {_REMEDY}", path=_PATH) from error


@lru_cache(maxsize=1024)
def _compiled(regex: str) -> Any:
    return re2.compile(regex)


def _number(text: str) -> float | int:
    """A number; a whole one is an integer however it is written, so that equal numbers have one form."""
    value = float(text)
    return int(value) if value.is_integer() else value


@lru_cache(maxsize=1)
def _linear() -> Any:
    """The validator of the draft, with what would be slow in its place."""
    from attrs import evolve  # of jsonschema
    from jsonschema import Draft202012Validator, validators

    keywords = {
        "pattern": _pattern,
        "patternProperties": _named,
        "additionalProperties": _additional,
        "uniqueItems": _unique,
    }
    linear = validators.extend(Draft202012Validator, keywords)  # type: ignore[no-untyped-call]  # theirs has no types
    into = linear.descend

    def evolved(validator: Any, **changes: Any) -> Any:
        """The validator of a part; their own would be the draft's where the part names its `$schema`."""
        _work.get().step()
        return evolve(validator, **changes)

    def descend(validator: Any, instance: Any, schema: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """The first error of a part."""
        place = (id(instance), id(schema))
        if (found := _work.get().first(place, into(validator, instance, schema, *args, **kwargs))) is not None:
            yield found

    def is_valid(validator: Any, instance: Any) -> bool:
        """Whether a part has no errors."""
        place = (id(instance), id(validator.schema))
        return _work.get().first(place, validator.iter_errors(instance)) is None

    linear.evolve, linear.descend, linear.is_valid = evolved, descend, is_valid
    return linear


def _wrong(message: str, path: tuple[str | int, ...] = ()) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message, schema_path=path)


def _matches(regex: str, text: str) -> bool:
    """Whether a text matches. One that has a half of a character is none, and does not."""
    try:
        return _compiled(regex).search(text) is not None
    except UnicodeEncodeError:
        return False


def _pattern(_validator: Any, regex: str, value: Any, _schema: Any) -> Iterator[Any]:
    if isinstance(value, str) and not _matches(regex, value):
        yield _wrong("it does not match")


def _named(validator: Any, shapes: Mapping[str, Any], value: Any, _schema: Any) -> Iterator[Any]:
    for regex, shape in shapes.items() if isinstance(value, dict) else ():
        for key, each in value.items():
            if _matches(regex, key):
                yield from validator.descend(each, shape, path=key, schema_path=regex)


def _additional(validator: Any, shape: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    if not isinstance(value, dict):
        return
    regexes = schema.get("patternProperties", ())
    for key, each in value.items():
        if key in schema.get("properties", ()) or any(_matches(regex, key) for regex in regexes):
            continue
        if shape is False:
            yield _wrong("there is more than may be")
        else:
            yield from validator.descend(each, shape, path=key)


def _unique(_validator: Any, is_wanted: bool, value: Any, _schema: Any) -> Iterator[Any]:
    if is_wanted and isinstance(value, list) and len({json.dumps(each, sort_keys=True) for each in value}) < len(value):
        yield _wrong("two are the same")
