"""What a wire shape is: where a provider's documents hold no text, and how that provider's clients expect a stop.

A shape is a table of facts about one API, without state. Its documents are described by nodes (`places`); what ends
what, and how a stop is said, by a few functions. Lanes: `choice` is the choice (n > 1) of an answer, or the number of
a request's message. A new provider is one file with a `Shape` and one row in `catalogue`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from sidecar.codec.advice import Placed
from sidecar.codec.formats import Format
from sidecar.codec.jsontext import Path, dumps
from sidecar.codec.places import MAX_CHOICE, Enter, Found, Kind, Node, Reader, Scope, number_of
from sidecar.codec.weave import Ends
from sidecar.usage import Usage
from sidecar.values import Channel, Lane, Part


class NewFrame(msgspec.Struct, frozen=True):
    """A frame to add to a stream: a payload, and for framings that name their frames maybe a name."""

    payload: bytes
    event: str = ""


class AnswerOptions(msgspec.Struct, frozen=True):
    """What a request asked for, as far as its answer depends on it."""

    choices: int = 1
    is_json: bool = False
    """Whether the answer's content is to be JSON."""
    wants_usage: bool = False
    """Whether a stream is to tell usage."""
    chars: int = 0
    """The characters of its text."""


PLAINLY = AnswerOptions()
"""A request that asked for nothing special."""


class Unanswered(msgspec.Struct, frozen=True):
    """A request that no provider answers: its target and document, and what names an answer to it."""

    target: str
    """The path, and the query behind it."""
    document: Any
    number: str
    """A name that no other answer has, of letters, digits and dashes."""
    created: int
    """Unix time in seconds."""
    choices: int = 1

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def model(self) -> str:
        """The model that was to answer, as the request calls it."""
        return str(at(self.document, "model") or "")

    @property
    def streams(self) -> bool:
        """Whether the request asks for a stream, as most do."""
        return at(self.document, "stream") is True


class Opening(msgspec.Struct, frozen=True):
    """How an answer begins of which nothing is said yet: as a whole, or as the first frames of a stream."""

    form: Format
    document: Any = None
    frames: tuple[NewFrame, ...] = ()
    is_wrapped: bool = False
    """Whether the frames are those of another API, in the binary frames of AWS."""


def opened(unanswered: Unanswered, document: Any, *frames: NewFrame) -> Opening:
    """A whole answer, or a stream of server-sent events, as was asked for."""
    return Opening(Format.SSE, frames=frames) if unanswered.streams else Opening(Format.JSON, document)


class Voice(Protocol):
    """Speaks in place of a provider at the end of one stream that a policy stopped. It hears what left before."""

    def heard(self, document: Any, name: str) -> None:
        """A frame left."""
        ...

    def end(self, lane: Lane, key: tuple[Any, ...], message: str) -> list[NewFrame]:
        """Close what is open of a blocked choice, say the message (unless it is empty), and that the choice is over.

        `lane` was blocked; `key` is the place of its text.
        """
        ...

    def close(self) -> list[NewFrame]:
        """End a stream of which every choice was stopped."""
        ...


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One provider's API."""

    name: str
    """As settings and metrics call it."""
    title: str
    """As people call it."""
    provider: str = ""
    """Who made the API, as OpenTelemetry's conventions call it (`gen_ai.provider.name`); empty: nobody known."""
    operation: str = "chat"
    """What it does, in the words of the same conventions (`gen_ai.operation.name`)."""
    paths: tuple[str, ...] = ()
    """Regular expressions for the ends of its paths."""
    fits: Callable[[Any], bool]
    """Whether a request's document is one of this API: what is not must not be half-checked."""
    request: Node
    response: Node
    event: Node
    """Of one frame of a stream."""
    event_of: Callable[[Any, str], Node] | None = None
    """The node of a frame with this document and name, where it depends on what the frame is."""
    ends: Callable[[Reader, Any, Found, str], Ends | None] = lambda *_: None
    """What a frame says is over."""
    is_last: Callable[[bytes, str], bool] = lambda *_: False
    """Whether a payload that holds no document, or a frame's name, says that the stream is over."""
    voice: Callable[[AnswerOptions], Voice]
    stopped: Callable[[Any, int, str, frozenset[Path]], Mapping[Path, Any]]
    """What changes in a whole answer, the values by path, when a choice was blocked: document, choice, message, and the
    paths of texts of which not all was let out."""
    refusal: Callable[[str, str], tuple[int, bytes]]
    """Status and body of the answer to a request that was blocked: message, rule."""
    opening: Callable[[Unanswered], Opening | None] | None = None
    """How an answer begins of which nothing is said yet; none where the request is no turn of a chat."""
    failure: Callable[[int, str], bytes]
    """Body of the answer to a request that could not be served: status, message."""
    too_long: Callable[[str], tuple[int, bytes]] | None = None
    """Status and body of the answer to a request that is longer than a limit, as the provider tells that its context
    is exceeded: agents then compact and go on. None: a failure as others are."""
    mended: Callable[[Any], Mapping[Path, Any]] = lambda _: {}
    """What changes in a request that quotes an answer which was changed on its way, so that the provider takes it."""
    advised: Callable[[Any, str], Placed | None] | None = None
    """Where a note for the model goes in a request: document, note. None: its API has no place for instructions."""
    choices: Callable[[Any], int] = lambda _: 1
    """How many choices a request asks for."""
    wants_usage: Callable[[Any], bool] = lambda _: False
    """Whether a request asks for usage in its stream."""
    usage: Callable[[Any], Usage | None] = lambda _: None
    """The tokens that an answer, or one frame of a stream, says it took."""
    wants_json: Callable[[Any], bool] = lambda _: False
    """Whether a request asks for answers that are JSON."""
    says_stops: bool = True
    """Whether what a block says stands in the answer's text."""
    is_chat: bool = False
    """Whether people read its answers, so that they can be told something behind them."""
    is_reopened: bool = False
    """Whether a call may be followed by other parts without a word about its end: a switch ends it then."""


