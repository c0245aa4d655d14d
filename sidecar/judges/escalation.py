"""The step between finding and decision: what a rule leaves to a judge goes there before the core hears of it.

It stands before the scheduler. The outcome of a request for a detector whose rule has a judge comes by way of
this step: when a finding is unclear, the judge is asked, and its word goes to the stream with the findings
(`Found.judged`). The core knows nothing of it: until then the outcome has not come, so text stays held. The judge's
time ends `_MARGIN_MS` before the stream's, so that its lateness is never the detector's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from sidecar.clock import Clock
from sidecar.judges.judge import Judge, Question, facts_of
from sidecar.judges.settings import JudgeSettings
from sidecar.policy.judging import Escalation, JudgeFacts
from sidecar.scheduler.scheduler import Request
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Failed, Found, Judged, Outcome, Part

_MARGIN_MS = 10.0


class Judges:
    """See the module's text. Raises `ConfigError` when a file of the settings cannot be used."""

    def __init__(
        self,
        settings: Mapping[str, JudgeSettings],
        submit: Callable[[Request], None],
        *,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """`submit` is the scheduler's."""
        self._settings = settings
        self._submit = submit
        self._clock = clock
        self._metrics = metrics
        self._judges: dict[str, Judge] = {}

    def submit(self, request: Request) -> None:
        """Have a segment looked at, and judged where that is unclear."""
        rule = next((each for each in request.batch.rules if each.judge is not None), None)
        if rule is None or rule.judge is None or rule.judge.judge not in self._judges:
            self._submit(request)
            return
        way = _Escalation(request, rule.thresholds, rule.judge, self._judges[rule.judge.judge], self._clock)
        self._submit(msgspec.structs.replace(request, by_way_of=way.take))

    async def start(self) -> None:
        """Be ready to ask; nobody is connected to yet."""
        self._judges = {
            name: Judge(name, each, clock=self._clock, metrics=self._metrics) for name, each in self._settings.items()
        }

    async def stop(self) -> None:
        """Give up what is under way."""
        await asyncio.gather(*(each.stop() for each in self._judges.values()))


class _Escalation:
    """What a detector says of one segment, on its way to the stream."""

    def __init__(
        self, request: Request, thresholds: Mapping[str, float], escalation: Escalation, judge: Judge, clock: Clock
    ) -> None:
        self._request = request
        self._clock = clock
        self._thresholds = thresholds
        self._escalation = escalation
        self._judge = judge

    def take(self, outcome: Outcome) -> None:
        """Take the outcome, and hand it on when all is said."""
        request = self._request
        if isinstance(outcome, Failed) or not self._escalation.is_unclear(self._thresholds, outcome.findings):
            request.answer(outcome)
            return
        question = Question(request.segment.text, request.segment.part is Part.MODEL, request.tenant)
        self._judge.ask(question, request.deadline_ms - _MARGIN_MS, partial(self._hear, outcome, self._clock.now_ms()))

    def _hear(self, found: Found, asked_ms: float, judged: Judged) -> None:
        """Hand on what was found, with what the judge says of it."""
        if self._request.receiver.is_open:
            if self._request.hears is not None:
                self._request.hears(judged, self._clock.now_ms() - asked_ms)
            self._request.answer(self._escalation.heard(found, judged))


def judges_of(settings: Mapping[str, JudgeSettings]) -> Mapping[str, JudgeFacts]:
    """What policies have to know of the judges of the settings. Raises `ConfigError`."""
    return {name: facts_of(name, each) for name, each in settings.items()}
