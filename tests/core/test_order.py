"""Several lanes of a choice: order, what a block lets out, and that neither cuts nor the time of outcomes matter."""

from __future__ import annotations

import itertools
import operator
import random
import re
import sys
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import BatchItem, Detector
from sidecar.core.stream import Request, Stream
from sidecar.policy.plan import Plan, RulePlan
from sidecar.values import (
    Action,
    Blocked,
    Channel,
    Decision,
    Enforcement,
    Found,
    Lane,
    Output,
    Release,
)
from tests.fakes import SegmentFlagger, WordScan, WordScanner, plan, rule, stars
from tests.streams import all_cuts, cut_at

CARD = r"(?<!\d)\d{4}(?: ?\d{4}){3}(?!\d)"
REDACT, BLOCK, ANNOTATE = Action.REDACT, Action.BLOCK, Action.ANNOTATE
TEXT, THOUGHTS, CALL, OTHER_CALL = (
    Lane(),
    Lane(channel=Channel.REASONING),
    Lane(channel=Channel.TOOL_ARGUMENTS),
    Lane(channel=Channel.TOOL_ARGUMENTS, item=1),
)
SECOND = Lane(1)

Run = tuple[Lane, str]
Event = tuple[Lane, str | None]
"""Text of a lane, or its end."""


@dataclass
class Played:
    """What came out of a stream, step by step."""

    outputs: list[Output] = field(default_factory=list)
    steps: list[list[Output]] = field(default_factory=list)

    def text(self, lane: Lane) -> str:
        return "".join(each.text for each in self.outputs if isinstance(each, Release) and each.lane == lane)

    @property
    def lanes(self) -> list[Lane]:
        """In which order lanes came out, each as often as others came between."""
        order = [each.lane for each in self.outputs if isinstance(each, Release) and each.end > each.start]
        return [lane for n, lane in enumerate(order) if n == 0 or order[n - 1] != lane]

    @property
    def blocked(self) -> Blocked | None:
        return next((each for each in self.outputs if isinstance(each, Blocked)), None)

    @property
    def decisions(self) -> list[Decision]:
        return [decision for output in self.outputs for decision in output.decisions]

    @property
    def facts(self) -> object:
        """What may depend on neither cuts nor time."""
        lanes = {each.lane for each in self.outputs}
        blocks = [each for each in self.outputs if isinstance(each, Blocked)]
        return (
            {lane: text for lane in lanes if (text := self.text(lane))},
            {each.lane.choice: (each.lane, each.rule, each.position, each.label) for each in blocks},
            sorted(
                (
                    each.rule,
                    repr(each.lane),
                    repr(each.finding),
                    each.done,
                    each.exposure.leaked_chars,
                    each.excerpt,
                    each.segment or 0,
                )
                for each in self.decisions
            ),
        )


def outputs_of(stream: Stream) -> list[Output]:
    """What has come out since the last time."""
    outputs: list[Output] = []
    while (output := stream.next_output()) is not None:
        outputs.append(output)
    return outputs


class Player:
    """Feeds a stream, and answers for its batch detectors at once, or when it is told to."""

    def __init__(self, a_plan: Plan, *, may_answer: Callable[[], bool] = lambda: True, **options: object) -> None:
        self.stream = Stream(a_plan, **options)  # type: ignore[arg-type]  # the stream's own options
        self.played = Played()
        self._may_answer = may_answer
        self._waiting: list[Request] = []

    def step(self, requests: Sequence[Request]) -> None:
        self._waiting += requests
        while self._waiting and self._may_answer():
            self.answer(0)
        self._collect()

    def answer(self, index: int) -> None:
        batch, segment = self._waiting.pop(index)
        found = batch.detector.detect([BatchItem(segment.text, segment.begin)])[0]
        self.stream.resolve(segment.number, batch.index, Found(segment.to_lane(found)))

    def finish(self, chance: random.Random) -> Played:
        self._waiting += self.stream.close()
        while self._waiting:
            self.answer(chance.randrange(len(self._waiting)))
        self._collect()
        assert self.stream.is_done
        assert self.stream.held_chars == 0
        return self.played

    def _collect(self) -> None:
        outputs = outputs_of(self.stream)
        self.played.outputs += outputs
        self.played.steps.append(outputs)


