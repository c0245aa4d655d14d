"""What one peer may make the light server hold or do, part by part; `tests/conformance` has the floods as a whole."""

from __future__ import annotations

import asyncio
import gzip
import struct
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

import grpc
import hpack
import pytest
from hpack.exceptions import HPACKDecodingError
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.huffman_table import decode_huffman
from hypothesis import given
from hypothesis import strategies as st

from sidecar.transport.http2 import frames as f
from sidecar.transport.http2.call import Call
from sidecar.transport.http2.compression import Inflater, Refused
from sidecar.transport.http2.connection import Bounds
from sidecar.transport.http2.floods import Allowance, Pings
from sidecar.transport.http2.headers import BlockReader, RequestHead, request_of
from sidecar.transport.http2.holdings import Answers, HoldingLimits, Holdings
from sidecar.transport.http2.huffman import unpacked
from sidecar.transport.http2.link import MOST_ANSWERS, MOST_DISCARDED, Link
from sidecar.transport.http2.messages import MessageReader
from sidecar.transport.http2.server import Http2Server
from tests.transport.peer import Peer, data, greeted, message, request_to

BOUNDS = Bounds(
    message_bytes=20 << 20,
    calls=200,
    keepalive_seconds=60.0,
    keepalive_timeout_seconds=10.0,
    min_ping_interval_seconds=10.0,
    message_seconds=600.0,
)
HASTY = replace(BOUNDS, message_seconds=0.2)
"""For what happens when the time is up; nothing else may depend on how busy the machine is."""
PACKED = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
ECHO, STUCK, ONE = "/t.Test/Echo", "/t.Test/Stuck", "/t.Test/One"
STATUS = {code.name: str(code.value[0]) for code in grpc.StatusCode}


async def _echo(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
    async for each in requests:
        yield each


async def _stuck(_requests: object, _context: object) -> None:
    await asyncio.Event().wait()


async def _one(request: bytes, _context: object) -> bytes:
    return request[:5]


@pytest.fixture
def bounds() -> Bounds:
    return BOUNDS


@pytest.fixture
async def server(bounds: Bounds) -> AsyncIterator[tuple[Http2Server, str]]:
    running = Http2Server(bounds)
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Echo": grpc.stream_stream_rpc_method_handler(_echo),
        "Stuck": grpc.stream_stream_rpc_method_handler(_stuck),
        "One": grpc.unary_unary_rpc_method_handler(_one),
    }
    running.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.Test", methods),))
    yield running, await running.listen("127.0.0.1:0")
    await running.stop(0.0)


@pytest.fixture
async def peer(server: tuple[Http2Server, str]) -> AsyncIterator[Peer]:
    client = await greeted(server[1])
    yield client
    client.writer.close()


# -- pings ------------------------------------------------------------------------------------------------------------


async def test_a_ping_behind_each_answer_is_a_probe_and_no_flood(peer: Peer):
    for stream in range(1, 400, 2):
        peer.send(peer.call(stream, ONE), data(stream, message(b"hello"), f.END_STREAM))
        assert (await peer.trailers(stream))["grpc-status"] == "0"
        peer.send(f.frame(f.PING, 0, 0, struct.pack(">Q", stream)))
        assert await peer.until(f.PING, 0) == (f.ACK, struct.pack(">Q", stream))


def strikes(times: Sequence[float], *, sent_at: Sequence[float] = ()) -> int:
    """How many pings at these times are taken before the connection ends."""
    pings, sent = Pings(8.0), sorted(sent_at)
    for count, now in enumerate(times):
        if sent and sent[0] < now:
            pings.forgive()
            sent = [each for each in sent if each >= now]
        try:
            pings.take(now)
        except f.ProtocolError:
            return count
    return len(times)


def test_the_third_early_ping_ends_the_connection():
    assert strikes([0, 1, 2, 3, 4]) == 3


def test_pings_in_good_time_never_do_though_a_timer_is_late_now_and_then():
    assert strikes([at * 10.0 for at in range(2_000)]) == 2_000
    late = [at * 10.0 + (5.0 if at % 3 == 0 else 0.0) for at in range(2_000)]
    assert strikes(late) == 2_000


def test_headers_or_data_that_were_sent_between_take_all_strikes_back():
    assert strikes([0, 1, 2, 3, 4, 5, 6], sent_at=[2.5, 5.5]) == 7


