"""What a tuning found, as text and as JSON; and what it cannot know, said each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from workbench.preview.confusion import Share, share_of
from workbench.tuning.evidence import Evidence, Subject, described
from workbench.tuning.points import Cost, Point, labels_needed

_MOST_ROWS = 30


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """One tuning: what was asked, what is known, and what follows from it."""

    subject: Subject
    evidence: Evidence
    current: float
    told: Sequence[Point]
    cost: Cost | None = None
    proposed: Point | None = None

    @property
    def read_through(self) -> Share:
        """Of the streams that somebody read through, the share in which something was missed."""
        return share_of(self.evidence.missed, self.evidence.missed + self.evidence.clean)


def as_json(tuning: Tuning) -> dict[str, Any]:
    """All of it, for a program."""
    return {
        "subject": msgspec.to_builtins(tuning.subject),
        "evidence": described(tuning.evidence),
        "read_through": msgspec.to_builtins(tuning.read_through),
        "current": tuning.current,
        "points": msgspec.to_builtins(tuning.told),
        "cost": None if tuning.cost is None else {tuning.cost.goal: tuning.cost.share},
        "proposed": None if tuning.proposed is None else tuning.proposed.threshold,
        "caveats": [*caveats(tuning)],
    }


def lines(tuning: Tuning) -> Iterator[str]:
    """All of it, for a person; of many thresholds some."""
    evidence, subject = tuning.evidence, tuning.subject
    yield f"{subject.policy}/{', '.join(subject.rules)}, label {subject.label}: {len(evidence.found)} findings"
    said = f"{evidence.right} right, {evidence.wrong} false alarms, {evidence.missed} missed"
    yield f"  {said}; {evidence.streams} streams ended"
    yield ""
    yield f"{'threshold':>9}  {'findings':>8}  {'labelled':>8}  {'precision':<22}  {'known recall':<22}  false alarms"
    yield from (_row(each, tuning) for each in _shown(tuning))
    yield ""
    yield from (f"- {each}" for each in caveats(tuning))
    yield ""
    yield verdict(tuning)


def verdict(tuning: Tuning) -> str:
    """What follows, in a sentence."""
    if tuning.cost is None:
        return "Say what it may cost, with --min-precision or --max-false-alarms, and a threshold is proposed."
    cost = f"{tuning.cost.goal.replace('_', ' ')} {tuning.cost.share:g}"
    if tuning.proposed is not None:
        point = tuning.proposed
        return f"proposed: {point.threshold:g} (now {tuning.current:g}) keeps to {cost} with 95 % confidence"
    needed = labels_needed(tuning.cost)
    more = f": that takes {needed} labels at a threshold or above, if all are right" if needed else ""
    return f"no threshold keeps to {cost} with 95 % confidence{more}"


def caveats(tuning: Tuning) -> Iterator[str]:
    """What the figures do not say."""
    evidence = tuning.evidence
    yield (
        f"Below {evidence.floor:g} nothing is told: not all findings were recorded there. A shadow rule with a lower"
        " threshold records them."
    )
    yield (
        "Precision holds for all findings if whether one was labelled does not depend on whether it was right: label"
        " all of some days, or some drawn by chance."
    )
    yield (
        "Known recall is a share of what was found or reported as missed. What nobody saw is in no figure, so the true"
        " recall is most likely lower."
    )
    if tuning.read_through.value is not None:
        yield (
            f"Of {tuning.read_through.of} streams that somebody read through, {tuning.read_through} held something"
            " missed; true of all streams if these were drawn by chance."
        )
    if not evidence.streams:
        yield "No event of a stream's end was read, so false alarms are no share of anything: give decisions, too."
    if evidence.disputed:
        yield f"{evidence.disputed} events are disputed among their authors, and count as not labelled."
    if evidence.untold:
        yield f"{evidence.untold} findings have no event of their own (limits.events_per_rule), and are missing here."
    if evidence.foreign:
        yield f"{evidence.foreign} labels are of events that were not read."


def _shown(tuning: Tuning) -> Sequence[Point]:
    """The points, or some of them: evenly spread, and those that matter."""
    told = tuning.told
    if len(told) <= _MOST_ROWS:
        return told
    step = len(told) / _MOST_ROWS
    chosen = {told[int(number * step)].threshold for number in range(_MOST_ROWS)} | {told[-1].threshold, tuning.current}
    if tuning.proposed is not None:
        chosen.add(tuning.proposed.threshold)
    return [each for each in told if each.threshold in chosen]


def _row(point: Point, tuning: Tuning) -> str:
    marks = [" now"] * (point.threshold == tuning.current) + [" proposed"] * (point == tuning.proposed)
    numbers = f"{point.threshold:>9.4g}  {point.findings:>8}  {point.labelled:>8}"
    return f"{numbers}  {point.precision!s:<22}  {point.known_recall!s:<22}  {point.false_alarms}{''.join(marks)}"
