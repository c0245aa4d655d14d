"""Conversations, turn by turn, and the streams that guard them.

A conversation is guarded as through the proxy, which judges each message once: the turns that come together before a
model speaks are one request, and each of the model's turns is one answer. Documents and tools' results stand in a
request's history, where a rule that blocks withholds; what a model says is compared with the documents before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec

from detectors.task import Task
from sidecar.values import Channel, Direction, Lane, Part, Tool

_HISTORY = frozenset({Part.CONTEXT, Part.TOOL_RESULT})
"""Whose words are no new ones of the user's, nor the operator's."""


class Passage(msgspec.Struct, frozen=True):
    """A document, or a piece of one, that answers should rest on."""

    id: str
    text: str


class Call(msgspec.Struct, frozen=True):
    """A model's call of a tool. `arguments` are JSON, as text."""

    name: str
    arguments: str = "{}"


class Turn(msgspec.Struct, frozen=True):
    """What one of those who take part says. Only a model thinks aloud and calls tools; only a context has passages."""

    part: Part
    text: str = ""
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    passages: tuple[Passage, ...] = ()
    after_ms: float = 0.0
    """How much time passed before it."""


class Spoken(msgspec.Struct, frozen=True):
    """One text of a stream, all of it, and the number of the turn that it belongs to, from 0."""

    turn: int
    lane: Lane
    text: str
    tool: Tool | None = None
    """What it calls, where it is part of a call."""


class Exchange(msgspec.Struct, frozen=True):
    """One stream: a request or an answer, with its texts in their order and what an answer should rest on."""

    direction: Direction
    spoken: tuple[Spoken, ...]
    history: frozenset[Lane] | None = None
    """The lanes of a request that are its history; None where nobody tells."""
    passages: tuple[Passage, ...] = ()
    after_ms: float = 0.0
    """How much time passed before it."""
    task: Task | None = None
    """What an answer's calls are to serve."""


def exchanges(turns: Sequence[Turn]) -> Iterator[Exchange]:
    """The streams that guard a conversation, in their order."""
    passages: tuple[Passage, ...] = ()
    heard: list[Spoken] = []
    for is_answer, group in groupby(enumerate(turns), lambda each: each[1].part is Part.MODEL):
        said = list(group)
        if is_answer:
            for number, turn in said:
                spoken = tuple(_answer(number, turn))
                yield Exchange(Direction.OUTPUT, spoken, None, passages, turn.after_ms, _task(heard))
            continue
        passages += tuple(each for _, turn in said for each in turn.passages)
        spoken = tuple(each for number, turn in said for each in _request(number, turn))
        heard += spoken
        history = frozenset(each.lane for each in spoken if each.lane.part in _HISTORY)
        yield Exchange(Direction.INPUT, spoken, history, passages, sum(turn.after_ms for _, turn in said))


def call_lanes(number: int) -> tuple[Lane, Lane]:
    """The lanes of the name and of the arguments of an answer's call, by its number from 0."""
    name, arguments = (Lane(0, Channel.TOOL_ARGUMENTS, Part.MODEL, 2 * number + place) for place in (0, 1))
    return name, arguments


def _task(heard: Sequence[Spoken]) -> Task:
    """What calls are to serve, by all that was said in requests before."""

    def said(*parts: Part) -> list[str]:
        return [each.text for each in heard if each.lane.part in parts]

    return Task(
        said(Part.USER),
        instructions=said(Part.SYSTEM),
        untrusted=said(*_HISTORY),
        definitions=said(Part.TOOL_DEFINITION),
    )


def _request(number: int, turn: Turn) -> Iterator[Spoken]:
    texts = [each.text for each in turn.passages] if turn.part is Part.CONTEXT else [turn.text]
    for item, text in enumerate(texts):
        yield Spoken(number, Lane(number, Channel.CONTENT, turn.part, item), text)


def _answer(number: int, turn: Turn) -> Iterator[Spoken]:
    if turn.reasoning:
        yield Spoken(number, Lane(channel=Channel.REASONING), turn.reasoning)
    if turn.text or not turn.calls:
        yield Spoken(number, Lane(), turn.text)
    for place, call in enumerate(turn.calls):
        name, arguments = call_lanes(place)
        said = json.dumps(call.name, ensure_ascii=False)  # what a tool is handed is read as JSON
        yield Spoken(number, name, said, Tool(call.name, is_name=True))
        yield Spoken(number, arguments, call.arguments, Tool(call.name))
