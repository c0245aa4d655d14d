"""Guards the messages between one client and one server of MCP: each whole, in the order in which they come.

1. A message is read as the shape of its sender has it (`sidecar.codec.shapes.mcp`) and goes through a stream of its
   own: what the client sends is a model's output, what the server sends is a model's input. What the server answers is
   history, so that a rule that blocks withholds it in its place.
2. One that nothing was done to goes on byte for byte. One that was blocked is answered where somebody waits: a call by
   a result that failed, anything else by an error. The session goes on.
3. Definitions (`tools/list` and the like) are judged together, and only where something is wrong one by one: what was
   stopped is left out of the list. Tools are pinned by digest; one that changed is left out, too. A call of a tool that
   was left out is answered by a result that failed.

What is no JSON, or has a name twice, does not pass: nobody knows how its reader would read it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from sidecar.codec import opened
from sidecar.codec.body import UnknownShapeError
from sidecar.codec.formats import Format
from sidecar.codec.jsontext import NotJsonError, edited, loads
from sidecar.codec.shape import Shape
from sidecar.codec.shapes import mcp
from sidecar.engine import Engine
from sidecar.errors import TidegateError, UnknownPolicy
from sidecar.mcp.left_out import LeftOut
from sidecar.mcp.messages import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    STOPPED,
    UNCHECKED,
    asks_and_answers,
    error_message,
    failed_call,
    head_of,
    is_answer,
    is_request,
    line_of,
)
from sidecar.mcp.pins import MOST_PINS, Pins, digest_of
from sidecar.outbox.builders import fault_event
from sidecar.outbox.event import FaultKind
from sidecar.start import StreamStart, info_of
from sidecar.transport.answers import guard_whole
from sidecar.transport.exchange import message_of
from sidecar.values import Action, Direction

_log = logging.getLogger(__name__)

_NAME = re.compile(r"[\w./:-]{1,128}", re.ASCII)
_LEFT_OUT = "This tool was left out: its definition was stopped by a policy, or is not what it was."
_ALL_LEFT_OUT = "Too many tools of this server were left out, so none of them may be called."
_NO_NAME = "The call does not say which tool it calls."
_MOST_AT_ONCE = 1000
_END_BYTES = 512
"""So much of the end of a message that cannot be read is looked at for its id."""
_TOO_MANY = f"The list has more than {_MOST_AT_ONCE} messages; send them in several."
_BOTH = "The message cannot be checked: it asks and answers at once."
_NO_JSON = "The message cannot be checked: it is no JSON, has a name twice, or is nested too deep."


class Relayed(msgspec.Struct, frozen=True):
    """What becomes of a message: what goes on to its receiver, and what is answered to its sender."""

    onward: bytes = b""
    back: bytes = b""


class _Judged(msgspec.Struct, frozen=True):
    """A document as it may go on, and what was done to it; `message` says why it may not."""

    data: bytes
    action: Action
    message: str = ""


class McpGuard:
    """See the module's text. One session of one server. Several messages may be judged at a time: it keeps no order."""

    def __init__(
        self,
        engine: Engine,
        start: StreamStart,
        pins: Pins,
        *,
        max_message_bytes: int,
        left_out: LeftOut | None = None,
    ) -> None:
        """`start` is what is known of all its streams; `left_out` what was left out before."""
        self._engine = engine
        self._from_client = msgspec.structs.replace(start, direction=Direction.OUTPUT)
        self._from_server = msgspec.structs.replace(start, direction=Direction.INPUT)
        self._pins = pins
        self._left_out = LeftOut() if left_out is None else left_out
        self.max_message_bytes = max_message_bytes

    @property
    def policy_of_server(self) -> str:
        """The digest of the policy that judges what the server says; empty where none does."""
        start = self._from_server
        try:
            return self._engine.policies.resolve(start.policy or None, start.facts).digest
        except UnknownPolicy:
            return ""

    async def from_client(self, data: bytes) -> Relayed:
        """A message of the client's. Raises nothing: what cannot be checked does not pass, and is answered."""
        try:
            document = loads(data)
        except NotJsonError:
            _log.warning("a message of the client's cannot be read and does not pass", extra={"bytes": len(data)})
            return Relayed(back=error_message(None, PARSE_ERROR, _NO_JSON))
        if isinstance(document, list):
            if len(document) > _MOST_AT_ONCE:
                return Relayed(back=error_message(None, INVALID_REQUEST, _TOO_MANY))
            return await self._batch(document, data, self._client_message)
        return await self._client_message(document, data)

    async def from_server(self, data: bytes) -> Relayed:
        """A message of the server's; as `from_client`."""
        try:
            document = loads(data)
        except NotJsonError:
            _log.warning("a message of the server's cannot be read and does not pass", extra={"bytes": len(data)})
            return self._unread(data, _NO_JSON)
        if isinstance(document, list):
            if len(document) > _MOST_AT_ONCE:
                _log.warning(
                    "a list of the server's has too many messages and does not pass", extra={"bytes": len(data)}
                )
                return Relayed()
            return await self._batch(document, data, self._server_message)
        return await self._server_message(document, data)

    def too_long(self, head: bytes, end: bytes) -> Relayed:
        """What becomes of a message of which only the head and the end were kept."""
        _log.warning("a message is too long and does not pass", extra={"limit": self.max_message_bytes})
        return self._unread(head, f"The message has more than {self.max_message_bytes} bytes.", end)

    # -- one message ----------------------------------------------------------------------------------------------

    async def _client_message(self, document: Any, data: bytes) -> Relayed:
        called = _tool_called(document)
        if called is None and _is_call(document):
            return _refused(document, INVALID_PARAMS, _NO_NAME)
        if called is not None and called in self._left_out:
            why = _ALL_LEFT_OUT if self._left_out.is_full else _LEFT_OUT
            return Relayed(back=failed_call(document.get("id"), why)) if is_request(document) else Relayed()
        try:
            judged = await self._judge(mcp.CLIENT, self._from_client, data)
        except TidegateError as error:
            return _refused(document, UNCHECKED, f"The message could not be checked: {error}")
        if judged.message:
            return _refused(document, STOPPED, judged.message)
        return Relayed(onward=judged.data)

    async def _server_message(self, document: Any, data: bytes) -> Relayed:
        if asks_and_answers(document):
            return _refused({"id": document["id"]}, UNCHECKED, _BOTH) if "id" in document else Relayed()
        try:
            judged = await self._judge(mcp.SERVER, self._from_server, data)
            key = _list_in(document)
            if key:
                judged = await self._listed(document, key, data, judged)
        except TidegateError as error:
            return _refused(document, UNCHECKED, f"The message could not be checked: {error}", of_server=True)
        if judged.message:
            return _refused(document, STOPPED, judged.message, of_server=True)
        return Relayed(onward=_whole_again(document, judged))

    async def _batch(self, documents: list[Any], data: bytes, one: Any) -> Relayed:
        """A list of messages, as revision 2025-03-26 has them."""
        parts = [(line_of(each), await one(each, line_of(each))) for each in documents]
        back = b"".join(relayed.back for _, relayed in parts)
        if all(relayed.onward == line and not relayed.back for line, relayed in parts):
            return Relayed(onward=data)
        kept = [loads(relayed.onward) for _, relayed in parts if relayed.onward]
        return Relayed(line_of(kept) if kept else b"", back)

    def _unread(self, head: bytes, message: str, end: bytes = b"") -> Relayed:
        """A message that cannot be read: whoever waits for it is told, as far as its head or end names them."""
        told = head_of(head, end or head[-_END_BYTES:])
        if told is None:
            return Relayed()
        number, answers = told
        error = error_message(number, INVALID_REQUEST if not answers else UNCHECKED, message)
        return Relayed(onward=error) if answers else Relayed(back=error)

    async def _judge(self, shape: Shape, start: StreamStart, data: bytes) -> _Judged:
        """Put a message through a stream. Raises `TidegateError`."""
        try:
            most = self._engine.limits.max_request_texts
            body = opened.whole(shape, data, is_request=True, form=Format.JSON, most_texts=most)
        except UnknownShapeError:
            return _Judged(b"", Action.BLOCK, _NO_JSON)
        if shape is mcp.SERVER and is_answer(body.document):
            start = msgspec.structs.replace(start, history=frozenset(each.lane for each in body.texts))
        async with self._engine.open(start, is_held=True) as session:
            summary = await guard_whole(session, body)
        if body.blocked is not None:
            rule = session.plan.rules[body.blocked.rule].id
            _log.info("a message was stopped", extra={"rule": rule, "stream": session.info.stream_id})
            return _Judged(b"", Action.BLOCK, f"{message_of(body.blocked)} (rule {rule})")
        return _Judged(body.finish(), summary.action)

    # -- definitions ----------------------------------------------------------------------------------------------

    async def _listed(self, document: Any, key: str, data: bytes, judged: _Judged) -> _Judged:
        """A list of definitions: what was stopped, or is not as it was, is left out."""
        offered: list[Any] = document["result"][key]
        gone = await self._not_as_they_were(offered) if key == "tools" else frozenset()
        is_stopped = judged.message or judged.action >= Action.WITHHOLD
        if not is_stopped and not gone:
            self._forgive(offered if key == "tools" else ())
            return judged
        bare = await self._judge(mcp.SERVER, self._from_server, line_of(_with_list(document, key, [])))
        if bare.message:
            return bare
        kept = []
        for each in offered:
            passed = None if _name_of(each) in gone else await self._definition(document, key, each)
            if passed is None:
                self._leave_out(each if key == "tools" else None)
            else:
                kept.append(passed)
        self._forgive(kept if key == "tools" else ())
        return _Judged(
            edited(bare.data.decode("utf-8", "surrogatepass"), {("result", key): kept}).encode(
                "utf-8", "surrogatepass"
            ),
            bare.action,
        )

    async def _definition(self, document: Any, key: str, definition: Any) -> Any:
        """A definition as it may go on; None for one that may not."""
        alone = {"jsonrpc": "2.0", "id": 0, "result": {key: [definition]}}
        judged = await self._judge(mcp.SERVER, self._from_server, line_of(alone))
        if judged.message or judged.action >= Action.WITHHOLD:
            _log.warning("a definition was left out", extra={"kind": key, "named": _shown(_name_of(definition))})
            return None
        return loads(judged.data)["result"][key][0]

    def _leave_out(self, tool: Any) -> None:
        """A tool may not be called."""
        was_full = self._left_out.is_full
        if tool is not None:
            self._left_out.add(_name_of(tool))
        if self._left_out.is_full and not was_full:
            _log.error("too many tools were left out; none may be called", extra={"server": self._pins.server})

    def _forgive(self, passed: Iterable[Any]) -> None:
        """Tools that pass now may be called."""
        if self._left_out:
            self._left_out.forgive(_name_of(each) for each in passed)

    async def _not_as_they_were(self, tools: list[Any]) -> frozenset[str]:
        """Pin tools, and tell what is wrong; returns the names of those that may not pass. Raises `ConfigError`."""
        pinned = self._pins.pin(tools)
        if pinned.unpinned:
            extra = {"server": self._pins.server, "tools": len(pinned.unpinned), "limit": MOST_PINS}
            _log.warning("tools were left out: there are too many to pin, or their names cannot be kept", extra=extra)
        for name in sorted(pinned.changed):
            await self._tell(FaultKind.TOOL_CHANGED, name, "its definition is not what it was when it was pinned")
        for name, server in sorted(pinned.shadowed.items()):
            await self._tell(FaultKind.TOOL_SHADOWED, name, f"server {_shown(server)} has a tool of this name, too")
        return pinned.changed | pinned.unpinned

    async def _tell(self, fault: FaultKind, name: str, reason: str) -> None:
        what = _shown(name)
        _log.warning(f"{fault.value}: {reason}", extra={"tool": what, "server": self._pins.server})
        now, start = self._engine.clock.unix_seconds(), self._from_server
        info = info_of(self._engine.policies.resolve(start.policy or None, start.facts), start, now)
        told = f"server {self._pins.server}: {reason}"
        await self._engine.outbox.put([fault_event(fault, what, now, info=info, reason=told)])


