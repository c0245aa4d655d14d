"""What is recorded of a lane: when its text came, what of it was replaced, and so how far something was exposed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from sidecar.core.items import Item, Settled
from sidecar.core.shared import Shared
from sidecar.values import Action, Decision, Exposure, Lane

_REDACTED_SPANS = 256


class Journal:
    """See the module's text."""

    __slots__ = ("_arrivals", "_lane", "_redacted", "_shared")

    def __init__(self, lane: Lane, shared: Shared) -> None:
        self._lane = lane
        self._shared = shared
        self._redacted: deque[tuple[int, int]] | None = None
        """The spans that were replaced last, if any were."""
        self._arrivals: list[tuple[int, float]] = []
        """Where the text that came at a time ends, and that time."""

    def arrived(self, end: int, ms: float) -> None:
        """Note when the text that ends there came."""
        self._arrivals.append((end, ms))

    def released(self, end: int) -> None:
        """Forget when the text before came."""
        arrivals, gone = self._arrivals, 0
        while gone < len(arrivals) and arrivals[gone][0] <= end:
            gone += 1
        del arrivals[:gone]

    def replaced(self, start: int, end: int) -> None:
        """Note what did not leave as it was."""
        if self._redacted is None:
            self._redacted = deque(maxlen=_REDACTED_SPANS)
        self._redacted.append((start, end))

    def raw_chars(self, item: Item, released: int) -> int:
        """How many characters of an item's span have left as they were."""
        start, end = item.start, min(item.end, released)
        replaced = sum(max(0, min(end, stop) - max(start, begin)) for begin, stop in self._redacted or ())
        return max(0, end - start - replaced)

    def decisions(self, settled: Iterable[Settled], left: int) -> tuple[Decision, ...]:
        """What is recorded; the stream numbers it when it hands it out. Text before `left` has left."""
        return tuple([self._decision(each, left) for each in settled if not each.item.is_remark])

    def _decision(self, settled: Settled, left: int) -> Decision:
        item, rule = settled.item, settled.item.violation.rule
        is_held = settled.done >= Action.REDACT and not settled.leaked_chars
        released_to = min(item.start if is_held else settled.position, left)
        now_ms = self._shared.now_ms
        arrived = self._arrivals[0][1] if self._arrivals else now_ms
        return Decision(
            number=0,
            rule=rule.index,
            lane=self._lane,
            finding=item.violation.finding,
            decided=rule.action if item.failed or item.action >= Action.WITHHOLD else item.action,
            done=settled.done,
            exposure=Exposure(released_to, settled.leaked_chars, max(0.0, now_ms - arrived)),
            excerpt=item.excerpt,
            failure=item.failed,
            segment=item.source.segment,
            model=item.source.model,
            is_enforced=rule.is_enforced,
            is_repeated=item.source.is_known and rule.session is None,  # it may be none in another session
        )
