"""Weaves what a stream lets out back into the frames that its text came in.

Each frame has slots: values that belong to a lane's text. It leaves with what was kept of its spans and the
replacements that begin in them; a frame whose slots are unchanged leaves byte for byte.

1. Frames of one choice leave in their order, those of several do not wait for each other for longer than a frame. One
   about no choice in particular waits for all that came before it.
2. A frame waits until the text of its slots is accounted for. When text that came behind it in its choice is let out,
   what it still lacks may yet become a match: it leaves without, and that tail leaves with the lane's next frame, or
   as a frame of its own (`tails`).
3. A frame that says that lanes are over waits until nothing of them is held.
4. Nothing that belongs to a call leaves before its group of calls is let out, if calls are held whole.
5. After a block, frames before its place leave with what was let out of them; the others never do.
6. What is to be said behind an answer (`postscript`) goes to its last content, once all of the choice is let out. So a
   frame that ends content waits until the next one says whether more follows. None is said where a call comes last.

Pure; one owner.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from sidecar.codec.jsontext import Path, dumps
from sidecar.codec.places import Kind, Slot
from sidecar.values import WITHHELD, Blocked, Channel, Lane, Part, Release, Tool


class Text(msgspec.Struct, frozen=True, gc=False):
    """Text to feed."""

    lane: Lane
    text: str
    is_json: bool = False
    is_last: bool = False
    """Whether the lane is over with it."""
    is_whole: bool = False
    """Whether it is all that the lane says."""
    tool: Tool | None = None
    """What it calls, where it is part of a call."""


class LaneEnd(msgspec.Struct, frozen=True):
    """A lane is over."""

    lane: Lane


class ChoiceEnd(msgspec.Struct, frozen=True):
    """All lanes of a choice are over."""

    choice: int


Fed: TypeAlias = Text | LaneEnd | ChoiceEnd
Postscript: TypeAlias = Callable[[int], str]
"""What is to be said behind the content of a choice, all of which was let out: text, maybe none."""


class Ends(msgspec.Struct, frozen=True, gc=False):
    """What a frame says is over: lanes, choices, or everything."""

    lanes: tuple[Lane, ...] = ()
    choices: frozenset[int] = frozenset()
    is_all: bool = False


_NO_ENDS = Ends()


class Woven(msgspec.Struct, frozen=True, gc=False):
    """A frame that may leave.

    `changes` are the new texts of slots that changed, `unspoken` the paths of those of which not all was let out;
    `without` are stopped choices that it must not say more of. `is_bereft`: all that it said became empty.
    """

    frame: int
    changes: tuple[tuple[Slot, str], ...]
    unspoken: frozenset[Path] = frozenset()
    without: frozenset[int] = frozenset()
    is_bereft: bool = False


class Tail(msgspec.Struct, frozen=True):
    """Text that was let out of a frame that is gone."""

    frame: int
    slot: Slot
    text: str


class _Piece(msgspec.Struct, frozen=True, gc=False):
    """Output that stands for the lane's input `[start, end)`: kept text, or a replacement that counts at `start`."""

    start: int
    end: int
    text: str
    is_kept: bool


_APART = 1_000_000
_OTHERS = frozenset({Part.MODEL, Part.CONTEXT, Part.TOOL_RESULT})
_NOTHING = "null"
"""What is left of a value of which not all was let out."""
_UNREADABLE = "\ufffd"
_HALVES = re.compile("[\ud800-\udfff]")


class _Placed(msgspec.Struct, gc=False):
    """A slot in its lane: `[start, end)`. `text` is what detectors read there, of the same length."""

    slot: Slot
    lane: Lane
    start: int
    end: int
    text: str
    is_repeat: bool = False
    """Whether it says all that the lane said up to `end`."""
    follows: _Placed | None = None
    """The slot of the same frame that it says again."""
    joint: _Placed | None = None
    """The slot before it, which has the first half of its first character."""
    new: str = ""
    is_written: bool = False
    """Whether it left with another text than it came with."""


