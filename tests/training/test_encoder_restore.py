"""What a shipped encoder has learnt of letters is told apart from the base's words again, so that training goes on."""

from __future__ import annotations

import numpy as np

from training.encoder.restore import restored_letters
from training.encoder.scripts import UNUSED_IDS


def test_the_bases_words_with_the_restored_letters_are_the_models() -> None:
    rng = np.random.default_rng(5)
    base = rng.normal(0, 1, (max(UNUSED_IDS) + 3, 4)).astype(np.float32)
    words = base.copy()
    words[list(UNUSED_IDS)] += rng.normal(0, 1, (len(UNUSED_IDS), 4)).astype(np.float32)
    again = base.copy()
    again[list(UNUSED_IDS)] += restored_letters(words, base)
    assert np.allclose(again, words)
    assert not np.allclose(again, base)
