"""Messages of JSON-RPC that are written here: what stands in the place of one that a policy stopped. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from sidecar.codec.jsontext import NotJsonError, WideNumber, dumps, loads
from sidecar.codec.shapes.mcp import is_token

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
STOPPED = -32001
"""A policy stopped it. The codes of -32000 to -32099 are for implementations (JSON-RPC 2.0, 5.1)."""
UNCHECKED = -32002
"""It could not be checked, and so did not pass."""
UNANSWERED = -32003
"""Whoever should have answered did not."""

_MEMBER = re.compile(rb'\s*[{,]\s*"(\w+)"\s*:\s*(-?\d{1,18}|"[\w./-]{1,128}")(?=\s*[,}])')
"""A number, or a text without anything in it that needs a second look."""
_NEXT = re.compile(rb'\s*[{,]\s*"(\w+)"\s*:')
_LAST = re.compile(rb'(?:,\s*"\w+"\s*:\s*(?:-?\d{1,18}|"[\w./-]{1,128}")\s*){1,4}\}\s*\Z')


def error_message(number: Any, code: int, message: str) -> bytes:
    """An error in answer to the request with this id, as a line."""
    return _line({"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}})


def failed_call(number: Any, message: str) -> bytes:
    """The result of a call of a tool that did not succeed: the model reads it, and the session goes on."""
    return _line({"jsonrpc": "2.0", "id": number, "result": failed_result(message)})


def failed_result(message: str) -> dict[str, Any]:
    """The result alone."""
    return {"content": [{"type": "text", "text": message}], "isError": True}


def line_of(document: Any) -> bytes:
    """A document as a line."""
    return _line(document)


def head_of(head: bytes, end: bytes) -> tuple[str | int, bool] | None:
    """The id of a message that is too long to be read, and whether it is an answer; None where neither end tells.

    Read are the plain members with which it begins, and those with which it ends: what else it has stands between.
    """
    told = [*_plain(head, 0)]
    following = _NEXT.match(head, told[-1].end() if told else 0)
    last = _LAST.search(end)
    told += [] if last is None else _plain(end, last.start())
    names = {found[1] for found in told} | ({following[1]} if following is not None else set())
    numbers = {found[2] for found in told if found[1] == b"id"}
    is_answer, is_request = bool(names & {b"result", b"error"}), b"method" in names
    if len(numbers) != 1 or is_answer == is_request:
        return None
    number = numbers.pop()
    return (number[1:-1].decode() if number.startswith(b'"') else int(number)), is_answer


def _plain(data: bytes, position: int) -> Iterator[re.Match[bytes]]:
    """The plain members that stand at a place one after the other."""
    while (found := _MEMBER.match(data, position)) is not None:
        yield found
        position = found.end()


def is_request(document: Any) -> bool:
    """Whether it waits for an answer."""
    return isinstance(document, dict) and "method" in document and "id" in document


def is_answer(document: Any) -> bool:
    """Whether it answers a request."""
    return isinstance(document, dict) and "method" not in document and "id" in document


def asks_and_answers(document: Any) -> bool:
    """Whether it is both, so that its readers differ on which."""
    return isinstance(document, dict) and "method" in document and bool({"result", "error"} & document.keys())


def errors_for(numbers: Collection[Any], code: int, message: str) -> bytes:
    """Errors in answer to these requests, each as a line; one without an id where there are none."""
    return b"".join(error_message(each, code, message) for each in sorted(numbers, key=str) or (None,))


def lines_of(data: bytes) -> list[bytes]:
    """Messages that stand in lines, each without its end."""
    return [each for each in data.split(b"\n") if each.strip()]


def joined(body: bytes, lines: bytes) -> bytes:
    """A body of messages, none, one or a list of them, with the messages of these lines. Raises `NotJsonError`."""
    if not lines:
        return body
    own = loads(body) if body.strip() else []
    told = [*(own if isinstance(own, list) else [own]), *(loads(each) for each in lines_of(lines))]
    return dumps(told if len(told) > 1 else told[0]).encode("utf-8", "surrogatepass")


def requests_in(data: bytes) -> set[Any]:
    """The ids of the requests among messages."""
    return {each["id"] for each in _messages(data) if is_request(each) and _is_id(each["id"])}


def answers_in(data: bytes) -> set[Any]:
    """The ids of the answers among messages."""
    if b'"result"' not in data and b'"error"' not in data:
        return set()
    return {each["id"] for each in _messages(data) if is_answer(each) and _is_id(each["id"])}


def cancelled_in(data: bytes) -> set[Any]:
    """The ids of requests that messages of the client's cancel: they need no answer any more."""
    if b'"notifications/cancelled"' not in data:
        return set()
    asked = [each.get("params") for each in _messages(data) if _is_cancel(each)]
    return {each["requestId"] for each in asked if isinstance(each, dict) and _is_id(each.get("requestId"))}


def _is_cancel(document: Any) -> bool:
    return isinstance(document, dict) and document.get("method") == "notifications/cancelled"


def _messages(data: bytes) -> list[Any]:
    try:
        document = loads(data)
    except NotJsonError:
        return []
    return document if isinstance(document, list) else [document]


def _is_id(number: Any) -> bool:
    return isinstance(number, str | int | float | WideNumber) and is_token(number)


def _line(document: Any) -> bytes:
    return dumps(document).encode("utf-8", "surrogatepass") + b"\n"
