"""Texts to stream, made up: answers as a language model writes them, without personal data and with some."""

from __future__ import annotations

import random
from collections.abc import Callable

_PLAIN: tuple[str, ...] = (
    "To reset the device, hold the power button for {small} seconds and wait until the light turns green.",
    "In {year}, the committee met {small} times and published its second report on water quality.",
    "The recipe needs {small} cups of flour, {small} eggs and a pinch of salt; bake it for {medium} minutes.",
    "Prices rose by {small}.{digit}% in the third quarter, which is more than most analysts had expected.",
    "You can install the package with `pip install example-tool` and then run `example --help` to see the options.",
    "There are three reasons for this: the first is cost, the second is time, and the third is habit.",
    "Version {digit}.{digit}.{small} fixes a bug that made the parser fail on empty lines (see issue #{medium}).",
    "Chapter {small} describes how the river shaped the valley over {medium},000 years.",
    "If you prefer a shorter answer, just say so, and I will leave out the details about the history.",
    "The train leaves at {hour}:{minute} and arrives two hours later; a ticket costs about {medium} euros.",
    "She walked along the shore until the sun went down, thinking about what he had said that morning.",
    "```python\nfor index in range({medium}):\n    total += values[index] * {digit}\n```\n",
    "- **Memory:** {medium} GB, of which {small} GB are reserved for the system\n- **Disk:** {medium}0 GB\n",
    "As far as I know, nobody has shown that this holds for all n greater than {medium}.",
)
_PERSONAL: tuple[str, ...] = (
    "You can reach the support team at {word}.{word}@example.com or call +1 (415) 555-{phone}.",
    "The order was paid with card 4111 1111 1111 1111 and sent to the address on file.",
    "The login came from 10.{byte}.{byte}.{byte}, see https://status.example.com/logins?day={small}.",
    "Please transfer the deposit to GB33 BUKB 2020 1555 5555 55 before the {small}th.",
)


EVERY = 8
"""One sentence in so many has personal data, in the texts that have some."""


def plain(chars: int, seed: int = 1) -> str:
    """Prose, lists and a little code, with the numbers that such texts have, and nobody's data."""
    return _made(chars, random.Random(seed), lambda _: _PLAIN)


def mixed(chars: int, seed: int = 1) -> str:
    """The same with personal data in every eighth sentence."""
    return _made(chars, random.Random(seed), lambda index: _PLAIN if index % EVERY else _PERSONAL)


def chunks(text: str, size: int) -> list[str]:
    """The text in pieces of `size` characters, as tokens come."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def _made(chars: int, source: random.Random, choose: Callable[[int], tuple[str, ...]]) -> str:
    sentences: list[str] = []
    length = 0
    while length <= chars:
        sentence = source.choice(choose(len(sentences))).format_map(_Values(source))
        sentences.append(sentence)
        length += len(sentence) + 1
    return " ".join(sentences)[:chars]


class _Values(dict[str, object]):
    """A new value for each field of a sentence."""

    def __init__(self, source: random.Random) -> None:
        super().__init__()
        self._source = source

    def __missing__(self, field: str) -> object:
        if field == "word":
            return self._source.choice(("ana", "sam", "kim", "lee", "billing", "help", "office"))
        return self._source.randint(*_RANGES[field])


_RANGES = {
    "digit": (0, 9),
    "small": (2, 19),
    "medium": (20, 999),
    "year": (1900, 2026),
    "hour": (10, 23),
    "minute": (10, 59),
    "byte": (1, 254),
    "phone": (1000, 9999),
}
