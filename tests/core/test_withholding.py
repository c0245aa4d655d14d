"""Withholding: a text of a request's history gives way to a sentence as a whole, and the request goes on."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.stream import Stream
from sidecar.offline import Guarded, guard
from sidecar.values import Action, Blocked, Channel, Direction, Enforcement, InHistory, Lane, Mode, Part
from tests.fakes import SegmentFlagger, WordScanner, plan, rule
from tests.streams import all_cuts

NEWEST = Lane(4, part=Part.USER)
OLDER = Lane(0, part=Part.USER)
RESULT = Lane(2, part=Part.TOOL_RESULT)
ANSWER = Lane(1, part=Part.MODEL)
CALL = Lane(1, Channel.TOOL_ARGUMENTS, Part.MODEL)
SYSTEM = Lane(3, part=Part.SYSTEM)
HISTORY = frozenset({OLDER, ANSWER, CALL, RESULT})

POLICY = plan(
    (WordScanner(r"bad"), [rule(Action.WITHHOLD, index=0)]),
    (WordScanner(r"worse"), [rule(Action.BLOCK, index=1, message="no")]),
    (WordScanner(r"worst"), [rule(Action.BLOCK, index=2, in_history=InHistory.REFUSE)]),
    (WordScanner(r"\d+"), [rule(Action.REDACT, index=3)]),
    (WordScanner(r"odd"), [rule(Action.ANNOTATE, index=4)]),
    (SegmentFlagger("evil"), [rule(Action.BLOCK, "FLAG", index=5)]),
    (SegmentFlagger("shade"), [rule(Action.WITHHOLD, "FLAG", index=6, enforcement=Enforcement.SHADOW)]),
)


def run(*parts: tuple[Lane, str], history: frozenset[Lane] | None = HISTORY) -> Guarded:
    return guard(POLICY, parts, direction=Direction.INPUT, history=history)


def done(guarded: Guarded) -> list[tuple[int, Action]]:
    return [(each.rule, each.done) for each in guarded.decisions]


@pytest.mark.parametrize("lane", sorted(HISTORY - {CALL}, key=str))
@pytest.mark.parametrize(
    ("text", "in_its_place", "decisions"),
    [
        ("All is well.", None, []),
        ("It went badly here.", "[rule-0]", [(0, Action.WITHHOLD)]),
        ("It went worse here.", "[rule-1]", [(1, Action.WITHHOLD)]),
        ("Here 12 odd. An evil one.", "[rule-5]", [(each, Action.WITHHOLD) for each in (3, 4, 5)]),
        ("An evil one, and a shade.", "[rule-5]", [(5, Action.WITHHOLD), (6, Action.WITHHOLD)]),
        ("worse, then bad", "[rule-1]", [(1, Action.WITHHOLD), (0, Action.WITHHOLD)]),
    ],
)
def test_a_text_of_the_history_gives_way_as_a_whole(
    lane: Lane, text: str, in_its_place: str | None, decisions: list[tuple[int, Action]]
) -> None:
    for pieces in all_cuts(text):
        guarded = run(*[(lane, piece) for piece in pieces], (NEWEST, "Hello."))
        assert (guarded.text(lane), guarded.text(NEWEST)) == (in_its_place or text, "Hello.")
        assert (done(guarded), guarded.blocked, guarded.leaked_chars) == (decisions, None, 0)
        if in_its_place:
            (redaction,) = guarded.redactions
            assert (redaction.start, redaction.end) == (0, len(text))
            assert guarded.annotations == ()


@pytest.mark.parametrize(
    ("lane", "text", "blocker"),
    [
        pytest.param(NEWEST, "It went bad.", 0, id="the newest words"),
        pytest.param(NEWEST, "It went worse.", 1, id="the newest words, a rule that blocks"),
        pytest.param(SYSTEM, "It went worse.", 1, id="the operator's words"),
        pytest.param(RESULT, "The worst.", 2, id="a rule that refuses in the history"),
        pytest.param(RESULT, "A bad thing, the worst.", 2, id="a rule that refuses is stronger"),
    ],
)
def test_other_texts_are_refused(lane: Lane, text: str, blocker: int) -> None:
    for pieces in all_cuts(text):
        blocked = run(*[(lane, piece) for piece in pieces]).blocked
        assert blocked is not None
        assert (blocked.lane, blocked.rule, blocked.message) == (lane, blocker, "no" if blocker == 1 else "")


def test_a_call_gives_way_to_json() -> None:
    guarded = run((CALL, '{"path": "a/bad/file", "n": 1}'), (RESULT, "Fine."), (NEWEST, "Go on."))
    assert json.loads(guarded.text(CALL)) == {"withheld": "[rule-0]"}
    assert (guarded.text(RESULT), guarded.text(NEWEST)) == ("Fine.", "Go on.")
    (redaction,) = guarded.redactions
    assert (redaction.start, redaction.end) == (0, 30)


def test_where_nobody_tells_what_history_is_only_rules_that_withhold_do() -> None:
    assert run((RESULT, "It went bad."), history=None).text(RESULT) == "[rule-0]"
    assert run((RESULT, "It went worse."), history=None).blocked is not None
    assert run((OLDER, "It went bad."), history=None).blocked is not None


def test_an_answer_is_blocked() -> None:
    guarded = guard(POLICY, [(Lane(), "It went bad.")], history={Lane()})
    assert (guarded.text(), guarded.blocked is not None) == ("It went ", True)


def test_in_optimistic_mode_nothing_of_it_leaves_either() -> None:
    hasty = plan((SegmentFlagger("evil"), [rule(Action.BLOCK, "FLAG")]), mode=Mode.OPTIMISTIC)
    stream = Stream(hasty, stops_together=True, history={RESULT})
    stream.feed(RESULT, "All is well. ")
    stream.feed(RESULT, "An evil one.")
    assert stream.next_output() is None


def test_what_is_kept_is_recorded_when_the_request_is_refused() -> None:
    guarded = run((RESULT, "Call 12 now"), (NEWEST, "It went worse."))
    assert sorted(done(guarded)) == [(1, Action.BLOCK), (3, Action.REDACT)]
    guarded = run((RESULT, "A bad call, the worst"))
    assert sorted(done(guarded)) == [(0, Action.BLOCK), (2, Action.BLOCK)]
    guarded = run((RESULT, "Call 12 worst"))
    assert sorted(done(guarded)) == [(2, Action.BLOCK), (3, Action.BLOCK)]
    assert guarded.text() == ""


WORDS = st.lists(st.sampled_from(["bad", "badly", "worse", "12", "odd", "evil", "fine.", "shade", "\n"]), max_size=6)


@given(
    texts=st.fixed_dictionaries({lane: WORDS.map(" ".join) for lane in (OLDER, ANSWER, RESULT)}),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8),
)
def test_however_a_history_is_cut_the_same_comes_of_it(texts: dict[Lane, str], sizes: list[int]) -> None:
    whole = run(*[(lane, text) for lane, text in texts.items() if text])
    lengths = itertools.cycle(sizes)
    pieces = [(lane, piece) for lane, text in texts.items() for piece in _cut(text, lengths)]
    again = run(*pieces)
    for lane in texts:
        assert again.text(lane) == whole.text(lane)
    assert not any(isinstance(each, Blocked) for each in whole.outputs)
    assert sorted(map(repr, again.decisions)) == sorted(map(repr, whole.decisions))


def _cut(text: str, lengths: itertools.cycle[int]) -> list[str]:
    pieces, at = [], 0
    while at < len(text):
        size = next(lengths)
        pieces.append(text[at : at + size])
        at += size
    return pieces