REQUEST = Scope(part=Part.USER)
"""What surrounds the texts of a request: whoever calls said them."""


def message_scope(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A message of a request: numbered, and its role says whose words it holds."""
    role = value.get("role") if isinstance(value, dict) else None
    number = path[-1] if isinstance(path[-1], int) else 0
    return Scope(number, scope.channel, part_of(role), path[:-1], len(path), scope.event)


def numbered_scope(*key: str) -> Enter:
    """An element that is named by its own `index`, or else by its place: a choice's call, a block."""

    def enter(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
        told = value.get("index") if isinstance(value, dict) else None
        number = told if type(told) is int else repr(told)[:64] if told is not None else path[-1]
        apart = () if reader.claims(path, number) else (path[-1],)
        return scope.named(path, *scope.key, *key, number, *apart)

    return enter


def choice_scope(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """An element of a list of choices. Two that tell one number are one choice, and no text of theirs is one text."""
    told = value.get("index") if isinstance(value, dict) else None
    number = reader.choice(told, path[-1] if isinstance(path[-1], int) else 0, path)
    apart = () if reader.claims(path, number) else (path[-1],)
    return scope.named(path, *apart, choice=number)


def same_place(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """What stands at one place with what its frame says elsewhere of it."""
    return scope.named(path, *scope.key)


def of_part(part: Part) -> Callable[[Reader, Any, Scope, Path], Scope]:
    """What is below is said by these."""
    return lambda reader, value, scope, path: msgspec.structs.replace(scope, part=part)


def run_scope(reader: Reader, value: Any, scope: Scope, path: Path) -> Scope:
    """A text of a part of a list of parts that are read as one text: they share the list's place."""
    return scope.named(path, *scope.at(path[:-2]))


_PARTS: Mapping[str, Part] = {
    "user": Part.USER,
    "system": Part.SYSTEM,
    "developer": Part.SYSTEM,
    "tool": Part.TOOL_RESULT,
    "function": Part.TOOL_RESULT,
    "assistant": Part.MODEL,
    "model": Part.MODEL,
}


def part_of(role: Any) -> Part:
    """Whose words a role speaks; an unknown role is the user's."""
    return _PARTS.get(role.lower(), Part.USER) if isinstance(role, str) else Part.USER


def answer_scope(name: str = "") -> Scope:
    """What surrounds the texts of an answer, or of a frame with this name."""
    return Scope(part=Part.MODEL, channel=Channel.OTHER, event=name)


def says_again(node: Node, seen: frozenset[int] = frozenset()) -> bool:
    """Whether something below a node repeats a whole text."""
    if id(node) in seen:
        return False
    below = [each for each in (*node.fields.values(), node.each, node.rest) if each is not None]
    known = seen | {id(node)}
    return node.kind is Kind.REPEAT or any(says_again(each, known) for each in below)


def spoken(parts: Any, path: Path, unspoken: frozenset[Path]) -> Iterator[dict[str, Any]]:
    """The parts of a list at `path` up to the first of which not all was let out; of that one, text that was."""
    for number, part in enumerate(parts if isinstance(parts, list) else ()):
        own = (*path, number)
        cut = {each[len(own) :] for each in unspoken if each[: len(own)] == own}
        if isinstance(part, dict) and (not cut or (cut == {("text",)} and part.get("text"))):
            yield part
        if cut:
            return


def without_unsigned(
    document: Any, is_unsigned: Callable[[Any], bool], as_text: Callable[[Any], dict[str, Any]]
) -> dict[Path, Any]:
    """What changes in a request whose thoughts lost their signature when they were changed: they would be refused.

    So would a message of which nothing is left: the last of its thoughts stays, as a text.
    """
    changes: dict[Path, Any] = {}
    for number, message in items(document, "messages"):
        content = message.get("content")
        if isinstance(content, list) and any(is_unsigned(each) for each in content):
            kept = [each for each in content if not is_unsigned(each)]
            changes["messages", number, "content"] = kept or [as_text(content[-1])]
    return changes


def items(document: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list under `key`, numbered; nothing when it is no such list."""
    found = document.get(key) if isinstance(document, dict) else None
    for index, each in enumerate(found if isinstance(found, list) else ()):
        if isinstance(each, dict):
            yield index, each


def at(document: Any, *keys: str) -> Any:
    """The value under these keys; None where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def tells(element: Any, place: int, choice: int) -> bool:
    """Whether an element of a list of choices is this one, as `Reader.choice` numbers them. Odd numbers are one."""
    number = number_of(at(element, "index"), place)
    return choice > MAX_CHOICE if number is None else number == choice


def encode(document: Any) -> bytes:
    """A new frame's payload. It may quote what a provider said: halves of characters, numbers of any size."""
    return dumps(document).encode()
