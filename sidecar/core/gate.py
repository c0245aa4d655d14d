"""Where a lane's text leaves: violations and a watermark go in, releases and decisions come out.

1. Violations wait in text order: those that change the text (`_active`), and those that are only recorded, or shown,
   once the text that they are about has left (`_passive`).
2. `settle` lets text out up to the watermark, in whole graphemes when the policy redacts. A redaction leaves once its
   whole cluster of overlapping spans is cleared.
3. A block takes effect when all before it is cleared: the gate shuts, and keeps what is to be said of it in `block`.

4. A **seam** is where text of another lane came: the lane was judged as if its text ended there (`seal`). What was
   found by then is replaced by itself, whatever turns up behind: a match that goes on is cut there, and its rest is
   replaced on its own. So it does not matter whether the replacement had left when the lane went on.
5. A text of a request's history is **kept** whole until it is over. When a rule has it withheld, nothing of it leaves:
   a sentence does in its place.
6. A **stand-in** (`know`) is no finding, whatever it looks like, and it leaves whole: as itself, as the value that it
   stands for, or within a redaction that reaches further.

A gate knows nothing of scanners, segments and other lanes.
"""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Sequence
from typing import Protocol

import msgspec

from sidecar.core.buffer import TextBuffer
from sidecar.core.cuts import Way, way_of
from sidecar.core.edges import Edges
from sidecar.core.established import waits_for
from sidecar.core.items import Cluster, Item, Known, Place, Settled, Stop, precedence, settling_order, text_order
from sidecar.core.journal import Journal
from sidecar.core.kept import as_done
from sidecar.core.rewrite import ReleaseBuilder
from sidecar.core.shared import Shared
from sidecar.policy.decide import Violation
from sidecar.policy.stand_ins import Draft
from sidecar.values import WITHHELD, Action, Blocked, Channel, Decision, Lane, Output, Recorded, Redaction, Release

REMARKS = frozenset({Action.ANNOTATE, Action.ADVISE})
"""What lets a text through, with a remark."""


def _decision_order(decision: Decision) -> tuple[int, int, int, str]:
    return (decision.finding.start, decision.rule, decision.finding.end, decision.finding.label)


class Sink(Protocol):
    """Where outputs go."""

    def append(self, output: Output, /) -> None:
        """Add one at the end."""
        ...


