"""The detector as it is served, with a look at what its pair model is asked and answers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from detectors.grounding.combiner import PairAnswer
from detectors.grounding.detector import GroundingChecker
from detectors.grounding.model import Pair, PairModel, load_pair_model
from detectors.models.encoded import model_folder
from detectors.models.runtime import Runtime
from detectors.models.tokenizer import Pieces


class Recorder(PairModel):
    """A pair model that counts claims, pairs and tokens, and remembers the best support that it gave."""

    def __init__(self, model: PairModel) -> None:
        self.__dict__.update(model.__dict__)
        self.identity = model.card.identity
        self.checker = GroundingChecker(self)
        self.claims = self.pairs = self.tokens = 0
        self._best = -math.inf

    def claim(self, text: str) -> Pieces:
        """A claim as word pieces."""
        self.claims += 1
        return super().claim(text)

    def answers(self, pairs: Sequence[Pair]) -> list[PairAnswer]:
        """What the model says of each pair."""
        answers = super().answers(pairs)
        self._best = max([self._best, *(answer.support for answer in answers)])
        self.pairs += len(pairs)
        self.tokens += sum(len(self._inputs(pair).ids) for pair in pairs)
        return answers

    def take(self) -> float:
        """The best support, as log odds, since the last call; -inf when nothing was asked."""
        best, self._best = self._best, -math.inf
        return best


def load(model: str) -> Recorder:
    """The recorder of a model by its name or folder, on one thread. Raises `DetectorError`."""
    return Recorder(load_pair_model(model_folder(model), Runtime(threads=1)))
