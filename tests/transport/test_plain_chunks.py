"""The message that comes for each token: what is read of it by hand is what protobuf reads, or nothing is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.config import Limits
from sidecar.errors import CallerError
from sidecar.transport.convert import parse
from sidecar.transport.http2 import frames
from sidecar.transport.http2.call import Call
from sidecar.transport.http2.server import Http2Server
from sidecar.transport.lanes import LaneReader
from sidecar.transport.plain_chunks import MOST_BYTES, PlainChunks
from sidecar.values import Direction, Lane
from tests.transport.peer import Peer, data, greeted, message
from tests.transport.test_http2 import BOUNDS
from tidegate.v1 import guard_pb2 as pb

LANES = (None, pb.Lane(), pb.Lane(choice=1), pb.Lane(choice=300, channel=pb.CHANNEL_REASONING, part=pb.PART_MODEL))


def _reader() -> LaneReader:
    reader = LaneReader(Direction.OUTPUT, Limits())
    for lane in (*LANES, pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS)):
        reader.lane_of(lane or pb.Lane())
    return reader


def _taken(data: bytes, reader: LaneReader | None = None) -> list[tuple[Lane, str]]:
    taken: list[tuple[Lane, str]] = []

    def pour(lane: Lane, text: str) -> bool:
        taken.append((lane, text))
        return True

    chunks = PlainChunks(reader or _reader(), pour)
    assert chunks.take(data) == bool(taken)
    return taken


def _request(text: str, lane: pb.Lane | None = None, **more: Any) -> bytes:
    return pb.StreamRequest(chunk=pb.Chunk(text=text, lane=lane, **more)).SerializeToString()


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("text", ["a", " order", "ë", "日本", "\n\n", "x" * 100])
def test_a_token_of_a_known_lane_is_taken(lane: pb.Lane | None, text: str):
    assert _taken(_request(text, lane)) == [(_reader().lane_of(lane or pb.Lane()), text)]


OTHERS = {
    "nothing": b"",
    "a chunk that says nothing": pb.StreamRequest(chunk=pb.Chunk()).SerializeToString(),
    "an empty lane and no text": pb.StreamRequest(chunk=pb.Chunk(lane=pb.Lane())).SerializeToString(),
    "a lane's end": _request("a", ends_lane=True),
    "bytes": pb.StreamRequest(chunk=pb.Chunk(data=b"a")).SerializeToString(),
    "a finish": pb.StreamRequest(finish=pb.Finish()).SerializeToString(),
    "a start": pb.StreamRequest(start=pb.Start(policy="a")).SerializeToString(),
    "a lane that did not come before": _request("a", pb.Lane(choice=2)),
    "arguments of a call": _request("{", pb.Lane(channel=pb.CHANNEL_TOOL_ARGUMENTS)),
    "a long text": _request("x" * MOST_BYTES),
    "half a character": _request("é")[:-1],
    "no UTF-8": _request("ab").replace(b"ab", b"\xed\xa0"),
    "a text behind a text": b"\x12\x06\x12\x01a\x12\x01b",
    "a size in two bytes": b"\x12\x83\x00\x12\x01a",
    "a lane that ends behind the message": b"\x12\x03\x0a\x7fa",
    "two chunks": _request("a") + _request("b"),
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS.keys())
def test_anything_else_is_left_to_protobuf(data: bytes):
    assert _taken(data) == []


@given(
    st.one_of(
        st.binary(max_size=24),
        st.builds(_request, st.text(max_size=40), st.sampled_from(LANES), ends_lane=st.booleans()),
    ),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=3),
)
def test_what_is_taken_is_what_protobuf_reads(data: bytes, changes: list[tuple[int, int]]):
    changed = bytearray(data)
    for at, byte in changes:
        if at < len(changed):
            changed[at] = byte
    for lane, text in _taken(bytes(changed)):
        chunk, reader = parse(pb.StreamRequest, bytes(changed)).chunk, _reader()
        assert (reader.lane_of(chunk.lane), reader.text_of(chunk, lane), chunk.ends_lane) == (lane, text, False)


def test_a_lane_whose_characters_may_be_cut_is_left_to_who_joins_them():
    reader = _reader()
    reader.text_of(pb.Chunk(data="é".encode()[:1]), Lane())
    assert _taken(_request("a"), reader) == []
    with pytest.raises(CallerError, match="inside a character"):
        reader.text_of(pb.Chunk(text="a"), Lane())
    assert len(_taken(_request("a", pb.Lane(choice=1)), reader)) == 1


def test_so_is_one_that_is_named_otherwise_later():
    reader, named = _reader(), pb.Lane(part=pb.PART_MODEL)
    reader.text_of(pb.Chunk(data=b"a"), Lane())
    assert reader.lane_of(named) == Lane()
    reader.text_of(pb.Chunk(data="é".encode()[:1]), Lane())
    assert _taken(_request("a", named), reader) == []


class _Handing:
    """A method that is handed messages, and reads those that it does not take: the ones with a capital letter."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.handed: list[bytes] = []
        self.read: list[bytes] = []
        self.waits = asyncio.Event()

    def take(self, message: bytes) -> bool:
        if message[:1].isupper():
            return False
        self.came.append(message)
        self.handed.append(message)
        return True

    async def serve(self, _requests: object, context: Any) -> None:
        assert isinstance(context, Call)
        context.hand_to(self.take)
        asyncio.get_running_loop().call_soon(self.waits.set)
        while (each := await context.read()) is not grpc.aio.EOF:
            self.came.append(each)
            self.read.append(each)


