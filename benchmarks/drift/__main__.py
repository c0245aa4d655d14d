"""Measures drift detection: false alarms where nothing changed, and the delay where a share of the queries did.

    python -m benchmarks.drift --data FOLDER [--cache FILE] [--windows N] [--runs N]
    python -m benchmarks.drift --made-up [--windows N]

FOLDER holds `*.jsonl.gz` files of rows `{"text", "topic"}`. Each text is encoded once by the shipped model, as the
service does it. An application is a mixture of five topics, drawn anew for each run; its queries are drawn from the
texts of those topics. A shift of a share s gives each query with probability s a text of one topic that the
application never had. It begins anywhere in a window. All is judged by the code that the service runs
(`sidecar.drift.groups`), at the settings' defaults but for the window's length.

The delay counts queries from the first that may be of the new topic to the last of the window that is told of.

One false alarm in 10,000 windows is seen in very many windows only: `--made-up` counts them alone, over texts that are
random numbers around their topic's, of 16 dimensions, as that takes less time. Its results are `drift_alarms`.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import table, write
from detectors.base import BatchItem
from detectors.models.encoded import DEFAULT_MODEL, shared_encoder
from sidecar.drift.groups import compared
from sidecar.drift.reading import UNCLEAR, Reading, TextReader
from sidecar.drift.samples import Sample
from sidecar.drift.settings import DriftSettings

SEED = 7
SHARES = (0.05, 0.1, 0.2, 0.4, 1.0)
WINDOWS = (125, 250)
GOAL_QUERIES = 500
MIX = 5
PER_TOPIC = 200
BATCH = 64
MOST_WINDOWS = 8
CALIBRATION = 0.01
WINDOWS_OF_A_REFERENCE = 10
MADE_UP_TOPICS = 47
MADE_UP_WIDTH = 16
Z = 1.96


class Texts:
    """Encoded texts by topic: what the model calls each, and where it puts it."""

    def __init__(self, names: Sequence[str], vectors: np.ndarray, topics: Sequence[str]) -> None:
        self._names = np.asarray(names)
        self._vectors = vectors
        self._of = {topic: np.flatnonzero(np.asarray(topics) == topic) for topic in dict.fromkeys(topics)}
        self.topics = [topic for topic, rows in self._of.items() if len(rows) >= PER_TOPIC // 2]

    def rows(self, topic: str, number: int, rng: np.random.Generator) -> np.ndarray:
        """Some texts about a topic."""
        return rng.choice(self._of[topic], number)

    def sample(self, rows: np.ndarray, room: int, rng: np.random.Generator) -> Sample:
        """What is kept of these, as `Sample.add` keeps it one by one."""
        kept = rng.choice(rows, room, replace=False) if len(rows) > room else rows
        counts = dict(Counter(self._names[rows].tolist()))
        vectors = [self._vectors[row].tobytes() for row in kept]
        width = self._vectors.shape[1]
        return Sample(streams=len(rows), counts={"topics": counts}, width=width, seen=len(rows), vectors=vectors)


class Traffic:
    """An application's queries."""

    def __init__(self, texts: Texts, rng: np.random.Generator) -> None:
        self._texts, self._rng = texts, rng
        *self._mix, self._new = (str(each) for each in rng.choice(texts.topics, MIX + 1, replace=False))
        self._weights = rng.dirichlet(np.full(MIX, 2.0))

    def reference(self, settings: DriftSettings) -> Sample:
        """What windows are held against."""
        return self._texts.sample(self._rows(settings.reference_streams), settings.vectors, self._rng)

    def window(self, settings: DriftSettings, share: float = 0.0, after: int = 0) -> Sample:
        """The next window; so many queries on, each is about the new topic with the probability `share`."""
        size = settings.window_streams
        moved = int(self._rng.binomial(max(0, size - after), share))
        rows = np.concatenate([self._rows(size - moved), self._texts.rows(self._new, moved, self._rng)])
        return self._texts.sample(rows, size, self._rng)

    def _rows(self, number: int) -> np.ndarray:
        numbers = self._rng.multinomial(number, self._weights)
        parts = (self._texts.rows(*each, self._rng) for each in zip(self._mix, numbers, strict=True))
        return np.concatenate([*parts])