class _Waiting(msgspec.Struct, gc=False):
    """A frame that has not left. `queues` are the choices it is about: all of them, if none in particular."""

    number: int
    slots: list[_Placed]
    queues: list[int]
    ends: Ends
    without: set[int]


class _LaneText:
    """One lane: where its input ends, how far it is accounted for, and the output that no frame has taken yet."""

    __slots__ = (
        "done",
        "frames",
        "half",
        "heard",
        "in_its_place",
        "is_kept",
        "is_over",
        "last",
        "pieces",
        "places",
        "received",
        "said",
        "waiting",
    )

    def __init__(self) -> None:
        self.received = 0
        self.done = 0
        self.is_over = False
        self.is_kept = False
        """Whether all of it stays as it came."""
        self.pieces: deque[_Piece] = deque()
        self.heard: list[str] = []
        """What came, and `said`, what went out: for repeats."""
        self.said: list[str] = []
        self.places: deque[tuple[int, int]] = deque()
        """Where the lane's slots end, each with the number of its frame."""
        self.waiting = 0
        """How many slots of the lane have not left."""
        self.last: tuple[int, Slot] | None = None
        """The slot that left last, with its frame."""
        self.frames = 0
        """The number of the lane's last frame."""
        self.half: _Placed | None = None
        """The slot that ends with half a character."""
        self.in_its_place: str | None = None
        """What stands in for all of it."""

    def append(self, text: str) -> None:
        """Say more behind what was let out: where the last character stood."""
        self.pieces.append(_Piece(max(0, self.received - 1), self.received, text, is_kept=False))

    def add(self, release: Release) -> None:
        self.pieces.extend(_pieces(release))
        self.done = max(self.done, release.end)

    def take(self, end: int) -> str:
        """The output of what begins before `end` and was not taken."""
        texts: list[str] = []
        while self.pieces and self.pieces[0].start < end:
            piece = self.pieces.popleft()
            if piece.is_kept and piece.end > end:
                size = end - piece.start
                texts.append(piece.text[:size])
                self.pieces.appendleft(_Piece(end, piece.end, piece.text[size:], is_kept=True))
                break
            texts.append(piece.text)
        return "".join(texts)

    def takes_as_repeat(self, text: str) -> bool:
        """Whether `text` is what came on this lane so far."""
        if self.received != len(text):
            return False
        if len(self.heard) > 1:
            self.heard = ["".join(self.heard)]
        return "".join(self.heard) == text

    def again(self) -> str:
        """All that went out."""
        if len(self.said) > 1:
            self.said = ["".join(self.said)]
        return "".join(self.said)

    def frame_of(self, position: int) -> int:
        """The frame that the character at `position` came in; where none did, the one behind the lane's last."""
        while self.places and self.places[0][0] <= position:
            self.places.popleft()
        return self.places[0][1] if self.places else self.frames + 1


