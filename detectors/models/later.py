"""A higher bar for what comes later: a long text has more chances to look bad than a short one.

A text is as bad as the worst of its segments, so at one threshold a page is flagged for nothing more often than a line.
For a segment that begins behind the first 256 characters of its text (`base.FIRST_CHARS`) the logits of the labels that
a card names are lowered by what it says. The place alone decides, and a stream knows it however the text was cut. The
bar rises once: a thousand harmless words before an attack hide it no better than fifty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.base import DetectorError
from detectors.models.card import Card

LATER = "later"
"""Where a card has the shifts of labels, among its parameters."""

Floats = NDArray[np.floating[Any]]
_Shift = Annotated[float, msgspec.Meta(ge=0.0, le=5.0)]


class Later:
    """Lowers the logits of a head's labels, each by its own shift; of 0 the score stays what it is."""

    def __init__(self, shifts: Sequence[float]) -> None:
        self._odds = np.exp(-np.asarray(shifts, dtype=np.float64))

    def lowered(self, scores: Floats) -> Floats:
        """The scores of the labels, in their order, of a segment that is later."""
        for_it = scores * self._odds
        return np.asarray(for_it / (1.0 - scores + for_it))


def later_in(card: Card, labels: Sequence[str]) -> Later | None:
    """What a card tells of the labels, if it does; one that it does not name has no shift. Raises `DetectorError`.

    That it names no others was seen when it was read (`card`).
    """
    told = card.parameters.get(LATER)
    if told is None:
        return None
    try:
        shifts = msgspec.convert(told, dict[str, _Shift])
    except msgspec.ValidationError as error:
        raise DetectorError(f"model {card.identity}: {LATER}: {error}; install the model again") from None
    return Later([shifts.get(label, 0.0) for label in labels])
