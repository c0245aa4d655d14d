"""Rows of grounding data, their documents, and the fold that is kept for the combiner."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.grounding.sources import source_of

_PASSAGE_MARK = re.compile(r"(?:^|(?<=\s))passage \d+: ")
TESTS = (
    "snli",
    "mnli",
    "fm2",
    "fever_symmetric",
    "climate_fever",
    "wice_claim_dev",
    "begin",
    "factscore",
    "summedits",
    "anli",
)
HELD_OUT_PERCENT = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One pair: the documents of the context, a claim, its label, and the unsupported spans where known."""

    documents: tuple[str, ...]
    claim: str
    label: str
    spans: tuple[tuple[int, int], ...] | None
    source: str

    @property
    def is_supported(self) -> bool:
        """Whether the context supports the whole claim."""
        return self.label == "supported"

    @property
    def is_human(self) -> bool:
        """Whether a person labelled it."""
        return not self.source.startswith(("syn_", "hard:"))


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of one `.jsonl.gz` file; contexts shown as "passage 1: ... passage 2: ..." become documents."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            spans = None if raw["spans"] is None else tuple((start, end) for start, end in raw["spans"])
            yield Row(documents_of(raw["context"]), raw["claim"], raw["label"], spans, raw["source"])


def documents_of(context: str) -> tuple[str, ...]:
    """Return the documents of a context: its numbered passages, or itself."""
    if not context.startswith("passage 1: "):
        return (context,)
    return tuple(part.strip() for part in _PASSAGE_MARK.split(context) if part.strip())


def read_split(data: Path, name: str) -> list[Row]:
    """Read `train`, `dev` or `test_NAME` of the data folder."""
    return list(read_rows(data / f"{name}.jsonl.gz"))


def may_use(row: Row, *, research: bool) -> bool:
    """Whether a row may be learnt from: always with `research`, else by its licence."""
    return research or source_of(row.source).shipped


def is_held_out(row: Row) -> bool:
    """Whether a train row is kept for the combiner; decided by its context, so no context is in both parts."""
    digest = hashlib.blake2b("\n".join(row.documents)[:200].encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % 100 < HELD_OUT_PERCENT