def _refused(document: Any, code: int, message: str, *, of_server: bool = False) -> Relayed:
    """What becomes of a message that may not pass: a request is answered, an answer gives way to one that failed."""
    if is_request(document):
        number = document["id"]
        is_failed_call = _is_call(document) and code == STOPPED
        return Relayed(back=failed_call(number, message) if is_failed_call else error_message(number, code, message))
    if not is_answer(document):
        return Relayed()
    result = document.get("result")
    is_called = of_server and isinstance(result, dict) and isinstance(result.get("content"), list)
    number = document["id"]
    if not mcp.is_token(number):  # it is text, and did not pass either
        return Relayed()
    return Relayed(onward=failed_call(number, message) if is_called else error_message(number, code, message))


def _whole_again(document: Any, judged: _Judged) -> bytes:
    """A result whose structured content was withheld has none, and says that it failed: its schema asks for one."""
    if judged.action < Action.WITHHOLD or _structured(document) is None:
        return judged.data
    changed = loads(judged.data)
    if _structured(changed) == _structured(document):
        return judged.data
    result = {key: value for key, value in changed["result"].items() if key != "structuredContent"}
    return line_of({**changed, "result": {"content": [], **result, "isError": True}})


def _structured(document: Any) -> Any:
    result = document.get("result") if isinstance(document, dict) else None
    return result.get("structuredContent") if isinstance(result, dict) else None


def _list_in(document: Any) -> str:
    """What a result lists; nothing where it lists none."""
    result = document.get("result") if isinstance(document, dict) and "method" not in document else None
    if not isinstance(result, dict):
        return ""
    return next((key for key in mcp.LISTS if isinstance(result.get(key), list)), "")


def _with_list(document: Any, key: str, offered: list[Any]) -> Any:
    return {**document, "result": {**document["result"], key: offered}}


def _is_call(document: Any) -> bool:
    return isinstance(document, dict) and document.get("method") == "tools/call"


def _tool_called(document: Any) -> str | None:
    params = document.get("params") if _is_call(document) else None
    return params.get("name") if isinstance(params, dict) and isinstance(params.get("name"), str) else None


def _name_of(definition: Any) -> str:
    name = definition.get("name") if isinstance(definition, dict) else None
    return name if isinstance(name, str) else ""


def _shown(name: str) -> str:
    """A name as logs and events have it: one that is no name may hold text, and is called by its digest."""
    return name if _NAME.fullmatch(name) else digest_of(name)[:19]