def play(a_plan: Plan, events: Sequence[Event], *, seed: int | None = None, **options: object) -> Played:
    """Play events to the end; with a seed, outcomes come late and in any order."""
    chance = random.Random(seed)
    player = Player(a_plan, may_answer=lambda: seed is None or chance.random() < 0.3, **options)
    for lane, text in events:
        player.step(player.stream.end_lane(lane) if text is None else player.stream.feed(lane, text))
    return player.finish(chance)


# --- golden examples --------------------------------------------------------------------------------------------------

CARDS = plan((WordScanner(CARD, label="CARD"), [rule(REDACT, "CARD")]))
WORDS = plan((WordScanner("bluebird", label="WORD"), [rule(BLOCK, "WORD", message="no")]))
EVIL = plan((SegmentFlagger("evil"), [rule(BLOCK, "FLAG")]))


class TestWhatIsNotWaitedFor:
    """What is found beside a block is told, whoever answers first, and only what is told however the text is cut."""

    @pytest.mark.parametrize("enforcement", [Enforcement.ENFORCE, Enforcement.SHADOW])
    def test_it_is_told_of_the_segment_in_which_another_finds_a_block(self, enforcement: Enforcement) -> None:
        noted = rule(ANNOTATE, "NOTE", index=1, enforcement=enforcement)
        a_plan = plan((SegmentFlagger("evil"), [rule(BLOCK, "FLAG")]), (SegmentFlagger("odd", label="NOTE"), [noted]))
        events: list[Event] = [(TEXT, "So far, so good. "), (TEXT, "An odd evil thing. More of it. "), (TEXT, None)]
        for seed in range(20):
            played = play(a_plan, events, seed=seed)
            assert played.text(TEXT) == "So far, so good."
            found = sorted((each.finding.label, each.done) for each in played.decisions)
            assert found == [("FLAG", BLOCK), ("NOTE", BLOCK)]

    def test_a_stopped_stream_ends_once_all_that_is_owed_is_told(self) -> None:
        noted = rule(ANNOTATE, "NOTE", index=1)
        a_plan = plan((SegmentFlagger("evil"), [rule(BLOCK, "FLAG")]), (SegmentFlagger("odd", label="NOTE"), [noted]))
        player = Player(a_plan, may_answer=lambda: False)
        player.step(player.stream.feed(TEXT, "So odd. How evil. "))
        player.step(player.stream.end_lane(TEXT))
        player.answer(0)
        player.answer(1)
        assert player.stream.is_stopped
        assert not player.stream.is_done
        assert player.stream.held_chars == 0
        player.finish(random.Random(0))

    def test_a_segment_that_a_block_of_a_scanner_begins_in_is_not_told_of(self) -> None:
        """It is not complete where the block is known, or it is: that depends on the cut."""
        noted = rule(ANNOTATE, "NOTE", index=1)
        a_plan = plan(
            (WordScanner("blue bird"), [rule(BLOCK)]),
            (SegmentFlagger("odd", label="NOTE"), [noted]),
            max_segment_tokens=3,
        )
        text = "An odd thing. The odd blue bird sings. "
        whole = play(a_plan, [(TEXT, text)])
        assert [each.excerpt for each in whole.decisions if each.finding.label == "NOTE"] == ["An odd thing."]
        for pieces in all_cuts(text):
            assert play(a_plan, [(TEXT, each) for each in pieces]).facts == whole.facts


def test_a_segments_number_is_of_its_choice_whenever_another_ones_block_is_known() -> None:
    """Text behind a block makes no segments: how many another choice had depended on when its block was known."""
    flagged = SegmentFlagger("odd", label="NOTE"), [rule(REDACT, "NOTE", index=1)]
    a_plan = plan((SegmentFlagger("evil"), [rule(BLOCK, "FLAG")]), flagged, max_segment_tokens=3)
    events: list[Event] = []
    for _ in range(4):
        events += [(SECOND, "An evil thing. "), (TEXT, "One odd thing. ")]
    for seed in range(10):
        decisions = play(a_plan, events, seed=seed).decisions
        numbers = [each.segment or 0 for each in decisions if each.lane == TEXT]
        assert numbers == sorted({*numbers})
        assert numbers[-1] == 4
        assert not {each.segment for each in decisions if each.lane == SECOND}.intersection(numbers)


