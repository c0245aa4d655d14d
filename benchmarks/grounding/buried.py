"""The same claims with their evidence among more and more unrelated documents."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from benchmarks.grounding.detector import Recorder
from benchmarks.grounding.quality import read_set, score
from training.grounding.buried import bury

SIZES = (0, 1, 4, 9, 19, 49, 99, 199)
"""How many documents are added."""


def measure_buried(recorder: Recorder, data: Path, name: str, limit: int) -> dict[str, Any]:
    """For each size the detector's area and what a sentence took; the documents are those of the set's other rows."""
    rows = read_set(data, name, 0)
    chosen = random.Random(1).sample(rows, min(limit, len(rows)))
    points = []
    for size in SIZES:
        figures = score(recorder, bury(chosen, passages=size, seed=9, among=rows), sentences=False)
        points.append({"documents": size + 1, **{key: figures[key] for key in ("auc", "pairs", "tokens")}})
    return {"rows": len(chosen), "points": points}
