"""Canaries in streams: both verdicts in one event, plans that are kept, and canaries that stop themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.canaries import Canaries, Went
from sidecar.clock import LoopClock
from sidecar.config import Limits
from sidecar.engine import Engine
from sidecar.outbox.event import PolicyChange, StreamDecision, Violation
from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.policy.trial import Trial, share_of
from sidecar.start import StreamStart
from sidecar.summary import StreamSummary
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Action, Lane, Release
from tests.fakes import WordScanner, plan, rule
from tests.policy.doubles import CATALOG
from tests.policy.test_canary import HEAD, TRIED
from tests.servers import HandScheduler

BOB = "detect: {detector: words, words: {NAME: [Bob]}}"
TENTH = f"rules:\n  - {{id: no-bob, {BOB}, action: block, enforcement: {{canary: {{percent: 50%s}}}}}}\n"
OLD = HEAD % "1" + f"rules:\n  - {{id: bob, {BOB}, action: redact}}\n"
NEW = HEAD % "2" + TRIED.replace("25", "50") + f"rules:\n  - {{id: bob, {BOB}, action: block}}\n"


class Running:
    """An engine over policies as they are written."""

    def __init__(self, folder: Path, *texts: str) -> None:
        for number, text in enumerate(texts):
            (folder / f"{number}.yaml").write_text(text)
        self.store = PolicyStore([folder], catalog=CATALOG)
        self.store.load()
        self.outbox = MemoryOutbox()
        self.canaries = Canaries()
        self.keep()
        self.engine = Engine(
            policies=self.store,
            scheduler=HandScheduler(),
            outbox=self.outbox,
            clock=LoopClock(),
            metrics=Metrics("test"),
            limits=Limits(),
            idle_seconds=60,
            canaries=self.canaries,
        )

    def keep(self) -> None:
        self.canaries.keep([*self.store.plans.values(), *self.store.tried.values()])

    async def ask(self, session: str, text: str = "so Bob says") -> tuple[str, StreamSummary]:
        """A whole stream: what left, and its summary."""
        async with self.engine.open(StreamStart(policy="shop", session_id=session)) as stream:
            await stream.feed(Lane(), text)
            stream.finish()
            shown = [each async for each in stream.outputs()]
        summary = shown[-1]
        assert isinstance(summary, StreamSummary)
        return "".join(each.text for each in shown if isinstance(each, Release)), summary

    def decision(self, summary: StreamSummary) -> StreamDecision:
        found = [each.data for each in self.outbox.events if each.data.ids.stream == summary.stream_id]
        (decision,) = (each for each in found if isinstance(each, StreamDecision))
        return decision

    def violations(self, summary: StreamSummary) -> list[Violation]:
        found = [each.data for each in self.outbox.events if each.data.ids.stream == summary.stream_id]
        return [each for each in found if isinstance(each, Violation)]

    @property
    def stops(self) -> list[PolicyChange]:
        changes = [each.data for each in self.outbox.events if isinstance(each.data, PolicyChange)]
        return [each for each in changes if each.step == "canary_stopped"]


async def served(folder: Path, *texts: str) -> Running:
    own = Running(folder, *texts)
    await own.outbox.start()
    return own


def sessions(name: str, *, on_canary: bool, percent: float = 50) -> list[str]:
    """Sessions that are on one side of what is called `name`."""
    units = [f"session-{number}" for number in range(1000)]
    return [unit for unit in units if (share_of(name, f"\0{unit}") < percent) == on_canary]


async def test_a_rule_is_carried_out_on_its_side_and_both_verdicts_are_in_one_event(tmp_path: Path) -> None:
    own = await served(tmp_path, HEAD % "1" + TENTH % "")
    text, summary = await own.ask(sessions("shop/no-bob", on_canary=True)[0])
    assert (text, summary.action) == ("so ", Action.BLOCK)
    (violation,) = own.violations(summary)
    assert violation.canary is not None
    assert (violation.policy.enforcement, violation.done, violation.canary.side, violation.canary.would) == (
        "enforce",
        "block",
        "canary",
        "allow",
    )
    canary = own.decision(summary).canary
    assert canary is not None
    assert (own.decision(summary).done, canary.would, canary.sides) == ("block", "allow", {"no-bob": "canary"})

    text, summary = await own.ask(sessions("shop/no-bob", on_canary=False)[0])
    assert (text, summary.action) == ("so Bob says", Action.ALLOW)
    (violation,) = own.violations(summary)
    assert violation.canary is not None
    assert (violation.policy.enforcement, violation.done, violation.canary.side, violation.canary.would) == (
        "shadow",
        "allow",
        "stable",
        "block",
    )
    canary = own.decision(summary).canary
    assert canary is not None
    assert (own.decision(summary).done, canary.would, canary.sides) == ("allow", "block", {"no-bob": "stable"})


async def test_a_version_is_tried_on_a_part_and_what_the_other_would_have_done_is_told(tmp_path: Path) -> None:
    own = await served(tmp_path, OLD, NEW)
    text, summary = await own.ask(sessions("shop", on_canary=True)[0])
    decision = own.decision(summary)
    assert (text, decision.policy.version, decision.done) == ("so ", "2", "block")
    assert decision.canary is not None
    assert decision.canary.policy is not None
    assert (decision.canary.side, decision.canary.policy.version, decision.canary.would) == ("canary", "1", "redact")
    assert decision.canary.violations == {"bob": 1}
    assert decision.violations == {"bob": 1}, "those of the version that it is held to"
    assert [each.policy.version for each in own.violations(summary)] == ["2"]
    assert summary.violation_count == 1

    text, summary = await own.ask(sessions("shop", on_canary=False)[0])
    decision = own.decision(summary)
    assert (text, decision.policy.version, decision.done) == ("so ‹name› says", "1", "redact")
    assert decision.canary is not None
    assert decision.canary.policy is not None
    assert (decision.canary.side, decision.canary.policy.version, decision.canary.would) == ("stable", "2", "block")


async def test_a_request_and_its_answer_and_the_next_turn_are_on_one_side(tmp_path: Path) -> None:
    own = await served(tmp_path, OLD, NEW)
    for session in (sessions("shop", on_canary=True)[3], sessions("shop", on_canary=False)[3]):
        versions = {own.decision((await own.ask(session))[1]).policy.version for _ in range(5)}
        assert len(versions) == 1


@pytest.mark.parametrize("start", [StreamStart(policy="shop"), StreamStart(policy="shop", labels={"b": "c"})])
@pytest.mark.parametrize("by", ["tenant", "{label: a}"])
async def test_what_has_no_such_fact_is_on_the_stable_side(start: StreamStart, by: str, tmp_path: Path) -> None:
    own = await served(tmp_path, HEAD % "1" + TENTH.replace("50", "100") % f", by: {by}")
    held_to = own.store.plans["shop"]
    assert own.canaries.side_of(held_to, start, "s").rules[0].side == "stable"
    has = StreamStart(policy="shop", tenant="acme", labels={"a": "1"})
    assert own.canaries.side_of(held_to, has, "s").rules[0].side == "canary"


async def test_a_canary_that_leaves_its_band_stops_itself_and_says_so(tmp_path: Path) -> None:
    band = ", min_streams: 5, window: 10, band: {block: [0, 0.5]}"
    own = await served(tmp_path, HEAD % "1" + TENTH % band)
    ours = sessions("shop/no-bob", on_canary=True)
    async with own.engine.open(StreamStart(policy="shop", session_id=ours[0])) as under_way:
        for session in ours[:2]:
            await own.ask(session, "nothing")
        for session in ours[2:5]:
            assert not own.stops
            assert (await own.ask(session))[0] == "so "
        (stop,) = own.stops
        assert stop.reason == "the block rate is 0.6 of the last 5 streams, outside 0 to 0.5"
        assert stop.canary is not None
        assert (stop.what, stop.canary.rule, stop.canary.streams, stop.canary.rates["block"]) == (
            "shop",
            "no-bob",
            5,
            0.6,
        )
        assert (await own.ask(ours[2]))[0] == "so Bob says", "it is on the stable side from then on"

        await under_way.feed(Lane(), "so Bob says")
        under_way.finish()
        shown = [each async for each in under_way.outputs()]
        assert "".join(each.text for each in shown if isinstance(each, Release)) == "so ", "it keeps its plan"
    (progress,) = own.canaries.progress()
    assert progress.stopped_by == "block"
    assert len(own.stops) == 1, "it stops once"


async def test_a_version_that_leaves_its_band_leaves_all_streams_to_the_other(tmp_path: Path) -> None:
    new = NEW.replace("percent: 50", "percent: 50, min_streams: 3, window: 3, band: {block: [0, 0.4]}")
    own = await served(tmp_path, OLD, new)
    ours = sessions("shop", on_canary=True)
    for session in ours[:3]:
        assert (await own.ask(session))[0] == "so "
    text, summary = await own.ask(ours[0])
    assert (text, own.decision(summary).policy.version, own.decision(summary).canary) == ("so ‹name› says", "1", None)
    assert [(each.policy and each.policy.version, each.canary and each.canary.rule) for each in own.stops] == [
        ("2", "")
    ]


STRIKES = """session:
  escalation: [{id: strikes, after: {violations: 2, within: 10m}, for: 10m}]
