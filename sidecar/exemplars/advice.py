"""What exemplars of a set will do harm, or nothing: said to whoever keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from detectors.models.encoder import Encoder
from detectors.models.exemplar_sets import Exemplar, Exemplars
from detectors.models.exemplars import embedded, grams

_MOST_PIECES = 64
"""A segment has no more, by the policy language's default: what is longer is met in parts, each of them less alike."""
_LEAST_GRAMS = 20
"""Fewer stand in many texts by chance."""
_ALIKE = 0.95


def advice(encoder: Encoder, exemplars: Exemplars) -> Iterator[str]:
    """A sentence for each exemplar that needs one; ids, never texts."""
    with_text = [each for each in exemplars.items if each.text]
    counts = (len(each.ids) for each in encoder.tokenise([each.text for each in with_text]).pieces)
    for each, pieces in zip(with_text, counts, strict=True):
        if pieces > _MOST_PIECES:
            yield f"{each.id} has {pieces} word pieces, and a segment {_MOST_PIECES}: keep the sentence that matters"
        if each.is_attack and len(grams(each.text)) < _LEAST_GRAMS:
            yield f"{each.id} is short: it may stand in harmless texts by chance; try it with --against"
    yield from _at_odds(encoder, with_text)


def _at_odds(encoder: Encoder, items: Sequence[Exemplar]) -> Iterator[str]:
    """The pairs of an attack and a false alarm that are all but the same."""
    attacks = [each for each in items if each.is_attack]
    alarms = [each for each in items if not each.is_attack]
    if not (attacks and alarms):
        return
    near = (
        np.stack(embedded(encoder, [each.text for each in attacks]))
        @ np.stack(embedded(encoder, [each.text for each in alarms])).T
    )
    for row, column in zip(*np.nonzero(near >= _ALIKE), strict=True):
        yield f"{attacks[row].id} (attack) and {alarms[column].id} (false alarm) are all but the same: keep one"
