"""Where a provider's documents hold text: everywhere, but for the places that a shape names as something else.

A shape describes its documents with nodes, which look like the documents. What a node does not name is text, at any
depth: a field that a provider adds tomorrow is read today. What can be named:

| kind     | means                                                                                       |
| -------- | ------------------------------------------------------------------------------------------- |
| `TEXT`   | text                                                                                        |
| `JSON`   | text that is JSON, as a string or as the value itself: keys and numbers are read, too       |
| `REPEAT` | says again, whole, what was said at its place so far                                        |
| `TWIN`   | says again what another text of the same choice, channel and frame says                     |
| `ECHO`   | repeats text in another form (log-probabilities): emptied once its text was changed         |
| `DATA`   | a data URL, or a link to media; else like `BASE64`                                          |
| `BASE64` | text or media in base64 (`encoded`); what is no base64 is text                              |
| `OPAQUE` | no text: ids, types, roles, enumerations, counts, times, signatures, embeddings, media;     |
|          | of a body that comes whole, a string there that is no name is text: templates print roles   |
| `FINAL`  | no text; that it is there says that a choice is over                                        |
| `COUNTS` | no text, and says something of its own: usage, timings                                      |

A repeat that says something else is a text of its own. A lane belongs to one place: the choice (or message), the
channel, and the path without what numbers the parts of a frame. `Reader` walks a document and gives its slots; one
reader serves one body, so that a place keeps its lane. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import Any

import msgspec

from sidecar.codec.encoded import is_json, opened
from sidecar.codec.jsontext import Path, dumps
from sidecar.errors import CallerError
from sidecar.values import Channel, Lane, Part, Tool

MAX_CHOICE = 65_535
"""The largest number of a choice that is taken as it stands; what else an upstream writes there is numbered anew."""


class Kind(Enum):
    """What stands at a place: see the module's text."""

    TEXT = auto()
    JSON = auto()
    REPEAT = auto()
    TWIN = auto()
    ECHO = auto()
    DATA = auto()
    BASE64 = auto()
    OPAQUE = auto()
    FINAL = auto()
    COUNTS = auto()


SILENT = frozenset({Kind.OPAQUE, Kind.FINAL, Kind.COUNTS})
"""Kinds of places that hold no text."""

Key = tuple[Any, ...]
"""A place within a choice."""


class Scope(msgspec.Struct, frozen=True, gc=False):
    """What is known of the value that a walk is at. `key` is the place that the path had after `depth` steps."""

    choice: int = 0
    channel: Channel = Channel.OTHER
    part: Part = Part.MODEL
    key: Key = ()
    depth: int = 0
    event: str = ""
    """A frame's name, if its framing has names."""

    def at(self, path: Path) -> Key:
        """The place of a path."""
        return (*self.key, *path[self.depth :])

    def named(self, path: Path, *key: Any, choice: int | None = None) -> Scope:
        """The scope of the value at `path`, whose place is called `key`."""
        own = self.choice if choice is None else choice
        return Scope(own, self.channel, self.part, key, len(path), self.event)


Enter = Callable[["Reader", Any, Scope, Path], Scope]
"""What a node learns from the value it stands for: its choice, channel, part or place."""


class Node(msgspec.Struct, frozen=True):
    """A place and what is below it. `fields` and `each` name what is below; all else there is text."""

    kind: Kind = Kind.TEXT
    fields: Mapping[str, Node] = {}
    each: Node | None = None
    rest: Node | None = None
    """Of what is below and not named."""
    channel: Channel | None = None
    part: Part | None = None
    enter: Enter | None = None
    select: Callable[[Any], Node] | None = None
    """Which node describes the value, where that depends on the value."""
    is_json: bool = False
    """Whether a text that says something again is JSON."""
    is_whole: bool = False
    """Whether a text comes whole, never in pieces: it is over at once."""
    tool: str = ""
    """What a value calls that is read as JSON, where no name stands beside it."""
    emptied: str = ""
    """What stands here, as JSON, once the choice's text was changed, since it points into it or quotes it."""


