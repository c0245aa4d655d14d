"""What callers do wrong, with a real server: the status that says so, and nothing that leaks, hangs or stays open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Literal, NoReturn

import grpc
import pytest

from detectors.base import BatchItem
from detectors.types import Finding
from sidecar.config import Grpc, Limits
from sidecar.errors import TidegateError
from sidecar.transport.lanes import LaneReader
from sidecar.values import Action
from tests.fakes import SegmentFlagger, WordScanner, plan, rule
from tests.servers import HandScheduler, Serving, serving
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc

S = grpc.StatusCode
POLICY = plan((WordScanner(r"\d{4} \d{4}"), [rule(Action.REDACT)]))
START = pb.StreamRequest(start=pb.Start())
FINISH = pb.StreamRequest(finish=pb.Finish())


def chunk(text: str = "", *, data: bytes | None = None, **lane: int) -> pb.StreamRequest:
    payload = {"data": data} if data is not None else {"text": text}
    return pb.StreamRequest(chunk=pb.Chunk(lane=pb.Lane(**lane), **payload))  # type: ignore[arg-type]


@pytest.fixture
async def server() -> AsyncIterator[Serving]:
    limits = Limits(
        max_stream_chars=200_000, max_context_chars=100, max_context_passages=2, max_lanes=3, max_name_chars=20
    )
    async with serving(POLICY, limits=limits) as running:
        yield running


async def stream_status(address: str, messages: Sequence[pb.StreamRequest | bytes]) -> tuple[grpc.StatusCode, str, str]:
    """Send messages and half-close; the status, its words, and the text that came out."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.stream_stream(
            "/tidegate.v1.GuardService/Stream",
            response_deserializer=pb.StreamResponse.FromString,
        )
        call = call(_paced(messages))
        text = ""
        try:
            async for response in call:
                text += response.release.text
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or "", text
        return await call.code(), "", text


async def _paced(messages: Iterable[pb.StreamRequest | bytes]) -> AsyncIterator[bytes]:
    for message in messages:
        yield message if isinstance(message, bytes) else message.SerializeToString()
        await asyncio.sleep(0)


async def raw_call(channel: grpc.aio.Channel, method: str, data: bytes) -> bytes:
    call: Any = channel.unary_unary(f"/tidegate.v1.GuardService/{method}")
    answer: bytes = await call(data)
    return answer


# --- wrong order ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "code", "words"),
    [
        ([chunk("text")], S.FAILED_PRECONDITION, "start: must be the first message"),
        ([FINISH], S.FAILED_PRECONDITION, "start: must be the first message"),
        ([], S.FAILED_PRECONDITION, "start: the stream ended before it was started"),
        ([START, START], S.FAILED_PRECONDITION, "start: came twice"),
        ([START, pb.StreamRequest()], S.INVALID_ARGUMENT, "message: is empty"),
        ([pb.StreamRequest()], S.FAILED_PRECONDITION, "start: must be the first message"),
        ([b"\xff\xff"], S.INVALID_ARGUMENT, "message: is not a valid StreamRequest"),
        ([START, b"\x12\x04\x12\x02\xc3\x28"], S.INVALID_ARGUMENT, "message: is not a valid StreamRequest"),
        ([START, chunk(data=b"\xc3\x28")], S.INVALID_ARGUMENT, "chunk.data: is not valid UTF-8"),
        ([START, chunk(data=b"\xc3")], S.INVALID_ARGUMENT, "chunk.data: the stream ends inside a character"),
        ([START, chunk(data=b"\xc3"), chunk("x")], S.INVALID_ARGUMENT, "chunk.text: came while"),
        ([START, chunk("x" * 65_537)], S.INVALID_ARGUMENT, "chunk.text: has 65537 bytes; at most 65536"),
        ([START, chunk(data=b"x" * 65_537)], S.INVALID_ARGUMENT, "chunk.data: has 65537 bytes; at most 65536"),
        ([START, *[chunk("x" * 60_000)] * 4], S.INVALID_ARGUMENT, "chunk: a stream has at most 200000 characters"),
        ([START, *[chunk("x", choice=n) for n in range(4)]], S.INVALID_ARGUMENT, "chunk.lane: a stream has at most 3"),
        ([START, chunk("x", channel=9)], S.INVALID_ARGUMENT, "chunk.lane.channel: 9 is not a channel"),
        ([START, chunk("x", part=9)], S.INVALID_ARGUMENT, "chunk.lane.part: 9 is not a part"),
        ([pb.StreamRequest(start=pb.Start(policy="nope"))], S.NOT_FOUND, "there is no policy named 'nope'"),
        ([pb.StreamRequest(start=pb.Start(direction=7))], S.INVALID_ARGUMENT, "start.direction: 7"),  # type: ignore[arg-type]
        ([pb.StreamRequest(start=pb.Start(prompt="x" * 101))], S.INVALID_ARGUMENT, "start.context: has 101 characters"),
        (
            [pb.StreamRequest(start=pb.Start(context=[pb.Passage()] * 3))],
            S.INVALID_ARGUMENT,
            "start.context: has 3 passages",
        ),
        ([pb.StreamRequest(start=pb.Start(tenant="x" * 21))], S.INVALID_ARGUMENT, "start.tenant: has 21 characters"),
    ],
)
async def test_what_a_stream_may_not_send_is_named(
    server: Serving, messages: Sequence[pb.StreamRequest | bytes], code: grpc.StatusCode, words: str
):
    status, details, _ = await stream_status(server.address, messages)

    assert status is code
    assert details.startswith(words)
    await server.engine.wait_idle()