# -- floods -----------------------------------------------------------------------------------------------------------


async def test_a_slow_reader_that_widens_its_window_bit_by_bit_lives(peer: Peer):
    peer.send(f.settings({f.INITIAL_WINDOW_SIZE: 0}), peer.call(1, ECHO), data(1, message(b"x" * 5_995), f.END_STREAM))
    for _ in range(6_000):
        peer.send(f.window_update(1, 1))
    received = b""
    while len(received) < 6_000:
        received += (await peer.until(f.DATA, 1))[1]
    assert received == message(b"x" * 5_995)
    assert (await peer.trailers(1))["grpc-status"] == "0"


async def test_data_of_a_closed_stream_earns_nothing(peer: Peer):
    peer.send(peer.call(1, STUCK), f.reset(1, 8))
    peer.send((f.frame(f.PRIORITY, 0, 1, bytes(5)) + data(1, b"x")) * 3_000)
    _, payload = await peer.until(f.GOAWAY)
    assert struct.unpack(">II", payload[:8])[1] == f.ENHANCE_YOUR_CALM


def test_an_allowance_fills_up_with_time():
    allowance = Allowance(3, 1.0, "tries")
    for _ in range(3):
        allowance.spend(0.0)
    for now in range(1, 9):
        allowance.spend(float(now))
    with pytest.raises(f.ProtocolError, match="too many tries"):
        allowance.spend(8.5)


class Recorded:
    """A connection of one call, which sends nothing."""

    def __init__(self) -> None:
        self.holdings = Holdings()
        self.inflater = Inflater()
        self.peer, self.is_full = "unix:", False

    def later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, callback)

    def send_headers(self, *_: object, **__: object) -> None: ...
    def send(self, _call: Call, _data: bytes) -> bool:
        return True

    def cut(self, _call: Call) -> None: ...
    def widen(self, _call: Call, _size: int) -> None: ...
    def close_call(self, _call: Call) -> None: ...
    def work(self, _size: int) -> None: ...


