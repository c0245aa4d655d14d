"""What may look on while a stream is judged: for whoever has to say why. A stream without one pays nothing for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from detectors.types import Finding
from sidecar.policy.decide import Violation
from sidecar.policy.plan import BatchPlan, ScannerPlan
from sidecar.values import Lane, Segment

Reader: TypeAlias = ScannerPlan | BatchPlan


class Trace(Protocol):
    """Is told what became of findings, when there are any. It sees; it changes nothing."""

    def judged(
        self,
        lane: Lane,
        reader: Reader,
        segment: Segment | None,
        findings: Sequence[Finding],
        violations: Sequence[Violation],
    ) -> None:
        """A detector found these (a model in a segment), of which these are violations of the rules that read it."""
        ...


Told: TypeAlias = Callable[[Reader, Segment | None, Sequence[Finding], Sequence[Violation]], None]
"""A trace's `judged`, of one lane."""


class Holder(msgspec.Struct, frozen=True, gc=False):
    """What keeps a lane's text back from an offset on: a scanner by its name, or `segment`, `verdict` or `whole`.

    They are a segment that is not complete, one whose verdict is due, and a text that leaves as a whole.
    """

    by: str
    position: int


SEGMENT, VERDICT, WHOLE = "segment", "verdict", "whole"
