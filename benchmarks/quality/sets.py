"""The labelled sets: those on the disk, the two that are made of them, and two of our own.

* Attacks hidden in documents: 2,000 documents, half of them with an attack put in (`training.encoder.hidden`). Nothing
  of it was trained on.
* Topics of an author's own: each of the topics of clinc150's test set by five example sentences from its training part.
* Texts in which nothing is to be found: code, logs and tables for `pii` (`benchmarks.quality.plain`), and talk of
  violence, hate and illness for `toxicity`, as many long texts as short ones (`benchmarks.quality.harmless`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality import harmless, plain
from training.encoder.hidden import rows as hidden_rows
from workbench.evaluation.rows import read_rows
from workbench.evaluation.targets import AUTHORS, HIDDEN
from workbench.evaluation.tasks import TASKS, data_sets

HEADS = ("injection", "toxicity", "topic", "pii")

_HIDDEN_COUNT, _HIDDEN_SEED = 2000, 41
_EXAMPLES, _DRAWS, _SEED = 5, 5, 5

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LabelledSet:
    """A set of rows for a head. `path` is beside the file that says which labels a source annotates."""

    head: str
    name: str
    path: Path
    rows: Sequence[Row]


def labelled_sets(data: Path, heads: Sequence[str], limit: int | None, only: Sequence[str]) -> Iterator[LabelledSet]:
    """The sets of these heads, one at a time; at most `limit` rows of each; of these names only, if there are any."""
    for head in heads:
        task = TASKS[head]
        for path in data_sets(data, task):
            name = path.name.removesuffix(".jsonl.gz")
            if not only or name in only:
                yield LabelledSet(head, name, path, read_rows(path, needs=task.needs, limit=limit))
        if head == "injection" and (not only or HIDDEN in only):
            count = min(limit or _HIDDEN_COUNT, _HIDDEN_COUNT)
            rows = hidden_rows(data, count=_HIDDEN_COUNT, seed=_HIDDEN_SEED)[:count]
            yield LabelledSet(head, HIDDEN, data / head, rows)
        own = {"toxicity": harmless, "pii": plain}.get(head)
        if own is not None and (not only or own.NAME in only):
            yield LabelledSet(head, own.NAME, data / head / f"{own.NAME}.jsonl.gz", own.rows()[:limit])
        if head == "topic" and (not only or AUTHORS in only):
            path = data / head / "test_clinc150.jsonl.gz"
            yield LabelledSet(head, AUTHORS, path, read_rows(path, needs=task.needs, limit=limit))


def author_topics(data: Path, topics: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    """Each topic by five sentences, drawn anew several times."""
    pool = read_rows(data / "topic" / "train.jsonl.gz", needs=("text", "topic", "source"))
    texts = {
        topic: [row["text"] for row in pool if row["topic"] == topic and row["source"] == "clinc150"]
        for topic in topics
    }
    rng = random.Random(_SEED)
    for _ in range(_DRAWS):
        yield [{"name": f"own_{topic}", "examples": rng.sample(texts[topic], _EXAMPLES)} for topic in topics]
