"""Time to the first released token, and held characters, of several designs over the same texts.

    python -m benchmarks.first_token

A simulation in tokens, without a clock: a text arrives token by token, a check takes no time, and the only question is
what must have arrived before something may leave. So the figures depend on texts and designs alone, on no machine.
Tidegate is its real core with every detector's rules; the other designs are the whole answer, windows of 200 tokens as
they are or with an overlap of 50, windows of 1,024 bytes, and whole sentences.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import median

from benchmarks.results import table, write
from benchmarks.scale.plans import guarded_plan
from benchmarks.stream_cost.texts import mixed
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.values import Blocked, Found, Lane, Release
from workbench.bench.report import percentile
from workbench.bench.texts import made_text, pieces_of

TEXTS = 60
CHARS = 2400
TOKENS_PER_SECOND = 50
_SENTENCE = re.compile(r"[.!?][\"')\]]*\s+|\n")

Released = list[int]
"""How many characters have been let go once each token has arrived; the last entry is for the end of the text."""
Design = Callable[[str, Sequence[str]], Released]


def main() -> None:
    """Simulate all designs and write the result."""
    texts = _texts()
    figures = {name: _figures(design, texts) for name, design in _designs(guarded_plan(400)).items()}
    rows = [(name, *each.values()) for name, each in figures.items()]
    header = ("design", "first token, ms, median", "p99", "held characters, median", "p99")
    ours, windows = figures["Tidegate"], figures["windows of 200 tokens"]
    must = ours["first_token_ms_median"] < windows["first_token_ms_median"] / 5
    note = (
        f"{TEXTS} texts of about {CHARS} characters, {TOKENS_PER_SECOND} tokens a second, checks that take no time.\n"
        f"Must hold: Tidegate's first token in less than a fifth of the windows' time: {'yes' if must else 'NO'}"
    )
    print(write("first_token", figures, table(header, rows) + "\n\n" + note))


def _texts() -> list[str]:
    """Half prose with lists and code and some personal data, half plain sentences."""
    plain = [made_text(random.Random(seed), sentences=24, is_violating=seed % 10 == 0) for seed in range(TEXTS // 2)]
    return [*plain, *(mixed(CHARS, seed) for seed in range(TEXTS // 2))]


def _designs(plan: Plan) -> Mapping[str, Design]:
    return {
        "Tidegate": lambda text, tokens: _guarded(plan, tokens),
        "sentence by sentence": _sentences,
        "windows of 1,024 bytes": _byte_windows,
        "windows of 200 tokens": lambda text, tokens: _windows(tokens, 200, 0),
        "windows of 200 tokens, 50 of them again": lambda text, tokens: _windows(tokens, 200, 50),
        "whole answer": lambda text, tokens: [0] * len(tokens) + [len(text)],
    }


def _figures(design: Design, texts: Sequence[str]) -> dict[str, float]:
    first: list[float] = []
    held: list[int] = []
    for text in texts:
        tokens = pieces_of(text)
        arrived = 0
        released = design(text, tokens)
        first.append(next(at for at, chars in enumerate(released) if chars) * 1000 / TOKENS_PER_SECOND)
        for token, chars in zip(tokens, released, strict=False):
            arrived += len(token)
            held.append(arrived - chars)
    return {
        "first_token_ms_median": median(first),
        "first_token_ms_p99": percentile(first, 99) or 0.0,
        "held_chars_median": median(held),
        "held_chars_p99": percentile(held, 99) or 0,
    }


def _guarded(plan: Plan, tokens: Sequence[str]) -> Released:
    """The real core, with models that answer at once and find nothing."""
    stream, released, reached = Stream(plan), [], 0
    for token in (*tokens, None):
        requests = stream.close() if token is None else stream.feed(Lane(), token)
        for batch, segment in requests:
            stream.resolve(segment.number, batch.index, Found())
        while (output := stream.next_output()) is not None:
            assert not isinstance(output, Blocked)
            if isinstance(output, Release):
                reached = max(reached, output.end)
        released.append(reached)
    return released


def _sentences(text: str, tokens: Sequence[str]) -> Released:
    """A sentence leaves when the next one has begun."""
    ends = [found.end() for found in _SENTENCE.finditer(text)]
    return _when_reached(text, tokens, ends)


def _byte_windows(text: str, tokens: Sequence[str]) -> Released:
    """A window leaves when 1,024 bytes have come; the texts are ASCII."""
    return _when_reached(text, tokens, range(1024, len(text), 1024))


def _windows(tokens: Sequence[str], size: int, overlap: int) -> Released:
    """A window leaves when it is full, but for what the next one reads again."""
    lengths = [len(token) for token in tokens]
    released, reached = [], 0
    for count in range(1, len(tokens) + 1):
        if count >= size and not (count - size) % (size - overlap):
            reached = sum(lengths[: count - overlap])
        released.append(reached)
    return [*released, sum(lengths)]


def _when_reached(text: str, tokens: Sequence[str], ends: Sequence[int]) -> Released:
    bounds = [0]
    for token in tokens:
        bounds.append(bounds[-1] + len(token))
    released, reached, waiting = [], 0, list(ends)
    for _, arrived in pairwise(bounds):
        while waiting and waiting[0] <= arrived:
            reached = waiting.pop(0)
        released.append(reached)
    return [*released, len(text)]


if __name__ == "__main__":
    main()
