"""What happens to an exchange: the one decision that every transport asks for, of a request's head and of an answer's.

    head ──decide──> Guard    its bodies are read, as which shape
                     Pass     its bodies go on unread, and why: marked, recorded and counted by whoever asked
                     Refuse   status, reason and message
    answer's head ──of_answer──> Whole, Streams, Nothing, Unread, Unreadable

The target is judged as it came and sent on as it came. Servers are lenient about paths in ways that differ, so a path
is known only in its plain form, and one that some server might take for a known path, or for another one, is refused
(`paths`). Pure: it knows no connection, reads no body and waits for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import TypeAlias, TypeGuard
from urllib.parse import unquote

import msgspec
from multidict import CIMultiDict

from sidecar.codec.catalogue import GENERIC, SHAPES, shape_in_any_case, shape_of
from sidecar.codec.catalogue import TEXT as PLAIN
from sidecar.codec.formats import Format, format_of
from sidecar.codec.shape import Shape
from sidecar.config import Guarded
from sidecar.transport.http_headers import Described
from sidecar.transport.paths import Fault, fault_in_path, fault_in_target

READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "DELETE"})
"""Methods whose requests have no body: where one comes, servers differ about what becomes of it."""

_OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url")
"""Headers by which some servers take another method or path than the request line's."""
_NO_UPGRADES = frozenset({"h2c", "tls/1.0", "tls/1.2", "tls/1.3"})
"""What clients offer without needing it, so that it can be left out."""
_STREAMS = frozenset({Format.SSE, Format.LINES, Format.EVENT_STREAM})
_TEXTLESS = re.compile(
    r"(image|audio|video|font)/(?!svg)[\w.+-]+|application/(octet-stream|zip|gzip|x-tar|x-gzip|wasm)"
)
"""Media types that hold no text. An SVG image does."""
_NO_CONTENT = frozenset({204, 304})
_FIRST_FINAL = 200
FIRST_ERROR = 400
"""The first status that tells an error: the answer holds an error, in whatever shape its provider has for them."""


class Asked(msgspec.Struct, frozen=True):
    """A request's head. `protocol` is that of an extended CONNECT."""

    method: str
    target: str
    headers: CIMultiDict[str]
    protocol: str = ""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def is_reading(self) -> bool:
        """Whether the method is one whose requests have no body."""
        return self.method.upper() in READING


class Guard(msgspec.Struct, frozen=True):
    """The exchange's texts are read as those of a shape."""

    shape: Shape

    @property
    def is_generic(self) -> bool:
        """Whether nobody described the API."""
        return self.shape is GENERIC


class Pass(msgspec.Struct, frozen=True):
    """The exchange goes on unread."""

    why: str
    is_upgrade: bool = False


class Refuse(msgspec.Struct, frozen=True):
    """The exchange ends here. `reason` is a word for metrics; `shape` whose clients are told, where that is known."""

    status: int
    reason: str
    message: str
    shape: Shape | None = None


Decision: TypeAlias = Guard | Pass | Refuse

BODY_OF_READING = Refuse(
    400, "body", "a request with this method has no body; use POST, or leave the body out, as servers differ about it"
)


def decide(settings: Guarded, asked: Asked) -> Decision:
    """What happens to the exchange."""
    refused = next(_refusals(settings, asked), None)
    return refused or _let_in(settings, asked, _shape_of(settings, asked.path))


def _let_in(settings: Guarded, asked: Asked, known: Shape | None) -> Decision:
    if _upgrade(asked):
        return Pass("upgrade", is_upgrade=True)
    if known is not None:
        return Guard(GENERIC if asked.is_reading else known)
    if settings.unknown == "pass":
        return Pass("unknown path")
    if settings.unknown == "refuse":
        return Refuse(404, "unknown path", "this path is of no API that is known, and so not served")
    return Guard(GENERIC)


