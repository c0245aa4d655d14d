"""Violations on their way to a decision, and in which order they are decided."""

from __future__ import annotations

import msgspec

from sidecar.core.graphemes import is_invisible
from sidecar.policy.decide import Violation
from sidecar.values import Action, Blocked, Failed
from sidecar.wording.targets import Target

Order = tuple[int, int, int, str, float]


class Source(msgspec.Struct, frozen=True, gc=False):
    """Where a violation comes from: the run of text in which it became known, and a model's segment, or a scanner."""

    run: int
    segment: int | None = None
    model: str = ""
    is_known: bool = False
    """Whether it was found, and recorded, when the same text was looked at before."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """A violation on its way to a decision. `action` is what it asks for: a block, for a failure that fails closed."""

    violation: Violation
    action: Action
    start: int
    end: int
    excerpt: str
    source: Source
    failed: Failed | None = None
    leaked_chars: int = 0
    """What had left of a redaction that came late."""
    is_rest: bool = False
    """Whether an earlier replacement already stands for its beginning, and its decision was made."""
    is_remark: bool = False
    """Whether it is only shown: evidence for a sentence that passed, of which there is no decision."""

    @property
    def is_scanned(self) -> bool:
        """Whether a scanner found it."""
        return self.source.segment is None

    @property
    def takes_targets(self) -> bool:
        """Whether a link's target is replaced with what it found there: words lead to nowhere."""
        return self.action is Action.REDACT and not is_invisible(self.excerpt)

    @property
    def is_active(self) -> bool:
        """Whether it changes the text."""
        return self.violation.rule.is_enforced and self.action >= Action.REDACT and not self.is_remark


class Known(msgspec.Struct, frozen=True, gc=False):
    """A stand-in in a lane's text, and the value that is put back for it; None: it stays."""

    start: int
    end: int
    value: str | None

    def holds(self, item: Item) -> bool:
        """Whether a violation is about the stand-in, or a part of it: that is no finding.

        One that reaches beyond it may be about something else, too: what it takes is taken. A remark is not made.
        """
        begins, ends = self.start <= item.start < self.end, self.start < item.end <= self.end
        return item.failed is None and ((begins and ends) if item.is_active else (begins or ends))


class Settled(msgspec.Struct, frozen=True, gc=False):
    """A violation with what was done about it. `position` is the lane offset at which that was certain."""

    position: int
    item: Item
    done: Action
    leaked_chars: int


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a redaction stands: `[start, end)` is replaced, for what was found in `[found, found_end)`.

    They differ where words stand in for a link's whole `target`. `end` is None while it is not certain.
    """

    start: int
    found: int
    end: int | None
    found_end: int = 0
    target: Target | None = None


class Cluster(msgspec.Struct, frozen=True, gc=False):
    """Overlapping redactions: the union of their spans, widened to whole graphemes, is replaced once.

    `blocker` is a block that begins inside: then nothing from its place's start on leaves.
    """

    place: Place
    items: list[Item]
    blocker: Item | None


class Stop(msgspec.Struct, frozen=True, gc=False):
    """A block that takes effect, and the run of text in which it became known: its place for the other lanes."""

    blocked: Blocked
    run: int


def text_order(item: Item) -> Order:
    """Text order, then the policy's."""
    finding = item.violation.finding
    return (item.start, item.violation.rule.index, item.end, finding.label, -finding.score)


def settling_order(settled: Settled) -> tuple[int, Order]:
    """By when it was certain."""
    return (settled.position, text_order(settled.item))


def precedence(item: Item) -> tuple[int, float, int, int, str]:
    """The rule that stands first writes the replacement; within it the highest score, then the longest span."""
    finding = item.violation.finding
    return (item.violation.rule.index, -finding.score, finding.start - finding.end, finding.start, finding.label)
