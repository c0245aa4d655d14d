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

from detectors.base import BatchItem, DetectorError, Params
from detectors.encoder import Encoder, Encoding, load_encoder
from detectors.normalise import undisguise
from detectors.onnx.session import Runtime
from detectors.types import Finding

DEFAULT_MODEL = "tidegate-encoder"

_SHIPPED = Path(__file__).parent.parent / "models_onnx"


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


def encoder_of(params: Params) -> Encoder:
    """The encoder that the parameters name. Raises `DetectorError`."""
    assert isinstance(params, ModelParams)
    return shared_encoder(params.model)


def readings(item: BatchItem) -> tuple[str, ...]:
    """A segment with its left context, and its normalised view when it is disguised."""
    view = undisguise(item.text[item.begin :])
    return (item.text,) if view is None else (item.text, view.text)


def detect_together(work: Sequence[tuple[EncodedDetector, BatchItem]]) -> list[list[Finding]]:
    """Findings for each pair, every distinct text of one encoder encoded once."""
    wanted = [detector.texts(item) for detector, item in work]
    encodings: dict[tuple[int, str], Encoding] = {}
    for encoder in {id(detector.encoder): detector.encoder for detector, _ in work}.values():
        own = [number for number, (detector, _) in enumerate(work) if detector.encoder is encoder]
        texts = list(dict.fromkeys(text for number in own for text in wanted[number]))
        heads = dict.fromkeys(head for number in own for head in work[number][0].heads)
        for text, encoding in zip(texts, encoder.encode(texts, heads), strict=True):
            encodings[id(encoder), text] = encoding
    return [
        detector.read(item, [encodings[id(detector.encoder), text] for text in texts])
        for (detector, item), texts in zip(work, wanted, strict=True)
    ]


def model_folder(name: str, search: Sequence[Path] = ()) -> Path:
    """Where a model lies: a path as it is, else the first folder of that name in `search` or among those shipped."""
    places = [Path(name)] if "/" in name else [*(place / name for place in search), _SHIPPED / name]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        known = sorted({each.name for place in (*search, _SHIPPED) if place.is_dir() for each in place.iterdir()})
        raise DetectorError(f"no model named {name!r}; there are: {', '.join(known) or 'none'}")
    return found


@lru_cache(maxsize=16)
def shared_encoder(name: str, runtime: Runtime = Runtime()) -> Encoder:  # noqa: B008 - frozen
    """The encoder of that name, loaded once in a process: it is immutable, and its detectors share its pass."""
    return load_encoder(model_folder(name), runtime)