UNKNOWN = Node()
"""What no shape names: text. In a body that comes whole, an object or a list is read as the JSON that it is."""
OPAQUE = Node(Kind.OPAQUE)
FINAL = Node(Kind.FINAL)
COUNTS = Node(Kind.COUNTS)
DATA = Node(Kind.DATA, channel=Channel.CONTENT)
FILE = Node(Kind.DATA, channel=Channel.CONTENT, part=Part.CONTEXT)
"""A file that is attached: a data URL, or base64."""
PICTURE = Node(Kind.DATA, channel=Channel.CONTENT, fields={"url": DATA, "detail": OPAQUE})
"""A data URL or a link, by itself or as `url`."""
BASE64 = Node(Kind.BASE64, channel=Channel.CONTENT)
SIGNATURE = Node(Kind.OPAQUE, emptied='""')
"""What a provider signed a text with: of a changed text it would be refused."""
LOGPROBS = Node(Kind.ECHO, emptied="null")
TOKENS = LOGPROBS
"""Numbers of tokens, which say the text again."""


def node(fields: Mapping[str, Node] | None = None, *, each: Node | None = None, **more: Any) -> Node:
    """An object with these fields, or a list of such elements."""
    return Node(fields=fields or {}, each=each, **more)


def text(channel: Channel = Channel.CONTENT, part: Part | None = None, **more: Any) -> Node:
    """A text of this channel, and whose words it is if not those of what surrounds it."""
    return Node(channel=channel, part=part, **more)


def twin(channel: Channel = Channel.CONTENT) -> Node:
    """A text that says again what another one of its frame, choice and channel says."""
    return Node(Kind.TWIN, channel=channel)


AGAIN = Node(Kind.REPEAT, is_whole=True)
"""All that is below was said before, or says something of its own."""


def repeat(channel: Channel | None = None, **more: Any) -> Node:
    """A text that says again, whole, what was said at its place."""
    return Node(Kind.REPEAT, channel=channel, **more)


def arguments(**more: Any) -> Node:
    """What a model hands to a tool: JSON, as a string or as an object."""
    return Node(Kind.JSON, channel=Channel.TOOL_ARGUMENTS, **more)


def definitions(**more: Any) -> Node:
    """What an application says of its tools."""
    return Node(each=Node(Kind.JSON, channel=Channel.CONTENT, part=Part.TOOL_DEFINITION), **more)


def opaque(names: str) -> dict[str, Node]:
    """Fields that hold no text, by their names."""
    return dict.fromkeys(names.split(), OPAQUE)


class Slot(msgspec.Struct, frozen=True, gc=False):
    """A value of a document that is part of a lane's text, or that follows it."""

    lane: Lane
    path: Path
    text: str
    kind: Kind = Kind.TEXT
    is_json: bool = False
    """Whether detectors read it as JSON."""
    is_raw: bool = False
    """Whether the text is the value itself, as JSON, and not a string."""
    is_whole: bool = False
    """Whether the lane is over with it."""
    prefix: str = ""
    """What stands before a text in base64."""
    tool: Tool | None = None
    """What it calls, where it is part of a call."""
    emptied: str | None = None
    """What is written in its place once it was changed, or what it follows; None: its new text."""

    @property
    def is_signature(self) -> bool:
        """Whether it signs a thought."""
        return self.emptied == SIGNATURE.emptied


class Found(msgspec.Struct, frozen=True, gc=False):
    """What a document holds: its slots, texts first; the choices it is about; what else it says."""

    slots: tuple[Slot, ...]
    choices: frozenset[int]
    elements: Mapping[int, list[Path]]
    """Where choices stand that are elements of a list."""
    is_final: bool
    has_counts: bool
    is_apart: bool = False
    """Whether a value in it has a place that is no other document's."""


def number_of(told: Any, place: int) -> int | None:
    """The number of a choice that tells this, or of one at this place that tells none; None for what is no number."""
    number = place if told is None else told
    return number if type(number) is int and 0 <= number <= MAX_CHOICE else None


