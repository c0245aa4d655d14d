"""The page and what it reads, on the admin listener: read-only, from one origin, without any checked text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any

import msgspec
from aiohttp import web

from sidecar.admin import Page
from sidecar.console.recent import Recent
from sidecar.console.state import Section

STATE = "/console/state"
POLICIES = "/policies"
"""What is in force, for people and programs; served also where the page is not."""
STOPS = "/console/stops/{name}"
_FILES = {
    "/": ("console.html", "text/html"),
    "/console/console.css": ("console.css", "text/css"),
    "/console/console.js": ("console.js", "text/javascript"),
}
_SOURCES = ("default-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "; ".join(_SOURCES),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LONGEST_NAME = 256

Read = Callable[[], Awaitable[Any]]
Find = Callable[[str], Awaitable[list[Any]]]


def console_pages(read: Read, find: Find) -> Mapping[str, Page]:
    """The page, its state as `read` has it, and why a stream was stopped, as `find` knows it by an id."""

    async def state(_request: web.Request) -> web.Response:
        return _json(await read())

    async def stops(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        found = await find(name) if len(name) <= _LONGEST_NAME else []
        return _json({"id": name[:_LONGEST_NAME], "found": found}, status=200 if found else 404)

    return {path: _static(*file) for path, file in _FILES.items()} | {STATE: state, STOPS: stops}


def policies_page(read: Read) -> Mapping[str, Page]:
    """What policies are in force, and what was refused, as `read` has it."""

    async def policies(_request: web.Request) -> web.Response:
        return _json(await read())

    return {POLICIES: policies}


def reader(sections: Mapping[str, Section]) -> Read:
    """Reads each section from its owner."""

    async def read() -> dict[str, Any]:
        return {name: section() for name, section in sections.items()}

    return read


def finder(recent: Recent) -> Find:
    """Finds what is remembered of a stream."""

    async def find(name: str) -> list[Any]:
        found: list[Any] = msgspec.to_builtins(recent.of(name))
        return found

    return find


def _static(name: str, content_type: str) -> Page:
    text = files("sidecar.console").joinpath("static", name).read_text("utf-8")

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=content_type, charset="utf-8", headers=_HEADERS)

    return page


def _json(content: object, *, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(content), content_type="application/json", headers=_HEADERS, status=status
    )
