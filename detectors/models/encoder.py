"""One pass for all heads of a model: texts in, what each head says of each text out.

1. All texts are tokenised in one call. A text that is longer than the model's window is read in windows that overlap by
   a quarter: nothing is truncated.
2. Windows are sorted by length and packed into padded batches of at most `_BATCH_TOKENS` tokens. Where padding would
   cost more than a run of its own does, another batch begins: short beginnings are not read at a segment's cost.
3. Each batch is one run of the session, for the outputs that were asked for.
4. Windows are joined: the highest score, the mean embedding, the tags of the window in which a piece has most context.

A text's scores do not depend on what it is batched with: the models are quantised statically (models_onnx/README.md).
An `Encoder` is immutable and thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.base import DetectorError
from detectors.models.card import MODEL_NAME, TOKENIZER_NAME, Card, Head, read_card, verify_files
from detectors.models.letters import LETTERS, Letters, read_letters
from detectors.models.runtime import Runtime
from detectors.models.session import ModelSession, open_session, placement_of
from detectors.models.tokenizer import Pieces, PieceTokenizer, load_tokenizer

Floats = NDArray[np.float32]

GOLDEN_TOLERANCE = 0.02
"""How far a golden input's score may be from its card: other processors round differently."""

TASK = "segments"

_BATCH_TOKENS = 2048
_RUN_PIECES = 10
"""How many pieces a run costs by itself: 0.9 ms, and 0.08 ms a piece, on one thread of an AMD with VNNI. Mixed batches
of 2, 4 and 8 segments cost 1.0, .96 and .88 of one run each (ADR 0061)."""


class Tags(msgspec.Struct, frozen=True):
    """What a tag head says of each word piece. `scores` has shape (pieces, labels), each row sums to 1."""

    pieces: Pieces
    scores: Floats


class Encoding(msgspec.Struct, frozen=True):
    """What the heads say of one text: `scores[head]` has one probability per label; embeddings have unit length.

    `unread` is the share of the text's letters that stand in pieces which the model's vocabulary does not know;
    `piece_chars` is how many characters a piece of it has on average, where unknown ones have none.
    """

    scores: Mapping[str, Floats]
    tags: Mapping[str, Tags]
    unread: float = 0.0
    piece_chars: float = 0.0


class Tokenised(msgspec.Struct, frozen=True):
    """Texts and their word pieces, in the same order."""

    texts: Sequence[str]
    pieces: Sequence[Pieces]

    @property
    def count(self) -> int:
        """How many word pieces there are."""
        return sum(len(each.ids) for each in self.pieces)


class _Window(msgspec.Struct, frozen=True, gc=False):
    """Pieces `[start, end)` of text number `text`, one row of a batch."""

    text: int
    start: int
    end: int


