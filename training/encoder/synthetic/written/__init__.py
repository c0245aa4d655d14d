"""Texts written one by one, hardly two of one shape, beside what the other modules compose.

Three tables, a text a line: `harmless_words.tsv` (subject, sentence: nothing toxic, in the words that abuse is made of),
and of `prompts.py` `harmless_prompts.tsv` (language, text: what users ask for in the words that attacks are made of) and
`injections.tsv` (label, part, text: attacks of unusual kinds, each beside a harmless twin). `\\n` stands for a newline.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


def table(name: str) -> Iterator[list[str]]:
    """The fields of each line of a table."""
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    return (line.replace("\\n", "\n").split("\t") for line in lines)


def harmless_words() -> Mapping[str, Sequence[str]]:
    """The sentences of each subject; other languages are subjects of their own."""
    found = collections.defaultdict(list)
    for subject, sentence in table("harmless_words.tsv"):
        found[subject].append(sentence)
    return found
