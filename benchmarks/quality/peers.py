"""Other tools over the same sets: each runs in an interpreter of its own that has it, and is judged by the same code.

A program `run_NAME.py` beside this one stands alone. It reads JSON strings, one a line, and writes what ran, and then a
line for each: `{"scores": {label: score}, "seconds": s}`, or instead of scores `"spans": [[start, end, label, score]]`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality.sets import LabelledSet
from detectors.pii.detector import Pii, PiiParams
from detectors.types import Finding
from workbench.evaluation.report import Subject
from workbench.evaluation.spans import SpanFigures, read_coverage
from workbench.evaluation.tasks import TASKS

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Peer:
    """A tool, which head it is comparable with, and what its makers say to take as found."""

    program: Path
    head: str
    threshold: float = 0.5


PEERS: Mapping[str, Peer] = {
    "presidio": Peer(HERE.parent / "pii_quality" / "presidio_run.py", "pii", 0.0),
    "nanoguard": Peer(HERE / "run_nanoguard.py", "injection"),
    "jailguard": Peer(HERE / "run_jailguard.py", "injection"),
    "toxblock": Peer(HERE / "run_toxblock.py", "toxicity"),
}


class PeerFailed(Exception):  # noqa: N818 - it is what it says
    """The tool did not run; the message is its last words."""


@dataclass(frozen=True)
class Answers:
    """What a tool said of texts, in order, and what it is."""

    versions: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]


def ask(name: str, python: str, texts: Sequence[str]) -> Answers:
    """Run a tool over the texts, without network access to anything but this machine. Raises `PeerFailed`."""
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    program = str(PEERS[name].program)
    done = subprocess.run([python, program], input=lines, capture_output=True, text=True, env=environment, check=False)
    answers = done.stdout.splitlines()
    if done.returncode != 0 or len(answers) != len(texts) + 1:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise PeerFailed(f"{name}: {words[-1] if words else 'no answer'}")
    head, *rows = map(json.loads, answers)
    return Answers(head, rows)


def judged(name: str, one: LabelledSet, answers: Answers) -> dict[str, Any]:
    """The figures of a tool's answers for one set."""
    peer = PEERS[name]
    figures = _spans(one, answers) if peer.head == "pii" else _scores(peer, one, answers)
    chars = sum(len(row["text"]) for row in one.rows)
    seconds = sum(row["seconds"] for row in answers.rows)
    return {**figures, "cpu_ms_per_1000_chars": 1e6 * seconds / chars}


def _scores(peer: Peer, one: LabelledSet, answers: Answers) -> dict[str, Any]:
    labels = sorted({label for row in answers.rows for label in row["scores"]})
    thresholds = dict.fromkeys(labels, peer.threshold)
    recorded = _Recorded((row["text"], answer["scores"]) for row, answer in zip(one.rows, answers.rows, strict=True))
    return TASKS[peer.head].evaluate(Subject([recorded], thresholds, one.path), one.rows, lambda _: None).figures


def _spans(one: LabelledSet, answers: Answers) -> dict[str, Any]:
    """Span figures of the labels that Tidegate looks for too; any label counts where nothing should be found."""
    labels = set(Pii.labels_of(PiiParams()))
    figures = SpanFigures(read_coverage(one.path, one.rows), sorted(labels))
    flagged = 0
    for row, answer in zip(one.rows, answers.rows, strict=True):
        findings = [Finding(start, end, label, score) for start, end, label, score in answer["spans"]]
        figures.add(row, [each for each in findings if each.label in labels])
        flagged += bool(findings) and not row["entities"]
    made = figures.figures()
    return {**made, "empty": {**made["empty"], "flagged": flagged}}


class _Recorded:
    """Answers in a pattern scanner's form, so that what judges Tidegate judges them: by text, over the whole of it."""

    name = "recorded"
    look_behind = look_ahead = 0

    def __init__(self, answers: Iterator[tuple[str, Mapping[str, float]]]) -> None:
        self._scores = dict(answers)
        self.labels = frozenset(label for scores in self._scores.values() for label in scores)
        self.cleared = 0

    def start(self) -> _Recorded:
        """Itself: it has no state."""
        return self

    def advance(self, text: str, offset: int, *, is_final: bool) -> list[Finding]:
        """A finding over the whole text for each label."""
        return [Finding(0, len(text), label, score) for label, score in self._scores[text].items()]
