"""Events as rows of one table, whatever their kind: for CSV and Parquet, and for counting by a column's name.

A column is empty where a kind of event has nothing of it. The last one, `data`, is the whole event as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from sidecar.outbox.event import Data, StreamDecision, Violation, kind_of, severity_of
from sidecar.outbox.selection import app_of, done_to, policy_of, value_at

Cell: TypeAlias = str | int | float | None


class Column(NamedTuple):
    """A column: what its cells hold, and how a cell is found."""

    name: str
    type: Literal["text", "integer", "number", "time"]
    of: Callable[[Data], Any]


def _at(path: str, data: Data) -> Any:
    return value_at(data, path)


def _rule(data: Data) -> str:
    return data.policy.rule if isinstance(data, Violation) else ""


def _violations(data: Data) -> int | None:
    """How many a stream had."""
    return sum(data.violations.values()) if isinstance(data, StreamDecision) else None


def _json(data: Data) -> str:
    return msgspec.json.encode(data).decode()


_TEXTS = {
    "event": "ids.event",
    "producer": "ids.producer",
    "tenant": "ids.tenant",
    "session": "ids.session",
    "stream": "ids.stream",
    "request": "ids.request",
    "trace": "ids.trace",
    "model": "app.model",
    "prompt_version": "app.prompt_version",
    "policy_version": "policy.version",
    "policy_digest": "policy.digest",
    "enforcement": "policy.enforcement",
    "decided": "decided",
    "detector": "detector.name",
    "detector_model": "detector.model",
    "label": "detector.label",
    "reason": "detector.reason",
    "direction": "where.direction",
    "part": "where.part",
    "channel": "where.channel",
    "shape": "evidence.shape",
    "hash": "evidence.hash",
    "key_id": "evidence.key_id",
    "ended": "ended",
    "decided_by": "decided_by",
    "currency": "usage.currency",
    "fault": "fault",
    "step": "step",
    "verdict": "verdict",
    "what": "what",
}
_INTEGERS = {
    "sequence": "ids.sequence",
    "span_start": "where.span.start",
    "span_end": "where.span.end",
    "released_to": "exposure.released_to",
    "leaked_chars": "exposure.leaked_chars",
    "input_tokens": "usage.input_tokens",
    "output_tokens": "usage.output_tokens",
}
_NUMBERS = {
    "score": "detector.score",
    "threshold": "detector.threshold",
    "held_ms": "exposure.held_ms",
    "first_release_ms": "first_release_ms",
    "stream_ms": "timings.stream_ms",
    "faithfulness": "grounding.faithfulness",
    "cost": "usage.cost",
    "first_token_ms": "usage.first_token_ms",
}
_OTHER_PLACES = {
    "direction": "direction",
    "reason": "reason",
    "leaked_chars": "leaked_chars",
    "held_ms": "max_held_ms",
    "label": "label",
}
"""Where kinds other than a violation have what a column holds."""
_LISTS = {"owasp": "tags.owasp", "atlas": "tags.atlas", "nist": "tags.nist"}


def _first_of(path: str, other: str | None, data: Data) -> Any:
    found = value_at(data, path)
    return value_at(data, other) if found is None and other is not None else found


def _columns() -> list[Column]:
    def plain(kind: Literal["text", "integer", "number"], paths: Mapping[str, str]) -> list[Column]:
        return [Column(name, kind, partial(_first_of, path, _OTHER_PLACES.get(name))) for name, path in paths.items()]

    return [
        Column("occurred", "time", partial(_at, "time.occurred")),
        Column("published", "time", partial(_at, "time.published")),
        Column("kind", "text", lambda data: kind_of(data).value),
        Column("severity", "text", lambda data: severity_of(data).word),
        Column("app", "text", app_of),
        Column("policy", "text", policy_of),
        Column("rule", "text", _rule),
        Column("done", "text", done_to),
        *plain("text", _TEXTS),
        *plain("integer", _INTEGERS),
        *plain("number", _NUMBERS),
        Column("violations", "integer", _violations),
        *(Column(name, "text", partial(_at, path)) for name, path in _LISTS.items()),
        Column("data", "text", _json),
    ]


COLUMNS: Mapping[str, Column] = {column.name: column for column in _columns()}
"""All columns, by name, in their order."""


def row_of(data: Data) -> dict[str, Cell]:
    """An event as a row: a cell for each column; lists are words with spaces between."""
    return {name: _cell(column.of(data)) for name, column in COLUMNS.items()}


def values_of(data: Data, field: str) -> tuple[str, ...]:
    """What an event is counted under: the values of a column, or of the field at a path; none where it has none."""
    found = COLUMNS[field].of(data) if field in COLUMNS else value_at(data, field)
    many = found if isinstance(found, tuple | list) else (found,)
    return tuple(_words(value) for value in many if value is not None and value != "")


def _cell(value: Any) -> Cell:
    if isinstance(value, tuple | list):
        return " ".join(map(_words, value)) or None
    return None if value == "" else value


def _words(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
