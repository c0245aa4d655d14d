"""JSON of call-outs, with numbers of any length.

`msgspec` reads and writes it, as long as numbers have room in Python's; a document with a wider one is parsed as the
codec does, which knows them (`WideNumber`).
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from sidecar.codec.jsontext import NotJsonError, WideNumber, loads

_Kind = TypeVar("_Kind")

_WIDE = "out of range"
"""In what `msgspec` says of a number for which there is no room."""


def decoded(data: bytes, kind: type[_Kind]) -> _Kind:
    """A document of a kind. Raises `msgspec.DecodeError`, `UnicodeDecodeError` or `NotJsonError`."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        if _WIDE not in str(error):
            raise
    except RecursionError:
        raise NotJsonError("nested too deep") from None
    return msgspec.convert(loads(data), kind)


def encoded(document: Any) -> bytes:
    """A document as JSON."""
    return msgspec.json.encode(document, enc_hook=_spelt)


def _spelt(value: object) -> msgspec.Raw:
    if isinstance(value, WideNumber):
        return msgspec.Raw(value.spelling.encode())
    raise NotImplementedError(f"{type(value).__name__} is no value of JSON")
