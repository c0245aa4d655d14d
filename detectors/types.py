"""Plain values of the detectors. Offsets are half-open, in Unicode code points."""

from __future__ import annotations

import msgspec


class Grounding(msgspec.Struct, frozen=True, gc=False, order=True):
    """What a sentence of an answer rests on, in the context that it was checked against.

    `support` is 0..1, higher is better. `[start, end)` of the passage named `passage` supports the sentence best;
    `[unsupported_start, unsupported_end)` of the sentence is what it does not bear out, in the finding's offsets.
    `failed` are the exact checks that failed: number, date, name, quote, negation, speaker, hedge, quantifier, order,
    word, citation. `is_cut` says that the sentence or its evidence was longer than the model reads.
    """

    support: float
    passage: str = ""
    start: int = 0
    end: int = 0
    unsupported_start: int = 0
    unsupported_end: int = 0
    failed: tuple[str, ...] = ()
    is_cut: bool = False


class Finding(msgspec.Struct, frozen=True, gc=False, order=True):
    """One claim of a detector: `label` holds for `[start, end)`.

    `score` is 0..1, higher is worse. `reason` says why (a recognizer's or pattern's name, the checks that passed); it
    never holds any of the text. `grounding` is set by pair checkers only.
    """

    start: int
    end: int
    label: str
    score: float
    reason: str = ""
    grounding: Grounding | None = None


class Change(msgspec.Struct, frozen=True, gc=False):
    """Where a look is not the text: `[start, end)` of the text is read as `read`, by the means of `how`, in words."""

    start: int
    end: int
    read: str
    how: str


class Look(msgspec.Struct, frozen=True, gc=False):
    """A text as a detector reads it beside, or in place of, what is written: what that is called, and what it says."""

    name: str
    text: str
    changes: tuple[Change, ...] = ()
