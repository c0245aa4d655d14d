"""The operations whose work is counted: a token on each part of its way, a segment's decision, and an event.

Models are played by one that answers at once and finds nothing: the segments are cut, asked for and let out as ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import hpack
import msgspec

from benchmarks.counted.counting import CountingLoop, Work, counted
from benchmarks.micro.operations import PIECES, with_silent_model
from detectors.types import Finding
from sidecar import session as sessions
from sidecar.clock import LoopClock
from sidecar.codec import opened
from sidecar.codec.catalogue import SHAPES
from sidecar.codec.formats import Format
from sidecar.config import Grpc, Limits
from sidecar.core.stream import Stream
from sidecar.engine import Engine
from sidecar.outbox.builders import StreamInfo, uuid7, violation_event
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.rows import to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.store import Store
from sidecar.policy.decide import decide
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.scheduler.scheduler import Request
from sidecar.session import Session
from sidecar.start import StreamStart
from sidecar.telemetry.metrics import Metrics
from sidecar.transport.answers import StreamGuard
from sidecar.transport.grpc import GuardService, bounds_of
from sidecar.transport.http2 import frames
from sidecar.transport.http2.link import Link
from sidecar.transport.http2.messages import PREFIX
from sidecar.transport.http2.server import Http2Server
from sidecar.values import Action, Decision, Direction, Exposure, Found, Lane
from tidegate.v1 import guard_pb2 as pb

TOKENS = PIECES[:400]
EVENTS = 20
_CALL = 1
_WRITES, _FRAMES = "writes to the socket", "frames sent"
_UNIX_SECONDS = 1_700_000_000.0
_LARGE = 1 << 24


class _Plans:
    """One plan for all streams."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def resolve(self, _name: str | None, _facts: StreamFacts) -> Plan:
        """It."""
        return self._plan


class _AtOnce:
    """A scheduler that finds nothing, at once."""

    def submit(self, request: Request) -> None:
        """Answer."""
        request.answer(Found())


