"""Scripts that the base's vocabulary cannot read, written into its unused entries: one id for each frequent letter.

A word piece vocabulary of English has no piece for most letters of Chinese, Thai, Amharic, Telugu, Georgian and more:
a word of them is one unknown piece, whatever it says. The vocabulary has 994 entries that nothing uses. The letters of
the second injection data's languages get one each, most frequent first; all other letters share the last `SHARED` of
them by a hash. A letter is the same piece at the beginning of a word and within it. So the encoder and its n-gram
branch read every letter, at no cost for text that was readable before, whose pieces stay what they were.
"""

from __future__ import annotations

import collections
import json
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tokenizers import Tokenizer

from training.encoder.rows import read_rows
from training.encoder.tokens import load_tokenizer

UNUSED = "[unused"
UNUSED_IDS = (*range(1, 100), *range(104, 999))
"""Where those entries are."""
SHARED = 194
IDEOGRAPHS = range(0x4E00, 0xA000)
LETTERS = (*range(0x80, 0x3400), *IDEOGRAPHS, *range(0xA4D0, 0xAC00), *range(0xD7B0, 0xD800), *range(0xF900, 0xFFDD))
"""All but syllables of Korean, which the tokenizer takes apart, rare ideographs, and what is beyond the first plane."""

UNREAD = ("THAI ",)
"""Scripts that stay unread, as names of their letters begin. A model that read Thai took 15 of 66 harmless texts of it
for attacks, and one that says it cannot read them is better. `letters.py` reads them beside the encoder."""
UNSPACED = {
    "type": "Split",
    "pattern": {"Regex": r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]{1,40}"},
    "behavior": "Isolated",
    "invert": False,
}
"""Scripts that put no space between words: a whole sentence would be a word too long to be read. Parts of it are not,
and the pieces are the same wherever it is parted."""


def extended(base: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
    """The vocabulary with pieces for every letter that it lacks; `counts` says how often each was met."""
    free = sorted(number for piece, number in base.items() if piece.startswith(UNUSED))
    own, shared = free[:-SHARED], free[-SHARED:]
    ranked = sorted(counts, key=lambda letter: (-counts[letter], letter))
    places = dict(zip(ranked, own, strict=False))
    vocabulary = {piece: number for piece, number in base.items() if not piece.startswith(UNUSED)}
    for letter in dict.fromkeys([*ranked, *(chr(code) for code in LETTERS if is_letter(chr(code)))]):
        number = places.get(letter, shared[zlib.crc32(letter.encode()) % len(shared)])
        vocabulary.setdefault(letter, number)
        if ord(letter) not in IDEOGRAPHS:
            vocabulary.setdefault(f"##{letter}", number)
    return vocabulary


def is_letter(character: str) -> bool:
    """Whether the character writes words of a script that is read: a letter, or a mark that belongs to one."""
    return unicodedata.category(character)[0] in "LM" and not unicodedata.name(character, "").startswith(UNREAD)


def missing(tokenizer: Tokenizer, texts: Iterable[str]) -> collections.Counter[str]:
    """How often each letter that the vocabulary lacks, at a word's beginning or within it, stands in the texts."""
    vocabulary, found = tokenizer.get_vocab(), collections.Counter[str]()
    for text in texts:
        if text.isascii():
            continue
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            pieces = (letter if at == 0 else f"##{letter}" for at, letter in enumerate(word))
            found.update(piece[-1] for piece in pieces if piece not in vocabulary and is_letter(piece[-1]))
    return found


def write(base: Path, texts: Iterable[str], out: Path) -> None:
    """Writes the extended `tokenizer.json` of the base's."""
    counts = missing(load_tokenizer(base), texts)
    model = json.loads(base.read_text(encoding="utf-8"))
    model["model"]["vocab"] = extended(model["model"]["vocab"], counts)
    model["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [model["pre_tokenizer"], UNSPACED]}
    out.write_text(json.dumps(model, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def letters_of(data: Path) -> Iterator[str]:
    """The texts of the second injection data whose letters count."""
    for name in ("multilingual_benign", "attacks"):
        for row in read_rows(data / "injection2" / f"{name}.jsonl.gz"):
            yield row["text"]
