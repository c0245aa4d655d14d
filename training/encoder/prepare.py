"""Turns the data into one file of token arrays for training.

    python -m training.encoder.prepare --data DATA --base BASE --work WORK --shipped MODEL [--research] [--seed 7]

How it works:

1. examples of the four tasks are read (`rows.py`), own examples are added (`synthetic/`);
2. injection rows longer than one window become windows; of a long attack only windows that a bag-of-words model agrees
   about are kept, because the label belongs to the text and not to each part of it;
3. rows of doubtful label are kept when that model agrees;
4. plain text of the other tasks counts as not toxic where a bag-of-words model of toxicity agrees: two thirds of the
   rows that the toxicity sources annotate are toxic, and a head that saw only those would find toxicity in everything;
5. the second injection data, and what is composed of it, come as windows (`mixture.py`);
6. everything is tokenised once, by a vocabulary that knows more scripts than the base's (`scripts.py`), and written to
   `WORK/wide.npz`, which the bag-of-pieces branch learns from; the encoder learns from `WORK/train.npz`, where
   plentiful sources are thinned and rare labels repeated.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import functools
import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from training.encoder import rows, scripts, synthetic
from training.encoder.labels import ENTITIES, TAGS, TOPICS, TOXICITY
from training.encoder.mixture import is_attack, windows_of_second
from training.encoder.places import placed_labels
from training.encoder.rows import Example
from training.encoder.tokens import Pieces, encode_all, load_tokenizer, windows

MAX_TOKENS = 96
WINDOW_TOKENS = 126
"""What the model reads at once of a window that is longer in word pieces, as those of scripts without words are."""
UNKNOWN_TAG = -100
ASSUMED_WEIGHT = 0.2
TEST_RUN_WORDS = 7
PLAIN_SHARE = 0.35
"""How much of the other tasks' plain text teaches the toxicity head what is not toxic."""
PLAIN_KINDS = ("pii", "document")
PLAIN_TOPICS = ("clinc150", "hwu64", "purplellama_instruct")
SURELY_CLEAN = 0.3
TASKS = ("injection", "toxicity", "topic", "pii")
REPLAYED = {"injection": 0.4, "toxicity": 0.25, "topic": 0.2, "pii": 0.2}
"""How much of what the shipped model has learnt already one pass repeats, by task, so that it is not unlearnt."""
KEPT_SHARES = {
    ("toxicity", "davidson"): 0.5,
    ("toxicity", "edos"): 0.65,
    ("toxicity", "paradetox_neutral"): 0.5,
    ("toxicity", "civil_toxic_spans"): 0.8,
    ("topic", "huffpost"): 0.6,
    ("pii", "synthetic"): 0.2,
    ("document", "synthetic:benign-note"): 0.6,
    ("document", "synthetic:email"): 0.5,
    ("document", "tldr-pages"): 0.5,
    ("indirect", "synthetic:"): 0.6,
    ("benign", "PolyAI-LDN"): 0.6,
    ("benign", "openai/grade-school"): 0.5,
    ("benign", "suzgunmirac"): 0.5,
    ("document", "RUCAIBox"): 0.6,
}
"""How much of a plentiful source one pass needs, by kind and start of the source's name; rare labels stay."""
SMALL = ("sinanw/",)
"""Sources of few rows that nothing else is like: all of them, four times."""
RARE_TOXICITY = ("threat", "self_harm", "violence", "sexual_explicit", "severe_toxicity")


