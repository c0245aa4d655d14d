"""Reads and checks a model folder's `model.yaml`: what the model wants and gives, and whether its files are right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from detectors.base import DetectorError
from detectors.scores import Point

CARD_NAME = "model.yaml"
MODEL_NAME = "model.onnx"
TOKENIZER_NAME = "tokenizer.json"

_PARAMETERS = {
    "segments": ("familiar", "later", "letters"),
    "pairs": ("combiner", "golden_support", "reading", "supported_below", "thresholds"),
}
"""By task, what a card may have among its parameters: of another name nobody would see that it is not read."""
_BY_LABEL = {"later": "toxicity"}
"""The parameters that have something for each label, and the head whose labels those are."""
_BESIDE = {"injection": ("injection", "indirect_injection")}
"""What a detector calls the labels of its head, whatever they are."""

Score = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metadata(_Strict):
    """The model's name and version; together they name it in events."""

    name: str
    version: str


class Head(_Strict):
    """One output of the model: calibrated logits for `labels`, or an embedding of `size`."""

    output: str
    activation: Literal["sigmoid", "softmax", "none"]
    labels: tuple[str, ...] = ()
    thresholds: dict[str, Score] = {}
    points: dict[str, tuple[Point, ...]] = {}
    """What was measured at other thresholds, by label and rising threshold."""
    size: int = 0


class Golden(_Strict):
    """A text, or a claim with its passage, and the scores that the model must give it."""

    text: str
    pair: str = ""
    head: str
    scores: dict[str, Score]


class Card(_Strict):
    """A model folder's contract. `card` is for people and may hold anything."""

    apiVersion: Literal["tidegate.dev/v1"]  # noqa: N815 - Kubernetes' spelling
    kind: Literal["Model"]
    metadata: Metadata
    files: dict[str, Sha256]
    task: Literal["segments", "pairs"] = "segments"
    inputs: tuple[str, ...]
    casings: tuple[str, ...] = ()
    max_tokens: int = Field(ge=8, le=8192)
    bounded: bool = False
    """Whether no two neighbouring products of the model's int8 weights overflow 16 bits (`processor`)."""
    heads: dict[str, Head]
    golden: tuple[Golden, ...] = ()
    parameters: dict[str, Any] = {}
    card: dict[str, Any] = {}

    @field_validator("heads")
    @classmethod
    def _know_their_labels(cls, heads: dict[str, Head]) -> dict[str, Head]:
        for name, head in heads.items():
            for place, stated in (("thresholds", head.thresholds), ("points", head.points)):
                _refuse_others(f"{name}.{place}", stated, name, heads)
        return heads

    @field_validator("parameters")
    @classmethod
    def _are_known(cls, stated: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        known = _PARAMETERS[info.data.get("task", "segments")]
        for name in stated:
            if name not in known:
                told = {"name": name, "known": ", ".join(known)}
                raise PydanticCustomError("parameter", "'{name}' is no parameter; there are {known}", told)
        for name, head in _BY_LABEL.items():
            if isinstance(labels := stated.get(name), dict):
                _refuse_others(name, labels, head, info.data.get("heads", {}))
        return stated

    @property
    def identity(self) -> str:
        """Name and version, as events state them."""
        return f"{self.metadata.name}@{self.metadata.version}"


def read_card(folder: Path) -> Card:
    """The card of a model folder. Raises `DetectorError` that says what is missing or wrong, and what to do."""
    path = folder / CARD_NAME
    try:
        return Card.model_validate(YAML(typ="safe", pure=True).load(path))
    except FileNotFoundError:
        raise DetectorError(f"no model at {folder.name}: {CARD_NAME} is not there") from None
    except YAMLError as error:
        raise DetectorError(f"{folder.name}/{CARD_NAME} is not valid YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(each) for each in first["loc"])
        raise DetectorError(f"{folder.name}/{CARD_NAME}: {place}: {first['msg']}") from None


def _refuse_others(place: str, stated: Iterable[str], name: str, heads: Mapping[str, Head]) -> None:
    """Raise pydantic's error when something is stated of a label that a head does not have."""
    known = _labels_of(name, heads)
    for label in stated:
        if label not in known:
            told = {"place": place, "label": label, "head": name, "known": ", ".join(known) or "none"}
            raise PydanticCustomError("label", "{place}: the head {head} has no label '{label}'; it has {known}", told)


def _labels_of(name: str, heads: Mapping[str, Head]) -> tuple[str, ...]:
    """What may be stated of by label: tags also without `B-` and `I-`."""
    tags = heads[name].labels if name in heads else ()
    without = [tag[2:] if tag[:2] in ("B-", "I-") else tag for tag in tags if tag != "O"]
    return tuple(dict.fromkeys([*without, *(_BESIDE.get(name, ()) if tags else ())]))


def card_digest(folder: Path) -> str:
    """The sha256 of a model folder's card, which names the sha256 of its files; empty when there is no card."""
    try:
        return hashlib.sha256((folder / CARD_NAME).read_bytes()).hexdigest()
    except OSError:
        return ""


def verify_files(folder: Path, card: Card) -> None:
    """Raise `DetectorError` when a file of the folder is missing or is not the one that the card names."""
    for name, expected in card.files.items():
        path = folder / name
        if not path.is_file():
            raise DetectorError(f"model {card.metadata.name}: {name} is missing; install the model again")
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
        if actual != expected:
            raise DetectorError(
                f"model {card.metadata.name}: {name} is not the file that its card names (sha256 {actual[:12]}…, "
                f"expected {expected[:12]}…); install the model again"
            )
