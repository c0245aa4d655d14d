"""Labels as a data set: texts with the id of the event that they were, judged by what people said of it.

A row is `{"event": id, "text": ...}`; the truth is its label's. Of a violation that is right or a false alarm; of a
stream's decision that something was missed in it, or that it is clean. Rows of which nobody said anything are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from detectors.injection import Injection
from detectors.toxicity import Toxicity
from sidecar.errors import TidegateError
from sidecar.outbox.event import Data, Label, Violation
from sidecar.outbox.labels import verdicts

NEEDS = ("event", "text")
"""The keys of a row."""
_FOREIGN_PARTS = frozenset({"context", "tool_result", "tool_definition"})


def labelled(detector: str, rows: Sequence[Mapping[str, Any]], read: Iterable[Data]) -> list[dict[str, Any]]:
    """The rows as `tidegate eval` takes them, by labels and events. Raises `TidegateError` where there is none."""
    if detector not in (Injection.name, Toxicity.name):
        raise TidegateError(f"labels say of a text right or wrong, and {detector} is measured by more than that")
    events = {each.ids.event: each for each in read}
    said = verdicts(each for each in events.values() if isinstance(each, Label))
    truth = {name: (is_right, _label_of(events.get(name))) for name, is_right in said.alarms.items()}
    truth |= {each.event: (False, each.label) for each in said.clean}
    truth |= {each.event: (True, each.label) for each in said.missed}
    made = [
        _row(detector, row, *truth[row["event"]], events.get(row["event"])) for row in rows if row["event"] in truth
    ]
    if not made:
        raise TidegateError("none of these texts has a label: their `event` is the id that the label names")
    return made


def _row(detector: str, row: Mapping[str, Any], is_right: bool, label: str, event: Data | None) -> dict[str, Any]:
    if detector == Injection.name:
        is_foreign = isinstance(event, Violation) and event.where.part in _FOREIGN_PARTS
        return {"text": row["text"], "label": int(is_right), "kind": "document" if is_foreign else "direct"}
    if not label:
        raise TidegateError(f"nobody says of which label {row['event']} is: give its event, too")
    return {"text": row["text"], "labels": {label: int(is_right)}}


def _label_of(event: Data | None) -> str:
    return event.detector.label if isinstance(event, Violation) else ""
