"""Measures how often a text's language is told, and told wrongly, by how many sentences the text has.

    python -m benchmarks.languages --data FILE

FILE holds rows `{"text", "lang"}` as JSON lines (plain or .gz), one sentence each, with codes of ISO 639-1. A text is
so many sentences of one language, drawn at random; a hundred texts for each language and number. Languages of which
there are fewer than eight sentences are left out. The function words that the method knows were not made from them.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.results import table, write
from detectors.format.language import LANGUAGES, language_of
from workbench.evaluation.rows import read_rows

_SIZES = (1, 3, 8)
_TEXTS = 100
_SAME = {"no": "nb"}
_SHORT = "LASER", "UD_", "xsid", "massive"
"""Sources whose rows are sentences, where a row names its source."""


def main() -> None:
    """Run it, and write benchmarks/results/languages.md and .json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a file of rows {text, lang}")
    sentences = _sentences(parser.parse_args().data)
    figures = {language: _measured(language, sentences[language]) for language in LANGUAGES if language in sentences}
    header = ["language", *(f"{size} sentences: right / not told / wrong" for size in _SIZES)]
    shares = {
        language: [" / ".join(f"{each:.2f}" for each in by[size]) for size in _SIZES]
        for language, by in figures.items()
    }
    every = [
        tuple(sum(by[size][kind] for by in figures.values()) / len(figures) for kind in range(3)) for size in _SIZES
    ]
    shares["mean"] = [" / ".join(f"{each:.3f}" for each in one) for one in every]
    text = table(header, [[language, *cells] for language, cells in shares.items()])
    print(text)
    print(
        write(
            "languages", {language: {str(size): by[size] for size in _SIZES} for language, by in figures.items()}, text
        )
    )


def _sentences(path: Path) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in read_rows(path, needs=("text", "lang")):
        if any(name in row.get("source", name) for name in _SHORT):
            found[_SAME.get(row["lang"], row["lang"])].append(row["text"])
    return {language: texts for language, texts in found.items() if len(texts) >= max(_SIZES)}


def _measured(language: str, sentences: Sequence[str]) -> dict[int, tuple[float, float, float]]:
    """By the number of sentences: the shares of texts that were told rightly, not at all, and wrongly."""
    chance = random.Random(language)
    by_size = {}
    for size in _SIZES:
        told = Counter(language_of(" ".join(chance.sample(sentences, size))) for _ in range(_TEXTS))
        right, untold = told[language] / _TEXTS, told[None] / _TEXTS
        by_size[size] = right, untold, max(0.0, round(1 - right - untold, 4))
    return by_size


if __name__ == "__main__":
    main()
