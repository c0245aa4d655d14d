"""Recorded conversations: read one by one, whatever form they are in.

A line of JSON is one conversation: `turns` as in tests of policies, or `messages` as OpenAI's chat API has them, or one
`text`. Beside it may stand `id`, `session`, `policy`, what the application told (`tenant`, `labels`, `attributes`,
`model`, `route`, `prompt_version`, `language`), `context` and `review`, what an analyst said of it; other keys are
passed over. Tidegate's events are read, too: they hold no text of their own, so those count to which whoever keeps
texts has added one of these three.

Files and topics are streamed: a row is handed out as bytes, and made a conversation where it is used (`Row`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from sidecar.cli.ending import Failure, in_full
from sidecar.policy.facts import StreamFacts
from sidecar.policy.turns import Call, Passage, Turn
from sidecar.values import Direction, Part
from sidecar.wording.languages import best_liked, preferred

_KINDS = frozenset({"decision", "violation", "fault", "policy"})
_ROLES = {
    "system": Part.SYSTEM,
    "developer": Part.SYSTEM,
    "user": Part.USER,
    "assistant": Part.MODEL,
    "tool": Part.TOOL_RESULT,
    "function": Part.TOOL_RESULT,
}
_TURNS = (Part.USER, Part.SYSTEM, Part.MODEL, Part.TOOL_RESULT, Part.TOOL_DEFINITION)
_PARQUET_ROWS = 1024


Placed: TypeAlias = tuple[str, bytes]
"""Where a conversation stands, and its JSON."""


class Row(msgspec.Struct, frozen=True):
    """One conversation as it was recorded: its number over all that is read, where it stands, and its JSON."""

    number: int
    place: str
    data: bytes


class Review(msgspec.Struct, frozen=True):
    """What an analyst said of a conversation: whether anything of it should have been found, and by which rules."""

    violation: bool
    rules: tuple[str, ...] = ()


class Conversation(msgspec.Struct, frozen=True):
    """What was said, of whom, and what the application told of it."""

    turns: tuple[Turn, ...]
    id: str = ""
    session: str = ""
    policy: str = ""
    facts: StreamFacts = StreamFacts()
    languages: tuple[str, ...] = ()
    review: Review | None = None

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return self.facts.tenant


class Unreadable(Failure):
    """A row is no conversation. The message says which, and what is wrong; it holds nothing of the text."""


class _Call(msgspec.Struct):
    name: str
    arguments: Any = msgspec.field(default_factory=dict)


class _Turn(msgspec.Struct):
    user: str | None = None
    system: str | None = None
    model: str | None = None
    tool_result: str | None = None
    tool_definition: str | None = None
    context: list[str | Passage] | None = None
    reasoning: str | None = None
    calls: list[_Call] = []


class _Function(msgspec.Struct):
    name: str = ""
    arguments: Any = ""
    description: str = ""


class _ToolCall(msgspec.Struct):
    function: _Function | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Ids(msgspec.Struct):
    event: str = ""
    tenant: str = ""
    session: str = ""
    stream: str = ""


class _App(msgspec.Struct):
    labels: dict[str, str] = {}
    attributes: dict[str, str] = {}
    model: str = ""
    prompt_version: str = ""


class _Where(msgspec.Struct):
    direction: Direction | None = None
    part: Part | None = None


class _Recorded(msgspec.Struct):
    """All forms in one; what is not there is None."""

    id: str | int = ""
    tenant: str = ""
    session: str = ""
    policy: Any = ""
    labels: dict[str, str] = {}
    attributes: dict[str, str] = {}
    model: str = ""
    route: str = ""
    prompt_version: str = ""
    language: str = ""
    turns: list[_Turn] | None = None
    messages: list[_Message] | None = None
    tools: list[_ToolCall] = []
    text: str | None = None
    direction: Direction | None = None
    part: Part | None = None
    context: list[str | Passage] = []
    review: bool | Review | None = None
    kind: str = ""
    ids: _Ids = msgspec.field(default_factory=_Ids)
    app: _App = msgspec.field(default_factory=_App)
    where: _Where = msgspec.field(default_factory=_Where)
    specversion: str = ""
    data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


_decoder = msgspec.json.Decoder(_Recorded)


def conversations(rows: Iterable[Row]) -> list[tuple[Row, Conversation | None]]:
    """The conversations of rows. Raises `Unreadable` that tells of all rows that are none, the first ones in full."""
    read: list[tuple[Row, Conversation | None]] = []
    wrong: list[str] = []
    for row in rows:
        try:
            read.append((row, conversation(row)))
        except Unreadable as error:
            wrong.append(str(error))
    if wrong:
        raise Unreadable(in_full(wrong))
    return read


def readable(rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows, up to the first that is none. Raises `Unreadable` there, which tells of all that follow, too."""
    rest = iter(rows)
    for row in rest:
        if wrong := _wrong(row):
            raise Unreadable(in_full(chain((wrong,), filter(None, map(_wrong, rest)))))
        yield row


def _wrong(row: Row) -> str:
    """Why a row is no conversation; empty where it is one."""
    try:
        conversation(row)
    except Unreadable as error:
        return str(error)
    return ""