def main() -> None:
    """Measure and write the results."""
    options = _options()
    rng = np.random.default_rng(SEED)
    if options.made_up:
        figures: dict[str, Any] = {"alarms": _all_false_alarms(_made_up(rng), options.windows, rng)}
        print(write("drift_alarms", figures, _said_of_alarms(figures["alarms"])))
        return
    texts = _texts(options.data, options.cache)
    alarms = _all_false_alarms(texts, options.windows, rng)
    delays = {size: {share: _delays(texts, size, share, options.runs, rng) for share in SHARES} for size in WINDOWS}
    figures = {"topics": len(texts.topics), "windows": options.windows, "alarms": alarms}
    figures["delays"] = {str(size): {f"{share:g}": each for share, each in own.items()} for size, own in delays.items()}
    print(write("drift", figures, _said(figures)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="a folder of *.jsonl.gz files")
    source.add_argument("--made-up", action="store_true", help="count false alarms over texts that are random numbers")
    parser.add_argument("--cache", type=Path, help="where the encoded texts are kept between runs (.npz)")
    parser.add_argument("--windows", type=int, default=20_000, help="windows in which nothing changed")
    parser.add_argument("--runs", type=int, default=100, help="shifts of each size")
    return parser.parse_args()


# --- texts ------------------------------------------------------------------------------------------------------------


def _texts(folder: Path, cache: Path | None) -> Texts:
    if cache is not None and cache.exists():
        kept = np.load(cache)
        return Texts([str(each) for each in kept["names"]], kept["rows"], [str(each) for each in kept["topics"]])
    rows = list(_rows(folder))
    reader = TextReader(shared_encoder(DEFAULT_MODEL))
    read: list[Reading | None] = []
    for start in range(0, len(rows), BATCH):
        items = [BatchItem(text, 0, "user", "input") for text, _ in rows[start : start + BATCH]]
        read += [next((each for each in found if isinstance(each, Reading)), None) for found in reader.detect(items)]
    known = [(each, topic) for each, (_, topic) in zip(read, rows, strict=True) if each is not None]
    names = [_name(each, reader.topics) for each, _ in known]
    vectors = np.stack([np.frombuffer(each.vector, dtype=np.float16) for each, _ in known])
    topics = [topic for _, topic in known]
    if cache is not None:
        np.savez(cache, names=names, rows=vectors, topics=topics)
    return Texts(names, vectors, topics)


def _made_up(rng: np.random.Generator) -> Texts:
    """Texts that are random numbers around their topic's; the model calls one in five by another topic's name."""
    topics = np.repeat(np.arange(MADE_UP_TOPICS), PER_TOPIC)
    vectors = rng.normal(size=(MADE_UP_TOPICS, MADE_UP_WIDTH))[topics] + rng.normal(size=(len(topics), MADE_UP_WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = np.where(rng.random(len(topics)) < 0.2, rng.permutation(topics), topics)
    return Texts([str(each) for each in names], vectors.astype(np.float16), [str(each) for each in topics])


def _rows(folder: Path) -> Iterator[tuple[str, str]]:
    """At most so many texts of each topic, in the files' order."""
    counts: dict[str, int] = {}
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                counts[row["topic"]] = counts.get(row["topic"], 0) + 1
                if counts[row["topic"]] <= PER_TOPIC:
                    yield row["text"], row["topic"]


def _name(reading: Reading, topics: Sequence[str]) -> str:
    scores = np.frombuffer(reading.topics, dtype=np.float16).astype(np.float32)
    return topics[int(scores.argmax())] if scores.max() >= 0.3 * scores.sum() else UNCLEAR


# --- measuring --------------------------------------------------------------------------------------------------------


def _all_false_alarms(texts: Texts, windows: int, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """By the rate that is stated, what came."""
    stated = (CALIBRATION, DriftSettings().false_alarms)
    return {f"{chance:g}": _false_alarms(texts, chance, windows, rng) for chance in stated}


def _false_alarms(texts: Texts, chance: float, windows: int, rng: np.random.Generator) -> dict[str, float]:
    """Windows that are told of although nothing changed; each reference is held against some windows."""
    settings, found = DriftSettings(), 0
    traffic = Traffic(texts, rng)
    reference = traffic.reference(settings)
    for number in range(windows):
        if number % WINDOWS_OF_A_REFERENCE == 0:
            traffic = Traffic(texts, rng)
            reference = traffic.reference(settings)
        found += _is_told(reference, traffic.window(settings), chance, rng)
    return {"windows": windows, "alarms": found, "share": found / windows, "most": _upper(found, windows)}


def _upper(found: int, windows: int) -> float:
    """The upper end of the interval of 95 % of a share (Wilson 1927)."""
    share, spread = found / windows, Z**2 / windows
    reach = Z * ((share * (1 - share) + spread / 4) / windows) ** 0.5
    return float((share + spread / 2 + reach) / (1 + spread))


def _is_told(reference: Sample, window: Sample, chance: float, rng: np.random.Generator) -> bool:
    return any(each.differs for each in compared(reference, window, chance=chance, rng=rng))


def _delays(texts: Texts, size: int, share: float, runs: int, rng: np.random.Generator) -> dict[str, Any]:
    """After how many queries a shift of a share is told of, over many runs; -1 where it was not."""
    settings = DriftSettings(window_streams=size)
    delays = [_delay(Traffic(texts, rng), settings, share, rng) for _ in range(runs)]
    told = sorted(each for each in delays if each is not None)
    quantiles = {f"p{part}": float(np.quantile(told, part / 100)) if told else None for part in (10, 50, 90)}
    within = sum(each <= GOAL_QUERIES for each in told) / runs
    return {
        "runs": runs,
        "told": len(told) / runs,
        "within_goal": within,
        **quantiles,
        "most": told[-1] if told else None,
    }


def _delay(traffic: Traffic, settings: DriftSettings, share: float, rng: np.random.Generator) -> int | None:
    """Queries from the first that may be of the new topic to the last of the window that is told of."""
    reference = traffic.reference(settings)
    quiet = int(rng.integers(settings.window_streams))
    for number in range(1, MOST_WINDOWS + 1):
        window = traffic.window(settings, share, after=quiet if number == 1 else 0)
        if _is_told(reference, window, settings.false_alarms, rng):
            return number * settings.window_streams - quiet
    return None


# --- what is said -----------------------------------------------------------------------------------------------------


def _said(figures: Mapping[str, Any]) -> str:
    found = [
        (size, f"{float(share):.0%}", *_row(each))
        for size, own in figures["delays"].items()
        for share, each in own.items()
    ]
    return "\n\n".join(
        (
            "Drift of simulated applications: five topics of "
            f"{figures['topics']}, drawn anew each time; reference {DriftSettings().reference_streams} queries.",
            _said_of_alarms(figures["alarms"]),
            f"A share of the queries moves to a topic that the application never had. One false alarm in 10,000 windows"
            f" is allowed; up to {MOST_WINDOWS} windows are waited for. Delays in queries.",
            table(
                [
                    "window",
                    "share that moves",
                    "runs",
                    "told of",
                    f"within {GOAL_QUERIES}",
                    "p10",
                    "p50",
                    "p90",
                    "most",
                ],
                found,
            ),
        )
    )


def _said_of_alarms(alarms: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        (chance, each["windows"], each["alarms"], f"{each['share']:.2g}", f"{each['most']:.2g}")
        for chance, each in alarms.items()
    ]
    head = ["stated, at most", "windows", "told of", "share", "at most (95 %)"]
    return f"False alarms: windows of 250 queries in which nothing changed.\n\n{table(head, rows)}"


def _row(delays: Mapping[str, Any]) -> Iterator[object]:
    yield delays["runs"]
    yield from (f"{delays[name]:.0%}" for name in ("told", "within_goal"))
    yield from ("" if delays[name] is None else round(delays[name]) for name in ("p10", "p50", "p90", "most"))


if __name__ == "__main__":
    main()
