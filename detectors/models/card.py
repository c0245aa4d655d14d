"""Reads and checks a model folder's `model.yaml`: what the model wants and gives, and whether its files are right."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from detectors.base import DetectorError
from detectors.scores import Point

CARD_NAME = "model.yaml"
MODEL_NAME = "model.onnx"
TOKENIZER_NAME = "tokenizer.json"

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
