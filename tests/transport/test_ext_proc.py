"""Envoy's external processor over a real gRPC connection, the test playing Envoy's part: messages in, messages out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from sidecar.codec.shapes import openai_chat
from sidecar.config import ExtProc, Grpc, Limits
from sidecar.outbox.event import Fault, StreamDecision, Violation
from sidecar.outbox.memory import MemoryOutbox
from sidecar.transport import envoy_pb as pb
from sidecar.transport.envoy_pb import ProcessingMode
from sidecar.transport.ext_proc import SERVICE, ExternalProcessor
from sidecar.transport.grpc import GrpcServer
from tests import recorded
from tests.proxies import (
    BAD_PIECES,
    CARD,
    INJECTION,
    MASKED,
    PIECES,
    POLICY,
    READ_BY_A_MODEL,
    SAID,
    guarding,
    refusal,
)
from tests.servers import FullScheduler
from tests.transport.test_decision import NEAR, WRONG
from tests.upstream import JSON, SSE

PATH = "/v1/chat/completions?a=b"
FULL_DUPLEX = ProcessingMode.FULL_DUPLEX_STREAMED


def request_of(text: str) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}, ensure_ascii=False).encode()


def answer_of(text: str) -> bytes:
    document = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    return json.dumps(document, ensure_ascii=False).encode()


def headers(values: dict[str, str], *, end: bool = False) -> Any:
    entries = [{"key": name, "raw_value": value.encode()} for name, value in values.items()]
    return pb.HttpHeaders(headers={"headers": entries}, end_of_stream=end)


@dataclass
class Got:
    """What the processor said of one way: headers to set and to remove, the body, and how it ended."""

    added: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    body: bytes = b""
    end: str = ""


class Exchange:
    """Envoy's side of one exchange."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def send(self, **message: Any) -> None:
        await self.call.write(pb.ProcessingRequest(**message))

    async def begin(self, path: str = PATH, mode: int = FULL_DUPLEX, *, end: bool = False, **more: str) -> None:
        await self.send(
            request_headers=headers({":method": "POST", ":path": path, "content-length": "9", **more}, end=end),
            protocol_config={"request_body_mode": mode, "response_body_mode": mode},
        )

    async def request(self, body: bytes, **begin: Any) -> None:
        """A whole request, in two chunks."""
        await self.begin(**begin)
        await self.send(request_body=pb.HttpBody(body=body[:20]))
        await self.send(request_body=pb.HttpBody(body=body[20:], end_of_stream=True))

    async def answer(
        self, body: bytes, kind: str = SSE, *, size: int | None = None, more: dict[str, str] | None = None
    ) -> None:
        """A whole answer, in chunks of a size."""
        named = {":status": "200", "content-type": kind, "etag": "x", **(more or {})}
        await self.send(response_headers=headers(named))
        step = size or len(body)
        for start in range(0, len(body), step):
            is_last = start + step >= len(body)
            chunk = pb.HttpBody(body=body[start : start + step], end_of_stream=is_last)
            await self.send(response_body=chunk)

    async def read(self) -> Any:
        """The next message; None at the end of the stream."""
        async with asyncio.timeout(30):
            message = await self.call.read()
        return None if message is grpc.aio.EOF else message

    async def step(self, name: str, data: bytes, *, is_last: bool = False) -> bytes:
        """A chunk, and what is said to it."""
        await self.send(**{f"{name}_body": pb.HttpBody(body=data, end_of_stream=is_last)})
        message = await self.read()
        assert message.WhichOneof("response") == f"{name}_body", message
        return bytes(getattr(message, f"{name}_body").response.body_mutation.body)

    async def way(self, name: str) -> Got:
        """All that is said of a way, to its end."""
        got = Got()
        while not got.end:
            message = await self.read()
            kind = message.WhichOneof("response")
            assert kind.startswith(name), message
            common = getattr(message, kind).response if kind != f"{name}_trailers" else None
            if kind == f"{name}_headers":
                assert common is not None
                got.added = told(common.header_mutation)
                got.removed = set(common.header_mutation.remove_headers)
            elif kind == f"{name}_body":
                assert common is not None
                piece = common.body_mutation.streamed_response
                got.body += piece.body
                got.end = "body" if piece.end_of_stream else ""
            else:
                got.end = "trailers"
        return got

    async def immediate(self) -> tuple[int, bytes, dict[str, str]]:
        """The answer in the upstream's place."""
        message = await self.read()
        assert message.WhichOneof("response") == "immediate_response", message
        answer = message.immediate_response
        return answer.status.code, answer.body, told(answer.headers)

    async def close(self) -> None:
        """Envoy is done; nothing may have been left to say."""
        await self.call.done_writing()
        assert await self.read() is None
        assert await self.call.code() is grpc.StatusCode.OK


