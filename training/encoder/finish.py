"""The mixture of a last stage: what the sources that trained nothing still missed, beside a part of what went before.

    python -m training.encoder.finish --data DATA --work WORK --out WORK2 [--share 0.4]

Rows are new orders addressed to the model, foreign tasks and ordinary sentences in carriers, and attacks in other
languages and scripts. `train` goes on with WORK2, which gets the tokenizer of WORK and its checkpoint, if there is one
(`--resume`).
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from training.encoder import mixture
from training.encoder.composed import addressed, in_carriers, notes_of, payloads_of, requests_of
from training.encoder.prepare import WINDOW_TOKENS, Unit, save, without_test_text
from training.encoder.rows import Example, injection_examples
from training.encoder.synthetic import orders
from training.encoder.synthetic.tongues import tongue_rows
from training.encoder.tokens import encode_all, load_tokenizer

TOKENS = ("ids", "casing", "words", "tags")


def examples(data: Path, rng: random.Random) -> list[Example]:
    """The rows of the last stage, each a window."""
    seen = [*injection_examples(data, "train"), *mixture.capped_rows(data, rng)]
    carriers = [
        e.text for e in seen if e.kind in ("document", "tool_output") and mixture.is_clean(e) and len(e.text) > 60
    ]
    requests, attacks = requests_of(seen), payloads_of(seen)
    notes = notes_of([e for e in seen if e.kind == "document" and mixture.is_clean(e)]) + orders.notes(rng)
    foreign = [e for e in seen if mixture.is_attack(e) and e.language not in ("", "en", "und") and len(e.text) < 300]
    found = [
        *in_carriers(addressed(requests, rng, count=3000), carriers, rng, count=3000, part="context"),
        *in_carriers(requests, carriers, rng, count=1200, part="context"),
        *in_carriers(notes, carriers, rng, count=2500, part="context"),
        *in_carriers(attacks, carriers, rng, count=1500, part="context"),
        *tongue_rows(rng, each=200),
        *tongue_rows(rng, each=200),
        *foreign,
        *foreign,
    ]
    return [dataclasses.replace(each, is_window=True) for each in without_test_text(found, data)]


def joined(first: Path, second: Path, out: Path, *, share: float, seed: int) -> None:
    """All units of `second` with a share of those of `first`, chosen at random."""
    with np.load(first) as file:
        old = {name: file[name] for name in file.files}
    with np.load(second) as file:
        new = {name: file[name] for name in file.files}
    kept = np.random.default_rng(seed).random(len(old["lengths"])) < share
    pieces = np.repeat(kept, old["lengths"])
    mixed: dict[str, Any] = {
        name: np.concatenate([old[name][pieces if name in TOKENS else kept], new[name]]) for name in new
    }
    np.savez(out, **mixed)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder with train.npz and tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the last stage")
    parser.add_argument("--share", type=float, default=0.4, help="how much of the units before is kept")
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    made = examples(arguments.data, random.Random(arguments.seed))
    read = encode_all(load_tokenizer(arguments.work / "tokenizer.json"), [each.text for each in made])
    units = [Unit(*pair, 0, min(len(pair[1]), WINDOW_TOKENS)) for pair in zip(made, read, strict=True) if len(pair[1])]
    added = arguments.out / "added.npz"
    save(units, added)
    joined(arguments.work / "train.npz", added, arguments.out / "train.npz", share=arguments.share, seed=arguments.seed)
    for path in (arguments.work / "tokenizer.json", arguments.work / "checkpoint.pt"):
        if path.exists():
            shutil.copy(path, arguments.out / path.name)


if __name__ == "__main__":
    main()
