"""Beginnings of segments that are read early: what leaves sooner, and that nothing is decided otherwise."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import UNCHECKED, BatchItem
from detectors.types import Finding
from sidecar.core.segmenter import Patience, Place, Segmenter
from sidecar.core.stream import Request, Stream
from sidecar.offline import Guarded, guard_text
from sidecar.policy.conditions import Exemption, Terms
from sidecar.policy.judging import Escalation
from sidecar.policy.plan import Plan
from sidecar.policy.requirement import Requirement
from sidecar.values import (
    Action,
    Blocked,
    Channel,
    Direction,
    Enforcement,
    Failed,
    FailureKind,
    Found,
    Lane,
    Outcome,
    Output,
    Part,
    Release,
)
from tests.fakes import QuoteChecker, SegmentFlagger, WordScanner, plan, rule, stars
from tests.streams import NASTY, all_cuts, by_character, cuts_of

BLOCK, REDACT, ANNOTATE = Action.BLOCK, Action.REDACT, Action.ANNOTATE
SAID = "I went to the old town and saw an evil thing there, they say."
"""13 pieces and a full stop; a place of its own behind each two of them."""
BEGUN = len("I went ")
"""What is out of it after the first place."""


class Unsure(SegmentFlagger):
    """As it stands, a segment that holds `word` is bad; with `hint`, it comes near that."""

    def __init__(self, word: str, hint: str, *, score: float = 0.3) -> None:
        super().__init__(word)
        self.hint, self.score = hint, score

    def _find(self, item: BatchItem) -> list[Finding]:
        near = [Finding(item.begin, len(item.text), self.label, self.score, "fake")]
        return super()._find(item) or (near if self.hint in item.text[item.begin :] else [])


class WithoutMore(SegmentFlagger):
    """Finds `word` until `more` has come."""

    def __init__(self, word: str, more: str) -> None:
        super().__init__(word)
        self.more = more

    def _find(self, item: BatchItem) -> list[Finding]:
        return [] if self.more in item.text else super()._find(item)


class OnlyWith(SegmentFlagger):
    """Finds `word` only in a segment that also holds `sign`."""

    def __init__(self, word: str, sign: str) -> None:
        super().__init__(word, spans=True)
        self.sign = sign

    def _find(self, item: BatchItem) -> list[Finding]:
        return super()._find(item) if self.sign in item.text else []


def early_plan(
    detector: SegmentFlagger, action: Action = BLOCK, *, early: Sequence[int] = (2, 2, 2), every: int = 0
) -> Plan:
    rules = [rule(action, detector.label, rewrite=stars)]
    return plan((detector, rules), max_segment_tokens=32, early_tokens=tuple(early), early_every_tokens=every)


def places(pieces: Sequence[str], early: Sequence[int], *, longest: int = 32) -> list[Place]:
    segmenter, text, found = Segmenter(longest, first_tokens=longest, early_tokens=early), "", []
    for piece in pieces:
        text += piece
        segmenter.advance(text, 0)
        found += segmenter.take_early()
    return found


@pytest.mark.parametrize(
    ("text", "early", "beginnings"),
    (
        ("one two three four five six seven", (2, 3), ["one two ", "one two three four five "]),
        ("one two three four five six seven", (2, 0), ["one two "]),
        (
            "one two three four five six seven",
            (2,),
            ["one two ", "one two three four ", "one two three four five six "],
        ),
        ("one two three", (), []),
        ("one two three", (0,), []),
        ("one two. three four. five six", (1,), ["one ", "three ", "five "]),
        ("one two. three four. five six", (1, 1, 1, 0), ["one "]),
        ("one two. three four. five six", (1, 2, 1), ["one ", "three ", "five "]),
        ("one. two three. four five six", (1, 0), ["two "]),
        ("unbelievable things happen here", (2,), ["unbelievable ", "unbelievable things happen "]),
        ("we met Anna Smith today again", (2,), ["we met ", "we met Anna Smith today "]),
        ("on 5 March 2024 it was", (2,), ["on 5 March 2024 "]),
        ("漢字漢字漢字漢字", (2,), []),
    ),
)
def test_places_depend_on_the_text_alone(text: str, early: tuple[int, ...], beginnings: list[str]) -> None:
    for pieces in all_cuts(text):
        found = places(pieces, early)
        assert [text[each.start : each.end].lstrip() for each in found] == beginnings


@given(st.text(NASTY + "Ab", max_size=80), st.data())
def test_places_are_the_same_however_a_text_is_cut(text: str, data: st.DataObject) -> None:
    early = (1, 2, 3)
    whole = places([text], early, longest=8)
    assert places(data.draw(cuts_of(text)), early, longest=8) == places(by_character(text), early, longest=8) == whole
    assert all(text[each.end - 1].isspace() and not text[each.end].isspace() for each in whole)


@given(st.text("aB .\n", max_size=60), st.data())
def test_what_may_wait_holds_up_no_place(text: str, data: st.DataObject) -> None:
    """Tokens that are put off (`Patience`) are fed before a place in them is certain, and not later."""
    eager, lazy = (Segmenter(8, first_tokens=8, early_tokens=(2, 3)) for _ in range(2))
    read, patience = "", Patience(*lazy.patience)
    for piece in data.draw(cuts_of(text)):
        read += piece
        eager.advance(read, 0)
        if not patience.lasts(piece):
            lazy.advance(read, 0)
            patience = Patience(*lazy.patience)
        assert eager.take_early() == lazy.take_early()


def beginnings(stream: Stream, text: str) -> list[str]:
    """What is read early of a text that comes slowly: each outcome is there before the next character."""
    read = []
    for piece in text:
        for request in stream.feed(Lane(), piece):
            read.append(request[1].text)
            stream.resolve(request[1].number, 0, answer(request))
    return read


def released(stream: Stream) -> str:
    return "".join(each.text for each in outputs_of(stream) if isinstance(each, Release))


def outputs_of(stream: Stream) -> list[Output]:
    return list(iter(stream.next_output, None))


def answer(request: Request) -> Outcome:
    batch, segment = request
    try:
        (found,) = batch.detector.detect([BatchItem(segment.text, segment.begin, segment.part)])
    except RuntimeError:
        return Failed(FailureKind.ERROR, "poison")
    return Found(segment.to_lane(found))


class TestLeaving:
    def test_a_plain_beginning_leaves_before_its_segment_is_complete(self) -> None:
        stream = Stream(early_plan(SegmentFlagger("evil")))
        (request,) = stream.feed(Lane(), "I went to")
        assert (request[1].text, request[1].is_early) == ("I went ", True)
        assert released(stream) == ""
        stream.resolve(request[1].number, 0, answer(request))
        assert released(stream) == "I went "

    def test_one_that_comes_near_waits_for_the_whole(self) -> None:
        stream = Stream(early_plan(Unsure("evil", "went")))
        requests = stream.feed(Lane(), "I went to the old town.")
        for request in requests:
            stream.resolve(request[1].number, 0, answer(request))
        assert len(requests) == 2
        assert released(stream) == ""
        for request in stream.close():
            stream.resolve(request[1].number, 0, answer(request))
        assert released(stream) == "I went to the old town."

    def test_the_beginning_is_tried_again_where_it_was_not_plain(self) -> None:
        stream = Stream(early_plan(WithoutMore("went", "old"), early=(2, 3, 2)))
        assert beginnings(stream, "I went to the old town and saw") == ["I went ", "I went to the old "]
        assert released(stream) == "I went to the old "

    def test_once_it_was_plain_it_is_read_again_only_where_that_is_asked_for_throughout(self) -> None:
        stream = Stream(early_plan(SegmentFlagger("evil"), early=(2, 3)))
        assert beginnings(stream, SAID[:33]) == ["I went "]
        throughout = Stream(early_plan(SegmentFlagger("evil"), early=(2, 3), every=3))
        assert beginnings(throughout, SAID[:33]) == ["I went ", "I went to the old town and saw "]
        assert released(throughout) == "I went to the old town and saw "

    def test_a_later_try_that_was_read_before_the_first_was_answered_says_nothing(self) -> None:
        stream = Stream(early_plan(SegmentFlagger("evil"), early=(2, 3)))
        first, second = stream.feed(Lane(), "I went to the old town")
        stream.resolve(second[1].number, 0, answer(second))
        assert released(stream) == ""
        stream.resolve(first[1].number, 0, answer(first))
        assert released(stream) == "I went "

    @pytest.mark.parametrize(("score", "out"), ((0.12, "I went "), (0.13, "")))
    def test_near_is_a_part_of_the_rules_own_threshold(self, score: float, out: str) -> None:
        assert rule(BLOCK, "FLAG").thresholds == {"FLAG": 0.5}
        stream = Stream(early_plan(Unsure("evil", "went", score=score)))
        (request,) = stream.feed(Lane(), "I went to")
        stream.resolve(request[1].number, 0, answer(request))
        assert released(stream) == out

    def test_what_could_not_be_read_is_not_plain(self) -> None:
        stream = Stream(early_plan(SegmentFlagger("evil")))
        (request,) = stream.feed(Lane(), "I went to")
        stream.resolve(request[1].number, 0, Found((Finding(0, 7, UNCHECKED, 1.0, "script not read"),)))
        assert released(stream) == ""

    @pytest.mark.parametrize("kind", list(FailureKind))
    def test_a_reading_that_failed_decides_nothing(self, kind: FailureKind) -> None:
        stream = Stream(early_plan(SegmentFlagger("evil")))
        (request,) = stream.feed(Lane(), "I went to")
        stream.resolve(request[1].number, 0, Failed(kind))
        (whole,) = stream.close()
        stream.resolve(whole[1].number, 0, answer(whole))
        assert released(stream) == "I went to"
        (coverage,) = stream.coverage()
        assert (coverage.unscanned_chars, stream.is_done) == (0, True)

    def test_one_that_is_late_decides_nothing(self) -> None:
        stream = Stream(early_plan(SegmentFlagger("evil")))
        stream.feed(Lane(), "I went to", 0.0)
        (whole,) = stream.close(100.0)
        stream.tick(400.0)
        assert outputs_of(stream) == []
        stream.resolve(whole[1].number, 0, answer(whole), 401.0)
        assert released(stream) == "I went to"

    def test_all_whose_verdict_is_waited_for_have_to_find_it_plain(self) -> None:
        two = plan(
            (SegmentFlagger("evil", label="ONE"), [rule(BLOCK, "ONE", index=0)]),
            (SegmentFlagger("went", label="TWO", spans=True), [rule(REDACT, "TWO", index=1, rewrite=stars)]),
            (SegmentFlagger("I", label="TOLD"), [rule(ANNOTATE, "TOLD", index=2)]),
            max_segment_tokens=32,
            early_tokens=(2, 2),
        )
        stream = Stream(two)
        requests = stream.feed(Lane(), "I went to the old")
        assert [batch.index for batch, _ in requests] == [0, 1, 0, 1]
        for request in requests:
            stream.resolve(request[1].number, request[0].index, answer(request))
        assert released(stream) == ""

    def test_a_scanner_still_holds_what_may_become_a_match(self) -> None:
        both = plan(
            (WordScanner("went t.", label="WORD"), [rule(REDACT, "WORD", index=0, rewrite=stars)]),
            (SegmentFlagger("evil"), [rule(BLOCK, "FLAG", index=1)]),
            max_segment_tokens=32,
            early_tokens=(2,),
        )
        stream = Stream(both)
        (request,) = stream.feed(Lane(), "I went t")
        stream.resolve(request[1].number, request[0].index, answer(request))
        assert released(stream) == "I "


class TestDeciding:
    def test_a_block_begins_behind_what_was_cleared(self) -> None:
        guarded = guard_text(early_plan(SegmentFlagger("evil")), SAID)
        assert guarded.text() == "I went "
        (decision,) = guarded.decisions
        assert (decision.finding.start, decision.finding.end, decision.exposure.leaked_chars) == (BEGUN, len(SAID), 0)
        assert decision.segment == 1

    def test_a_redaction_too(self) -> None:
        guarded = guard_text(early_plan(SegmentFlagger("evil"), REDACT), SAID)
        assert guarded.text() == "I went " + "*" * (len(SAID) - BEGUN)

    def test_so_does_what_could_not_be_looked_at(self) -> None:
        guarded = guard_text(early_plan(SegmentFlagger("nothing", fails_on="say")), SAID)
        assert guarded.text() == "I went "
        (decision,) = guarded.decisions
        assert (decision.finding.start, decision.failure is None) == (BEGUN, False)
        (coverage,) = guarded.coverage
        assert coverage.unscanned_chars == len(SAID) - BEGUN

    def test_a_rule_that_nobody_waits_for_sees_the_whole_segment(self) -> None:
        shadow = rule(BLOCK, "FLAG", index=1, enforcement=Enforcement.SHADOW)
        both = plan(
            (SegmentFlagger("evil"), [rule(BLOCK, "FLAG", index=0), shadow]), max_segment_tokens=32, early_tokens=(2, 2)
        )
        spans = {each.rule: each.finding.start for each in guard_text(both, SAID).decisions}
        assert spans == {0: BEGUN, 1: 0}

    @pytest.mark.parametrize(
        ("flagger", "text"),
        (
            (SegmentFlagger("evil"), SAID),
            (SegmentFlagger("town and saw", spans=True), SAID.replace("evil", "odd")),
        ),
    )
    @pytest.mark.parametrize("early", ((), (2, 2, 2, 2)))
    def test_an_exception_is_asked_of_what_was_found_and_not_of_what_is_left_of_it(
        self, flagger: SegmentFlagger, text: str, early: tuple[int, ...]
    ) -> None:
        (found,) = flagger.detect([BatchItem(text, 0)])[0]
        excepted = Exemption("known", "us", words=frozenset({text[found.start : found.end]}))
        a_rule = replace(rule(REDACT, "FLAG", rewrite=stars), terms=Terms(exemptions=(excepted,)))
        guarded = guard_text(plan((flagger, [a_rule]), max_segment_tokens=32, early_tokens=early), text)
        assert (guarded.text(), len(guarded.decisions)) == (text, 0)

    def test_segments_have_the_numbers_that_they_have_without(self) -> None:
        text = "One more day. Then an evil one came to us all."
        with_early, without = (
            guard_text(early_plan(SegmentFlagger("evil"), early=early), text) for early in ((2, 2), ())
        )
        assert [each.segment for each in with_early.decisions] == [each.segment for each in without.decisions] == [2]

    @pytest.mark.parametrize("text", (SAID, SAID.replace("evil", "odd"), "evil at once, and then some more words"))
    def test_it_does_not_matter_which_outcome_comes_first(self, text: str) -> None:
        a_plan = early_plan(SegmentFlagger("evil"))
        expected = guard_text(a_plan, text)
        for order in itertools.permutations(range(4)):
            stream = Stream(a_plan)
            requests = [*stream.feed(Lane(), text), *stream.close()]
            outputs: list[Output] = []
            for number in order:
                batch, segment = requests[number]
                stream.resolve(segment.number, batch.index, answer(requests[number]))
                outputs += outputs_of(stream)
            assert said(outputs) == said(expected.outputs)
            assert stream.is_done

    def test_a_verdict_before_that_on_the_beginning_waits_for_it(self) -> None:
        stream = Stream(early_plan(SegmentFlagger("evil"), early=(2,)))
        early, *_, whole = [*stream.feed(Lane(), "I went to evil"), *stream.close()]
        stream.resolve(whole[1].number, 0, answer(whole))
        assert outputs_of(stream) == []
        assert stream.awaits_outcomes
        stream.resolve(early[1].number, 0, answer(early))
        assert [type(each) for each in outputs_of(stream)] == [Release, Blocked]


def said(outputs: Sequence[Output]) -> tuple[object, ...]:
    """What left, where it ended, and what was decided of what."""
    decisions = [(each.rule, each.finding, each.done, each.segment) for output in outputs for each in output.decisions]
    text = "".join(each.text for each in outputs if isinstance(each, Release))
    blocked = next((each for each in outputs if isinstance(each, Blocked)), None)
    return text, blocked and (blocked.rule, blocked.position, blocked.label), sorted(map(repr, decisions))


class TestWhere:
    @pytest.mark.parametrize(
        ("lane", "is_request"),
        (
            (Lane(channel=Channel.TOOL_ARGUMENTS), False),
            (Lane(channel=Channel.OTHER), False),
            (Lane(part=Part.TOOL_RESULT), False),
            (Lane(part=Part.MODEL), True),
            (Lane(part=Part.USER), True),
        ),
    )
    def test_only_where_somebody_reads_an_answer_as_it_comes(self, lane: Lane, is_request: bool) -> None:
        stream = Stream(early_plan(SegmentFlagger("evil")), stops_together=is_request)
        requests = [*stream.feed(lane, SAID), *stream.close()]
        assert not any(segment.is_early for _, segment in requests)

    def test_reasoning_is_read_early(self) -> None:
        stream = Stream(early_plan(SegmentFlagger("evil")))
        assert [each.is_early for _, each in stream.feed(Lane(channel=Channel.REASONING), "I went to")] == [True]

    def test_not_where_a_judge_says_what_is_unclear(self) -> None:
        judged = replace(rule(BLOCK, "FLAG"), judge=Escalation("guard", 0.4, 0.9))
        a_plan = plan((SegmentFlagger("evil"), [judged]), max_segment_tokens=32, early_tokens=(2,))
        assert Stream(a_plan).feed(Lane(), "I went to the old") == []

    def test_not_where_what_a_model_finds_counts_for_other_rules(self) -> None:
        """What only the whole gives away would be missing there, and the other rule let its text out."""
        required = Requirement((frozenset({(0, "FLAG")}),), within=100)
        counting = plan(
            (OnlyWith("Ann", "patient"), [replace(rule(ANNOTATE, "FLAG", index=0), is_counted=True)]),
            (WordScanner(r"\d{4}"), [replace(rule(REDACT, "WORD", index=1, rewrite=stars), requires=required)]),
            max_segment_tokens=32,
            early_tokens=(2, 2, 2, 2),
        )
        guarded = guard_text(counting, "we said that Ann came to us as a patient in 2024 by train.")
        assert guarded.text() == "we said that Ann came to us as a patient in **** by train."
        assert [each.rule for each in guarded.decisions] == [0, 1]

    def test_not_where_whole_sentences_are_waited_for(self) -> None:
        both = plan(
            (SegmentFlagger("evil"), [rule(BLOCK, "FLAG", index=0)]),
            (QuoteChecker(), [rule(BLOCK, "unsupported", index=1)]),
            max_segment_tokens=32,
            early_tokens=(2,),
        )
        assert Stream(both).feed(Lane(), "I went to the old") == []

    @pytest.mark.parametrize("action", (ANNOTATE, BLOCK))
    def test_not_where_no_text_waits(self, action: Action) -> None:
        enforcement = Enforcement.ENFORCE if action is ANNOTATE else Enforcement.SHADOW
        rules = [rule(action, "FLAG", enforcement=enforcement)]
        a_plan = plan((SegmentFlagger("evil"), rules), max_segment_tokens=32, early_tokens=(2,))
        stream = Stream(a_plan)
        assert stream.feed(Lane(), "I went to the old") == []
        assert released(stream) == "I went to the old"


WORDS = "evil nice went to. the Anna\n"


@st.composite
def texts(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.sampled_from([*WORDS.split(" "), "near", "x" * 9, "é漢", "2024"]), max_size=40))
    return " ".join(words)


@st.composite
def early_plans(draw: st.DrawFn) -> Plan:
    """A model that blocks or redacts, beside a scanner; beginnings are read early in one of many ways."""
    detector: SegmentFlagger = draw(
        st.sampled_from([Unsure("evil", "near"), SegmentFlagger("evil", spans=True), SegmentFlagger("nice")])
    )
    action = draw(st.sampled_from([BLOCK, REDACT]))
    return plan(
        (detector, [rule(action, "FLAG", index=0, rewrite=stars)]),
        (WordScanner("went t."), [rule(REDACT, "WORD", index=1, rewrite=stars)]),
        max_segment_tokens=draw(st.sampled_from([8, 16, 32])),
        early_tokens=draw(st.sampled_from([(1,), (2, 2), (3, 1, 4)])),
        early_every_tokens=draw(st.sampled_from([0, 2, 5])),
    )


def in_any_order(a_plan: Plan, pieces: Sequence[str], rng: random.Random) -> tuple[list[Output], bool]:
    """What comes of a text whose outcomes come whenever they like; and that nothing is left over."""
    stream, waiting, outputs = Stream(a_plan), list[Request](), list[Output]()
    for piece in (*pieces, None):
        waiting += stream.close() if piece is None else stream.feed(Lane(), piece)
        while waiting and (piece is None or rng.random() < 0.5):
            request = waiting.pop(rng.randrange(len(waiting)))
            stream.resolve(request[1].number, request[0].index, answer(request))
            outputs += outputs_of(stream)
    return [*outputs, *outputs_of(stream)], stream.is_done


@given(early_plans(), texts(), st.data())
def test_law_1_neither_chunks_nor_the_order_of_outcomes_matter(a_plan: Plan, text: str, data: st.DataObject) -> None:
    expected = guard_text(a_plan, text)
    pieces, seed = data.draw(cuts_of(text)), data.draw(st.integers(0, 99))
    outputs, is_done = in_any_order(a_plan, pieces, random.Random(seed))
    assert is_done
    assert said(outputs) == said(expected.outputs)


@given(early_plans(), texts(), st.data())
def test_law_2_nothing_of_what_is_decided_leaves(a_plan: Plan, text: str, data: st.DataObject) -> None:
    outputs, _ = in_any_order(a_plan, data.draw(cuts_of(text)), random.Random(data.draw(st.integers(0, 99))))
    decisions = [each for output in outputs for each in output.decisions]
    assert all(each.exposure.leaked_chars == 0 for each in decisions)
    out = said(outputs)[0]
    assert isinstance(out, str)
    for each in decisions:
        assert set(out[each.finding.start : each.finding.end]) <= {"*"}


@given(early_plans(), texts())
def test_the_same_is_found_with_early_readings_and_without(a_plan: Plan, text: str) -> None:
    """Only where a decision of the model's begins differs: behind what was cleared."""
    without = replace(a_plan, stream=replace(a_plan.stream, early_tokens=(), early_every_tokens=0))
    early, late = guard_text(a_plan, text), guard_text(without, text)
    assert sorted(_ends(early)) == sorted(_ends(late))
    assert (early.blocked is None) == (late.blocked is None)
    if late.blocked is None and not late.redactions:
        assert early.text() == late.text() == text
    if late.blocked is not None and early.blocked is not None:
        assert early.blocked.position >= late.blocked.position
        assert early.text().startswith(late.text())


def _ends(guarded: Guarded) -> Iterator[tuple[object, ...]]:
    """What was found by the model: where it ends, in which segment. What a scanner finds may stand behind a block."""
    for each in guarded.decisions:
        if each.rule == 0:
            yield each.finding.end, each.finding.label, each.finding.score, each.done, each.segment


@given(texts(), st.data())
def test_an_input_is_read_as_ever(text: str, data: st.DataObject) -> None:
    a_plan = early_plan(Unsure("evil", "near"))
    without = early_plan(Unsure("evil", "near"), early=())
    pieces = data.draw(cuts_of(text))
    with_early, plain = (guard_text(each, pieces, direction=Direction.INPUT) for each in (a_plan, without))
    assert with_early == plain
