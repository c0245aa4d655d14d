"""Answers of several parts, over every shipped policy: neither cuts nor parts that come between let anything out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.offline import Guarded, LaneText, guard
from sidecar.policy.plan import Plan
from sidecar.values import Channel, Lane
from tests.streams import cut_at
from tests.test_laws import SHIPPED, each_policy, nothing_taken_is_kept, texts

SCANNING = [plan for plan in SHIPPED if not plan.batches]
each_scanning_policy = pytest.mark.parametrize("plan", SCANNING, ids=[plan.name for plan in SCANNING])
"""Models take segments that are cut where parts are, which small fakes show as well, and faster."""

TEXT, THOUGHTS = Lane(), Lane(channel=Channel.REASONING)


@st.composite
def interrupted(draw: st.DrawFn) -> list[LaneText]:
    """A text that another part interrupts at some places, which is a text of its own."""
    runs: list[LaneText] = []
    own = draw(texts())
    for piece in cut_at(own, draw(st.lists(st.integers(0, len(own)), max_size=3))):
        runs += [(TEXT, piece), (THOUGHTS, draw(texts()))]
    return [(lane, text) for lane, text in runs if text]


@st.composite
def cut(draw: st.DrawFn, runs: list[LaneText]) -> list[LaneText]:
    """The same, cut anywhere."""
    return [
        (lane, piece)
        for lane, text in runs
        for piece in cut_at(text, draw(st.lists(st.integers(0, len(text)), max_size=4)))
    ]


def facts(guarded: Guarded) -> object:
    blocked = guarded.blocked
    decisions = [
        (each.rule, each.lane, each.finding, each.done, each.exposure.leaked_chars, each.excerpt)
        for each in guarded.decisions
    ]
    return (
        [guarded.text(lane) for lane in (TEXT, THOUGHTS)],
        blocked and (blocked.lane, blocked.rule, blocked.position),
        sorted(decisions, key=repr),
    )


@each_scanning_policy
@given(runs=interrupted(), data=st.data())
def test_the_cuts_of_a_part_do_not_matter(plan: Plan, runs: list[LaneText], data: st.DataObject) -> None:
    whole = guard(plan, runs, session_id="s")
    assert facts(guard(plan, data.draw(cut(runs)), session_id="s")) == facts(whole)
    single = [(lane, character) for lane, text in runs for character in text]
    assert facts(guard(plan, single, session_id="s")) == facts(whole)


@each_scanning_policy
@given(runs=interrupted(), data=st.data())
def test_no_character_of_a_marked_span_leaves(plan: Plan, runs: list[LaneText], data: st.DataObject) -> None:
    guarded = guard(plan, data.draw(cut(runs)), session_id="s")
    assert guarded.leaked_chars == 0
    assert nothing_taken_is_kept(guarded)


@pytest.mark.parametrize("between", ["Let me think about that.", "4111", "so "])
@each_policy
def test_a_card_that_another_part_interrupts_is_one_card(plan: Plan, between: str) -> None:
    card = "4111 1111 1111 1111"
    for place in range(1, len(card)):
        runs = [(TEXT, f"it is {card[:place]}"), (THOUGHTS, between), (TEXT, f"{card[place:]} ok")]
        whole = guard(plan, [(TEXT, f"it is {card} ok")], session_id="s")
        assert guard(plan, runs, session_id="s").text(TEXT) == whole.text(TEXT)