class TestSwitch:
    def test_a_card_across_a_switch_is_one_card_and_what_comes_between_does_not_wait(self) -> None:
        played = play(CARDS, [(TEXT, "so 4111 1111"), (THOUGHTS, "well."), (TEXT, " 1111 1111 ok")])
        assert played.text(TEXT) == "so <CARD> ok"
        assert played.text(THOUGHTS) == "well."
        assert played.lanes == [TEXT, THOUGHTS, TEXT, THOUGHTS, TEXT] or played.lanes == [TEXT, THOUGHTS, TEXT]
        assert [each.text for each in played.steps[1] if isinstance(each, Release)] == ["well"]
        assert len(played.decisions) == 1

    def test_a_card_that_is_whole_at_a_switch_leaves_replaced_before_what_follows(self) -> None:
        played = play(CARDS, [(TEXT, "so 4111 1111 1111 1111"), (THOUGHTS, "well."), (TEXT, " ok")])
        shown = [(each.lane, each.text) for step in played.steps[:2] for each in step if isinstance(each, Release)]
        assert shown == [(TEXT, "so "), (TEXT, "<CARD>"), (THOUGHTS, "well")]
        assert played.text(TEXT) == "so <CARD> ok"
        assert [(each.done, each.leaked_chars) for each in played.decisions] == [(REDACT, 0)]

    def test_a_match_that_goes_on_behind_a_switch_is_replaced_as_the_rest_of_it(self) -> None:
        digits = plan((WordScanner(r"\d{2,6}"), [rule(REDACT, rewrite=stars)]))
        played = play(digits, [(TEXT, "a 12"), (THOUGHTS, "."), (TEXT, "34 b")])
        assert played.text(TEXT) == "a **** b"
        assert len(played.decisions) == 1

    def test_a_blocked_word_across_a_switch_stops_where_it_begins(self) -> None:
        played = play(WORDS, [(TEXT, "the blue"), (THOUGHTS, "let me see"), (TEXT, "bird flew"), (THOUGHTS, "gone")])
        assert (played.text(TEXT), played.text(THOUGHTS)) == ("the ", "let me see")
        assert played.blocked is not None
        assert (played.blocked.lane, played.blocked.position) == (TEXT, 4)

    def test_a_word_that_would_be_blocked_is_decided_before_what_follows(self) -> None:
        words = plan((WordScanner(r"kill(?:er)?", label="WORD"), [rule(BLOCK, "WORD")]))
        played = play(words, [(THOUGHTS, "I could kill"), (CALL, '{"a":1}'), (TEXT, "more")])
        assert played.text(THOUGHTS) == "I could "
        assert (played.text(CALL), played.text(TEXT)) == ("", "")
        assert [type(each) for each in played.steps[1]] == [Blocked]

    def test_a_tail_before_a_block_leaves_whole(self) -> None:
        both = plan(
            (WordScanner("bluebird", label="WORD"), [rule(BLOCK, "WORD")]),
            (WordScanner("look.{3}", label="L"), [rule(REDACT, "L", index=1)]),
        )
        played = play(both, [(THOUGHTS, "Let me look"), (TEXT, "ok bluebird"), (THOUGHTS, " at it")])
        assert (played.text(THOUGHTS), played.text(TEXT)) == ("Let me look", "ok ")
        assert isinstance(played.outputs[-1], Blocked)

    def test_a_field_that_stands_beside_the_parts_stops_with_its_choice_even_when_it_begins_later(self) -> None:
        beside, later = Lane(channel=Channel.OTHER), Lane(channel=Channel.OTHER, item=1)
        played = play(WORDS, [(beside, "one"), (TEXT, "a bluebird."), (beside, "two"), (later, "three")])
        assert [played.text(each) for each in (beside, TEXT, later)] == ["one", "a ", ""]

    def test_another_choice_never_waits(self) -> None:
        stream = Stream(EVIL)
        stream.feed(TEXT, "One. ")
        requests = stream.feed(SECOND, "Two. ")
        (batch, segment), *_ = requests
        stream.resolve(segment.number, batch.index, Found())
        assert [each.lane for each in outputs_of(stream)] == [SECOND]

    def test_text_behind_an_open_verdict_waits_for_it(self) -> None:
        stream = Stream(EVIL)
        stream.feed(THOUGHTS, "is it evil")
        ((batch, segment),) = stream.feed(TEXT, "fine")
        assert segment.text == "is it evil"
        assert stream.next_output() is None
        stream.resolve(segment.number, batch.index, Found(()))
        assert outputs_of(stream) == [Release(THOUGHTS, "is it evil", 0, 10)]

    def test_a_block_waits_for_the_verdicts_on_what_came_before_it(self) -> None:
        both = plan(
            (WordScanner("bluebird", label="WORD"), [rule(BLOCK, "WORD")]),
            (SegmentFlagger("evil"), [rule(BLOCK, "FLAG", index=1)]),
        )
        stream = Stream(both)
        stream.feed(TEXT, "the blue")
        (first,) = stream.feed(THOUGHTS, "fine")
        (second,) = stream.feed(TEXT, "bird flew")
        stream.resolve(first[1].number, 0, Found())
        assert outputs_of(stream) == [Release(TEXT, "the ", 0, 4)]
        stream.resolve(second[1].number, 0, Found())
        assert [type(each) for each in outputs_of(stream)] == [Release, Blocked]

    @pytest.mark.parametrize("seed", [None, 0, 1, 2, 3])
    def test_a_match_that_begins_in_what_was_replaced_at_a_switch_is_replaced_behind_it(self, seed: int | None) -> None:
        a_plan = plan(
            (WordScanner(r"\d{2}", label="A"), [rule(REDACT, "A")]),
            (WordScanner("2bb", label="B"), [rule(REDACT, "B", index=1)]),
            (SegmentFlagger("evil"), [rule(BLOCK, "FLAG", index=2)]),
        )
        played = play(a_plan, [(TEXT, "a 12"), (THOUGHTS, "."), (TEXT, "bb c")], seed=seed)
        assert played.text(TEXT) == "a <A><B> c"

    @pytest.mark.parametrize("goes_on", [False, True])
    def test_a_verdict_that_comes_when_other_text_came_finds_the_lane_as_it_was_left(self, goes_on: bool) -> None:
        a_plan = plan(
            (WordScanner(r"\d evil z", label="A"), [rule(REDACT, "A")]),
            (SegmentFlagger("evil", spans=True), [rule(BLOCK, "FLAG", index=1)]),
        )
        stream = Stream(a_plan)
        stream.feed(TEXT, "5 evil")
        ((batch, segment),) = stream.feed(THOUGHTS, "well")
        if goes_on:
            stream.feed(TEXT, " z")
        found = batch.detector.detect([BatchItem(segment.text, segment.begin)])[0]
        stream.resolve(segment.number, batch.index, Found(segment.to_lane(found)))
        released, blocked = outputs_of(stream)
        assert released == Release(TEXT, "5 ", 0, 2)
        assert isinstance(blocked, Blocked)
        assert blocked.position == 2


