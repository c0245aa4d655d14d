"""By when an answer is wanted, for what can be given up: a model that is asked over a network.

It goes with the thread that runs a batch, past detectors and encoder, which have no use for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_until: ContextVar[float] = ContextVar("until", default=math.inf)


@contextmanager
def wanted_within(seconds: float) -> Iterator[None]:
    """Say that answers are of no use to anybody later than in so many seconds."""
    token = _until.set(min(_until.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


def seconds_left() -> float:
    """How long an answer is still of use; infinite where nobody said."""
    return _until.get() - time.monotonic()
