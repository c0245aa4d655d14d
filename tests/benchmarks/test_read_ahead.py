"""What the read-ahead's benchmark feeds, and what it counts."""

from __future__ import annotations

from benchmarks.floor.echoes import TOKENS
from benchmarks.read_ahead.__main__ import Spent, _columns, _Counted, _Paced


def test_a_clump_is_whole():
    """Each kind of source gives tokens of the same text; a clump that would not be whole is left out."""
    source = _Paced(0.5, rate=1e6, seconds=12e-6, clump=5)
    assert [*source] == TOKENS[:10]
    assert source.count == 10


def test_messages_are_counted_when_their_stream_is_over():
    channel = _Counted("127.0.0.1:1")
    first, second = (channel._counted(iter([b"a", b"b", b"c"])) for _ in range(2))
    assert [next(first), *second] == [b"a", b"a", b"b", b"c"]
    first.close()  # type: ignore[attr-defined]  # it is a generator
    assert channel.messages == 4
    channel.close()


def test_of_the_rounds_the_median_counts():
    assert _columns([Spent(1, 9, 3, 5), Spent(0.5, 7, 2, 6), Spent(0.25, 8, 1, 7)]) == {
        "messages": 0.5,
        "client, us": "8 (7 to 9)",
        "server, us": "2 (1 to 3)",
        "delay, us": 6,
    }
