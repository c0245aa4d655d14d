"""Precision, recall, F1 and F2 of the `pii` detector beside default Presidio.

    python -m benchmarks.pii_quality --data FOLDER [--presidio-python PATH]

FOLDER has files `test_*.jsonl.gz`, a row of which is `{"text", "entities": [{"start", "end", "label"}], "source"}` with
offsets in code points, and `label_coverage.json`: for each source the labels that were annotated, or "all". Files named
`*hard_negatives*` hold no personal data; each row in which anything is found there is a false alarm. The detector's
findings count from its recommended thresholds on, Presidio's from 0, as it comes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pii_quality.scoring import Counts, Row, Span, Tally, read_rows
from benchmarks.presidio import PresidioRun, run_presidio
from benchmarks.results import table, write
from detectors.pii.detector import Pii, PiiParams

MUST_NOT_LOSE = (*("CREDIT_CARD", "IBAN_CODE", "EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "IP_ADDRESS", "CRYPTO"),)
"""Labels whose recall must not be below Presidio's."""
MOST_FALSE_ALARMS = 20


def main() -> int:
    """Run, print the tables and write the results; exit status 1 when a figure that must hold does not."""
    arguments = _arguments()
    files = sorted(arguments.data.glob("test_*.jsonl.gz"))
    if not files:
        print(f"no test_*.jsonl.gz below {arguments.data}: pass --data FOLDER", file=sys.stderr)
        return 0 if arguments.data == _DEFAULT_DATA else 2
    coverage = json.loads((arguments.data / "label_coverage.json").read_text(encoding="utf-8"))
    rows = {path.name.removesuffix(".jsonl.gz"): read_rows(path, arguments.limit) for path in files}
    everything = [row for each in rows.values() for row in each]
    ours = _ours(everything)
    presidio = run_presidio(arguments.presidio_python, [row.text for row in everything])
    theirs = [[Span(*span) for span in spans] for spans in presidio.spans] if presidio else None
    report = _report(rows, coverage, ours, theirs)
    figures = {"presidio": presidio.versions if presidio else None, **report}
    text = _text(report, presidio)
    print(text)
    print(write("pii_quality", figures, text))
    return 0 if all(report["holds"].values()) else 1


_DEFAULT_DATA = Path("data/pii")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pii_quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=_DEFAULT_DATA, help="the folder with the test files")
    parser.add_argument("--presidio-python", default=sys.executable, help="an interpreter that has Presidio and spaCy")
    parser.add_argument("--limit", type=int, help="at most this many rows of each file")
    return parser.parse_args()


def _ours(rows: Sequence[Row]) -> list[list[Span]]:
    params = PiiParams()
    scanner, thresholds = Pii.build(params), Pii.labels_of(params)
    found = (scanner.start().advance(row.text, 0, is_final=True) for row in rows)
    return [
        [
            Span(each.start, each.end, each.label, each.score)
            for each in findings
            if each.score >= thresholds[each.label]
        ]
        for findings in found
    ]


def _report(
    files: Mapping[str, Sequence[Row]],
    coverage: Mapping[str, Sequence[str] | str],
    ours: Sequence[list[Span]],
    theirs: Sequence[list[Span]] | None,
) -> dict[str, Any]:
    labels = set(Pii.build(PiiParams()).labels)
    systems = {"tidegate": ours, **({"presidio": theirs} if theirs is not None else {})}
    report: dict[str, Any] = {"files": {name: len(rows) for name, rows in files.items()}, "labels": {}, "alarms": {}}
    for system, predictions in systems.items():
        tally, alarms = _tally(files, coverage, predictions, labels)
        report["labels"][system] = {label: _figures(tally.counts[label]) for label in sorted(tally.counts)}
        report["alarms"][system] = alarms
    report["holds"] = _holds(report)
    return report


def _tally(
    files: Mapping[str, Sequence[Row]],
    coverage: Mapping[str, Sequence[str] | str],
    predictions: Sequence[list[Span]],
    labels: set[str],
) -> tuple[Tally, dict[str, Any]]:
    """Counts of the labels that we look for, and the rows without personal data in which something was found."""
    tally = Tally(coverage)
    flagged, by_label = 0, Counter[str]()
    remaining = iter(predictions)
    for name, rows in files.items():
        for row, spans in zip(rows, remaining, strict=False):
            tally.add(row, spans)
            if "hard_negatives" in name:
                flagged += bool(spans)
                by_label.update({span.label for span in spans})
    tally.counts = {label: counts for label, counts in tally.counts.items() if label in labels}
    rows_without = sum(len(rows) for name, rows in files.items() if "hard_negatives" in name)
    return tally, {"rows": rows_without, "flagged": flagged, "by_label": dict(by_label.most_common())}


def _figures(counts: Counts) -> dict[str, float]:
    return {
        "spans": counts.hits + counts.missed,
        "precision": round(counts.precision, 4),
        "recall": round(counts.recall, 4),
        "f1": round(counts.f(1), 4),
        "f2": round(counts.f(2), 4),
        "false": counts.false,
    }


def _holds(report: Mapping[str, Any]) -> dict[str, bool]:
    holds = {"false alarms": report["alarms"]["tidegate"]["flagged"] <= MOST_FALSE_ALARMS}
    theirs = report["labels"].get("presidio", {})
    for label in MUST_NOT_LOSE:
        if label in theirs:
            holds[f"recall {label}"] = report["labels"]["tidegate"][label]["recall"] >= theirs[label]["recall"]
    return holds


def _text(report: Mapping[str, Any], presidio: PresidioRun | None) -> str:
    ours, theirs = report["labels"]["tidegate"], report["labels"].get("presidio", {})
    head = ["label", "spans", "P", "R", "F1", "F2", "Presidio P", "R", "F1", "F2"]
    measures = ("precision", "recall", "f1", "f2")
    rows = [
        [
            label,
            each["spans"],
            *(each[name] for name in measures),
            *(theirs.get(label, {}).get(n, "-") for n in measures),
        ]
        for label, each in ours.items()
        if each["spans"]
    ]
    alarms = [[name, each["flagged"], each["rows"]] for name, each in report["alarms"].items()]
    versions = ", ".join(f"{name} {version}" for name, version in presidio.versions.items()) if presidio else "not run"
    return "\n".join(
        (
            f"Rows: {', '.join(f'{name} {count}' for name, count in report['files'].items())}. Presidio: {versions}.",
            "A hit: same label, intersection over union at least 0.5, one to one.",
            "",
            table(head, rows),
            "",
            "Rows without personal data in which something was found:",
            "",
            table(["system", "flagged", "of"], alarms),
            "",
            "Must hold: " + ", ".join(f"{name}: {'yes' if kept else 'NO'}" for name, kept in report["holds"].items()),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
