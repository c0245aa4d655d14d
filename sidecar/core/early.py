"""What leaves before its segment is complete: a beginning that is plainly harmless.

A segment fills for half a second, or more. So that the first words of an answer leave sooner, the beginning of a
segment that goes on is read by itself, with what stands before it, at places that depend on the text alone
(`core.segmenter`):

1. Every batch detector that text waits for reads it. It is **plain** when none of them finds anything that comes near
   what a rule acts on (`is_plain`), or says that it could not read it. A plain beginning is cleared: it leaves.
2. What is not plain decides nothing: the beginning is held, as it would be otherwise. Nor does a reading that is
   late, is shed, or fails. The first places are **tries**: once one was plain the answer's first words are out, and
   those behind it are not read. If they were, as the text came before its outcome, they say nothing.
3. The segment is read whole all the same once it is complete, and that decides, as ever. Of what is found, and of what
   could not be looked at, only what stands behind the last beginning that was cleared counts for rules that text
   waits for (`behind`): the beginning was judged, by a stricter measure, and is out. Their conditions and exceptions
   are asked of the finding as it is.
4. An outcome of the whole segment is taken when its beginnings are answered. So it does not matter which came first.
"""

from __future__ import annotations

import msgspec

from detectors.base import UNCHECKED
from detectors.types import Finding
from sidecar.policy.decide import Violation
from sidecar.policy.plan import BatchPlan, Plan
from sidecar.values import Channel, Failed, Lane, Outcome, Part, Segment

NEAR = 0.25
"""From what part of its threshold on a score comes near it (ADR 0057 has what other parts bring and cost)."""
_READ_AS_IT_COMES = frozenset({Channel.CONTENT, Channel.REASONING})


class Ahead(msgspec.Struct):
    """How far a segment's beginning is cleared, and which readings of beginnings are under way."""

    cleared: int
    """Lane offset; at first the segment's beginning."""
    asked: set[int] = msgspec.field(default_factory=set)
    """The numbers of the beginnings that are not answered."""
    tries: dict[int, bool | None] = msgspec.field(default_factory=dict)
    """By the ends of those that are tries, in text order: whether it was plain, None while it is not answered."""

    @property
    def is_tried(self) -> bool:
        """Whether one of the tries was plain: no later one is needed."""
        return True in self.tries.values()

    def take(self, end: int, *, is_plain: bool) -> None:
        """Take what was said of the beginning up to `end`. Of tries the first that is plain counts."""
        if end not in self.tries:
            self.cleared = max(self.cleared, end if is_plain else 0)
            return
        self.tries[end] = is_plain
        for place, was_plain in self.tries.items():
            if was_plain is not False:
                self.cleared = max(self.cleared, place if was_plain else 0)
                return


def early_tokens(lane: Lane, plan: Plan, *, is_request: bool) -> tuple[int, ...]:
    """Where the beginnings of a lane's segments are read early; nowhere when nobody waits for its first words.

    Nor where text waits for whole sentences, or for a judge: what is unclear is for it to say. Nor where what is found
    counts for other rules (`requires`): they would miss what is only found in the whole.
    """
    if is_request or lane.part is not Part.MODEL or lane.channel not in _READ_AS_IT_COMES:
        return ()
    readers = plan.readers(lane)
    awaited = [batch for batch in readers.batches if batch.index in readers.gating]
    if any(batch.is_pair_checker or any(rule.judge or rule.is_counted for rule in batch.rules) for batch in awaited):
        return ()
    return (*plan.stream.early_tokens, plan.stream.early_every_tokens)


def is_plain(batch: BatchPlan, outcome: Outcome) -> bool:
    """Whether a batch detector read a text, and found nothing in it that comes near what a rule acts on."""
    if isinstance(outcome, Failed):
        return False
    return not any(_comes_near(batch, finding) for finding in outcome.findings)


def behind(segment: Segment, violation: Violation) -> Violation | None:
    """What of a violation stands behind what was cleared of its segment, for a rule that text waits for; else all."""
    cleared, finding = segment.cleared, violation.finding
    if not violation.rule.is_awaited or finding.start >= cleared:
        return violation
    if finding.end <= cleared:
        return None
    return Violation(violation.rule, msgspec.structs.replace(finding, start=cleared))


def _comes_near(batch: BatchPlan, finding: Finding) -> bool:
    if finding.label == UNCHECKED:
        return True
    thresholds = (rule.thresholds.get(finding.label) for rule in batch.rules if rule.is_awaited)
    return any(each is not None and finding.score >= NEAR * each for each in thresholds)