@pytest.fixture
async def handing() -> AsyncIterator[tuple[_Handing, Peer]]:
    server, method = Http2Server(BOUNDS), _Handing()
    handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(method.serve)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.Test", {"Hand": handler}),))
    peer = await greeted(await server.listen("127.0.0.1:0"))
    peer.send(peer.call(1, "/t.Test/Hand"))
    await method.waits.wait()
    yield method, peer
    peer.writer.close()
    await server.stop(0.0)


Handing = tuple[_Handing, Peer]
LETTERS = [*b"abcDefGHijklmno"]


def _messages() -> list[bytes]:
    return [bytes([letter]) * (1 + letter % 3) for letter in LETTERS]


@pytest.mark.parametrize("size", [1, 3, 9, 14, 16, 40, 10_000])
async def test_each_message_comes_once_and_in_order_however_it_is_cut(handing: Handing, size: int):
    method, peer = handing
    sent = b"".join(data(1, message(each)) for each in _messages()) + data(1, b"", frames.END_STREAM)
    for at in range(0, len(sent), size):
        peer.send(sent[at : at + size])
        await peer.writer.drain()
        await asyncio.sleep(0)
    assert (await peer.trailers(1))["grpc-status"] == "0"
    assert method.came == _messages()
    assert all(not each[:1].isupper() for each in method.handed)


async def test_messages_that_are_not_a_frame_each_are_handed_over_or_read(handing: Handing):
    method, peer = handing
    joined = b"".join(map(message, _messages()))
    peer.send(data(1, joined[:20]), data(1, joined[20:]), data(1, b"", frames.END_STREAM))
    assert (await peer.trailers(1))["grpc-status"] == "0"
    assert method.came == _messages()


async def test_what_is_handed_over_gives_its_room_back(handing: Handing):
    method, peer = handing
    text = bytes([*b"a"]) * 1000
    for _ in range(40):
        peer.send(data(1, message(text)))
    flags, payload = await peer.until(frames.WINDOW_UPDATE, 1)
    assert (flags, frames.number_of(payload)) == (0, 33 * len(message(text)))
    assert set(method.handed) == {text}


async def test_padded_and_zipped_messages_and_those_of_ended_calls_go_the_long_way(handing: Handing):
    method, peer = handing
    peer.send(data(1, bytes([2]) + message(b"a") + bytes(2), frames.PADDED), data(1, message(b"b", 1)))
    assert (await peer.trailers(1))["grpc-status"] == str(grpc.StatusCode.INTERNAL.value[0])
    peer.send(data(1, message(b"c")), peer.call(3, "/t.Test/Hand"), data(3, b"", frames.END_STREAM))
    assert (await peer.trailers(3))["grpc-status"] == "0"
    assert (method.handed, method.read) == ([], [b"a"])
