"""Log lines about what happens with each request: each is told once an hour, and how often it happened meanwhile."""

from __future__ import annotations

import logging

from sidecar.clock import Clock

EVERY_MS = 3_600_000


class Notices:
    """See the module's text. `subject` has to be one of a bounded set of words."""

    def __init__(self, clock: Clock, log: logging.Logger) -> None:
        self._clock = clock
        self._log = log
        self._told: dict[tuple[str, str], tuple[float, int]] = {}
        """When it was told last, and how often it happened since."""

    def tell(self, message: str, subject: str) -> None:
        """Warn of something that happened to a subject, unless that was told less than an hour ago."""
        now_ms = self._clock.now_ms()
        told_ms, since = self._told.get((message, subject), (now_ms - EVERY_MS, 0))
        if now_ms - told_ms < EVERY_MS:
            self._told[message, subject] = (told_ms, since + 1)
            return
        self._told[message, subject] = (now_ms, 0)
        self._log.warning(message, extra={"subject": subject, "times": since + 1})