class _Wire(asyncio.Transport):
    """A socket that takes everything; what it is given is counted."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self._work = work

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Count it."""
        self._work.counts[_WRITES] += 1
        at = 0
        while at < len(data):
            at += frames.HEAD_BYTES + frames.head_of(bytes(data), at)[0]
            self._work.counts[_FRAMES] += 1

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There are none."""

    def is_closing(self) -> bool:
        """Never."""
        return False


def operations() -> Mapping[str, Mapping[str, float]]:
    """The work of one operation each, by name."""
    plain = _plan()
    plan = with_silent_model(plain)
    with _standing_still():
        return {
            "a token through the core": _of(_core, plan),
            "a token through the session": _in_loop(_session, plan),
            "a token through gRPC and back": _in_loop(_grpc, plan),
            "a token that waits for no model, through gRPC and back": _in_loop(_grpc, plain),
            **{
                f"an event of {name} through the proxy's guard": _in_loop(partial(_proxy, name), plan)
                for name in _EVENTS
            },
            "a policy's decision on a finding": _of(_decide, plan),
            "an event into the outbox": _of(_outbox, plan),
        }


@contextmanager
def _standing_still() -> Iterator[None]:
    """A session takes steps by text and not by time: a machine that is busy cuts none of them short."""
    with patch.object(sessions, "time", SimpleNamespace(perf_counter=lambda: 0.0, time=time.time)):
        yield


def _of(operation: Callable[[Work, Plan], int], plan: Plan) -> dict[str, float]:
    """Once for what is made when it is first used, and once counted."""
    operation(Work(), plan)
    work = Work()
    return work.per(operation(work, plan))


def _in_loop(operation: Callable[[Work, Engine], Awaitable[int]], plan: Plan) -> dict[str, float]:
    async def run(work: Work) -> int:
        async with _engine(plan) as engine:
            return await operation(work, engine)

    def once(work: Work, _: Plan) -> int:
        with asyncio.Runner(loop_factory=CountingLoop) as runner:
            return runner.run(run(work))

    return _of(once, plan)


def _plan() -> Plan:
    """A rule for a word that never comes: text leaves as it comes, but where it waits for a model."""
    document = {
        "apiVersion": "tidegate.dev/v1",
        "kind": "Policy",
        "metadata": {"name": "counted", "version": "1"},
        "rules": [
            {
                "id": "never",
                "severity": "high",
                "detect": {"detector": "patterns", "keywords": {"NEVER": ["\u2603\u2603\u2603"]}},
                "action": {"redact": {"with": "label"}},
            }
        ],
    }
    with TemporaryDirectory(prefix="tidegate-counted-") as folder:
        (Path(folder) / "counted.yaml").write_bytes(msgspec.json.encode(document))
        store = PolicyStore((Path(folder),))
        store.load()
        return store.plans["counted"]


@asynccontextmanager
async def _engine(plan: Plan) -> AsyncIterator[Engine]:
    outbox = MemoryOutbox()
    await outbox.start()
    yield Engine(
        policies=_Plans(plan),
        scheduler=_AtOnce(),
        outbox=outbox,
        clock=LoopClock(),
        metrics=Metrics("counted"),
        limits=Limits(),
        idle_seconds=60.0,
    )
    await outbox.stop()


def _core(work: Work, plan: Plan) -> int:
    """As a session feeds it: text that may wait is fed with what follows it."""
    stream, lane, unread = Stream(plan), Lane(), ""
    with work.counting():
        patience = stream.patience(lane)
        for token in TOKENS:
            unread += token
            if patience.lasts(token):
                continue
            for batch, segment in stream.feed(lane, unread):
                stream.resolve(segment.number, batch.index, Found())
            while stream.next_output() is not None:
                pass
            unread, patience = "", stream.patience(lane)
    return len(TOKENS)


async def _session(work: Work, engine: Engine) -> int:
    async with engine.open(StreamStart()) as session:
        shown = asyncio.create_task(_all(session))
        await counted(work, [partial(_feed, session, token) for token in TOKENS])
        session.finish()
        await shown
    return len(TOKENS)


async def _all(session: Session) -> None:
    async for _ in session.outputs():
        pass


async def _feed(session: Session, token: str) -> None:
    if not session.pour(Lane(), token):
        await session.feed(Lane(), token)


async def _grpc(work: Work, engine: Engine) -> int:
    """Frames in and out of a connection without a socket: a token a message, each in a read of its own."""
    server = Http2Server(bounds_of(Grpc(), Limits()))
    GuardService(engine, Grpc()).add_to(server)
    link = Link(server)
    link.connection_made(_Wire(work))
    link.data_received(frames.PREFACE + frames.settings({}) + _opening() + _data(pb.StreamRequest(start=pb.Start())))
    work.counts.clear()
    await counted(work, [partial(_receive, link, _data(_chunk(token))) for token in TOKENS])
    link.data_received(frames.frame(frames.DATA, frames.END_STREAM, _CALL))
    loop = asyncio.get_running_loop()
    assert isinstance(loop, CountingLoop)
    counts = work.counts.copy()
    await loop.settle()
    work.counts = counts
    link.connection_lost(None)
    return len(TOKENS)


async def _receive(link: Link, data: bytes) -> None:
    link.data_received(data)


def _opening() -> bytes:
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/tidegate.v1.GuardService/Stream"),
        (":authority", "counted"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    return frames.frame(frames.HEADERS, frames.END_HEADERS, _CALL, hpack.Encoder().encode(fields))


def _chunk(token: str) -> pb.StreamRequest:
    return pb.StreamRequest(chunk=pb.Chunk(text=token))


def _data(request: pb.StreamRequest) -> bytes:
    message = request.SerializeToString()
    return frames.frame(frames.DATA, 0, _CALL, PREFIX.pack(0, len(message)) + message)


async def _proxy(name: str, work: Work, engine: Engine) -> int:
    """What the proxy does with each event of a stream of that API, between the two connections that it has."""
    shape, event_of = next(each for each in SHAPES if each.name == name), _EVENTS[name]
    body = opened.streamed(shape, Format.SSE, max_frame_bytes=_LARGE, max_waiting_bytes=_LARGE)
    events: asyncio.Queue[bytes] = asyncio.Queue()

    async def coming() -> AsyncIterator[bytes]:
        while event := await events.get():
            yield event

    async def write(_data: bytes) -> None:
        work.counts[_WRITES] += 1

    async with engine.open(StreamStart()) as session:
        guard = asyncio.create_task(StreamGuard(session, body, write).run(coming()))
        await counted(work, [partial(events.put, event_of(token)) for token in TOKENS])
        counts = work.counts.copy()
        await events.put(b"")
        await guard
        work.counts = counts
    return len(TOKENS)


def _chat_event(token: str) -> bytes:
    choice: dict[str, Any] = {"index": 0, "delta": {"content": token}, "logprobs": None, "finish_reason": None}
    chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + msgspec.json.encode(chunk | {"obfuscation": token[::-1]}) + b"\n\n"


def _message_event(token: str) -> bytes:
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": token}}
    return b"event: content_block_delta\ndata: " + msgspec.json.encode(event) + b"\n\n"


_EVENTS: Mapping[str, Callable[[str], bytes]] = {"openai-chat": _chat_event, "anthropic-messages": _message_event}
"""What the providers of these APIs send for a token."""


def _decide(work: Work, plan: Plan) -> int:
    findings = [Finding(10, 30, "NEVER", 1.0)]
    with work.counting():
        for _ in range(EVENTS):
            decide(plan.rules, findings)
    return EVENTS


def _outbox(work: Work, plan: Plan) -> int:
    """Made, encoded and written to a real file, each in a transaction of its own; on the thread that asks."""
    rule = plan.rules[0]
    finding, exposure = Finding(10, 30, "NEVER", 1.0), Exposure(10, 0, 12.0)
    decision = Decision(1, rule.index, Lane(), finding, Action.REDACT, Action.REDACT, exposure, "a word")
    info = StreamInfo(
        stream_id=uuid7(_UNIX_SECONDS),
        direction=Direction.OUTPUT,
        policy=plan.name,
        policy_version=plan.version,
        policy_digest=plan.digest,
    )
    with TemporaryDirectory(prefix="tidegate-counted-") as folder:
        store = Store(OutboxSettings(path=Path(folder) / "outbox.db"), now=lambda: _UNIX_SECONDS)
        store.open()
        with work.counting():
            for _ in range(EVENTS):
                with store.transaction():
                    store.tables.append([to_row(violation_event(info, plan, decision, _UNIX_SECONDS))])
        store.close()
    return EVENTS
