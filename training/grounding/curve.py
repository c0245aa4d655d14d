"""What a sentence costs as the context grows: choosing evidence, pairs and their tokens, from 1 to 200 documents.

    python -m training.grounding.curve --data DATA --base BASE [--set factscore]

Beside it the tokens of encoding the whole context with every sentence, which is what choosing saves. Processor time of
this process, so that a busy machine changes it less.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

from detectors.grounding_features import ContextFacts, lexical_features
from detectors.passages import PassageIndex
from training.grounding.buried import bury
from training.grounding.pairs import PairEncoder, load_tokenizer
from training.grounding.rows import read_split

SIZES = (0, 1, 4, 9, 19, 49, 99, 199)


def run(arguments: argparse.Namespace) -> None:
    """Measure and print a table."""
    encoder = PairEncoder(load_tokenizer(arguments.base / "tokenizer.json"))
    rows = read_split(arguments.data, f"test_{arguments.set}")
    chosen_rows = random.Random(4).sample(rows, arguments.claims)
    print("| documents | passages | index once, ms | choose, ms | checks, ms | pairs | tokens | tokens of all |")
    print("|---|---|---|---|---|---|---|---|")
    for size in SIZES:
        sums = [0.0] * 7
        for row in bury(chosen_rows, passages=size, seed=3, among=rows):
            began = time.process_time()
            index = PassageIndex(row.documents)
            facts = ContextFacts(row.documents)
            indexed = time.process_time()
            evidence = index.select(row.claim)
            chosen = time.process_time()
            lexical_features(row.claim, index, facts, evidence)
            checked = time.process_time()
            read = [len(encoder.tokenizer.encode(one.text).ids) for one in evidence]
            whole = sum(len(encoding.ids) for encoding in encoder.tokenizer.encode_batch_fast(list(row.documents)))
            timed = (indexed - began, chosen - indexed, checked - chosen)
            values = (len(index.passages), *(1e3 * seconds for seconds in timed), len(evidence), sum(read), whole)
            sums = [total + value for total, value in zip(sums, values, strict=True)]
        means = [total / len(chosen_rows) for total in sums]
        print(f"| {size + 1} | " + " | ".join(f"{mean:.2f}" if mean < 100 else f"{mean:.0f}" for mean in means) + " |")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True, help="folder with tokenizer.json")
    parser.add_argument("--set", default="factscore")
    parser.add_argument("--claims", type=int, default=40)
    return parser.parse_args()


if __name__ == "__main__":
    run(parse())