def main() -> None:
    """The command line."""
    arguments = _arguments()
    arguments.work.mkdir(parents=True, exist_ok=True)
    rng = random.Random(arguments.seed)
    judge = BagOfWordsJudge(rows.injection_examples(arguments.data, "train", research=arguments.research))
    examples = build(arguments.data, judge, research=arguments.research, rng=rng)
    windows = windows_of_second(arguments.data, examples, arguments.shipped, rng)
    examples += assumed_clean(without_test_text(windows, arguments.data), rng, ToxicWordsJudge(examples))
    vocabulary = arguments.work / "tokenizer.json"
    if arguments.going_on:
        shutil.copy(arguments.shipped / vocabulary.name, vocabulary)
    else:
        scripts.write(arguments.base / vocabulary.name, scripts.letters_of(arguments.data), vocabulary)
    tokenizer = load_tokenizer(vocabulary)
    pieces = encode_all(tokenizer, [example.text for example in examples])
    units = [unit for pair in zip(examples, pieces, strict=True) for unit in cut(*pair, judge, rng)]
    save(units, arguments.work / "wide.npz")
    thinned = [
        copy for unit in units if rng.random() < _kept_share(unit.example) for copy in [unit] * _copies(unit.example)
    ]
    save(thinned, arguments.work / "train.npz")
    report(thinned, arguments.work / "train-report.json")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/, toxicity/, topic/, pii/")
    parser.add_argument("--base", type=Path, required=True, help="folder with tokenizer.json and model.safetensors")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made here")
    parser.add_argument("--shipped", type=Path, required=True, help="folder of the shipped model, one of two teachers")
    parser.add_argument("--going-on", action="store_true", help="read as the shipped model does, to train on from it")
    parser.add_argument("--research", action="store_true", help="also use sources the shipped model may not use")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def build(data: Path, judge: BagOfWordsJudge, *, research: bool, rng: random.Random) -> list[Example]:
    """All training examples, each once."""
    injection = rows.injection_examples(data, "train", research=research)
    doubtful = judge.agreeing(rows.injection_examples(data, "train_extra", research=research))
    others = [
        *rows.toxicity_examples(data, "train", research=research),
        *rows.topic_examples(data, "train", research=research),
        *rows.pii_examples(data, "train", research=research),
    ]
    own = without_test_text(synthetic.all_examples(injection, rng), data)
    examples = [*map(placed_labels, [*injection, *doubtful, *own]), *map(_assumed_benign, others)]
    return assumed_clean(examples, rng, ToxicWordsJudge(examples))


def assumed_clean(examples: list[Example], rng: random.Random, judge: ToxicWordsJudge) -> list[Example]:
    """The examples, with a share of the plain ones labelled as not toxic in any way."""
    places = [place for place, each in enumerate(examples) if is_plain(each) and rng.random() < PLAIN_SHARE]
    scores = judge.scores([examples[place].text for place in places])
    labelled = list(examples)
    for place, score in zip(places, scores, strict=True):
        if score < SURELY_CLEAN:
            labelled[place] = dataclasses.replace(examples[place], toxicity=(0,) * len(TOXICITY))
    return labelled


def is_plain(example: Example) -> bool:
    """Whether the example is of a source whose text is hardly ever toxic."""
    return example.kind in PLAIN_KINDS or (example.kind == "topic" and example.source.startswith(PLAIN_TOPICS))


def _kept_share(example: Example) -> float:
    if example.is_window or _has_rare_label(example) or example.source.startswith(SMALL):
        return 1.0
    shares = (
        share
        for (kind, source), share in KEPT_SHARES.items()
        if kind == example.kind and example.source.startswith(source)
    )
    return next(shares, 1.0) * REPLAYED.get(example.kind, REPLAYED["injection"])


def _has_rare_label(example: Example) -> bool:
    return example.toxicity is not None and any(example.toxicity[TOXICITY.index(name)] == 1 for name in RARE_TOXICITY)


def _copies(example: Example) -> int:
    if example.source.startswith(SMALL):
        return 4
    return 3 if _has_rare_label(example) and not example.source.startswith("own:") else 1


def without_test_text(examples: list[Example], data: Path) -> list[Example]:
    """The examples that share no run of `TEST_RUN_WORDS` words with a public test row, and equal none."""
    runs = _test_runs(data)
    return [example for example in examples if not runs.intersection(_runs(example.text))]