def _refusals(settings: Guarded, asked: Asked) -> Iterator[Refuse]:
    """All that is wrong with a request's head, what is worst first."""
    if asked.method.upper() == "CONNECT" and not asked.protocol:
        yield Refuse(501, "method", "CONNECT is not served: this is no forward proxy")
    if fault := fault_in_target(asked.target):
        yield _refuse_target(fault)
    for name in _OVERRIDES:
        if name in asked.headers:
            yield Refuse(400, "override", f"the header {name} is not taken: send the method and the path as they are")
    if _has_override(asked.target):
        yield Refuse(400, "override", "_method in the query is not taken: send the request with the method itself")
    if fault := fault_in_path(asked.path, partial(_shape_of, settings), partial(_shape_in_any_case, settings)):
        yield _refuse_target(fault)
    if (named := _upgrade(asked)) and settings.upgrades == "refuse":
        yield Refuse(501, "upgrade", _NO_UPGRADE.format(named))
    if asked.is_reading and _length(asked.headers) > 0:
        yield BODY_OF_READING


_NO_UPGRADE = (
    "a connection that is upgraded to {} cannot be guarded: what passes in it is not read. "
    "Use the API over plain HTTP requests"
)


def _refuse_target(fault: Fault) -> Refuse:
    return Refuse(400, "target", f"the request's target {fault.message}", fault.shape)


def _shape_of(settings: Guarded, path: str) -> Shape | None:
    if (shape := shape_of(path)) is not None:
        return shape
    return PLAIN if any(fnmatchcase(path, pattern) for pattern in settings.text_paths) else None


def _shape_in_any_case(settings: Guarded, path: str) -> Shape | None:
    if (shape := shape_in_any_case(path)) is not None:
        return shape
    folded = path.casefold()
    return PLAIN if any(fnmatchcase(folded, pattern.casefold()) for pattern in settings.text_paths) else None


def _has_override(target: str) -> bool:
    query = unquote(unquote(target.partition("?")[2])).casefold()
    return any(pair.partition("=")[0].strip() == "_method" for pair in re.split("[&;]", query))


def _upgrade(asked: Asked) -> str:
    """The protocol that a request needs to change to; empty for none."""
    named = {word for value in asked.headers.getall("upgrade", ()) for word in _words(value)}
    asks = any("upgrade" in _words(value) for value in asked.headers.getall("connection", ()))
    needed = sorted((named | {asked.protocol.lower()}) - _NO_UPGRADES - {""})
    return needed[0] if needed else "another protocol" if asks and not named else ""


def _words(value: str) -> set[str]:
    return {word.strip().lower() for word in value.split(",")}


def _length(headers: CIMultiDict[str]) -> int:
    stated = headers.get("content-length", "0").strip()
    return int(stated) if stated.isdecimal() else 0


# -- bodies -----------------------------------------------------------------------------------------------------------


class Whole(msgspec.Struct, frozen=True):
    """A body that is read when it is there as a whole: in this format, or else in the other one."""

    shape: Shape
    format: Format
    otherwise: Format | None = None


class Streams(msgspec.Struct, frozen=True):
    """An answer that is read piece by piece."""

    shape: Shape
    format: Format


class Nothing(msgspec.Struct, frozen=True):
    """An answer without a body."""


class Unread(msgspec.Struct, frozen=True):
    """A body that the settings, or its media type, have passed unread."""

    why: str


class Unreadable(msgspec.Struct, frozen=True):
    """A body that cannot be read: `unknown_bodies` decides. `reason` is for events, `message` for whoever asked."""

    reason: str
    message: str


OfRequest: TypeAlias = Whole | Unread | Unreadable
OfAnswer: TypeAlias = Whole | Streams | Nothing | Unread | Unreadable


def of_request(settings: Guarded, guard: Guard, body: Described) -> OfRequest:
    """How a request's body is read. Servers hardly look at its content type: what looks like JSON is read as JSON."""
    if closed := _closed(settings, body):
        return closed
    found = format_of(body.kind)
    if guard.shape is PLAIN:
        return Whole(PLAIN, Format.TEXT) if found is Format.TEXT else _no_format(body, guard.shape)
    if not guard.is_generic or found in (None, Format.JSON, Format.SSE):
        return Whole(guard.shape, Format.JSON)
    return Whole(guard.shape, Format.JSON, otherwise=found)


