"""Labelled examples of all four tasks, read from the data folders and thinned by licence."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from training.encoder.labels import TOXICITY
from training.encoder.sources import is_allowed

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Example:
    """One text with what is known about it; None means: not annotated, masked in the loss.

    `injection` is (label, weight) of the text as a user's words, `foreign` the same of it in a document or a tool's
    result; `toxicity` has an entry of 0, 1 or None per label; `entities` are (start, end, label) in code points and
    `entity_labels` the labels that the source annotates.
    `kind` is the injection data's kind, or the task. `is_window`: the text is already what the model sees at once.
    """

    text: str
    source: str
    kind: str
    injection: tuple[float, float] | None = None
    foreign: tuple[float, float] | None = None
    toxicity: tuple[int | None, ...] | None = None
    topic: str | None = None
    entities: tuple[tuple[int, int, str], ...] | None = None
    entity_labels: frozenset[str] | None = None
    casing_known: bool = True
    language: str = ""
    is_window: bool = False


def read_rows(path: Path) -> Iterator[Json]:
    """The rows of a gzipped JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def injection_examples(data: Path, split: str, *, research: bool = False) -> list[Example]:
    """Examples of `injection/<split>.jsonl.gz`."""
    rows = read_rows(data / "injection" / f"{split}.jsonl.gz")
    return [
        Example(text=row["text"], source=row["source"], kind=row["kind"], injection=(row["label"], 1.0))
        for row in rows
        if is_allowed("injection", row["source"], research=research)
    ]


SECOND = ("benign", "multilingual_benign", "attacks")


def second_examples(data: Path, files: Sequence[str] = SECOND, *, research: bool = False) -> list[Example]:
    """Examples of the second injection data, `injection2/<file>.jsonl.gz`."""
    rows = [row for name in files for row in read_rows(data / "injection2" / f"{name}.jsonl.gz")]
    return [
        Example(
            text=row["text"],
            source=row["source"],
            kind=row["kind"],
            injection=None if row["label"] is None else (row["label"], 1.0),
            language=row["lang"],
        )
        for row in rows
        if is_allowed("injection2", row["source"], research=research)
    ]


def toxicity_examples(data: Path, split: str, *, research: bool = False) -> list[Example]:
    """Examples of `toxicity/<split>.jsonl.gz`."""
    rows = read_rows(data / "toxicity" / f"{split}.jsonl.gz")
    return [
        Example(
            text=row["text"],
            source=row["source"],
            kind="toxicity",
            toxicity=tuple(row["labels"][name] for name in TOXICITY),
            casing_known=not row["source"].startswith(("paradetox", "huffpost", "clinc", "hwu")),
        )
        for row in rows
        if is_allowed("toxicity", row["source"], research=research)
    ]


def topic_examples(data: Path, split: str, *, research: bool = False) -> list[Example]:
    """Examples of `topic/<split>.jsonl.gz`."""
    rows = read_rows(data / "topic" / f"{split}.jsonl.gz")
    return [
        Example(
            text=row["text"],
            source=row["source"],
            kind="topic",
            topic=row["topic"],
            casing_known=not row["source"].startswith(("huffpost", "clinc", "hwu")),
        )
        for row in rows
        if is_allowed("topic", row["source"], research=research)
    ]


def pii_examples(data: Path, split: str, *, research: bool = False) -> list[Example]:
    """Examples of `pii/<split>.jsonl.gz`."""
    coverage = json.loads((data / "pii" / "label_coverage.json").read_text(encoding="utf-8"))
    rows = read_rows(data / "pii" / f"{split}.jsonl.gz")
    return [
        Example(
            text=row["text"],
            source=row["source"],
            kind="pii",
            entities=tuple((entity["start"], entity["end"], entity["label"]) for entity in row["entities"]),
            entity_labels=None if coverage[row["source"]] == "all" else frozenset(coverage[row["source"]]),
        )
        for row in rows
        if is_allowed("pii", row["source"], research=research)
    ]
