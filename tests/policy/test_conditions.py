"""What a rule asks beyond its threshold: conditions in CEL, exceptions with an end, severities by score."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.types import Finding
from sidecar.core.judgement import Judgement
from sidecar.core.stream import Stream
from sidecar.errors import PolicyErrors
from sidecar.offline import guard, guard_text
from sidecar.policy.cel import MAX_CHARS, ConditionError, WrongConditionError, compile_condition
from sidecar.policy.compiler import compile_policy
from sidecar.policy.conditions import Circumstances
from sidecar.policy.facts import StreamFacts
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.policy.session_facts import SessionFacts
from sidecar.values import Channel, Direction, FailureKind, Lane, Part, Release, Tool
from tests.policy.doubles import CATALOG

HEAD = """\
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: p, version: "1"}
"""
WORDS = "detect: {detector: words, words: {NAME: [Bob, Bobby], CITY: [Rome]}}"


def plan_of(rule: str, action: str = "redact") -> Plan:
    """A policy with one rule; `rule` is what it says beside its detector."""
    [loaded] = load_text(f"{HEAD}rules:\n  - id: a\n    {WORDS}\n    action: {action}\n    {rule}\n")
    return compile_policy(loaded, catalog=CATALOG)


def said_about(rule: str) -> list[str]:
    """What is wrong with a rule that says this from the eighth line on."""
    with pytest.raises(PolicyErrors) as caught:
        plan_of(rule)
    return [f"{each.line}:{each.column}: {each.message}. {each.remedy}" for each in caught.value.errors]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "when: finding.scor > 0.5",
            "8:18: there is no `finding.scor`. Did you mean `finding.score`?",
        ),
        (
            "when: finding.label == EMAIL",
            '8:28: there is no `EMAIL`. Write "EMAIL" in quotes if it is text.',
        ),
        (
            "when: finding.score > 1",
            "8:25: a whole number is compared with a score. Write a point: `1.0`, not `1`.",
        ),
        (
            "when: finding.score",
            "8:11: a condition is true or false, and this is of the type double."
            " Compare it with something, as in `finding.score > 0.8`.",
        ),
        (
            "when: |\n      finding.score > 0.5 &&\n      finding.label = 'a'",
            "10:21: `=` is not CEL. Write `==`.",
        ),
        (
            "when: finding.score > 0.5 and session.untrusted",
            "8:31: `and` is not CEL. Write `&&`.",
        ),
        (
            "when: stream.tenant == 'or' or session.untrusted",
            "8:33: `or` is not CEL. Write `||`.",
        ),
        ("when: session.sends OR session.untrusted", "8:25: `OR` is not CEL. Write `||`."),
        ("when: stream.tenant.startswith('x')", "8:35: `startswith` is not CEL. Write `startsWith`."),
        ("when: not session.untrusted", "8:11: `not` is not CEL. Write `!`."),
        ("when: finding.score => 0.8", "8:25: `=>` is not CEL. Write `>=`."),
        ("when: stream.tenant <> 'x'", "8:25: `<>` is not CEL. Write `!=`."),
        ("when: session.untrusted & session.sends", "8:29: `&` is not CEL. Write `&&`."),
        ("when: stream.tenant == “x”", '8:28: `“` is not CEL. Write `"`.'),
        ("when: session.untrusted == True", "8:32: `True` is not CEL. Write `true`."),
        (
            "when: finding.text.contains('x')",
            "8:18: a condition never sees the text. Look for words in it by a rule of `patterns`.",
        ),
        (
            "when: (finding.score > 0.8",
            "8:31: this is not CEL: missing ')' at its end. Check brackets, quotes and operators near here.",
        ),
        (
            "when: finding.score > '0.8'",
            "8:25: `>` does not go with a number and text."
            " Numbers, true and false are written without quotes, text with them.",
        ),
        (
            "when: stream.tenant in 'a,b'",
            "8:25: `in` does not go with text and text."
            " Numbers, true and false are written without quotes, text with them.",
        ),
        (
            "when: finding.label.matches('(a')",
            "8:33: this is no pattern that RE2 knows. Check its brackets and repeats.",
        ),
        (
            "when: finding.label.matches(finding.reason)",
            "8:25: `matches` takes a pattern that is written out. Write it in quotes: `matches('^a')`.",
        ),
        (
            'when: "[1].map(x, x) == [1]"',
            "8:16: `map` is not part of conditions. Ask with `exists` or `all`.",
        ),
        (
            "when: stream.labels.all(a, [1].all(b, [2].all(c, [3].all(d, true))))",
            "8:58: a condition has at most 3 loops (`all`, `exists`, `filter`). Write two rules.",
        ),
        (
            "when: \"'a' + stream.tenant == 'ab'\"",
            "8:16: texts and lists are not put together. Compare them one by one.",
        ),
        (
            "except: [{value: Bob, reason: r, owner: o, expires: soon}]",
            "8:57: `soon` is no day. Write it as 2026-12-31.",
        ),
        (
            "except: [{value: Bob, when: 'true', reason: r, owner: o}]",
            "8:14: an exception is about one thing, and this one states 2. State either `value` or `when`.",
        ),
        (
            "except: [{value: '**', reason: r, owner: o}]",
            "8:22: an exception for every text leaves nothing of the rule. Say which texts, or remove the rule.",
        ),
        (
            "except: [{value: Bob, reason: r}]",
            "8:14: `owner` is missing. Add `owner: ...` (who answers for it).",
        ),
        (
            "severity: {0.95: low}",
            "8:15: a finding with a score of 0.5 has no severity: the lowest stated is from 0.95 on."
            " Begin with 0.5, the least score that counts, or raise the threshold.",
        ),
        (
            "severity: {0.1: low, 0.2: medium, 0.9: high}",
            "8:15: no finding has the severity from 0.1 on: the least score that counts is 0.5."
            " Remove it, or lower the threshold.",
        ),
        ("severity: {2: low}", "8:19: `2` is no score. Write 0 to 1."),
    ],
)
def test_what_cannot_be_asked_is_refused_at_its_character(rule: str, said: str) -> None:
    assert said_about(rule) == [said]


def test_a_condition_has_an_end() -> None:
    with pytest.raises(WrongConditionError):
        compile_condition("true || " * MAX_CHARS + "true")
    with pytest.raises(WrongConditionError):
        compile_condition("(" * 200 + "true" + ")" * 200)


def test_a_condition_runs_out_of_its_budget_and_says_nothing_of_what_it_read() -> None:
    numbers = str(list(range(50)))
    loops = f"{numbers}.all(a, {numbers}.all(b, {numbers}.all(c, stream.tenant != 'x')))"
    condition = compile_condition(loops)
    with pytest.raises(ConditionError) as caught:
        condition.holds({"stream.tenant": "a secret"})
    assert "secret" not in str(caught.value)


FACTS: dict[str, Any] = {
    "tenant": "acme",
    "model": "gpt-4o",
    "route": "/v1/chat",
    "prompt_version": "2",
    "language": "de",
    "labels": {"env": "prod"},
    "attributes": {"kind": "bulk"},
}


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("stream.tenant == 'acme' && stream.model.startsWith('gpt-')", True),
        ("stream.route == '/v1/chat' && stream.prompt_version == '2'", True),
        ("stream.labels['env'] == 'prod' && stream.attributes.kind == 'bulk'", True),
        ("has(stream.labels.team) && stream.labels.team == 'x'", False),
        ("stream.language == 'de'", True),
        ("stream.direction == 'output'", True),
        ("finding.label == 'NAME'", True),
        ("finding.label in ['CITY']", False),
        ("finding.score > 0.8 && finding.length == 3", True),
        ("finding.reason == 'word' && finding.detector == 'words'", True),
        ("finding.part == 'model' && finding.channel == 'content'", True),
        ("session.risk > 2.5 && session.violations == 4 && session.untrusted && !session.sends", True),
        ("session.sensitive", False),
        ("finding.label.matches('^N[A-Z]+$')", True),
    ],
)
def test_a_condition_asks_of_stream_finding_and_session(when: str, holds: bool) -> None:
    session = SessionFacts(risk=3.0, violations=4, untrusted=True)
    plan = plan_of(f'when: "{when}"')
    guarded = guard(plan, [(Lane(), "to Bob")], about=StreamFacts(**FACTS), facts=session)
    assert (guarded.text() != "to Bob") is holds


CALL = Lane(channel=Channel.TOOL_ARGUMENTS)


CALLS_READ = "detect: {detector: words, words: {NAME: [Bob]}, channels: [content, tool_arguments]}"


@pytest.mark.parametrize(
    ("lane", "tool", "holds"),
    [
        (CALL, Tool("send_mail"), True),
        (CALL, Tool("read_mail"), False),
        (CALL, None, False),
        (CALL, Tool("send_mail", is_name=True), False),
        (Lane(), Tool("send_mail"), False),
    ],
)
def test_a_condition_asks_which_tool_is_called(lane: Lane, tool: Tool | None, holds: bool) -> None:
    [loaded] = load_text(f"{HEAD}rules: [{{id: a, {CALLS_READ}, action: annotate, when: tool.name == 'send_mail'}}]\n")
    plan = compile_policy(loaded, catalog=CATALOG)
    tools = {} if tool is None else {lane: tool}
    for chunks in (['{"to": "Bob"}'], list('{"to": "Bob"}')):
        guarded = guard(plan, [(lane, chunk) for chunk in chunks], tools=tools)
        assert bool(guarded.decisions) is holds


TEXTS = st.lists(st.sampled_from(["Bob", "Bobby", "Rome", " ", ".", "B", "o", "\U0001f600"]), max_size=12).map("".join)


@settings(max_examples=60, deadline=None)
@given(
    text=TEXTS,
    cuts=st.lists(st.integers(0, 60), max_size=6),
    rule=st.sampled_from(
        [
            "when: finding.length > 3",
            "when: finding.label == 'CITY'",
            "when: stream.labels['none'] == 'x'",  # cannot be told
            "except: [{value: Bob, reason: r, owner: o}]",
            "except: [{value: 'B*y', reason: r, owner: o}]",
            "except: [{when: finding.label == 'NAME', reason: r, owner: o}]",
        ]
    ),
    action=st.sampled_from(["redact", "block", "annotate"]),
)
def test_a_condition_does_not_depend_on_how_text_arrives(text: str, cuts: list[int], rule: str, action: str) -> None:
    plan = plan_of(rule, action)
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    whole, chars = guard_text(plan, text), guard_text(plan, list(text))
    cut = guard_text(plan, [text[start:end] for start, end in pairwise(edges)])
    for other in (chars, cut):
        assert other.text() == whole.text()
        assert [(each.finding, each.done) for each in other.decisions] == [
            (each.finding, each.done) for each in whole.decisions
        ]
    assert whole.leaked_chars == 0


@pytest.mark.parametrize(
    ("mode", "text", "done"),
    [("fail_closed", "", ["block"]), ("fail_open", "a Bob b", ["allow"])],
)
def test_a_condition_that_cannot_be_told_is_the_rules_failure(mode: str, text: str, done: list[str]) -> None:
    plan = plan_of(f"on_error: {mode}\n    when: stream.labels['none'] == 'x'", "block")
    guarded = guard_text(plan, "a Bob b")
    assert [each.done.word for each in guarded.decisions] == done
    [decision] = guarded.decisions
    assert decision.failure is not None
    assert decision.failure.kind is FailureKind.ERROR
    assert decision.finding.reason == "its `when` could not be told; ask `has` first where the stream may not have it"
    assert "Bob" not in repr((decision.failure, decision.finding))
    assert guarded.text() == ("a " if mode == "fail_closed" else text)


def test_an_exception_holds_to_the_end_of_its_last_day() -> None:
    plan = plan_of("except: [{value: Bob, reason: r, owner: o, expires: 2026-11-30}]")
    out = {}
    for day in (date(2026, 11, 29), date(2026, 11, 30), date(2026, 12, 1)):
        stream = Stream(plan, circumstances=Circumstances(today=day))
        stream.feed(Lane(), "Bob")
        stream.close()
        output = stream.next_output()
        assert isinstance(output, Release)
        out[day.isoformat()] = output.text
    assert out == {"2026-11-29": "Bob", "2026-11-30": "Bob", "2026-12-01": "‹name›"}


def test_an_exception_for_a_whole_covers_what_stands_in_it() -> None:
    """`Bob` stands in `Bobby`: where that is excepted, its beginning is no violation by itself."""
    plan = plan_of("except: [{value: Bobby, reason: r, owner: o}]")
    assert guard_text(plan, "Bobby and Bob").text() == "Bobby and ‹name›"


def test_an_exception_of_which_it_cannot_be_told_does_not_hold() -> None:
    plan = plan_of("except: [{when: \"stream.labels['none'] == 'x'\", reason: r, owner: o}]")
    assert guard_text(plan, "Bob").text() == "‹name›"


def test_severities_follow_the_score() -> None:
    plan = plan_of("severity: {0.5: medium, 0.95: high}")
    rule = plan.rules[0]
    assert [rule.severity_of(score).word for score in (0.5, 0.94, 0.95, 1.0)] == ["medium", "medium", "high", "high"]
    assert rule.severity.word == "high"  # of what was not looked at


def test_a_known_text_is_judged_by_the_facts_of_its_own_stream() -> None:
    """A judgement keeps what was found; whether that is a violation is asked of each stream anew."""
    plan = plan_of("when: stream.tenant == 'acme'")
    lane = Lane(part=Part.USER)

    def stream_of(tenant: str) -> Stream:
        about = StreamFacts(Direction.INPUT, tenant)
        return Stream(plan, stops_together=True, circumstances=Circumstances(about))

    first = stream_of("other")
    first.note(lane)
    first.feed(lane, "Bob")
    first.close()
    known: dict[Lane, Judgement] = dict(first.judgements())
    assert first.next_output() == Release(lane, "Bob", 0, 3)
    second = stream_of("acme")
    second.recall(lane, "Bob", known[lane])
    output = second.next_output()
    assert isinstance(output, Release)
    assert output.text == "‹name›"
    assert output.decisions[0].finding == Finding(0, 3, "NAME", 0.9, "word")
