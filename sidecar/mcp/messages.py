"""Messages of JSON-RPC that are written here: what stands in the place of one that a policy stopped. Pure."""

from __future__ import annotations

import re
from typing import Any

from sidecar.codec.jsontext import dumps

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
STOPPED = -32001
"""A policy stopped it. The codes of -32000 to -32099 are for implementations (JSON-RPC 2.0, 5.1)."""
UNCHECKED = -32002
"""It could not be checked, and so did not pass."""

_HEAD = re.compile(
    rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(?:(-?\d{1,18})|"([\w-]{1,128})")\s*,\s*"(result|error|method)"'
)


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


def head_of(data: bytes) -> tuple[str | int, bool] | None:
    """The id in the head of a message that is too long to be read, and whether it is an answer; None where untold."""
    found = _HEAD.match(data)
    if found is None:
        return None
    digits, name, kind = found.groups()
    return (int(digits) if digits else name.decode("ascii", "replace")), kind != b"method"


def is_request(document: Any) -> bool:
    """Whether it waits for an answer."""
    return isinstance(document, dict) and "method" in document and "id" in document


def is_answer(document: Any) -> bool:
    """Whether it answers a request."""
    return isinstance(document, dict) and "method" not in document and "id" in document


def _line(document: Any) -> bytes:
    return dumps(document).encode("utf-8", "surrogatepass") + b"\n"
