"""A lower bar for familiar words: what a vocabulary has to take to pieces, a model knows less well.

An English vocabulary reads English prose in pieces of four characters, Italian, code and names in shorter ones, and a
model that learnt mostly from English is less sure of those: at one threshold they are flagged more often, and what
could be found in prose is missed. So the logit of a text with long pieces is shifted by what a card says.
"""

from __future__ import annotations

import math

import msgspec

from detectors.base import DetectorError
from detectors.models.card import Card
from detectors.scores import BELOW_ONE

FAMILIAR = "familiar"
"""Where a card tells of it, among its parameters."""
_LEAST, _MOST = 1e-7, 1 - 1e-7


class Familiar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The logit of a text with at least `least_chars` characters a piece is shifted by `shift`."""

    least_chars: float
    shift: float

    def shifted(self, score: float) -> float:
        """The score of such a text, above 0 and below 1."""
        score = max(_LEAST, min(_MOST, score))
        return min(BELOW_ONE, 1.0 / (1.0 + (1.0 - score) / score * math.exp(-self.shift)))


def familiar_of(card: Card) -> Familiar | None:
    """What a card tells, if it does. Raises `DetectorError`."""
    told = card.parameters.get(FAMILIAR)
    if told is None:
        return None
    try:
        return msgspec.convert(told, Familiar)
    except msgspec.ValidationError as error:
        raise DetectorError(f"model {card.identity}: {FAMILIAR}: {error}; install the model again") from None