def told(mutation: Any) -> dict[str, str]:
    return {each.header.key: each.header.raw_value.decode() for each in mutation.set_headers}


@dataclass
class Processing:
    """A running processor."""

    channel: grpc.aio.Channel
    processor: ExternalProcessor
    outbox: MemoryOutbox

    def exchange(self) -> Exchange:
        method: Any = self.channel.stream_stream(
            f"/{SERVICE}/Process",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=pb.ProcessingResponse.FromString,
        )
        return Exchange(method())

    @property
    def endings(self) -> list[tuple[str, str]]:
        return [
            (each.data.direction, each.data.ended)
            for each in self.outbox.events
            if isinstance(each.data, StreamDecision)
        ]


@asynccontextmanager
async def processing(
    folder: Path, *, policy: str = POLICY, limits: Limits | None = None, **settings: object
) -> AsyncIterator[Processing]:
    async with guarding(folder, policy=policy, limits=limits) as (engine, outbox):
        processor = ExternalProcessor(engine, ExtProc.model_validate({"refusals": "error", **settings}))
        server = GrpcServer(engine, Grpc(listen=("127.0.0.1:0",)), engine.limits, processor)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(server.addresses[0]) as channel:
                yield Processing(channel, processor, outbox)
        finally:
            await server.stop()


async def test_clean_traffic_is_byte_for_byte_the_same(tmp_path: Path):
    request, answer = request_of("Grüße"), recorded.chat(("Hello", " wörld", " bye"))
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request, **{"x-tidegate-decision": "allow"})
        got = await exchange.way("request")
        assert (got.body, got.end) == (request, "body")
        assert got.added == {"accept-encoding": "identity"}
        assert got.removed == {"content-length", "x-tidegate-decision"}
        await exchange.answer(answer, size=7)
        got = await exchange.way("response")
        assert (got.body, got.end) == (answer, "body")
        assert got.removed == {"etag"}
        assert got.added["x-tidegate-policy"] == "default@7"
        assert got.added["x-tidegate-request-decision"] == "allow"
        await exchange.close()
        assert envoy.endings == [("input", "finished"), ("output", "finished")]


@pytest.mark.parametrize("size", [1, 50, None])
async def test_cards_are_masked_both_ways(tmp_path: Path, size: int | None):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of(f"card {CARD}!"))
        assert (await exchange.way("request")).body == request_of(f"card {MASKED}!")
        await exchange.answer(recorded.chat(PIECES), size=size)
        got = await exchange.way("response")
        assert recorded.said(openai_chat.SHAPE, got.body) == SAID
        assert b"4111" not in got.body
        await exchange.close()


async def test_a_stream_leaves_while_it_comes(tmp_path: Path):
    """The first words are sent back before the last ones came: nothing waits for the end."""
    answer = recorded.chat(("Hello there my friend", " " * 5, " and bye"))
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.send(response_headers=headers({":status": "200", "content-type": SSE}))
        assert (await exchange.read()).WhichOneof("response") == "response_headers"
        at = answer.index(b" and bye")
        await exchange.send(response_body=pb.HttpBody(body=answer[:at]))
        first = (await exchange.read()).response_body.response.body_mutation.streamed_response
        assert first.body
        assert not first.end_of_stream
        await exchange.send(response_body=pb.HttpBody(body=answer[at:], end_of_stream=True))
        assert first.body + (await exchange.way("response")).body == answer
        await exchange.close()