class Pipe(asyncio.Transport):
    """A socket that takes nothing, and says what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0
        self._reads = True
        self.is_gone = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.unsent += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)

    def pause_reading(self) -> None:
        self._reads = False

    def resume_reading(self) -> None:
        self._reads = True

    def reads(self) -> bool:
        return self._reads

    def is_closing(self) -> bool:
        return self.is_gone

    def abort(self) -> None:
        self.is_gone = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        return


async def test_answers_that_are_not_taken_stop_the_reading(server: tuple[Http2Server, str]):
    link, pipe = Link(server[0]), Pipe()
    link.connection_made(pipe)
    link.data_received(f.PREFACE + f.settings({}))
    await asyncio.sleep(0)
    link.pause_writing()
    before, seconds = pipe.unsent, link.now()
    link.now = lambda: seconds  # type: ignore[method-assign]  # slowly enough to be no flood by their number
    while pipe.reads():
        seconds += 1.0
        link.data_received(f.settings({}))
        await asyncio.sleep(0)
    assert abs(pipe.unsent - before - MOST_ANSWERS) <= 2 * f.HEAD_BYTES
    link.resume_writing()
    assert pipe.reads()
    link.connection_lost(None)


async def test_frames_beyond_a_slice_of_time_wait_for_the_next_turn(server: tuple[Http2Server, str]):
    link, pipe = Link(server[0]), Pipe()
    link.connection_made(pipe)
    clock = iter(range(10**6))
    link.now = lambda: float(next(clock))  # type: ignore[method-assign]  # each look is a second later
    link.data_received(f.PREFACE + f.settings({}) + f.frame(0x77, 0, 0, b"") * 100)
    assert not pipe.reads()
    for _ in range(20):
        await asyncio.sleep(0)
    assert pipe.reads()
    link.connection_lost(None)


async def test_little_is_read_of_a_peer_behind_its_end(server: tuple[Http2Server, str]):
    link, pipe = Link(server[0]), Pipe()
    link.connection_made(pipe)
    link.data_received(f.PREFACE + f.settings({}) + f.frame(f.PING, 0, 1, bytes(8)))
    await asyncio.sleep(0)
    read = 0
    while pipe.reads():
        link.data_received(bytes(1 << 16))
        read += 1 << 16
    assert MOST_DISCARDED <= read <= 2 * MOST_DISCARDED
    link.connection_lost(None)


# -- messages ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_messages_are_the_same_however_their_bytes_are_cut(texts: list[bytes], draw: st.DataObject):
    whole, reader, found = b"".join(map(message, texts)), MessageReader(100), []
    while whole:
        at = draw.draw(st.integers(1, len(whole)))
        reader.feed(whole[:at])
        whole = whole[at:]
        while (each := reader.next()) is not None:
            found.append(each[1])
    assert (found, reader.pending) == (texts, 0)


async def test_many_messages_in_one_frame_leave_others_their_turns(server: tuple[Http2Server, str]):
    seen: list[str] = []
    link, pipe = Link(server[0]), Pipe()

    async def count(requests: AsyncIterator[bytes], _context: object) -> bytes:
        async for _ in requests:
            seen.append("message")  # noqa: PERF401 - while it goes on others note their turns
        return b""

    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {"Count": grpc.stream_unary_rpc_method_handler(count)}
    server[0].add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.More", methods),))
    link.connection_made(pipe)
    block = hpack.Encoder().encode(request_to("/t.More/Count"))
    call = f.frame(f.HEADERS, f.END_HEADERS, 1, block) + data(1, message(b"") * 3_000, f.END_STREAM)
    link.data_received(f.PREFACE + f.settings({}) + call)
    while seen.count("message") < 3_000:
        seen.append("turn")
        await asyncio.sleep(0)
    assert max(len(each) for each in "".join(word[0] for word in seen).split("t")) <= 32
    link.connection_lost(None)


@given(st.lists(st.binary(max_size=30), max_size=40), st.booleans(), st.data())
async def test_a_stream_has_the_same_messages_however_many_stand_in_a_frame(
    texts: list[bytes], is_cut_off: bool, draw: st.DataObject
):
    whole = b"".join(map(message, texts)) + (message(b"cut")[:-1] if is_cut_off else b"")
    wire = Recorded()
    call = Call(wire, 1, RequestHead(b"POST", b"/", []), send_window=1, limit=100, message_seconds=60.0)
    found, ending = [], ""

    async def read() -> None:
        nonlocal ending
        try:
            async for each in call.requests(None):
                found.append(each)  # noqa: PERF401 - what came before an error counts
        except grpc.aio.AbortError:
            ending = "aborted"

    reading = asyncio.create_task(read())
    while whole:
        at = draw.draw(st.integers(1, len(whole)))
        call.received(whole[:at], at)
        whole = whole[at:]
        await asyncio.sleep(0)
    call.ended()
    await reading
    assert (found, ending) == (texts, "aborted" if is_cut_off else "")


@pytest.mark.parametrize("bounds", [HASTY])
async def test_a_request_that_is_begun_has_to_be_whole_in_time(peer: Peer):
    peer.send(peer.call(1, ONE), data(1, message(b"hello")[:-1]))
    peer.send(peer.call(3, ONE))
    peer.send(peer.call(5, ECHO), data(5, message(b"hello")[:3]))
    for stream in (1, 3, 5):
        assert (await peer.trailers(stream))["grpc-status"] == STATUS["DEADLINE_EXCEEDED"]


@pytest.mark.parametrize("bounds", [HASTY])
async def test_a_stream_between_messages_may_take_its_time(peer: Peer):
    peer.send(peer.call(1, ECHO), data(1, message(b"hello")))
    assert await peer.until(f.DATA, 1) == (0, message(b"hello"))
    await asyncio.sleep(2 * HASTY.message_seconds)  # the one thing to see is that nothing happens
    peer.send(data(1, message(b"again"), f.END_STREAM))
    assert await peer.until(f.DATA, 1) == (0, message(b"again"))


async def test_a_large_message_is_let_in_when_there_is_room_and_others_wait_for_their_turn(
    server: tuple[Http2Server, str], peer: Peer
):
    size = 11_000_000
    for stream in (1, 3):
        peer.send(peer.call(stream, ONE), data(stream, message(b"", size=size)), data(stream, bytes(16_000)) * 3)
    await peer.until(f.WINDOW_UPDATE, 1)
    assert size <= server[0].holdings.held_bytes < 2 * size
    peer.send(f.reset(1, f.CANCEL))
    await peer.until(f.WINDOW_UPDATE, 3)
    peer.send(f.reset(3, f.CANCEL), peer.call(5, ONE), data(5, message(b"small"), f.END_STREAM))
    assert (await peer.trailers(5))["grpc-status"] == "0"
    assert server[0].holdings.held_bytes == 0


class Held:
    """A holder that says what was done to it."""

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.said: list[str] = []

    def admit(self) -> None:
        self.said.append("admitted")

    def evict(self) -> None:
        self.said.append("evicted")

    def cut(self) -> None:
        self.said.append("cut")


def test_of_unfinished_messages_that_are_too_many_the_first_begun_goes():
    holdings = Holdings(HoldingLimits(large=100, large_of_one=60, noted=100, noted_of_one=70))
    one, two, three = Held("a"), Held("b"), Held("b")
    holdings.note(one, 50)
    holdings.note(two, 40)
    holdings.note(three, 10)
    assert (one.said, two.said, three.said) == ([], [], [])
    holdings.note(three, 25)
    assert (one.said, two.said, three.said) == (["evicted"], [], [])
    holdings.note(three, 31)
    assert (two.said, three.said) == (["evicted"], [])


def test_large_messages_are_admitted_in_their_order_as_far_as_there_is_room():
    holdings = Holdings(HoldingLimits(large=100, large_of_one=60, noted=100, noted_of_one=60))
    one, two, three, four = Held("a"), Held("a"), Held("b"), Held("c")
    for holder in (one, two, three, four):
        holdings.ask(holder, 50)
    assert [each.said for each in (one, two, three, four)] == [["admitted"], [], ["admitted"], []]
    holdings.release(one)
    assert [each.said for each in (two, four)] == [["admitted"], []]
    holdings.release(three)
    assert four.said == ["admitted"]


def test_one_message_is_let_in_however_large():
    holdings, one = Holdings(HoldingLimits(large=1, large_of_one=1)), Held("a")
    holdings.ask(one, 1 << 30)
    assert one.said == ["admitted"]


def test_an_answer_that_nobody_takes_is_cut_when_too_much_waits_and_one_that_moves_is_not():
    answers, still, moving = Answers(100), Held("a"), Held("b")
    answers.wait(still, 60, 0.0)
    answers.wait(moving, 60, 0.25)
    assert (still.said, moving.said) == ([], [])
    answers.wait(moving, 50, 1.5)
    assert (still.said, moving.said, answers.total) == (["cut"], [], 50)
    answers.leave(moving)
    assert answers.total == 0


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_is_opened_no_further_than_the_limit(encoding: str):

    pack = gzip.compress if encoding == "gzip" else zlib.compress
    assert await Inflater().open(encoding, pack(b"x" * 300_000), 300_000) == b"x" * 300_000
    with pytest.raises(Refused) as caught:
        await Inflater().open(encoding, pack(bytes(50_000_000)), 300_000)
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_what_was_opened_of_a_bomb_is_not_kept_by_its_error():
    with pytest.raises(Refused) as caught:
        await Inflater().open("gzip", gzip.compress(bytes(5_000_000)), 3_000_000)
    tracemalloc.start()
    with pytest.raises(Refused) as caught:
        await Inflater().open("gzip", gzip.compress(bytes(5_000_000)), 3_000_000)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert kept < 200_000


async def test_one_large_message_is_opened_at_a_time_and_small_ones_pass_it():

    inflater, order = Inflater(), []

    async def open_one(name: str, size: int) -> None:
        await inflater.open("gzip", gzip.compress(bytes(size)), 10**8)
        order.append(name)

    await asyncio.gather(open_one("first", 5_000_000), open_one("second", 5_000_000), open_one("small", 10))
    assert order == ["small", "first", "second"]


# -- headers ----------------------------------------------------------------------------------------------------------


def test_a_list_that_is_too_large_leaves_the_table_as_its_writer_has_it():

    encoder, reader = hpack.Encoder(), BlockReader()
    pairs = [*request_to("/t.Test/Echo"), ("x-large", "y" * 20_000), ("x-small", "z")]
    fields, is_too_large = reader.read(encoder.encode(pairs))
    assert is_too_large
    assert (b"x-large", b"y" * 20_000) not in fields
    assert reader.read(encoder.encode(request_to("/t.Test/Echo"))) == (
        [(name.encode(), value.encode()) for name, value in request_to("/t.Test/Echo")],
        False,
    )


@given(st.lists(st.tuples(st.text("abc-", min_size=1, max_size=9), st.text("xyz ,=é", max_size=30)), max_size=12))
def test_blocks_are_read_as_hpacks_own_decoder_reads_them(pairs: list[tuple[str, str]]):

    encoder, theirs, ours = hpack.Encoder(), hpack.Decoder(), BlockReader()
    for _ in range(3):
        block = encoder.encode([(name.encode(), value.encode()) for name, value in pairs])
        assert ours.read(block)[0] == [tuple(each) for each in theirs.decode(block, raw=True)]


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(PACKED.encode)))
def test_texts_are_unpacked_as_hpack_does(packed: bytes):
    try:
        theirs = decode_huffman(packed)
    except HPACKDecodingError:
        with pytest.raises(ValueError, match="packed text"):
            unpacked(packed)
    else:
        assert unpacked(packed) == theirs


@given(st.binary(max_size=60))
def test_bytes_that_are_no_headers_are_an_error_of_the_protocol_and_no_other(block: bytes):
    try:
        fields, _ = BlockReader().read(block)
        request_of(fields)
    except (f.ProtocolError, f.StreamError):
        return


# -- going away -------------------------------------------------------------------------------------------------------


async def test_what_is_on_its_way_when_a_drain_begins_is_served(server: tuple[Http2Server, str], peer: Peer):
    peer.send(peer.call(1, ECHO), data(1, message(b"one")))
    assert await peer.until(f.DATA, 1) == (0, message(b"one"))
    going = asyncio.create_task(server[0].go_away())
    _, first = await peer.until(f.GOAWAY)
    assert struct.unpack(">II", first[:8]) == (f.LARGEST_STREAM, f.NO_ERROR)
    _, ping = await peer.until(f.PING, 0)
    peer.send(peer.call(3, ECHO), data(3, message(b"two"), f.END_STREAM))  # before it has heard
    peer.send(f.frame(f.PING, f.ACK, 0, ping))
    assert await peer.until(f.DATA, 3) == (0, message(b"two"))
    assert (await peer.trailers(3))["grpc-status"] == "0"
    await going
    peer.send(peer.call(5, ECHO))
    _, refused = await peer.until(f.RST_STREAM, 5)
    assert f.number_of(refused) == f.REFUSED_STREAM
    peer.send(data(1, message(b"three"), f.END_STREAM))
    assert await peer.until(f.DATA, 1) == (0, message(b"three"))
    assert (await peer.trailers(1))["grpc-status"] == "0"
    assert await peer.reader.read() == b""


async def test_a_client_that_says_nothing_does_not_hold_up_a_drain(server: tuple[Http2Server, str], peer: Peer):
    await peer.until(f.SETTINGS)
    async with asyncio.timeout(20):
        await server[0].go_away()
    _, last = await peer.until(f.GOAWAY)
    assert last[:4] == struct.pack(">I", f.LARGEST_STREAM)
    _, last = await peer.until(f.GOAWAY)
    assert last[:4] == bytes(4)


# -- work -------------------------------------------------------------------------------------------------------------


async def test_a_request_whose_end_comes_late_is_answered_however_large(peer: Peer):
    """Its end is a frame of its own, as Node's clients send it: what holds the reading back must not wait for it."""
    text = bytes(3 << 20)
    whole, room = message(text), 65_535
    peer.send(peer.call(1, ONE), f.window_update(0, 1 << 24))
    while whole:
        while room and whole:
            size = min(room, f.DEFAULT_FRAME, len(whole))
            peer.send(data(1, whole[:size]))
            whole, room = whole[size:], room - size
        if whole:
            room += f.number_of((await peer.until(f.WINDOW_UPDATE, 1))[1])
    peer.send(f.frame(f.PING, 0, 0, bytes(8)))
    await peer.until(f.PING, 0)
    peer.send(data(1, b"", f.END_STREAM))
    assert (await peer.trailers(1))["grpc-status"] == "0"


async def test_whole_requests_that_do_not_end_are_bounded_like_unfinished_ones(
    server: tuple[Http2Server, str], peer: Peer
):
    for stream in range(1, 201, 2):
        peer.send(peer.call(stream, ONE))
        for part in (message(bytes(60_000))[at : at + 16_000] for at in range(0, 60_005, 16_000)):
            peer.send(data(stream, part))
    assert (await peer.trailers(1))["grpc-status"] == STATUS["RESOURCE_EXHAUSTED"]
    assert server[0].holdings.held_bytes <= HoldingLimits().noted_of_one
