"""The light server against a peer that speaks HTTP/2 by hand: what it must answer, and what it must not put up with."""

from __future__ import annotations

import asyncio
import gzip
import struct
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from sidecar.transport.http2 import frames
from sidecar.transport.http2.call import WINDOW_BYTES
from sidecar.transport.http2.connection import Bounds
from sidecar.transport.http2.server import Http2Server
from tests.transport.peer import Peer, data, greeted, message

BOUNDS = Bounds(
    message_bytes=1 << 20,
    calls=4,
    keepalive_seconds=60.0,
    keepalive_timeout_seconds=10.0,
    min_ping_interval_seconds=10.0,
)
ECHO, LARGE, STUCK = "/t.Test/Echo", "/t.Test/Large", "/t.Test/Stuck"


async def _echo(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
    async for each in requests:
        yield each


async def _large(_requests: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
    await context.write(b"x" * 100_000)


async def _stuck(_requests: object, _context: object) -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    server = Http2Server(BOUNDS)
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        path.rpartition("/")[2]: grpc.stream_stream_rpc_method_handler(behaviour)
        for path, behaviour in ((ECHO, _echo), (LARGE, _large), (STUCK, _stuck))
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.Test", methods),))
    client = await greeted(await server.listen("127.0.0.1:0"))
    yield client
    client.writer.close()
    await server.stop(0.0)


async def test_a_message_may_come_in_any_pieces(peer: Peer):
    whole = peer.call(1, ECHO) + data(1, message(b"one") + message(b"two")[:3]) + data(1, message(b"two")[3:], 1)
    for byte in whole:
        peer.send(bytes([byte]))
        await peer.writer.drain()
    echoed = b""
    while len(echoed) < len(message(b"one") + message(b"two")):
        echoed += (await peer.until(frames.DATA))[1]
    assert echoed == message(b"one") + message(b"two")
    assert (await peer.trailers(1))["grpc-status"] == "0"


async def test_padding_priorities_and_continuations_are_understood(peer: Peer):
    block = peer.headers(ECHO)
    padded = bytes([2]) + bytes(5) + block[:7] + bytes(2)
    flags = frames.PADDED | frames.HAS_PRIORITY
    peer.send(
        frames.frame(frames.HEADERS, flags, 1, padded),
        frames.frame(frames.CONTINUATION, frames.END_HEADERS, 1, block[7:]),
        data(1, bytes([3]) + message(b"hello") + bytes(3), frames.PADDED | frames.END_STREAM),
    )
    assert await peer.until(frames.DATA) == (0, message(b"hello"))


async def test_a_zipped_message_is_read_within_the_limit(peer: Peer):
    small, bomb = gzip.compress(b"hello"), gzip.compress(bytes((1 << 20) + 1))
    peer.send(peer.call(1, ECHO, grpc_encoding="gzip"), data(1, message(small, 1), 1))
    assert await peer.until(frames.DATA) == (0, message(b"hello"))
    peer.send(peer.call(3, ECHO, grpc_encoding="gzip"), data(3, message(bomb, 1), 1))
    assert (await peer.trailers(1))["grpc-status"] == "0"
    assert (await peer.trailers(3))["grpc-status"] == str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])


async def test_what_is_sent_waits_for_the_windows(peer: Peer):
    peer.send(peer.call(1, LARGE))
    received = 0
    while received < frames.DEFAULT_WINDOW:
        received += len((await peer.until(frames.DATA))[1])
    assert received == frames.DEFAULT_WINDOW
    peer.send(frames.window_update(1, 100_000), frames.window_update(0, 100_000))
    while received < 100_005:
        received += len((await peer.until(frames.DATA))[1])
    assert (await peer.trailers(1))["grpc-status"] == "0"