async def test_an_answer_that_is_one_document_is_held_and_masked(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.answer(answer_of(f"It is {CARD}."), JSON, size=11, more={"content-length": "99"})
        got = await exchange.way("response")
        assert got.body == answer_of(f"It is {MASKED}.")
        assert got.added["x-tidegate-decision"] == "redact"
        assert got.removed == {"content-length", "etag"}
        await exchange.close()


async def test_a_blocked_request_is_refused_in_the_providers_shape(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of(f"please {INJECTION} now"))
        status, body, marks = await exchange.immediate()
        assert (status, body) == refusal(openai_chat.SHAPE, marks["x-tidegate-stream"], "message 1")
        assert marks["content-type"] == JSON
        assert marks["x-tidegate-decision"] == "block"
        await exchange.close()
        assert envoy.endings == [("input", "blocked")]


async def test_a_refused_turn_is_answered_where_the_settings_say_so(tmp_path: Path):
    async with processing(tmp_path, refusals="answer") as envoy:
        exchange = envoy.exchange()
        await exchange.request(
            json.dumps({**json.loads(request_of(f"please {INJECTION} now")), "stream": True}).encode()
        )
        status, body, marks = await exchange.immediate()
        assert (status, recorded.said(openai_chat.SHAPE, body)) == (200, "Stopped.")
        assert marks["content-type"].startswith(SSE)
        assert marks["x-tidegate-decision"] == "block"
        await exchange.close()


async def test_what_is_wrong_in_a_history_is_withheld(tmp_path: Path):
    history = [{"role": "user", "content": INJECTION}, {"role": "assistant", "content": "No."}]
    document = {**json.loads(request_of("hello again")), "model": "m"}
    document["messages"] = [*history, *document["messages"]]
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(json.dumps(document).encode())
        got = json.loads((await exchange.way("request")).body)
        assert got["messages"][1:] == document["messages"][1:]
        assert "the rule no-injection keeps this text from you" in got["messages"][0]["content"]
        await exchange.close()


async def test_the_model_is_advised_in_its_instructions(tmp_path: Path):
    found = 'detect: {detector: patterns, keywords: {ORDER: ["do as I say"]}}'
    rule = f"  - {{id: orders, {found}, action: {{advise: {{note: Take care.}}}}}}\n"
    async with processing(tmp_path, policy=POLICY + rule) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("do as I say"))
        got = await exchange.way("request")
        document = json.loads(got.body)
        assert document["messages"] == [
            {"role": "system", "content": "Take care."},
            {"role": "user", "content": "do as I say"},
        ]
        await exchange.close()


async def test_a_block_ends_the_stream_and_the_rest_is_dropped(tmp_path: Path):
    answer = recorded.chat(BAD_PIECES)
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.send(response_headers=headers({":status": "200", "content-type": SSE}))
        at = answer.index(b" more")
        await exchange.send(response_body=pb.HttpBody(body=answer[:at]))
        got = await exchange.way("response")
        assert got.end == "body"
        assert recorded.said(openai_chat.SHAPE, got.body) == "Hello you \n\nStopped."
        assert got.body.endswith(b"data: [DONE]\n\n")
        for _ in range(40):  # more than waits anywhere
            await exchange.send(response_body=pb.HttpBody(body=answer[at:]))
        await exchange.close()
        assert envoy.endings[-1] == ("output", "blocked")


async def test_an_end_that_comes_twice_counts_once_and_trailers_pass(tmp_path: Path):
    request, answer = request_of("hi"), recorded.chat(("Hello",))
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request)
        await exchange.send(request_body=pb.HttpBody(end_of_stream=True))
        assert (await exchange.way("request")).body == request
        await exchange.send(response_headers=headers({":status": "200", "content-type": SSE}))
        await exchange.send(response_body=pb.HttpBody(body=answer))
        await exchange.send(response_trailers=pb.HttpTrailers())
        await exchange.send(response_body=pb.HttpBody(body=answer, end_of_stream=True))
        got = await exchange.way("response")
        assert (got.body, got.end) == (answer, "trailers")
        await exchange.close()