class Encoder:
    """A loaded model that reads segments."""

    def __init__(
        self,
        card: Card,
        session: ModelSession,
        tokenizer: PieceTokenizer,
        letters: Letters | None = None,
        *,
        most_padding: int = _RUN_PIECES,
    ) -> None:
        """`letters` reads what the tokenizer has no pieces for, where the model comes with it.

        `most_padding` is how many pieces of padding cost less than a run.
        """
        self.card = card
        self._most_padding = most_padding
        self.letters = letters
        self._session = session
        self._tokenizer = tokenizer
        self._cls = tokenizer.special("[CLS]", "<s>")
        self._sep = tokenizer.special("[SEP]", "</s>")
        self._unknown = tokenizer.special("[UNK]", "<unk>")
        self._pad = tokenizer.special("[PAD]", "<pad>")
        self._room = card.max_tokens - 2
        self._casing_ids = {name: number for number, name in enumerate(card.casings)}

    def encode(self, texts: Sequence[str], heads: Iterable[str]) -> list[Encoding]:
        """What `heads` say of each text. Raises `DetectorError` for a head that the model does not have."""
        return self.read(self.tokenise(texts), heads)

    def tokenise(self, texts: Sequence[str]) -> Tokenised:
        """The texts as word pieces, ready to be read: what can be done while another batch runs."""
        return Tokenised(texts, self._tokenizer.encode(texts))

    def read(self, tokenised: Tokenised, heads: Iterable[str]) -> list[Encoding]:
        """What `heads` say of each text. Raises `DetectorError` for a head that the model does not have."""
        asked = [(name, self.head(name)) for name in heads]
        texts, pieces = tokenised.texts, tokenised.pieces
        windows = [_Window(number, *bounds) for number, each in enumerate(pieces) for bounds in self._windows(each)]
        answers: list[list[tuple[_Window, list[Floats]]]] = [[] for _ in texts]
        for batch in _packed(windows, self._most_padding):
            outputs = self._run(batch, texts, pieces, [head.output for _, head in asked])
            for row, window in enumerate(batch):
                answers[window.text].append((window, [output[row] for output in outputs]))
        return [self._join(asked, *each) for each in zip(texts, pieces, answers, strict=True)]

    def wrapped(self, ids: Sequence[int]) -> list[int]:
        """The word pieces of one text between the marks that the model expects."""
        return [self._cls, *ids, self._sep]

    def check_golden(self) -> None:
        """Raise `DetectorError` when a golden input of the card does not get its score."""
        for golden in self.card.golden:
            given = self.scores(golden.text, golden.head)
            for label, expected in golden.scores.items():
                actual = given.get(label, -1.0)
                if abs(actual - expected) > GOLDEN_TOLERANCE:
                    raise DetectorError(
                        f"model {self.card.identity} gives a golden input {actual:.3f} for {label} instead of "
                        f"{expected:.3f}: the file or this build of ONNX Runtime is not right for it"
                    )

    def scores(self, text: str, name: str) -> dict[str, float]:
        """A head's score of a text for each label; of a tag head the highest score of a word piece for each entity."""
        head = self.head(name)
        (encoding,) = self.encode([text], [name])
        if name in encoding.tags:
            return entity_scores(head.labels, encoding.tags[name].scores)
        return {label: float(score) for label, score in zip(head.labels, encoding.scores[name], strict=False)}

    def head(self, name: str) -> Head:
        """What the card says of a head. Raises `DetectorError` when the model does not have it."""
        head = self.card.heads.get(name)
        if head is None:
            has = ", ".join(self.card.heads)
            raise DetectorError(f"model {self.card.identity} has no head {name!r}; it has {has}")
        return head

    def _windows(self, pieces: Pieces) -> Iterator[tuple[int, int]]:
        total, room = len(pieces.ids), self._room
        start = 0
        while start + room < total:
            yield start, start + room
            start += room - room // 4
        yield start, total

    def _run(
        self, batch: Sequence[_Window], texts: Sequence[str], pieces: Sequence[Pieces], outputs: list[str]
    ) -> list[Floats]:
        shape = (len(batch), max(each.end - each.start for each in batch) + 2)
        ids = np.full(shape, self._pad, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        casing = np.zeros(shape, dtype=np.int64)
        for row, window in enumerate(batch):
            own, size = pieces[window.text], window.end - window.start
            ids[row, 0], ids[row, size + 1] = self._cls, self._sep
            ids[row, 1 : size + 1] = own.ids[window.start : window.end]
            mask[row, : size + 2] = 1
            if self._casing_ids:
                casing[row, 1 : size + 1] = _casings(self._casing_ids, texts[window.text], own, window)
        known = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids), "casing_ids": casing}
        return self._session.run(outputs, {name: known[name] for name in self.card.inputs})

    def _join(
        self,
        asked: Sequence[tuple[str, Head]],
        text: str,
        pieces: Pieces,
        answers: list[tuple[_Window, list[Floats]]],
    ) -> Encoding:
        answers.sort(key=_begin)
        scores: dict[str, Floats] = {}
        tags: dict[str, Tags] = {}
        for index, (name, head) in enumerate(asked):
            rows = [_activate(head, answer[index]) for _, answer in answers]
            if rows[0].ndim == 2:
                tags[name] = Tags(pieces, _stitched([window for window, _ in answers], rows, len(pieces.ids)))
            elif head.activation == "none":
                mean = np.mean(rows, axis=0)
                scores[name] = mean / max(float(np.linalg.norm(mean)), 1e-9)
            else:
                scores[name] = rows[0] if len(rows) == 1 else np.max(rows, axis=0)
        return Encoding(scores, tags, *_measured(text, pieces, self._unknown))


def load_encoder(folder: Path, runtime: Runtime | None = None) -> Encoder:
    """Load a model folder, check its files and its golden inputs. Raises `DetectorError`."""
    card = read_card(folder)
    if card.task != TASK:
        raise DetectorError(f"model {card.identity} reads {card.task}, not {TASK}; name another model")
    verify_files(folder, card)
    session = open_session(folder / MODEL_NAME, runtime, is_bounded=card.bounded)
    is_far = placement_of(folder) is not None or (runtime or Runtime()).providers != ("cpu",)
    encoder = Encoder(
        card,
        session,
        load_tokenizer(folder / TOKENIZER_NAME),
        _letters_of(folder, card),
        most_padding=_BATCH_TOKENS if is_far else _RUN_PIECES,
    )
    encoder.check_golden()
    return encoder


