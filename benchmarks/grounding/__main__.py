"""Grounding as it is served: what it finds, with its evidence buried in a long context, and what a sentence costs.

    python -m benchmarks.grounding --data FOLDER [--model NAME] [--sets snli,mnli] [--rows N]

FOLDER has `dev.jsonl.gz` and `test_*.jsonl.gz` with rows `{context, claim, label, spans?}`. Three tables:

* quality: the area under the ROC curve of supported against the rest, for word overlap, the pair model alone and the
  detector, for a claim as one and for its least supported sentence; of dev only what people labelled;
* buried: the detector's, for the same claims with their evidence among 0 to 199 unrelated documents;
* cost: processor time, pairs and tokens of one sentence as served, for 1 to 200 documents, beside reading all that was
  chosen for it, and the whole context.

With matplotlib installed (the extra `report`) the last two are drawn as well.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.grounding.buried import SIZES, measure_buried
from benchmarks.grounding.cost import measure_cost
from benchmarks.grounding.detector import load
from benchmarks.grounding.plots import draw
from benchmarks.grounding.quality import LIMITS, measure_quality
from benchmarks.results import table, write

_DEFAULT_DATA = Path("data/grounding")
_WHOLE = 100
"""From here on figures are shown without decimals."""
_BURIED_SETS = ("snli", "mnli", "fm2", "factscore")


def main() -> int:
    """Run, print the tables and write the results; exit status 1 when a figure that must hold does not."""
    arguments = _arguments()
    if not (arguments.data / "dev.jsonl.gz").exists():
        print(f"no dev.jsonl.gz in {arguments.data}: pass --data FOLDER", file=sys.stderr)
        return 0 if arguments.data == _DEFAULT_DATA else 2
    recorder = load(arguments.model)
    sets = arguments.sets.split(",") if arguments.sets else list(LIMITS)
    quality = {name: measure_quality(recorder, arguments.data, name, arguments.rows) for name in sets}
    names = arguments.buried.split(",")
    buried = {name: measure_buried(recorder, arguments.data, name, arguments.buried_rows) for name in names}
    cost = measure_cost(recorder, arguments.data, arguments.cost_claims)
    figures = {"model": recorder.identity, "quality": quality, "buried": buried, "cost": cost}
    text = _text(figures)
    print(text)
    print(write("grounding", figures, text))
    print(draw(figures))
    return 0 if all(each["auc"] >= each["must"] for each in quality.values()) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.grounding",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=_DEFAULT_DATA, help="the folder with the rows")
    parser.add_argument("--model", default="tidegate-grounding", help="a model's name, or its folder")
    parser.add_argument("--sets", help=f"of {', '.join(LIMITS)}; default all")
    parser.add_argument("--rows", type=int, default=0, help="at most so many rows a set, drawn at random; default all")
    parser.add_argument("--buried", default=",".join(_BURIED_SETS), help="the sets to bury")
    parser.add_argument("--buried-rows", type=int, default=150, help="how many claims of each")
    parser.add_argument("--cost-claims", type=int, default=20, help="how many claims to time")
    return parser.parse_args()


def _text(figures: Mapping[str, Any]) -> str:
    return "\n\n".join(
        [
            f"Grounding with {figures['model']}: AUC of supported against the rest.",
            _quality_table(figures["quality"]),
            "The same claims with their evidence among unrelated documents: AUC.",
            _buried_table(figures["buried"]),
            "Processor milliseconds: the index once a stream; a sentence as served, and what of it goes to words; with "
            "every piece of evidence read; with the whole context read.",
            _cost_table(figures["cost"]),
        ]
    )


def _quality_table(quality: Mapping[str, Any]) -> str:
    head = ["set", "rows", "word overlap", "pair model", "detector", "least sentence", "must", "aim", "pairs a claim"]
    rows = [
        [name, each["rows"], *(f"{each[key]:.3f}" for key in ("overlap", "model", "auc", "least_auc")),
         *(each[key] or "-" for key in ("must", "aim")), each["pairs"]]
        for name, each in quality.items()
    ]  # fmt: skip
    return table(head, rows)


def _buried_table(buried: Mapping[str, Any]) -> str:
    head = ["set", "rows", *(f"{size + 1} documents" for size in SIZES)]
    areas = {name: [f"{point['auc']:.3f}" for point in each["points"]] for name, each in buried.items()}
    return table(head, [[name, each["rows"], *areas[name]] for name, each in buried.items()])


def _cost_table(cost: Sequence[Mapping[str, float | None]]) -> str:
    head = ["documents", "index", "sentence", "words", "pairs", "tokens", "all evidence", "pairs of it", "tokens of it"]
    head += ["whole context", "tokens of it"]
    keys = ("index_ms", "sentence_ms", "words_ms", "pairs", "tokens", "all_ms", "all_pairs", "all_tokens",
            "whole_ms", "whole_tokens")  # fmt: skip
    rows = [[round(each["documents"] or 0), *(_shown(each[key]) for key in keys)] for each in cost]
    return table(head, rows)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.{0 if value >= _WHOLE else 1}f}"


if __name__ == "__main__":
    sys.exit(main())
