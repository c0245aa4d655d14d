"""An experiment: what could heads on an early layer clear, so that later layers are not paid for it?

    python -m benchmarks.depth --data DATA --work WORK [--model FOLDER] [--rounds 8] [--seconds 0]

Segments as streams cut them are read by round, some of each set (`SHARES`), and cached in WORK; a second call goes on
where the first stopped. Then, for n-grams alone and for each of the first layers, a small network learns on the train
set how sure the whole model is of each kind of finding. Its bar is the one below which at most one in a thousand (or as
`LOST` says) of the findings of the dev set lie. What lies below the bars of all kinds that a policy reads is cleared.

Train is of the sources that the model was trained with; dev is the harmful part of the dev sets and of unseen sources;
**traffic** is neither: prompts, documents and tools' results of sources that trained nothing, passages and dialogues of
the grounding data read as answers, and the answers that the cost benchmark streams. Nothing of it chooses anything. The
last column is what inference would cost, where reading behind a layer costs `COSTS` of the whole.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.depth.early import KINDS, LAYERS, TOPIC, Read, Reader, Segment, load
from benchmarks.stream_cost.texts import mixed
from sidecar.values import Part
from training.encoder.cuts import PARTS, cut_ends
from training.encoder.rows import (
    Example,
    injection_examples,
    pii_examples,
    read_rows,
    second_examples,
    topic_examples,
    toxicity_examples,
)
from training.encoder.unseen import is_unseen

Floats = NDArray[np.float32]

SHARES = {"traffic": 200, "dev": 900, "train": 800}
"""Segments of each set that a round reads."""
EACH = 2
"""At most so many segments of a text."""
MOST_CHARS = 4000
ANSWERS = ("summedits_podcast", "summedits_sales_call", "begin_wow", "begin_cmu", "rte", "halueval_qa")
LOST = (0.001, 0.01, 0.05)
READS = {
    "injection": (0,),
    "injection, toxicity": (0, 1),
    "injection, toxicity, a topic": (0, 1, 2),
    "all with names": (0, 1, 2, 3),
}
"""The kinds that a policy's rules read."""
COSTS = (0.02, 0.18, 0.34, 0.50)
"""Of the whole: embeddings and n-grams, then with one, two, three layers (bit-equal when cut there; one thread)."""
HIDDEN, EPOCHS, RATE, DECAY, DROPPED, ROWS = 192, 24, 1e-3, 1e-4, 0.2, 128
SOFT = 1.0
"""What is so much below its threshold still counts as half found: clearing is to keep away from it."""
WIDEST = 8.0


# -- segments ---------------------------------------------------------------------------------------------------------


def train_examples(data: Path) -> list[Example]:
    """What the model learnt from."""
    second = [each for each in second_examples(data) if not is_unseen(each)]
    return [*injection_examples(data, "train"), *second, *_others(data, "train")]


def dev_examples(data: Path) -> list[Example]:
    """What of the dev sets, and of the attacks of unseen sources, is harmful or a name: where findings are."""
    attacks = [each for each in second_examples(data, ("attacks",)) if is_unseen(each)]
    return [each for each in (*injection_examples(data, "dev"), *attacks, *_others(data, "dev")) if _is_harmful(each)]


def _is_harmful(example: Example) -> bool:
    is_attack = example.injection is not None and example.injection[0] > 0
    return is_attack or 1 in (example.toxicity or ()) or example.topic == TOPIC or bool(example.entities)


def traffic_examples(data: Path) -> list[Example]:
    """What a service is shown on an ordinary day."""
    prompts = [each for each in second_examples(data, ("benign",)) if is_unseen(each)]
    rows = [row for row in read_rows(data / "grounding" / "train.jsonl.gz") if row["source"] in ANSWERS]
    passages = [
        Example(*pair, kind="answer") for pair in dict.fromkeys((row["context"], row["source"]) for row in rows)
    ]
    made = [Example(mixed(900, seed), "benchmark", "answer") for seed in range(200)]
    return [*prompts, *random.Random(3).sample(passages, min(len(passages), 600)), *made]


def _others(data: Path, split: str) -> list[Example]:
    return [*toxicity_examples(data, split), *topic_examples(data, split), *pii_examples(data, split)]


