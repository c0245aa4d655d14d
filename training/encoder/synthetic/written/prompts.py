"""What users and documents say, of both labels, from the tables of texts written one by one."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

from training.encoder.rows import Example
from training.encoder.synthetic.grammar import varied
from training.encoder.synthetic.kinds import SHORT, user_row
from training.encoder.synthetic.written import table

SOURCE = "own:written"


def written_prompts(rng: random.Random, *, times: int) -> list[Example]:
    """Users' texts and documents of both labels, each `times` as people type it."""
    rows = [*_prompts(), *_injections()]
    return [dataclasses.replace(row, text=varied(row.text, rng)) for row in rows for _ in range(times)]


def _prompts() -> Iterator[Example]:
    for language, text in table("harmless_prompts.tsv"):
        yield _user(text, 0, language)


def _injections() -> Iterator[Example]:
    for label, part, text in table("injections.tsv"):
        yield _user(text, int(label), "") if part == "user" else _document(text, int(label))


def _user(text: str, label: int, language: str) -> Example:
    return dataclasses.replace(user_row(text, label, language, SOURCE), is_window=len(text) <= SHORT)


def _document(text: str, label: int) -> Example:
    """A document with an order is an attack as such; of a user's words it says nothing."""
    known = (label, 1.0)
    kind = "indirect" if label else "document"
    return Example(text, SOURCE, kind, None if label else known, known, is_window=True)
