"""How fast this machine's core is, in a few seconds: the pass of the models, and the code around it.

The same texts through the encoder alone and through the core alone, in processor time of one thread. What the shipped
figures say of Python (session, messages, word pieces, events, calls) is then scaled as the core's own cost is.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from detectors.base import DetectorError
from detectors.models.encoded import DEFAULT_MODEL, shared_encoder
from workbench.bench.costs import encoder_seconds, replay
from workbench.bench.plans import plan_of
from workbench.bench.policies import guarded_policy
from workbench.bench.texts import made_text, pieces_of
from workbench.capacity.figures import Figure, Figures
from workbench.capacity.model import MEGA

PYTHON = ("core_us", "token_us", "message_us", "tokenise_us", "event_us", "call_us", "wake_cores")
"""The figures that grow with how slow a core is at Python."""
_TEXTS = 12
_ROUNDS = 3
_HOLD_MS = 400
_SOURCE = "measured here with --calibrate"


def calibrated(figures: Figures) -> dict[str, Figure]:
    """The figures as they are on this machine. Takes some seconds."""
    return scaled(figures, core_us=_spread_of(_core_us()), pass_us=_spread_of(_pass_us()))


Spread = tuple[float, float, float]
"""The least, the median and the most of several rounds."""


def scaled(figures: Figures, *, core_us: Spread | None, pass_us: Spread | None) -> dict[str, Figure]:
    """The figures with what was measured in their place; None leaves those of it as they are."""
    changed = dict(figures)
    if pass_us is not None:
        changed["pass_us"] = _placed(figures["pass_us"], pass_us, _SOURCE)
    if core_us is not None:
        times = core_us[1] / figures["core_us"].value
        note = f", times {times:.2f} ({_SOURCE})"
        changed |= {name: _times(figures[name], times, note) for name in PYTHON}
        changed["core_us"] = _placed(figures["core_us"], core_us, _SOURCE)
    return changed


def _placed(figure: Figure, spread: Spread, source: str) -> Figure:
    low, value, high = spread
    return msgspec.structs.replace(figure, low=low, value=value, high=high, source=source)


def _times(figure: Figure, times: float, note: str) -> Figure:
    low, value, high = (each * times for each in (figure.low, figure.value, figure.high))
    return msgspec.structs.replace(figure, low=low, value=value, high=high, source=figure.source + note)


def _spread_of(rounds: list[float]) -> Spread | None:
    every = sorted(rounds)
    return (every[0], every[len(every) // 2], every[-1]) if every else None


def _texts() -> list[str]:
    rng = random.Random(5)  # noqa: S311 - texts, not secrets
    return [made_text(rng, sentences=8, is_violating=False) for _ in range(_TEXTS)]


def _rounds(texts: list[str], seconds: Callable[[list[str]], float]) -> list[float]:
    """Microseconds a token of each round, behind one that is not counted."""
    tokens = sum(len(pieces_of(text)) for text in texts)
    seconds(texts)
    return [seconds(texts) / tokens * MEGA for _ in range(_ROUNDS)]


def _core_us() -> list[float]:
    plan = plan_of(guarded_policy(_HOLD_MS))
    return _rounds(_texts(), lambda texts: replay(plan, texts).seconds)


def _pass_us() -> list[float]:
    """Of the embedded encoder; none where it is not there."""
    try:
        encoder = shared_encoder(DEFAULT_MODEL)
    except DetectorError:
        return []
    return _rounds(_texts(), lambda texts: encoder_seconds(encoder, texts))
