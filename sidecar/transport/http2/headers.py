"""Header blocks (HPACK, RFC 7541) to requests, by the rules of RFC 9113, section 8, which leave one reading of each.

A block is always read to its end, since the next one is written in terms of it: what is too large is left out, and the
list says so. Bytes are never looked at twice, so a block costs what it is long. The table is `hpack`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpack.exceptions import HPACKError
from hpack.table import HeaderTable

from sidecar.transport.http2.frames import (
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    PROTOCOL_ERROR,
    ProtocolError,
    StreamError,
)
from sidecar.transport.http2.huffman import unpacked

HEADER_LIST_BYTES = 16 << 10
"""The largest header list that is taken, counted as RFC 9113 counts it: 32 bytes a field beside its name and value."""

Field = tuple[bytes, bytes]

MOST_FIELDS = 4_096
"""A block of more ends the connection: it would cost what hundreds of calls cost."""

_TABLE_BYTES = 4096
_FIELD_BYTES = 32
_LONGEST_INTEGER = 5
_NAME = re.compile(rb"[^\x00-\x20A-Z\x7f-\xff:]+")
_BAD_VALUE = re.compile(rb"[\x00\r\n]|\A[ \t]|[ \t]\Z")
_PSEUDO = frozenset({b":method", b":scheme", b":path", b":authority"})
_OF_CONNECTIONS = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
_ONCE = frozenset(
    {b"content-length", b"content-type", b"grpc-encoding", b"grpc-timeout", b"host", b"te"},
)
"""Fields of which a second one would leave open which of them is meant, here and for a hop before."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What opens a stream. `is_too_large`: some of its fields were left out."""

    method: bytes
    path: bytes
    fields: Sequence[Field]
    content_length: int | None = None
    is_too_large: bool = False

    def get(self, name: bytes) -> bytes | None:
        """A field's value."""
        return next((value for key, value in self.fields if key == name), None)


class BlockReader:
    """Reads the header blocks of one connection, in their order."""

    def __init__(self) -> None:
        self._table = HeaderTable()

    def read(self, block: bytes) -> tuple[list[Field], bool]:
        """The fields, and whether they are more than is taken. Raises `ProtocolError`: the connection is lost then."""
        try:
            return self._read(block)
        except (HPACKError, IndexError, ValueError):
            raise ProtocolError(COMPRESSION_ERROR, "the headers cannot be read") from None

    def _read(self, block: bytes) -> tuple[list[Field], bool]:
        fields: list[Field] = []
        count, size, end = 0, 0, len(block)
        at = self._sizes(block)
        while at < end:
            count += 1
            if count > MOST_FIELDS:
                raise ProtocolError(ENHANCE_YOUR_CALM, "too many headers")
            field, at = self._field(block, at)
            size += len(field[0]) + len(field[1]) + _FIELD_BYTES
            if size <= HEADER_LIST_BYTES:
                fields.append(field)
        return fields, size > HEADER_LIST_BYTES

    def _sizes(self, block: bytes) -> int:
        """Take the table's new sizes, which stand at the front; returns where the fields begin."""
        at = 0
        while at < len(block) and block[at] & 0xE0 == 0x20:
            size, at = _integer(block, at, 5)
            if size > _TABLE_BYTES:
                raise ValueError("the table is larger than was agreed")
            self._table.maxsize = size
        return at

    def _field(self, block: bytes, at: int) -> tuple[Field, int]:
        first = block[at]
        if first & 0x80:
            index, at = _integer(block, at, 7)
            return self._table.get_by_index(index), at
        if first & 0x40:
            field, at = self._literal(block, at, 6)
            self._table.add(*field)
            return field, at
        if first & 0x20:
            raise ValueError("a new size of the table behind a field")
        return self._literal(block, at, 4)

    def _literal(self, block: bytes, at: int, bits: int) -> tuple[Field, int]:
        index, at = _integer(block, at, bits)
        name, at = (self._table.get_by_index(index)[0], at) if index else _string(block, at)
        value, at = _string(block, at)
        return (name, value), at


def request_of(fields: Sequence[Field], *, is_too_large: bool = False) -> RequestHead:
    """The request that a list of fields is. Raises `StreamError` for one that is malformed."""
    pseudo: dict[bytes, bytes] = {}
    count = 0
    for name, value in fields:
        if not name.startswith(b":"):
            break
        if name not in _PSEUDO or name in pseudo:
            raise _malformed("a pseudo header is unknown or stands twice")
        _check_value(value)
        pseudo[name] = value
        count += 1
    regular = fields[count:]
    _check_fields(regular)
    if not is_too_large:
        _check_pseudo(pseudo)
        _check_host(pseudo.get(b":authority"), regular)
    length = _length_of(regular)
    return RequestHead(pseudo.get(b":method", b""), pseudo.get(b":path", b""), regular, length, is_too_large)


def check_trailers(fields: Sequence[Field]) -> None:
    """Raise `StreamError` for trailers that are malformed."""
    _check_fields(fields)


def _check_pseudo(pseudo: dict[bytes, bytes]) -> None:
    if pseudo.get(b":method") == b"CONNECT":
        if b":scheme" in pseudo or b":path" in pseudo or b":authority" not in pseudo:
            raise _malformed("CONNECT has an authority, and neither scheme nor path")
        return
    if not (pseudo.get(b":method") and pseudo.get(b":scheme")):
        raise _malformed("method or scheme are missing")
    path = pseudo.get(b":path", b"")
    if not path.startswith(b"/") and not (path == b"*" and pseudo[b":method"] == b"OPTIONS"):
        raise _malformed("the path is missing, or does not begin with a slash")


def _check_fields(fields: Iterable[Field]) -> None:
    seen: set[bytes] = set()
    for name, value in fields:
        if not _NAME.fullmatch(name):
            raise _malformed("a name has characters that no name has, or a pseudo header comes late")
        _check_value(value)
        if name in _OF_CONNECTIONS or (name == b"te" and value.lower() != b"trailers"):
            raise _malformed("a header of connections")
        if name in _ONCE:
            if name in seen:
                raise _malformed("a header stands twice that may stand once")
            seen.add(name)


def _check_value(value: bytes) -> None:
    if _BAD_VALUE.search(value):
        raise _malformed("a value has characters that no value has")


def _check_host(authority: bytes | None, fields: Iterable[Field]) -> None:
    """A request has one authority: a hop before may have judged the other."""
    host = next((value for name, value in fields if name == b"host"), None)
    if authority is not None and host is not None and host.lower() != authority.lower():
        raise _malformed("host and authority differ")


def _length_of(fields: Iterable[Field]) -> int | None:
    text = next((value for name, value in fields if name == b"content-length"), None)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 15:
        raise _malformed("the content length is no number")
    return int(text)


def _malformed(reason: str) -> StreamError:
    return StreamError(PROTOCOL_ERROR, f"the request is malformed: {reason}")


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """A number of RFC 7541, section 5.1, and where it ends."""
    mask = (1 << bits) - 1
    number = block[at] & mask
    at += 1
    if number < mask:
        return number, at
    for shift in range(0, 7 * _LONGEST_INTEGER, 7):
        byte = block[at]
        at += 1
        number += (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise ValueError("a number that is too long")


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    is_packed = block[at] & 0x80
    size, at = _integer(block, at, 7)
    end = at + size
    if end > len(block):
        raise ValueError("a text that is cut off")
    text = block[at:end]
    return unpacked(text) if is_packed else text, end
