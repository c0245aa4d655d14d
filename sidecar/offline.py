"""Guards a text through the service's core without a server: for the command line, policy tests and evaluation.

Batch detectors are called at once, on the caller's thread, one call per detector for all the segments that a step
completed. Nothing is published. Timers are off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from detectors.context import Context, context_of
from detectors.task import Task
from sidecar.core.answer import Sentences
from sidecar.core.stream import LaneCoverage, Request, Stream
from sidecar.core.structured import JsonReading
from sidecar.core.trace import Trace
from sidecar.policy.cases import public_keys
from sidecar.policy.conditions import Circumstances
from sidecar.policy.facts import StreamFacts
from sidecar.policy.plan import BatchPlan, Plan
from sidecar.policy.session_facts import NOTHING_KNOWN, SessionFacts
from sidecar.policy.stand_ins import Kept, StandIns, StandInSource
from sidecar.policy.turns import Exchange
from sidecar.values import (
    Action,
    Annotation,
    Blocked,
    Channel,
    Decision,
    Direction,
    Failed,
    FailureKind,
    Found,
    Judged,
    Lane,
    Outcome,
    Output,
    Redaction,
    Release,
    Segment,
    Tool,
)

_NOBODY: Mapping[str, Judged] = {}

LaneText = tuple[Lane, str]
"""A chunk: which lane, and its text."""
Fed = LaneText | Lane | Context
"""What comes next: a chunk; a lane by itself, which ends there; or a context, in the place of the one before it."""


class Guarded(msgspec.Struct, frozen=True):
    """What came of a stream. Offsets are code points of each lane's original text."""

    outputs: tuple[Output, ...]
    coverage: tuple[LaneCoverage, ...]
    max_held_chars: int
    released_after: tuple[int, ...] = ()
    """For each chunk, how many characters of all lanes' input had left after it."""
    sentences: Sentences | None = None
    """What became of the sentences that were compared with a context."""

    def text(self, lane: Lane | None = None) -> str:
        """The text that may leave, of one lane or of all in the order it left."""
        releases = (each for each in self.outputs if isinstance(each, Release))
        return "".join(each.text for each in releases if lane is None or each.lane == lane)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All decisions, in the order they were made."""
        return tuple(decision for output in self.outputs for decision in output.decisions)

    @property
    def blocked(self) -> Blocked | None:
        """The first block, if any."""
        return next((each for each in self.outputs if isinstance(each, Blocked)), None)

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """All annotations, in the order they were made."""
        return tuple(each for output in self.outputs if isinstance(output, Release) for each in output.annotations)

    @property
    def redactions(self) -> tuple[Redaction, ...]:
        """All redactions, in text order; replacement offsets are within each release."""
        return tuple(each for output in self.outputs if isinstance(output, Release) for each in output.redactions)

    @property
    def action(self) -> Action:
        """The strongest action that was done."""
        return max((decision.done for decision in self.decisions), default=Action.ALLOW)

    @property
    def leaked_chars(self) -> int:
        """Characters of enforced redactions' and blocks' spans that left as they were; strict mode: always 0."""
        return sum(each.leaked_chars for each in self.decisions)


class Watch(Trace, Protocol):
    """What looks on while a stream runs, step by step."""

    def answered(self, batch: BatchPlan, segment: Segment, outcome: Outcome) -> None:
        """A batch detector was given a segment, and said this."""
        ...

    def stepped(self, stream: Stream, outputs: Sequence[Output]) -> None:
        """A chunk was fed, or the stream closed, and let these out."""
        ...


def guard(
    plan: Plan,
    parts: Iterable[Fed],
    *,
    session_id: str = "",
    direction: Direction = Direction.OUTPUT,
    context: Context | None = None,
    task: Task | None = None,
    stand_ins: StandIns | None = None,
    history: Collection[Lane] | None = None,
    facts: SessionFacts = NOTHING_KNOWN,
    about: StreamFacts | None = None,
    languages: Sequence[str] = (),
    tools: Mapping[Lane, Tool] | None = None,
    verdicts: Mapping[str, Judged] = _NOBODY,
    watch: Watch | None = None,
) -> Guarded:
    """Run a stream to its end. Raises nothing for what a text holds; a detector's exception counts as its failure.

    `task` is what calls are to serve.

    `stand_ins` is the book of the exchange; without one, stand-ins are made with a public key, and nothing is put back.
    `facts` is how the session stands, `about` what is known of the stream, `languages` those of the reader. `tools`
    says what the lanes of calls call, `verdicts` what judges say of all that is unclear: nobody is asked. `watch` looks
    on.
    """
    book = stand_ins or public_stand_ins(session_id)
    is_request = direction is Direction.INPUT
    stream = Stream(
        plan,
        session_id=session_id,
        stops_together=is_request,
        history=history,
        stand_ins=book,
        facts=facts,
        circumstances=Circumstances(about or StreamFacts(direction), facts, datetime.now(UTC).date()),
        languages=languages,
        trace=watch,
    )
    for lane, tool in (tools or {}).items():
        stream.name_tool(lane, tool)
    stream.serve(task)
    outputs: list[Output] = []
    released_after: list[int] = []
    if context is not None:
        stream.ground(context)
    for part in parts:
        if isinstance(part, Context):
            stream.ground(part)
        elif isinstance(part, Lane):
            _step(stream, stream.end_lane(part), outputs, verdicts, direction, watch)
            continue
        else:
            if part[0].channel is Channel.TOOL_ARGUMENTS:
                stream.read_as_json(part[0])
            _step(stream, stream.feed(*part), outputs, verdicts, direction, watch)
        released_after.append(sum(each.released_chars for each in stream.coverage()))
    _step(stream, stream.close(), outputs, verdicts, direction, watch)
    return Guarded(tuple(outputs), stream.coverage(), stream.max_held_chars, tuple(released_after), stream.sentences())


def guard_exchange(
    plan: Plan,
    exchange: Exchange,
    chunks: Sequence[Sequence[str]] | None = None,
    *,
    session_id: str = "",
    stand_ins: StandIns | None = None,
    facts: SessionFacts = NOTHING_KNOWN,
    about: StreamFacts | None = None,
    languages: Sequence[str] = (),
    verdicts: Mapping[str, Judged] = _NOBODY,
) -> Guarded:
    """Guard a request or an answer of a conversation; `chunks` are the pieces of each of its texts (default: whole).

    `stand_ins` is the conversation's book: what a request puts in is put back in its answer. `facts`, `languages`
    and `verdicts` are as `guard` takes them.
    """
    pieces = chunks or [(each.text,) for each in exchange.spoken]
    context = context_of([(each.id, each.text) for each in exchange.passages])

    def parts() -> Iterator[Fed]:
        for spoken, cut in zip(exchange.spoken, pieces, strict=True):
            yield from ((spoken.lane, piece) for piece in cut)
            yield spoken.lane

    return guard(
        plan,
        parts(),
        session_id=session_id,
        direction=exchange.direction,
        task=exchange.task,
        context=context,
        stand_ins=stand_ins,
        history=exchange.history,
        facts=facts,
        about=about,
        languages=languages,
        tools={each.lane: each.tool for each in exchange.spoken if each.tool is not None},
        verdicts=verdicts,
    )


def read_text(lane: Lane, text: str) -> str:
    """A text as its detectors read it, and as offsets count in it: what a tool is handed is decoded."""
    if lane.channel is not Channel.TOOL_ARGUMENTS:
        return text
    reading = JsonReading()
    return reading.feed(text) + reading.finish()


def public_stand_ins(session_id: str = "") -> StandIns:
    """A book with a key that is no secret: the same text has the same stand-ins on every machine."""
    return StandInSource(public_keys().stand_in_key, Kept(max_bytes=0, max_entries=0)).book("", session_id)


def guard_text(
    plan: Plan,
    chunks: str | Iterable[str],
    *,
    lane: Lane | None = None,
    session_id: str = "",
    direction: Direction = Direction.OUTPUT,
    context: Context | None = None,
    stand_ins: StandIns | None = None,
    is_history: bool = False,
    about: StreamFacts | None = None,
) -> Guarded:
    """Guard one lane's text, whole or in chunks; `is_history`: it stands in a request's history."""
    pieces = [chunks] if isinstance(chunks, str) else chunks
    where = lane or Lane()
    parts = ((where, piece) for piece in pieces)
    history = frozenset({where}) if is_history else None
    return guard(
        plan,
        parts,
        session_id=session_id,
        direction=direction,
        context=context,
        stand_ins=stand_ins,
        history=history,
        about=about,
    )


def _step(
    stream: Stream,
    requests: Sequence[Request],
    outputs: list[Output],
    verdicts: Mapping[str, Judged],
    direction: Direction,
    watch: Watch | None,
) -> None:
    begin = len(outputs)
    for batch, segments in _by_batch(requests):
        for segment, told in zip(segments, _detect(batch, segments, direction), strict=True):
            outcome = _judged(batch, told, verdicts)
            stream.resolve(segment.number, batch.index, outcome)
            if watch is not None and not segment.is_early:
                watch.answered(batch, segment, outcome)
    while (output := stream.next_output()) is not None:
        outputs.append(output)
    if watch is not None:
        watch.stepped(stream, outputs[begin:])


def _by_batch(requests: Sequence[Request]) -> Iterable[tuple[BatchPlan, list[Segment]]]:
    groups: dict[int, tuple[BatchPlan, list[Segment]]] = {}
    for batch, segment in requests:
        groups.setdefault(batch.index, (batch, []))[1].append(segment)
    return groups.values()


def _judged(batch: BatchPlan, outcome: Outcome, verdicts: Mapping[str, Judged]) -> Outcome:
    """An outcome with what a judge says of it, where one is to be asked and there is a script for it."""
    rule = next((each for each in batch.rules if each.judge is not None), None)
    if rule is None or rule.judge is None or isinstance(outcome, Failed) or rule.judge.judge not in verdicts:
        return outcome
    is_unclear = rule.judge.is_unclear(rule.thresholds, outcome.findings)
    return rule.judge.heard(outcome, verdicts[rule.judge.judge]) if is_unclear else outcome


def _detect(batch: BatchPlan, segments: Sequence[Segment], direction: Direction) -> list[Outcome]:
    items = [each.item(direction) for each in segments]
    try:
        found = batch.detector.detect(items)
    except Exception as error:  # noqa: BLE001 - a detector is third-party code: its failure is an outcome
        return [Failed(FailureKind.ERROR, type(error).__name__)] * len(segments)
    return [Found(segment.to_lane(findings)) for findings, segment in zip(found, segments, strict=True)]