class TestEnds:
    def test_a_lane_that_is_ended_leaves_whole_and_the_stream_goes_on(self) -> None:
        player = Player(CARDS)
        player.step(player.stream.feed(TEXT, "so 4111 1111"))
        player.step(player.stream.end_lane(TEXT))
        assert player.played.text(TEXT) == "so 4111 1111"
        player.step(player.stream.end_lane(TEXT))
        player.step(player.stream.feed(THOUGHTS, "well"))
        assert player.played.text(THOUGHTS) == "wel"
        assert player.finish(random.Random()).text(THOUGHTS) == "well"

    def test_its_last_words_are_judged_before_what_follows(self) -> None:
        words = plan((WordScanner(r"kill(?:er)?", label="WORD"), [rule(BLOCK, "WORD")]))
        played = play(words, [(THOUGHTS, "I kill"), (THOUGHTS, None), (TEXT, "so there")])
        assert (played.text(THOUGHTS), played.text(TEXT)) == ("I ", "")

    def test_an_end_asks_for_the_last_verdict(self) -> None:
        stream = Stream(EVIL)
        assert stream.feed(TEXT, "is it evil") == []
        ((_, segment),) = stream.end_lane(TEXT)
        assert segment.text == "is it evil"

    def test_an_ended_choice_ends_all_its_lanes_and_no_other(self) -> None:
        player = Player(CARDS)
        for lane in (TEXT, THOUGHTS, SECOND):
            player.step(player.stream.feed(lane, "so 4111 1111"))
        player.step(player.stream.end_choice(0))
        assert [player.played.text(each) for each in (TEXT, THOUGHTS, SECOND)] == ["so 4111 1111"] * 2 + ["so "]

    def test_a_lane_that_is_over_lets_go_of_its_scans(self) -> None:
        alive: weakref.WeakSet[WordScan] = weakref.WeakSet()

        class Counting(WordScanner):
            def start(self) -> WordScan:
                scan = super().start()
                alive.add(scan)
                return scan

        stream = Stream(plan((Counting(CARD), [rule(REDACT)])))
        for number in range(200):
            stream.feed(Lane(item=number), "4111 1111 1111 1111 ")
            stream.end_lane(Lane(item=number))
        assert len(alive) < 50
        coverage = stream.coverage()
        assert {(each.received_chars, each.released_chars, each.unscanned_chars) for each in coverage} == {(20, 20, 0)}
        with pytest.raises(ValueError, match="text after the lane's end"):
            stream.feed(Lane(item=0), "more")

    def test_text_after_a_lanes_end_is_refused(self) -> None:
        stream = Stream(CARDS)
        stream.end_lane(TEXT)
        with pytest.raises(ValueError, match="end"):
            stream.feed(TEXT, "more")


