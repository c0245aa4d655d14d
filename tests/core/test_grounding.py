"""Sentences in a stream: their context, the order of outcomes, rules that count along the answer, what is shown."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import UNSUPPORTED, AnswerBar, BatchItem, PairChecker, Reading
from detectors.context import Context, context_of
from detectors.types import Finding, Grounding
from sidecar.core.stream import Stream
from sidecar.offline import Guarded, guard, guard_text
from sidecar.policy.facts import Match
from sidecar.policy.plan import BatchPlan, Plan, RulePlan, StreamSettings
from sidecar.values import Action, Channel, Failed, FailureKind, Found, Lane, Mode, Part, Release, Standing
from tests.fakes import QuoteChecker, SegmentFlagger, rule, stars
from tests.streams import by_character


def plan_of(*rules: RulePlan, mode: Mode = Mode.STRICT, others: Sequence[BatchPlan] = ()) -> Plan:
    checker = QuoteChecker()
    assert isinstance(checker, PairChecker)
    batch = BatchPlan.of(len(others), checker, rules)
    settings = StreamSettings(mode, 400, 4096, 16)
    every = (*rules, *(each for other in others for each in other.rules))
    ordered = tuple(sorted(every, key=lambda each: each.index))
    return Plan("test", "1", "0" * 64, "", Match(), settings, ordered, (), (*others, batch))


def reading(action: Action, *, index: int = 0, **how: float | AnswerBar) -> RulePlan:
    made = rule(action, UNSUPPORTED, index=index, thresholds={UNSUPPORTED: 0.5}, rewrite=stars)
    fields = {name: getattr(made, name) for name in made.__slots__}
    return RulePlan(**fields | {"reading": Reading(**how)})  # type: ignore[arg-type]  # the tests name real fields


SOURCE = context_of([("doc", "Ann is tall. Bob is old. The end is near.")])
TRUE, OTHER, WRONG = "Ann is tall.", "Bob is old.", "Cid is rich."


BAR = AnswerBar(1, ((0.0, 1.0), (0.5, 0.4), (0.85, 0.3), (0.95, 0.2), (1.0, 0.0)))
"""The score .9 of what the context does not hold reaches it at the first sentence, not at the second."""


def violated(guarded: Guarded) -> list[str]:
    return [f"{each.rule}:{each.finding.start}" for each in guarded.decisions]


def test_a_sentence_that_is_not_borne_out_is_redacted_and_the_rest_leaves() -> None:
    plan = plan_of(reading(Action.REDACT))
    guarded = guard_text(plan, f"{TRUE} {WRONG} Why? {OTHER}", context=SOURCE)
    assert guarded.text() == f"{TRUE} ************ Why? {OTHER}"
    assert guarded.sentences is not None
    assert guarded.sentences.counts == {Standing.SUPPORTED: 2, Standing.UNSUPPORTED: 1, Standing.NEUTRAL: 1}
    assert guarded.sentences.used == {"doc"}


def test_evidence_is_shown_with_its_sentence_and_is_no_violation() -> None:
    plan = plan_of(reading(Action.ANNOTATE, evidence=True), reading(Action.BLOCK, index=1, consecutive=9))
    guarded = guard_text(plan, f"{TRUE} {WRONG}", context=SOURCE)
    assert [(each.label, each.start, each.score) for each in guarded.annotations] == [
        ("supported", 0, 0.9),
        ("unsupported", 13, 0.9),
    ]
    assert guarded.annotations[1].grounding == Grounding(0.1, "", 0, 5, 13, 14)
    assert violated(guarded) == ["0:13"]
    assert [each.text for each in guarded.outputs if isinstance(each, Release)] == [TRUE, f" {WRONG}"]


def test_a_rule_may_want_several_in_a_row() -> None:
    plan = plan_of(reading(Action.BLOCK, consecutive=2))
    text = f"{WRONG} {TRUE} {WRONG} Why? {WRONG} {TRUE}"
    guarded = guard_text(plan, text, context=SOURCE)
    assert guarded.text() == f"{WRONG} {TRUE} {WRONG} Why? "
    assert violated(guarded) == [f"0:{text.rindex(WRONG)}"]
    assert guarded.sentences is not None
    assert guarded.sentences.counts[Standing.UNSUPPORTED] == 3
    assert guarded.sentences.counts[Standing.SUPPORTED] == 1


def test_a_rule_may_want_a_share_of_the_answer() -> None:
    plan = plan_of(reading(Action.REDACT, ratio=0.5, ratio_after=3))
    guarded = guard_text(plan, " ".join([WRONG, WRONG, TRUE, WRONG, TRUE, TRUE, WRONG]), context=SOURCE)
    assert guarded.text().split(" ") == f"{WRONG} {WRONG} {TRUE} ************ {TRUE} {TRUE} ************".split(" ")


def test_a_bar_that_falls_along_the_answer_counts_the_sentences_that_were_checked() -> None:
    plan = plan_of(reading(Action.REDACT, answer=BAR))
    for sentences, redacted in (
        ([WRONG, WRONG], [True, False]),
        ([TRUE, WRONG], [False, False]),
        (["Why?", WRONG, TRUE, WRONG], [False, True, False, False]),
    ):
        expected = ["*" * len(each) if gone else each for each, gone in zip(sentences, redacted, strict=True)]
        guarded = guard_text(plan, " ".join(sentences), context=SOURCE)
        assert guarded.text() == " ".join(expected)
        assert guarded.sentences is not None
        assert guarded.sentences.counts[Standing.UNSUPPORTED] == sentences.count(WRONG), (
            "the sentences' own counts stay"
        )


def test_an_answer_whose_length_is_stated_has_one_bar_up_to_it() -> None:
    plan = plan_of(reading(Action.REDACT, answer=AnswerBar(2, BAR.reached)))
    assert guard_text(plan, f"{WRONG} {WRONG}", context=SOURCE).text() == f"{WRONG} {WRONG}"


def test_a_sentence_is_judged_by_the_context_that_was_there_when_it_was_complete() -> None:
    plan = plan_of(reading(Action.ANNOTATE))
    lane = Lane()
    parts: list[tuple[Lane, str] | Context] = [(lane, f"{TRUE} {TRUE}"), SOURCE, (lane, f" {WRONG}")]
    guarded = guard(plan, parts)
    assert guarded.sentences is not None
    assert guarded.sentences.counts == {Standing.UNCHECKED: 1, Standing.SUPPORTED: 1, Standing.UNSUPPORTED: 1}
    (coverage,) = guarded.coverage
    assert (coverage.unscanned_chars, coverage.reasons) == (len(TRUE), ("quotes: no context",))


def test_what_is_not_the_answers_content_is_not_compared() -> None:
    plan = plan_of(reading(Action.BLOCK))
    for lane in (Lane(part=Part.USER), Lane(channel=Channel.TOOL_ARGUMENTS), Lane(channel=Channel.REASONING)):
        assert guard_text(plan, WRONG, lane=lane, context=SOURCE).text() == WRONG


def test_segments_and_sentences_have_numbers_of_their_own() -> None:
    flagger = SegmentFlagger("is", label=UNSUPPORTED)
    other = BatchPlan.of(0, flagger, (rule(Action.ANNOTATE, index=1, thresholds={UNSUPPORTED: 0.5}),))
    plan = plan_of(reading(Action.REDACT), others=[other])
    whole = guard_text(plan, f"{TRUE} {WRONG} {OTHER}", context=SOURCE)
    cut = guard_text(plan, by_character(f"{TRUE} {WRONG} {OTHER}"), context=SOURCE)
    assert sorted(each.segment or 0 for each in whole.decisions) == sorted(each.segment or 0 for each in cut.decisions)
    assert {each.segment for each in whole.decisions if each.rule == 0} == {4}


def outputs_of(plan: Plan, text: str, order: random.Random | None) -> tuple[str, list[str]]:
    """What comes of a text when its outcomes come in that order."""
    stream = Stream(plan)
    stream.ground(SOURCE)
    requests = [*stream.feed(Lane(), text), *stream.close()]
    if order is not None:
        order.shuffle(requests)
    for batch, segment in requests:
        item = BatchItem(segment.text, segment.begin, context=segment.context)
        stream.resolve(segment.number, batch.index, Found(segment.to_lane(batch.detector.detect([item])[0])))
    outputs = []
    while (output := stream.next_output()) is not None:
        outputs.append(output)
    decisions = [f"{each.rule} {each.done} {each.finding.start}" for output in outputs for each in output.decisions]
    return "".join(each.text for each in outputs if isinstance(each, Release)), decisions


@given(
    sentences=st.lists(st.sampled_from([TRUE, OTHER, WRONG, "Why?"]), max_size=12),
    seed=st.integers(0, 999),
    consecutive=st.integers(1, 3),
)
def test_the_order_of_outcomes_does_not_matter(sentences: list[str], seed: int, consecutive: int) -> None:
    plan = plan_of(
        reading(Action.ANNOTATE, evidence=True),
        reading(Action.REDACT, index=1, ratio=0.4, ratio_after=2),
        reading(Action.BLOCK, index=2, consecutive=consecutive + 1),
        reading(Action.REDACT, index=3, answer=BAR),
    )
    text = " ".join(sentences)
    assert outputs_of(plan, text, random.Random(seed)) == outputs_of(plan, text, None)


@given(
    sentences=st.lists(st.sampled_from([TRUE, OTHER, WRONG, "Why?", "é\u0301 漢。", "\n"]), max_size=10),
    positions=st.lists(st.integers(0, 80), max_size=6),
    consecutive=st.integers(1, 3),
)
def test_the_cuts_do_not_matter(sentences: list[str], positions: list[int], consecutive: int) -> None:
    plan = plan_of(
        reading(Action.ANNOTATE, evidence=True),
        reading(Action.REDACT, index=1, answer=BAR),
        reading(Action.BLOCK, index=2, consecutive=consecutive + 1),
    )
    text = " ".join(sentences)
    whole = guard_text(plan, text, context=SOURCE)
    bounds = sorted({0, len(text), *(place for place in positions if place < len(text))})
    cuts = [[text[a:b] for a, b in pairwise(bounds)], by_character(text)]
    for pieces in cuts:
        cut = guard_text(plan, pieces, context=SOURCE)
        assert (cut.text(), cut.decisions, cut.annotations) == (whole.text(), whole.decisions, whole.annotations)
        assert cut.sentences == whole.sentences
        assert cut.leaked_chars == 0


@pytest.mark.parametrize("kind", [FailureKind.ERROR, FailureKind.SHED])
def test_a_failure_counts_as_unchecked_and_breaks_no_row(kind: FailureKind) -> None:
    plan = plan_of(reading(Action.ANNOTATE, consecutive=2))
    stream = Stream(plan)
    stream.ground(SOURCE)
    requests = [*stream.feed(Lane(), f"{WRONG} {TRUE} {WRONG}"), *stream.close()]
    answers = [QuoteChecker().detect([BatchItem(each.text, each.begin, context=SOURCE)])[0] for _, each in requests]
    outcomes = [Found(each.to_lane(found)) for (_, each), found in zip(requests, answers, strict=True)]
    for number in (2, 0):
        stream.resolve(requests[number][1].number, 0, outcomes[number])
    stream.resolve(requests[1][1].number, 0, Failed(kind))
    sentences = stream.sentences()
    assert sentences is not None
    assert sentences.counts == {Standing.UNSUPPORTED: 2, Standing.UNCHECKED: 1}
    assert sentences.reasons == {kind.value: 1}
    decided = []
    while (output := stream.next_output()) is not None:
        decided += [each.finding.label for each in output.decisions if each.failure is None]
    assert decided == [UNSUPPORTED]


class _Counted(QuoteChecker):
    """Counts how often each sentence was looked at."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        self.seen += [item.text[item.begin :] for item in items]
        return super().detect(items)


@given(sentences=st.lists(st.sampled_from([TRUE, OTHER, WRONG, "Why?", "👩🏽‍💻 漢。", "\r\n"]), max_size=10))
def test_without_a_rule_that_acts_nothing_is_changed_and_each_sentence_is_read_once(sentences: list[str]) -> None:
    checker = _Counted()
    batch = BatchPlan.of(0, checker, (reading(Action.ANNOTATE, evidence=True),))
    plan = Plan(
        "test", "1", "0" * 64, "", Match(), StreamSettings(Mode.STRICT, 400, 4096, 16), batch.rules, (), (batch,)
    )
    text = " ".join(sentences)
    guarded = guard_text(plan, by_character(text), context=SOURCE)
    assert guarded.text() == text
    read = "".join(checker.seen)
    assert read in text
    assert text.replace(read, "").isspace() or read == text
