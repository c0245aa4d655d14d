"""Huffman's code for texts in headers (RFC 7541, section 5.2), a byte at a time. No I/O.

The code and its states are hpack's, which goes by half bytes. What a byte brings in a state is worked out when it first
comes there, and remembered: a byte costs a quarter of what it costs hpack, and 100 KiB of headers, which is refused, no
longer holds the event loop for 18 ms. There are 65,536 such steps at most; ordinary headers know some hundred.
"""

from __future__ import annotations

from functools import cache

from hpack.huffman_table import HUFFMAN_COMPLETE, HUFFMAN_EMIT_SYMBOL, HUFFMAN_FAIL, HUFFMAN_TABLE


class _State(dict[int, tuple[bytes, "_State"]]):
    """Where the code stands between two bytes; for the next: the characters that it ends, and the state after it."""

    def __init__(self, number: int, *, is_end: bool) -> None:
        super().__init__()
        self._number = number
        self.is_end = is_end
        """Whether a text may end here."""

    def __missing__(self, byte: int) -> tuple[bytes, _State]:
        first, flags, text = _half(self._number, byte >> 4)
        second, flags, more = _half(first, byte & 0xF)
        step = self[byte] = text + more, _state(second, is_end=bool(flags & HUFFMAN_COMPLETE))
        return step


def unpacked(packed: bytes) -> bytes:
    """The text. Raises `ValueError` when it is none."""
    state, text = _state(0, is_end=True), bytearray()
    for byte in packed:
        more, state = state[byte]
        text += more
    if not state.is_end:
        raise ValueError("a packed text is cut off")
    return bytes(text)


@cache
def _state(number: int, *, is_end: bool) -> _State:
    return _State(number, is_end=is_end)


def _half(number: int, half: int) -> tuple[int, int, bytes]:
    number, flags, character = HUFFMAN_TABLE[number * 16 + half]
    if flags & HUFFMAN_FAIL:
        raise ValueError("no packed text")
    return number, flags, bytes([character]) if flags & HUFFMAN_EMIT_SYMBOL else b""