def behind_the_finish(
    address: str, messages: Sequence[pb.StreamRequest], behind: pb.StreamRequest | bytes, turns: int
) -> tuple[grpc.StatusCode, str, str]:
    """As `stream_status`, by grpc's other client: asyncio's has a status of its own for a write that comes late."""

    def sent() -> Iterator[bytes]:
        yield from (message.SerializeToString() for message in messages)
        for _ in range(turns):
            time.sleep(0)
        yield behind if isinstance(behind, bytes) else behind.SerializeToString()

    with grpc.insecure_channel(address) as channel:
        method: Any = channel.stream_stream(
            "/tidegate.v1.GuardService/Stream", response_deserializer=pb.StreamResponse.FromString
        )
        call = method(sent())
        text = "".join(each.release.text for each in call)
        return call.code(), call.details(), text


@pytest.mark.parametrize("turns", [0, 1, 5, 50])
@pytest.mark.parametrize("kind", ["light", "grpcio"])
async def test_what_comes_behind_the_finish_changes_nothing_soon_or_late(kind: Literal["light", "grpcio"], turns: int):
    statuses = set()
    async with serving(POLICY, grpc=Grpc(listen=("127.0.0.1:0",), server=kind)) as server:
        for behind in (START, chunk("x" * 70_000), b"\xff\xff", FINISH):
            messages = [START, chunk("text 1111 2222."), FINISH]
            statuses.add(await asyncio.to_thread(behind_the_finish, server.address, messages, behind, turns))
    assert statuses == {(S.OK, "", "text <WORD>.")}


async def test_text_before_a_mistake_is_guarded_and_leaves(server: Serving):
    code, _, text = await stream_status(server.address, [START, chunk("card 4111 1111 and "), chunk(data=b"\xff")])
    assert code is S.INVALID_ARGUMENT
    assert text == "card <WORD> and"
    assert server.decisions[-1].ended == "failed"


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (pb.CheckRequest(text="x" * 200_001), S.INVALID_ARGUMENT, "text: has 200001 characters; at most 200000"),
        (pb.CheckRequest(start=pb.Start(policy="nope")), S.NOT_FOUND, "there is no policy"),
        (pb.CheckRequest(lane=pb.Lane(part=9)), S.INVALID_ARGUMENT, "lane.part: 9 is not a part"),  # type: ignore[arg-type]
        (b"\x1a\x02\xc3\x28", S.INVALID_ARGUMENT, "message: is not a valid CheckRequest"),
        (b"\x80", S.INVALID_ARGUMENT, "message: is not a valid CheckRequest"),
    ],
)
async def test_what_a_check_may_not_send_is_named(
    server: Serving, request_: pb.CheckRequest | bytes, code: grpc.StatusCode, words: str
):
    data = request_ if isinstance(request_, bytes) else request_.SerializeToString()
    async with grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw_call(channel, "Check", data)
    assert caught.value.code() is code
    assert (caught.value.details() or "").startswith(words)