SETS: Mapping[str, Callable[[Path], list[Example]]] = {
    "traffic": traffic_examples,
    "dev": dev_examples,
    "train": train_examples,
}


def segments_in(examples: Sequence[Example], rng: random.Random) -> Iterator[Segment]:
    """The examples in random order, each task's as many as another's, some segments of each."""
    by_kind: dict[str, list[Example]] = {}
    for each in rng.sample(examples, len(examples)):
        by_kind.setdefault(_group(each), []).append(each)
    while by_kind:
        for kind in [*by_kind]:
            yield from _cut(by_kind[kind].pop(), rng)
            if not by_kind[kind]:
                del by_kind[kind]


def _group(example: Example) -> str:
    """The task, and for injection whether it is an attack: each has its turn."""
    if example.kind == "answer":
        return example.source
    if example.topic is not None:
        return f"topic {example.topic == TOPIC}"
    return example.kind if example.injection is None else f"{example.kind} {example.injection[0]}"


def _cut(example: Example, rng: random.Random) -> list[Segment]:
    part = PARTS.get(example.kind, Part.MODEL)
    text = example.text[:MOST_CHARS]
    source = example.source if example.kind == "answer" else example.kind
    found = [Segment(text[seen:end], source, part.value) for seen, _, end in cut_ends(text, part)]
    return rng.sample(found, min(len(found), EACH))


def read_rounds(data: Path, work: Path, model: Path, *, rounds: int, seconds: float) -> None:
    """Read and cache what is not there yet; no round begins after so many seconds, where they are given."""
    began, reader = time.monotonic(), Reader(model)
    files = {name: [work / f"{name}-{number}.npz" for number in range(rounds)] for name in SETS}
    missing = [name for name, own in files.items() if not all(each.exists() for each in own)]
    segments = {name: segments_in(SETS[name](data), random.Random(7)) for name in missing}
    for name, number in ((name, number) for number in range(rounds) for name in missing):
        wanted, path = [*islice(segments[name], SHARES[name])], files[name][number]
        if wanted and not path.exists() and not 0 < seconds < time.monotonic() - began:
            reader.read(wanted).save(path)
            print(f"{path.name}: {len(wanted)} segments, {time.process_time():.0f} s of the processor", flush=True)


# -- the network ------------------------------------------------------------------------------------------------------


class Network:
    """Inputs, one hidden layer, a logit for each kind: fitted with Adam in numpy."""

    def __init__(self, inputs: int, rng: np.random.Generator) -> None:
        sizes = ((inputs, HIDDEN), (HIDDEN, len(KINDS)))
        self._weights = [rng.normal(0, size[0] ** -0.5, size).astype(np.float32) for size in sizes]
        self._biases = [np.zeros(size[1], dtype=np.float32) for size in sizes]
        self._moments = [(np.zeros_like(each), np.zeros_like(each)) for each in (*self._weights, *self._biases)]
        self._steps = 0

    def __call__(self, x: Floats) -> Floats:
        """Logits (rows, kinds)."""
        inner = np.maximum(x @ self._weights[0] + self._biases[0], 0)
        return np.asarray(inner @ self._weights[1] + self._biases[1], dtype=np.float32)

    def learn(self, x: Floats, wanted: Floats, rate: float, rng: np.random.Generator) -> None:
        """One step down the cross entropy."""
        before = x @ self._weights[0] + self._biases[0]
        kept = (rng.random(before.shape) >= DROPPED).astype(np.float32) / np.float32(1 - DROPPED)
        inner = np.maximum(before, 0) * kept
        off = (_sigmoid(inner @ self._weights[1] + self._biases[1]) - wanted) / np.float32(len(x))
        back = (off @ self._weights[1].T) * kept * (before > 0)
        slopes = [x.T @ back + DECAY * self._weights[0], inner.T @ off + DECAY * self._weights[1]]
        self._step([*slopes, back.sum(axis=0), off.sum(axis=0)], rate)

    def _step(self, slopes: Sequence[Floats], rate: float) -> None:
        self._steps += 1
        for value, slope, (first, second) in zip((*self._weights, *self._biases), slopes, self._moments, strict=True):
            first += 0.1 * (slope - first)
            second += 0.001 * (slope * slope - second)
            sizes = np.sqrt(second / (1 - 0.999**self._steps)) + 1e-8
            value -= (rate * first / (1 - 0.9**self._steps) / sizes).astype(np.float32)


