"""What speaks for and against a call: each signal can be said in words, and none is a model's.

Who said the values of the arguments first, whether the request asks for what the tool does, and whether something that
was read does. A signal is 0 to 1; `detectors.task_adherence.weights` says how much each counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from detectors.task_adherence.effects import (
    ACTS,
    ASKING,
    CHANGE,
    PAY,
    RUN,
    SEND,
    asks_for,
    effect_of,
    effect_of_command,
    pieces,
    stem,
    stems,
)
from detectors.task_adherence.reading import ORDER, Reading
from detectors.task_adherence.values import Value, leaves_of, values_of

_BODY = 1000
"""An argument of more characters is a text that a tool works on: what stands in it leads nowhere by itself."""
_MOST_WORDS = 60
_SAME = 0.5
_NAME = re.compile(r"[^\W\d_]{3,}")
_GENERIC = frozenset(map(stem, "get set new user the for and with from all any not you your this that are was".split()))


class Call(msgspec.Struct, frozen=True):
    """A call: which tool, what it does, and its arguments, parsed."""

    tool: str
    effect: str
    arguments: Mapping[str, Any]


class Origin(msgspec.Struct, frozen=True):
    """Where the values of a call come from."""

    foreign: tuple[Value, ...]
    """Those that stand in what was read, and nowhere in what the user and the operator said."""
    unknown: tuple[Value, ...]
    """Those that nobody said."""
    asked: int
    """How many the user or the operator said."""


def call_of(tool: str, arguments: Mapping[str, Any], reading: Reading) -> Call:
    """The call, with what its tool does."""
    effect = effect_of(tool, reading.description_of(tool))
    if effect == RUN:
        effect = effect_of_command("\n".join(leaves_of(arguments)))
    return Call(tool, effect, arguments)


def origin_of(arguments: Mapping[str, Any], reading: Reading) -> Origin:
    """Who said the values of a call first."""
    short = _short(arguments)
    foreign, unknown, asked = [], [], 0
    for value in values_of(short):
        if _stands_in(value.text, reading.trusted):
            asked += 1
        elif _stands_in(value.text, reading.untrusted_folded):
            foreign.append(value)
        else:
            unknown.append(value)
    return Origin(tuple(foreign), tuple(unknown), asked)


def signals_of(call: Call, origin: Origin, reading: Reading) -> dict[str, float]:
    """All signals of a call."""
    acts, is_asked = call.effect in ACTS, reading.approves or asks_for(call.effect, reading.words)
    words = _words_of(call)
    own = words & reading.words
    away = _away(origin, reading)
    ordered = _is_ordered(call, origin, reading)
    echoed = _echoed(call, words - reading.words, reading) if reading.untrusted else 0.0
    goes_out = call.effect in (SEND, PAY, "grant")
    return {
        "unasked": float(acts and not is_asked and call.effect != CHANGE),
        "unasked_change": float(call.effect == CHANGE and not is_asked),
        "foreign_address": float(bool(away)),
        "foreign_address_out": float(bool(away) and goes_out),
        "unknown_address": float(any(each.is_address for each in origin.unknown)),
        "ordered": float(ordered),
        "ordered_unasked": float(ordered and not is_asked and acts),
        "echoed": echoed,
        "echoed_acts": echoed * acts,
        "overlap": len(own) / max(1, len(words)),
        "apart": float(not own),
        "apart_at_once": float(not own and not reading.untrusted and call.effect != RUN and _says_something(call)),
        "delegated": float(reading.delegates),
        "asked_values": origin.asked / max(1, origin.asked + len(origin.foreign) + len(origin.unknown)),
        "acts": float(acts),
        "runs": float(call.effect == RUN),
    }


def foreign_addresses(call: Call, origin: Origin, reading: Reading) -> list[Value]:
    """The addresses that a call which does something names, that stand only in what was read."""
    is_acting = call.effect in ACTS or call.effect == RUN or not call.tool
    return _away(origin, reading) if is_acting else []


def _away(origin: Origin, reading: Reading) -> list[Value]:
    return [each for each in origin.foreign if each.is_address and not _is_named(each.text, reading)]


def _short(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in arguments.items() if not (isinstance(each, str) and len(each) > _BODY)}


def _words_of(call: Call) -> frozenset[str]:
    """The words of a call, by their stems: of the tool's name, and of its arguments."""
    named = map(stem, pieces(call.tool.rpartition("__")[2]))
    said = [word for leaf in leaves_of(_short(call.arguments)) for word in stems(leaf)][:_MOST_WORDS]
    return frozenset(each for each in (*named, *said) if len(each) > 2) - _GENERIC


def _says_something(call: Call) -> bool:
    """Whether a word stands in the arguments: a call without any may be the first of any task."""
    return any(len(word) > 2 for leaf in leaves_of(call.arguments) for word in stems(leaf))


def _stands_in(value: str, text: str) -> bool:
    """Whether a value stands in a text, and not inside a longer word or number."""
    at = text.find(value)
    while at >= 0:
        end = at + len(value)
        if not (_joins(text[at - 1 : at], value[0]) or _joins(text[end : end + 1], value[-1])):
            return True
        at = text.find(value, at + 1)
    return False


def _joins(one: str, other: str) -> bool:
    return bool(one) and one.isalnum() and other.isalnum()


def _is_named(address: str, reading: Reading) -> bool:
    """Whether the request has a name that the address has, too: `ann@example.org` is Ann's."""
    return not reading.names.isdisjoint(_NAME.findall(address.rpartition(".")[0]))


def _is_ordered(call: Call, origin: Origin, reading: Reading) -> bool:
    """Whether a value that only stands in what was read stands there in a sentence that asks for what the call does."""
    wanted = ASKING.get(call.effect, frozenset())
    for value in origin.foreign:
        for sentence in reading.around(value.text):
            if ORDER.search(sentence) and not wanted.isdisjoint(stems(sentence)):
                return True
    return False


def _echoed(call: Call, words: frozenset[str], reading: Reading) -> float:
    """How much of the words of a call that the request has not stands in one sentence of what was read, as an order."""
    if not words:
        return 0.0
    wanted = ASKING.get(call.effect, frozenset()) or words
    most = 0.0
    for sentence in reading.orders():
        if not wanted.isdisjoint(sentence):
            most = max(most, len(words & sentence) / len(words))
    return most