class Gate:
    """See the module's text. `released` is the lane offset up to which text is accounted for."""

    __slots__ = (
        "_active",
        "_blocked_at",
        "_buffer",
        "_draft",
        "_edges",
        "_is_whole",
        "_is_withheld",
        "_kept",
        "_lane",
        "_passive",
        "_ripening",
        "_sealed",
        "_shared",
        "_stand_ins",
        "_withholding",
        "block",
        "blocked_way",
        "is_shut",
        "journal",
        "released",
    )

    def __init__(self, lane: Lane, buffer: TextBuffer, shared: Shared) -> None:
        self._lane = lane
        self._buffer = buffer
        self._shared = shared
        self._active: list[Item] = []
        """Redactions and blocks to come, in text order."""
        self._passive: list[Item] = []
        """Decisions that change nothing, to be recorded when the text they are about has left; in text order."""
        self._edges = Edges(buffer, is_redacting=shared.is_redacting, writes_words=shared.writes_words(lane))
        self._ripening: list[Item] = []
        """Violations to which the session or others matter, or that matter to these, until their place is certain; in
        text order. Of the latter `_active` or `_passive` have another one."""
        self.journal = Journal(lane, shared)
        self._stand_ins: list[Known] = []
        """Stand-ins, in text order."""
        self._draft: Draft | None = None
        """What stands for what in a text that may be withheld."""
        self._sealed: list[tuple[int, int]] = []
        """The spans that are replaced by themselves, as they stood at a seam; by start."""
        self._kept: Sink | None = None
        self._is_whole = False
        """Whether it is kept until it is over, since it may be withheld."""
        self._withholding: list[Item] = []
        """The violations for which all of it is withheld."""
        self._is_withheld = False
        self.released = 0
        self.is_shut = False
        """Whether nothing leaves any more."""
        self.block: Stop | None = None
        self._blocked_at = -1
        """Where the violation begins that blocks."""
        self.blocked_way: Way | None = None
        """How the segments are cut of which a model found it."""

    @property
    def left(self) -> int:
        """The lane offset up to which text has left."""
        return self.released if self._kept is None else 0

    @property
    def stopped_at(self) -> int:
        """Once it is shut: what is found up to this lane offset is told, however late."""
        return max(self.released, self._blocked_at)

    @property
    def first_block(self) -> int | None:
        """The first run of text in which a block became known that waits for what stands before it."""
        if not self._active:
            return None
        return min([each.source.run for each in self._active if each.action is Action.BLOCK], default=None)

    def blocks_before(self, end: int, way: Way) -> bool:
        """Whether a block begins before a lane offset, but for one that a model found of segments that are cut so."""
        if self.block is not None:
            return self._blocked_at < end and self.blocked_way is not way
        return any(
            each.action is Action.BLOCK and each.start < end and self._way(each) is not way for each in self._active
        )

    def _way(self, item: Item) -> Way | None:
        """The way in which the segments are cut of which a model found it; None of what a scanner found."""
        return None if item.source.segment is None else way_of(item.source.segment, self._shared.plan)

    def keep_back(self, outputs: Sink | None) -> None:
        """Put all releases there from now on; None: hand them out."""
        self._kept = outputs

    def keep_whole(self, outputs: Sink) -> None:
        """Put all releases there until the lane is over, and then `let_go`."""
        self._is_whole = True
        self._draft = self._shared.draft()
        self.keep_back(outputs)

    def let_go(self, kept: Sequence[Output]) -> None:
        """Hand out what was kept of a lane that is over and judged, or the sentence in its place."""
        if self._withholding:
            self._put_in_its_place(kept)
            return
        self._is_whole = False
        if self._draft is not None:
            self._draft.keep()
        self.keep_back(None)
        for each in kept:
            self._put(each)
        self._tell_passive()

    def _put_in_its_place(self, kept: Sequence[Output]) -> None:
        leader = min(self._withholding, key=text_order).violation
        text = leader.rule.in_its_place
        if self._lane.channel is Channel.TOOL_ARGUMENTS:
            text = json.dumps({WITHHELD: text}, ensure_ascii=False)
        settled = [Settled(each.end, each, Action.WITHHOLD, 0) for each in (*self._withholding, *self._passive)]
        decisions = [as_done(decision, Action.WITHHOLD) for output in kept for decision in output.decisions]
        decisions = sorted((*decisions, *self.journal.decisions(settled, self.left)), key=_decision_order)
        redaction = Redaction(leader.rule.index, leader.finding.label, 0, self.released, 0, len(text))
        self.keep_back(None)
        self._is_whole, self._is_withheld, self._passive = False, True, []
        self._put(Release(self._lane, text, 0, self.released, (), (redaction,), tuple(decisions), is_withheld=True))

    def _tell_passive(self) -> None:
        passive, self._passive = self._passive, []
        for item in passive:
            self.tell(msgspec.structs.replace(self._settled_passive(item), position=self.released))

    def finish(self) -> None:
        """Say that no text follows what has arrived."""
        self._edges.is_final = True

    # -- what goes in ---------------------------------------------------------------------------------------------

    def add(self, item: Item) -> None:
        """Take a violation."""
        if self._shared.established.concerns(item):
            insort(self._ripening, item, key=text_order)
            if item.violation.rule.is_conditional:
                if self.is_shut:
                    self.ripen(self._buffer.end)
                return
        self._add(item)

    def ripen(self, known: int) -> bool:
        """See to what others or the session have to do with, where every violation that starts before `known` is there.

        Returns whether a violation turned out to be one.
        """
        ripe = [item for item in self._ripening if item.start < known]
        del self._ripening[: len(ripe)]
        established, is_request, found = self._shared.established, self._shared.is_request, False
        for item in established.standing(self._lane, (item for item in ripe if not self._is_known(item))):
            if not established.admits(item, self._lane, is_request=is_request):
                continue
            is_awaited = waits_for(item, is_waiting=bool(self._shared.gating(self._lane)))
            established.note(item, self._lane, is_awaited=is_awaited)
            if item.violation.rule.is_conditional:
                found = True
                self._add(item)
        return found

    def _add(self, item: Item) -> None:
        if self._is_known(item):
            return
        if self.is_shut:
            self._add_stopped(item)
        elif item.action is Action.WITHHOLD and item.is_active:
            if not item.is_rest:
                self._withholding.append(item)
        elif self._is_whole and not item.is_active:
            insort(self._passive, item, key=text_order)
        elif self._sealed and item.is_active and item.is_scanned:
            self._add_behind_sealed(item)
        elif not item.is_active and item.end > self.released:
            insort(self._passive, item, key=text_order)
        elif item.start >= self.released:
            insort(self._active, item, key=text_order)
        else:
            self._add_late(item)

    def _add_stopped(self, item: Item) -> None:
        """Take what turns out of a lane that was stopped: of text that left, or that what was found stopped with it."""
        if item.end <= self.left:
            self._add_late(item)
        elif not item.is_rest and (item.end <= self.released or item.start <= self._blocked_at):
            self.tell(Settled(item.end, item, Action.BLOCK, self.journal.raw_chars(item, self.left)))

    def know(self, stand_in: Known) -> None:
        """Take a stand-in, before anything of it left."""
        self._stand_ins = [each for each in self._stand_ins if each.end > self._buffer.offset]
        self._stand_ins.append(stand_in)
        self._active = [item for item in self._active if not stand_in.holds(item)]
        self._passive = [item for item in self._passive if not stand_in.holds(item)]

    def knows(self, start: int, end: int) -> bool:
        """Whether a stand-in stands there, or around it."""
        return any(each.start <= start and end <= each.end for each in self._stand_ins)

    def seal(self, cleared: int) -> None:
        """Make a seam where the text ends now. Behind `cleared` more may turn up when the lane goes on."""
        self._edges.add_seam(self.released)
        self._sealed = [span for span in self._sealed if span[1] > cleared]
        found = [item for item in self._active if item.is_scanned]
        while found:
            cluster = self._cluster(found, self._buffer.end + 1)
            place = cluster.place
            if place.end is not None and place.found_end > cleared:
                self._sealed.append((place.found, place.found_end))
            found = found[max(1, len(cluster.items)) :]
        self._sealed.sort()

    def reach(self, mark: int) -> int:
        """How far is known when scanners have cleared the text up to `mark`: a sealed span is, whatever turns up."""
        for start, end in self._sealed:
            mark = end if start <= mark < end else mark
        return mark

    def end_at(self, position: int, run: int) -> None:
        """Have the text end at `position`, and forget what became known in `run` or later."""
        self._active = [item for item in self._active if item.source.run < run]
        self._passive = [item for item in self._passive if item.source.run < run]
        self._withholding = [item for item in self._withholding if item.source.run < run]
        self._ripening = [item for item in self._ripening if item.source.run < run]
        self._buffer.drop_behind(max(position, self.released))
        self.finish()

    def tell(self, settled: Settled) -> None:
        """Hand out a decision that lets no text out: a remark on text that left, or only a record."""
        decisions = self.journal.decisions([settled], self.left)
        if settled.done not in REMARKS:
            if decisions:
                self._put(Recorded(self._lane, decisions))
            return
        builder = ReleaseBuilder(self._lane, self.released)
        builder.annotate(settled.item.violation)
        builder.record(decisions)
        self._emit(builder)

    def shut(self) -> None:
        """Let nothing leave any more."""
        self.is_shut = True
        self._active.clear()
        self._passive.clear()
        self._ripening.clear()

    def _add_behind_sealed(self, item: Item) -> None:
        """Take what a scanner found after a seam, without what stands in a span that was sealed there."""
        start = item.start
        for begin, end in self._sealed:
            if begin <= start < end:
                start = end
        if start < item.end or item.action is Action.BLOCK:
            insort(self._active, msgspec.structs.replace(item, start=max(start, self.released)), key=text_order)
        elif not item.is_rest and item.end > self.released:
            insort(self._passive, item, key=text_order)
        elif not item.is_rest:
            self._add_late(item)

    def _add_late(self, item: Item) -> None:
        """Act on text of which some, or all, has left: optimistic mode, or a decision that nothing waits for."""
        if not item.is_active:
            self.tell(msgspec.structs.replace(self._settled_passive(item), position=self.released))
            return
        leaked = self.journal.raw_chars(item, self.released)
        if not self.is_shut:
            if item.action is Action.BLOCK:
                self._stop(item, [Settled(self.released, item, Action.BLOCK, leaked)])
                return
            if item.end > self.released:
                rest = msgspec.structs.replace(item, start=self.released, leaked_chars=leaked)
                insort(self._active, rest, key=text_order)
                return
        self.tell(Settled(self.released, item, Action.ALLOW if leaked else Action.REDACT, leaked))

    # -- what comes out -------------------------------------------------------------------------------------------

    def settle(self, known: int, turn: int) -> None:
        """Let out what can leave when every violation that starts before `known` is there.

        `turn` is the run of text whose turn it is: a block that became known in a later one waits.
        """
        if self._ripening:
            self.ripen(known)
        limit = self._floor(known)
        if self._active or self._passive or (self._stand_ins and self._stand_ins[-1].end > self.released):
            self._settle_items(known, limit, turn)
        elif limit > self.released:
            start, self.released = self.released, limit
            self._put(Release(self._lane, self._buffer.slice(start, limit), start, limit))
            self.journal.released(self.released)

    def _settle_items(self, known: int, limit: int, turn: int) -> None:
        """Let text out that violations stand in or behind."""
        builder = ReleaseBuilder(self._lane, self.released)
        settled: list[Settled] = []
        blocker: Item | None = None
        while self._active and self._active[0].start < known:
            cluster = self._cluster(self._active, known)
            end = cluster.place.end
            if cluster.blocker is not None or end is None or end > known:
                blocker, limit = cluster.blocker, cluster.place.start
                break
            settled += self._replace(builder, cluster, end)
            limit = max(self.released, self._floor(known))
        self._keep(builder, limit)
        self._let_out(builder, settled)
        if blocker is not None and blocker.source.run <= turn:
            self._stop_at(blocker)

    def _cluster(self, active: Sequence[Item], known: int) -> Cluster:
        """The overlapping redactions that begin with the first active item, as far as they are known."""
        begin = max(self.released, self._edges.begin(active[0], self.released))
        place = self._whole(Place(begin, begin, begin))
        begin = reach = place.start
        items: list[Item] = []
        for item in active:
            if item.start >= known or (items and place.end is not None and item.start >= place.end):
                break
            if item.action is Action.BLOCK:
                if place.end is None and item.start >= reach:  # it may stand behind all of this: that is not certain
                    break
                return Cluster(Place(begin, begin, place.end), items, item)
            items.append(item)
            reach = max(reach, item.end)
            place = self._widened(place, item, reach)
        if place.end is not None:
            place = msgspec.structs.replace(place, end=min(place.end, begin + self._shared.plan.stream.max_held_chars))
        return Cluster(place, items, None)

    def _keep(self, builder: ReleaseBuilder, end: int) -> None:
        """Let the text up to `end` through as it is, but for the stand-ins whose values come back."""
        for each in self._stand_ins:
            if each.value is not None and self.released <= each.start and each.end <= end:
                builder.keep(self._buffer.slice(self.released, each.start))
                builder.restore(each.start, each.end, each.value)
                self.released = each.end
        if end > self.released:
            builder.keep(self._buffer.slice(self.released, end))
            self.released = end

    def _floor(self, known: int) -> int:
        """The last place up to `known` where text may be cut, which is not inside a stand-in."""
        floor = self._edges.floor(known, self.released)
        around = self._around(floor)
        return self._floor(min(each.start for each in around)) if around else floor

    def _widened(self, place: Place, item: Item, reach: int) -> Place:
        """The place of a redaction that takes in one more item. What is put back stands for no link's target."""
        takes_target = item.takes_targets and not self._puts_back(item.violation)
        return self._whole(self._edges.widen(place, item, reach, self.released, takes_target=takes_target))

    def _whole(self, place: Place) -> Place:
        """The place with all of each stand-in that it takes a part of."""
        if not self._stand_ins:
            return place
        start, found = self._begin_around(place.start), self._begin_around(place.found)
        end, found_end = place.end and self._end_around(place.end), self._end_around(place.found_end)
        is_wider = (start, end) != (place.start, place.end)
        return Place(start, found, end, found_end, None if is_wider else place.target)

    def _begin_around(self, position: int) -> int:
        return min([each.start for each in self._around(position)], default=position)

    def _end_around(self, position: int) -> int:
        return max([each.end for each in self._around(position)], default=position)

    def _around(self, position: int) -> list[Known]:
        """The stand-in that a place is inside of, as far as it has not left. A redaction takes all of it, or none."""
        return [each for each in self._stand_ins if self.released <= each.start < position < each.end]

    def _is_known(self, item: Item) -> bool:
        """Whether a violation is about a stand-in alone."""
        return any(each.holds(item) for each in self._stand_ins)

    def _replace(self, builder: ReleaseBuilder, cluster: Cluster, end: int) -> list[Settled]:
        """Let a complete cluster's replacement stand for its text; returns what that settles."""
        place = cluster.place
        self._keep(builder, place.start)
        leader = min(cluster.items, key=precedence).violation
        builder.replace(place.start, end, self._replacement(place, leader), leader.rule.index, leader.finding.label)
        self.released = end
        self.journal.replaced(place.start, end)
        del self._active[: len(cluster.items)]
        for item in cluster.items:
            if item.end > end:
                insort(self._active, msgspec.structs.replace(item, start=end, is_rest=True), key=text_order)
        return [Settled(end, item, Action.REDACT, item.leaked_chars) for item in cluster.items if not item.is_rest]

    def _replacement(self, place: Place, leader: Violation) -> str:
        """What stands in for a place, as the text around it takes it."""
        rule, found = leader.rule, self._buffer.slice(place.found, place.found_end)
        text = self._shared.rewrite(rule, found, leader.finding.label, self._draft)
        return text if self._puts_back(leader) else self._edges.fit(text, found, place)

    def _puts_back(self, violation: Violation) -> bool:
        """Whether what stands in for it gives way to it again."""
        return self._shared.puts_back(violation.rule, violation.finding.label)

    def _let_out(self, builder: ReleaseBuilder, settled: list[Settled]) -> None:
        """Finish a release: add the decisions that only waited for their text to leave, and hand it out."""
        settled += [self._settled_passive(item) for item in self._passive if item.end <= self.released]
        self._passive = [item for item in self._passive if item.end > self.released]
        settled.sort(key=settling_order)
        for each in settled:
            if each.done in REMARKS:
                builder.annotate(each.item.violation)
        builder.record(self.journal.decisions(settled, self.left))
        self._emit(builder)
        self.journal.released(self.released)

    def _settled_passive(self, item: Item) -> Settled:
        """What became of a violation that changes nothing, now that its text is accounted for."""
        if self._is_withheld:
            return Settled(item.end, item, Action.WITHHOLD, 0)
        raw = self.journal.raw_chars(item, self.released)
        if raw < item.end - item.start:
            return Settled(item.end, item, Action.REDACT, raw)
        is_remark = item.action in REMARKS and item.violation.rule.is_enforced
        return Settled(item.end, item, item.action if is_remark else Action.ALLOW, raw)

    def _emit(self, builder: ReleaseBuilder) -> None:
        release = builder.build()
        if release is not None:
            self._put(release)

    def _put(self, output: Output) -> None:
        (self._shared.outputs if self._kept is None or self.is_shut else self._kept).append(output)

    # -- stopping -------------------------------------------------------------------------------------------------

    def _stop_at(self, blocker: Item) -> None:
        """Shut before a block: all that was found up to there is decided with it."""
        known = (*self._active, *self._passive, *self._withholding)
        ended = [item for item in known if item.start <= blocker.start and not item.is_rest]
        raw = self.journal.raw_chars
        settled = [Settled(each.end, each, Action.BLOCK, each.leaked_chars or raw(each, self.left)) for each in ended]
        self._stop(blocker, settled)

    def _stop(self, blocker: Item, settled: list[Settled]) -> None:
        settled.sort(key=settling_order)
        rule, finding = blocker.violation.rule, blocker.violation.finding
        decisions = self.journal.decisions(settled, self.left)
        failed = None if blocker.is_scanned else blocker.failed
        blocked = Blocked(
            self._lane,
            rule.index,
            self.left,
            self._shared.message_of(rule),
            finding.label,
            finding.reason,
            decisions,
            failed,
        )
        self.block = Stop(blocked, blocker.source.run)
        self._blocked_at, self.blocked_way = blocker.start, self._way(blocker)
        self.shut()
