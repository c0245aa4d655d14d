"""What is there of models, and whether it is as its cards say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detectors.base import DetectorError
from detectors.grounding.model import load_pair_model
from detectors.models.card import CARD_NAME, Card, read_card, verify_files
from detectors.models.encoder import TASK, load_encoder
from detectors.models.places import SHIPPED, places
from sidecar.errors import ModelError


@dataclass(frozen=True)
class Listed:
    """A model folder. `card` is None when it cannot be read; then `problem` says why."""

    folder: Path
    card: Card | None
    problem: str = ""

    @property
    def is_shipped(self) -> bool:
        """Whether it comes with Tidegate."""
        return self.folder.parent == SHIPPED

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(each.stat().st_size for each in self.folder.iterdir() if each.is_file())


def listed() -> Iterator[Listed]:
    """All models that policies can name, by name."""
    for folder in places().all():
        try:
            yield Listed(folder, read_card(folder))
        except DetectorError as error:
            yield Listed(folder, None, str(error))


def find(name: str) -> Path:
    """The folder of a model. Raises `ModelError` that names those there are."""
    try:
        return places().folder(name)
    except DetectorError as error:
        raise ModelError(str(error)) from None


def card_text(name: str) -> str:
    """The card as it is written. Raises `ModelError`."""
    try:
        return (find(name) / CARD_NAME).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ModelError(f"model {name}: {CARD_NAME} is not there or cannot be read") from None


def problem_of(folder: Path) -> str:
    """What is wrong with a model, or nothing: its card, its files' sha256, its golden inputs."""
    try:
        card = read_card(folder)
        verify_files(folder, card)
        if not card.golden:
            return f"model {card.identity}: its card has no golden inputs, so nothing says whether it works"
        if card.task == TASK:
            load_encoder(folder)
        else:
            load_pair_model(folder)
    except DetectorError as error:
        return str(error)
    return ""
