"""Write the golden supports of a card anew, as the service gives them.

    python -m training.grounding.goldens models_onnx/tidegate-grounding [--version 2026.11.6]

To be run once `parameters.reading` of the card has changed, or what `detectors.grounding` makes of an answer: golden
claims and their contexts stay, only their supports are written.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from detectors.context import context_of
from detectors.grounding.detector import GroundingChecker
from detectors.grounding.model import load_pair_model


def run(folder: Path, version: str) -> None:
    """Write `model.yaml` of that folder."""
    file = folder / "model.yaml"
    card = yaml.safe_load(file.read_text())
    checker = GroundingChecker(load_pair_model(folder))
    for golden in card["parameters"]["golden_support"]:
        golden["support"] = checker.support(golden["claim"], context_of(golden["context"]))
    card["metadata"]["version"] = version or card["metadata"]["version"]
    file.write_text(yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=118))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", default="", help="also write another version")
    arguments = parser.parse_args()
    run(arguments.folder, arguments.version)
