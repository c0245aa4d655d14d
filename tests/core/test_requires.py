"""Rules that require other findings: what counts stands before, and how the text was cut does not matter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.base import BatchItem
from sidecar.core.stream import Stream
from sidecar.offline import Guarded, guard, guard_text
from sidecar.policy.canary import on_sides
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.requirement import MOST_STANDING, Kind, Precedent, Requirement
from sidecar.policy.sessions import SessionCondition
from sidecar.values import Action, Blocked, Channel, Enforcement, Found, Lane, SessionMark
from tests.fakes import SegmentFlagger, WordScanner, plan, rule
from tests.streams import all_cuts, by_character, cuts_of

CONTENT, REASONING = Lane(), Lane(channel=Channel.REASONING)
WORDS = ("name", "mail", "name mail", "born", "x", "secret.")
"""`name mail` is found by a rule of its own, around the other two."""
PATTERNS = {"name": r"\bname\b", "mail": r"\bmail\b", "both": r"\bname mail\b", "born": r"\bborn\b", "secret": "secret"}
RULES = tuple(PATTERNS)


def kind(*words: str) -> Kind:
    return frozenset((RULES.index(word), word.upper()) for word in words)


def requiring(required: Requirement, *, action: Action = Action.REDACT, at: str = "born") -> Plan:
    """A rule for each of the patterns, `secret` by a model; that of `at` requires something."""

    def own(index: int, word: str) -> RulePlan:
        is_counted = word == at or index in required.rules
        passing = replace(rule(Action.ALLOW, word.upper(), index=index), is_counted=is_counted)
        return replace(passing, action=action, requires=required, rewrite=rewritten) if word == at else passing

    def rewritten(text: str, label: str, session: str) -> str:
        return f"<{label}>"

    return plan(
        *(
            (
                SegmentFlagger(word, label=word.upper(), spans=True)
                if word == "secret"
                else WordScanner(pattern, label=word.upper()),
                [own(index, word)],
            )
            for index, (word, pattern) in enumerate(PATTERNS.items())
        )
    )


def violated(guarded: Guarded, lane: Lane = CONTENT) -> list[tuple[int, int, int]]:
    return sorted((each.rule, each.finding.start, each.finding.end) for each in guarded.decisions if each.lane == lane)


def expected(text: str, required: Requirement, at: str) -> list[tuple[int, int, int]]:
    """What the rules violate in a whole text: everything against everything."""
    found = [(RULES.index(word), *each.span()) for word, own in PATTERNS.items() for each in re.finditer(own, text)]

    def counted(each: Kind, start: int, end: int) -> int:
        rules = {index for index, _ in each}
        places = {
            (other, last)
            for index, other, last in found
            if index in rules
            and other <= start
            and last <= end
            and (required.within is None or start - last <= required.within)
        }
        return len(places)

    return sorted(
        (index, start, end)
        for index, start, end in found
        if index != RULES.index(at)
        or all(required.at_least <= counted(each, start, end) <= required.at_most for each in required.kinds)
    )


TEXTS = st.lists(st.sampled_from(WORDS), max_size=16).map(" ".join)
KINDS = st.lists(st.sets(st.sampled_from(RULES), min_size=1).map(lambda words: kind(*words)), min_size=1, max_size=2)
REQUIRED = st.builds(
    Requirement,
    kinds=KINDS.map(tuple),
    at_least=st.integers(1, 3),
    within=st.none() | st.integers(0, 30),
    at_most=st.integers(3, 4) | st.just(MOST_STANDING),
)


@given(data=st.data(), text=TEXTS, required=REQUIRED, at=st.sampled_from(["born", "mail", "both", "secret"]))
def test_whole_by_character_and_cut_the_violations_are_those_of_the_whole_text(
    data: st.DataObject, text: str, required: Requirement, at: str
) -> None:
    ours = requiring(required, at=at)
    wanted = expected(text, required, at)
    for pieces in ([text], by_character(text), data.draw(cuts_of(text))):
        assert violated(guard_text(ours, pieces)) == wanted


@given(
    data=st.data(),
    texts=st.lists(st.tuples(st.sampled_from([CONTENT, REASONING]), TEXTS), max_size=5),
    required=REQUIRED,
    action=st.sampled_from([Action.ANNOTATE, Action.REDACT]),
)
def test_only_what_stands_in_the_same_text_counts(
    data: st.DataObject, texts: Sequence[tuple[Lane, str]], required: Requirement, action: Action
) -> None:
    ours = requiring(required, action=action)
    pieces = [(lane, piece) for lane, text in texts for piece in data.draw(cuts_of(f"{text}. "))]
    cut = guard(ours, pieces)
    for lane in (CONTENT, REASONING):
        own = "".join(f"{text}. " for each, text in texts if each == lane)
        assert violated(cut, lane) == expected(own, required, "born")


@given(data=st.data(), text=TEXTS, required=REQUIRED)
def test_a_block_stands_where_the_first_violation_does(data: st.DataObject, text: str, required: Requirement) -> None:
    wanted = [start for index, start, _ in expected(text, required, "born") if index == RULES.index("born")]
    blocked = guard_text(requiring(required, action=Action.BLOCK), data.draw(cuts_of(text))).blocked
    assert (None if blocked is None else blocked.position) == next(iter(wanted), None)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("born name", "born name"),
        ("name born", "name <BORN>"),
        ("name xxxxxxxxxx born", "name xxxxxxxxxx born"),
        ("name born name xxxxxxxxxx born", "name <BORN> name xxxxxxxxxx born"),
    ],
)
def test_what_stands_near_before_counts(text: str, left: str) -> None:
    for pieces in all_cuts(text):
        assert guard_text(requiring(Requirement((kind("name"),), within=5)), pieces).text() == left


def test_the_third_of_a_rule_that_counts_itself_is_a_violation() -> None:
    for pieces in all_cuts("mail mail mail mail"):
        ours = requiring(Requirement((kind("mail"),), at_least=3), at="mail")
        assert guard_text(ours, pieces).text() == "mail mail <MAIL> <MAIL>"


def test_a_model_that_only_tells_is_waited_for_where_it_is_counted() -> None:
    """Its verdict comes when the text behind its segment was fed, and looked at by scanners, long since."""
    stream = Stream(requiring(Requirement((kind("secret"),)), action=Action.BLOCK))
    requests = [*stream.feed(CONTENT, "A secret. Then born, and so on. "), *stream.close()]
    assert not any(isinstance(each, Blocked) for each in iter(stream.next_output, None))
    for batch, segment in requests:
        detector = SegmentFlagger("secret", label="SECRET", spans=True)
        (found,) = detector.detect([BatchItem(segment.text, segment.begin)])
        base = segment.start - segment.begin
        moved = tuple(msgspec.structs.replace(each, start=each.start + base, end=each.end + base) for each in found)
        stream.resolve(segment.number, batch.index, Found(moved))
    assert any(isinstance(each, Blocked) for each in iter(stream.next_output, None))


def test_what_is_found_in_shadow_counts() -> None:
    ours = requiring(Requirement((kind("name"),)))
    shadowed = replace(ours.scanners[0].rules[0], enforcement=Enforcement.SHADOW)
    ours = replace(ours, scanners=(replace(ours.scanners[0], rules=(shadowed,)), *ours.scanners[1:]))
    assert guard_text(ours, "name born").text() == "name <BORN>"


def test_a_rule_may_require_a_session_and_findings() -> None:
    ours = requiring(Requirement((kind("name"),)))
    both = replace(ours.scanners[3].rules[0], session=SessionCondition(has=frozenset({SessionMark.SENSITIVE})))
    scanners = (*ours.scanners[:3], replace(ours.scanners[3], rules=(both,)))
    ours = replace(ours, rules=(*ours.rules[:3], both, ours.rules[4]), scanners=scanners)
    assert guard_text(ours, "name born").text() == "name born"
    marks = replace(ours.scanners[1].rules[0], marks=frozenset({SessionMark.SENSITIVE}))
    ours = replace(ours, scanners=(scanners[0], replace(scanners[1], rules=(marks,)), *scanners[2:]))
    assert guard_text(ours, "mail born name born").text() == "mail born name <BORN>"


def test_a_version_beside_another_counts_what_its_own_rules_find() -> None:
    ours = requiring(Requirement((kind("name"),)))
    other = replace(requiring(Requirement((kind("mail"),))), digest="1" * 64)
    both = on_sides(ours, frozenset(), other, "stable")
    guarded = guard_text(both, "mail born name born")
    of_born = [(each.rule, each.finding.start) for each in guarded.decisions if each.finding.label == "BORN"]
    assert sorted(of_born) == [(3, 15), (8, 5), (8, 15)]


def test_of_more_than_are_remembered_the_latest_count() -> None:
    many = " ".join(["name"] * (MOST_STANDING + 10))
    ours = requiring(Requirement((kind("name"),), at_least=MOST_STANDING // 2, within=5 * MOST_STANDING // 2))
    for pieces in ([f"{many} born"], [many, " born"]):
        assert guard_text(ours, pieces).text().endswith("<BORN>")


def test_two_rules_that_find_one_thing_are_one_thing() -> None:
    twice = [Precedent(0, "A", 0, 4), Precedent(1, "B", 0, 4)]
    both = frozenset({(0, "A"), (1, "B")})
    assert not Requirement((both,), at_least=2).holds(5, 9, twice)
    assert Requirement((frozenset({(0, "A")}), frozenset({(1, "B")}))).holds(5, 9, twice)


def test_only_the_first_is_one_where_more_are_too_many() -> None:
    once = requiring(Requirement((kind("born"),), at_most=1))
    for pieces in (["born name born"], by_character("born name born")):
        assert guard_text(once, pieces).text() == "<BORN> name born"
