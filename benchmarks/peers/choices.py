"""What a user would pick instead: what each way looks for, costs, makes wait and lets out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from typing import NamedTuple

from benchmarks.first_token.designs import Released
from benchmarks.first_token.waits import Releases, waits
from benchmarks.results import table

TOKENS_PER_SECOND = 50
TOKEN_MS = 1000 / TOKENS_PER_SECOND
CARD = "4111 1111 1111 1111"
_CARD_SENTENCE = f"The card is {CARD}, valid until next May."
HEADER = (
    "guarded by",
    "looks for",
    "checks",
    "processor seconds per 1,000 tokens",
    "times Tidegate",
    "first token, ms",
    "longest hold, ms",
    "longest hold, characters",
    "of a card number, left",
    "leaves unchecked",
)


class Kind(NamedTuple):
    """What is said of a way, not measured."""

    looks_for: str
    unchecked: str


TIDEGATE = Kind(
    "personal data, secrets, keywords; injection, toxicity and topics by a trained model",
    "nothing; an answer's opening is judged by itself first",
)
_LLM_GUARD = "personal data, injection, toxicity, topics; random weights here, so the cost of it and no answers"
LLM_GUARD_GROWING = Kind(_LLM_GUARD, "the beginning of what is not whole yet")
LLM_GUARD_SENTENCES = Kind(_LLM_GUARD, "nothing, but no check sees two sentences")
PRESIDIO = Kind("personal data, names too; no model but a small spaCy one", "the beginning of what is not whole yet")
_NEMO = "five kinds of personal data, by Presidio with a small spaCy model"
NEMO_AS_SHIPPED = Kind(_NEMO, "each window: it leaves, then it is checked")
NEMO_CHECKED = Kind(_NEMO, "the beginning of what goes on in the next window")
_MODERATION = "a provider's categories of harm; no personal data, no injection"
MODERATED_WHOLE = Kind(_MODERATION, "nothing")
MODERATED_SENTENCES = Kind(_MODERATION, "nothing, but no call sees two sentences")
MODERATED_WINDOWS = Kind(_MODERATION, "nothing, but no call sees two windows")
MODERATED_BESIDE = Kind(_MODERATION, "up to 100 tokens, and what comes during a call")


@dataclass(frozen=True)
class Measured:
    """What was measured of a way: for all texts together, and of each text when what was let go."""

    way: str
    kind: Kind
    checks: int
    """Or messages, where it streams by itself."""
    cpu_seconds: float
    releases: Sequence[Releases] = ()
    out_chars: int | None = None
    """Of a card number in a text, how many characters had left; None where that is not asked."""


@dataclass(frozen=True)
class Choice:
    """A row of the table. Waits are None where they were not measured."""

    way: str
    looks_for: str
    checks: int
    cpu_seconds_per_1000_tokens: float
    times_tidegate: float
    first_token_ms: float | None
    longest_hold_ms: float | None
    longest_hold_chars: int | None
    card_chars_out: int | None
    unchecked: str


def choices(measured: Sequence[Measured], texts: Sequence[Sequence[str]]) -> list[Choice]:
    """The rows, for texts in tokens; the first way is what the others are compared with."""
    return [_choice(each, measured[0].cpu_seconds, texts) for each in measured]


def _choice(way: Measured, least: float, texts: Sequence[Sequence[str]]) -> Choice:
    seen = [waits(tokens, TOKEN_MS, releases) for tokens, releases in zip(texts, way.releases, strict=False)]
    return Choice(
        way.way,
        way.kind.looks_for,
        way.checks,
        way.cpu_seconds * 1000 / sum(map(len, texts)),
        way.cpu_seconds / least,
        median(each.first_ms for each in seen) if seen else None,
        max(max(each.held_ms) for each in seen) if seen else None,
        max(max(each.held_chars) for each in seen) if seen else None,
        way.out_chars,
        way.kind.unchecked,
    )


def rows(chosen: Sequence[Choice]) -> str:
    """The table."""
    return table(HEADER, [_cells(each) for each in chosen])


def _cells(choice: Choice) -> list[object]:
    waited = (choice.first_token_ms, choice.longest_hold_ms, choice.longest_hold_chars)
    return [
        choice.way,
        choice.looks_for,
        choice.checks,
        f"{choice.cpu_seconds_per_1000_tokens:.3g}",
        f"{choice.times_tidegate:.2g}" if choice.times_tidegate < 10 else f"{choice.times_tidegate:,.0f}",
        *("-" if value is None else f"{value:,.0f}" for value in waited),
        "-" if choice.card_chars_out is None else f"{choice.card_chars_out} of {len(CARD)}",
        choice.unchecked,
    ]


def with_card(text: str) -> str:
    """The text with a card number in the middle."""
    sentences = text.split(". ")
    at = len(sentences) // 2
    return ". ".join([*sentences[:at], _CARD_SENTENCE.removesuffix("."), *sentences[at + 1 :]])


def card_chars_out(text: str, output: str) -> int:
    """How many characters of the card number an output has, that is otherwise the text's beginning."""
    start = text.index(CARD)
    same = next((at for at, (one, other) in enumerate(zip(text, output, strict=False)) if one != other), len(output))
    return min(max(same - start, 0), len(CARD))


def before_found(text: str, scanned: Sequence[str], spans: Sequence[Sequence[tuple[int, int, str, float]]]) -> str:
    """What had left before a scan found something in the place of the card number; each text was let go by its scan."""
    start = text.index(CARD)
    end, left = start + len(CARD), ""
    for so_far, found in zip(scanned, spans, strict=True):
        if any(one < end and start < other for one, other, *_ in found):
            return left
        left = so_far
    return left


def chunked(tokens: Sequence[str], size: int, least_chars: int) -> Released:
    """A chunk leaves when it has come, once more than so many characters have."""
    arrived = [*accumulate(map(len, tokens))]
    ends = [arrived[at // size * size - 1] if at >= size else 0 for at in range(1, len(tokens) + 1)]
    return [chars if chars > least_chars else 0 for chars in ends] + [arrived[-1]]