def _letters_of(folder: Path, card: Card) -> Letters | None:
    """The branch over letters that the card tells of, if it does. Raises `DetectorError`."""
    told = card.parameters.get(LETTERS)
    if told is None:
        return None
    try:
        return read_letters(folder, told)
    except (ValueError, OSError) as error:
        raise DetectorError(f"model {card.identity}: {LETTERS}: {error}; install the model again") from None


def entity_scores(tags: Sequence[str], scores: Floats) -> dict[str, float]:
    """For each entity the highest probability of a piece (row) to begin it or to go on with it; `O` is no entity."""
    columns: dict[str, list[int]] = {}
    for number, tag in enumerate(tags):
        if tag != "O":
            columns.setdefault(tag[2:] if tag[:2] in ("B-", "I-") else tag, []).append(number)
    return {name: float(scores[:, own].sum(axis=1).max(initial=0.0)) for name, own in columns.items()}


def _packed(windows: Sequence[_Window], most_padding: int) -> Iterator[list[_Window]]:
    """Windows of like length together, a padded batch at a time."""
    batch: list[_Window] = []
    for window in sorted(windows, key=_size):
        if batch and not _fits(batch, window, most_padding):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def _fits(batch: Sequence[_Window], longer: _Window, most_padding: int) -> bool:
    """Whether a longer window may join those of a batch, which would be padded to it."""
    size = _size(longer)
    padding = len(batch) * (size - _size(batch[-1]))
    return padding <= most_padding and (len(batch) + 1) * (size + 2) <= _BATCH_TOKENS


def _measured(text: str, pieces: Pieces, unknown: int) -> tuple[float, float]:
    """The share of a text's letters in unknown pieces, and the characters of a piece, where unknown ones have none."""
    lengths = pieces.ends - pieces.starts
    places = np.flatnonzero(pieces.ids == unknown)
    if not len(places):
        return 0.0, float(lengths.sum()) / max(len(lengths), 1)
    missed = sum(_letters(text[pieces.starts[place] : pieces.ends[place]]) for place in places)
    known = float(lengths.sum() - lengths[places].sum())
    return missed / max(_letters(text), 1), known / len(lengths)


def _letters(text: str) -> int:
    return sum(each.isalpha() for each in text)


def _size(window: _Window) -> int:
    return window.end - window.start


def _begin(answer: tuple[_Window, list[Floats]]) -> int:
    return answer[0].start


def _activate(head: Head, logits: Floats) -> Floats:
    values = logits.astype(np.float32, copy=False)
    if head.activation == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-values)), dtype=np.float32)
    if head.activation == "softmax":
        raised: Floats = np.exp(values - values.max(axis=-1, keepdims=True))
        raised /= raised.sum(axis=-1, keepdims=True)
        return raised
    return values


def _stitched(windows: Sequence[_Window], rows: Sequence[Floats], total: int) -> Floats:
    """The tags of all pieces: in an overlap, each window speaks for the half that is nearer to its middle."""
    whole = np.zeros((total, rows[0].shape[1]), dtype=np.float32)
    for number, (window, row) in enumerate(zip(windows, rows, strict=True)):
        first = window.start
        if number:
            first += (windows[number - 1].end - window.start) // 2
        whole[first : window.end] = row[1 + first - window.start : 1 + window.end - window.start]
    return whole


def _casings(numbers: Mapping[str, int], text: str, pieces: Pieces, window: _Window) -> list[int]:
    own = slice(window.start, window.end)
    spans = zip(pieces.starts[own].tolist(), pieces.ends[own].tolist(), strict=True)  # a list's integers cut faster
    return [numbers[casing_of(text[start:end])] for start, end in spans]


def casing_of(piece: str) -> str:
    """The casing of the characters that one word piece covers in the original text."""
    if piece.isalpha():
        if piece.islower():
            return "lower"
        if piece.istitle():
            return "title"
        if piece.isupper():
            return "upper"
        return "mixed" if piece.lower() != piece else "other"
    return "digit" if any(each.isdigit() for each in piece) else "other"
