"""The thresholds of toxicity rise as far as harmless posts ask for, and never fall."""

from __future__ import annotations

import numpy as np
import pytest

from training.encoder.toxicity_thresholds import RATE, raised


@pytest.mark.parametrize("before", [0.3, 0.7, 0.9])
def test_a_threshold_costs_no_more_than_it_may_and_is_never_lower(before: float) -> None:
    harmless = np.linspace(0.0, 0.95, 1000)
    threshold = raised(before, harmless)
    assert threshold >= before
    assert (harmless >= threshold).mean() <= RATE
    assert threshold == before or (harmless >= threshold - 0.02).mean() > RATE


def test_where_hardly_anything_fires_a_threshold_stays() -> None:
    assert raised(0.7, np.full(1000, 0.1)) == 0.7


def test_no_threshold_is_out_of_reach() -> None:
    assert raised(0.7, np.ones(1000)) == 0.98
    assert raised(0.99, np.ones(1000)) == 0.99