class Weave:
    """See the module's text. `holds_calls`: whether calls leave whole; `repeats`: whether frames say lanes again."""

    def __init__(
        self, *, holds_calls: bool = False, repeats: bool = True, postscript: Postscript | None = None
    ) -> None:
        self._postscript = postscript
        self._last_said: dict[int, Lane] = {}
        """By choice, the content that the postscript goes to."""
        self._holds_calls = holds_calls
        self._repeats = repeats
        self._lanes: dict[Lane, _LaneText] = {}
        self._queues: dict[int, deque[_Waiting]] = {}
        self._fronts: dict[int, int] = {}
        """By choice, the furthest frame of which text was let out."""
        self._changed: dict[int | tuple[int, Channel], int] = {}
        """By choice, and by choice and channel, the first frame whose text was changed."""
        self._stopped: set[int] = set()
        self._over: set[int] = set()
        self._tailing: dict[Lane, _LaneText] = {}
        """Lanes of which something may have been let out that no frame takes."""
        self._apart = 0
        self._moved: dict[Lane, Lane] = {}
        """Where text goes that still comes for a lane that is over."""
        self._is_flushed = False

    # -- what comes in --------------------------------------------------------------------------------------------

    def add(
        self, number: int, slots: Sequence[Slot], choices: frozenset[int] = frozenset(), ends: Ends | None = None
    ) -> list[Fed]:
        """Queue a frame; returns what to feed, in order. Of stopped choices nothing is fed any more."""
        fed: list[Fed] = []
        placed: list[_Placed] = []
        about = choices
        own = {slot.lane.choice for slot in slots}
        if not own <= choices:
            about = choices | own
        for slot in slots:
            if slot.lane.choice not in self._stopped:
                placed.append(self._place(slot, placed, number, fed))
        for choice in about:
            if choice not in self._queues and choice not in self._stopped:
                self._queues[choice] = deque()
        self._queue(
            _Waiting(
                number,
                placed,
                self._queues_of(about),
                ends or _NO_ENDS,
                set(about & self._stopped) if self._stopped else set(),
            )
        )
        return [*fed, *self._ended(ends)] if ends is not None else fed

    def _queues_of(self, about: frozenset[int]) -> list[int]:
        """The queues of a frame about these choices; of one about stopped ones alone there is none."""
        if len(about) == 1 and not self._stopped:
            return list(about)
        return sorted(about - self._stopped) if about else list(self._queues)

    def _queue(self, waiting: _Waiting) -> None:
        if waiting.without and not waiting.queues:
            return
        if not waiting.queues:
            self._queues.setdefault(0, deque())
            waiting.queues = [0]
        for choice in waiting.queues:
            self._queues[choice].append(waiting)

    def _ended(self, ends: Ends) -> Iterator[Fed]:
        for lane in ends.lanes:
            yield from self.end(lane)
        for choice in sorted(frozenset(self._queues) if ends.is_all else ends.choices):
            if choice not in self._stopped and (ends.is_all or choice not in self._over):
                for lane in [each for each in self._lanes if each.choice == choice]:
                    yield from self._close(lane)
                self._over.add(choice)
                yield ChoiceEnd(choice)

    def end(self, lane: Lane) -> Iterator[Fed]:
        """A lane is over, if there is such a lane: returns what is to be fed."""
        own = self._lanes.get(lane)
        if own is not None and not own.is_over and lane.choice not in self._stopped:
            yield from self._close(lane)
            yield LaneEnd(lane)

    def finish(self) -> Iterator[Fed]:
        """No frame follows: returns what is to be fed of characters of which one half came."""
        for lane, own in self._lanes.items():
            if own.half is not None and not own.is_over:
                yield from self._close(lane)

    def _close(self, lane: Lane) -> Iterator[Fed]:
        """What ends with half a character ends with one that cannot be read."""
        own = self._lanes[lane]
        own.is_over = True
        if own.half is not None:
            yield Text(lane, self._unjoined(own), own.half.slot.is_json)
            own.half = None

    @staticmethod
    def _unjoined(own: _LaneText) -> str:
        own.received += 1
        return _UNREADABLE

    def _place(self, slot: Slot, before: list[_Placed], number: int, fed: list[Fed]) -> _Placed:
        if slot.kind is Kind.REPEAT:
            said = self._lane(slot.lane)
            if said.received and said.takes_as_repeat(_readable(slot.text)):
                return _Placed(slot, slot.lane, said.received, said.received, slot.text, is_repeat=True)
            return self._put(slot, self._unused(slot.lane), number, fed)
        if slot.kind in (Kind.TWIN, Kind.ECHO) and (same := _same(slot, before)) is not None:
            return _Placed(slot, slot.lane, same.start, same.end, same.text, follows=same)
        return self._put(slot, slot.lane, number, fed)

    def _lane(self, lane: Lane) -> _LaneText:
        own = self._lanes.get(lane)
        if own is None:
            own = self._lanes[lane] = _LaneText()
        return own

    def _unused(self, lane: Lane) -> Lane:
        """The lane, or one like it that is not over and nothing was said on."""
        own = self._lanes.get(lane)
        if own is None or not (own.received or own.is_over):
            return lane
        self._apart += 1
        return msgspec.structs.replace(lane, item=lane.item + self._apart * _APART)

    def _put(self, slot: Slot, lane: Lane, number: int, fed: list[Fed]) -> _Placed:
        """Put a slot's text behind what the lane has, or on another lane if that one is over."""
        lane = self._moved.get(lane, lane)
        own = self._lane(lane)
        if own.is_over and slot.text:
            self._moved[slot.lane] = lane = self._unused(lane)
            own = self._lane(lane)
        joint, first, text = _joined(own, slot.text)
        received = len(first)
        ends_half = "\ud800" <= slot.text[-1:] <= "\udbff"
        start = own.received + received
        said = text[:-1] if ends_half else text
        placed = _Placed(slot, lane, start, start + len(text), text, joint=joint)
        own.received = start + len(said)
        own.half = placed if ends_half else own.half if not slot.text else None
        if self._repeats:
            own.heard.append(text)
        own.places.append((placed.end, number))
        own.frames = number
        own.waiting += 1
        if first or said:
            fed.append(Text(lane, first + said, slot.is_json, tool=slot.tool))
        if self._postscript is not None and slot.text:
            self._choose_last(slot, lane, number)
        if slot.is_whole:
            fed += self.end(lane)
        return placed

    def history(self, slots: Iterable[Slot]) -> frozenset[Lane]:
        """The lanes of a request's slots that are no new words of the user's, nor the operator's.

        Those are what a model, a tool or a document says, and what a user said in a message before the model's last.
        """
        said = [slot.lane for slot in slots if any(type(step) is int for step in slot.path)]
        last = max((lane.choice for lane in said if lane.part is Part.MODEL), default=-1)
        older = {lane for lane in said if lane.part is Part.USER and lane.choice < last}
        others = {slot.lane for slot in slots if slot.lane.part in _OTHERS}
        return frozenset(each for lane in older | others for each in (lane, self._moved.get(lane, lane)))

    def lane_of(self, slot: Slot) -> Lane:
        """Where a slot's text was put."""
        return self._moved.get(slot.lane, slot.lane)

    # -- what is said behind it -----------------------------------------------------------------------------------

    def _choose_last(self, slot: Slot, lane: Lane, number: int) -> None:
        """The content that was said last, and is the last text of its choice."""
        if _is_prose(slot):
            self._last_said[lane.choice] = lane
        elif lane.channel is Channel.TOOL_ARGUMENTS:
            self._last_said.pop(lane.choice, None)
        elif lane.channel is Channel.REASONING and (last := self._last_said.get(lane.choice)) is not None:
            own = self._lanes[last]
            if own.is_over and own.frames < number:  # in a frame that cannot wait for what these thoughts lead to
                del self._last_said[lane.choice]

    def _say_postscripts(self, choices: Iterable[int]) -> None:
        """Say what belongs behind these choices, as far as all of them was let out."""
        if self._postscript is None:
            return
        for choice in [each for each in choices if each in self._last_said and self._is_let_out(each)]:
            own = self._lanes[lane := self._last_said.pop(choice)]
            if choice not in self._stopped and (text := self._postscript(choice)):
                own.append(text)
                self._tailing[lane] = own

    def _awaits_postscript(self, ends: Ends) -> bool:
        """Whether a frame ends content that may be the last of its choice."""
        return any(lane == self._last_said.get(lane.choice) for lane in ends.lanes)

    # -- what a stream lets out -----------------------------------------------------------------------------------

    def release(self, release: Release) -> None:
        """Take what a stream let out."""
        lane, choice = release.lane, release.lane.choice
        own = self._lane(lane)
        if release.is_withheld:
            own.done, own.in_its_place = release.end, release.text
        else:
            own.add(release)
        if not own.waiting:
            self._tailing[lane] = own
        if release.redactions:
            frame = own.frame_of(release.redactions[0].start)
            self._note_change(lane, frame)
        if lane.channel is not Channel.OTHER and release.end > release.start:
            self._fronts[choice] = max(own.frame_of(release.end - 1), self._fronts.get(choice, -1))

    def _note_change(self, lane: Lane, frame: int) -> None:
        """What repeats a choice's text is wrong from this frame on, and what signs its thoughts where those changed."""
        for key in (lane.choice, (lane.choice, lane.channel)):
            self._changed[key] = min(frame, self._changed.get(key, frame))

    def keep(self, lane: Lane) -> None:
        """All of a lane, of which nothing more comes, may leave as it came."""
        own = self._lanes[lane]
        own.is_kept = True
        own.done = own.received

    def stop(self, blocked: Blocked) -> Iterator[Woven | Tail]:
        """A choice was blocked: what may leave of it, in order. What stood before the place has been let out.

        Frames before the place leave, but for those of calls that were not let out; what was let out of the others
        leaves as tails.
        """
        choice = blocked.lane.choice
        own = self._lane(blocked.lane)
        place = own.frame_of(blocked.position)
        self._stopped.add(choice)
        self._note_change(blocked.lane, place)
        for waiting in self._queues.pop(choice, ()):
            waiting.queues.remove(choice)
            if not waiting.queues and waiting.number < place and not self._has_kept_call(waiting):
                yield self._woven(waiting)
            else:
                self._drop(waiting, choice, place)
        yield from self._tails(choice)

    def _drop(self, waiting: _Waiting, choice: int, place: int) -> None:
        """Nothing more of a choice leaves with this frame. The block's place is in frame number `place`."""
        waiting.without.add(choice)
        for placed in waiting.slots:
            if placed.lane.choice == choice and placed.follows is None and not placed.is_repeat:
                own = self._lanes[placed.lane]
                own.waiting -= 1
                self._tailing[placed.lane] = own
                if placed.slot.is_raw:
                    own.pieces.clear()
                elif waiting.number <= place:
                    own.last = (waiting.number, placed.slot)
        waiting.slots = [placed for placed in waiting.slots if placed.lane.choice != choice]

    def _has_kept_call(self, waiting: _Waiting) -> bool:
        """Whether a frame belongs to a call that was not let out, or ends one."""
        calls = [each for each in waiting.slots if each.lane.channel is Channel.TOOL_ARGUMENTS]
        ended = [each for each in waiting.ends.lanes if each.channel is Channel.TOOL_ARGUMENTS and each in self._lanes]
        is_held = any(self._lanes[each.lane].done < max(each.end, 1) for each in calls)
        return is_held or any(self._lanes[each].done < self._lanes[each].received for each in ended)

    def flush(self) -> None:
        """Nothing more will come at all: every frame may leave with what there is."""
        self._is_flushed = True
        self._say_postscripts([*self._last_said])

    # -- what may leave -------------------------------------------------------------------------------------------

    def whole(self) -> Woven:
        """The one frame that was queued, with what was let out of it."""
        self._say_postscripts([*self._last_said])
        (waiting,) = next(iter(self._queues.values()))
        return self._woven(waiting)

    def ready(self) -> Iterator[Woven | Tail]:
        """The frames and tails that may leave now, in order."""
        if self._last_said:
            self._say_postscripts(self._over & {*self._last_said})
        if self._tailing:
            yield from self._tails()
        while (head := self._head()) is not None:
            for choice in head.queues:
                self._queues[choice].popleft()
            yield self._woven(head)
            if self._tailing:
                yield from self._tails()

    def _head(self) -> _Waiting | None:
        """The first frame that may leave."""
        if len(self._queues) != 1:
            return min(self._heads(), key=_number_of, default=None)
        (queue,) = self._queues.values()
        return queue[0] if queue and (self._is_flushed or self._is_ready(queue[0])) else None

    def _heads(self) -> Iterator[_Waiting]:
        """The first frames of choices, as far as they may leave."""
        oldest = min((queue[0].number for queue in self._queues.values() if queue), default=0)
        for queue in self._queues.values():
            if not queue or not self._is_first(queue[0]):
                continue
            if self._is_flushed or (self._may_pass(queue, oldest) and self._is_ready(queue[0])):
                yield queue[0]

    @staticmethod
    def _may_pass(queue: deque[_Waiting], oldest: int) -> bool:
        """Whether a choice's first frame may leave before older ones of other choices: not while it is its last.

        So frames keep their order where what is held is a character or two that the next frame sets free.
        """
        return queue[0].number == oldest or (len(queue) > 1 and len(queue[1].queues) == 1)

    def _is_first(self, waiting: _Waiting) -> bool:
        """Whether nothing stands before a frame in any choice that it is about."""
        return all(self._queues[choice][0] is waiting for choice in waiting.queues)

    def _is_ready(self, waiting: _Waiting) -> bool:
        for each in waiting.slots:
            if not self._is_out(each, waiting.number):
                return False
        return waiting.ends is _NO_ENDS or (self._is_over(waiting.ends) and not self._awaits_postscript(waiting.ends))

    def _is_out(self, placed: _Placed, number: int) -> bool:
        """Whether a slot need not be waited for."""
        if placed.follows is not None:
            return True
        lane = placed.lane
        is_done = self._lanes[lane].done >= placed.end
        if lane.channel is Channel.OTHER or placed.is_repeat or placed.slot.is_raw:
            return is_done
        front = self._fronts.get(lane.choice, -1)
        if lane.channel is Channel.TOOL_ARGUMENTS and self._holds_calls:
            return is_done if placed.start < placed.end else number <= front or self._is_done(lane.choice)
        return is_done or number < front

    def _is_over(self, ends: Ends) -> bool:
        """Whether nothing is held of what a frame says is over."""
        if ends.is_all:
            return all(own.done >= own.received for own in self._lanes.values())
        return all(
            self._lanes[each].done >= self._lanes[each].received for each in ends.lanes if each in self._lanes
        ) and (all(self._is_done(choice) for choice in ends.choices))

    def _is_done(self, choice: int) -> bool:
        """Whether a choice is over and nothing of it is held."""
        return choice in self._over and self._is_let_out(choice)

    def _is_let_out(self, choice: int) -> bool:
        """Whether nothing that came of a choice is held."""
        return all(own.done >= own.received for lane, own in self._lanes.items() if lane.choice == choice)

    def _woven(self, waiting: _Waiting) -> Woven:
        changes: list[tuple[Slot, str]] = []
        unspoken: set[Path] = set()
        had_text = keeps_text = False
        for placed in waiting.slots:
            new = self._left(placed, waiting.number) if placed.follows is None else placed.follows.new
            had_text = had_text or bool(placed.text)
            keeps_text = keeps_text or bool(new)
            is_cut = self._lanes[(placed.follows or placed).lane].done < placed.end
            if is_cut:
                unspoken.add(placed.slot.path)
            if is_cut and placed.slot.is_raw:
                new = _NOTHING
            if (written := self._written(placed, new, waiting.number)) is not None:
                changes.append((placed.slot, written))
        is_bereft = had_text and not keeps_text
        return Woven(waiting.number, tuple(changes), frozenset(unspoken), frozenset(waiting.without), is_bereft)

    def _left(self, placed: _Placed, number: int) -> str:
        """A slot leaves, with this text."""
        if placed.is_repeat:
            placed.new = self._lanes[placed.lane].again()
            return placed.new
        own = self._lanes[placed.lane]
        own.waiting -= 1
        own.last = (number, placed.slot)
        if own.is_kept:
            placed.new = placed.text
        elif own.in_its_place is None:
            placed.new = own.take(placed.end)
        else:
            placed.new = _in_its_place(placed.slot, own.in_its_place)
        if own.pieces and not own.waiting:
            self._tailing[placed.lane] = own
        if self._repeats:
            own.said.append(placed.new)
        return placed.new

    def _written(self, placed: _Placed, new: str, number: int) -> str | None:
        """What is written for a slot; None when it stays as it came."""
        slot = placed.slot
        if slot.emptied is not None:
            choice = placed.lane.choice
            signed = (choice, Channel.REASONING) if slot.is_signature else choice
            is_wrong = slot.kind is Kind.ECHO and number >= self._changed.get(signed, number + 1)
            return slot.emptied if is_wrong or new != placed.text else None
        is_cut = placed.joint is not None and placed.joint.is_written
        if new == placed.text and not is_cut:
            return None
        placed.is_written = True
        return new if placed.joint is None or is_cut else slot.text[0] + new

    def _tails(self, choice: int | None = None) -> Iterator[Tail]:
        """Text that was let out of frames that are gone, of lanes of which no frame waits."""
        for lane, own in list(self._tailing.items()):
            if not own.pieces:
                del self._tailing[lane]
            elif not own.waiting and own.last is not None and choice in (None, lane.choice):
                text = own.take(own.received)
                if self._repeats:
                    own.said.append(text)
                if text:
                    yield Tail(*own.last, text)


