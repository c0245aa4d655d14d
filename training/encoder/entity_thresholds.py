"""Chooses the recommended thresholds of the tag head on the dev set, for the detector as it is served.

    python -m training.encoder.entity_thresholds --data DATA --model MODEL_DIR [--every N] [--dry-run]

Runs in the service's environment, after `card.py`. What `calibrate.py` sees are the model's windows; the service cuts
segments, finds the likeliest path through the tags and cleans the edges of what it finds.

1. The detector reads the dev rows that the licence rule allows, and reports everything it sees.
2. For each label the threshold is the one with the best mean of its F1 on real text and on own templates, of those that
   annotate it. Between equals the highest is taken: nothing is gained by a lower one.
3. Rows without personal data must stay silent: while more than `MOST_FLAGGED` of them are flagged, the threshold of the
   label that flags most of them rises a step.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from detectors.pii.detector import Pii, PiiParams
from detectors.types import Finding
from training.encoder.card_file import write_thresholds
from training.encoder.rows import Example, pii_examples
from workbench.evaluation.segments import findings_of
from workbench.evaluation.spans import OVERLAP, Span, hits

GRID = tuple(round(0.3 + 0.02 * step, 2) for step in range(34))
MOST_FLAGGED = 0.005

Thresholds = dict[str, float]


class Read(NamedTuple):
    """A dev row and what the detector saw in it."""

    example: Example
    found: list[Finding]

    @property
    def is_own(self) -> bool:
        """Whether the row was made from templates."""
        return self.example.source.startswith("synthetic")

    def annotates(self, label: str) -> bool:
        """Whether the row's source has spans of this label."""
        return self.example.entity_labels is None or label in self.example.entity_labels


def read_rows(model: Path, examples: Sequence[Example]) -> tuple[list[Read], list[str]]:
    """What the detector with this model sees in each row, and its labels."""
    detector = Pii.parts(PiiParams(model=str(model.resolve())))[1].build()
    found = findings_of(detector, [example.text for example in examples])
    return [Read(*pair) for pair in zip(examples, found, strict=True)], sorted(detector.labels)


def f1(rows: Sequence[Read], label: str, threshold: float) -> float:
    """Span F1 of one label at an overlap of 0.5."""
    right = found_count = annotated_count = 0
    for row in rows:
        annotated = [Span(start, end) for start, end, name in row.example.entities or () if name == label]
        found = [Span(each.start, each.end) for each in row.found if each.label == label and each.score >= threshold]
        right += hits(annotated, found, least=OVERLAP)
        found_count, annotated_count = found_count + len(found), annotated_count + len(annotated)
    return 2 * right / max(found_count + annotated_count, 1)


def best(rows: Sequence[Read], label: str) -> float:
    """The threshold of the best F1."""
    annotated = [row for row in rows if row.annotates(label)]
    groups = [group for own in (False, True) if (group := [row for row in annotated if row.is_own == own])]
    return max(GRID, key=lambda threshold: (sum(f1(group, label, threshold) for group in groups), threshold))


def silenced(rows: Sequence[Read], thresholds: Thresholds) -> Thresholds:
    """The thresholds, raised until rows without personal data are left alone."""
    empty = [row for row in rows if row.is_own and not row.example.entities]
    raised = dict(thresholds)
    while True:
        firing = [{each.label for each in row.found if each.score >= raised[each.label]} for row in empty]
        labels = Counter(label for own in firing for label in own if raised[label] < GRID[-1])
        if not labels or sum(map(bool, firing)) <= MOST_FLAGGED * len(empty):
            return raised
        worst = labels.most_common(1)[0][0]
        raised[worst] = round(raised[worst] + 0.02, 2)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with pii/dev.jsonl.gz")
    parser.add_argument("--model", type=Path, required=True, help="model folder, with its card")
    parser.add_argument("--every", type=int, default=1, help="read every n-th dev row only")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    arguments = parser.parse_args()
    rows, labels = read_rows(arguments.model, pii_examples(arguments.data, "dev")[:: arguments.every])
    chosen = {label: best(rows, label) for label in labels}
    thresholds = silenced(rows, chosen)
    for label, threshold in thresholds.items():
        judged = [row for row in rows if row.annotates(label)]
        print(f"{label:14} {threshold:.2f} (best {chosen[label]:.2f})  F1 {f1(judged, label, threshold):.3f}")
    if not arguments.dry_run:
        write_thresholds(arguments.model, "pii", thresholds)


if __name__ == "__main__":
    main()
