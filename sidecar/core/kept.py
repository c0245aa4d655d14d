"""Outputs that are kept back, in their order, until all that they belong to is judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from sidecar.values import Action, Decision, Exposure, Output, Recorded, Release

_JOINED = 64


class Kept:
    """See the module's text. Small releases that follow each other are joined: many tokens take little room."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self._small = 0
        """How many releases at the end follow each other."""

    def append(self, output: Output) -> None:
        """Add one at the end."""
        last = self.outputs[-1] if self.outputs else None
        self._small = self._small + 1 if self._small and last is not None and _follows(last, output) else 1
        self.outputs.append(output)
        if self._small == _JOINED:
            self.outputs[-_JOINED:] = [_join(self.outputs[-_JOINED:])]
            self._small = 0


def recorded(outputs: Iterable[Output], done: Action) -> Iterator[Recorded]:
    """What was decided about text that does not leave, and was done to all of it instead."""
    for output in outputs:
        if output.decisions:
            yield Recorded(output.lane, tuple([as_done(each, done) for each in output.decisions]))


def as_done(decision: Decision, done: Action) -> Decision:
    """The same decision about text of which nothing left."""
    exposure = Exposure(0, 0, decision.exposure.held_ms)
    return msgspec.structs.replace(decision, done=done, exposure=exposure)


def _follows(before: Output, after: Output) -> bool:
    """Whether two outputs are text that stands side by side, and nothing else."""
    return (
        isinstance(before, Release)
        and isinstance(after, Release)
        and before.lane == after.lane
        and before.end == after.start
        and not any((*_extras(before), *_extras(after)))
    )


def _extras(release: Release) -> tuple[object, ...]:
    return release.annotations, release.redactions, release.decisions


def _join(outputs: list[Output]) -> Release:
    releases = [each for each in outputs if isinstance(each, Release)]
    first, last = releases[0], releases[-1]
    return Release(first.lane, "".join([each.text for each in releases]), first.start, last.end)
