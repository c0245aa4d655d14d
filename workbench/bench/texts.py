"""What the load says: plain sentences, some with something that a policy acts on, in pieces as a model writes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sidecar.errors import ConfigError

_OPENINGS = (
    "The customer,Our team,This order,A colleague,The second shipment,Your account,The report,One of them".split(",")
)
_VERBS = "arrived with,will need,was checked against,depends on,came back from,is waiting for,has to include".split(",")
_OBJECTS = (
    "the updated invoice,a short summary,the delivery address,three more days,the refund we talked about,"
    "a different size,the warehouse in the north,an answer from support,the notes of last week"
).split(",")
_ENDINGS = "as soon as possible,before the end of the month,if that is fine with you,and nothing else,for now".split(
    ","
)
_VIOLATIONS = (
    "Please write to {name}@example.org about it.",
    "The card is 4111 1111 1111 1111, valid until next May.",
    "You can ring (415) 555-0132 in the morning.",
    "The account is DE89 3704 0044 0532 0130 00.",
)
_NAMES = "jane,omar,li,anna,peter".split(",")
_PIECE = re.compile(r"\s?\S{1,5}|\s")
"""About what a language model's token covers in English."""


class _Row(msgspec.Struct):
    text: str


def pieces_of(text: str) -> list[str]:
    """The text as a model would send it, piece by piece; together they are the text."""
    return _PIECE.findall(text)


def read_texts(file: Path) -> list[str]:
    """The texts of a file: rows `{"text"}` of a `.jsonl` file, else a line each. Raises `ConfigError`."""
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        texts = [msgspec.json.decode(line, type=_Row).text for line in lines] if file.suffix == ".jsonl" else lines
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None
    if not texts:
        raise ConfigError(f"{file}: has no texts")
    return texts


def made_texts(rng: random.Random, *, violating: float, sentences: int = 8) -> Iterator[str]:
    """Texts without end; a share of them holds one sentence that the policy acts on."""
    while True:
        yield made_text(rng, sentences=sentences, is_violating=rng.random() < violating)


def made_text(rng: random.Random, *, sentences: int, is_violating: bool) -> str:
    """One text."""
    lines = [_sentence(rng) for _ in range(sentences)]
    if is_violating:
        lines[rng.randrange(sentences)] = rng.choice(_VIOLATIONS).format(name=rng.choice(_NAMES))
    return " ".join(lines)


def made_context(seed: int, *, documents: int = 3, sentences: int = 18) -> tuple[str, ...]:
    """Documents for texts to be compared with, of the same kind of sentences, about 2,000 characters each."""
    rng = random.Random(seed)  # noqa: S311 - texts, not secrets
    return tuple(made_text(rng, sentences=sentences, is_violating=False) for _ in range(documents))


def drawn_texts(rng: random.Random, texts: Sequence[str]) -> Iterator[str]:
    """Texts of a file without end, in random order."""
    while True:
        yield rng.choice(texts)


def _sentence(rng: random.Random) -> str:
    words = (rng.choice(_OPENINGS), rng.choice(_VERBS), rng.choice(_OBJECTS), rng.choice(_ENDINGS))
    return f"{words[0]} {words[1]} {words[2]} {words[3]}."