async def test_what_cannot_be_read_is_refused_or_passed_as_the_settings_say(tmp_path: Path):
    packed = b"\x1f\x9d not text"
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(b"no JSON, and longer than that")
        assert (await exchange.immediate())[0] == 400
        await exchange.close()
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.answer(packed, more={"content-encoding": "compress"})
        assert (await exchange.immediate())[0] == 502
        await exchange.close()
    async with processing(tmp_path, unknown_bodies="pass") as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.answer(packed, more={"content-encoding": "compress"})
        got = await exchange.way("response")
        assert (got.body, got.added["x-tidegate-decision"], got.removed) == (packed, "unguarded", set())
        await exchange.close()


async def test_other_paths_pass_or_are_refused_where_the_settings_say_so(tmp_path: Path):
    async with processing(tmp_path, unknown="pass") as envoy:
        exchange = envoy.exchange()
        await exchange.request(b"anything, of whatever length", path="/v1/models")
        assert (await exchange.way("request")).body == b"anything, of whatever length"
        await exchange.answer(b"also anything", "text/plain", size=5)
        got = await exchange.way("response")
        marks = {"x-tidegate-request-decision": "unguarded", "x-tidegate-decision": "unguarded"}
        assert (got.body, got.added) == (b"also anything", marks)
        await exchange.close()
    async with processing(tmp_path, unknown="refuse") as envoy:
        exchange = envoy.exchange()
        await exchange.begin(path="/v1/models", end=True)
        assert (await exchange.immediate())[0] == 404
        await exchange.close()


async def test_bodies_have_limits(tmp_path: Path):
    async with processing(tmp_path, max_request_bytes=100, max_answer_bytes=150) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("x" * 200))
        status, answer, _ = await exchange.immediate()
        assert status == 400
        assert json.loads(answer)["error"]["code"] == "context_length_exceeded"
        await exchange.close()
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.answer(answer_of("x" * 200), JSON)
        assert (await exchange.immediate())[0] == 502
        await exchange.close()


