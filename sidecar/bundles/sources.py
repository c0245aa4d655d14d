"""Where bundles come from: a folder, an archive on disk, or a web server that is asked whether there is a new one.

Of a web server's answers all is bounded: how long they take, how large they are, how often they lead elsewhere. They
never lead to another server: the token would go there, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit, urlunsplit

import aiohttp
import msgspec

from sidecar.bundles.contents import Contents, read, state_of, unpack
from sidecar.errors import BundleError

_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK, _NOT_MODIFIED = 200, 304
_MOST_TOKEN_BYTES = 16_384


class Away(BundleError):  # noqa: N818 - it is what it says
    """The source gives no bundle just now: that says nothing of the bundle."""


class Fetched(msgspec.Struct, frozen=True):
    """What a source gave. `etag` is what it calls it, to ask for news; empty where it has no names."""

    contents: Contents
    etag: str = ""


class Source(Protocol):
    """Where bundles come from."""

    @property
    def shown(self) -> str:
        """What it is called in logs and events: without secrets."""
        ...

    @property
    def paths(self) -> tuple[Path, ...]:
        """What on this machine's disk is to be watched."""
        ...

    async def fetch(self, etag: str) -> Fetched | None:
        """The bundle; None when it is still the one of that `etag`. Raises `Away`, or `BundleError` for its bytes."""
        ...


def source_of(where: str, *, max_bytes: int, timeout_seconds: float, token: Callable[[], str] = lambda: "") -> Source:
    """The source at a path or a URL. `token` is read for each request, so that it may change."""
    if urlsplit(where).scheme in {"http", "https"}:
        return _Web(where, max_bytes, timeout_seconds, token)
    return _Disk(Path(where), max_bytes)


def token_in(path: Path | None) -> Callable[[], str]:
    """Reads a bearer token from a file, each time anew. What it makes raises `Away`."""

    def token() -> str:
        if path is None:
            return ""
        try:
            with path.open("rb") as file:
                return file.read(_MOST_TOKEN_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Away(f"the token in {path} cannot be read ({type(error).__name__})") from None

    return token


class _Disk:
    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self.shown = str(path)
        self.paths = (path,)

    async def fetch(self, etag: str) -> Fetched | None:
        """A disk has no names for what it holds; in their place is what tells one state of it from another."""
        return await asyncio.to_thread(self._fetch, etag)

    def _fetch(self, etag: str) -> Fetched | None:
        if not self._path.exists():
            raise Away(f"there is nothing at {self._path}", remedy="Check the path.")
        state = state_of(self._path)
        return None if state == etag else Fetched(read(self._path, self._max_bytes), state)


class _Web:
    def __init__(self, url: str, max_bytes: int, timeout_seconds: float, token: Callable[[], str]) -> None:
        self._url = url
        self._max_bytes = max_bytes
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._token = token
        self.shown = _without_secrets(url)
        self.paths: tuple[Path, ...] = ()

    async def fetch(self, etag: str) -> Fetched | None:
        headers = {"Accept": "application/gzip, application/octet-stream", "Accept-Encoding": "identity"}
        if etag:
            headers["If-None-Match"] = etag
        if token := await asyncio.to_thread(self._token):
            headers["Authorization"] = f"Bearer {token}"
        try:
            async with aiohttp.ClientSession(timeout=self._timeout, auto_decompress=False) as http:
                return await self._get(http, headers)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Away(f"{self.shown} does not answer ({type(error).__name__})") from None

    async def _get(self, http: aiohttp.ClientSession, headers: dict[str, str]) -> Fetched | None:
        url = self._url
        for _ in range(_MOST_REDIRECTS + 1):
            async with http.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status == _NOT_MODIFIED:
                    return None
                if answer.status == _OK:
                    return await self._read(answer)
                if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                    raise Away(f"{self.shown} answers {answer.status}", remedy=_REMEDIES.get(answer.status, ""))
                url = self._next(url, answer.headers["Location"])
        raise Away(f"{self.shown} leads on more than {_MOST_REDIRECTS} times")

    def _next(self, url: str, location: str) -> str:
        """Where a redirect leads: to another place of the same server."""
        there = urljoin(url, location)
        if _server(there) != _server(url):
            message = f"{self.shown} leads to another server, {_without_secrets(there)}, which is not followed"
            raise Away(message, remedy="Set policies.bundle to the address that has it.")
        return there

    async def _read(self, answer: aiohttp.ClientResponse) -> Fetched:
        data = bytearray()
        async for piece in answer.content.iter_chunked(65_536):
            data += piece
            if len(data) > self._max_bytes:
                break
        contents = await asyncio.to_thread(unpack, bytes(data), self._max_bytes)
        return Fetched(contents, answer.headers.get("ETag", "")[:256])


_REMEDIES = {
    401: "Set policies.bundle_token_file to a file with a valid token.",
    403: "Give the token the right to read it.",
    404: "Check policies.bundle.",
}


def _server(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _without_secrets(url: str) -> str:
    """The address without what may be a secret in it: names, passwords and what stands behind a question mark."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
