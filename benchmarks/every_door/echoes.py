"""Servers that answer with what they are sent, as a process: gRPC on both servers, a provider and a call-out over HTTP.

`python -m benchmarks.every_door.echoes FOLDER` prints their addresses as a line of JSON, and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from aiohttp import web
from google.protobuf.message import Message

from sidecar.config import Grpc, Limits
from sidecar.transport import agentgateway_pb as mcp
from sidecar.transport import envoy_pb as envoy
from sidecar.transport.ext_proc import SERVICE as EXT_PROC
from sidecar.transport.grpc import Server, bounds_of
from sidecar.transport.grpcio import make_server
from sidecar.transport.health import GUARD_SERVICE
from sidecar.transport.http2.server import Http2Server
from tidegate.v1 import guard_pb2 as pb
from workbench.bench.texts import pieces_of


async def _check(request: pb.CheckRequest, _context: object) -> pb.CheckResponse:
    return pb.CheckResponse(text=request.text)


async def _stream(requests: AsyncIterator[pb.StreamRequest], _context: object) -> AsyncIterator[pb.StreamResponse]:
    async for each in requests:
        if each.WhichOneof("message") == "chunk":
            yield pb.StreamResponse(release=pb.Release(text=each.chunk.text))
    yield pb.StreamResponse(summary=pb.Summary())


async def _process(requests: AsyncIterator[Any], _context: object) -> AsyncIterator[Message]:
    async for each in requests:
        kind = each.WhichOneof("request")
        if kind.endswith("headers"):
            yield envoy.ProcessingResponse(**{kind: {}})
            continue
        body = getattr(each, kind)
        streamed = {"body": body.body, "end_of_stream": body.end_of_stream}
        yield envoy.ProcessingResponse(**{kind: {"response": {"body_mutation": {"streamed_response": streamed}}}})


async def _pass(_request: Any, _context: object) -> Message:
    return mcp.McpRequestResult(**{"pass": mcp.Pass()})  # type: ignore[no-any-return]  # made of a descriptor


def _serve(server: Server) -> None:
    def written(message: Message) -> bytes:
        return message.SerializeToString()

    services: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {
        GUARD_SERVICE: {
            "Check": grpc.unary_unary_rpc_method_handler(_check, pb.CheckRequest.FromString, written),
            "Stream": grpc.stream_stream_rpc_method_handler(_stream, pb.StreamRequest.FromString, written),
        },
        EXT_PROC: {
            "Process": grpc.stream_stream_rpc_method_handler(_process, envoy.ProcessingRequest.FromString, written)
        },
        mcp.SERVICE: {"CheckRequest": grpc.unary_unary_rpc_method_handler(_pass, mcp.McpRequest.FromString, written)},
    }
    for name, methods in services.items():
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))


async def _provider(request: web.Request) -> web.StreamResponse:
    """An answer that says what was asked: whole, or piece by piece."""
    asked = await request.json()
    text = asked["messages"][-1]["content"]
    if not asked.get("stream"):
        message = {"role": "assistant", "content": text}
        return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for piece in pieces_of(text):
        chunk = {"choices": [{"index": 0, "delta": {"content": piece}}]}
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
    await response.write(b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n')
    await response.write(b"data: [DONE]\n\n")
    return response


async def _callout(request: web.Request) -> web.Response:
    return web.json_response(await request.json())


async def _http() -> str:
    routes = web.Application()
    routes.router.add_post("/v1/chat/completions", _provider)
    routes.router.add_post("/{path:.*}", _callout)
    runner = web.AppRunner(routes, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _main(folder: Path) -> None:
    bounds = bounds_of(Grpc(), Limits())
    light, grpcio = Http2Server(bounds), make_server(bounds, share_ports=False)
    sockets = {name: f"unix:{folder / name}.sock" for name in ("light", "grpcio")}
    for server in (light, grpcio):
        _serve(server)
    addresses = {
        "light tcp": await light.listen("127.0.0.1:0"),
        "light unix": await light.listen(sockets["light"]),
        "grpcio tcp": f"127.0.0.1:{grpcio.add_insecure_port('127.0.0.1:0')}",
        "grpcio unix": sockets["grpcio"],
        "http": await _http(),
    }
    grpcio.add_insecure_port(sockets["grpcio"])
    await grpcio.start()
    print(json.dumps(addresses), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
