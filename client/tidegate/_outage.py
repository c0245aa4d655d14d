"""What a client does while no sidecar answers, and what it tells of it once one does."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import get_args

from tidegate import _wire
from tidegate._options import choice_of
from tidegate.errors import DeadlineExceeded, TidegateError, Unavailable
from tidegate.types import (
    Action,
    AnyChunk,
    CheckResult,
    Coverage,
    Lane,
    OnUnavailable,
    Part,
    Passage,
    Policy,
    Release,
    Shown,
    Span,
    StreamOptions,
    Summary,
    Usage,
    Verdict,
)
from tidegate.v1 import guard_pb2 as pb

UNAVAILABLE = "unavailable"
_VERDICT = Verdict(rule="", label=UNAVAILABLE, reason="no sidecar answered")


@dataclass(frozen=True, slots=True)
class _Count:
    """Calls that found no sidecar; times in seconds since 1970."""

    passed_calls: int = 0
    passed_chars: int = 0
    blocked_calls: int = 0
    first: float = 0.0
    last: float = 0.0


class Outage:
    """What a client does with calls that find no sidecar, and their count until a sidecar knows it. Thread-safe."""

    def __init__(self, mode: OnUnavailable, *, now: Callable[[], float] = time.time) -> None:
        choice_of("on_unavailable", mode, get_args(OnUnavailable))
        self.mode = mode
        self._now = now
        self._lock = Lock()
        self._count = _Count()

    def is_one(self, error: TidegateError, *, is_stream: bool) -> bool:
        """Whether an error is to be borne: nothing answers, and the client is set to go on.

        A sidecar that says that it has no room is there, and what becomes of text then is its policies' to say. The
        deadline of a stream is none either: a long answer would be a way around the guard.
        """
        is_outage = isinstance(error, Unavailable)
        is_late = not is_stream and isinstance(error, DeadlineExceeded)
        return self.mode != "raise" and (is_outage or is_late)

    def passed(self, chars: int) -> None:
        """Count a call of which so many characters went on unread."""
        self._add(_Count(passed_calls=1, passed_chars=chars))

    def blocked(self) -> None:
        """Count a call whose text was held back."""
        self._add(_Count(blocked_calls=1))

    def report(self) -> pb.Unguarded | None:
        """What a sidecar is to be told with the next call; None when there is nothing."""
        with self._lock:
            count = self._count
        if not count.passed_calls and not count.blocked_calls:
            return None
        report = pb.Unguarded(
            passed_calls=count.passed_calls, passed_chars=count.passed_chars, blocked_calls=count.blocked_calls
        )
        report.first.FromMilliseconds(round(count.first * 1000))
        report.last.FromMilliseconds(round(count.last * 1000))
        return report

    def told(self, report: pb.Unguarded | None) -> None:
        """A sidecar has it: what came since remains to be told."""
        if report is None:
            return
        with self._lock:
            count = self._count
            self._count = replace(
                count,
                passed_calls=max(0, count.passed_calls - report.passed_calls),
                passed_chars=max(0, count.passed_chars - report.passed_chars),
                blocked_calls=max(0, count.blocked_calls - report.blocked_calls),
                first=count.last,
            )

    def verdict(self, responses: _wire.Responses) -> Verdict:
        """What a stream gives whose text is held back. Raises `GuardBlocked` where blocks are raised."""
        self.blocked()
        return responses.blocked(_VERDICT)

    def check_result(self, text: str, lane: Lane | None) -> CheckResult:
        """What comes of a whole text that nobody looked at."""
        is_blocked = self.mode == "block"
        if is_blocked:
            self.blocked()
        else:
            self.passed(len(text))
        released = "" if is_blocked else text
        return CheckResult(
            action=Action.BLOCK if is_blocked else Action.ALLOW,
            text=released,
            verdict=_VERDICT if is_blocked else None,
            annotations=(),
            redactions=(),
            summary=_summary(lane or Lane(), len(text), len(released), is_blocked=is_blocked),
            is_unguarded=not is_blocked,
        )

    def _add(self, more: _Count) -> None:
        now = self._now()
        with self._lock:
            count = self._count
            is_first = not count.passed_calls and not count.blocked_calls
            self._count = _Count(
                count.passed_calls + more.passed_calls,
                count.passed_chars + more.passed_chars,
                count.blocked_calls + more.blocked_calls,
                now if is_first else count.first,
                now,
            )


@dataclass(slots=True)
class _Unshown:
    """A lane's text from `start` on: what was sent and has not come out."""

    start: int = 0
    text: str = ""
    decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))


class Held:
    """The original text that a stream's sidecar holds, so that an outage need not lose it.

    As much as the sidecar holds: what it let out, and what it stopped, is dropped. Thread-safe.
    """

    def __init__(self, direction: str) -> None:
        self._own_part: Part = "user" if direction == "input" else "model"
        self._lanes: dict[Lane, _Unshown] = {}
        self._stopped: set[int] = set()
        self._lock = Lock()
        self.passed_chars = 0
        """How much went on unread."""

    def sent(self, chunk: AnyChunk) -> None:
        """A chunk is on its way to the sidecar."""
        if chunk is None or isinstance(chunk, Passage | Usage):
            return
        whole = _wire.chunk_of(chunk)
        with self._lock:
            lane = self._unshown(whole.lane)
            lane.text += whole.text if isinstance(whole.text, str) else lane.decoder.decode(whole.text)

    def shown(self, shown: Shown) -> None:
        """Something came out."""
        with self._lock:
            match shown:
                case Release():
                    lane = self._unshown(shown.lane)
                    end = max(lane.start, shown.input.end)
                    lane.start, lane.text = end, lane.text[end - lane.start :]
                case Verdict():
                    self._stopped.add(shown.lane.choice)

    def rest(self) -> Iterator[Release]:
        """What the sidecar still held, as if it had let it out."""
        for lane, unshown in self._lanes.items():
            if unshown.text and lane.choice not in self._stopped:
                text, start = unshown.text, unshown.start
                unshown.start, unshown.text = start + len(text), ""
                self.passed_chars += len(text)
                yield Release(text=text, lane=lane, input=Span(start, start + len(text)), is_unguarded=True)

    def _unshown(self, lane: Lane) -> _Unshown:
        own = lane if lane.part is not None else replace(lane, part=self._own_part)
        return self._lanes.setdefault(own, _Unshown())


def held_of(outage: Outage, options: StreamOptions) -> Held | None:
    """Where a stream's text is kept; None where an outage ends it."""
    return Held(options.get("direction", "output")) if outage.mode == "pass" else None


def _summary(lane: Lane, received: int, released: int, *, is_blocked: bool) -> Summary:
    return Summary(
        stream_id="",
        policy=Policy("", "", ""),
        action=Action.BLOCK if is_blocked else Action.ALLOW,
        violations=(),
        violation_count=0,
        coverage=(Coverage(lane, received, released, received, (UNAVAILABLE,)),),
        max_held_seconds=0.0,
        median_held_seconds=0.0,
        max_held_chars=0,
    )
