"""One call-out's texts through the engine: what came of each, as every form of answer is made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import field

from sidecar.callouts.documents import decoded, encoded
from sidecar.codec import opened
from sidecar.codec.body import UnknownShapeError
from sidecar.codec.formats import Format
from sidecar.codec.shape import Shape
from sidecar.codec.weave import Text
from sidecar.engine import Engine
from sidecar.errors import CallerError
from sidecar.policy.plan import Plan
from sidecar.session import Session
from sidecar.start import StreamStart
from sidecar.summary import StreamSummary
from sidecar.transport.answers import beside, guard_whole, hand_over
from sidecar.transport.exchange import message_of
from sidecar.values import Action, Blocked, Decision, Direction, Lane, Redaction, Release


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that met a rule. `start` and `end` are code points of the text numbered `text`, half-open."""

    text: int
    lane: Lane
    start: int
    end: int
    rule: str
    detector: str
    label: str
    score: float
    reason: str
    excerpt: str
    """What was found, for whoever sent it."""
    severity: str
    decided: Action
    done: Action
    is_shadow: bool

    @property
    def counts(self) -> bool:
        """Whether the policy has something done or said about it, and is not only watching."""
        return not self.is_shadow and self.decided is not Action.ALLOW


class Guarded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call-out's texts.

    `texts` are as they may go on, in the order in which they came; where something was blocked, they may not.
    """

    action: Action
    texts: tuple[str, ...]
    found: tuple[Found, ...]
    plan: Plan
    stream_id: str
    blocked_rule: str = ""
    """The rule that blocked; empty where none did."""
    message: str = ""
    """What to tell the user where something was blocked."""
    unscanned_chars: int = 0
    advice: tuple[str, ...] = ()
    redactions: Mapping[int, Sequence[Redaction]] = field(default_factory=dict)
    """By text: what was replaced in it."""
    open_chars: tuple[int, ...] = ()
    """How many code points at the end of each of `texts` could still change if more of it followed."""

    @property
    def is_blocked(self) -> bool:
        """Whether a policy stopped it."""
        return self.action is Action.BLOCK


class GuardedDocument(msgspec.Struct, frozen=True):
    """What came of a document of a provider's shape, and the document as it may go on."""

    guarded: Guarded
    document: Any


async def guard_texts(engine: Engine, start: StreamStart, texts: Sequence[Text], *, may_grow: bool = False) -> Guarded:
    """Guard whole texts, each a lane of its own. Raises `TidegateError`.

    `may_grow`: the texts may be what came so far of longer ones. All is judged as if it were whole, and `open_chars`
    tells what of it no longer text can change.
    """
    limit = engine.limits.max_stream_chars
    chars = sum(len(each.text) for each in texts)
    if chars > limit:
        raise CallerError(f"have {chars} characters; at most {limit} are allowed", field="texts", limit=limit)
    check_count(engine, len(texts))
    numbers = {each.lane: number for number, each in enumerate(texts)}
    gathered = _Gathered(numbers)
    async with engine.open(start, is_held=True) as session:
        async with beside(_feed(session, texts, gathered.settle if may_grow else None)):
            async for shown in session.outputs():
                gathered.take(shown)
        return gathered.guarded(session)


def check_count(engine: Engine, texts: int) -> None:
    """Raise `CallerError` where a call-out has too many texts."""
    limit = engine.limits.max_request_texts
    if texts > limit:
        raise CallerError(f"are {texts}; at most {limit} are allowed", field="texts", limit=limit)


async def guard_document(engine: Engine, start: StreamStart, shape: Shape, document: Any) -> GuardedDocument:
    """Guard a request, or where the start's direction is output an answer, as a provider's API has it.

    Whose words each text is, is read off it. Raises `TidegateError`.
    """
    is_request = start.direction is Direction.INPUT
    body = open_document(shape, document, is_request=is_request, most_texts=engine.limits.max_request_texts)
    if is_request:
        start = msgspec.structs.replace(start, history=body.history)
    numbers = {each.lane: number for number, each in enumerate(_firsts(body.texts))}
    async with engine.open(start, is_held=True) as session:
        summary = await guard_whole(session, body)
        gathered = _Gathered(numbers)
        gathered.take(summary)
        if body.blocked is not None:
            gathered.take(body.blocked)
        guarded = gathered.guarded(session)
    return GuardedDocument(guarded, document if guarded.is_blocked else decoded(body.finish(), Any))


