"""Content codings of HTTP bodies: gzip, deflate, br and zstd, decoded and encoded piece by piece.

A decoder gives pieces of a bounded size, so whoever counts them can stop in time: a small body may decode to a huge
one. The encoder flushes what it is fed, so that the other side can read all that left. Pure; one owner.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES = 64 * 1024
"""The most that is decoded at a time."""

_MAX_RATIO = 100
"""What text and JSON hardly reach. A body may decode to more than the free bytes only within it."""
_GZIP, _ZLIB, _RAW = 31, 15, -15
_ZLIB_METHOD = 8
_ZSTD_WINDOW_LOG = 23
"""8 MiB: what RFC 9659 allows for HTTP. A frame that asks for more memory is refused."""
_LEVEL = {"zlib": 5, "br": 4, "zstd": 3}
"""Quick ones: text is encoded while it flows."""


class BrokenEncodingError(ValueError):
    """The body is not encoded as its header says, or decodes to too much. The message holds none of it."""


class _Member(Protocol):
    """One compressed stream; some codings allow several in a row."""

    def step(self, data: bytes) -> bytes:
        """Take bytes, give at most a piece. With more to give it is to be called again, with nothing."""
        ...

    @property
    def is_hungry(self) -> bool:
        """Whether it has given all that it can without more bytes."""
        ...

    @property
    def rest(self) -> bytes | None:
        """What stands behind its end; None before that."""
        ...


class Decoder:
    """Decodes one body. `free_bytes` may come of it in any case, more only at an ordinary ratio."""

    def __init__(self, coding: str, *, free_bytes: int) -> None:
        self._make = _MEMBERS[coding]
        self._member: _Member | None = None
        self._free_bytes = free_bytes
        self._taken_bytes = 0
        self._given_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that can be decoded now. Raises `BrokenEncodingError`."""
        self._taken_bytes += len(data)
        while data or (self._member is not None and not self._member.is_hungry):
            member = self._member = self._member or self._make()
            try:
                piece = member.step(data)
            except (zlib.error, brotli.error, zstd.ZstdError) as error:
                raise BrokenEncodingError("is not encoded as its headers say") from error
            data = b""
            if piece:
                self._count(len(piece))
                yield piece
            if (rest := member.rest) is not None:
                self._member, data = None, rest

    def finish(self) -> None:
        """The body ended. Raises `BrokenEncodingError` when that was too early."""
        if self._member is not None:
            raise BrokenEncodingError("ends in the middle of its encoding")

    def _count(self, size: int) -> None:
        self._given_bytes += size
        if self._given_bytes > max(self._free_bytes, _MAX_RATIO * self._taken_bytes):
            raise BrokenEncodingError("decodes to far more than its size")


class Encoder(Protocol):
    """Encodes one body."""

    def feed(self, data: bytes) -> bytes:
        """The bytes from which all that was fed can be read."""
        ...

    def finish(self) -> bytes:
        """The last bytes."""
        ...


def is_known(coding: str) -> bool:
    """Whether bodies of this coding can be decoded."""
    return coding in _MEMBERS


def encoder(coding: str) -> Encoder:
    """An encoder for a known coding."""
    return _ENCODERS[coding]()


def decode(coding: str, data: bytes, *, max_bytes: int) -> bytes | None:
    """The whole body decoded; None when that is more than the limit. Raises `BrokenEncodingError`."""
    decoder = Decoder(coding, free_bytes=sys.maxsize)
    pieces: list[bytes] = []
    room = max_bytes
    for piece in decoder.feed(data):
        room -= len(piece)
        if room < 0:
            return None
        pieces.append(piece)
    decoder.finish()
    return b"".join(pieces)


def encode(coding: str, data: bytes) -> bytes:
    """A whole body encoded."""
    made = encoder(coding)
    return made.feed(data) + made.finish()


class _Zlib:
    def __init__(self, window_bits: int | None) -> None:
        self._bits = window_bits
        self._object: zlib._Decompress | None = None
        self._is_full = False

    def step(self, data: bytes) -> bytes:
        if self._object is None:
            # "deflate" should be zlib's format, but some send the bare one; the first byte tells.
            bits = self._bits or (_ZLIB if data[0] & 0x0F == _ZLIB_METHOD else _RAW)
            self._object = zlib.decompressobj(bits)
        piece = self._object.decompress(self._object.unconsumed_tail + data, PIECE_BYTES)
        self._is_full = len(piece) >= PIECE_BYTES
        return piece

    @property
    def is_hungry(self) -> bool:
        return not self._is_full and not (self._object is not None and self._object.unconsumed_tail)

    @property
    def rest(self) -> bytes | None:
        return self._object.unused_data if self._object is not None and self._object.eof else None


class _Brotli:
    def __init__(self) -> None:
        self._object = brotli.Decompressor()
        self._is_full = False

    def step(self, data: bytes) -> bytes:
        piece: bytes = self._object.process(data, output_buffer_limit=PIECE_BYTES)
        self._is_full = len(piece) >= PIECE_BYTES or not self._object.can_accept_more_data()
        return piece

    @property
    def is_hungry(self) -> bool:
        return not self._is_full

    @property
    def rest(self) -> bytes | None:
        return b"" if self._object.is_finished() else None


class _Zstd:
    def __init__(self) -> None:
        options = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW_LOG}
        self._object = zstd.ZstdDecompressor(options=options)

    def step(self, data: bytes) -> bytes:
        return self._object.decompress(data, PIECE_BYTES)

    @property
    def is_hungry(self) -> bool:
        return self._object.needs_input

    @property
    def rest(self) -> bytes | None:
        return self._object.unused_data if self._object.eof else None


class _ZlibEncoder:
    def __init__(self, window_bits: int) -> None:
        self._object = zlib.compressobj(_LEVEL["zlib"], wbits=window_bits)

    def feed(self, data: bytes) -> bytes:
        return self._object.compress(data) + self._object.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._object.flush()


class _BrotliEncoder:
    def __init__(self) -> None:
        self._object = brotli.Compressor(quality=_LEVEL["br"])

    def feed(self, data: bytes) -> bytes:
        made: bytes = self._object.process(data) + self._object.flush()
        return made

    def finish(self) -> bytes:
        made: bytes = self._object.finish()
        return made


class _ZstdEncoder:
    def __init__(self) -> None:
        self._object = zstd.ZstdCompressor(_LEVEL["zstd"])

    def feed(self, data: bytes) -> bytes:
        return self._object.compress(data, self._object.FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._object.flush()


_MEMBERS: Mapping[str, Callable[[], _Member]] = {
    "gzip": lambda: _Zlib(_GZIP),
    "x-gzip": lambda: _Zlib(_GZIP),
    "deflate": lambda: _Zlib(None),
    "br": _Brotli,
    "zstd": _Zstd,
}
_ENCODERS: Mapping[str, Callable[[], Encoder]] = {
    "gzip": lambda: _ZlibEncoder(_GZIP),
    "x-gzip": lambda: _ZlibEncoder(_GZIP),
    "deflate": lambda: _ZlibEncoder(_ZLIB),
    "br": _BrotliEncoder,
    "zstd": _ZstdEncoder,
}