def conversation(row: Row) -> Conversation | None:
    """The conversation of a row; None for an event without a text. Raises `Unreadable`."""
    try:
        recorded = _decoder.decode(row.data)
        if recorded.specversion and bytes(recorded.data):
            recorded = _decoder.decode(recorded.data)
        turns = tuple(_turns(recorded))
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise Unreadable(f"{row.place}: this is no conversation: {_plain(error)}") from None
    if not turns:
        if recorded.kind in _KINDS:
            return None
        raise Unreadable(f"{row.place}: it holds no text: a conversation has `turns`, `messages` or `text`")
    return Conversation(
        turns=turns,
        id=str(recorded.id or recorded.ids.stream),
        session=recorded.session or recorded.ids.session,
        policy=recorded.policy if isinstance(recorded.policy, str) else "",
        facts=_facts(recorded),
        languages=preferred(recorded.language),
        review=Review(recorded.review) if isinstance(recorded.review, bool) else recorded.review,
    )


def _facts(recorded: _Recorded) -> StreamFacts:
    """What the application said of it, or an event says that it said."""
    app = recorded.app
    return StreamFacts(
        tenant=recorded.tenant or recorded.ids.tenant,
        model=recorded.model or app.model,
        route=recorded.route,
        prompt_version=recorded.prompt_version or app.prompt_version,
        labels=recorded.labels or app.labels,
        attributes=recorded.attributes or app.attributes,
        language=best_liked(preferred(recorded.language)),
    )


def read_files(paths: Sequence[Path]) -> Iterator[Row]:
    """The rows of files, streamed. Raises `Failure`."""
    return numbered(map(read_file, paths))


def numbered(sources: Iterable[Iterable[Placed]]) -> Iterator[Row]:
    """The rows of all sources, one after the other."""
    for number, (place, data) in enumerate(chain.from_iterable(sources)):
        yield Row(number, place, data)


def read_file(path: Path) -> Iterator[Placed]:
    """A file's conversations, streamed: `*.parquet` as Parquet, all others as JSON lines. Raises `Failure`."""
    return _parquet_rows(path) if path.suffix == ".parquet" else _lines(path)


def _lines(path: Path) -> Iterator[Placed]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path}:{number}", line
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}") from None


def _parquet_rows(path: Path) -> Iterator[Placed]:
    try:
        from pyarrow import ArrowException, parquet  # the extra `parquet`
    except ImportError:
        raise Failure(f"{path} needs pyarrow: install `tidegate-sidecar[parquet]`, or write JSON lines") from None
    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    told = {key: value for key, value in _without_null(row).items() if value not in ("", [])}
                    yield f"{path}:{number}", msgspec.json.encode(told)
    except (OSError, ArrowException) as error:
        raise Failure(f"cannot read {path}: {type(error).__name__}: is it Parquet?") from None


def _without_null(value: Any) -> Any:
    """The same without nulls: Parquet has every key in every row. Its maps come as lists of pairs."""
    if isinstance(value, dict):
        return {key: _without_null(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        if value and all(isinstance(each, tuple) and len(each) == 2 for each in value):
            return {key: _without_null(each) for key, each in value}
        return [_without_null(each) for each in value]
    return value


def _plain(error: Exception) -> str:
    """What is wrong, without anything that the row holds."""
    return str(error) if isinstance(error, msgspec.DecodeError) or str(error) in _TOLD else type(error).__name__


_NO_ROLE = "a message's `role` is `system`, `developer`, `user`, `assistant`, `tool` or `function`"
_ONE_SPEAKER = "a turn is one speaker's: `user`, `system`, `model`, `context`, `tool_result` or `tool_definition`"
_TOLD = frozenset({_NO_ROLE, _ONE_SPEAKER})


def _turns(recorded: _Recorded) -> Iterator[Turn]:
    if recorded.context:
        yield Turn(Part.CONTEXT, passages=_passages(recorded.context))
    if recorded.turns is not None:
        yield from map(_turn, recorded.turns)
    elif recorded.messages is not None:
        yield from (Turn(Part.TOOL_DEFINITION, _defined(each)) for each in recorded.tools if each.function)
        yield from (_of_message(each) for each in recorded.messages)
    elif recorded.text is not None:
        direction = recorded.direction or recorded.where.direction or Direction.INPUT
        own = Part.USER if direction is Direction.INPUT else Part.MODEL
        yield Turn(recorded.part or recorded.where.part or own, recorded.text)


def _turn(recorded: _Turn) -> Turn:
    said = {part: text for part in _TURNS if (text := getattr(recorded, part)) is not None}
    is_models = bool(recorded.reasoning or recorded.calls)
    if recorded.context is not None and not said:
        return Turn(Part.CONTEXT, passages=_passages(recorded.context))
    if len(said) != 1 and not (is_models and not said):
        raise ValueError(_ONE_SPEAKER)
    part, text = next(iter(said.items()), (Part.MODEL, ""))
    calls = tuple(Call(each.name, _as_text(each.arguments)) for each in recorded.calls)
    return Turn(part, text, recorded.reasoning or "", calls)


def _of_message(message: _Message) -> Turn:
    part = _ROLES.get(message.role)
    if part is None:
        raise ValueError(_NO_ROLE)
    called = [each.function for each in message.tool_calls or () if each.function]
    calls = tuple(Call(each.name, _as_text(each.arguments)) for each in called)
    return Turn(part, _said(message.content), message.reasoning_content or "", calls)


def _said(content: str | list[dict[str, Any]] | None) -> str:
    """What is said in a message's content: its text, or that of its parts; pictures say nothing here."""
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if isinstance(part.get("text"), str))
    return content or ""


def _defined(tool: _ToolCall) -> str:
    assert tool.function is not None
    return f"{tool.function.name}: {tool.function.description}"


def _as_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _passages(passages: Sequence[str | Passage]) -> tuple[Passage, ...]:
    numbered = enumerate(passages, start=1)
    return tuple(Passage(str(number), each) if isinstance(each, str) else each for number, each in numbered)