def _in_its_place(slot: Slot, text: str) -> str:
    """What stands in a slot of a text that is withheld: whatever reads JSON there still finds some."""
    if not slot.text:
        return ""
    if slot.path[-1:] == ("name",):
        return WITHHELD
    if slot.is_raw and slot.text.startswith("["):  # a list stays one, or its API would not read it
        return dumps([text] if slot.text.startswith('["') else [])
    if slot.lane.channel is Channel.TOOL_ARGUMENTS or not (slot.is_json and slot.text.lstrip()[:1] in ("{", "[")):
        return text
    return dumps({WITHHELD: text})


def _is_prose(slot: Slot) -> bool:
    """Whether a slot is an answer's content, as people read it."""
    lane = slot.lane
    is_text = slot.kind is Kind.TEXT and slot.emptied is None and not (slot.is_json or slot.is_raw)
    return is_text and lane.channel is Channel.CONTENT and lane.part is Part.MODEL


def _number_of(waiting: _Waiting) -> int:
    return waiting.number


def _same(slot: Slot, before: Iterable[_Placed]) -> _Placed | None:
    """The text of the same frame that a twin or an echo says again."""
    channel = Channel.CONTENT if slot.kind is Kind.ECHO else slot.lane.channel
    for each in before:
        if each.slot.text == slot.text and each.lane.channel is channel and each.lane.choice == slot.lane.choice:
            return each
    return None


