"""What the shipped encoder's first layers hold of a segment, beside what the whole model says of it.

Each segment is read once, with the states behind the first layers as outputs of the graph. Kept are their pools (first
token, mean, largest), what the n-grams say, which no layer is needed for, and how far above or below its threshold the
whole model puts each kind of finding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from detectors.models.card import Card, read_card
from detectors.models.familiar import familiar_of
from training.encoder.labels import ENTITIES, INJECTION, TOPICS, TOXICITY
from training.encoder.serve import softmax
from training.encoder.tokens import MAX_TOKENS, Pieces, encode_all, feed, load_tokenizer
from training.sessions import cpu_session

Floats = NDArray[np.float32]

LAYERS = 3
"""Behind so many of the first layers it is looked."""
KINDS = ("injection", "toxicity", "topic", "names")
"""What the rules of a policy read: an attack, by the label of where it stands; any label of toxicity; one denied topic
(`TOPIC`); any name."""
TOPIC = "banking"
GRAMS = ("wide.logits", "topic.wide.logits")
FOREIGN = frozenset({"context", "tool_result", "tool_definition"})
UNKNOWN_PIECE = 100
BATCH = 8
_LEAST = 1e-6


@dataclasses.dataclass(frozen=True)
class Segment:
    """A text as the model is shown it, where it is from, and whose words it is."""

    text: str
    source: str
    part: str


@dataclasses.dataclass(frozen=True)
class Read:
    """Segments (rows) as read. A margin of 0 or more is a finding at the recommended threshold.

    `pools` is (rows, layers, 3 * width), `known` what is there without a layer (rows, n), `margins` the whole model's
    logits less those of the thresholds (rows, kinds), `pieces` the number of word pieces.
    """

    pools: NDArray[np.float16]
    known: Floats
    margins: Floats
    pieces: NDArray[np.int64]
    sources: NDArray[np.str_]

    def save(self, path: Path) -> None:
        """Write it down."""
        np.savez(path, **{each.name: getattr(self, each.name) for each in dataclasses.fields(self)})


def load(paths: Sequence[Path]) -> Read:
    """What was written to these files, one after the other."""
    files = [dict(np.load(path)) for path in paths]
    return Read(*(np.concatenate([file[each.name] for file in files]) for each in dataclasses.fields(Read)))


class Reader:
    """The model of a folder, with its first layers' states as outputs. One thread."""

    def __init__(self, folder: Path) -> None:
        self._card = read_card(folder)
        self._bars = Bars(self._card)
        self._tokenizer = load_tokenizer(folder / "tokenizer.json")
        self._states = [f"layer{number}.norm2" for number in range(LAYERS)]
        model = onnx.load(folder / "model.onnx")
        model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in (*self._states, *GRAMS))
        self._session = cpu_session(model.SerializeToString(), threads=1)
        self._outputs = [*self._bars.outputs, *GRAMS, *self._states]

    def read(self, segments: Sequence[Segment]) -> Read:
        """Those of the segments that fit into the model's window."""
        read = encode_all(self._tokenizer, [each.text for each in segments])
        fitting = [place for place, each in enumerate(read) if 0 < len(each) <= MAX_TOKENS - 2]
        order = sorted(fitting, key=lambda place: len(read[place]))
        rows = [
            row
            for at in range(0, len(order), BATCH)
            for row in self._batch([(segments[place], read[place]) for place in order[at : at + BATCH]])
        ]
        pools, known, margins = (np.stack(each) for each in zip(*rows, strict=True))
        sources = np.asarray([segments[place].source for place in order])
        return Read(pools, known, margins, np.asarray([len(read[place]) for place in order]), sources)

    def _batch(self, batch: Sequence[tuple[Segment, Pieces]]) -> Iterator[tuple[Any, Any, Any]]:
        answer = self._session.run(self._outputs, feed([(pieces.ids, pieces.casing) for _, pieces in batch]))
        outputs = dict(zip(self._outputs, answer, strict=True))
        for row, (segment, pieces) in enumerate(batch):
            own = {name: value[row] for name, value in outputs.items()}
            pools = [_pooled(own[name][: len(pieces) + 2]) for name in self._states]
            told = [segment.part in FOREIGN, piece_chars(pieces), np.log(len(pieces))]
            known = np.concatenate([*(own[name].ravel() for name in GRAMS), told])
            margins = self._bars.margins(own, pieces, is_foreign=segment.part in FOREIGN)
            yield np.asarray(pools, dtype=np.float16), known.astype(np.float32), np.asarray(margins, dtype=np.float32)


class Bars:
    """The thresholds of a card as logits, and how far above them the whole model is."""

    def __init__(self, card: Card) -> None:
        heads = card.heads
        self.outputs = tuple(heads[name].output for name in ("injection", "toxicity", "topic", "pii"))
        self._injection = [_logit(heads["injection"].thresholds[label]) for label in INJECTION]
        self._toxicity = np.asarray([_logit(heads["toxicity"].thresholds[label]) for label in TOXICITY])
        self._names = {name: _logit(bar) for name, bar in heads["pii"].thresholds.items()}
        self._tags = {name: [heads["pii"].labels.index(f"{part}-{name}") for part in "BI"] for name in ENTITIES}
        self._familiar = familiar_of(card)

    def margins(self, own: dict[str, Floats], pieces: Pieces, *, is_foreign: bool) -> list[float]:
        """One number for each of `KINDS`."""
        injection, toxicity, topic, tags = (own[name] for name in self.outputs)
        topics = softmax(topic)
        return [
            self._attack(injection, pieces, is_foreign=is_foreign),
            float((toxicity - self._toxicity).max()),
            _logit(float(topics[TOPICS.index(TOPIC)])),
            self._name(softmax(tags[1 : len(pieces) + 1]), pieces),
        ]

    def _attack(self, logits: Floats, pieces: Pieces, *, is_foreign: bool) -> float:
        shifts = self._familiar is not None and not is_foreign and piece_chars(pieces) >= self._familiar.least_chars
        shift = self._familiar.shift if shifts and self._familiar is not None else 0.0
        return float(logits[int(is_foreign)]) + shift - self._injection[int(is_foreign)]

    def _name(self, tags: Floats, pieces: Pieces) -> float:
        """The surest word of a name: a span's score is the mean of its words', so no span is surer."""
        words = tags[np.flatnonzero(np.diff(pieces.words, prepend=-2))]
        surest = {name: float(words[:, self._tags[name]].sum(axis=1).max()) for name in self._names}
        return max(_logit(surest[name]) - bar for name, bar in self._names.items())


def piece_chars(pieces: Pieces) -> float:
    """How many characters a piece has on average, where unknown ones have none."""
    return float(((pieces.ends - pieces.starts) * (pieces.ids != UNKNOWN_PIECE)).mean())


def _pooled(states: Floats) -> Floats:
    return np.concatenate([states[0], states.mean(axis=0), states.max(axis=0)])


def _logit(share: float) -> float:
    share = min(max(share, _LEAST), 1 - _LEAST)
    return float(np.log(share) - np.log1p(-share))
