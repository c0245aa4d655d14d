"""Framing: exact, incremental, and the same however the body was cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec.frames import Frame, FrameTooLongError, Framing, Lines, ServerSentEvents


def split(framing: Framing, pieces: list[bytes]) -> list[Frame]:
    frames = [frame for piece in pieces for frame in framing.feed(piece)]
    return [*frames, *framing.finish()]


def cuts(data: bytes, positions: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in itertools.pairwise([0, *sorted(positions), len(data)])]


BODIES = st.lists(
    st.sampled_from([b"data: a", b"data:", b"\n", b"\r", b"\r\n", b": x", b"event: e", b"data: \xc3\xa9", b"id"])
).map(b"".join)


@pytest.mark.parametrize("kind", (ServerSentEvents, Lines))
@given(body=BODIES, positions=st.lists(st.integers(0, 60), max_size=8))
def test_frames_are_the_body_however_it_was_cut(
    kind: type[ServerSentEvents], body: bytes, positions: list[int]
) -> None:
    whole = split(kind(max_bytes=1000), [body])
    cut = split(kind(max_bytes=1000), cuts(body, [min(each, len(body)) for each in positions]))
    single = split(kind(max_bytes=1000), [body[index : index + 1] for index in range(len(body))])
    assert b"".join(frame.raw for frame in whole) == body
    assert cut == whole
    assert single == whole


def test_an_event_has_a_name_and_data() -> None:
    body = b": hi\r\n\r\nevent: ping\ndata: one\ndata: two\n\ndata:{}\n\n"
    comment, ping, empty = split(ServerSentEvents(max_bytes=1000), [body])
    assert comment.payload is None
    assert (ping.event, ping.payload) == ("ping", b"one\ntwo")
    assert empty.payload == b"{}"


def test_a_changed_payload_leaves_the_rest_of_the_event() -> None:
    events = ServerSentEvents(max_bytes=1000)
    (frame,) = events.feed(b"id: 7\r\ndata:one\r\nretry: 5\r\n\r\n")
    assert events.with_payload(frame, b"1") == b"id: 7\r\ndata:1\r\nretry: 5\r\n\r\n"
    assert events.with_payload(frame, b"one") == frame.raw


def test_a_line_keeps_its_ending() -> None:
    lines = Lines(max_bytes=1000)
    (frame,) = lines.feed(b'{"a":1}\r\n')
    assert lines.with_payload(frame, b"{}") == b"{}\r\n"


@pytest.mark.parametrize("kind", (ServerSentEvents, Lines))
def test_a_frame_without_end_is_an_error(kind: type[ServerSentEvents]) -> None:
    framing = kind(max_bytes=100)
    assert list(framing.feed(b"x" * 100)) == []
    with pytest.raises(FrameTooLongError):
        list(framing.feed(b"x"))


def test_many_events_in_one_piece() -> None:
    assert len(list(ServerSentEvents(max_bytes=100).feed(b"data: x\n\n" * 1000))) == 1000
