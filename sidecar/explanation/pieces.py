"""What left of a text, piece by piece, and what each piece had waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sidecar.core.trace import SEGMENT, VERDICT, WHOLE, Holder
from sidecar.explanation.account import Piece, SegmentAccount
from sidecar.explanation.witness import Step
from sidecar.policy.plan import Plan
from sidecar.values import NO_RULE, Blocked, Output, Redaction, Release


class _Left(msgspec.Struct, frozen=True):
    """A piece as it left, before its neighbours of the same kind are joined to it."""

    piece: Piece
    segments: tuple[int, ...]
    names: frozenset[str]


class Pieces:
    """Makes the pieces of a text of `chars` characters, of which `size` came with each step."""

    def __init__(self, plan: Plan, waited_for: Sequence[SegmentAccount], chars: int, size: int) -> None:
        """`waited_for` are the segments whose verdicts text waits for."""
        self._plan = plan
        self._segments = waited_for
        self._chars = chars
        self._size = size

    def of(self, steps: Sequence[Step]) -> tuple[Piece, ...]:
        """All pieces, in the order in which they left."""
        return tuple(self._told(each) for each in _joined(self._left(steps)))

    def _left(self, steps: Sequence[Step]) -> Iterator[_Left]:
        holders: tuple[Holder, ...] = ()
        for number, step in enumerate(steps, start=1):
            arrived = min(number * self._size, self._chars)
            for output in step.outputs:
                for piece in self._pieces(output, arrived):
                    names = frozenset(each.by for each in holders if each.position < piece.end)
                    yield _Left(piece, self._judging(piece), names)
            holders = step.holders

    def _judging(self, piece: Piece) -> tuple[int, ...]:
        """The numbers of the segments that the piece waited for."""
        return tuple(
            dict.fromkeys(each.number for each in self._segments if each.start < piece.end and piece.start < each.end)
        )

    def _pieces(self, output: Output, arrived: int) -> Iterator[Piece]:
        if isinstance(output, Blocked):
            yield self._piece("stopped", output.position, self._chars, "", arrived, rule=output.rule)
        if not isinstance(output, Release):
            return
        if output.is_withheld:
            (redaction,) = output.redactions
            yield self._piece("withheld", output.start, output.end, output.text, arrived, rule=redaction.rule)
            return
        start, begin = output.start, 0
        for each in output.redactions:
            yield from self._kept(start, each.start, output.text[begin : each.replacement_start], arrived)
            yield self._replaced(each, output.text, arrived)
            start, begin = each.end, each.replacement_end
        yield from self._kept(start, output.end, output.text[begin:], arrived)

    def _kept(self, start: int, end: int, text: str, arrived: int) -> Iterator[Piece]:
        if end > start:
            yield self._piece("kept", start, end, text, arrived)

    def _replaced(self, redaction: Redaction, text: str, arrived: int) -> Piece:
        put = text[redaction.replacement_start : redaction.replacement_end]
        kind = "restored" if redaction.is_restored else "replaced"
        return self._piece(kind, redaction.start, redaction.end, put, arrived, rule=redaction.rule)

    def _piece(self, kind: str, start: int, end: int, text: str, arrived: int, *, rule: int = NO_RULE) -> Piece:
        return Piece(
            kind=kind,  # type: ignore[arg-type]  # its callers are above
            start=start,
            end=end,
            text=text,
            arrived=arrived,
            held_chars=max(0, arrived - start - self._size),
            rule="" if rule == NO_RULE else self._plan.rules[rule].id,
            why="",
        )

    def _told(self, left: _Left) -> Piece:
        return msgspec.structs.replace(left.piece, why=". ".join(filter(None, (self._what(left.piece), _wait(left)))))

    def _what(self, piece: Piece) -> str:
        match piece.kind:
            case "replaced":
                return f"Rule {piece.rule} put this in its place" if piece.text else f"Rule {piece.rule} removed it"
            case "restored":
                return "What the stand-in stood for was put back"
            case "withheld":
                return f"Rule {piece.rule} had all of it withheld: this sentence left in its place"
            case "stopped":
                return f"Rule {piece.rule} stopped the text: from here on nothing left"
            case _:
                return "Left as it came"


def _joined(every: Iterator[_Left]) -> Iterator[_Left]:
    """Neighbours that left as they came, and waited for the same verdicts, as one."""
    last: _Left | None = None
    for each in every:
        if last is not None and _belongs(last, each):
            last = _Left(_together(last.piece, each.piece), last.segments, last.names | each.names)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last


def _belongs(last: _Left, each: _Left) -> bool:
    is_kept = last.piece.kind == each.piece.kind == "kept"
    return is_kept and last.segments == each.segments and last.piece.end == each.piece.start


def _together(one: Piece, other: Piece) -> Piece:
    return msgspec.structs.replace(
        one,
        end=other.end,
        text=one.text + other.text,
        arrived=other.arrived,
        held_chars=max(one.held_chars, other.held_chars),
    )


def _wait(left: _Left) -> str:
    """What a piece waited for."""
    held = left.piece.held_chars
    if left.piece.kind == "withheld" or WHOLE in left.names:
        return "It was kept until the text was over"
    if not held:
        return "It left at once"
    if left.segments:
        numbers = " and ".join(map(str, left.segments))
        many = "s" if len(left.segments) > 1 else ""
        return f"Held until the verdict of segment{many} {numbers}: up to {_characters(held)} came meanwhile"
    scanners = sorted(left.names - {SEGMENT, VERDICT, WHOLE})
    who = f"{' and '.join(scanners)} saw" if scanners else "it was certain"
    return f"Held back at most {_characters(held)}, until {who} that no match goes on"


def _characters(count: int) -> str:
    return f"{count} character{'s' * (count != 1)}"