def open_document(shape: Shape, document: Any, *, is_request: bool, most_texts: int = 0) -> opened.Whole:
    """A request of a provider's API, or an answer, with the texts in it. Raises `CallerError`."""
    try:
        return opened.whole(shape, encoded(document), is_request=is_request, form=Format.JSON, most_texts=most_texts)
    except UnknownShapeError:
        kind = "request" if is_request else "answer"
        raise CallerError(f"is no {kind} of {shape.name} whose texts can be read", field="messages") from None


async def _feed(session: Session, texts: Iterable[Text], settle: Callable[[], None] | None) -> None:
    try:
        for each in texts:
            await hand_over(session, msgspec.structs.replace(each, is_last=settle is None))
        if settle is not None:
            await session.settled()
            settle()
        session.finish()
    except Exception as error:  # noqa: BLE001 - told by the task that reads the outputs
        session.fail(error)


def _firsts(texts: Iterable[Text]) -> list[Text]:
    """The first text of each lane."""
    return [*{each.lane: each for each in reversed([*texts])}.values()][::-1]


class _Gathered:
    """All outputs of a session, by text."""

    def __init__(self, numbers: Mapping[Lane, int]) -> None:
        self._numbers = numbers
        self._texts: dict[Lane, list[str]] = {lane: [] for lane in numbers}
        self._redactions: dict[int, list[Redaction]] = {}
        self._blocked: Blocked | None = None
        self._summary: StreamSummary | None = None
        self._settled: Mapping[Lane, int] = {}

    def settle(self) -> None:
        """What came till now stands, whatever follows."""
        self._settled = {lane: sum(map(len, pieces)) for lane, pieces in self._texts.items()}

    def take(self, shown: Release | Blocked | StreamSummary) -> None:
        """One output."""
        match shown:
            case Release():
                self._texts.setdefault(shown.lane, []).append(shown.text)
                if shown.redactions:
                    self._redactions.setdefault(self._numbers.get(shown.lane, 0), []).extend(shown.redactions)
            case Blocked():
                self._blocked = self._blocked or shown
            case StreamSummary():
                self._summary = shown

    def guarded(self, session: Session) -> Guarded:
        """What came of all."""
        summary, blocked, plan = self._summary, self._blocked, session.plan
        assert summary is not None
        texts = {lane: "".join(self._texts[lane]) for lane in self._numbers}
        return Guarded(
            action=Action.BLOCK if blocked is not None else summary.action,
            texts=tuple(texts.values()),
            open_chars=tuple(len(text) - self._settled.get(lane, 0) for lane, text in texts.items()),
            found=tuple(_found(each, plan, self._numbers.get(each.lane, 0)) for each in summary.violations),
            plan=plan,
            stream_id=summary.stream_id,
            blocked_rule="" if blocked is None else plan.rules[blocked.rule].id,
            message="" if blocked is None else message_of(blocked),
            unscanned_chars=sum(each.unscanned_chars for each in summary.coverage),
            advice=summary.advice,
            redactions=self._redactions,
        )


def _found(decision: Decision, plan: Plan, number: int) -> Found:
    rule, finding = plan.rules[decision.rule], decision.finding
    return Found(
        text=number,
        lane=decision.lane,
        start=finding.start,
        end=finding.end,
        rule=rule.id,
        detector=rule.detector,
        label=finding.label,
        score=finding.score,
        reason=finding.reason,
        excerpt=decision.excerpt,
        severity=rule.severity_of(finding.score).word,
        decided=decision.decided,
        done=decision.done,
        is_shadow=not rule.is_enforced,
    )