async def test_a_method_that_is_not_there_is_unimplemented(server: Serving):
    async with grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw_call(channel, "Nope", b"")
    assert caught.value.code() is S.UNIMPLEMENTED


# --- our own faults ---------------------------------------------------------------------------------------------------


class Broken(WordScanner):
    """Fails, and says in its message what it must not."""

    def start(self) -> NoReturn:
        raise ZeroDivisionError("the text was: my secret")


async def test_a_fault_of_ours_says_nothing_of_the_text_and_the_next_stream_runs(caplog: pytest.LogCaptureFixture):
    broken = plan((Broken("x"), [rule(Action.REDACT)]))
    async with serving(broken) as server:
        for _ in range(2):
            code, details, text = await stream_status(server.address, [START, chunk("my secret")])
            assert (code, text) == (S.INTERNAL, "")
            assert "secret" not in details
            assert "Traceback" not in details
        assert [each.ended for each in server.decisions] == ["failed", "failed"]


async def test_a_fault_in_the_reader_ends_the_stream_at_once(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> NoReturn:
        raise ZeroDivisionError("the text was: my secret")

    monkeypatch.setattr(LaneReader, "text_of", fail)
    async with serving(POLICY) as server:
        async with asyncio.timeout(10):
            code, details, _ = await stream_status(server.address, [START, chunk("my secret")])
    assert code is S.INTERNAL
    assert "secret" not in details


class Poisoned(SegmentFlagger):
    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        raise RuntimeError(items[0].text)


async def test_a_failing_detector_is_a_verdict_and_not_an_error():
    policy = plan((Poisoned("x", label="FLAG"), [rule(Action.BLOCK, "FLAG", message="Not now.")]))
    async with serving(policy) as server, grpc.aio.insecure_channel(server.address) as channel:
        answer = await rpc.GuardServiceStub(channel).Check(pb.CheckRequest(text="my secret"))
    assert (answer.text, answer.verdict.message) == ("", "Not now.")
    assert "secret" not in str(answer)


# --- too much ---------------------------------------------------------------------------------------------------------


async def test_too_many_streams_get_a_retry_hint():
    limits = Limits(max_streams=1)
    async with serving(POLICY, limits=limits) as server, grpc.aio.insecure_channel(server.address) as channel:
        first = rpc.GuardServiceStub(channel).Stream()
        await first.write(START)
        await first.initial_metadata()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw_call(channel, "Check", b"")
        assert caught.value.code() is S.RESOURCE_EXHAUSTED
        assert ("grpc-retry-pushback-ms", "1000") in tuple(caught.value.trailing_metadata())
        await first.done_writing()
        assert [each.WhichOneof("message") async for each in first] == ["summary"]


async def test_a_message_too_large_for_any_limit_is_refused_before_it_is_read():
    limits = Limits(max_stream_chars=1000, max_context_chars=1000)
    async with serving(POLICY, limits=limits) as server:
        code, _, _ = await stream_status(server.address, [START, chunk("x" * 3_000_000)])
        await server.engine.wait_idle()
    assert code is S.RESOURCE_EXHAUSTED


# --- too little -------------------------------------------------------------------------------------------------------


QUICK = Grpc(listen=("127.0.0.1:0",), idle_seconds=0.2)


@pytest.mark.parametrize("messages", [[], [START], [START, chunk("half a se")]])
async def test_a_half_open_stream_is_ended_when_it_stays_silent(messages: Sequence[pb.StreamRequest]):
    async with serving(POLICY, grpc=QUICK) as server, grpc.aio.insecure_channel(server.address) as channel:
        call = rpc.GuardServiceStub(channel).Stream()
        for message in messages:
            await call.write(message)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [each async for each in call]
        await server.engine.wait_idle()
    assert caught.value.code() is S.DEADLINE_EXCEEDED
    assert "no progress for 0.2 s" in (caught.value.details() or "")


async def flood(call: Any, written: list[int]) -> None:
    await call.write(START)
    while True:
        await call.write(chunk("lorem ipsum. " * 4000))
        written.append(1)


async def stalled(written: list[int]) -> None:
    """Return once nothing more can be written."""
    before = -1
    while before != len(written):
        before = len(written)
        await asyncio.sleep(0.1)  # the one thing to wait for is that nothing happens


@pytest.mark.slow
async def test_a_client_that_never_reads_is_held_back_and_then_ended():
    limits = Limits(max_stream_chars=10**9)
    settings = Grpc(listen=("127.0.0.1:0",), idle_seconds=1.0)
    written: list[int] = []
    async with (
        serving(POLICY, grpc=settings, limits=limits) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        flooding = asyncio.create_task(flood(rpc.GuardServiceStub(channel).Stream(), written))
        await stalled(written)
        assert len(written) * 52_000 < 64_000_000  # what both sides' HTTP/2 windows hold, far from endless
        async with asyncio.timeout(30):
            await server.engine.wait_idle()
        assert server.decisions[-1].ended == "failed"
        flooding.cancel()
        await asyncio.wait([flooding])


@pytest.mark.slow
async def test_a_client_that_never_reads_does_not_hold_up_a_drain():
    limits = Limits(max_stream_chars=10**9)
    async with serving(POLICY, limits=limits) as server:
        channel = grpc.aio.insecure_channel(server.address)
        written: list[int] = []
        flooding = asyncio.create_task(flood(rpc.GuardServiceStub(channel).Stream(), written))
        await stalled(written)
        server.engine.drain()
        async with asyncio.timeout(30):
            await server.server.stop()
            await server.engine.wait_idle()
        assert server.decisions[-1].ended == "cancelled"
        flooding.cancel()
        await asyncio.wait([flooding])
        await channel.close()


# --- gone -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cancel", "close", "deadline"])
async def test_a_client_that_vanishes_leaves_a_record_and_nothing_else(server: Serving, how: str):
    channel = grpc.aio.insecure_channel(server.address)
    call: Any = rpc.GuardServiceStub(channel).Stream(timeout=0.3 if how == "deadline" else None)
    await call.write(START)
    await call.write(chunk("nothing here, then 4111 11"))
    assert (await call.read()).release.text == "nothing here, then "
    if how == "cancel":
        call.cancel()
    elif how == "close":
        await channel.close()
    async with asyncio.timeout(10):
        await server.engine.wait_idle()

    assert server.engine.open_streams == 0
    assert [each.ended for each in server.decisions] == ["cancelled"]
    await channel.close()


async def test_requests_of_a_client_that_vanished_are_dropped():
    scheduler = HandScheduler()
    policy = plan((SegmentFlagger("bad", label="FLAG"), [rule(Action.BLOCK, "FLAG")]), max_hold_ms=60_000)
    async with serving(policy, scheduler=scheduler) as server, grpc.aio.insecure_channel(server.address) as channel:
        call = rpc.GuardServiceStub(channel).Stream()
        await call.write(START)
        await call.write(chunk("A sentence. Another one."))
        await call.initial_metadata()
        async with asyncio.timeout(10):
            while not scheduler.requests:
                await asyncio.sleep(0.001)
        assert scheduler.requests[0].receiver.is_open
        call.cancel()
        async with asyncio.timeout(10):
            await server.engine.wait_idle()
        assert not scheduler.requests[0].receiver.is_open


def test_no_error_of_ours_is_a_grpc_one():
    assert not issubclass(TidegateError, grpc.RpcError)