"""


async def test_a_version_that_is_tried_stops_sessions_by_its_own_rules_alone(tmp_path: Path) -> None:
    """Rules that stop sessions are numbered behind all others, those of the other version among them."""
    strict = NEW.replace("rules:", STRIKES + "rules:").replace("action: block", "action: block, risk: 1")
    own = await served(tmp_path, OLD.replace("action: redact", "action: redact, risk: 1"), strict)
    on_canary, on_stable = (sessions("shop", on_canary=side)[0] for side in (True, False))
    for _ in range(2):
        await own.ask(on_canary)
        await own.ask(on_stable)
    text, summary = await own.ask(on_canary, "nothing wrong")
    assert (text, own.decision(summary).violations) == ("", {"strikes": 1})
    text, summary = await own.ask(on_stable, "nothing wrong")
    assert (text, own.decision(summary).violations) == ("nothing wrong", {})


async def test_what_a_rule_of_the_other_version_finds_says_nothing_of_the_session(tmp_path: Path) -> None:
    telling = NEW.replace("rules:", STRIKES + "rules:").replace("action: block", "action: block, risk: 1")
    quiet = OLD.replace("rules:", STRIKES + "rules:").replace("action: redact", "action: redact, risk: 1")
    own = await served(tmp_path, quiet.replace("Bob", "Eve"), telling)
    session = sessions("shop", on_canary=False)[0]
    for _ in range(5):
        text, summary = await own.ask(session)
        assert text == "so Bob says"
        assert own.decision(summary).session is None


async def test_a_policy_that_is_changed_begins_anew_and_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    own = await served(tmp_path, HEAD % "1" + TENTH % ", min_streams: 1, band: {block: [0, 0.5]}")
    ours = sessions("shop/no-bob", on_canary=True)
    await own.ask(ours[0])
    assert own.stops
    (tmp_path / "0.yaml").write_text(HEAD % "2" + TENTH % ", min_streams: 1, band: {block: [0, 1]}")
    assert own.store.reload()
    own.keep()
    assert [(each.canary.version, each.stopped_by) for each in own.canaries.progress()] == [("2", None)]
    assert (await own.ask(ours[0]))[0] == "so "


@given(
    st.lists(
        st.sampled_from([Went(), Went(frozenset({Action.BLOCK})), Went(frozenset({Action.REDACT}), True)]), max_size=60
    ),
    st.integers(1, 10),
)
def test_rates_are_those_of_the_last_streams_in_bounded_memory(streams: list[Went], window: int) -> None:
    trial = Trial(100, window=window, min_streams=1)
    held_to = tried(trial)
    canaries = Canaries()
    canaries.keep([held_to])
    sided = canaries.side_of(held_to, StreamStart(session_id="a"), "s")
    for went in streams:
        assert canaries.ended(sided, {held_to.rules[0].id: went}) == []
    (progress,) = canaries.progress()
    last = streams[-window:]
    assert progress.streams == len(last)
    for rate in ("block", "redact", "error"):
        expected = sum(rate in went.rates for went in last) / len(last) if last else 0
        assert progress.rates[rate] == round(expected, 4)


def tried(trial: Trial) -> Plan:
    made = plan((WordScanner("bad"), [replace(rule(Action.BLOCK), canary=trial)]))
    return replace(made, canaries=(0,))
