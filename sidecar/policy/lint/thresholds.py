"""Least scores against what a detector gives, and against what was measured of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from detectors import registry
from detectors.scores import BELOW_ONE, Point, expected, highest_scores, points_of
from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.compile.detection import Catalog
from sidecar.policy.compile.judges import least_scores
from sidecar.policy.document import Place
from sidecar.policy.loader import LoadedPolicy
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.schema.judge import JudgeSpec

MOST_FALSE = 0.2
LEAST_FOUND = 0.2
"""Shares of innocent texts taken for findings, and of findings found, past which a threshold makes no sense."""


def warnings(loaded: LoadedPolicy, plan: Plan, catalog: Catalog) -> Iterator[PolicyError]:
    """The thresholds that nothing reaches, and those at which the model was found to be useless."""
    for rule in plan.rules:
        detect = loaded.spec.rules[rule.index].detect
        kind = catalog.get(detect.detector)
        params = kind.params.model_validate(detect.params)
        place: Place = ("rules", rule.index, "detect")
        highest, recommended = highest_scores(kind, params), kind.labels_of(params)
        judge = loaded.spec.rules[rule.index].judge
        yield from _unreachable(loaded, place, least_scores(judge, rule.thresholds), highest)
        if judge is not None:
            most = max(highest.get(label, 1.0) for label in rule.thresholds)
            yield from _senseless_band(loaded, ("rules", rule.index, "judge", "between"), judge, most)
        for label, point in expectations(loaded, rule, catalog).items():
            least = rule.thresholds[label]
            if least != recommended.get(label) and least <= highest.get(label, 1.0):
                yield from _senseless(loaded, place_of(place, loaded, label), point, recommended[label])


def expectations(loaded: LoadedPolicy, rule: RulePlan, catalog: Catalog = registry) -> dict[str, Point]:
    """What to expect of a rule at its thresholds, by label, as far as its model was measured."""
    detect = loaded.spec.rules[rule.index].detect
    kind = catalog.get(detect.detector)
    measured = points_of(kind, kind.params.model_validate(detect.params))
    points = {label: expected(measured.get(label, ()), least) for label, least in rule.thresholds.items()}
    return {label: point for label, point in points.items() if point is not None}


def place_of(place: Place, loaded: LoadedPolicy, label: str) -> Place:
    """Where a rule states the threshold of a label."""
    labels = (*place, "labels", label)
    return labels if labels in loaded.source.values else (*place, "threshold")


def _unreachable(
    loaded: LoadedPolicy, place: Place, stated: Mapping[str, float], highest: Mapping[str, float]
) -> Iterator[PolicyError]:
    dead = {label: highest[label] for label, least in stated.items() if least > highest.get(label, 1.0)}
    is_dead = len(dead) == len(stated)
    for label, most in dead.items():
        what = "the rule never fires" if is_dead else f"it never fires for `{label}`"
        if most >= BELOW_ONE:
            reach, remedy = "less than 1", "write less than 1, 0.95 for example"
        else:
            reach, remedy = f"at most {most:g}", f"write {most:g} or less"
        message = f"{what}: a finding of `{label}` scores {reach}"
        yield loaded.source.error(place_of(place, loaded, label), Code.CANNOT_FIRE, message, remedy)


def _senseless(loaded: LoadedPolicy, place: Place, point: Point, recommended: float) -> Iterator[PolicyError]:
    if point.false_positives > MOST_FALSE:
        message = f"at this threshold {point.false_positives:.0%} of innocent texts are findings"
    elif point.recall < LEAST_FOUND:
        message = f"at this threshold {point.recall:.0%} of what the label means is found"
    else:
        return
    remedy = f"the model's card recommends {recommended:g}"
    yield loaded.source.error(place, Code.SENSELESS_THRESHOLD, message, remedy)


def _senseless_band(loaded: LoadedPolicy, place: Place, judge: JudgeSpec, most: float) -> Iterator[PolicyError]:
    """A band in which the judge is asked about nothing, or about everything; `most` is the detector's highest score."""
    low, high = judge.between
    if low > most:
        message = f"`{judge.name}` is never asked: no finding of this rule scores more than {most:g}"
        remedy = f"begin the band below {most:g}"
    elif low == high:
        message, remedy = (
            f"`{judge.name}` is asked about the score {low:g} alone",
            "write the lowest and the highest score",
        )
    elif low == 0:
        message = f"every text in which the model sees anything is sent to `{judge.name}`"
        remedy = "begin the band above 0"
    else:
        return
    yield loaded.source.error(place, Code.SENSELESS_BAND, message, remedy)
