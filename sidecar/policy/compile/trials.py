"""What a canary or a rollout states, as plans have it."""

from __future__ import annotations

from sidecar.policy.schema.rollout import BandSpec, ByLabel, TrialSpec
from sidecar.policy.trial import RATES, Rate, Trial


def trial_of(spec: TrialSpec) -> Trial:
    """The trial that is written so."""
    return Trial(
        percent=spec.percent,
        by="label" if isinstance(spec.by, ByLabel) else spec.by,
        label=spec.by.label if isinstance(spec.by, ByLabel) else "",
        band=_band(spec.band) if spec.band is not None else {},
        min_streams=spec.min_streams,
        window=spec.window,
    )


def _band(spec: BandSpec) -> dict[Rate, tuple[float, float]]:
    stated = {rate: getattr(spec, rate) for rate in RATES}
    return {rate: (bounds[0], bounds[1]) for rate, bounds in stated.items() if bounds is not None}