async def test_messages_stay_whole_and_in_order_however_little_room_there_is(peer: Peer):
    """Those that fit go at once; one that does not waits, and all behind it with it."""
    texts = [bytes([letter]) * 40 for letter in b"abcdef"]
    room = frames.frame(frames.SETTINGS, 0, 0, struct.pack(">HI", frames.INITIAL_WINDOW_SIZE, 100))
    peer.send(room, peer.call(1, ECHO), *(data(1, message(text)) for text in texts))
    sizes, received = [], b""
    while len(received) < 100:
        received += (part := (await peer.until(frames.DATA, 1))[1])
        sizes.append(len(part))
    assert sizes == [45, 45, 10]
    for more in (1, 30, 200):
        peer.send(frames.window_update(1, more))
        while len(received) < min(6 * 45, 100 + more):
            received += (await peer.until(frames.DATA, 1))[1]
    peer.send(frames.window_update(1, 1000), data(1, b"", frames.END_STREAM))
    while len(received) < 6 * 45:
        received += (await peer.until(frames.DATA, 1))[1]
    assert received == b"".join(map(message, texts))
    assert (await peer.trailers(1))["grpc-status"] == "0"


async def test_a_message_larger_than_the_window_arrives(peer: Peer):
    text = bytes(WINDOW_BYTES * 2)
    rest, room = message(text), WINDOW_BYTES
    peer.send(peer.call(1, ECHO), frames.window_update(0, 1 << 24), frames.window_update(1, 1 << 24))
    while rest:
        while room > 0 and rest:
            part, rest = rest[: min(room, frames.DEFAULT_FRAME)], rest[min(room, frames.DEFAULT_FRAME) :]
            room -= len(part)
            peer.send(data(1, part, 0 if rest else frames.END_STREAM))
        if rest:
            room += frames.number_of((await peer.until(frames.WINDOW_UPDATE, 1))[1])
    received = 0
    while received < len(message(text)):
        received += len((await peer.until(frames.DATA))[1])


