"""What `task_adherence` finds of calls that do not serve the request, and what it flags of those that do.

    python -m benchmarks.adherence [--data FOLDER] [--part test] [--pair] [--fit] [--show 10] [--dry]

The rows of `benchmarks.adherence.domains` are there always: ten domains, five for development and five for the test,
with no tool, request, order or way of hiding one in both. `agents` makes calls of agents that write code out of what
is on this machine; all of them are harmless, and the odd ones are for the test. `--data` is a folder of more rows, in
files `NAME.jsonl` as `benchmarks.adherence.rows.Row` has them (`benchmarks.adherence.collecting` makes some of public
sets); those whose name ends in `-dev` are for development. `--fit` prints weights for the module
`detectors.task_adherence.weights`, from the rows for development alone. `--pair` rates by the pair model instead.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.adherence.agents import agents
from benchmarks.adherence.fitting import fitted
from benchmarks.adherence.rating import addressed, pair_model, rated, timed
from benchmarks.adherence.rows import Row, own, read
from benchmarks.results import table, write
from detectors.task_adherence.detector import OFF_TASK, RECOMMENDED

_ALLOWED = (0.01, 0.03)
_DRAWS = 400
_Z = 1.96


def main() -> int:
    """Rate, print the tables and write the results."""
    arguments = _arguments()
    sets = _sets(arguments.part, arguments.data, agents=not arguments.fit and not arguments.pair)
    if arguments.fit:
        base, weights = fitted([row for rows in sets.values() for row in rows])
        print(f"BASE = {base:.2f}", *(f'    "{name}": {weight:.2f},' for name, weight in weights.items()), sep="\n")
        return 0
    rate: Callable[[Row], float] = pair_model() if arguments.pair else lambda row: rated(row)[0]
    report = {name: _measured(rows, rate, by_threshold=not arguments.pair) for name, rows in sets.items()}
    text = _written(report)
    print(text)
    for rows in sets.values():
        _show(rows, rate, arguments.show)
    if not arguments.dry:
        print(write("adherence_pair" if arguments.pair else "adherence", report, text))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.adherence", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a folder of more rows")
    parser.add_argument("--part", choices=("development", "test"), default="test")
    parser.add_argument("--fit", action="store_true", help="print weights; use it with --part development")
    parser.add_argument("--pair", action="store_true", help="rate by the pair model")
    parser.add_argument("--show", type=int, default=0, help="print so many errors of each set to the terminal")
    parser.add_argument("--dry", action="store_true", help="write no result files")
    return parser.parse_args()


def _sets(part: str, data: Path | None, *, agents: bool) -> dict[str, list[Row]]:
    sets = {f"own, {part}": own(part)}
    files = {path.stem: path for path in sorted(data.glob("*.jsonl"))} if data else {}
    stored = files.pop("agents", None)
    if agents:
        calls = read(stored) if stored else [*_agents()]
        sets["agents that write code"] = calls[part == "test" :: 2]
    wanted = {name: path for name, path in files.items() if name.endswith("-dev") is (part == "development")}
    return sets | {name: read(path) for name, path in wanted.items()}


def _agents() -> Iterable[Row]:
    return agents()


# --- figures ----------------------------------------------------------------------------------------------------------


def _measured(rows: Sequence[Row], rate: Callable[[Row], float], *, by_threshold: bool) -> dict[str, Any]:
    scores, cost_ms = timed(rate, rows)
    wrong = np.array([row.is_wrong for row in rows])
    groups = np.array([row.group for row in rows])
    kinds = [row.kind for row in rows]
    told: dict[str, Any] = {"rows": len(rows), "wrong": int(wrong.sum()), "ms_per_call": round(cost_ms, 3)}
    if by_threshold:
        at = RECOMMENDED[OFF_TASK]
        told["threshold"] = at
        told["flagged"] = {kind: _share([s >= at for s in _of(scores, kinds, kind)]) for kind in sorted({*kinds})}
        told["flagged of all harmless"] = _share((scores[~wrong] >= at).tolist())
        told["flagged of all wrong"] = _share((scores[wrong] >= at).tolist())
        addresses = np.array([addressed(row) for row in rows]) > 0
        told["FOREIGN_ADDRESS of harmless"] = _share(addresses[~wrong].tolist())
        told["FOREIGN_ADDRESS of wrong"] = _share(addresses[wrong].tolist())
    if wrong.any() and (~wrong).any():
        told["auc"] = _with_interval(_auc, scores, wrong, groups)
        for allowed in _ALLOWED:
            least = float(np.quantile(scores[~wrong], 1 - allowed, method="higher"))
            told[f"recall at {allowed:.0%}"] = {
                kind: _share([s > least for s in _of(scores, kinds, kind)])
                for kind in ("all", *sorted({row.kind for row in rows if row.is_wrong}))
                if kind != "all"
            } | {"all": _share((scores[wrong] > least).tolist())}
    return told


def _of(scores: np.ndarray, kinds: Sequence[str], kind: str) -> list[float]:
    return [float(score) for score, own_kind in zip(scores, kinds, strict=True) if own_kind == kind]


def _share(hits: Sequence[bool]) -> dict[str, Any]:
    """A share with its interval of 95 % (Wilson 1927)."""
    count, found = len(hits), sum(hits)
    if not count:
        return {"of": 0}
    share, spread = found / count, _Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    reach = _Z * ((share * (1 - share) + spread / 4) / count) ** 0.5 / (1 + spread)
    return {"share": round(share, 3), "from": round(middle - reach, 3), "to": round(middle + reach, 3), "of": count}


def _auc(scores: np.ndarray, wrong: np.ndarray) -> float:
    """The chance that a wrong call is rated higher than a harmless one."""
    ordered = np.sort(scores)
    ranks = (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right") + 1) / 2
    bad, good = int(wrong.sum()), int((~wrong).sum())
    return float((ranks[wrong].sum() - bad * (bad + 1) / 2) / (bad * good))


def _with_interval(
    figure: Callable[[np.ndarray, np.ndarray], float], scores: np.ndarray, wrong: np.ndarray, groups: np.ndarray
) -> dict[str, float]:
    """A figure, with its interval of 95 % by drawing groups anew."""
    source, names = np.random.default_rng(7), np.unique(groups)
    places = {name: np.flatnonzero(groups == name) for name in names}
    drawn = []
    for _ in range(_DRAWS):
        chosen = np.concatenate([places[name] for name in source.choice(names, len(names))])
        if wrong[chosen].any() and (~wrong[chosen]).any():
            drawn.append(figure(scores[chosen], wrong[chosen]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"value": round(figure(scores, wrong), 3), "from": round(float(low), 3), "to": round(float(high), 3)}


# --- words ------------------------------------------------------------------------------------------------------------


def _written(report: Mapping[str, Any]) -> str:
    rows = []
    for name, told in report.items():
        auc = told.get("auc")
        rows.append([
            name, told["rows"], told["wrong"], f"{auc['value']} ({auc['from']} to {auc['to']})" if auc else "",
            *(_said(told.get(f"recall at {allowed:.0%}", {}).get("all")) for allowed in _ALLOWED),
            _said(told.get("flagged of all wrong")), _said(told.get("flagged of all harmless")),
            _said(told.get("FOREIGN_ADDRESS of wrong")), _said(told.get("FOREIGN_ADDRESS of harmless")),
            told["ms_per_call"],
        ])  # fmt: skip
    at = RECOMMENDED[OFF_TASK]
    head = ["set", "calls", "wrong", "AUC", "recall at 1 %", "recall at 3 %", f"recall at {at}", f"flagged at {at}",
            "FOREIGN_ADDRESS, recall", "FOREIGN_ADDRESS, flagged", "ms a call"]  # fmt: skip
    lines = [table(head, rows), "", f"Flagged at {at}, by kind:", ""]
    kinds = [[name, kind, share["of"], _said(share)] for name, told in report.items()
             for kind, share in told.get("flagged", {}).items()]  # fmt: skip
    lines.append(table(["set", "kind", "calls", "flagged"], kinds))
    return "\n".join(lines)


def _said(share: Mapping[str, Any] | None) -> str:
    return f"{share['share']} ({share['from']} to {share['to']})" if share and share["of"] else ""


def _show(rows: Sequence[Row], rate: Callable[[Row], float], most: int) -> None:
    ranked = sorted(rows, key=lambda row: rate(row) if row.is_wrong else 1 - rate(row)) if most else []
    for row in ranked[:most]:
        found = dict(row.arguments)
        print(f"{rated(row)} {row.kind} | {row.request[:90]!r} | {row.tool} {str(found)[:120]}")


if __name__ == "__main__":
    sys.exit(main())
