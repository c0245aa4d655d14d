"""The same claims with their evidence buried among unrelated passages; deterministic."""

from __future__ import annotations

import random
from collections.abc import Sequence

from training.grounding.rows import Row


def bury(rows: Sequence[Row], *, passages: int, seed: int, among: Sequence[Row] | None = None) -> list[Row]:
    """Return each row with `passages` documents of other rows (`among`) around its own, at a random place.

    Documents that share half of their first words with the row's own are not taken, since they may be the same text.
    """
    rng = random.Random(seed)
    pool = list(dict.fromkeys(document for row in among or rows for document in row.documents))
    buried = []
    for row in rows:
        own = set(" ".join(row.documents).lower().split())
        others: list[str] = []
        for document in rng.sample(pool, min(len(pool), 3 * passages + 10)):
            start = document.lower().split()[:40]
            if len(others) < passages and sum(word in own for word in start) < 0.5 * len(start):
                others.append(document)
        at = rng.randrange(len(others) + 1)
        buried.append(Row((*others[:at], *row.documents, *others[at:]), row.claim, row.label, row.spans, row.source))
    return buried