async def test_who_does_not_read_is_sent_no_room(peer: Peer):
    peer.send(peer.call(1, STUCK))
    for _ in range(WINDOW_BYTES // frames.DEFAULT_FRAME):
        peer.send(data(1, message(bytes(frames.DEFAULT_FRAME - 5))))
    peer.send(frames.frame(frames.PING, 0, 0, bytes(8)))
    seen: list[tuple[int, int]] = []
    while (frames.PING, 0) not in seen:
        kind, _, stream, _ = await peer.frame()
        seen.append((kind, stream))
    assert seen.count((frames.WINDOW_UPDATE, 1)) <= 1


@pytest.mark.parametrize(
    ("path", "more", "code"),
    [
        ("/t.Test/Nothing", {}, grpc.StatusCode.UNIMPLEMENTED),
        (ECHO, {"content_type": "text/plain"}, grpc.StatusCode.INVALID_ARGUMENT),
        (STUCK, {"grpc_timeout": "1m"}, grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
)
async def test_a_call_that_cannot_be_served_has_a_status(
    peer: Peer, path: str, more: dict[str, str], code: grpc.StatusCode
):
    peer.send(peer.call(1, path, **more))
    assert (await peer.trailers(1))["grpc-status"] == str(code.value[0])


async def test_an_incomplete_message_is_the_callers_fault(peer: Peer):
    peer.send(peer.call(1, ECHO), data(1, message(b"hello")[:-1], frames.END_STREAM))
    assert (await peer.trailers(1))["grpc-status"] == str(grpc.StatusCode.INVALID_ARGUMENT.value[0])


async def test_more_calls_than_allowed_are_refused(peer: Peer):
    peer.send(*(peer.call(1 + 2 * number, STUCK) for number in range(BOUNDS.calls + 1)))
    _, payload = await peer.until(frames.RST_STREAM, 1 + 2 * BOUNDS.calls)
    assert frames.number_of(payload) == frames.REFUSED_STREAM


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frames.frame(frames.DATA, 0, 7, b"x"), frames.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 4, 2, b""), frames.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 4, 1, b"\xff\xff\xff\xff\xff"), frames.COMPRESSION_ERROR),
        (frames.frame(frames.CONTINUATION, 4, 1, b""), frames.PROTOCOL_ERROR),
        (frames.frame(frames.HEADERS, 0, 1, b"") + frames.frame(frames.PING, 0, 0, bytes(8)), frames.PROTOCOL_ERROR),
        (frames.frame(frames.PUSH_PROMISE, 0, 1, b""), frames.PROTOCOL_ERROR),
        (frames.frame(frames.SETTINGS, 0, 0, bytes(5)), frames.FRAME_SIZE_ERROR),
        (frames.settings({frames.MAX_FRAME_SIZE: 1}), frames.PROTOCOL_ERROR),
        (frames.frame(frames.WINDOW_UPDATE, 0, 0, bytes(3)), frames.FRAME_SIZE_ERROR),
        (frames.window_update(0, frames.LARGEST_WINDOW), frames.FLOW_CONTROL_ERROR),
        (frames.frame(frames.HEADERS, 0, 1, bytes(frames.DEFAULT_FRAME + 1)), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.PING, 0, 0, bytes(7)), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.PING, 0, 1, bytes(8)), frames.PROTOCOL_ERROR),
        (frames.frame(frames.RST_STREAM, 0, 1, bytes(3)), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.SETTINGS, frames.ACK, 0, bytes(6)), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.SETTINGS, 0, 1), frames.PROTOCOL_ERROR),
        (frames.settings({frames.ENABLE_PUSH: 2}), frames.PROTOCOL_ERROR),
        (frames.window_update(0, 0), frames.PROTOCOL_ERROR),
        (frames.window_update(7, 1), frames.PROTOCOL_ERROR),
        (frames.frame(frames.GOAWAY, 0, 0, bytes(7)), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.GOAWAY, 0, 1, bytes(8)), frames.PROTOCOL_ERROR),
        (frames.frame(frames.PRIORITY, 0, 0, bytes(5)), frames.PROTOCOL_ERROR),
        (frames.frame(frames.PING, 0, 0, bytes(8)) * 8, frames.ENHANCE_YOUR_CALM),
        (frames.frame(frames.PRIORITY, 0, 1, bytes(5)) * 3000, frames.ENHANCE_YOUR_CALM),
    ],
)
async def test_who_breaks_the_protocol_is_told_and_cut_off(peer: Peer, sent: bytes, code: int):
    peer.send(sent)
    _, payload = await peer.until(frames.GOAWAY)
    assert struct.unpack(">II", payload[:8])[1] == code
    assert await peer.reader.read() == b""


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (data(1, message(bytes(frames.DEFAULT_FRAME - 5))) * 7, frames.FLOW_CONTROL_ERROR),
        (data(1, message(b"on"), frames.END_STREAM) + data(1, message(b"and on")), frames.STREAM_CLOSED),
        (frames.frame(frames.DATA, 0, 1, bytes(frames.DEFAULT_FRAME + 1)), frames.FRAME_SIZE_ERROR),
        (frames.window_update(1, frames.LARGEST_WINDOW), frames.FLOW_CONTROL_ERROR),
        (frames.window_update(1, 0), frames.PROTOCOL_ERROR),
        (frames.frame(frames.PRIORITY, 0, 1, bytes(4)), frames.FRAME_SIZE_ERROR),
        (frames.frame(frames.PRIORITY, 0, 1, bytes([0, 0, 0, 1, 0])), frames.PROTOCOL_ERROR),
    ],
)
async def test_what_is_wrong_in_one_stream_ends_that_one_and_its_neighbours_live(peer: Peer, sent: bytes, code: int):
    peer.send(peer.call(1, STUCK), sent)
    _, payload = await peer.until(frames.RST_STREAM, 1)
    assert frames.number_of(payload) == code
    peer.send(peer.call(3, ECHO), data(3, message(b"on"), frames.END_STREAM))
    assert await peer.until(frames.DATA, 3) == (0, message(b"on"))


async def test_a_flood_of_calls_that_are_given_up_ends_the_connection(peer: Peer):
    for number in range(1, 2400, 2):
        peer.send(peer.call(number, STUCK), data(number, message(b"x")), frames.reset(number, 8))
    _, payload = await peer.until(frames.GOAWAY)
    assert struct.unpack(">II", payload[:8])[1] == frames.ENHANCE_YOUR_CALM


async def test_a_client_that_goes_away_cancels_its_call(peer: Peer):
    peer.send(peer.call(1, STUCK), frames.reset(1, 8), peer.call(3, ECHO), data(3, message(b"on"), 1))
    assert await peer.until(frames.DATA) == (0, message(b"on"))
