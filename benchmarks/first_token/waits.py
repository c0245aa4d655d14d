"""How long text waits and how much of it is held, from when it came and when it was let go.

Times are milliseconds since the first token came; a token counts as let go when its last character is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from benchmarks.first_token.designs import Released

Releases = Sequence[tuple[float, int]]
"""When how many characters in all had been let go, in order."""


class Waits(NamedTuple):
    """What a text's reader waits for."""

    first_ms: float
    """Until something was let go."""
    held_ms: list[float]
    """Of each token, from its coming to its release."""
    held_chars: list[int]
    """What was held when each token had come."""


def waits(tokens: Sequence[str], token_ms: float, releases: Releases) -> Waits:
    """The waits of a text whose tokens came at an even pace. All of it must have been let go."""
    times, reached = [at for at, _ in releases], [chars for _, chars in releases]
    held_ms, held_chars = [], []
    for number, arrived in enumerate(accumulate(map(len, tokens))):
        due = number * token_ms
        gone = bisect_right(times, due)
        held_chars.append(max(arrived - (reached[gone - 1] if gone else 0), 0))
        held_ms.append(max(times[bisect_left(reached, arrived)] - due, 0.0))
    return Waits(times[bisect_left(reached, 1)], held_ms, held_chars)


def on_time(released: Released, token_ms: float) -> Releases:
    """The releases of checks that take no time."""
    return [(number * token_ms, chars) for number, chars in enumerate(released)]


def after_checks(released: Released, token_ms: float, checks_ms: Sequence[float]) -> Releases:
    """The releases when each waits for its check, which waits for the one before: a check's time for each step."""
    steps = [
        (number * token_ms, chars) for number, (before, chars) in enumerate(pairwise([0, *released])) if chars > before
    ]
    ready, releases = 0.0, []
    for (due, chars), takes in zip(steps, checks_ms, strict=True):
        ready = max(ready, due) + takes
        releases.append((ready, chars))
    return releases
