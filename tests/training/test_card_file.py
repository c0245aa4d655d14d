"""A card is changed in one place, and all else in it stays."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from detectors.models.card import CARD_NAME, MODEL_NAME, read_card
from detectors.models.encoded import DEFAULT_MODEL, model_folder
from training.encoder.card_file import write_model

GOLDEN = {"text": "Good morning.", "head": "toxicity", "scores": {"toxicity": 0.0123}}


def test_another_model_gets_its_version_its_digest_and_its_golden_scores(tmp_path: Path) -> None:
    shutil.copy(model_folder(DEFAULT_MODEL) / CARD_NAME, tmp_path / CARD_NAME)
    (tmp_path / MODEL_NAME).write_bytes(b"another model")
    before = read_card(tmp_path)
    write_model(tmp_path, "2030.1.2", [GOLDEN])
    after = read_card(tmp_path)
    assert after.metadata.version == "2030.1.2"
    assert after.files[MODEL_NAME] == hashlib.sha256(b"another model").hexdigest()
    assert [(golden.text, golden.head, golden.scores) for golden in after.golden] == [tuple(GOLDEN.values())]
    assert (after.heads, after.parameters) == (before.heads, before.parameters)
