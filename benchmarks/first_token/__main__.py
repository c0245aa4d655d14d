"""Time to the first released token, and what is held, of several designs over the same texts.

    python -m benchmarks.first_token [--data FOLDER] [--most N]

A simulation in tokens, without a clock: a text arrives token by token, a check takes no time, and the only question is
what must have arrived before something may leave. So the figures depend on texts, models and designs alone, on no
machine. Tidegate is its real core with every detector's rules, and beginnings of segments are judged by the shipped
model (`stream.early_tokens`): as shipped, without, and in other ways. The other designs are the whole answer, windows
of 200 tokens as they are or with an overlap of 50, windows of 1,024 bytes, and whole sentences.

With a folder of labelled sets, `openings` says what reading early does to what is found.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

from benchmarks.first_token import designs, openings
from benchmarks.first_token.designs import Released
from benchmarks.first_token.waits import on_time, waits
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
MEDIAN_MS, P99_MS = 150, 300
"""When the first words of an answer should be out."""
EARLY: Mapping[str, tuple[tuple[int, ...], int]] = {
    "Tidegate, nothing read early": ((), 0),
    "Tidegate, after 6": ((6,), 0),
    "Tidegate, after 8 and 8": ((8, 8), 0),
    "Tidegate, after 6 and 6, then every 24": ((6, 6), 24),
    "Tidegate, after 6 and 6, then every 20": ((6, 6), 20),
}
"""Other ways to read beginnings early."""


class Simulated(NamedTuple):
    """What a design made of a text, and what its model read: word pieces for one of the text."""

    released: Released
    read: float = 0.0


Design = Callable[[Sequence[str]], Simulated]


def main() -> None:
    """Simulate all designs and write the result."""
    arguments = _arguments()
    texts = _texts()
    figures = {name: _figures(design, texts) for name, design in _designs(guarded_plan(400)).items()}
    report = {"designs": figures}
    sections = [table(HEADER, [(name, *each.values()) for name, each in figures.items()]), _verdict(figures)]
    if arguments.data is not None:
        report["openings"] = openings.measured(arguments.data, arguments.most)
        sections += [OPENINGS, table(openings.HEADER, [*openings.rows(report["openings"])])]
    print(write("first_token", report, "\n\n".join(sections)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_token")
    parser.add_argument("--data", type=Path, help="a folder of labelled sets (docs/quality.md)")
    parser.add_argument("--most", type=int, default=120, help="at most so many texts of each set")
    return parser.parse_args()


HEADER = (
    "design",
    "first token, ms, median",
    "p99",
    "held characters, median",
    "p99",
    "held, ms, median",
    "p99",
    "pieces read",
)
OPENINGS = (
    'What reading early does to what is found, by the policies as shipped. "Stopped" are texts; "out" is what had left'
    " when the whole segment's verdict came: the beginning was plain by itself. Redacted are places that a model names."
)


def _verdict(figures: Mapping[str, Mapping[str, float]]) -> str:
    ours, windows = figures["Tidegate"], figures["windows of 200 tokens"]
    holds = {
        "Tidegate's first token in less than a fifth of the windows' time": ours["first_token_ms_median"]
        < windows["first_token_ms_median"] / 5,
        f"in {MEDIAN_MS} ms in the median": ours["first_token_ms_median"] <= MEDIAN_MS,
        f"in {P99_MS} in 99 cases of a hundred": ours["first_token_ms_p99"] <= P99_MS,
    }
    told = ", ".join(f"{what}: {'yes' if is_so else 'NO'}" for what, is_so in holds.items())
    return (
        f"{TEXTS} texts of about {CHARS} characters, {TOKENS_PER_SECOND} tokens a second, checks that take no time."
        f" Pieces read are those that a model is given for one of the text.\nMust hold: {told}"
    )


def _texts() -> list[str]:
    """Half prose with lists and code and some personal data, half plain sentences."""
    plain = [made_text(random.Random(seed), sentences=24, is_violating=seed % 10 == 0) for seed in range(TEXTS // 2)]
    return [*plain, *(mixed(CHARS, seed) for seed in range(TEXTS // 2))]


def _designs(plan: Plan) -> Mapping[str, Design]:
    others = {name: _reading_early(plan, *early) for name, early in EARLY.items()}
    return {
        "Tidegate": partial(_guarded, plan),
        **{name: partial(_guarded, each) for name, each in others.items()},
        "sentence by sentence": _unread(designs.sentences),
        "windows of 1,024 bytes": _unread(partial(designs.byte_windows, size=1024)),
        "windows of 200 tokens": _unread(partial(designs.windows, size=200, overlap=0)),
        "windows of 200 tokens, 50 of them again": _unread(partial(designs.windows, size=200, overlap=50)),
        "whole answer": _unread(designs.whole),
    }


def _reading_early(plan: Plan, tokens: tuple[int, ...], every: int) -> Plan:
    return replace(plan, stream=replace(plan.stream, early_tokens=tokens, early_every_tokens=every))


def _unread(design: Callable[[Sequence[str]], Released]) -> Design:
    return lambda tokens: Simulated(design(tokens))


def _figures(design: Design, texts: Sequence[str]) -> dict[str, float]:
    token_ms = 1000 / TOKENS_PER_SECOND
    first, held_ms, held, read = list[float](), list[float](), list[int](), list[float]()
    for text in texts:
        tokens = pieces_of(text)
        released, pieces = design(tokens)
        read.append(pieces)
        text_waits = waits(tokens, token_ms, on_time(released, token_ms))
        first.append(text_waits.first_ms)
        held += text_waits.held_chars
        held_ms += text_waits.held_ms
    return {
        "first_token_ms_median": median(first),
        "first_token_ms_p99": percentile(first, 99) or 0.0,
        "held_chars_median": median(held),
        "held_chars_p99": percentile(held, 99) or 0,
        "held_ms_median": median(held_ms),
        "held_ms_p99": percentile(held_ms, 99) or 0.0,
        "pieces_read": fmean(read),
    }


def _guarded(plan: Plan, tokens: Sequence[str]) -> Simulated:
    """The real core, with models that answer at once. Of whole segments they say nothing: no text is stopped here."""
    stream, released, reached = Stream(plan), list[int](), 0
    read: dict[int, int] = {}
    for token in (*tokens, None):
        requests = stream.close() if token is None else stream.feed(Lane(), token)
        for request in requests:
            batch, segment = request
            read[segment.number] = len(pieces_of(segment.text))
            found = openings.answer(request) if segment.is_early else Found()
            stream.resolve(segment.number, batch.index, found)
        while (output := stream.next_output()) is not None:
            assert not isinstance(output, Blocked)
            if isinstance(output, Release):
                reached = max(reached, output.end)
        released.append(reached)
    return Simulated(released, sum(read.values()) / len(tokens))


if __name__ == "__main__":
    main()
