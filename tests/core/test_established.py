"""Rules that insist on something of the session: they see it as it stands at their place, however the text is cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.types import Finding
from sidecar.core.stream import Stream
from sidecar.offline import Guarded, guard, guard_text
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.session_facts import SessionFacts
from sidecar.policy.sessions import SessionCondition
from sidecar.values import (
    Action,
    Blocked,
    Channel,
    Direction,
    Enforcement,
    Found,
    Lane,
    Mode,
    Part,
    Release,
    SessionMark,
)
from tests.fakes import SegmentFlagger, WordScanner, plan, rule
from tests.streams import all_cuts, cuts_of

UNTRUSTED, SENSITIVE, SENDS = SessionMark.UNTRUSTED, SessionMark.SENSITIVE, SessionMark.SENDS
ALL = frozenset(SessionMark)
CONTENT, CALL = Lane(), Lane(channel=Channel.TOOL_ARGUMENTS, item=1)


def marking(word: str, mark: SessionMark, index: int, **more: Any) -> tuple[WordScanner, list[RulePlan]]:
    """A rule that lets a word pass, and says something of the session."""
    own = replace(rule(Action.ANNOTATE, word.upper(), index=index, **more), marks=frozenset({mark}))
    return WordScanner(rf"\b{word}\b", label=word.upper()), [own]


def insisting(
    word: str, action: Action, index: int, condition: SessionCondition, **more: Any
) -> tuple[WordScanner, list[RulePlan]]:
    own = replace(rule(action, word.upper(), index=index), session=condition, **more)
    return WordScanner(rf"\b{word}\b", label=word.upper()), [own]


def trifecta(action: Action = Action.REDACT) -> Plan:
    return plan(
        marking("web", UNTRUSTED, 0),
        marking("secret", SENSITIVE, 1),
        insisting("mail", action, 2, SessionCondition(has=ALL), marks=frozenset({SENDS})),
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail web secret mail", "mail web secret <MAIL>"),
        ("web mail secret", "web mail secret"),
        ("secret web, mail mail", "secret web, <MAIL> <MAIL>"),
        ("mail", "mail"),
    ],
)
def test_what_a_stream_established_before_counts(text: str, left: str) -> None:
    for pieces in all_cuts(text):
        assert guard_text(trifecta(), pieces).text() == left


def test_what_the_session_did_before_counts_from_the_beginning() -> None:
    for pieces in all_cuts("mail, then web"):
        parts = [(CONTENT, piece) for piece in pieces]
        assert guard(trifecta(), parts, facts=SessionFacts(untrusted=True, sensitive=True)).text() == "<MAIL>, then web"
        assert guard(trifecta(), parts, facts=SessionFacts(untrusted=True)).text() == "mail, then web"


WORDS = st.lists(st.sampled_from(["web", "secret", "mail", "low", "x"]), max_size=14).map(" ".join)


def told(text: str, risk: float) -> str:
    """What is left of a text, by the rule's own words: a slow and simple reading of what the module promises."""
    seen: set[str] = set()

    def replaced(found: re.Match[str]) -> str:
        word = found[0]
        is_met = word == "mail" and {"web", "secret"} <= seen
        is_risky = word == "low" and risk + 2 * ("web" in seen) + 3 * ("secret" in seen) >= 5
        seen.add(word)
        return f"<{word.upper()}>" if is_met or is_risky else word

    return re.sub(r"\w+", replaced, text)


def with_risk() -> Plan:
    rules = trifecta()
    low, (own,) = insisting("low", Action.REDACT, 3, SessionCondition(risk=5))
    counted = [replace(rules.rules[0], risk=2.0), replace(rules.rules[1], risk=3.0), rules.rules[2], own]
    scanners = [replace(each, rules=(counted[each.rules[0].index],)) for each in rules.scanners]
    whole = plan((low, [own]))
    return replace(rules, rules=tuple(counted), scanners=(*scanners, *whole.scanners))


@given(data=st.data(), text=WORDS, risk=st.sampled_from([0.0, 1.0, 3.0, 5.0]))
def test_neither_chunks_nor_what_comes_later_matter(data: st.DataObject, text: str, risk: float) -> None:
    pieces = data.draw(cuts_of(text))
    ours = with_risk()
    guarded = guard(ours, [(CONTENT, piece) for piece in pieces], facts=SessionFacts(risk=risk))
    assert guarded.text() == told(text, risk)
    whole = guard(ours, [(CONTENT, text)], facts=SessionFacts(risk=risk))
    assert decided(guarded) == decided(whole)


def decided(guarded: Guarded) -> list[tuple[object, ...]]:
    return [(each.number, each.rule, each.finding, each.done, each.exposure.released_to) for each in guarded.decisions]


@given(data=st.data(), texts=st.lists(st.tuples(st.sampled_from([0, 1]), WORDS), max_size=5))
def test_text_of_other_lanes_counts_that_came_before(data: st.DataObject, texts: list[tuple[int, str]]) -> None:
    lanes = [Lane(), Lane(channel=Channel.REASONING)]
    pieces = [(lanes[which], piece) for which, text in texts for piece in data.draw(cuts_of(f"{text}. "))]
    whole = [(lanes[which], f"{text}. ") for which, text in texts]
    cut, uncut = guard(with_risk(), pieces), guard(with_risk(), whole)
    for lane in lanes:
        assert cut.text(lane) == uncut.text(lane)
    assert decided(cut) == decided(uncut)
    assert "".join(uncut.text(lane) for lane in lanes) == "".join(told_by_lane(texts))


