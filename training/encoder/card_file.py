"""Changes one thing in a model's card, and leaves all else in it as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from detectors.models.card import CARD_NAME, MODEL_NAME

CALIBRATION = "calibration.json"


def write_parameter(folder: Path, name: str, value: Mapping[str, Any]) -> None:
    """Tell a model's card of a parameter."""
    yaml, document = _read(folder)
    document["parameters"] = dict(document.get("parameters") or {}) | {name: dict(value)}
    _write(folder, yaml, document)


def write_model(folder: Path, version: str, golden: Sequence[Mapping[str, Any]]) -> None:
    """Put another model's version, digest and golden scores into the card."""
    yaml, document = _read(folder)
    document["metadata"]["version"] = version
    document["files"][MODEL_NAME] = hashlib.sha256((folder / MODEL_NAME).read_bytes()).hexdigest()
    document["golden"] = [dict(each) for each in golden]
    _write(folder, yaml, document)


def write_thresholds(folder: Path, head: str, thresholds: Mapping[str, float]) -> None:
    """Put a head's thresholds into the card, and where `card.py` reads them when it writes the card anew."""
    yaml, document = _read(folder)
    document["heads"][head]["thresholds"] = dict(thresholds)
    _write(folder, yaml, document)
    path = folder / CALIBRATION
    if path.is_file():
        kept = json.loads(path.read_text(encoding="utf-8"))
        kept["recommended_thresholds"][head] = dict(thresholds)
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def _read(folder: Path) -> tuple[YAML, Any]:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 121
    return yaml, yaml.load(folder / CARD_NAME)


def _write(folder: Path, yaml: YAML, document: Any) -> None:
    with (folder / CARD_NAME).open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
