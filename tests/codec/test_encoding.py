"""Content codings: round trips however a body is cut, what is broken, and what would be too much."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec import encoding
from sidecar.codec.encoding import PIECE_BYTES, BrokenEncodingError, Decoder

CODINGS = ("gzip", "x-gzip", "deflate", "br", "zstd")
each_coding = pytest.mark.parametrize("coding", CODINGS)


def decoded(coding: str, pieces: list[bytes], free_bytes: int = 1 << 30) -> bytes:
    decoder = Decoder(coding, free_bytes=free_bytes)
    out = b"".join(part for piece in pieces for part in decoder.feed(piece))
    decoder.finish()
    return out


@each_coding
@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 9))
def test_what_is_fed_can_be_read_at_once_however_it_is_cut(coding: str, pieces: list[bytes], size: int):
    made, decoder = encoding.encoder(coding), Decoder(coding, free_bytes=1 << 20)
    out = bytearray()
    for piece in pieces:
        wire = made.feed(piece)
        for start in range(0, len(wire), size):
            out += b"".join(decoder.feed(wire[start : start + size]))
        assert bytes(out).endswith(piece)
    assert b"".join(decoder.feed(made.finish())) == b""
    decoder.finish()
    assert bytes(out) == b"".join(pieces)


@each_coding
def test_a_large_body_comes_in_bounded_pieces(coding: str):
    body = bytes(range(256)) * 4096
    pieces = list(Decoder(coding, free_bytes=1 << 30).feed(encoding.encode(coding, body)))
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= 2 * PIECE_BYTES
    assert len(pieces) > 4


@each_coding
def test_a_bomb_is_stopped_long_before_its_end(coding: str):
    bomb = encoding.encode(coding, bytes(64 * 1024 * 1024))
    assert encoding.decode(coding, bomb, max_bytes=100_000) is None
    pieces = Decoder(coding, free_bytes=1_000_000).feed(bomb)
    taken: list[int] = []
    with pytest.raises(BrokenEncodingError, match="far more than its size"):
        taken.extend(map(len, pieces))
    assert sum(taken) <= 1_000_000 + 100 * len(bomb)


@each_coding
def test_a_body_that_is_cut_off_is_broken(coding: str):
    body = encoding.encode(coding, b"hello hello hello")
    with pytest.raises(BrokenEncodingError, match="ends in the middle"):
        decoded(coding, [body[:-3]])
    assert decoded(coding, []) == b""


@each_coding
def test_what_is_not_encoded_so_is_broken(coding: str):
    with pytest.raises(BrokenEncodingError):
        decoded(coding, [b"\xff\xfenot encoded at all"])
    with pytest.raises(BrokenEncodingError):
        decoded(coding, [encoding.encode(coding, b"hello"), b"and more"])


def test_several_members_are_one_body():
    assert decoded("gzip", [gzip.compress(b"one "), gzip.compress(b"two")]) == b"one two"
    assert decoded("zstd", [encoding.encode("zstd", b"one ") + encoding.encode("zstd", b"two")]) == b"one two"


def test_deflate_may_be_bare():
    bare = zlib.compressobj(wbits=-15)
    assert decoded("deflate", [bare.compress(b"hello") + bare.flush()]) == b"hello"


def test_a_frame_that_asks_for_much_memory_is_refused():
    frame = bytes([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x01, 0x00, 0x00])  # a window of 2 GiB
    with pytest.raises(BrokenEncodingError):
        decoded("zstd", [frame])


def test_what_is_not_known():
    assert [coding for coding in (*CODINGS, "compress", "gzip, br", "") if not encoding.is_known(coding)] == [
        "compress", "gzip, br", "",
    ]  # fmt: skip
