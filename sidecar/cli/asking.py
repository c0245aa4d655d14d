"""Asks the admin listener of a running service."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import closing
from typing import Any

_SECONDS = 3.0
_UNIX = "unix:"


class Silence(Exception):  # noqa: N818 - it is what it says
    """There is no answer that could be read. The message says what came in its place."""


def ask(address: str, path: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a page of a listener: `HOST:PORT`, `unix:/path` or `http://HOST:PORT`. Raises `Silence`."""
    try:
        with closing(_connection(address.removeprefix("http://").rstrip("/"))) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Silence(type(error).__name__) from None


def _connection(address: str) -> http.client.HTTPConnection:
    if not address.startswith(_UNIX):
        return http.client.HTTPConnection(address, timeout=_SECONDS)
    connection = http.client.HTTPConnection("localhost", timeout=_SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(_SECONDS)
    connection.sock.connect(address.removeprefix(_UNIX))
    return connection
