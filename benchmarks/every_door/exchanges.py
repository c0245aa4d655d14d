"""The exchanges that are timed: each a call with a text, at an address, whether Tidegate or an echo answers there."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import aiohttp
import grpc

from sidecar.transport import agentgateway_pb as mcp
from sidecar.transport import envoy_pb as envoy
from sidecar.transport.ext_proc import SERVICE as EXT_PROC
from tidegate.v1 import guard_pb2 as pb
from tidegate.v1 import guard_pb2_grpc as rpc
from workbench.bench.texts import pieces_of

Exchange: TypeAlias = Callable[[str], Awaitable[object]]
CHAT = "/v1/chat/completions"
_OK = 200


def _user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


CALLOUTS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "check": ("/v1/check", lambda text: {"text": text}),
    "openai-moderations": ("/v1/moderations", lambda text: {"input": text}),
    "presidio": ("/analyze", lambda text: {"text": text, "language": "en"}),
    "lakera": ("/v2/guard", lambda text: {"messages": _user(text)}),
    "litellm": (
        "/beta/litellm_basic_guardrail_api",
        lambda text: {
            "input_type": "request",
            "texts": [text],
            "structured_messages": _user(text),
            "request_data": {},
        },
    ),
    "agentgateway": ("/request", lambda text: {"body": {"messages": _user(text)}}),
    "portkey": (
        "/portkey",
        lambda text: {
            "eventType": "beforeRequestHook",
            "requestType": "chatComplete",
            "request": {"json": {"model": "m", "messages": _user(text)}, "text": text},
        },
    ),
    "kong": ("/kong", lambda text: {"content": text, "source": "INPUT"}),
    "nemo": ("/v1/checks", lambda text: {"model": "m", "messages": _user(text)}),
    "fms": ("/api/v1/text/contents", lambda text: {"contents": [text], "detector_params": {}}),
    "hooks": ("/v1/hooks/claude-code", lambda text: event(text)),
}
"""By the form's name: its path, and a request that holds a text."""


def event(text: str) -> dict[str, Any]:
    """What an agent tells its hook of a prompt."""
    return {"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": text}


class Grpc:
    """Calls over one channel."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address)
        self._stub: Any = rpc.GuardServiceStub(self._channel)
        self._process: Any = self._channel.stream_stream(
            f"/{EXT_PROC}/Process",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=envoy.ProcessingResponse.FromString,
        )
        self._ask_mcp: Any = self._channel.unary_unary(
            f"/{mcp.SERVICE}/CheckRequest",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=mcp.McpRequestResult.FromString,
        )

    async def check(self, text: str) -> object:
        """A whole text."""
        return await self._stub.Check(pb.CheckRequest(text=text))

    async def stream(self, text: str) -> object:
        """A text in pieces, as fast as they are taken; all that comes back."""
        call = self._stub.Stream(_messages(text))
        return [each async for each in call]

    async def ext_proc(self, text: str) -> object:
        """A request and its answer, as Envoy sends them in the mode FULL_DUPLEX_STREAMED."""
        call = self._process()
        mode = envoy.ProcessingMode.FULL_DUPLEX_STREAMED
        request = json.dumps({"model": "m", "messages": _user(text)}).encode()
        message = {"role": "assistant", "content": text}
        answer = json.dumps({"choices": [{"index": 0, "message": message}]}).encode()
        config = {"request_body_mode": mode, "response_body_mode": mode}
        heads = {":method": "POST", ":path": CHAT, "content-type": "application/json"}
        await _send(call, "request", heads, request, protocol_config=config)
        await _read(call)
        await _send(call, "response", {":status": "200", "content-type": "application/json"}, answer)
        await _read(call)
        await call.done_writing()
        while await call.read() is not grpc.aio.EOF:
            pass
        return call

    async def ext_mcp(self, text: str) -> object:
        """What agentgateway asks of a call."""
        params = json.dumps({"name": "echo", "arguments": {"text": text}}).encode()
        return await self._ask_mcp(mcp.McpRequest(service_names=["tools"], method="tools/call", mcp_request=params))

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


async def _messages(text: str) -> AsyncIterator[pb.StreamRequest]:
    yield pb.StreamRequest(start=pb.Start())
    for piece in pieces_of(text):
        yield pb.StreamRequest(chunk=pb.Chunk(text=piece))


async def _send(call: Any, way: str, heads: Mapping[str, str], body: bytes, **more: Any) -> None:
    entries = [{"key": name, "raw_value": value.encode()} for name, value in heads.items()]
    head = envoy.HttpHeaders(headers={"headers": entries})
    await call.write(envoy.ProcessingRequest(**{f"{way}_headers": head}, **more))
    await call.write(envoy.ProcessingRequest(**{f"{way}_body": envoy.HttpBody(body=body, end_of_stream=True)}))


async def _read(call: Any) -> None:
    """Read what is said of one way, to its end."""
    while True:
        message = await call.read()
        if message is grpc.aio.EOF or message.WhichOneof("response") == "immediate_response":
            raise AssertionError(f"the exchange ended early: {message}")
        kind = message.WhichOneof("response")
        if kind.endswith("body") and getattr(message, kind).response.body_mutation.streamed_response.end_of_stream:
            return


class Http:
    """Requests over one session."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def whole(self, text: str) -> object:
        """A chat whose answer comes whole."""
        return await self._post(CHAT, {"model": "m", "messages": _user(text)})

    async def streamed(self, text: str) -> object:
        """A chat whose answer comes piece by piece, read to its end."""
        return await self._post(CHAT, {"model": "m", "messages": _user(text), "stream": True})

    def callout(self, name: str) -> Exchange:
        """What a form asks of a text."""
        path, body = CALLOUTS[name]
        return lambda text: self._post(path, body(text))

    async def _post(self, path: str, body: Any) -> bytes:
        async with self._session.post(f"{self._url}{path}", json=body) as answer:
            data = await answer.read()
            if answer.status != _OK:
                raise AssertionError(f"{path} answered {answer.status}: {data[:300]!r}")
            return data


class Child:
    """A server of MCP as a child: a call, and its answer."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None

    async def call(self, text: str) -> object:
        """Call its tool."""
        if self._process is None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        params = {"name": "echo", "arguments": {"text": text}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        self._process.stdin.write(json.dumps(call).encode() + b"\n")
        line = await self._process.stdout.readline()
        if b"content" not in line:
            raise AssertionError(f"the call was answered with {line[:300]!r}")
        return line

    async def close(self) -> None:
        """End it."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()


def command(*words: str) -> Exchange:
    """A command that is run for each text, with an agent's event on its standard input."""

    async def run(text: str) -> object:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=pipe, stdout=pipe)
        out, _ = await process.communicate(json.dumps(event(text)).encode())
        if process.returncode:
            raise AssertionError(f"{words} ended with {process.returncode}")
        return out

    return run