class Reader:
    """Reads the documents of one body: whatever is JSON has its slots. Raises `CallerError` past `most_texts`."""

    def __init__(self, *, is_streamed: bool, most_texts: int = 0) -> None:
        """`most_texts` of a document, each part of one counted; 0 where they have bounds elsewhere."""
        self._is_streamed = is_streamed
        self._most_texts = most_texts
        self._lanes: dict[tuple[int, Channel, Part, Key], Lane] = {}
        self._items: dict[tuple[int, Channel, Part], int] = {}
        self._tools: dict[tuple[int, Key], str] = {}
        """The names of calls' tools, by choice and place."""
        self._odd: dict[str, int] = {}
        self._fresh = 0
        self._begun: dict[int, int] = {}
        self.has_calls = False
        """Whether a call stood in a document."""
        self._slots: list[Slot] = []
        self._choices: set[int] = set()
        self._elements: dict[int, list[Path]] = {}
        self._claimed: dict[tuple[Path, Any], Path] = {}
        """By list and number, the element that told the number."""
        self._is_final = False
        self._has_counts = False

    def read(self, document: Any, root: Node, scope: Scope) -> Found:
        """The slots of a document."""
        self._slots, self._choices, self._is_final, self._has_counts = [], set(), False, False
        self._claimed, self._elements = {}, {}
        fresh = self._fresh
        self._walk(document, root, scope, ())
        if len(self._slots) > 1:
            self._slots.sort(key=_reading_order)
        choices = frozenset(self._choices)
        slots, is_apart = tuple(self._slots), self._fresh > fresh
        return Found(slots, choices, self._elements, self._is_final, self._has_counts, is_apart)

    def choice(self, told: Any, place: int = 0, path: Path = ()) -> int:
        """The number of a choice that a document is about: what it tells, if that is a sane number, or its place.

        `path` is that of an element of a list of choices.
        """
        number = number_of(told, place)
        if number is None:
            number = self._odd.setdefault(repr(told)[:64], MAX_CHOICE + 1 + len(self._odd))
        self._choices.add(number)
        if path:
            self._elements.setdefault(number, []).append(path)
        return number

    def claims(self, path: Path, number: Any) -> bool:
        """Whether an element, at `path`, of a list is the first in this document that tells this number."""
        return not path or self._claimed.setdefault((path[:-1], number), path) == path

    def fresh(self) -> int:
        """A number that names one value of one document alone."""
        self._fresh += 1
        return self._fresh

    def begun(self, choice: int, *, is_new: bool) -> int:
        """The number of what a choice began last, or begins now."""
        if is_new or choice not in self._begun:
            self._begun[choice] = self.fresh()
        return self._begun[choice]

    def at(self, key: Key, choice: int = 0) -> tuple[Lane, ...]:
        """The lanes at and below a place."""
        return tuple(lane for place, lane in self._lanes.items() if place[0] == choice and place[3][: len(key)] == key)

    def calls(self, choice: int) -> tuple[Lane, ...]:
        """The lanes of a choice's calls."""
        return tuple(
            lane for lane in self._lanes.values() if lane.choice == choice and lane.channel is Channel.TOOL_ARGUMENTS
        )

    def key_of(self, lane: Lane) -> Key:
        """The place of a lane; none for one that is over, or apart."""
        return next((place[3] for place, known in self._lanes.items() if known == lane), ())

    def lane(self, scope: Scope, key: Key) -> Lane:
        """The lane of a place."""
        place = (scope.choice, scope.channel, scope.part, key)
        found = self._lanes.get(place)
        if found is None:
            found = self._lanes[place] = self._once(scope)
        return found

    def _once(self, scope: Scope) -> Lane:
        """A lane for one text."""
        self.has_calls = self.has_calls or scope.channel is Channel.TOOL_ARGUMENTS
        group = (scope.choice, scope.channel, scope.part)
        number = self._items[group] = self._items.get(group, -1) + 1
        return Lane(scope.choice, scope.channel, scope.part, number)

    def _put(self, slot: Slot) -> None:
        """Take in a text, or a part of one."""
        if len(self._slots) == self._most_texts > 0:
            limit = self._most_texts
            raise CallerError(f"has more than {limit} texts (messages, parts, calls)", field="body", limit=limit)
        self._slots.append(slot)

    # -- walking --------------------------------------------------------------------------------------------------

    def _walk(self, value: Any, node: Node, scope: Scope, path: Path) -> None:
        while node.select is not None:
            scope = self._entered(value, node, scope, path)
            node = node.select(value)
        kind = node.kind
        if kind is _OPAQUE or kind is _FINAL or kind is _COUNTS:
            self._note(kind, value)
            if node.emptied and value:
                self._follow(scope, path, node.emptied)
            return
        if node.enter is not None or node.channel is not None or node.part is not None:
            scope = self._entered(value, node, scope, path)
        if isinstance(value, dict) and kind is _TEXT and node is not UNKNOWN:
            self._below(value, node, scope, path)
        elif isinstance(value, str) and kind is not _ECHO:
            self._string(value, node, scope, path)
        elif value is not None:
            self._held(value, node, scope, path)

    def _held(self, value: Any, node: Node, scope: Scope, path: Path) -> None:
        """What is no string, or not read as one."""
        if node.kind is Kind.ECHO:
            if value:
                self._echo(value, scope, path)
        elif node.kind is Kind.JSON or (node is UNKNOWN and not self._is_streamed and isinstance(value, dict | list)):
            self._tree(value, scope, path, node.tool)
        elif isinstance(value, dict | list):
            if node is UNKNOWN and len(value) > _MANY:
                self._tree(value, scope, path)
            else:
                self._below(value, node, scope, path)

    def _note(self, kind: Kind, value: Any) -> None:
        self._is_final = self._is_final or (kind is Kind.FINAL and bool(value))
        self._has_counts = self._has_counts or (kind is Kind.COUNTS and value is not None)

    def _entered(self, value: Any, node: Node, scope: Scope, path: Path) -> Scope:
        if node.enter is not None:
            scope = node.enter(self, value, scope, path)
        if node.part is None and (node.channel is None or node.channel is scope.channel):
            return scope
        part = scope.part if node.part is None else node.part
        return Scope(scope.choice, node.channel or scope.channel, part, scope.key, scope.depth, scope.event)

    def _below(self, value: Any, node: Node, scope: Scope, path: Path) -> None:
        if node.emptied and value:
            self._follow(scope, path, node.emptied)
        rest = node.rest or (node if node.kind is Kind.REPEAT and not node.fields else UNKNOWN)
        if isinstance(value, dict):
            fields = node.fields
            for key, inner in _name_first(value, fields):
                below = fields.get(key, rest)
                if below.kind is _OPAQUE and not below.emptied:
                    if not self._is_streamed and type(inner) is str and not is_name(inner):
                        self._walk(inner, UNKNOWN, scope, (*path, key))
                    continue
                if type(inner) in _BARE and not _reads_bare(below, inner):
                    continue
                self._walk(inner, below, scope, (*path, key))
        else:
            for index, inner in enumerate(value):
                self._walk(inner, node.each or rest, scope, (*path, index))

    def _follow(self, scope: Scope, path: Path, emptied: str) -> None:
        """A value that is emptied once the choice's text was changed."""
        self._put(Slot(self.lane(scope, scope.at(path)), path, "", Kind.ECHO, emptied=emptied))

    def _string(self, value: str, node: Node, scope: Scope, path: Path) -> None:
        key, kind = scope.at(path), node.kind
        if kind is Kind.DATA or kind is Kind.BASE64:
            held = opened(value, may_link=kind is Kind.DATA)
            if held is not None:
                how = Kind.TEXT if held.is_plain else kind
                own, as_json = self._once(scope), is_json(held.text)
                self._put(Slot(own, path, held.text, how, as_json, is_whole=True, prefix=held.prefix))
        elif value or kind is Kind.REPEAT or scope.channel is Channel.TOOL_ARGUMENTS:
            as_json = node.is_json or kind is Kind.JSON
            own = self.lane(scope, key)
            tool = self._tool(scope, key, value, is_again=kind is Kind.REPEAT)
            self._put(Slot(own, path, value, kind, as_json, is_whole=node.is_whole, tool=tool))

    def _tree(self, value: Any, scope: Scope, path: Path, called: str = "") -> None:
        """A value that is read as the JSON that it is. A frame that brings one brings it whole."""
        own = self._once(scope)
        tool = Tool(called) if called else self._tool(scope, scope.at(path), "")
        text = dumps(value) if value else ""
        self._put(Slot(own, path, text, is_json=True, is_raw=True, is_whole=True, tool=tool))

    def _tool(self, scope: Scope, key: Key, value: str, *, is_again: bool = False) -> Tool | None:
        """What a call's text at a place calls: what stands beside it as the name, so far."""
        if scope.channel is not Channel.TOOL_ARGUMENTS:
            return None
        call, is_name = (scope.choice, key[:-1]), key[-1:] == ("name",)
        name = self._tools.get(call, "")
        if is_name and value:
            name = self._tools[call] = (value if is_again else name + value[:_MOST_OF_NAME])[:_MOST_OF_NAME]
        return Tool(name, is_name)

    def _echo(self, value: Any, scope: Scope, path: Path) -> None:
        """Log-probabilities: the tokens are compared with the text; what they say beside it is read by itself."""
        tokens, asides = _tokens(value)
        key = scope.at(path)
        self._put(Slot(self.lane(scope, key), path, tokens, Kind.ECHO, emptied="null"))
        if asides:
            self._put(Slot(self._once(scope), path, asides, is_whole=True, emptied="null"))


