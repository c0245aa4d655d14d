"""The service over a real gRPC channel: with the client, blocking and asyncio, and with a plain generated stub."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import tidegate
from sidecar.config import Grpc, Limits
from sidecar.policy.plan import Notice
from sidecar.values import Action
from tests.fakes import SegmentFlagger, WordScanner, plan, rule
from tests.servers import Serving, serving
from tests.streams import all_cuts
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc

GUARD = plan(
    (WordScanner(r"\d{4} \d{4}"), [rule(Action.REDACT)]),
    (SegmentFlagger("forbidden", label="FLAG"), [rule(Action.BLOCK, "FLAG", index=1, message="Let us not.")]),
    (SegmentFlagger("odd", label="ODD", spans=True), [rule(Action.ANNOTATE, "ODD", index=2)]),
    max_hold_ms=60_000,
)
TEXT = "My card is 4111 1111, no more. It is an odd one. Bye"
GUARDED = "My card is <WORD>, no more. It is an odd one. Bye"


@pytest.fixture
async def server() -> AsyncIterator[Serving]:
    async with serving(GUARD) as running:
        yield running


@pytest.fixture
async def client(server: Serving) -> AsyncIterator[tidegate.AsyncClient]:
    async with tidegate.AsyncClient(server.address) as connected:
        yield connected


@pytest.fixture(scope="module")
def remote() -> Iterator[str]:
    """The address of a server on a thread of its own, for blocking clients."""
    addresses: list[str] = []
    is_up, may_stop = threading.Event(), threading.Event()

    async def run() -> None:
        async with serving(GUARD) as server:
            addresses.append(server.address)
            is_up.set()
            await asyncio.to_thread(may_stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert is_up.wait(30)
    yield addresses[0]
    may_stop.set()
    thread.join()


# --- asyncio ----------------------------------------------------------------------------------------------------------


async def test_a_check_tells_all_that_came_of_a_text(client: tidegate.AsyncClient, server: Serving):
    result = await client.check(TEXT, tenant="acme", session_id="s-1", labels={"app": "test"})

    assert (result.text, result.action, result.is_blocked) == (GUARDED, tidegate.Action.REDACT, False)
    [redaction] = result.redactions
    assert TEXT[redaction.span.start : redaction.span.end] == "4111 1111"
    assert result.text[redaction.replacement.start : redaction.replacement.end] == "<WORD>"
    [annotation] = result.annotations
    assert (annotation.rule, TEXT[annotation.span.start : annotation.span.end]) == ("rule-2", "odd")
    assert result.summary.violation_count == 2
    [event] = [each for each in server.violations if each.done == "redact"]
    assert (event.ids.tenant, event.ids.session, event.app.labels) == ("acme", "s-1", {"app": "test"})


async def test_a_block_is_in_the_result_of_a_check(client: tidegate.AsyncClient):
    result = await client.check("Fine so far. This is forbidden. More")

    assert result.is_blocked
    assert result.verdict is not None
    assert (result.verdict.rule, result.verdict.message) == ("rule-1", "Let us not.")
    assert result.text == "Fine so far."[: result.verdict.position]


@pytest.mark.parametrize("server_of", ["light", "grpcio"])
async def test_both_servers_serve_the_same(server_of: Literal["light", "grpcio"]):
    settings = Grpc(listen=("127.0.0.1:0",), server=server_of)
    async with serving(GUARD, grpc=settings) as running, tidegate.AsyncClient(running.address) as connected:
        assert "".join([text async for text in connected.stream([TEXT]).text()]) == GUARDED
        assert (await connected.check(TEXT)).text == GUARDED
        with pytest.raises(tidegate.UnknownPolicy):
            await connected.check(TEXT, policy="nobody's")


@pytest.mark.slow
async def test_however_a_text_is_cut_the_stream_comes_out_the_same(client: tidegate.AsyncClient):
    for pieces in all_cuts(TEXT):
        assert "".join([text async for text in client.stream(pieces).text()]) == GUARDED


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_bytes_may_be_cut_anywhere(client: tidegate.AsyncClient, size: int):
    text = "Grüße, 漢字 👩🏽‍💻 and 4111 1111 é."
    data = text.encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert "".join([each async for each in client.stream(pieces).text()]) == text.replace("4111 1111", "<WORD>")


@pytest.mark.parametrize(
    ("before", "joint"),
    [
        ("So it is.", "\n\n"),
        ("So.\n```py\nx = 1.", "\n```\n\n"),
        ("<details>\n\nSo.", "\n\n</details>\n\n"),
        ("", ""),
    ],
)
async def test_a_verdict_says_what_sets_its_message_off(client: tidegate.AsyncClient, before: str, joint: str):
    for cut in all_cuts(f"{before} This is forbidden. More"):
        shown = [each async for each in client.stream(cut, on_block="yield")]
        text = "".join(each.text for each in shown if isinstance(each, tidegate.Release))
        [verdict] = [each for each in shown if isinstance(each, tidegate.Verdict)]
        assert (text.rstrip(), verdict.joint, verdict.message) == (before, joint, "Let us not.")


ADVISING = plan((WordScanner("odd"), [replace(rule(Action.ADVISE), advice="Take care.")]))


async def test_a_summary_says_what_to_tell_the_model():
    async with serving(ADVISING) as server, tidegate.AsyncClient(server.address) as client:
        for cut in all_cuts("It is odd, and odd"):
            *shown, summary = [each async for each in client.stream(cut, direction="input")]
            assert isinstance(summary, tidegate.Summary)
            assert (summary.action, summary.advice) == (tidegate.Action.ADVISE, ("Take care.",))
            remarks = [each for part in shown if isinstance(part, tidegate.Release) for each in part.annotations]
            assert [(each.rule, each.advice) for each in remarks] == [("rule-0", "Take care.")] * 2
        checked = await client.check("It is even.", direction="input")
        assert checked.summary.advice == ()


TOLD = Notice("Your card was taken out.", is_paragraph=True)
TELLING = replace(GUARD, stream=replace(GUARD.stream, notice=TOLD))


@pytest.mark.parametrize(
    ("text", "direction", "notice"),
    [
        (TEXT, "input", TOLD.text),
        (TEXT, "output", ""),
        ("Nothing is odd.", "input", ""),
        (f"{TEXT}. This is forbidden.", "input", ""),
    ],
)
async def test_a_summary_says_what_to_tell_who_asked(text: str, direction: Literal["input", "output"], notice: str):
    async with serving(TELLING) as server, tidegate.AsyncClient(server.address) as client:
        checked = await client.check(text, direction=direction)
        assert checked.summary.notice == notice
        stream = client.stream([text], on_block="yield", direction=direction)
        *_, summary = [each async for each in stream]
        assert isinstance(summary, tidegate.Summary)
        assert summary.notice == notice


async def test_text_leaves_while_the_stream_is_open(client: tidegate.AsyncClient):
    may_go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[str]:
        yield "First sentence. And then "
        await may_go_on.wait()
        yield "the end."

    stream = client.stream(slowly()).text()
    assert await anext(stream) == "First sentence."
    may_go_on.set()
    assert "".join([text async for text in stream]) == " And then the end."


async def test_choices_and_channels_are_texts_of_their_own(client: tidegate.AsyncClient):
    chunks: list[tidegate.types.AnyChunk] = [
        (0, "content", "zero 4111 "),
        (1, "content", "one 4111 "),
        (0, "reasoning", "because 4111 "),
        (0, "content", "1111."),
        (1, "content", "apples."),
        (0, "reasoning", "1111."),
    ]
    texts: dict[tuple[int, str], str] = {}
    async for shown in client.stream(chunks):
        if isinstance(shown, tidegate.Release):
            key = (shown.lane.choice, shown.lane.channel)
            texts[key] = texts.get(key, "") + shown.text

    assert texts == {
        (0, "content"): "zero <WORD>.",
        (1, "content"): "one 4111 apples.",
        (0, "reasoning"): "because <WORD>.",
    }


async def test_a_tools_result_is_withheld_and_the_stream_goes_on():
    withholding = plan((WordScanner("secret"), [rule(Action.WITHHOLD)]))
    result, question = tidegate.Lane(2, part="tool_result"), tidegate.Lane(3, part="user")
    async with serving(withholding) as server, tidegate.AsyncClient(server.address) as client:
        chunks = [
            tidegate.Chunk("It is a sec", result),
            tidegate.Chunk("ret, 42.", result, ends_lane=True),
            tidegate.Chunk("And now?", question),
        ]
        shown = [each async for each in client.stream(chunks, direction="input")]
    releases = [each for each in shown if isinstance(each, tidegate.Release)]
    assert [(each.lane.part, each.text) for each in releases] == [("tool_result", "[rule-0]"), ("user", "And now?")]
    (redaction,) = releases[0].redactions
    assert (redaction.rule, redaction.span, releases[0].input) == ("rule-0", tidegate.Span(0, 19), tidegate.Span(0, 19))
    summary = shown[-1]
    assert isinstance(summary, tidegate.Summary)
    assert summary.action is tidegate.Action.WITHHOLD
    assert [(each.decided, each.done) for each in summary.violations] == [(tidegate.Action.WITHHOLD,) * 2]


async def test_a_lane_that_is_ended_leaves_while_the_stream_is_open(client: tidegate.AsyncClient):
    thoughts, may_go_on = tidegate.Lane(channel="reasoning"), asyncio.Event()

    async def slowly() -> AsyncIterator[tidegate.Chunk]:
        yield tidegate.Chunk("because 4111", thoughts)
        yield tidegate.Chunk("", thoughts, ends_lane=True)
        await may_go_on.wait()
        yield tidegate.Chunk("So it is.", ends_lane=True)

    shown = aiter(client.stream(slowly()))
    text = ""
    while text != "because 4111":
        release = await anext(shown)
        assert isinstance(release, tidegate.Release)
        text += release.text
    may_go_on.set()
    assert [each.text async for each in shown if isinstance(each, tidegate.Release)] == ["So it is."]


async def test_text_after_its_lanes_end_is_refused(client: tidegate.AsyncClient):
    chunks = [tidegate.Chunk("One.", ends_lane=True), tidegate.Chunk(" Two.")]
    with pytest.raises(tidegate.InvalidRequest, match="came after the end of its lane"):
        _ = [each async for each in client.stream(chunks)]


async def test_a_lane_may_not_end_inside_a_character(client: tidegate.AsyncClient):
    chunks = [tidegate.Chunk("é".encode()[:1], ends_lane=True)]
    with pytest.raises(tidegate.InvalidRequest, match="the lane ends inside a character"):
        _ = [each async for each in client.stream(chunks)]


async def test_the_last_message_of_a_long_chunk_ends_its_lane(client: tidegate.AsyncClient):
    text = "some words. " * 4_000
    chunks = [tidegate.Chunk(text, ends_lane=True), tidegate.Chunk("", ends_lane=True)]
    assert "".join([each async for each in client.stream(chunks).text()]) == text


async def test_calls_of_tools_are_released_whole_or_not_at_all(client: tidegate.AsyncClient):
    first, second, third = (tidegate.Lane(channel="tool_arguments", item=item) for item in range(3))
    chunks = [
        tidegate.Chunk('{"city":"Paris"}', first, ends_lane=True),
        tidegate.Chunk("Now two more. "),
        tidegate.Chunk("{}", second, ends_lane=True),
        tidegate.Chunk('{"path":"/srv/forbidden"}', third, ends_lane=True),
    ]
    texts: dict[tidegate.Lane, str] = {}
    async for shown in client.stream(chunks, on_block="yield"):
        if isinstance(shown, tidegate.Release):
            lane = tidegate.Lane(shown.lane.choice, shown.lane.channel, item=shown.lane.item)
            texts[lane] = texts.get(lane, "") + shown.text
    assert texts == {first: '{"city":"Paris"}', tidegate.Lane(): "Now two more. "}


async def test_a_block_is_raised(client: tidegate.AsyncClient, server: Serving):
    shown: list[str] = []

    async def read() -> None:
        async for text in client.stream(["Fine so far. ", "This is forbidden. ", "More"]).text():
            shown.append(text)  # noqa: PERF401 - what came before the block counts

    with pytest.raises(tidegate.GuardBlocked) as caught:
        await read()
    assert (caught.value.rule, caught.value.message) == ("rule-1", "Let us not.")
    assert "".join(shown) == "Fine so far."
    await server.engine.wait_idle()
    assert server.decisions[-1].ended == "blocked"


async def test_a_block_is_yielded_and_other_choices_go_on(client: tidegate.AsyncClient):
    chunks: list[tidegate.types.AnyChunk] = [(0, "content", "forbidden. "), (1, "content", "allowed. ")]
    shown = [each async for each in client.stream(chunks, on_block="yield")]

    assert [each.lane.choice for each in shown if isinstance(each, tidegate.Verdict)] == [0]
    assert "".join(each.text for each in shown if isinstance(each, tidegate.Release)) == "allowed. "
    assert isinstance(shown[-1], tidegate.Summary)
    assert shown[-1].action is tidegate.Action.BLOCK


async def test_the_summary_is_kept(client: tidegate.AsyncClient):
    stream = client.stream(["some text"])
    before = stream.summary
    assert "".join([text async for text in stream.text()]) == "some text"
    assert before is None
    assert stream.summary is not None
    assert stream.summary.coverage[0].received_chars == 9


async def test_a_failing_source_ends_the_stream_with_its_own_exception(client: tidegate.AsyncClient, server: Serving):
    async def failing() -> AsyncIterator[str]:
        yield "text"
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        _ = [each async for each in client.stream(failing())]
    await server.engine.wait_idle()
    assert server.decisions[-1].ended == "cancelled"


async def test_a_stream_can_be_cancelled(client: tidegate.AsyncClient, server: Serving):
    async def endless() -> AsyncIterator[str]:
        while True:
            yield "A sentence. "
            await asyncio.sleep(0.001)

    stream = client.stream(endless())
    async for _ in stream.text():
        stream.cancel()
    async with asyncio.timeout(10):
        await server.engine.wait_idle()
    assert stream.summary is None


async def test_a_task_that_is_cancelled_while_it_reads_stays_cancelled(client: tidegate.AsyncClient, server: Serving):
    never = asyncio.Event()

    async def silent() -> AsyncIterator[str]:
        yield "text"
        await never.wait()

    async def read() -> None:
        async for _ in client.stream(silent()):
            pass

    reading = asyncio.create_task(read())
    await _until(lambda: server.engine.open_streams == 1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    async with asyncio.timeout(10):
        await server.engine.wait_idle()


async def test_a_deadline_is_kept(client: tidegate.AsyncClient, server: Serving):
    never = asyncio.Event()

    async def silent() -> AsyncIterator[str]:
        yield "text"
        await never.wait()

    with pytest.raises(tidegate.DeadlineExceeded):
        _ = [each async for each in client.stream(silent(), timeout=0.2)]
    async with asyncio.timeout(10):
        await server.engine.wait_idle()
    assert server.decisions[-1].ended == "cancelled"


async def test_errors_are_the_clients_own(client: tidegate.AsyncClient):
    with pytest.raises(tidegate.UnknownPolicy) as caught:
        await client.check("text", policy="nope")
    assert caught.value.policy == "nope"
    with pytest.raises(tidegate.UnknownPolicy):
        _ = [each async for each in client.stream(["text"] * 1000, policy="nope")]
    with pytest.raises(tidegate.InvalidRequest, match="surrogate"):
        await client.check("half \ud800")
    with pytest.raises(tidegate.InvalidRequest, match="surrogate"):
        _ = [each async for each in client.stream(["half \ud800"])]
    with pytest.raises(tidegate.InvalidRequest, match="direction"):
        await client.check("text", direction="sideways")  # type: ignore[arg-type]


@pytest.mark.slow
async def test_a_check_that_found_no_room_is_asked_again():
    limits = Limits(max_streams=1)
    async with (
        serving(GUARD, limits=limits) as server,
        tidegate.AsyncClient(server.address) as client,
        tidegate.AsyncClient(server.address, max_retries=0) as once,
    ):
        may_end = asyncio.Event()

        async def occupying() -> AsyncIterator[str]:
            await may_end.wait()
            yield "text"

        stream = asyncio.create_task(_drained(client.stream(occupying())))
        await _until(lambda: server.engine.open_streams == 1)
        with pytest.raises(tidegate.Overloaded) as caught:
            _ = [each async for each in once.stream(["text"])]
        assert caught.value.retry_after == 1.0
        checking = asyncio.create_task(client.check(TEXT))
        refused = b'tidegate_streams_refused_total{reason="overloaded"} 2.0'
        await _until(lambda: refused in server.engine.metrics.render())
        may_end.set()
        await stream
        assert (await checking).text == GUARDED


async def _drained(stream: tidegate.AsyncGuardedStream) -> None:
    async for _ in stream:
        pass


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.001)


async def test_no_sidecar_is_unavailable():
    async with tidegate.AsyncClient("127.0.0.1:1") as client:
        with pytest.raises(tidegate.Unavailable, match=r"127\.0\.0\.1:1"):
            await client.check("text", timeout=10)


async def test_a_long_chunk_takes_several_messages(client: tidegate.AsyncClient):
    text = "é and so on, " * 6_000
    assert "".join([each async for each in client.stream([text]).text()]) == text
    assert "".join([each async for each in client.stream([text.encode()]).text()]) == text


async def test_a_trace_is_repeated_in_the_events(client: tidegate.AsyncClient, server: Serving):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    await client.check("text", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    await client.check("text", traceparent="not one")
    assert [each.ids.trace for each in server.decisions] == [trace, ""]


# --- blocking ---------------------------------------------------------------------------------------------------------


def test_the_blocking_client_checks(remote: str):
    with tidegate.Client(remote) as client:
        assert client.check(TEXT).text == GUARDED
        with pytest.raises(tidegate.UnknownPolicy):
            client.check(TEXT, policy="nope")


def test_the_blocking_client_streams(remote: str):
    with tidegate.Client(remote) as client:
        with client.stream(iter(TEXT)) as stream:
            assert "".join(stream.text()) == GUARDED
        assert stream.summary is not None
        assert stream.summary.action is tidegate.Action.REDACT


def test_the_blocking_client_raises_or_yields_a_block(remote: str):
    with tidegate.Client(remote) as client:
        with pytest.raises(tidegate.GuardBlocked):
            list(client.stream(["This is forbidden. More"]))
        shown = list(client.stream(["This is forbidden. More"], on_block="yield"))
    assert [type(each) for each in shown] == [tidegate.Verdict, tidegate.Summary]


def test_the_blocking_clients_source_may_fail(remote: str):
    def failing() -> Iterator[str]:
        yield "text"
        raise KeyError("mine")

    with tidegate.Client(remote) as client, pytest.raises(KeyError, match="mine"):
        list(client.stream(failing()))


def test_the_blocking_client_can_cancel_and_has_deadlines(remote: str):
    never = threading.Event()

    def silent() -> Iterator[str]:
        yield "First sentence. Second"
        never.wait(30)

    with tidegate.Client(remote) as client:
        stream = client.stream(silent())
        for _ in stream.text():
            stream.cancel()
        with pytest.raises(tidegate.DeadlineExceeded):
            list(client.stream(silent(), timeout=0.2))
        with pytest.raises(tidegate.UnknownPolicy):
            list(client.stream(["text"] * 1000, policy="nope"))
        never.set()


# --- plain stub -------------------------------------------------------------------------------------------------------


async def test_a_plain_generated_stub_streams(server: Serving):
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = rpc.GuardServiceStub(channel).Stream()
        await call.write(pb.StreamRequest(start=pb.Start(direction=pb.DIRECTION_OUTPUT)))
        for character in TEXT:
            await call.write(pb.StreamRequest(chunk=pb.Chunk(text=character)))
        await call.write(pb.StreamRequest(finish=pb.Finish()))
        responses = [each async for each in call]

    assert "".join(each.release.text for each in responses) == GUARDED
    assert responses[-1].WhichOneof("message") == "summary"
    ends = [each.release.input for each in responses if each.HasField("release")]
    assert [span.start for span in ends[1:]] == [span.end for span in ends[:-1]]
    assert ends[-1].end == len(TEXT)


async def test_a_stream_is_named_when_it_is_admitted(server: Serving):
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = rpc.GuardServiceStub(channel).Stream()
        await call.write(pb.StreamRequest(start=pb.Start()))
        metadata = dict(await call.initial_metadata())
        await call.done_writing()
        [response] = [each async for each in call]
    assert metadata["tidegate-stream-id"] == response.summary.stream_id


async def test_a_user_agent_of_another_kind_may_half_close_instead_of_finishing(server: Serving):
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = rpc.GuardServiceStub(channel)
        messages = [pb.StreamRequest(start=pb.Start()), pb.StreamRequest(chunk=pb.Chunk(text=TEXT))]
        assert "".join([each.release.text async for each in stub.Stream(iter(messages))]) == GUARDED


# --- around it --------------------------------------------------------------------------------------------------------


async def test_a_unix_socket_serves_and_has_its_mode(tmp_path: Path):
    socket = tmp_path / "tidegate.sock"
    settings = Grpc(listen=("127.0.0.1:0", f"unix:{socket}"), unix_socket_mode="0600")
    async with serving(GUARD, grpc=settings) as server:
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        for address in server.server.addresses:
            async with tidegate.AsyncClient(address) as client:
                assert (await client.check(TEXT)).text == GUARDED


async def test_a_socket_left_by_a_dead_process_is_taken_over(tmp_path: Path):
    settings = Grpc(listen=(f"unix:{tmp_path / 'tidegate.sock'}",))
    for _ in range(2):
        async with serving(GUARD, grpc=settings) as server, tidegate.AsyncClient(server.address) as client:
            assert (await client.check(TEXT)).text == GUARDED


async def test_an_address_in_use_is_named(server: Serving):
    with pytest.raises(Exception, match=r"grpc\.listen: cannot listen on") as caught:
        async with serving(GUARD, grpc=Grpc(listen=(server.address,))):
            pass
    assert server.address in str(caught.value)


async def test_health_follows_the_service(server: Serving):
    serving_, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    async with grpc.aio.insecure_channel(server.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", "tidegate.v1.GuardService"):
            assert (await health.Check(health_pb2.HealthCheckRequest(service=service))).status == serving_
        await server.server.drain()
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == not_serving


async def test_reflection_names_the_services(server: Serving):
    async with grpc.aio.insecure_channel(server.address) as channel:
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        [answer] = [each async for each in stub.ServerReflectionInfo(iter([ask]))]
    names = {service.name for service in answer.list_services_response.service}
    assert {"tidegate.v1.GuardService", "grpc.health.v1.Health"} <= names


async def test_a_drain_lets_streams_finish_and_sends_others_elsewhere(client: tidegate.AsyncClient, server: Serving):
    may_go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[str]:
        yield "First sentence. And then "
        await may_go_on.wait()
        yield "the end."

    stream = client.stream(slowly()).text()
    first = await anext(stream)
    server.engine.drain()
    with pytest.raises(tidegate.Unavailable, match="shutting down") as caught:
        await client.check("text")
    assert caught.value.retry_after == 0.1
    may_go_on.set()
    assert first + "".join([text async for text in stream]) == "First sentence. And then the end."
    await server.engine.wait_idle()
    assert server.decisions[-1].ended == "finished"


async def test_a_callers_own_error_has_its_status_however_fast_its_chunks_come(
    client: tidegate.AsyncClient, server: Serving
):
    """gRPC's asyncio client has a status of its own (INTERNAL) for a message on its way when the status comes."""
    reasons = set()
    for _ in range(60):
        with pytest.raises(tidegate.TidegateError) as caught:
            async for _ in client.stream(b"\xff" for _ in range(50)):
                pass
        reasons.add((type(caught.value), caught.value.reason))
    assert reasons == {(tidegate.InvalidRequest, "INVALID")}
    await server.engine.wait_idle()
