"""Plain values of the detectors. Offsets are half-open, in Unicode code points."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, gc=False, order=True):
    """One claim of a detector: `label` holds for `[start, end)`.

    `score` is 0..1, higher is worse. `reason` says why (a recognizer's or pattern's name, the checks that passed); it
    never holds any of the text.
    """

    start: int
    end: int
    label: str
    score: float
    reason: str = ""
