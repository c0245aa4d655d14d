"""A tiny template grammar: `{slot}` takes a word of a list, `[a|b|]` takes one of the alternatives."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
SLOT = re.compile(r"\{(\w+)\}")
SPACES = re.compile(r" {2,}")

Slots = Mapping[str, Sequence[str]]


def expand(template: str, slots: Slots, rng: random.Random) -> str:
    """One random text of `template`. Slots may hold templates. Raises KeyError for an unknown slot."""
    text = template
    while True:
        opened = CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text)
        opened = SLOT.sub(lambda match: rng.choice(slots[match[1]]), opened)
        if opened == text:
            return SPACES.sub(" ", text).strip()
        text = opened


def expand_many(templates: Sequence[str], slots: Slots, rng: random.Random, count: int) -> list[str]:
    """About `count` different texts, the templates taken in turn."""
    texts = (varied(expand(templates[number % len(templates)], slots, rng), rng) for number in range(count))
    return list(dict.fromkeys(texts))


def varied(text: str, rng: random.Random) -> str:
    """The text as people type it: sometimes lower-cased, upper-cased, or without its last stop."""
    draw = rng.random()
    if draw < 0.12:
        return text.lower()
    if draw < 0.15:
        return text.upper()
    if draw < 0.25:
        return text.rstrip(".!?")
    return text