def _joined(own: _LaneText, text: str) -> tuple[_Placed | None, str, str]:
    """How a text goes on where the one before ended with half a character.

    Returns the slot with that half, if the text completes it; what is fed in the half's place; and the rest.
    """
    half = own.half
    if half is None or not text:
        return None, "", _readable(text)
    if not "\udc00" <= text[0] <= "\udfff":
        return None, _UNREADABLE, _readable(text)
    whole = (half.slot.text[-1] + text[0]).encode("utf-16", "surrogatepass").decode("utf-16")
    half.text = half.text[:-1] + whole
    if own.heard:
        own.heard[-1] = own.heard[-1][:-1] + whole
    return half, whole, _readable(text[1:])


def _readable(text: str) -> str:
    """The text with a sign in place of each half of a character that has no other half."""
    return text if text.isascii() else _HALVES.sub(_UNREADABLE, text)


def _pieces(release: Release) -> Iterator[_Piece]:
    """The kept runs and the replacements of a release, by where they stand in the input."""
    at_input, at_output = release.start, 0
    for redaction in release.redactions:
        if redaction.start > at_input:
            kept = release.text[at_output : redaction.replacement_start]
            yield _Piece(at_input, redaction.start, kept, is_kept=True)
        replacement = release.text[redaction.replacement_start : redaction.replacement_end]
        yield _Piece(redaction.start, redaction.end, replacement, is_kept=False)
        at_input, at_output = redaction.end, redaction.replacement_end
    if release.end > at_input:
        yield _Piece(at_input, release.end, release.text[at_output:], is_kept=True)
