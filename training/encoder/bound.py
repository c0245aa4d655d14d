"""Makes of a model folder one whose products are exact at full speed without VNNI, too (`training/bounded.py`).

    python -m training.encoder.bound --data DATA --model models_onnx/tidegate-encoder --out FOLDER --version V

The inputs' moments are those of `--texts` training texts. The new folder has everything that the given one has, and
`bounded: true` on its card; its golden inputs are checked. A changed model is measured again before it ships
(`benchmarks.quality`, `entity_thresholds`).
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import onnx
from ruamel.yaml import YAML

from detectors.models.card import CARD_NAME, MODEL_NAME, TOKENIZER_NAME
from detectors.models.encoder import load_encoder
from training.bounded import bound, is_bounded
from training.encoder.rows import injection_examples, pii_examples, topic_examples, toxicity_examples
from training.encoder.tokens import MAX_TOKENS, encode_all, feed, load_tokenizer
from training.graph import Feed

BATCH = 8
MOST_CHARS = 260
"""About the length of a segment."""


def texts_of(data: Path, count: int) -> list[str]:
    """Beginnings of training texts, each task's as many as another's."""
    rng = random.Random(2)
    tasks = [read(data, "train") for read in (injection_examples, toxicity_examples, topic_examples, pii_examples)]
    return [each.text[:MOST_CHARS] for task in tasks for each in rng.sample(task, min(count // len(tasks), len(task)))]


def feeds_of(folder: Path, texts: Sequence[str]) -> list[Feed]:
    """The texts as inputs, those of like length together."""
    read = encode_all(load_tokenizer(folder / TOKENIZER_NAME), list(texts))
    rows = sorted((each for each in read if 0 < len(each) <= MAX_TOKENS - 2), key=len)
    batches = [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]
    return [feed([(each.ids, each.casing) for each in batch]) for batch in batches]


def write(model: onnx.ModelProto, source: Path, out: Path, version: str) -> None:
    """The folder with another model and version."""
    shutil.copytree(source, out)
    data = model.SerializeToString()
    (out / MODEL_NAME).write_bytes(data)
    yaml = YAML()
    yaml.width = 4096
    card = yaml.load(out / CARD_NAME)
    card["metadata"]["version"] = version
    card["files"][MODEL_NAME] = hashlib.sha256(data).hexdigest()
    card["bounded"] = True
    yaml.dump(card, out / CARD_NAME)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with injection/, toxicity/, topic/, pii/")
    parser.add_argument("--model", type=Path, required=True, help="the int8 model's folder")
    parser.add_argument("--out", type=Path, required=True, help="a folder that is not there yet")
    parser.add_argument("--version", required=True, help="the new model's version")
    parser.add_argument("--texts", type=int, default=400, help="training texts to learn the inputs from")
    arguments = parser.parse_args()
    model = onnx.load(arguments.model / MODEL_NAME)
    bound(model, feeds_of(arguments.model, texts_of(arguments.data, arguments.texts)))
    if not is_bounded(model):
        raise SystemExit("a product is not bounded: does the model have 8-bit weights that are not int8?")
    write(model, arguments.model, arguments.out, arguments.version)
    print(f"{load_encoder(arguments.out).card.identity}: bounded, golden inputs as the card says")


if __name__ == "__main__":
    main()
