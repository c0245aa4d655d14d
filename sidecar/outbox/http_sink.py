"""Sinks that are servers: batches go out by POST, one at a time, in order.

1. 2xx: the batch is there. 400, 413, 422 and the like: it is refused, and is halved until the one event is found. That
   event is given up only once the server has taken another one: a server that takes none at all is what is wrong,
   and then everything waits. 410: it wants no more; it is asked again each hour. Anything else: later, when it said how
   much later (`Retry-After`) not before.
2. Logins, a path that is not there, and redirects are ours to see to: no event is given up for them.

What a server says in its answer goes nowhere: it may quote what it was sent.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec

from sidecar.errors import ConfigError
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.sink_settings import HttpEntry
from sidecar.outbox.sinks import Delivery, SinkError, Why
from sidecar.outbox.watched_file import WatchedFile

_GONE = 410
_GONE_S = 3600.0
"""How seldom a server is asked that said that it wants no more."""
_LONGEST_S = 3600.0
"""The longest wait that a server may ask for."""
_REFUSALS = frozenset({400, 406, 409, 411, 413, 414, 416, 417, 422, 431})
"""What may be the fault of what was sent; 401, 403, 404, 405, 407 and 415 are the settings' fault."""
_PROBES = 16
"""How many events are tried alone to see whether the server takes any."""
_ANSWER_BYTES = 64 * 1024
"""How much of an answer is read."""


class Post(NamedTuple):
    """What one batch is sent as."""

    headers: Mapping[str, str]
    body: bytes


class Writer(Protocol):
    """How a batch is written for a kind of server, and what its answer means. Runs in a thread."""

    def request(self, batch: Sequence[Numbered]) -> Post:
        """The batch. Raises `ConfigError` when a file that it needs cannot be used."""
        ...

    def rejected(self, answer: bytes) -> int:
        """How many events of a batch that was taken the answer says were not."""
        ...


class Meaning(Enum):
    """What an answer means for a batch."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"


class Reply(msgspec.Struct, frozen=True):
    """What a server answered."""

    status: int
    body: bytes
    retry_s: float = 0.0

    @property
    def meaning(self) -> Meaning:
        """What it means."""
        if 200 <= self.status < 300:
            return Meaning.TAKEN
        return Meaning.REFUSED if self.status in _REFUSALS else Meaning.LATER


class HttpSink:
    """A `BatchSink` that is a server. Raises `ConfigError` when its files cannot be used."""

    def __init__(self, settings: HttpEntry, writer: Writer, *, name: str, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._writer = writer
        self._now = now
        self._where = f"the {name} at {urlsplit(settings.url).netloc}"
        self._headers = {key: WatchedFile(path, f"header_files.{key}") for key, path in settings.header_files.items()}
        self._tls = _tls(settings.ca_file)
        self._session: aiohttp.ClientSession | None = None
        self._fits = settings.batch_events
        for file in self._headers.values():
            file.text()

    async def publish(self, batch: Sequence[Numbered]) -> Delivery:
        """Send the first of the batch. Raises `SinkError` when no answer comes."""
        part = batch[: self._fits]
        answer = await self._post(part)
        match answer.meaning:
            case Meaning.TAKEN:
                self._fits = min(2 * self._fits, self._settings.batch_events)
                return Delivery(done=len(part), rejected=min(self._writer.rejected(answer.body), len(part)))
            case Meaning.LATER:
                return self._later(answer)
            case Meaning.REFUSED if len(part) > 1:
                self._fits = len(part) // 2
                return Delivery()
            case Meaning.REFUSED:
                return await self._probe(batch, answer)

    async def stop(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _probe(self, batch: Sequence[Numbered], answer: Reply) -> Delivery:
        """An event was refused alone: whether those behind it are as well."""
        refused = {batch[0].sequence: self._why(answer)}
        for each in batch[1:_PROBES]:
            answer = await self._post([each])
            match answer.meaning:
                case Meaning.TAKEN:
                    return Delivery(done=len(refused) + 1, refused=refused)
                case Meaning.LATER:
                    return self._later(answer)
                case Meaning.REFUSED:
                    refused[each.sequence] = self._why(answer)
        why = f"{self._why(answer)}, and no other event was taken; look at what it expects"
        return Delivery(error=Why(why, f"http_{answer.status}"))

    def _later(self, answer: Reply) -> Delivery:
        hint = f"; look at {_REMEDIES[answer.status]}" if answer.status in _REMEDIES else ""
        retry_s = _GONE_S if answer.status == _GONE else answer.retry_s
        return Delivery(error=Why(self._why(answer) + hint, f"http_{answer.status}"), retry_s=retry_s)

    def _why(self, answer: Reply) -> str:
        """What a server answered, in the words of the standard."""
        try:
            phrase = f" ({HTTPStatus(answer.status).phrase})"
        except ValueError:
            phrase = ""
        return f"{self._where} answered {answer.status}{phrase}"

    async def _post(self, batch: Sequence[Numbered]) -> Reply:
        """Send a batch. Raises `SinkError` when no answer comes, or what it needs cannot be read."""
        try:
            request = await asyncio.to_thread(self._writer.request, batch)
            own = {key: await asyncio.to_thread(file.text) for key, file in self._headers.items()}
            headers = {key: value.get_secret_value() for key, value in self._settings.headers.items()}
            return await self._send(request.body, {**request.headers, **headers, **own})
        except ConfigError as error:
            raise SinkError(str(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SinkError(f"{self._where} cannot be reached: {_words(error)}") from None

    async def _send(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.timeout_ms / 1000)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=True)
        async with self._session.post(
            self._settings.url, data=body, headers=headers, ssl=self._tls, allow_redirects=False
        ) as answer:
            content = await answer.content.read(_ANSWER_BYTES)
            return Reply(answer.status, content, _seconds(answer.headers.get("Retry-After", ""), self._now()))


_REMEDIES = {
    301: "url, which has moved",
    302: "url, which leads elsewhere",
    307: "url, which leads elsewhere",
    308: "url, which has moved",
    401: "headers, header_files or the secret",
    403: "headers, header_files or the secret",
    404: "the path of url",
    405: "the path of url",
    407: "the proxy that HTTPS_PROXY names",
    410: "url: nobody wants events there any more",
    415: "view, or whether it is such a server",
}


def _tls(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"cannot use {ca_file}: {error.strerror or error}", path="ca_file") from None


def _seconds(text: str, now: float) -> float:
    """How long a server wants to be left alone (RFC 9110, 10.2.3): seconds, or a date."""
    try:
        seconds = float(text) if text.isascii() and text.isdigit() else parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError):
        return 0.0
    return min(max(0.0, seconds), _LONGEST_S)


def _words(error: BaseException) -> str:
    """Why, without what was sent."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted; look at ca_file"
        case aiohttp.ClientConnectorError():
            return os.strerror(error.errno) if error.errno else "its name is not known, or no network leads there"
        case TimeoutError():
            return "it does not answer in time"
        case _:
            return type(error).__name__
