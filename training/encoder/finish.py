"""The mixture of a last stage: what the sources that trained nothing still missed, beside a part of what went before.

    python -m training.encoder.finish --data DATA --work WORK --out WORK2 --shipped MODEL [--share 0.4]

Rows are the newest own ones (`synthetic.newest`), each whole, and their attacks in carriers and beside requests; new
orders addressed to the model, foreign tasks and ordinary sentences in carriers, and attacks in other languages and
scripts. `train` goes on with WORK2, which gets the tokenizer of WORK and its checkpoint, if there is one (`--resume`);
`wide` finds there all that the n-grams learn from.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.encoder import mixture, synthetic
from training.encoder.composed import addressed, beside, in_carriers, notes_of, payloads_of, requests_of
from training.encoder.cuts import PARTS
from training.encoder.places import PERSONS, placed_labels
from training.encoder.prepare import MAX_TOKENS, WINDOW_TOKENS, Unit, save, without_test_text
from training.encoder.rows import Example, injection_examples
from training.encoder.synthetic import orders
from training.encoder.synthetic.tongues import tongue_rows
from training.encoder.teachers import Teachers
from training.encoder.tokens import Pieces, encode_all, load_tokenizer, windows

TOKENS = ("ids", "casing", "words", "tags")
WINDOWS = 2
"""So many windows at most of a text that is no injection row and longer than one."""


def examples(data: Path, shipped: Path, rng: random.Random) -> list[Example]:
    """The rows of the last stage; those of injection are windows."""
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
    old = [dataclasses.replace(each, is_window=True) for each in found]
    return without_test_text([*old, *newest(carriers, Teachers(shipped), rng)], data)


def newest(carriers: Sequence[str], teachers: Teachers, rng: random.Random) -> list[Example]:
    """The newest own rows, and what is composed of those of injection: these are windows."""
    rows = [*map(placed_labels, synthetic.newest(rng))]
    judged = [each for each in rows if each.kind in PARTS]
    attacks = payloads_of(judged)
    requests = [each.text for each in judged if each.kind in PERSONS and mixture.is_clean(each)]
    own = [
        *(each for each in judged if each.is_window),
        *mixture.windows_of([each for each in judged if not each.is_window], teachers, rng),
        *in_carriers(attacks, carriers, rng, count=len(attacks) // 5, part="context"),
        *beside(attacks, requests, rng, count=len(attacks) // 5),
    ]
    others = [each for each in rows if each.kind not in PARTS]
    return [*(dataclasses.replace(each, is_window=True) for each in own), *others]


def units_of(example: Example, pieces: Pieces, rng: random.Random) -> Iterator[Unit]:
    """What is trained of an example: its beginning where it is a window, some windows where it is a long text."""
    if example.is_window or len(pieces) <= MAX_TOKENS:
        yield Unit(example, pieces, 0, min(len(pieces), WINDOW_TOKENS))
        return
    cut = [Unit(example, pieces, start, end) for start, _, end in windows(pieces)]
    yield from rng.sample(cut, min(len(cut), WINDOWS))


def joined(parts: Sequence[tuple[Path, float]], out: Path, *, seed: int) -> None:
    """Of each file the given share of its units, chosen at random, one file after the other."""
    rng = np.random.default_rng(seed)
    columns: dict[str, list[NDArray[Any]]] = collections.defaultdict(list)
    for path, share in parts:
        with np.load(path) as file:
            kept = rng.random(len(file["lengths"])) < share
            pieces = np.repeat(kept, file["lengths"])
            for name in file.files:
                columns[name].append(file[name][pieces if name in TOKENS else kept])
    mixed: dict[str, Any] = {name: np.concatenate(arrays) for name, arrays in columns.items()}
    np.savez(out, **mixed)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder with train.npz, wide.npz and tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the last stage")
    parser.add_argument("--shipped", type=Path, required=True, help="folder of the shipped model, one of two teachers")
    parser.add_argument("--share", type=float, default=0.4, help="how much of the units before is kept")
    parser.add_argument(
        "--replay",
        type=float,
        default=0.0,
        help="how much of all units, which `train.npz` thins, is learnt beside them",
    )
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(arguments.seed)
    made = examples(arguments.data, arguments.shipped, rng)
    read = encode_all(load_tokenizer(arguments.work / "tokenizer.json"), [each.text for each in made])
    units = [unit for pair in zip(made, read, strict=True) if len(pair[1]) for unit in units_of(*pair, rng)]
    added = arguments.out / "added.npz"
    save(units, added)
    train, wide = (arguments.work / name for name in ("train.npz", "wide.npz"))
    learnt = [(train, arguments.share), (wide, arguments.replay), (added, 1.0)]
    for path, parts in ((train, learnt), (wide, [(wide, 1.0), (added, 1.0)])):
        joined(parts, arguments.out / path.name, seed=arguments.seed)
    for path in (arguments.work / "tokenizer.json", arguments.work / "checkpoint.pt"):
        if path.exists():
            shutil.copy(path, arguments.out / path.name)


if __name__ == "__main__":
    main()