_MOST_OF_NAME = 1024
"""How much of a tool's name is kept as the name, of any that comes in pieces: no API takes so long a one."""
_MANY = 64
"""From so many elements on, what nobody described is read as one text in a frame, too: a lane each costs too much."""
_TEXT, _ECHO, _OPAQUE, _FINAL, _COUNTS = Kind.TEXT, Kind.ECHO, Kind.OPAQUE, Kind.FINAL, Kind.COUNTS
_BARE = frozenset({int, float, bool, type(None)})
"""What holds no text, but where it is read as JSON, or says something by being there."""


def is_name(value: str) -> bool:
    """Whether a string can be an id, a type or a role: ASCII without white space."""
    return value.isascii() and value.isprintable() and " " not in value


def _reads_bare(node: Node, value: Any) -> bool:
    """Whether a number, or nothing, means something at this node."""
    is_told = node.enter is not None or node.select is not None
    return is_told or (value is not None and node.kind is not _TEXT)


def _name_first(value: Mapping[str, Any], fields: Mapping[str, Node]) -> Iterable[tuple[str, Any]]:
    """What an object holds; a tool's name before what it is called with, wherever it stands."""
    if "name" not in value or "name" not in fields or fields["name"].channel is not Channel.TOOL_ARGUMENTS:
        return value.items()
    return [("name", value["name"]), *(each for each in value.items() if each[0] != "name")]


_FOLLOWING = (Kind.TWIN, Kind.REPEAT, Kind.ECHO)


def _reading_order(slot: Slot) -> int:
    return _FOLLOWING.index(slot.kind) + 1 if slot.kind in _FOLLOWING else 0


def _tokens(value: Any) -> tuple[str, str]:
    """The tokens that log-probabilities say were chosen, joined, and all other text in them, a line each."""
    chosen: list[str] = []
    asides: list[str] = []
    for place, found in _strings(value, ()):
        (chosen if _is_chosen(place) else asides).append(found)
    return "".join(chosen), "\n".join(asides)


def _is_chosen(place: Path) -> bool:
    """Whether it is a token that was chosen: `token` of an entry, or an element of `tokens`, or its `text`."""
    if "top_logprobs" in place or "prefill" in place:
        return False
    return place[-1:] == ("token",) or "tokens" in (place[-2:-1] + (place[-3:-2] if place[-1:] == ("text",) else ()))


def _strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if "top_logprobs" in path and isinstance(inner, float) and key != "logprob":
                yield (*path, key), key  # the older form has alternatives as keys
            yield from _strings(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, (*path, index))
