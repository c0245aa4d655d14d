"""`tidegate eval`: how good a detector is on labelled rows, as the service runs it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from detectors import registry
from detectors.base import DetectorError
from detectors.parts import parts_of
from sidecar.cli.options import LOG, logged
from sidecar.errors import TidegateError
from sidecar.outbox.event import Data
from sidecar.outbox.reader import read_file
from workbench.evaluation.labelled import NEEDS, labelled
from workbench.evaluation.plots import write_plots
from workbench.evaluation.report import Report, Subject
from workbench.evaluation.rows import read_rows
from workbench.evaluation.tasks import TASKS, Task, data_sets

_SHOWN = (
    "auc",
    "auprc",
    "recall_at_1pct_fpr",
    "f1",
    "precision",
    "recall",
    "fpr",
    "accuracy",
    "macro_f1",
    "balanced_accuracy",
    "threshold",
    "seconds_per_1000_chars",
)


@click.command("eval")
@click.argument("detector", required=False, type=click.Choice(sorted(TASKS)))
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="A file of rows; with --all, the folder of all sets.",
)
@click.option("--all", "is_all", is_flag=True, help="Every detector on every development and test set below --data.")
@click.option("--model", help="Another model than the shipped one.")
@click.option("--limit", type=click.IntRange(min=1), help="Read at most this many rows of a file.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="One threshold for all labels instead of the recommended ones."
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="Labels, and the events that they are about: rows are then {event, text}. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
@click.option(
    "--scores",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a row of scores for each row read, in order.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write figures as JSON and Markdown into this folder, and plots as PNG.",
)
@LOG
def evaluate(
    detector: str | None,
    data: Path,
    is_all: bool,
    model: str | None,
    limit: int | None,
    threshold: float | None,
    labels: tuple[Path, ...],
    as_json: bool,
    scores: Path | None,
    report: Path | None,
    log: str | None,
) -> None:
    """Measure a detector on labelled rows (JSON lines, plain or .gz), run as the service runs it.

    Example: tidegate eval injection --data dev.jsonl.gz --json
    """
    if labels and is_all:
        raise click.UsageError("--labels judge the texts of one detector: leave out --all")
    runs = _runs(detector, data, is_all)
    results: dict[str, dict[str, Any]] = {}
    for name, path in runs:
        outcome = _run(name, path, labels, model=model, limit=limit, threshold=threshold)
        title = f"{name}/{path.name.split('.')[0]}" if is_all else name
        results[title] = outcome.figures
        if scores is not None:
            _write_scores(scores, outcome)
        if report is not None:
            write_plots(report, title.replace("/", "-"), outcome.curves)
    if report is not None:
        _write_report(report, results)
    if as_json:
        click.echo(json.dumps(results if is_all else next(iter(results.values())), indent=2))
    else:
        click.echo(_table(results))
    for (name, path), (title, figures) in zip(runs, results.items(), strict=True):
        params = {"detector": name, "data": path.name, "model": model, "limit": limit, "threshold": threshold}
        logged(log, f"eval {title}", params, figures)


def _runs(detector: str | None, data: Path, is_all: bool) -> list[tuple[str, Path]]:
    if is_all:
        if detector or data.is_file():
            raise click.UsageError("--all takes a folder with --data, and no detector")
        found = [(name, path) for name, task in TASKS.items() for path in data_sets(data, task)]
        if not found:
            raise click.UsageError(f"there are no sets below {data}: expected e.g. injection/dev.jsonl.gz")
        return found
    if detector is None or data.is_dir():
        raise click.UsageError("name a detector and a file, or use --all with a folder")
    return [(detector, data)]


def _run(
    name: str, path: Path, labels: Sequence[Path], *, model: str | None, limit: int | None, threshold: float | None
) -> Report:
    task = TASKS[name]
    if labels:
        rows = labelled(name, read_rows(path, needs=NEEDS, limit=limit), asyncio.run(_events(labels)))
    else:
        rows = read_rows(path, needs=task.needs, limit=limit)
    subject = _subject(name, task, path, model, threshold)
    began = time.process_time()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        work = bar.add_task(f"{name} {path.name}", total=len(rows))
        outcome = task.evaluate(subject, rows, lambda done: bar.advance(work, done))
    chars = sum(len(row.get("text", "")) for row in rows)
    if chars:
        outcome.figures["seconds_per_1000_chars"] = (time.process_time() - began) / chars * 1000
    return outcome


async def _events(files: Sequence[Path]) -> list[Data]:
    return [read.data for file in files async for read in read_file(file) if read.data is not None]


def _subject(name: str, task: Task, path: Path, model: str | None, threshold: float | None) -> Subject:
    kind = registry.get(name)
    try:
        params = kind.params.model_validate(_params(task, model))
        parts = [part.build() for part in parts_of(kind, params)]
        thresholds = kind.labels_of(params)
    except (DetectorError, ValidationError) as error:
        raise TidegateError(f"{name}: {error}") from error
    return Subject(parts, thresholds if threshold is None else dict.fromkeys(thresholds, threshold), path)


def _params(task: Task, model: str | None) -> dict[str, Any]:
    return {**task.params, **({"model": model} if model else {})}


def _write_scores(path: Path, outcome: Report) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in outcome.scores)


def _write_report(folder: Path, results: Mapping[str, Mapping[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "eval.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (folder / "eval.md").write_text(_table(results) + "\n", encoding="utf-8")


def _table(results: Mapping[str, Mapping[str, Any]]) -> str:
    shown = [key for key in _SHOWN if any(figures.get(key) is not None for figures in results.values())]
    lines = ["| set | rows | " + " | ".join(shown) + " |", "| --- " * (len(shown) + 2) + "|"]
    for name, figures in results.items():
        cells = [_cell(figures.get(key)) for key in shown]
        lines.append(f"| {name} | {figures['rows']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