def fitted(x: Floats, wanted: Floats) -> Network:
    """The network that predicts `wanted` shares of x."""
    rng = np.random.default_rng(0)
    network, steps = Network(x.shape[1], rng), EPOCHS * (len(x) // ROWS)
    for step in range(steps):
        rows = rng.integers(0, len(x), ROWS)
        network.learn(x[rows], wanted[rows], RATE * (1 - step / steps), rng)
    return network


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)


def inputs_of(read: Read, layers: int) -> Floats:
    """What is known behind so many layers; 0: the n-grams alone."""
    states = read.pools[:, layers - 1].astype(np.float32) if layers else read.known[:, :0]
    return np.concatenate([states, read.known], axis=1)


# -- the answer -------------------------------------------------------------------------------------------------------


def judge(train: Read, dev: Read, traffic: Read) -> Iterator[str]:
    """A table for each number of layers."""
    yield _counts("dev", dev)
    yield _counts("traffic", traffic)
    for layers in range(LAYERS + 1):
        x = inputs_of(train, layers)
        mean, width = x.mean(axis=0), x.std(axis=0) + 1e-3

        def narrowed(read: Read, layers: int = layers, mean: Floats = mean, width: Floats = width) -> Floats:
            return np.asarray(np.clip((inputs_of(read, layers) - mean) / width, -WIDEST, WIDEST), dtype=np.float32)

        network = fitted(narrowed(train), _sigmoid(train.margins + SOFT))
        yield from _table(layers, dev, network(narrowed(dev)), traffic, network(narrowed(traffic)))


def _counts(name: str, read: Read) -> str:
    found = {kind: int((read.margins[:, number] >= 0).sum()) for number, kind in enumerate(KINDS)}
    return f"{name}: {len(read.pieces)} segments of {read.pieces.mean():.0f} pieces; the whole model finds {found}"


def _table(layers: int, dev: Read, on_dev: Floats, traffic: Read, seen: Floats) -> Iterator[str]:
    yield f"\n{layers} layers\nlost on dev | policy reads | cleared of traffic | lost on traffic | cost"
    for lost in LOST:
        bars = [_bar(on_dev[dev.margins[:, kind] >= 0, kind], lost) for kind in range(len(KINDS))]
        for name, kinds in READS.items():
            clear = np.all([seen[:, kind] < bars[kind] for kind in kinds], axis=0)
            found = np.any([traffic.margins[:, kind] >= 0 for kind in kinds], axis=0)
            share = float((clear * traffic.pieces).sum() / traffic.pieces.sum())
            cost = COSTS[layers] + (1 - share) * (1 - COSTS[layers])
            yield f"{lost} | {name} | {share:.3f} | {(found & clear).sum()} of {found.sum()} | {cost:.2f}"
            if lost == LOST[0]:
                yield _by_source(clear, traffic.sources)


def _by_source(clear: NDArray[np.bool_], sources: NDArray[np.str_]) -> str:
    return "    " + ", ".join(f"{each} {clear[sources == each].mean():.2f}" for each in np.unique(sources))


def _bar(found: Floats, lost: float) -> float:
    """The highest bar with at most this share of the findings below it."""
    return float(np.sort(found)[int(len(found) * lost)]) if len(found) else -np.inf


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/, injection2/ and the others")
    parser.add_argument("--work", type=Path, required=True, help="where what was read is cached")
    parser.add_argument("--model", type=Path, default=Path("models_onnx/tidegate-encoder"))
    parser.add_argument("--rounds", type=int, default=8, help="how often SHARES are read")
    parser.add_argument("--seconds", type=float, default=0.0, help="begin no reading after this time; 0: no limit")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.rounds:
        read_rounds(arguments.data, arguments.work, arguments.model, rounds=arguments.rounds, seconds=arguments.seconds)
    for line in judge(*(load(sorted(arguments.work.glob(f"{name}-*.npz"))) for name in ("train", "dev", "traffic"))):
        print(line, flush=True)


if __name__ == "__main__":
    main()
