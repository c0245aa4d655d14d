"""Texts written one by one, hardly two of one shape, beside what the other modules compose.

Three tables, a text a line: `harmless_words.tsv` (subject, sentence: nothing toxic, in the words that abuse is made of),
`harmless_prompts.tsv` (language, text: what users ask for in the words that attacks are made of) and `injections.tsv`
(label, part, text: attacks of unusual kinds, each beside a harmless twin). `\\n` stands for a newline.
"""

from __future__ import annotations

import collections
import dataclasses
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from training.encoder.rows import Example
from training.encoder.synthetic.grammar import varied

SOURCE = "own:written"
SHORT = 240
"""Texts up to this length the model sees at once."""


def _table(name: str) -> Iterator[list[str]]:
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    return (line.replace("\\n", "\n").split("\t") for line in lines)


def harmless_words() -> Mapping[str, Sequence[str]]:
    """The sentences of each subject; other languages are subjects of their own."""
    found = collections.defaultdict(list)
    for subject, sentence in _table("harmless_words.tsv"):
        found[subject].append(sentence)
    return found


def written_prompts(rng: random.Random, *, times: int) -> list[Example]:
    """Users' texts and documents of both labels, each `times` as people type it."""
    rows = [*_prompts(), *_injections()]
    return [dataclasses.replace(row, text=varied(row.text, rng)) for row in rows for _ in range(times)]


def _prompts() -> Iterator[Example]:
    for language, text in _table("harmless_prompts.tsv"):
        yield _row(text, "user", 0, language)


def _injections() -> Iterator[Example]:
    for label, part, text in _table("injections.tsv"):
        yield _row(text, part, int(label), "")


def _row(text: str, part: str, label: int, language: str) -> Example:
    """What a text is to a user's words and to a document's; a request says nothing of a document, where it is foreign."""
    known = (label, 1.0)
    if part == "user":
        kind, foreign = ("direct", known) if label else ("benign", None)
        return Example(text, SOURCE, kind, known, foreign, language=language, is_window=len(text) <= SHORT)
    kind = "indirect" if label else "document"
    injection = None if label else known
    return Example(text, SOURCE, kind, injection, known, language=language, is_window=True)