def told_by_lane(texts: Sequence[tuple[int, str]]) -> Iterable[str]:
    left = told("".join(f"{text}. \n" for _, text in texts), 0.0).split("\n")
    for which in (0, 1):
        yield from (said for (own, _), said in zip(texts, left, strict=False) if own == which)


@pytest.mark.parametrize("action", [Action.ANNOTATE, Action.REDACT, Action.BLOCK])
@given(data=st.data(), texts=st.lists(st.tuples(st.sampled_from([0, 1, 2]), WORDS), max_size=5))
def test_with_models_blocks_and_several_lanes_only_places_matter(
    action: Action, data: st.DataObject, texts: list[tuple[int, str]]
) -> None:
    """Whatever a rule for some sessions does, beside a model's verdicts, how the text was cut does not matter."""
    flag = replace(rule(Action.REDACT, "FLAG", index=1), marks=frozenset({SENSITIVE}))
    ours = plan(
        marking("web", UNTRUSTED, 0),
        (SegmentFlagger("secret", spans=True), [flag]),
        insisting("mail", action, 2, SessionCondition(has=frozenset({UNTRUSTED, SENSITIVE}))),
    )
    lanes = [Lane(), Lane(channel=Channel.REASONING), Lane(channel=Channel.OTHER)]
    whole = [(lanes[which], f"{text}. ") for which, text in texts]
    pieces = [(lane, piece) for lane, text in whole for piece in data.draw(cuts_of(text))]
    cut, uncut = guard(ours, pieces), guard(ours, whole)
    for lane in lanes:
        assert cut.text(lane) == uncut.text(lane)
    assert decided(cut) == decided(uncut)
    assert (cut.blocked is None) == (uncut.blocked is None)


def test_a_call_is_blocked_for_what_the_answer_said_before_it() -> None:
    ours = trifecta(Action.BLOCK)
    for pieces in all_cuts("secret web"):
        parts = [*((CONTENT, piece) for piece in pieces), (CALL, '"mail"')]
        guarded = guard(ours, parts)
        assert (guarded.text(CONTENT), guarded.text(CALL)) == ("secret web", "")
        assert guarded.blocked is not None
    guarded = guard(ours, [(CONTENT, "secret"), (CALL, '"mail"'), (CONTENT, " web")])
    assert guarded.text(CALL) == '"mail"'


def test_a_block_that_the_session_decides_stops_at_its_place_when_a_lane_is_left() -> None:
    """The word stands where its lane is left, so it could still go on: it is judged as if the text ended there."""
    ours = trifecta(Action.BLOCK)
    reasoning = Lane(channel=Channel.REASONING)
    guarded = guard(ours, [(reasoning, "web secret mail"), (CONTENT, "the answer")])
    assert guarded.text(reasoning) == "web secret "
    assert guarded.text(CONTENT) == ""


def test_models_whose_verdict_text_waits_for_count() -> None:
    flag = SegmentFlagger("bad", spans=True)
    marker = replace(rule(Action.REDACT, "FLAG", index=0), marks=frozenset({SENSITIVE}))
    ours = plan((flag, [marker]), insisting("mail", Action.REDACT, 1, SessionCondition(has=frozenset({SENSITIVE}))))
    for pieces in all_cuts("mail. It is bad. Then mail."):
        assert guard_text(ours, pieces).text() == "mail. It is <FLAG>. Then <MAIL>."


def test_models_that_nobody_waits_for_count_from_the_next_stream_on() -> None:
    flag = SegmentFlagger("bad", spans=True)
    marker = replace(rule(Action.ANNOTATE, "FLAG", index=0), marks=frozenset({SENSITIVE}))
    ours = plan((flag, [marker]), insisting("mail", Action.REDACT, 1, SessionCondition(has=frozenset({SENSITIVE}))))
    for pieces in all_cuts("It is bad. Then mail."):
        assert guard_text(ours, pieces).text() == "It is bad. Then mail."


@pytest.mark.parametrize(("before", "is_cut"), [("web", True), ("x", False)])
def test_a_model_that_comes_late_cuts_the_stream_if_the_session_is_such(before: str, is_cut: bool) -> None:
    own = replace(rule(Action.BLOCK, "FLAG", index=1), session=SessionCondition(has=frozenset({UNTRUSTED})))
    ours = plan(marking("web", UNTRUSTED, 0), (SegmentFlagger("bad"), [own]), mode=Mode.OPTIMISTIC)
    stream = Stream(ours)
    requests = stream.feed(CONTENT, f"{before}. This is bad. And so on. ")
    left = list(iter(stream.next_output, None))
    assert "bad" in "".join(each.text for each in left if isinstance(each, Release))
    batch, segment = next(each for each in requests if "bad" in each[1].text)
    found = Found((Finding(segment.start, segment.end, "FLAG", 0.9),))
    stream.resolve(segment.number, batch.index, found)
    assert any(isinstance(each, Blocked) for each in iter(stream.next_output, None)) is is_cut


def test_shadow_tells_the_session_nothing() -> None:
    ours = plan(
        marking("web", UNTRUSTED, 0, enforcement=Enforcement.SHADOW),
        insisting("mail", Action.REDACT, 1, SessionCondition(has=frozenset({UNTRUSTED}))),
    )
    assert guard_text(ours, "web mail").text() == "web mail"


def test_what_a_model_said_earlier_is_not_judged_again() -> None:
    facts = SessionFacts(untrusted=True, sensitive=True)
    lanes = {part: Lane(number, Channel.CONTENT, part) for number, part in enumerate(Part)}
    guarded = guard(trifecta(), [(lane, "mail") for lane in lanes.values()], direction=Direction.INPUT, facts=facts)
    assert {part for part, lane in lanes.items() if guarded.text(lane) == "mail"} == {Part.MODEL}
