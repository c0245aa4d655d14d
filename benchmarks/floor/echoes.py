"""Servers that do nothing with a stream's messages but answer each `every`-th.

    python -m benchmarks.floor.echoes KIND EVERY

Each prints where it listens, and serves until it is killed. What they answer with is what the service answers with when
it lets as many tokens out.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
import uvloop

from sidecar.config import Grpc, Limits
from sidecar.transport.grpc import bounds_of
from sidecar.transport.http2.server import Http2Server
from tidegate.v1 import guard_pb2 as pb
from workbench.bench.texts import made_text, pieces_of

TOKENS: Final = pieces_of(made_text(random.Random(1), sentences=200, is_violating=False))
MESSAGES: Final = [pb.StreamRequest(chunk=pb.Chunk(text=each)) for each in TOKENS]
"""What is sent, over and over: a token each."""
FRAMES: Final = [bytes(14) + each.SerializeToString() for each in MESSAGES]
"""As long as they are on the wire: HTTP/2's nine bytes, gRPC's five, and the message."""
_HOST = "127.0.0.1"
_SERVICE = "tidegate.v1.GuardService"
_MOST_STREAMS = 128


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor.echoes", description=__doc__)
    parser.add_argument("kind", choices=SERVERS)
    parser.add_argument("every", type=int)
    options = parser.parse_args()
    SERVERS[options.kind](options.every)


def _answer(every: int) -> pb.StreamResponse:
    text = "".join(TOKENS[:every])
    return pb.StreamResponse(release=pb.Release(text=text, input=pb.Span(start=0, end=len(text))))


def _told(port: object) -> None:
    print(f"{_HOST}:{port}", flush=True)


# -- a socket ---------------------------------------------------------------------------------------------------------


class _Socket(asyncio.Protocol):
    """Counts bytes, by the length of a message; what is due is written once for each read."""

    def __init__(self, every: int) -> None:
        self._due = sum(map(len, FRAMES)) * every // len(FRAMES)
        self._answer = bytes(14) + _answer(every).SerializeToString()
        self._bytes = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        answers, self._bytes = divmod(self._bytes + len(data), self._due)
        if answers:
            self._transport.write(self._answer * answers)


async def _sockets(every: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Socket(every), _HOST, 0)
    _told(server.sockets[0].getsockname()[1])
    await server.serve_forever()


# -- gRPC -------------------------------------------------------------------------------------------------------------


def _serve(server: Any, stream: Callable[..., Any]) -> None:
    """Have a server do this with streams. gRPC parses the messages, and makes bytes of the answers."""
    handler = grpc.stream_stream_rpc_method_handler(
        stream,
        request_deserializer=pb.StreamRequest.FromString,
        response_serializer=pb.StreamResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Stream": handler}),))


async def _grpc_aio(every: int) -> None:
    answer = _answer(every)

    async def stream(requests: AsyncIterator[pb.StreamRequest], _context: object) -> AsyncIterator[pb.StreamResponse]:
        count = 0
        async for request in requests:
            count += request.HasField("chunk")
            if count == every:
                count = 0
                yield answer

    server = grpc.aio.server()
    _serve(server, stream)
    port = server.add_insecure_port(f"{_HOST}:0")
    await server.start()
    _told(port)
    await server.wait_for_termination()


def _grpc_threads(every: int) -> None:
    answer = _answer(every)

    def stream(requests: Iterator[pb.StreamRequest], _context: object) -> Iterator[pb.StreamResponse]:
        count = 0
        for request in requests:
            count += request.HasField("chunk")
            if count == every:
                count = 0
                yield answer

    server = grpc.server(ThreadPoolExecutor(_MOST_STREAMS))
    _serve(server, stream)
    port = server.add_insecure_port(f"{_HOST}:0")
    server.start()
    _told(port)
    server.wait_for_termination()


# -- the service's own HTTP/2 -----------------------------------------------------------------------------------------


async def _own_http2(every: int) -> None:
    """Messages are handed over where they arrive, as the service has them; one that is answered is read."""
    answer = _answer(every)

    async def stream(_requests: object, context: Any) -> None:
        await context.read()  # the start
        counted = _Counted(every)
        context.hand_to(counted.take)
        while await context.read() is not grpc.aio.EOF:
            counted.reset()
            await context.write(answer)

    server = Http2Server(bounds_of(Grpc(), Limits()))
    _serve(server, stream)
    _told((await server.listen(f"{_HOST}:0")).rpartition(":")[2])
    await asyncio.Event().wait()


class _Counted:
    """Takes messages but each `every`-th."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._count = 0

    def take(self, _message: bytes) -> bool:
        self._count += 1
        return self._count < self._every

    def reset(self) -> None:
        self._count = 0


SERVERS: Final[Mapping[str, Callable[[int], None]]] = {
    "socket-asyncio": lambda every: asyncio.run(_sockets(every)),
    "socket-uvloop": lambda every: uvloop.run(_sockets(every)),
    "own-http2": lambda every: uvloop.run(_own_http2(every)),
    "grpc-aio": lambda every: uvloop.run(_grpc_aio(every)),
    "grpc-threads": _grpc_threads,
}
"""By kind: what serves, with so many messages for an answer."""

if __name__ == "__main__":
    main()