def of_answer(settings: Guarded, guard: Guard, method: str, status: int, body: Described) -> OfAnswer:
    """How an answer's body is read: by its content type, whatever the status."""
    if status < _FIRST_FINAL:
        return Unreadable("upgrade", "it changes to another protocol, which nobody asked for")
    if not has_content(method, status):
        return Nothing()
    if guard.is_generic and _TEXTLESS.fullmatch(body.kind):
        return Unread(f"media type {body.kind.partition('/')[0]}")
    if closed := _closed(settings, body):
        return closed
    found = Format.JSON if not body.kind else format_of(body.kind)
    if found is Format.TEXT:
        return _of_text(guard, status, body)
    if found is None:
        return _no_format(body, guard.shape)
    return (Streams if found in _STREAMS else Whole)(_shape_of_answer(guard, status), found)


def _shape_of_answer(guard: Guard, status: int) -> Shape:
    """An error has a shape of its own, or of whatever stands between: every string in it is read."""
    return GENERIC if status >= FIRST_ERROR else guard.shape


def _of_text(guard: Guard, status: int, body: Described) -> OfAnswer:
    """A text where a known API has JSON may be that under a wrong name; errors come from whatever stands between."""
    if status >= FIRST_ERROR or (body.coding and guard.is_generic):
        return Whole(_shape_of_answer(guard, status), Format.JSON, otherwise=Format.TEXT)
    if not guard.is_generic and guard.shape is not PLAIN:
        return _no_format(body, guard.shape)
    return Streams(guard.shape, Format.TEXT)


SNIFFED = 6
"""How many bytes of a text, white space left out, tell whether it is one."""


def needs_sniffing(way: OfAnswer) -> TypeGuard[Streams]:
    """Whether it depends on how an answer begins how it is read."""
    return isinstance(way, Streams) and way.format is Format.TEXT and way.shape is not PLAIN


def sniffed(way: OfAnswer, begins: bytes) -> OfAnswer:
    """How an answer is read that begins so: what calls itself text may be JSON or server-sent events all the same."""
    if not needs_sniffing(way):
        return way
    if begins.startswith((b"data:", b"event:", b"id:", b"retry:", b":")):
        return Streams(way.shape, Format.SSE)
    return Whole(way.shape, Format.JSON, otherwise=Format.TEXT) if begins.startswith((b"{", b"[")) else way


def has_content(method: str, status: int) -> bool:
    """Whether an answer can have a body."""
    return method.upper() != "HEAD" and status not in _NO_CONTENT


def _closed(settings: Guarded, body: Described) -> Unread | Unreadable | None:
    """What becomes of a body of which the bytes say nothing: encoded, or in another charset than UTF-8."""
    if body.coding and body.is_coding_known and settings.encodings == "pass":
        return Unread("encoded")
    if body.coding and not (body.is_coding_known and settings.encodings == "decode"):
        return Unreadable("encoded", "it has a content encoding that is not read here")
    if not body.is_utf8:
        return Unreadable("charset", "its charset is not UTF-8")
    return None


def _no_format(body: Described, shape: Shape) -> Unreadable:
    return Unreadable("content type", f"its content type {body.kind!r} is not one of {shape.name}")


# -- names ------------------------------------------------------------------------------------------------------------

_WORD = re.compile(r"[a-z][a-z_-]{0,31}|v\d{1,2}\w{0,6}")
_MAX_SEGMENTS = 6
NAMES = tuple(shape.name for shape in (*SHAPES, PLAIN))
"""What metrics call the known APIs."""


def name_of(decision: Guard | Pass, path: str) -> str:
    """What metrics and events call the path of an exchange: its API, or the path with all but plain words left out."""
    if isinstance(decision, Guard) and not decision.is_generic:
        return decision.shape.name
    if (known := shape_of(path)) is not None:
        return known.name
    segments = path.split("/")[1 : _MAX_SEGMENTS + 1]
    return "/" + "/".join(each if not each or _WORD.fullmatch(each) else "*" for each in segments)