@functools.cache
def _test_runs(data: Path) -> frozenset[str]:
    paths = [path for path in sorted(data.glob("*/test_*.jsonl.gz")) if path.parent.name in TASKS]
    return frozenset(run for path in paths for row in rows.read_rows(path) for run in _runs(row["text"]))


def _runs(text: str) -> set[str]:
    words = re.findall(r"[^\W_]+", text.lower())
    if len(words) < TEST_RUN_WORDS:
        return {" ".join(words)}
    return {" ".join(words[at : at + TEST_RUN_WORDS]) for at in range(len(words) - TEST_RUN_WORDS + 1)}


def _assumed_benign(example: Example) -> Example:
    """Text of another task is no injection by its origin; it counts little."""
    foreign = (0, ASSUMED_WEIGHT / 2) if example.kind == "pii" else None
    return dataclasses.replace(example, injection=(0, ASSUMED_WEIGHT), foreign=foreign)


class BagOfWordsJudge:
    """A hashed bag-of-words model of injection, used to judge rows and windows whose label is in doubt."""

    def __init__(self, examples: list[Example]) -> None:
        short = [example for example in examples if len(example.text) <= 600]
        self._vectorizer = HashingVectorizer(ngram_range=(1, 2), n_features=2**18)
        self._model = LogisticRegression(C=20.0, max_iter=200, class_weight="balanced")
        features = self._vectorizer.transform([example.text for example in short])
        self._model.fit(features, [_label(example) for example in short])

    def scores(self, texts: list[str]) -> NDArray[np.float64]:
        """Probability of an attack for each text."""
        return np.asarray(self._model.predict_proba(self._vectorizer.transform(texts))[:, 1])

    def agreeing(self, examples: list[Example]) -> list[Example]:
        """The rows whose label this model shares, at half weight."""
        scores = self.scores([example.text for example in examples])
        return [
            dataclasses.replace(example, injection=(_label(example), 0.5))
            for example, score in zip(examples, scores, strict=True)
            if (score > 0.5) == bool(_label(example))
        ]


class ToxicWordsJudge:
    """A hashed bag-of-words model of the label `toxicity`, balanced, to tell plain text from what may be toxic."""

    def __init__(self, examples: list[Example]) -> None:
        known = [each for each in examples if each.toxicity is not None and each.toxicity[0] is not None]
        self._vectorizer = HashingVectorizer(ngram_range=(1, 1), n_features=2**18)
        self._model = LogisticRegression(C=5.0, max_iter=100, class_weight="balanced", solver="liblinear")
        features = self._vectorizer.transform([each.text for each in known])
        self._model.fit(features, [each.toxicity[0] for each in known if each.toxicity is not None])

    def scores(self, texts: list[str]) -> NDArray[np.float64]:
        """Probability that each text is toxic."""
        return np.asarray(self._model.predict_proba(self._vectorizer.transform(texts))[:, 1])


def _label(example: Example) -> int:
    if example.injection is None:
        raise ValueError(f"no injection label on a row of {example.source}")
    return int(example.injection[0])


@dataclasses.dataclass(frozen=True)
class Unit:
    """What the model is trained on: a window of at most `MAX_TOKENS` pieces of an example."""

    example: Example
    pieces: Pieces
    start: int
    end: int


def cut(example: Example, pieces: Pieces, judge: BagOfWordsJudge, rng: random.Random) -> list[Unit]:
    """The windows of one example that its label holds for."""
    if len(pieces) <= MAX_TOKENS:
        return [Unit(example, pieces, 0, len(pieces))] if len(pieces) else []
    if example.is_window:
        start = rng.choice((0, len(pieces) - WINDOW_TOKENS)) if len(pieces) > WINDOW_TOKENS else 0
        return [Unit(example, pieces, start, min(len(pieces), start + WINDOW_TOKENS))]
    units = [Unit(example, pieces, start, end) for start, _, end in windows(pieces)]
    if not is_attack(example):
        return rng.sample(units, min(len(units), 2))
    scores = judge.scores([_text(unit) for unit in units])
    best = int(scores.argmax())
    sure = [number for number in range(len(units)) if scores[number] > 0.6 and number != best]
    return [units[best], *(units[number] for number in rng.sample(sure, min(len(sure), 2)))]


