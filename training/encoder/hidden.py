"""Builds the evaluation set of attacks hidden in documents: dev documents, unseen payloads, 2,000 rows.

    python -m training.encoder.hidden --data DATA --out hidden.jsonl.gz

Half of the rows are documents with a dev attack put into them, half the same kind of documents with an ordinary dev
sentence in the same kinds of places, so that neither place nor wrapping tells. Nothing of it is trained on.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from pathlib import Path

from training.encoder.rows import Example, injection_examples
from training.encoder.synthetic.documents import SPACE, WRAPPERS, passage, placed


def rows(data: Path, *, count: int, seed: int) -> list[dict[str, object]]:
    """`count` rows `{"text", "label", "source", "kind"}`, attacks and clean documents in turn."""
    rng = random.Random(seed)
    dev = injection_examples(data, "dev")
    documents = [example.text for example in dev if example.kind == "document" and example.injection == (0.0, 1.0)]
    payloads = [example.text for example in dev if _is_short(example, 1) and example.kind == "direct"]
    ordinary = [example.text for example in dev if _is_short(example, 0) and example.kind == "benign"]
    made: list[dict[str, object]] = []
    for number in range(count):
        label = number % 2
        payload = SPACE.sub(" ", rng.choice(payloads if label else ordinary)).strip()
        document = passage(rng.choice(documents), rng, size=rng.randrange(300, 3000))
        text = placed(rng.choice(WRAPPERS).format(payload), document, rng)
        made.append(
            {
                "text": text,
                "label": label,
                "source": "own:hidden-documents",
                "kind": "indirect" if label else "document",
            }
        )
    return made


def _is_short(example: Example, label: int) -> bool:
    return example.injection == (float(label), 1.0) and 30 < len(example.text) < 300


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=41)
    arguments = parser.parse_args()
    with gzip.open(arguments.out, "wt", encoding="utf-8") as file:
        for row in rows(arguments.data, count=arguments.count, seed=arguments.seed):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