class TestCalls:
    def test_a_call_leaves_whole_once_it_is_over_and_other_text_comes(self) -> None:
        player = Player(WORDS)
        player.step(player.stream.feed(CALL, '{"a": 1}'))
        player.step(player.stream.end_lane(CALL))
        assert player.played.outputs == []
        player.step(player.stream.feed(TEXT, "done"))
        assert [(each.lane, each.text) for each in player.played.outputs if isinstance(each, Release)] == [
            (CALL, '{"a": 1}'),
            (TEXT, "done"),
        ]

    def test_a_block_in_the_second_of_two_calls_side_by_side_keeps_both_back(self) -> None:
        events = [(TEXT, "ok "), (CALL, "{}"), (CALL, None), (OTHER_CALL, '{"x":"bluebird"}'), (TEXT, "more")]
        played = play(WORDS, events)
        assert [played.text(each) for each in (TEXT, CALL, OTHER_CALL)] == ["ok ", "", ""]
        assert played.blocked is not None
        assert (played.blocked.lane, played.blocked.position) == (OTHER_CALL, 0)

    def test_a_block_in_the_first_keeps_the_second_back(self) -> None:
        played = play(WORDS, [(CALL, '"bluebird"'), (CALL, None), (OTHER_CALL, "{}"), (OTHER_CALL, None)])
        assert [played.text(each) for each in (CALL, OTHER_CALL)] == ["", ""]

    def test_a_complete_call_then_text_then_a_blocked_call(self) -> None:
        events = [(CALL, '{"city":"Paris"}'), (CALL, None), (TEXT, "and "), (OTHER_CALL, "bluebird")]
        played = play(WORDS, events)
        assert [played.text(each) for each in (CALL, TEXT, OTHER_CALL)] == ['{"city":"Paris"}', "and ", ""]
        assert isinstance(played.outputs[-1], Blocked)

    def test_a_call_that_nobody_ended_does_not_leave_cut(self) -> None:
        played = play(WORDS, [(CALL, '{"city":'), (TEXT, "bluebird")])
        assert [played.text(each) for each in (CALL, TEXT)] == ["", ""]

    def test_a_call_whose_end_comes_late_stands_behind_what_came_before_that(self) -> None:
        words = plan((WordScanner(r"kill(?:er)?", label="WORD"), [rule(BLOCK, "WORD")]))
        played = play(words, [(CALL, "{}"), (TEXT, "I could kill"), (CALL, None)])
        assert [played.text(each) for each in (CALL, TEXT)] == ["", "I could "]

    def test_the_last_word_of_reasoning_keeps_two_calls_back(self) -> None:
        words = plan((WordScanner(r"bluebirds?", label="WORD"), [rule(BLOCK, "WORD")]))
        events = [(THOUGHTS, "a bluebird"), (CALL, "{}"), (CALL, None), (OTHER_CALL, "{}"), (OTHER_CALL, None)]
        played = play(words, events)
        assert [played.text(each) for each in (THOUGHTS, CALL, OTHER_CALL)] == ["a ", "", ""]

    def test_many_tokens_of_a_call_take_little_room_and_leave_as_they_came(self) -> None:
        pieces = [f"{number} " for number in range(1_000)]
        player = Player(WORDS)
        before = sys.getallocatedblocks()
        for piece in pieces:
            player.step(player.stream.feed(CALL, piece))
        player.played.steps.clear()
        assert sys.getallocatedblocks() - before < len(pieces)
        played = player.finish(random.Random())
        assert played.text(CALL) == "".join(pieces)
        assert len(played.outputs) < len(pieces) / 10

    def test_a_call_without_text_shows_when_it_may_leave(self) -> None:
        played = play(WORDS, [(CALL, None), (TEXT, "done")])
        assert played.outputs[0] == Release(CALL, "", 0, 0)

    def test_what_was_found_in_a_call_that_does_not_leave_is_recorded_as_blocked(self) -> None:
        both = plan(
            (WordScanner("bluebird", label="WORD"), [rule(BLOCK, "WORD")]),
            (WordScanner(CARD, label="CARD"), [rule(REDACT, "CARD", index=1)]),
        )
        events = [(CALL, '"4111 1111 1111 1111"'), (CALL, None), (OTHER_CALL, "4111 1111 1111 1111 bluebird")]
        played = play(both, events)
        assert [(each.rule, each.lane, each.done, each.exposure.released_to) for each in played.decisions] == [
            (1, CALL, BLOCK, 0),
            (1, OTHER_CALL, BLOCK, 0),
            (0, OTHER_CALL, BLOCK, 0),
        ]

    def test_where_nothing_may_block_calls_stream(self) -> None:
        for a_plan in (CARDS, plan((WordScanner("x"), [rule(BLOCK, enforcement=Enforcement.SHADOW)]))):
            player = Player(a_plan)
            player.step(player.stream.feed(CALL, '{"a": 1'))
            assert player.played.text(CALL)

    def test_calls_of_an_input_do_not_wait(self) -> None:
        player = Player(WORDS, stops_together=True)
        player.step(player.stream.feed(CALL, '{"a": 1'))
        assert player.played.text(CALL) == '{"a": 1'

    def test_calls_that_are_longer_than_what_is_held_are_blocked_or_let_go(self) -> None:
        from sidecar.values import FailMode

        for mode, text in ((FailMode.FAIL_CLOSED, ""), (FailMode.FAIL_OPEN, "x" * 30)):
            words = plan((WordScanner("bluebird", label="WORD"), [rule(BLOCK, "WORD", on_error=mode)]))
            events = [(CALL, "x" * 15), (CALL, "x" * 15), (CALL, None)]
            played = play(words, events, max_held_call_chars=20)
            assert played.text(CALL) == text
            (decision,) = played.decisions
            assert decision.failure is not None
            assert (decision.finding.start, decision.finding.reason) == (20, "tool_calls: shed")


