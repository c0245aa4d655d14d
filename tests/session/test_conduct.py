"""What sessions did is kept in bounds, decays, and stops them for a while."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.conduct import COUNTED_BYTES, MOST_SEEN, SESSION_BYTES, Conducts, told_time
from sidecar.config import Limits
from sidecar.engine import Engine
from sidecar.outbox.event import StreamDecision, Violation
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.plan import Plan, RulePlan
from sidecar.policy.session_facts import SessionFacts
from sidecar.policy.sessions import MOST_COUNTED, Counted, Escalation, SessionCondition, SessionSettings, risk_of
from sidecar.policy.stopped import SESSION_STOPPED
from sidecar.start import StreamStart
from sidecar.values import Action, Blocked, Channel, Direction, Enforcement, Lane, Part, Release, SessionMark, Severity
from tests.fakes import WordScanner, plan, rule
from tests.servers import FakeClock, make_engine
from tests.streams import all_cuts

MINUTE = 60_000.0


def counted(*at_minutes: float, risk: float = 1.0, severity: Severity = Severity.HIGH) -> list[Counted]:
    return [Counted(at * MINUTE, "rule-0", severity, risk) for at in at_minutes]


# -- what counts, and when a session is stopped ------------------------------------------------------------------------


def test_a_risk_is_worth_half_after_each_half_life() -> None:
    told = counted(0, 30, risk=4)
    assert risk_of(told, 30 * MINUTE, 30 * MINUTE) == 6
    assert risk_of(told, 60 * MINUTE, 30 * MINUTE) == 3
    assert risk_of((), 60 * MINUTE, 30 * MINUTE) == 0


@pytest.mark.parametrize(
    ("escalation", "told", "until"),
    [
        pytest.param({"violations": 3, "within_ms": 10}, counted(0, 1), None, id="two of three"),
        pytest.param({"violations": 3, "within_ms": 10}, counted(0, 1, 2), 7, id="the third"),
        pytest.param({"violations": 3, "within_ms": 10}, counted(0, 5, 11), None, id="not near enough"),
        pytest.param({"violations": 3, "within_ms": 10}, counted(0, 5, 10), 15, id="just near enough"),
        pytest.param({"violations": 3, "within_ms": 10}, counted(0, 1, 2, 3), 8, id="a fourth goes on with it"),
        pytest.param({"violations": 1, "within_ms": 1}, counted(4), 9, id="the first"),
        pytest.param(
            {"violations": 2, "within_ms": 10, "severity": Severity.HIGH},
            [*counted(0), *counted(1, severity=Severity.LOW)],
            None,
            id="not severe enough",
        ),
        pytest.param({"risk": 3}, counted(0, 0, 0), 5, id="a risk that is reached"),
        pytest.param({"risk": 3}, counted(0, 0, 30), None, id="a risk that decayed"),
        pytest.param({"risk": 2}, counted(0, 30, risk=1.5), 35, id="what is left of it counts"),
    ],
)
def test_an_escalation_stops_a_session_from_the_violation_that_met_it(
    escalation: Mapping[str, Any], told: Sequence[Counted], until: float | None
) -> None:
    said = {**escalation, "within_ms": escalation.get("within_ms", 0) * MINUTE}
    ours = Escalation(rule=1, for_ms=5 * MINUTE, **said)
    assert ours.until(told, 30 * MINUTE) == (None if until is None else until * MINUTE)


@given(
    at=st.lists(st.floats(0, 1e8), min_size=1, max_size=30).map(sorted),
    risk=st.floats(0.1, 50),
    half_life=st.floats(1000, 1e8),
)
def test_a_risk_neither_grows_with_time_nor_passes_what_was_added(
    at: list[float], risk: float, half_life: float
) -> None:
    told = [Counted(each, "r", Severity.LOW, risk) for each in at]
    now = risk_of(told, at[-1], half_life)
    assert 0 <= risk_of(told, at[-1] + half_life, half_life) <= now <= risk * len(told) + 1e-6
    assert math.isclose(risk_of(told, at[-1] + half_life, half_life), now / 2)


def test_times_are_told_by_the_minute_rounded_up() -> None:
    assert told_time(1_700_000_000.0) == "2023-11-14 22:14 UTC"
    assert told_time(1_700_000_040.0) == "2023-11-14 22:14 UTC"


# -- what is kept ------------------------------------------------------------------------------------------------------

TELLING = plan((WordScanner("bad"), [replace(rule(Action.BLOCK), risk=1.0)]))


def kept(clock: FakeClock | None = None, **limits: Any) -> Conducts:
    return Conducts(clock or FakeClock(), **{"max_sessions": 10, "max_bytes": 1 << 20, "idle_ms": 1e9, **limits})


def note(conducts: Conducts, tenant: str, session: str, times: int = 1) -> None:
    conducts.note((tenant, session), counted=counted(*range(times)))


def known(conducts: Conducts, tenant: str, *sessions: str) -> list[str]:
    return [each for each in sessions if conducts.of(tenant, each, TELLING).facts.violations]


def test_the_session_that_was_idle_longest_is_forgotten_first() -> None:
    conducts = kept(max_sessions=3)
    for session in "abc":
        note(conducts, "t", session)
    assert known(conducts, "t", "a") == ["a"]  # it is used
    note(conducts, "t", "d")
    assert len(conducts) == 3
    assert known(conducts, "t", *"abcd") == [*"acd"]


def test_a_tenant_does_not_push_out_anothers_sessions() -> None:
    conducts = kept(max_sessions=4)
    note(conducts, "quiet", "a")
    for number in range(50):
        note(conducts, "loud", f"{number}")
    assert known(conducts, "quiet", "a") == ["a"]
    assert len(conducts) == 4


def test_bytes_are_bounded_and_counted() -> None:
    room = 20 * SESSION_BYTES
    conducts = kept(max_sessions=1000, max_bytes=room)
    for number in range(100):
        note(conducts, f"t{number % 3}", f"{number}", times=1 + number % 7)
        assert conducts.size <= room
    roomy = kept()
    note(roomy, "t", "a", times=5)
    before = roomy.size
    note(roomy, "t", "a", times=2)
    assert roomy.size - before == 2 * COUNTED_BYTES
    huge = kept(max_bytes=SESSION_BYTES)
    note(huge, "t", "a", times=9)
    assert (len(huge), huge.size) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from("tu"), st.sampled_from("abcdef"), st.integers(0, 5)), max_size=60))
def test_what_is_counted_is_what_is_there(steps: list[tuple[str, str, int]]) -> None:
    clock = FakeClock()
    conducts = kept(clock, max_sessions=4, max_bytes=3000, idle_ms=30)
    for tenant, session, times in steps:
        clock.ms += 7
        note(conducts, tenant, session, times)
        conducts.see((tenant, session), (times,))
        assert len(conducts) <= 4
        assert conducts.size <= 3000
        assert conducts.size == sum(each.size for own in conducts._tenants.values() for each in own.values())
        assert len(conducts) == sum(map(len, conducts._tenants.values()))


def test_a_session_that_did_nothing_for_long_is_forgotten() -> None:
    clock = FakeClock()
    conducts = kept(clock, idle_ms=10 * MINUTE)
    note(conducts, "t", "a")
    clock.advance(10 * MINUTE)
    assert known(conducts, "t", "a") == ["a"]
    clock.advance(10 * MINUTE + 1)
    assert known(conducts, "t", "a") == []
    assert (len(conducts), conducts.size) == (0, 0)


def test_a_session_remembers_the_latest_and_counts_all() -> None:
    conducts = kept()
    note(conducts, "t", "a", times=3 * MOST_COUNTED)
    facts = conducts.of("t", "a", replace(TELLING, session=SessionSettings(half_life_ms=1e12))).facts
    assert facts.violations == 3 * MOST_COUNTED
    assert facts.risk == pytest.approx(MOST_COUNTED, rel=1e-3)
    for number in range(2 * MOST_SEEN):
        assert not conducts.see(("t", "a"), (number,))
    assert conducts.see(("t", "a"), (2 * MOST_SEEN - 1,))
    assert not conducts.see(("t", "a"), (0,))


def test_nothing_is_kept_without_a_session_nor_where_no_policy_asks_for_it() -> None:
    reading = replace(TELLING, session=SessionSettings(untrusted=frozenset({Part.CONTEXT})))
    silent = plan((WordScanner("bad"), [rule(Action.BLOCK)]))
    for conducts, ours, session in (
        (kept(), reading, ""),
        (kept(), silent, "a"),
        (kept(max_sessions=0), reading, "a"),
        (kept(max_bytes=0), reading, "a"),
    ):
        conduct = conducts.of("t", session, ours)
        conduct.read(Part.CONTEXT)
        assert (len(conducts), conduct.standing()) == (0, None)
    conducts = kept()
    conducts.of("t", "a", reading).read(Part.USER)
    assert len(conducts) == 0
    conducts.of("t", "a", reading).read(Part.CONTEXT)
    assert conducts.of("t", "a", reading).facts == SessionFacts(untrusted=True)


# -- streams -----------------------------------------------------------------------------------------------------------

USER, TOOL, CONTENT = Lane(0, Channel.CONTENT, Part.USER), Lane(1, Channel.CONTENT, Part.TOOL_RESULT), Lane()
CALL = Lane(channel=Channel.TOOL_ARGUMENTS)


def stopping(*, untrusted: bool = False, **more: Any) -> Plan:
    """The third violation within ten minutes stops the session for five."""
    base = plan((WordScanner(r"\bbad\b"), [replace(rule(Action.REDACT), risk=1.0)]))
    stopper = replace(
        rule(Action.BLOCK, SESSION_STOPPED, index=1, message="Back at {until}.", **more),
        id="three-strikes",
        translations={"de": "Bis {until}."},
    )
    escalation = Escalation(rule=1, for_ms=5 * MINUTE, violations=3, within_ms=10 * MINUTE)
    parts = frozenset({Part.TOOL_RESULT}) if untrusted else frozenset()
    return replace(base, stoppers=(stopper,), session=SessionSettings(untrusted=parts, escalations=(escalation,)))


class Told:
    """What came of a stream."""

    def __init__(self, shown: Sequence[object]) -> None:
        self.text = "".join(each.text for each in shown if isinstance(each, Release))
        self.messages = [each.message for each in shown if isinstance(each, Blocked)]


async def run(
    engine: Engine,
    *texts: tuple[Lane, str],
    session: str = "s",
    tenant: str = "",
    direction: Direction = Direction.INPUT,
    **more: Any,
) -> Told:
    start = StreamStart(direction=direction, session_id=session, tenant=tenant, **more)
    async with engine.open(start) as ours:

        async def feed() -> None:
            for lane, text in texts:
                await ours.feed(lane, text)
            ours.finish()

        feeding = asyncio.create_task(feed())
        shown = [each async for each in ours.outputs()]
        await feeding
    return Told(shown)


async def served(*plans: Plan, **limits: int) -> tuple[Engine, MemoryOutbox, FakeClock]:
    outbox, clock = MemoryOutbox(), FakeClock()
    await outbox.start()
    return make_engine(*plans, outbox=outbox, clock=clock, limits=Limits(**limits)), outbox, clock


def endings(outbox: MemoryOutbox) -> list[StreamDecision]:
    return [each.data for each in outbox.events if isinstance(each.data, StreamDecision)]


async def test_the_third_violation_stops_a_session_for_a_while() -> None:
    engine, outbox, clock = await served(stopping())
    for _ in range(3):
        assert (await run(engine, (USER, "a bad bad word"))).text == "a <WORD> <WORD> word"
    stopped = await run(engine, (USER, "a good one"))
    assert (stopped.text, stopped.messages) == ("", ["Back at 2023-11-14 22:19 UTC."])
    assert (await run(engine, (CONTENT, "an answer"), direction=Direction.OUTPUT)).text == ""
    assert (await run(engine, (USER, "a good one"), session="t")).text == "a good one"
    assert (await run(engine, (USER, "a good one"), tenant="other")).text == "a good one"
    assert (await run(engine, (USER, "a good one"), session="")).text == "a good one"
    clock.advance(5 * MINUTE)
    assert (await run(engine, (USER, "a good one"))).text == "a good one"

    told = [each.session for each in endings(outbox)]
    assert [each.stopped_by for each in told[:5] if each is not None] == ["", "", *["three-strikes"] * 3]
    assert told[2] is not None
    assert (told[2].violations, told[2].risk) == (3, 3.0)
    assert told[2].stopped_until == "2023-11-14T22:18:20.000Z"
    stops = [each.data for each in outbox.events if isinstance(each.data, Violation)][6:]
    assert {(each.policy.rule, each.detector.label, each.done) for each in stops} == {
        ("three-strikes", SESSION_STOPPED, "block")
    }


async def test_a_stopped_session_is_told_in_the_readers_language_wherever_the_text_is_cut() -> None:
    engine, _, _ = await served(stopping())
    for _ in range(3):
        await run(engine, (USER, "bad"))
    for pieces in all_cuts("good word"):
        stopped = await run(engine, *((USER, piece) for piece in pieces), languages=("de",))
        assert (stopped.text, stopped.messages) == ("", ["Bis 2023-11-14 22:19 UTC."])


async def test_in_shadow_a_session_goes_on_and_it_is_told() -> None:
    engine, outbox, _ = await served(stopping(enforcement="shadow"))
    for _ in range(4):
        assert (await run(engine, (USER, "bad"))).text == "<WORD>"
    rules = [each.data.policy.rule for each in outbox.events if isinstance(each.data, Violation)]
    assert rules == ["rule-0"] * 3 + ["three-strikes", "rule-0"]


async def test_a_stop_in_shadow_hides_none_that_is_enforced_and_is_not_told_as_one() -> None:
    ours = stopping()
    shadow = replace(ours.stoppers[0], index=2, id="trial", enforcement=Enforcement.SHADOW)
    longer = replace(ours.session.escalations[0], rule=2, for_ms=60 * MINUTE)
    both = replace(ours.session, escalations=(longer, *ours.session.escalations))
    engine, outbox, clock = await served(replace(ours, stoppers=(*ours.stoppers, shadow), session=both))
    for _ in range(3):
        await run(engine, (USER, "bad"))
    assert (await run(engine, (USER, "a good one"))).messages == ["Back at 2023-11-14 22:19 UTC."]
    clock.advance(5 * MINUTE)
    assert (await run(engine, (USER, "a good one"))).text == "a good one"
    assert [each.session and each.session.stopped_by for each in endings(outbox)[-2:]] == ["three-strikes", ""]


async def test_what_counts_is_as_severe_as_its_score_says() -> None:
    ours = stopping()
    escalation = replace(ours.session.escalations[0], violations=1, severity=Severity.CRITICAL)
    banded = replace(ours.rules[0], bands=((0.0, Severity.LOW), (0.95, Severity.CRITICAL)))
    scanner = replace(ours.scanners[0], rules=(banded,))
    held = replace(ours, rules=(banded,), scanners=(scanner,), session=replace(ours.session, escalations=(escalation,)))
    engine, _, _ = await served(held)
    await run(engine, (USER, "bad"))  # found with 0.9
    assert (await run(engine, (USER, "a good one"))).text == "a good one"


async def test_a_running_stream_is_not_stopped_by_another_one() -> None:
    engine, _, _ = await served(stopping())
    async with engine.open(StreamStart(session_id="s")) as ours:
        for _ in range(3):
            await run(engine, (USER, "bad"))
        await ours.feed(CONTENT, "an answer")
        ours.finish()
        assert Told([each async for each in ours.outputs()]).text == "an answer"


async def test_known_texts_of_a_stopped_session_do_not_pass() -> None:
    """What is known to be harmless is not looked at again, but where the session is stopped it does not leave."""
    engine, _, _ = await served(stopping())
    start = StreamStart(direction=Direction.INPUT, session_id="s", history=frozenset({TOOL}))
    for number in range(5):
        async with engine.open(start) as ours:
            passes = ours.passes(USER, "a good one")
            if not passes:
                await ours.feed(USER, "a good one", is_last=True)
            ours.finish()
            told = Told([each async for each in ours.outputs()])
        assert (passes, told.text) == (
            (number == 1, "" if number == 1 else "a good one") if number < 2 else (False, "")
        )
        for _ in range(2):
            await run(engine, (USER, f"bad {number}"))


async def test_what_a_history_brings_again_counts_once_and_new_words_each_time() -> None:
    engine, outbox, _ = await served(stopping(untrusted=True))
    for _ in range(4):
        start = StreamStart(direction=Direction.INPUT, session_id="s", history=frozenset({TOOL}))
        async with engine.open(start) as ours:
            await ours.feed(TOOL, "a bad page", is_last=True)
            ours.finish()
            assert [each async for each in ours.outputs()]
    last = endings(outbox)[-1].session
    assert last is not None
    assert (last.violations, last.untrusted) == (1, True)


async def test_the_same_page_counts_in_each_session_that_reads_it() -> None:
    engine, outbox, _ = await served(stopping())
    for session in "ab":
        start = StreamStart(direction=Direction.INPUT, session_id=session, history=frozenset({TOOL}))
        async with engine.open(start) as ours:
            await ours.feed(TOOL, "a bad page", is_last=True)
            ours.finish()
            assert [each async for each in ours.outputs()]
    assert [each.session and each.session.violations for each in endings(outbox)] == [1, 1]


def trifecta() -> Plan:
    def one(word: str, index: int, **more: Any) -> tuple[WordScanner, list[RulePlan]]:
        action = Action.BLOCK if "session" in more else Action.ANNOTATE
        return WordScanner(rf"\b{word}\b", label=word.upper()), [
            replace(rule(action, word.upper(), index=index), **more)
        ]

    condition = SessionCondition(has=frozenset(SessionMark))
    ours = plan(
        one("salary", 0, marks=frozenset({SessionMark.SENSITIVE})),
        one("send_mail", 1, marks=frozenset({SessionMark.SENDS}), session=condition),
    )
    return replace(ours, session=SessionSettings(untrusted=frozenset({Part.TOOL_RESULT})))


@pytest.mark.parametrize(
    ("page", "words", "is_blocked"),
    [("a page", "salary of Ann", True), ("a page", "weather", False), ("", "salary of Ann", False)],
)
async def test_who_read_strangers_and_touched_secrets_may_not_send(page: str, words: str, is_blocked: bool) -> None:
    for pieces in all_cuts('"send_mail"'):
        engine, outbox, _ = await served(trifecta())
        await run(engine, (USER, words), (TOOL, page))
        answer = await run(engine, *((CALL, piece) for piece in pieces), direction=Direction.OUTPUT)
        assert answer.text == ("" if is_blocked else '"send_mail"')
        again = await run(engine, (USER, "and now?"))
        assert again.text == "and now?"
        standing = endings(outbox)[-1].session
        assert standing is None or standing.sends is is_blocked


async def test_without_a_session_each_stream_is_one_by_itself() -> None:
    engine, outbox, _ = await served(trifecta())
    await run(engine, (USER, "salary"), (TOOL, "a page"), session="")
    assert (await run(engine, (CALL, '"send_mail"'), session="", direction=Direction.OUTPUT)).text == '"send_mail"'
    assert [each.session for each in endings(outbox)] == [None, None]
    assert len(engine.conducts) == 0
