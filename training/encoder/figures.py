"""Injection as it is served on the second data: what harmless text of each kind costs, what of each source is found.

    python -m training.encoder.figures --data DATA --model models_onnx/tidegate-encoder [--every 4] [--out FILE.json]

Figures of sources that trained nothing (`unseen.py`) stand apart: those tell what a text from elsewhere would get.
Runs in the service's environment, at the thresholds that the model's card recommends.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.injection import DIRECT, INDIRECT, Injection
from detectors.models.exemplars import ExemplarParams
from sidecar.values import Part
from training.encoder.cuts import PARTS
from training.encoder.rows import Example, second_examples
from training.encoder.unseen import is_unseen, origin
from workbench.evaluation.metrics import auc
from workbench.evaluation.segments import findings_of

LONG = 600
LEAST_ROWS = 20
JUDGED = (DIRECT, INDIRECT)
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """Rows with their scores, and whether each fires."""

    rows: Sequence[Example]
    scores: NDArray[np.float64]
    fired: Flags

    def where(self, wanted: Callable[[Example], bool]) -> Judged:
        """Those rows only."""
        keep = np.asarray([wanted(row) for row in self.rows], dtype=bool)
        rows = [row for row, kept in zip(self.rows, keep, strict=True) if kept]
        return Judged(rows, self.scores[keep], self.fired[keep])

    def share(self) -> str:
        """How many fire, of how many."""
        return f"{self.fired.mean():.3f} of {len(self.rows)}" if self.rows else "-"

    def by(self, name: Callable[[Example], str]) -> dict[str, str]:
        """The share for each name, those with few rows left out, the highest first."""
        groups: dict[str, list[bool]] = {}
        for row, fired in zip(self.rows, self.fired, strict=True):
            groups.setdefault(name(row), []).append(bool(fired))
        kept = {key: own for key, own in groups.items() if len(own) >= LEAST_ROWS}
        ranked = sorted(kept, key=lambda key: -float(np.mean(kept[key])))
        return {key: f"{np.mean(kept[key]):.3f} of {len(kept[key])}" for key in ranked}


def judged(model: str, rows: Sequence[Example]) -> Judged:
    """The rows as the service judges them, each as its kind is read."""
    params = ExemplarParams(model=model)
    detector, thresholds = Injection.build(params), Injection.labels_of(params)
    parts = [PARTS[row.kind] for row in rows]
    found = findings_of(detector, [row.text for row in rows], parts=parts)
    scores = np.asarray([max((each.score for each in own if each.label in JUDGED), default=0.0) for own in found])
    limits = np.asarray([thresholds[DIRECT if part is Part.USER else INDIRECT] for part in parts])
    return Judged(rows, scores, scores >= limits)


def script_of(row: Example) -> str:
    """The script of most of a text's letters, by the first word of their names."""
    letters = [unicodedata.name(each, "?").split(" ")[0] for each in row.text[:400] if each.isalpha()]
    return max(set(letters), key=letters.count) if letters else "none"


def figures(all_rows: Judged) -> dict[str, Any]:
    """The table's figures: costs of harmless text, then what is found."""
    harmless = all_rows.where(lambda row: _label(row) == 0)
    user = harmless.where(lambda row: PARTS[row.kind] is Part.USER)
    foreign = harmless.where(lambda row: PARTS[row.kind] is not Part.USER)
    many = harmless.where(lambda row: row.language not in ("en", "und"))
    attacks = all_rows.where(lambda row: _label(row) == 1)
    return {
        "user": _costs(user),
        "foreign": _costs(foreign),
        "languages": {"all": many.share(), "by language": many.by(_language), "by script": many.by(script_of)},
        "attacks in documents": _found(attacks, all_rows, foreign=True),
        "direct attacks": _found(attacks, all_rows, foreign=False),
    }


def _label(row: Example) -> int:
    return int(row.injection[0]) if row.injection is not None else -1


def _language(row: Example) -> str:
    return row.language


def _costs(rows: Judged) -> dict[str, Any]:
    return {
        "all": rows.share(),
        "unseen sources": rows.where(is_unseen).share(),
        "by kind": rows.by(lambda row: row.kind),
        f"above {LONG} characters": rows.where(lambda row: len(row.text) > LONG).share(),
        "unseen above": rows.where(lambda row: len(row.text) > LONG and is_unseen(row)).share(),
        "highest sources": dict(list(rows.by(lambda row: origin(row.source)).items())[:12]),
    }


def _found(attacks: Judged, everything: Judged, *, foreign: bool) -> dict[str, Any]:
    def here(row: Example) -> bool:
        return (PARTS[row.kind] is not Part.USER) == foreign

    own, both = attacks.where(here), everything.where(lambda row: here(row) and is_unseen(row))
    truth = np.asarray([_label(row) == 1 for row in both.rows], dtype=bool)
    return {
        "all": own.share(),
        "unseen sources": own.where(is_unseen).share(),
        "AUC of unseen sources": auc(both.scores, truth),
        "by source": own.by(lambda row: origin(row.source)),
        "by language": own.by(_language),
    }


def _show(values: Mapping[str, Any], depth: int = 0) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping):
            print("  " * depth + f"{name}:")
            _show(value, depth + 1)
        else:
            print("  " * depth + f"{name}: {value}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection2/")
    parser.add_argument("--model", default="tidegate-encoder", help="a model's name, or its folder")
    parser.add_argument("--every", type=int, default=1, help="every n-th row only")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    arguments = parser.parse_args()
    found = figures(judged(arguments.model, second_examples(arguments.data)[:: arguments.every]))
    _show(found)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
