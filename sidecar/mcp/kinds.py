"""As what an answer of a server's is read: a stream of events, messages, or text.

Clients decide by the content type, some by how it begins or by a part of it. One that could be taken for another kind
than that as which it was read does not pass.
"""

from __future__ import annotations

import aiohttp
from multidict import CIMultiDict

from sidecar.codec.jsontext import NotJsonError, loads
from sidecar.mcp.behind import EVENTS
from sidecar.transport.http_headers import Described, described
from sidecar.transport.http_status import UnreadableAnswerError

_SHORT_EVENTS = "event-stream"
_LATIN = frozenset({"iso-8859-1", "latin1", "windows-1252"})
"""As which servers send pages of errors; browsers and clients read all of them as the last."""
_NOT_READ = "the upstream's answer is in a charset that is not read here"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
"""How a text begins that readers take for UTF-16, whatever its headers tell."""


def is_stream(answer: aiohttp.ClientResponse) -> bool:
    """Whether an answer is a stream of events. Raises `UnreadableAnswerError` where clients could differ on it."""
    body, said = _described(answer), _said(answer)
    if body.coding:
        raise UnreadableAnswerError("the upstream's answer has a content coding that nobody asked for")
    if not answer.ok:
        return False
    if _SHORT_EVENTS in said and (body.kind != EVENTS or not body.is_utf8):
        raise UnreadableAnswerError("the upstream's answer has two content types, or is a stream that is not UTF-8")
    return body.kind == EVENTS


def calls_itself_json(answer: aiohttp.ClientResponse) -> bool:
    """Whether a client could take an answer for messages. Raises `UnreadableAnswerError`."""
    _check_charset(_described(answer))
    return "json" in _said(answer)


def text_of(answer: aiohttp.ClientResponse, data: bytes) -> str:
    """The text of an answer. Raises `UnreadableAnswerError` if it is in no known charset."""
    body = _described(answer)
    _check_charset(body)
    if data.startswith(_UTF16):
        raise UnreadableAnswerError(_NOT_READ)
    return data.decode("utf-8" if body.is_utf8 else "windows-1252", "replace")


def is_json(data: bytes) -> bool:
    """Whether a body is empty or JSON."""
    try:
        return not data.strip() or loads(data) is not None
    except NotJsonError:
        return False


def _check_charset(body: Described) -> None:
    if not body.is_utf8 and body.charset not in _LATIN:
        raise UnreadableAnswerError(_NOT_READ)


def _described(answer: aiohttp.ClientResponse) -> Described:
    return described(CIMultiDict(answer.headers))


def _said(answer: aiohttp.ClientResponse) -> str:
    return ",".join(answer.headers.getall("Content-Type", ())).lower()
