"""What a client does while no sidecar answers, and what it tells of it once one does."""

from __future__ import annotations

import codecs
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Lock
from types import TracebackType
from typing import Self, get_args

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
    """Calls that found no sidecar; times in seconds since 1970, 0 where there is none."""

    passed_calls: int = 0
    passed_chars: int = 0
    blocked_calls: int = 0
    first: float = 0.0
    last: float = 0.0

    def __add__(self, more: _Count) -> _Count:
        return _Count(
            self.passed_calls + more.passed_calls,
            self.passed_chars + more.passed_chars,
            self.blocked_calls + more.blocked_calls,
            min(self.first or more.first, more.first or self.first),
            max(self.last, more.last),
        )

    def message(self) -> pb.Unguarded | None:
        """As a sidecar is told it; None when there is nothing."""
        if not self.passed_calls and not self.blocked_calls:
            return None
        message = pb.Unguarded(
            passed_calls=self.passed_calls, passed_chars=self.passed_chars, blocked_calls=self.blocked_calls
        )
        message.first.FromMilliseconds(round(self.first * 1000))
        message.last.FromMilliseconds(round(self.last * 1000))
        return message


_NONE = _Count()


class Report:
    """A count on its way to a sidecar: with this call and no other. Unless it is `told`, it goes back to the client.

    It goes back by `take_back`, behind a `with`, or when nobody holds it any more, as of a stream that was never read.
    """

    def __init__(self, outage: Outage, count: _Count) -> None:
        self._outage = outage
        self._count = count
        self.message = count.message()
        """What the call says; None when there is nothing."""

    def told(self) -> None:
        """A sidecar has it."""
        self._count = _NONE

    def take_back(self) -> None:
        """No sidecar is known to have it: another call is to tell it."""
        count, self._count = self._count, _NONE
        self._outage.add(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.take_back()

    def __del__(self) -> None:
        if self._count is not _NONE:
            self._outage.dropped.append(self._count)  # without the lock: the collector may run while it is held


class Outage:
    """What a client does with calls that find no sidecar, and their count until a sidecar knows it. Thread-safe."""

    def __init__(self, mode: OnUnavailable, *, now: Callable[[], float] = time.time) -> None:
        choice_of("on_unavailable", mode, get_args(OnUnavailable))
        self.mode = mode
        self._now = now
        self._lock = Lock()
        self._count = _NONE
        self.dropped: deque[_Count] = deque()
        """Counts whose calls came to nothing; they are told with the next one."""

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
        now = self._now()
        self.add(_Count(passed_calls=1, passed_chars=chars, first=now, last=now))

    def blocked(self) -> None:
        """Count a call whose text was held back."""
        now = self._now()
        self.add(_Count(blocked_calls=1, first=now, last=now))

    def add(self, count: _Count) -> None:
        """Count what a sidecar is to be told."""
        with self._lock:
            self._count += count

    def report(self) -> Report:
        """What a sidecar is to be told with the next call: handed over, so that no other call tells it, too."""
        while self.dropped:
            self.add(self.dropped.popleft())
        with self._lock:
            count, self._count = self._count, _NONE
        return Report(self, count)

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