def test_alternating_at_every_token_looks_at_a_bounded_tail_each_time() -> None:
    seen: list[int] = []

    class Counting(WordScanner):
        def start(self) -> Counted:
            return Counted(self.pattern, self.label)

    class Counted(type(WordScanner("x").start())):  # type: ignore[misc]  # the scan of the fake
        def advance(self, text: str, offset: int, *, is_final: bool) -> object:
            seen.append(len(text))
            return super().advance(text, offset, is_final=is_final)

    counting = plan((Counting(CARD, label="CARD"), [rule(REDACT, "CARD")]))
    costs = []
    for count in (500, 4_000):
        seen.clear()
        events = [(lane, word) for _ in range(count // 2) for lane, word in ((TEXT, "plain 41 "), (THOUGHTS, "words "))]
        played = play(counting, events)
        assert played.text(TEXT) == "plain 41 " * (count // 2)
        costs.append(sum(seen) / count)
    assert costs[1] <= costs[0] * 1.1
    assert costs[1] < 60


def test_much_text_behind_three_words_of_reasoning_is_not_held() -> None:
    player = Player(CARDS)
    player.step(player.stream.feed(THOUGHTS, "Let me think 4111"))
    for _ in range(3_000):
        player.step(player.stream.feed(TEXT, "some words, 100 characters of them. " * 3))
        assert player.stream.held_chars < 40
    assert len(player.played.text(TEXT)) > 300_000


# --- properties -------------------------------------------------------------------------------------------------------

ALPHABET = "ab 12.\n"
SCANNERS = (r"ab?a", r"1[ .]?2", r"(?<!\d)\d{2,6}(?!\d)", r"b\n", r"a{3}", r"2b+")
WIDEST = 8
LANES = (TEXT, THOUGHTS, CALL, SECOND)


@st.composite
def policies(draw: st.DrawFn) -> Plan:
    """Small policies, of what is waited for and what is not."""
    detectors: list[tuple[Detector, list[RulePlan]]] = []
    for index in range(draw(st.integers(1, 4))):
        enforcement = draw(st.sampled_from([Enforcement.ENFORCE, Enforcement.ENFORCE, Enforcement.SHADOW]))
        action = draw(st.sampled_from([REDACT, REDACT, ANNOTATE, BLOCK]))
        label = f"L{index}"
        detector: Detector = WordScanner(draw(st.sampled_from(SCANNERS)), label=label)
        if draw(st.booleans()):
            detector = SegmentFlagger(draw(st.sampled_from(["aa", "1", "b."])), label=label, spans=draw(st.booleans()))
        detectors.append((detector, [rule(action, label, index=index, enforcement=enforcement)]))
    early = draw(st.sampled_from([(), (), (2, 2)]))
    return plan(*detectors, max_segment_tokens=6 if early else 3, early_tokens=early, early_every_tokens=len(early))


@st.composite
def streams(draw: st.DrawFn, lanes: Sequence[Lane] = LANES) -> list[Run]:
    """Runs of text of several lanes."""
    count = draw(st.integers(2, len(lanes)))
    return draw(
        st.lists(st.tuples(st.sampled_from(lanes[:count]), st.text(ALPHABET, min_size=1, max_size=8)), max_size=14)
    )


@st.composite
def with_ends(draw: st.DrawFn, runs: list[Run]) -> list[Event]:
    """The same with some lanes ended, behind their last text."""
    events: list[Event] = list(runs)
    for lane in draw(st.sets(st.sampled_from(LANES))):
        last = max((n for n, each in enumerate(events) if each[0] == lane and each[1] is not None), default=-1)
        events.insert(draw(st.integers(last + 1, len(events))), (lane, None))
    return events


@st.composite
def cut(draw: st.DrawFn, events: list[Event]) -> list[Event]:
    """The same, cut anywhere."""
    pieces: list[Event] = []
    for lane, text in events:
        places = [] if text is None else draw(st.lists(st.integers(0, len(text)), max_size=3))
        pieces += [(lane, None)] if text is None else [(lane, each) for each in cut_at(text, places)]
    return pieces


@given(policies(), st.data())
def test_neither_cuts_nor_the_time_of_outcomes_matter(a_plan: Plan, data: st.DataObject) -> None:
    events = data.draw(with_ends(data.draw(streams())))
    whole = play(a_plan, events)
    assert play(a_plan, data.draw(cut(events))).facts == whole.facts
    assert play(a_plan, events, seed=data.draw(st.integers(0, 99))).facts == whole.facts
    assert play(a_plan, data.draw(cut(events)), seed=7).facts == whole.facts


@st.composite
def blocks_beside_others(draw: st.DrawFn) -> Plan:
    """A rule or two that block, and several that nothing waits for."""
    detectors: list[tuple[Detector, list[RulePlan]]] = []
    blocks = draw(st.integers(1, 2))
    for index in range(blocks + draw(st.integers(2, 4))):
        label = f"L{index}"
        detector: Detector = WordScanner(draw(st.sampled_from(SCANNERS)), label=label)
        if draw(st.booleans()):
            flagged = draw(st.sampled_from(["aa", "1", "b.", " "]))
            detector = SegmentFlagger(flagged, label=label, spans=draw(st.booleans()))
        action, enforcement = BLOCK, Enforcement.ENFORCE
        if index >= blocks:
            action = draw(st.sampled_from([ANNOTATE, ANNOTATE, REDACT, BLOCK]))
            enforcement = Enforcement.ENFORCE if action is ANNOTATE and draw(st.booleans()) else Enforcement.SHADOW
        detectors.append((detector, [rule(action, label, index=index, enforcement=enforcement)]))
    order = draw(st.permutations(detectors))
    early = draw(st.sampled_from([(), (2, 2)]))
    return plan(*order, max_segment_tokens=draw(st.integers(2, 6)), early_tokens=early, early_every_tokens=len(early))


@given(blocks_beside_others(), st.data())
def test_what_is_told_beside_a_block_is_the_same_for_any_two_ways_of_cutting(a_plan: Plan, data: st.DataObject) -> None:
    """And for any two orders in which outcomes come, at the same time."""
    events = data.draw(with_ends(data.draw(streams())))
    seeds = st.none() | st.integers(0, 99)
    one, other = (play(a_plan, data.draw(cut(events)), seed=data.draw(seeds)).facts for _ in range(2))
    assert one == other


@st.composite
def scanned(draw: st.DrawFn) -> list[tuple[str, Action]]:
    """What scanners look for, and what is done about it."""
    return draw(st.lists(st.tuples(st.sampled_from(SCANNERS), st.sampled_from([REDACT, REDACT, BLOCK])), max_size=3))


def plan_of(looked_for: Sequence[tuple[str, Action]]) -> Plan:
    detectors = [
        (WordScanner(pattern, label=f"L{n}"), [rule(action, f"L{n}", index=n, rewrite=stars)])
        for n, (pattern, action) in enumerate(looked_for)
    ]
    return plan(*detectors)


def merged(runs: Sequence[Run]) -> list[Run]:
    """The same, each run as long as it goes on."""
    return [
        (lane, "".join(text for _, text in group))
        for lane, group in itertools.groupby(runs, key=operator.itemgetter(0))
    ]


class Oracle:
    """What must come of a choice: at the end of each run, its lane's text is judged as if it ended there."""

    def __init__(self, looked_for: Sequence[tuple[str, Action]], runs: Sequence[Run]) -> None:
        self.texts: dict[Lane, str] = {}
        self.replaced: dict[Lane, set[int]] = defaultdict(set)
        self.blocked: tuple[Lane, int] | None = None
        """Where the first block begins."""
        for lane, text in runs:
            whole = self.texts.get(lane, "") + text
            spans = [(action, each.span()) for pattern, action in looked_for for each in re.finditer(pattern, whole)]
            blocks = [start for action, (start, _) in spans if action is BLOCK]
            for action, (start, end) in spans:
                if action is REDACT:
                    self.replaced[lane].update(range(start, end))
            if blocks:
                self.texts[lane] = whole[: min(blocks)]
                self.blocked = (lane, min(blocks))
                return
            self.texts[lane] = whole

    def shown(self, lane: Lane) -> str:
        replaced = self.replaced[lane]
        return "".join("*" if n in replaced else each for n, each in enumerate(self.texts.get(lane, "")))


@given(scanned(), streams(), st.data())
def test_each_lane_is_what_its_runs_give_and_a_block_stops_all_that_came_behind_it(
    looked_for: list[tuple[str, Action]], drawn: list[Run], data: st.DataObject
) -> None:
    runs = [(lane, text) for lane, text in drawn if lane != CALL]
    played = play(plan_of(looked_for), data.draw(cut(list(runs))))
    assert sum(each.leaked_chars for each in played.decisions) == 0
    blocked = {each.lane.choice: each for each in played.outputs if isinstance(each, Blocked)}
    for choice in (0, 1):
        oracle = Oracle(looked_for, merged([each for each in runs if each[0].choice == choice]))
        place = oracle.blocked
        assert (choice in blocked) is (place is not None)
        for lane in (each for each in LANES if each.choice == choice):
            text, expected = played.text(lane), oracle.shown(lane)
            if place is None or lane != place[0] or not oracle.replaced[lane].intersection((place[1] - 1, place[1])):
                assert text == expected
            else:  # a redaction that reaches the block stays back with it
                assert expected.startswith(text)
                assert set(expected[len(text) :]) <= {"*"}


@given(scanned(), streams())
def test_what_stays_back_is_bounded_and_delays_its_own_lane_alone(
    looked_for: list[tuple[str, Action]], drawn: list[Run]
) -> None:
    runs = [(lane, text) for lane, text in drawn if lane != CALL]
    player, fed, left = Player(plan_of(looked_for)), Counter[Lane](), Counter[Lane]()
    for lane, text in runs:
        player.step(player.stream.feed(lane, text))
        fed[lane] += len(text)
        for output in player.played.steps[-1]:
            if isinstance(output, Release):
                left[output.lane] = output.end
        if player.played.blocked is not None:
            return
        assert all(fed[each] - left[each] <= 3 * WIDEST for each in fed)


@given(policies(), st.data())
def test_what_leaves_at_a_block_is_what_came_before_one_of_its_lanes_runs(a_plan: Plan, data: st.DataObject) -> None:
    runs = [each for each in merged(data.draw(streams())) if each[0].choice == 0 and each[0] != CALL]
    played = play(a_plan, list(runs), seed=data.draw(st.integers(0, 99)))
    if played.blocked is None:
        return
    ends = Counter[Lane]()
    for output in played.outputs:
        if isinstance(output, Release) and output.lane != played.blocked.lane:
            ends[output.lane] = output.end
    before, possible = Counter[Lane](), []
    for lane, text in merged(runs):
        if lane == played.blocked.lane:
            possible.append({each: count for each, count in before.items() if each != lane and count})
        before[lane] += len(text)
    assert dict(ends) in possible
