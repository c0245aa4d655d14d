"""Sentences whose slots are filled with names: each name is marked with its label."""

from __future__ import annotations

import random
import re
from typing import Protocol

from training.encoder.rows import Example

DATES = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "yesterday",
    "today",
    "tomorrow",
    "last week",
    "last month",
    "last year",
    "next year",
    "this year",
    "next Monday",
    "in 2019",
    "2021",
    "March 2020",
    "January 5",
    "12 May 2018",
    "May 3rd, 2022",
    "the 1990s",
    "two weeks ago",
    "three years ago",
    "early 2023",
    "late October",
    "Sunday night",
    "Friday morning",
    "the past decade",
    "6 pm",
    "10:30 a.m.",
    "the end of the year",
    "June",
    "this week",
    "the weekend",
    "earlier this month",
    "24 hours",
    "five years",
    "Thursday evening",
    "2020-21",
    "mid-August",
    "the following day",
    "1948",
)

GENERATED = re.compile(r"<([BCDFILMNOPQ])>")
CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
LABELS = {
    "P": "PERSON",
    "F": "PERSON",
    "Q": "PERSON",
    "L": "LOCATION",
    "C": "LOCATION",
    "I": "LOCATION",
    "O": "ORGANIZATION",
    "B": "ORGANIZATION",
    "N": "NRP",
    "M": "NRP",
    "D": "DATE_TIME",
}


class SlotValues(Protocol):
    """Whatever makes a value for a slot letter of `LABELS`."""

    def of(self, kind: str) -> str:
        """A value for one slot letter."""


def filled(template: str, values: SlotValues, rng: random.Random, *, source: str) -> Example:
    """A row from a template: its choices taken, its slots filled and marked.

    What stands before a `|` in a value belongs to the text and is not marked.
    """
    while CHOICE.search(template):
        template = CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    text, entities, at = "", [], 0
    for match in GENERATED.finditer(template):
        lead, _, value = values.of(match[1]).rpartition("|")
        text += template[at : match.start()] + lead
        entities.append((len(text), len(text) + len(value), LABELS[match[1]]))
        text, at = text + value, match.end()
    text += template[at:]
    text = _recased(text, rng)
    return Example(text=text, source=source, kind="pii", entities=tuple(entities), injection=(0, 0.2))


def _recased(text: str, rng: random.Random) -> str:
    draw = rng.random()
    changed = text.lower() if draw < 0.08 else text.upper() if draw < 0.1 else text
    return changed if len(changed) == len(text) else text
