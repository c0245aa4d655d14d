"""Detectors that read an encoder's heads, and the pass that they share.

An encoded detector says which texts of a segment it wants read (the segment, and its normalised view when that differs)
and turns the encodings into findings. `detect_together` encodes each distinct text once for all detectors and segments
that name the same encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import Field

from detectors.base import UNCHECKED, BatchItem, Params
from detectors.models.card import Head, card_digest
from detectors.models.encoder import Encoder, Encoding, Tokenised, load_encoder
from detectors.models.places import places
from detectors.models.runtime import Runtime
from detectors.models.session import Placement, placement_of
from detectors.text.normalise import shown, undisguise, without_bytes
from detectors.types import Finding, Look

DEFAULT_MODEL = "tidegate-encoder"


@runtime_checkable
class EncodedDetector(Protocol):
    """A batch detector whose findings are read off an encoder's heads."""

    encoder: Encoder
    heads: tuple[str, ...]

    def texts(self, item: BatchItem) -> Sequence[str]:
        """The texts to encode for a segment, at least one."""
        ...

    def read(self, item: BatchItem, encodings: Sequence[Encoding]) -> list[Finding]:
        """Findings, from the encodings of `texts(item)`."""
        ...


class ModelParams(Params):
    """Which model reads the text."""

    model: str = Field(DEFAULT_MODEL, description="The model that reads the text: a name, or a folder's path.")


class ReadingParams(ModelParams):
    """Which model reads the text, and what becomes of text that it cannot read."""

    require_known_script: bool = Field(
        False, description="Whether text in a script that the model cannot read violates the rule."
    )


UNREAD_REASON = "script not read"
AS_WRITTEN, NORMALISED = "the model's score of the text as it is written", "the model's score of the normalised view"
BY_LETTERS = "the letters' score of the text"
BETWEEN_LETTERS = "the model's score of what stands between letters that it cannot read"
"""Why a segment has its score: which reading of it was taken for worse."""
_MOST_UNREAD = 0.5
"""When more of a text's letters are unknown to the vocabulary, it was not read: a score would say nothing."""


def unread_labels(params: Params) -> dict[str, float]:
    """The label of text that could not be read, where the rule acts on it."""
    assert isinstance(params, ReadingParams)
    return {UNCHECKED: 1.0} if params.require_known_script else {}


def read_only(encodings: Sequence[Encoding]) -> list[Encoding]:
    """The encodings of readings that the model could read; none when the text is `unread`."""
    return [each for each in encodings if is_read(each)]


def is_read(encoding: Encoding) -> bool:
    """Whether the model could read most of a text's letters."""
    return encoding.unread <= _MOST_UNREAD


def reading_of(whole: Encoding, best: Encoding) -> str:
    """The reason of a score that is the `best` reading's, where `whole` is the text as it is written."""
    return AS_WRITTEN if best is whole else NORMALISED


def unread(item: BatchItem) -> list[Finding]:
    """What is said of a segment that could not be read: no score, and the coverage tells."""
    return [Finding(item.begin, len(item.text), UNCHECKED, 1.0, UNREAD_REASON)]


def encoder_of(params: Params) -> Encoder:
    """The encoder that the parameters name. Raises `DetectorError`."""
    assert isinstance(params, ModelParams)
    return shared_encoder(params.model)


def head_of(params: Params, name: str) -> Head:
    """The head of that name of the model that the parameters name. Raises `DetectorError` when it has none."""
    return encoder_of(params).head(name)


def readings(item: BatchItem) -> tuple[str, ...]:
    """A segment with its left context, and its normalised view when it is disguised; both without escaped bytes."""
    view = undisguise(without_bytes(item.text[item.begin :]))
    whole = without_bytes(item.text)
    return (whole,) if view is None else (whole, view.text)


def looks(text: str) -> Sequence[Look]:
    """How a segment is read, when it is disguised or full of escaped bytes, beside as it is written."""
    plain = without_bytes(text)
    bytes_left_out = [] if plain == text else [Look("without escaped bytes", plain)]
    view = shown(plain)
    return [*bytes_left_out, *([view] if view else [])]


def detect_together(work: Sequence[tuple[EncodedDetector, BatchItem]]) -> list[list[Finding]]:
    """Findings for each pair, every distinct text of one encoder encoded once."""
    return SharedPass(work).findings()


class SharedPass:
    """The pass that detectors and segments share: tokenised when it is made, encoded when its findings are asked for.

    Both steps are pure work of the processor and may happen on different threads, one after the other.
    """

    def __init__(self, work: Sequence[tuple[EncodedDetector, BatchItem]]) -> None:
        self._work = work
        self._wanted = [detector.texts(item) for detector, item in work]
        self._parts = [self._part(encoder) for encoder in {id(one.encoder): one.encoder for one, _ in work}.values()]

    @property
    def tokens(self) -> int:
        """How many word pieces will be encoded."""
        return sum(tokenised.count for _, tokenised, _ in self._parts)

    def findings(self) -> list[list[Finding]]:
        """Findings for each pair."""
        encodings: dict[tuple[int, str], Encoding] = {}
        for encoder, tokenised, heads in self._parts:
            for text, encoding in zip(tokenised.texts, encoder.read(tokenised, heads), strict=True):
                encodings[id(encoder), text] = encoding
        return [
            detector.read(item, [encodings[id(detector.encoder), text] for text in texts])
            for (detector, item), texts in zip(self._work, self._wanted, strict=True)
        ]

    def _part(self, encoder: Encoder) -> tuple[Encoder, Tokenised, list[str]]:
        """What one encoder has to read, each distinct text once, and the heads that are asked for."""
        own = [number for number, (detector, _) in enumerate(self._work) if detector.encoder is encoder]
        texts = list(dict.fromkeys(text for number in own for text in self._wanted[number]))
        heads = list(dict.fromkeys(head for number in own for head in self._work[number][0].heads))
        return encoder, encoder.tokenise(texts), heads


def model_folder(name: str) -> Path:
    """Where a model lies: a path as it is, else the first folder of that name in the places where models are.

    Raises `DetectorError` when there is none.
    """
    return places().folder(name)


def shared_encoder(name: str, runtime: Runtime | None = None) -> Encoder:
    """The encoder of that name, loaded once in a process: it is immutable, and its detectors share its pass.

    A model that was replaced on the disk since is loaded anew: whoever asks now gets it, whoever asked before keeps its
    own. Raises `DetectorError`.
    """
    folder = model_folder(name)
    return _shared(folder, runtime or places().runtime, placement_of(folder), card_digest(folder))


@lru_cache(maxsize=16)
def _shared(folder: Path, runtime: Runtime, _placement: Placement | None, _card: str) -> Encoder:
    return load_encoder(folder, runtime)