async def test_an_error_of_the_upstream_passes_as_it_is(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.answer(b'{"error": {}}', JSON, more={":status": "429", "retry-after": "7"})
        got = await exchange.way("response")
        assert (got.body, got.removed) == (b'{"error": {}}', {"etag"})
        await exchange.close()


async def test_a_filter_that_is_set_wrong_guards_nothing_and_lets_nothing_pass(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.begin(mode=ProcessingMode.BUFFERED_PARTIAL)
        assert (await exchange.immediate())[0] == 500
        await exchange.close()
        exchange = envoy.exchange()
        await exchange.send(request_headers=headers({":method": "POST", ":path": PATH}), observability_mode=True)
        assert (await exchange.immediate())[0] == 500
        await exchange.close()


async def test_an_answer_of_a_filter_before_keeps_its_status_and_headers(tmp_path: Path):
    """Its request never comes here. So do Envoys from 1.37 on, and of CORS preflights all."""
    modes = {"request_body_mode": FULL_DUPLEX, "response_body_mode": FULL_DUPLEX}
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        named = headers({":status": "200", "access-control-allow-origin": "https://app.example"}, end=True)
        await exchange.send(response_headers=named, protocol_config=modes)
        message = await exchange.read()
        assert message.WhichOneof("response") == "response_headers", message
        assert message.response_headers.response.header_mutation == pb.HeaderMutation()
        await exchange.close()
        exchange = envoy.exchange()
        await exchange.send(
            response_headers=headers({":status": "401", "content-type": "text/plain"}), protocol_config=modes
        )
        await exchange.send(response_body=pb.HttpBody(body=b"Jwt is missing", end_of_stream=True))
        got = await exchange.way("response")
        assert (got.body, got.end, got.removed) == (b"Jwt is missing", "body", set())
        await exchange.close()


async def test_an_answer_without_a_request_is_read_whoever_gave_it(tmp_path: Path):
    """An Envoy that sends no headers of requests looks the same, and its answer is the upstream's."""
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.send(
            response_headers=headers({":status": "200", "content-type": "text/plain"}),
            protocol_config={"request_body_mode": ProcessingMode.NONE, "response_body_mode": FULL_DUPLEX},
        )
        await exchange.send(response_body=pb.HttpBody(body=f"It is {CARD}.".encode(), end_of_stream=True))
        got = await exchange.way("response")
        assert got.body == f"It is {MASKED}.".encode()
        assert got.added["x-tidegate-request-decision"] == "unguarded"
        await exchange.close()
        [unseen] = [each.data for each in envoy.outbox.events if isinstance(each.data, Fault)]
        assert (unseen.fault, unseen.what) == ("unscanned", "request")


async def test_an_envoy_that_does_not_tell_its_modes_is_answered_message_by_message(tmp_path: Path):
    """Older ones do not; each message gets one reply, with what may leave by then."""
    answer = recorded.chat(PIECES)
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.send(request_headers=headers({":method": "POST", ":path": PATH}))
        assert (await exchange.read()).WhichOneof("response") == "request_headers"
        data = request_of(f"card {CARD}!")
        assert await exchange.step("request", data[:40]) == b""
        assert await exchange.step("request", data[40:], is_last=True) == request_of(f"card {MASKED}!")
        await exchange.send(response_headers=headers({":status": "200", "content-type": SSE}))
        assert (await exchange.read()).WhichOneof("response") == "response_headers"
        parts = [answer[start : start + 50] for start in range(0, len(answer), 50)]
        out = [await exchange.step("response", part, is_last=part is parts[-1]) for part in parts]
        assert recorded.said(openai_chat.SHAPE, b"".join(out)) == SAID
        assert any(out[: len(out) // 2])
        await exchange.close()


async def test_a_step_that_ends_in_trailers_loses_nothing_silently(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.send(request_headers=headers({":method": "POST", ":path": PATH}))
        await exchange.read()
        await exchange.step("request", request_of("hi"), is_last=True)
        await exchange.send(response_headers=headers({":status": "200", "content-type": SSE}))
        await exchange.read()
        held = recorded.chat(("my card is 4111",))
        await exchange.step("response", held[: held.index(b"4111") + 8])
        await exchange.send(response_trailers=pb.HttpTrailers())
        with pytest.raises(grpc.aio.AioRpcError):
            await exchange.read()
        assert await exchange.call.code() is not grpc.StatusCode.OK


async def test_an_answer_that_overtakes_its_request_waits_for_the_guard(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.begin(mode=ProcessingMode.STREAMED)
        assert (await exchange.read()).WhichOneof("response") == "request_headers"
        await exchange.send(response_headers=headers({":status": "200", "content-type": SSE}))
        data = request_of(INJECTION)
        await exchange.send(request_body=pb.HttpBody(body=data, end_of_stream=True))
        assert (await exchange.immediate())[0] == 400
        await exchange.close()


async def test_a_broken_stream_ends_with_a_status_once_it_has_begun(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.answer(b"data: {broken \xff\n\n")
        assert (await exchange.read()).WhichOneof("response") == "response_headers"
        with pytest.raises(grpc.aio.AioRpcError):
            await exchange.read()
        assert await exchange.call.code() is not grpc.StatusCode.OK
        assert envoy.endings[-1] == ("output", "failed")


async def test_envoy_may_end_the_stream_at_any_time(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.begin()
        await exchange.send(request_body=pb.HttpBody(body=b"{"))
        await exchange.close()
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.send(response_headers=headers({":status": "200", "content-type": SSE}))
        assert (await exchange.read()).WhichOneof("response") == "response_headers"
        await exchange.close()
        assert envoy.endings[-1] == ("output", "cancelled")


async def test_a_client_that_goes_away_ends_the_stream(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.send(response_headers=headers({":status": "200", "content-type": SSE}))
        assert (await exchange.read()).WhichOneof("response") == "response_headers"
        exchange.call.cancel()
        await asyncio.wait_for(envoy.processor.drain(), 30)
        assert envoy.endings[-1] == ("output", "cancelled")
        exchange = envoy.exchange()
        await exchange.begin()
        assert (await exchange.immediate())[0] == 503
        await exchange.close()


# --- one decision with the proxy --------------------------------------------------------------------------------------


def faults(envoy: Processing) -> list[tuple[str, str]]:
    return [(each.data.what, each.data.reason) for each in envoy.outbox.events if isinstance(each.data, Fault)]


@pytest.mark.parametrize(("target", "fault"), [*NEAR, *WRONG])
async def test_no_odd_target_goes_on(tmp_path: Path, target: str, fault: str):
    async with processing(tmp_path, unknown="pass") as envoy:
        exchange = envoy.exchange()
        await exchange.begin(path=target, end=True)
        status, body, _ = await exchange.immediate()
        assert status == 400
        assert fault in json.loads(body)["error"]["message"]
        await exchange.close()


@pytest.mark.parametrize("status", [203, 206, 207, 299, 302, 400, 429, 503, 599])
async def test_answers_of_every_status_are_guarded(tmp_path: Path, status: int):
    async with processing(tmp_path) as envoy:
        for path in (PATH, "/v1/other"):
            exchange = envoy.exchange()
            await exchange.request(request_of("hi"), path=path)
            await exchange.way("request")
            await exchange.answer(answer_of(CARD), JSON, size=11, more={":status": str(status)})
            got = await exchange.way("response")
            assert json.loads(got.body) == json.loads(answer_of(MASKED))
            assert got.added["x-tidegate-decision"] == "redact"
            assert ":status" not in got.added
            await exchange.close()


async def test_an_error_that_cannot_be_read_keeps_its_status(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.answer(b"{nope " + CARD.encode(), JSON, more={":status": "429"})
        status, body, _ = await exchange.immediate()
        assert status == 429
        assert "cannot be checked" in json.loads(body)["error"]["message"]
        await exchange.close()


async def test_an_error_may_come_before_its_request_was_read(tmp_path: Path):
    """An upstream refuses a key while the body is still on its way: its words are guarded, and nobody waits."""
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.begin(mode=ProcessingMode.STREAMED)
        assert (await exchange.read()).WhichOneof("response") == "request_headers"
        await exchange.send(response_headers=headers({":status": "401", "content-type": JSON}))
        assert (await exchange.read()).WhichOneof("response") == "response_headers"
        shown = await exchange.step("response", answer_of(CARD), is_last=True)
        assert json.loads(shown) == json.loads(answer_of(MASKED))
        await exchange.close()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"])
async def test_a_body_with_a_reading_method_does_not_go_on(tmp_path: Path, method: str):
    async with processing(tmp_path) as envoy:
        named: dict[str, Any] = {":method": method}
        for length in ("3", "0"):
            exchange = envoy.exchange()
            await exchange.begin(path="/v1/models", **(named | {"content-length": length}))
            if length == "0":
                await exchange.send(request_body=pb.HttpBody(body=b"{}", end_of_stream=True))
            assert (await exchange.immediate())[0] == 400
            await exchange.close()
        exchange = envoy.exchange()
        await exchange.begin(path="/v1/models", **(named | {"content-length": "0"}))
        await exchange.send(request_body=pb.HttpBody(end_of_stream=True))
        assert (await exchange.way("request")).body == b""


async def test_overrides_and_parts_do_not_go_on(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        override: dict[str, Any] = {"x-http-method-override": "GET"}
        await exchange.begin(**override)
        assert (await exchange.immediate())[0] == 400
        await exchange.close()
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"), **{"range": "bytes=5-", "if-range": "x"})
        got = await exchange.way("request")
        assert got.removed == {"content-length", "range", "if-range"}
        await exchange.call.done_writing()


WEBSOCKETS: tuple[dict[str, Any], ...] = (
    {":method": "GET", "upgrade": "websocket", "connection": "Upgrade", "content-length": "0"},
    {":method": "CONNECT", ":protocol": "websocket"},
)


@pytest.mark.parametrize("asked", WEBSOCKETS)
async def test_an_upgrade_is_refused_or_passes_marked_told_and_counted(tmp_path: Path, asked: dict[str, Any]):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.begin(path="/v1/realtime", **asked)
        status, body, _ = await exchange.immediate()
        assert (status, b"upgraded to websocket cannot be guarded" in body) == (501, True)
        await exchange.close()
    async with processing(tmp_path, upgrades="pass") as envoy:
        exchange = envoy.exchange()
        await exchange.begin(path="/v1/realtime", **asked)
        assert (await exchange.read()).WhichOneof("response") == "request_headers"
        await exchange.send(response_headers=headers({":status": "101" if "upgrade" in asked else "200"}))
        got = (await exchange.read()).response_headers.response.header_mutation
        assert told(got)["x-tidegate-decision"] == "unguarded"
        for name in ("request", "response", "request"):
            await exchange.send(**{f"{name}_body": pb.HttpBody(body=CARD.encode())})
            message = await exchange.read()
            piece = getattr(message, f"{name}_body").response.body_mutation.streamed_response
            assert piece.body == CARD.encode()
        assert faults(envoy) == [("request", "upgrade: /v1/realtime"), ("answer", "upgrade: /v1/realtime")]


async def test_what_passes_unread_is_told_once_in_each_direction(tmp_path: Path):
    async with processing(tmp_path, unknown="pass") as envoy:
        exchange = envoy.exchange()
        await exchange.request(b"x" * 100, path="/v1/other/1")
        assert (await exchange.way("request")).body == b"x" * 100
        await exchange.answer(b"y" * 100, "text/plain", size=10)
        assert (await exchange.way("response")).body == b"y" * 100
        await exchange.close()
        assert faults(envoy) == [("request", "unknown path: /v1/other/*"), ("answer", "unknown path: /v1/other/*")]


async def test_trailers_are_left_out_where_bodies_are_read(tmp_path: Path):
    for rule, removed in (("guard", ["x-sum"]), ("pass", [])):
        async with processing(tmp_path, unknown=rule) as envoy:
            exchange = envoy.exchange()
            await exchange.request(b"{}", path="/v1/other")
            await exchange.way("request")
            await exchange.send(response_headers=headers({":status": "200", "content-type": JSON}))
            await exchange.send(response_body=pb.HttpBody(body=b"{}"))
            trailers = {"headers": [{"key": "x-sum", "raw_value": CARD.encode()}]}
            await exchange.send(response_trailers=pb.HttpTrailers(trailers=trailers))
            while (message := await exchange.read()).WhichOneof("response") != "response_trailers":
                pass
            assert list(message.response_trailers.header_mutation.remove_headers) == removed
            await exchange.close()


async def test_a_body_of_an_answer_that_can_have_none_is_dropped(tmp_path: Path):
    async with processing(tmp_path) as envoy:
        exchange = envoy.exchange()
        await exchange.request(request_of("hi"))
        await exchange.way("request")
        await exchange.answer(CARD.encode(), "text/plain", more={":status": "304"})
        assert (await exchange.way("response")).body == b""
        await exchange.close()


async def test_a_body_that_does_not_arrive_in_time_is_given_up_and_permits_are_bounded(tmp_path: Path):
    async with processing(tmp_path, limits=Limits(max_streams=1), body_seconds=0.2) as envoy:
        first, second = envoy.exchange(), envoy.exchange()
        await first.begin()
        await first.send(request_body=pb.HttpBody(body=b"{"))
        async with asyncio.timeout(20):
            while envoy.processor.held_bytes != 1:
                await asyncio.sleep(0)
        await second.begin()
        status, _, marks = await second.immediate()
        assert (status, marks["retry-after"]) == (503, "1")
        await second.close()
        assert (await first.immediate())[0] == 408
        await first.close()
        assert envoy.processor.held_bytes == 0


async def test_what_is_not_looked_at_in_time_is_refused_and_not_called_a_violation(tmp_path: Path):
    async with processing(tmp_path, policy=READ_BY_A_MODEL.replace("DIRECTION", "input")) as envoy:
        envoy.processor._engine.scheduler = FullScheduler()
        exchange = envoy.exchange()
        await exchange.request(request_of("a harmless question"))
        status, body, marks = await exchange.immediate()
        assert (status, marks["retry-after"]) == (503, "1")
        assert 400 <= int(marks["retry-after-ms"]) < 1000
        assert "too many texts for the models" in json.loads(body)["error"]["message"]
        await exchange.close()
        assert envoy.endings == [("input", "failed")]
        assert not any(isinstance(each.data, Violation) for each in envoy.outbox.events)
