"""The guard in memory, and what it was asked."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

import grpc

from tidegate._wire import lane_of
from tidegate.aio import AsyncClient
from tidegate.client import Client
from tidegate.testing import wire
from tidegate.testing.channels import AsyncMemoryChannel, MemoryChannel
from tidegate.testing.outcomes import ByRules, ByScript, Outcome, Rule, Step
from tidegate.types import Action, Coverage, Lane, Passage, Policy, Release, StreamOptions, Summary, Verdict
from tidegate.v1 import guard_pb2 as pb

_STRENGTH = [Action.ALLOW, Action.ANNOTATE, Action.ADVISE, Action.REDACT, Action.BLOCK]


@dataclass(slots=True)
class Call:
    """What an application sent with one call: options of the stream, text by lane, passages that came later."""

    options: StreamOptions = field(default_factory=StreamOptions)
    texts: dict[Lane, str] = field(default_factory=dict)
    passages: list[Passage] = field(default_factory=list)
    tool: str = ""
    """What a check's text is the arguments for, as far as the application said."""
    is_finished: bool = False
    """Whether the application sent all it had."""

    @property
    def text(self) -> str:
        """The text of all lanes, one after the other."""
        return "".join(self.texts.values())


class Guard:
    """See the package's text. `calls` grows with each call of each of its clients. For one test, on one thread."""

    def __init__(self, *rules: Rule) -> None:
        self._outcome: Callable[[], Outcome] = lambda: ByRules(rules)
        self.calls: list[Call] = []

    @classmethod
    def scripted(cls, *steps: Step) -> Guard:
        """A guard that plays the steps in each call, whatever it is sent."""
        guard = cls()
        guard._outcome = lambda: ByScript(steps)
        return guard

    def client(self) -> Client:
        """A client that asks this guard."""
        return Client("memory", coalesce=False, channel=cast("grpc.Channel", MemoryChannel(self._exchange)))

    def async_client(self) -> AsyncClient:
        """A client for asyncio that asks this guard."""
        return AsyncClient(
            "memory", coalesce=False, channel=cast("grpc.aio.Channel", AsyncMemoryChannel(self._exchange))
        )

    def _exchange(self) -> Exchange:
        self.calls.append(Call())
        return Exchange(self.calls[-1], self._outcome(), stream_id=f"stream-{len(self.calls)}")


class Exchange:
    """One call: bytes in, bytes out. Everything here raises the `TidegateError` that the call ends with."""

    def __init__(self, call: Call, outcome: Outcome, *, stream_id: str) -> None:
        self._call = call
        self._outcome = outcome
        self._stream_id = stream_id
        self._decoders: dict[Lane, codecs.IncrementalDecoder] = {}
        self._released: dict[Lane, int] = {}

    def check(self, request: bytes) -> bytes:
        """The answer to a whole text."""
        message = pb.CheckRequest.FromString(request)
        self._call.options, self._call.tool = wire.options_of(message.start), message.tool
        shown = [*self._feed(lane_of(message.lane), message.text, is_final=True), *self._end()]
        return wire.check_response(shown, self._summary())

    def message(self, request: bytes) -> Iterator[bytes]:
        """What follows a message of a stream."""
        message = pb.StreamRequest.FromString(request)
        match message.WhichOneof("message"):
            case "start":
                self._call.options = wire.options_of(message.start)
            case "context":
                self._call.passages += [Passage(each.text, each.id) for each in message.context.passages]
            case "chunk":
                lane = lane_of(message.chunk.lane)
                text = message.chunk.text or self._decoded(lane, message.chunk.data)
                yield from map(wire.response, self._feed(lane, text, is_final=message.chunk.ends_lane))

    def finish(self) -> Iterator[bytes]:
        """What follows the last message."""
        yield from map(wire.response, self._end())
        yield wire.response(self._summary())

    def _decoded(self, lane: Lane, data: bytes) -> str:
        return self._decoders.setdefault(lane, codecs.getincrementaldecoder("utf-8")()).decode(data)

    def _feed(self, lane: Lane, text: str, *, is_final: bool) -> Iterator[Release | Verdict]:
        self._call.texts[lane] = self._call.texts.get(lane, "") + text
        return self._counted(self._outcome.feed(lane, text, is_final=is_final))

    def _end(self) -> Iterator[Release | Verdict]:
        self._call.is_finished = True
        return self._counted(self._outcome.finish())

    def _counted(self, shown: Iterator[Release | Verdict]) -> Iterator[Release | Verdict]:
        for each in shown:
            if isinstance(each, Release):
                self._released[each.lane] = max(self._released.get(each.lane, 0), each.input.end)
            yield each

    def _summary(self) -> Summary:
        violations = tuple(self._outcome.violations)
        return Summary(
            stream_id=self._stream_id,
            policy=Policy(self._call.options.get("policy", "in-memory"), version="0", digest=""),
            action=max((each.done for each in violations), key=_STRENGTH.index, default=Action.ALLOW),
            violations=violations,
            violation_count=len(violations),
            coverage=tuple(
                Coverage(lane, len(text), self._released.get(lane, 0), 0, ()) for lane, text in self._call.texts.items()
            ),
            max_held_seconds=0.0,
            median_held_seconds=0.0,
            max_held_chars=0,
        )