def _text(unit: Unit) -> str:
    return unit.pieces.text[unit.pieces.starts[unit.start] : unit.pieces.ends[unit.end - 1]]


def tags_of(unit: Unit) -> NDArray[np.int8]:
    """BIO tags of a unit's pieces: on the first piece of each word; the rest, and what is not annotated, is -100.

    Entities of other labels (e-mail, card numbers) are masked: the tag head neither learns nor unlearns them.
    """
    example, pieces = unit.example, unit.pieces
    tags = np.full(unit.end - unit.start, UNKNOWN_TAG, dtype=np.int8)
    if example.entities is None:
        return tags
    words = pieces.words[unit.start : unit.end]
    first = np.concatenate([[True], words[1:] != words[:-1]])
    tags[first] = 0
    starts = pieces.starts[unit.start : unit.end]
    for start, end, label in example.entities:
        inside = np.flatnonzero(first & (starts >= start) & (starts < end))
        if label not in ENTITIES:
            tags[inside] = UNKNOWN_TAG
        elif len(inside):
            tags[inside] = TAGS.index(f"I-{label}")
            tags[inside[0]] = TAGS.index(f"B-{label}")
    return tags


def entity_mask(example: Example) -> int:
    """Bit set of the entity labels that the example's source annotates (bit number = index in `ENTITIES`)."""
    if example.entities is None:
        return 0
    return sum(
        1 << number
        for number, label in enumerate(ENTITIES)
        if example.entity_labels is None or label in example.entity_labels
    )


def save(units: list[Unit], path: Path) -> None:
    """Writes the arrays that `train.py` reads: token arrays end to end, and one row of labels for each unit."""
    lengths = np.asarray([unit.end - unit.start for unit in units], dtype=np.int64)
    injection = [unit.example.injection or (-1, 0.0) for unit in units]
    foreign = [unit.example.foreign or (-1, 0.0) for unit in units]
    blank = (None,) * len(TOXICITY)
    toxicity = [[-1 if value is None else value for value in unit.example.toxicity or blank] for unit in units]
    np.savez(
        path,
        ids=np.concatenate([unit.pieces.ids[unit.start : unit.end] for unit in units]).astype(np.int32),
        casing=np.concatenate([unit.pieces.casing[unit.start : unit.end] for unit in units]).astype(np.int8),
        words=np.concatenate([unit.pieces.words[unit.start : unit.end] for unit in units]).astype(np.int32),
        tags=np.concatenate([tags_of(unit) for unit in units]),
        lengths=lengths,
        injection=np.asarray([label for label, _ in injection], dtype=np.float32),
        foreign=np.asarray([label for label, _ in foreign], dtype=np.float32),
        foreign_weight=np.asarray([weight for _, weight in foreign], dtype=np.float32),
        injection_weight=np.asarray([weight for _, weight in injection], dtype=np.float32),
        toxicity=np.asarray(toxicity, dtype=np.int8),
        topic=np.asarray([TOPICS.index(unit.example.topic) if unit.example.topic else -1 for unit in units]),
        entity_mask=np.asarray([entity_mask(unit.example) for unit in units], dtype=np.int16),
        casing_known=np.asarray([unit.example.casing_known for unit in units]),
    )


def report(units: list[Unit], path: Path) -> None:
    """Writes how many units and tokens each source gave."""
    counts: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for unit in units:
        entry = counts[f"{unit.example.kind}:{unit.example.source.split(' in ')[0].split('/')[0]}"]
        entry[0] += 1
        entry[1] += unit.end - unit.start
    total = [sum(entry[number] for entry in counts.values()) for number in (0, 1)]
    lines = {"total": total, **dict(sorted(counts.items(), key=lambda item: -item[1][1]))}
    path.write_text(json.dumps(lines, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
