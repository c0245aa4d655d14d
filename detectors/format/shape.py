"""JSON Schema, held in a time that grows with the text alone: the text is a model's, and may be made to be slow.

Regular expressions are RE2's, which run in linear time, and items are told apart by hashes, not each with each. All
of a schema is read as draft 2020-12, whatever a part of it says of itself.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import re2

from detectors.base import DetectorError

_PATH = ("json", "schema")
_REMEDY = "write one that RE2 takes, without look-around, back-references and \\u"


def shape_of(schema: Mapping[str, Any]) -> Callable[[str], str]:
    """What says of a whole document why it is not of a schema; empty where it is. Raises `DetectorError`."""
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
        try:
            wrong = next(validator.iter_errors(json.loads(text, parse_float=_number)), None)
        except (ValueError, RecursionError):  # a number that Python does not take, nesting past its limit
            return "the document cannot be held against the schema"
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
    linear.evolve = evolve  # its own would take the draft's validator where a part names its `$schema`
    return linear


def _wrong(message: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message)


def _pattern(_validator: Any, regex: str, value: Any, _schema: Any) -> Iterator[Any]:
    if isinstance(value, str) and _compiled(regex).search(value) is None:
        yield _wrong("it does not match")


def _named(validator: Any, shapes: Mapping[str, Any], value: Any, _schema: Any) -> Iterator[Any]:
    for regex, shape in shapes.items() if isinstance(value, dict) else ():
        for key, each in value.items():
            if _compiled(regex).search(key) is not None:
                yield from validator.descend(each, shape, path=key, schema_path=regex)


def _additional(validator: Any, shape: Any, value: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    if not isinstance(value, dict):
        return
    regexes = [_compiled(each) for each in schema.get("patternProperties", ())]
    for key, each in value.items():
        if key in schema.get("properties", ()) or any(regex.search(key) is not None for regex in regexes):
            continue
        if shape is False:
            yield _wrong("there is more than may be")
        else:
            yield from validator.descend(each, shape, path=key)


def _unique(_validator: Any, is_wanted: bool, value: Any, _schema: Any) -> Iterator[Any]:
    if is_wanted and isinstance(value, list) and len({json.dumps(each, sort_keys=True) for each in value}) < len(value):
        yield _wrong("two are the same")
