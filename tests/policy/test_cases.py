"""A policy's own tests: ways of cutting, what is compared, and how a failure is told."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.policy.cases import Case, Observed, Result, check, cut, make_case
from sidecar.policy.compiler import compile_policy
from sidecar.policy.fakes import FAKES, expand, unknown_kinds
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.trials import guard_with
from sidecar.values import Channel, Direction, Lane, Part
from tests.policy.doubles import CATALOG

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: p, version: "1"}
rules:
  - id: no-names
    detect: {detector: words, words: {NAME: [Bob]}}
    action: {redact: {with: mask}}
  - id: no-shouting
    detect: {detector: words, words: {SHOUT: [HEY!]}}
    action: {block: {message: Quiet.}}
  - id: places
    detect: {detector: words, words: {PLACE: [Bern]}}
    action: annotate
tests:
"""


def ready(test: str, *, mode: str = "strict") -> tuple[Plan, Case]:
    (loaded,) = load_text(POLICY.replace("rules:", f"stream: {{mode: {mode}}}\nrules:") + f"  - {test}\n")
    return compile_policy(loaded, catalog=CATALOG), make_case(loaded.spec.tests[0])


def run(test: str) -> Result:
    plan, case = ready(test)
    return check(case, guard_with(plan))


@pytest.mark.parametrize(
    "test",
    [
        pytest.param(
            "{name: t, output: I am Bob., expect: {output: I am •••., violations: [no-names], leaked: 0}}", id="redact"
        ),
        pytest.param(
            "{name: t, output: 'So: HEY!', expect: {blocked: no-shouting, message: Quiet., output: 'So: '}}", id="block"
        ),
        pytest.param(
            "{name: t, output: Hello., expect: {output: Hello., violations: [], blocked: false, annotations: []}}",
            id="nothing",
        ),
        pytest.param(
            "{name: t, input: Bob in Bern, expect: {annotations: [{rule: places, label: PLACE, text: Bern}]}}",
            id="annotate",
        ),
        pytest.param(
            "{name: t, output: Bern Bern, expect: {annotations: [{}, {text: Bern}], violations: [places]}}",
            id="any annotation",
        ),
        pytest.param("{name: t, output: '', expect: {output: ''}}", id="an empty text"),
    ],
)
def test_a_case_that_holds_passes_every_way(test: str) -> None:
    assert run(test).differences == ()


@pytest.mark.parametrize(
    ("expect", "what", "expected", "actual"),
    [
        pytest.param("{output: I am Bob.}", "output", "'I am Bob.'", "'I am •••.'", id="output"),
        pytest.param("{violations: []}", "violations", "[]", "['no-names']", id="violations"),
        pytest.param("{blocked: true}", "blocked", "True", "False", id="blocked"),
        pytest.param("{blocked: no-names}", "blocked", "'no-names'", "None", id="blocked by a rule"),
        pytest.param("{message: Stop.}", "message", "'Stop.'", "None", id="message"),
        pytest.param("{leaked: 3}", "leaked", "3", "0", id="leaked"),
        pytest.param("{annotations: [{rule: places}]}", "annotations", "[{'rule': 'places'}]", "[]", id="annotations"),
    ],
)
def test_a_case_that_does_not_hold_says_what_differs(expect: str, what: str, expected: str, actual: str) -> None:
    result = run(f"{{name: t, output: I am Bob., expect: {expect}}}")
    (difference,) = result.differences
    assert (result.is_passed, result.runs, result.chunking) == (False, 1, "whole")
    assert (difference.what, difference.expected, difference.actual) == (what, expected, actual)


def test_a_difference_in_text_says_where_it_begins() -> None:
    (difference,) = run("{name: t, output: I am Bob., expect: {output: I am B••.}}").differences
    assert difference.note == "they differ from character 5 on"


def forgetful(case: Case, chunks: Sequence[Sequence[str]], *, is_strict: bool = True) -> Observed:
    """A guard that sees a name only inside one chunk: what the ways of cutting are there to catch."""
    output = "".join(chunk.replace("Bob", "•••") for chunk in chunks[0])
    return Observed(output, (), None, None, (), 0, is_strict=is_strict)


def test_the_first_way_of_cutting_that_fails_is_told_with_its_place() -> None:
    _plan, case = ready("{name: t, output: I am Bob., chunkings: [whole, cuts], expect: {output: I am •••.}}")
    result = check(case, forgetful)
    assert (result.runs, result.chunking) == (7, "cut at 6 ('I am B' | 'ob.')")


def test_in_strict_mode_the_cut_must_not_matter_even_where_nothing_is_expected() -> None:
    _plan, case = ready("{name: t, output: I am Bob., expect: {leaked: 0}}")
    (difference,) = check(case, forgetful).differences
    assert (difference.what, difference.expected, difference.actual) == ("output", "'I am •••.'", "'I am Bob.'")
    assert difference.note == "what came of the whole text is expected: the cut must not matter"


def test_in_optimistic_mode_it_may() -> None:
    _plan, case = ready("{name: t, output: I am Bob., expect: {leaked: 0}}", mode="optimistic")
    assert check(case, partial(forgetful, is_strict=False)).is_passed


def test_a_detector_that_fails_fails_the_case() -> None:
    _plan, case = ready("{name: t, output: x, expect: {output: x}}")
    result = check(case, lambda _case, _chunks: Observed("x", (), None, None, (), 0, failures=("words",)))
    assert [(each.what, each.actual) for each in result.differences] == [("failed detectors", "['words']")]


@pytest.mark.parametrize(
    ("ways", "chunks"),
    [
        pytest.param(["whole"], [("abcd",)], id="whole"),
        pytest.param(["chars"], [("a", "b", "c", "d")], id="chars"),
        pytest.param(["cuts"], [("a", "bcd"), ("ab", "cd"), ("abc", "d")], id="cuts"),
        pytest.param(["pairs"], [("a", "b", "cd"), ("a", "bc", "d"), ("ab", "c", "d")], id="pairs"),
    ],
)
def test_ways_of_cutting(ways: list[str], chunks: list[tuple[str, ...]]) -> None:
    assert [pieces for _, pieces in cut("abcd", "seed", ways)] == chunks


def test_all_ways_together_and_long_texts_without_pairs() -> None:
    assert len(list(cut("x" * 24, "seed"))) == 1 + 1 + 23 + 23 * 22 // 2 + 20
    assert len(list(cut("x" * 25, "seed"))) == 1 + 1 + 24 + 20


def test_random_cuts_are_the_same_each_time_and_depend_on_the_name() -> None:
    text = "a text of some length, to be cut at random"
    one, again, other = (list(cut(text, seed, ["random"])) for seed in ("one", "one", "other"))
    assert one == again
    assert one != other
    assert len({len(chunks) for _, chunks in one}) > 5


@given(text=st.text(max_size=40), seed=st.text(max_size=5))
def test_chunks_joined_are_the_text(text: str, seed: str) -> None:
    assert {"".join(chunks) for _, chunks in cut(text, seed)} == {text}


@pytest.mark.parametrize(
    ("test", "direction", "lane"),
    [
        pytest.param("output: x", Direction.OUTPUT, Lane(), id="output"),
        pytest.param("input: x", Direction.INPUT, Lane(part=Part.USER), id="input"),
        pytest.param("chunks: [x], direction: input", Direction.INPUT, Lane(part=Part.USER), id="chunks of the input"),
        pytest.param("chunks: [x], choice: 2", Direction.OUTPUT, Lane(2), id="chunks of a choice"),
        pytest.param("output: x, channel: reasoning", Direction.OUTPUT, Lane(0, Channel.REASONING), id="a channel"),
        pytest.param("input: x, part: context", Direction.INPUT, Lane(part=Part.CONTEXT), id="a part"),
    ],
)
def test_where_a_case_is_said(test: str, direction: Direction, lane: Lane) -> None:
    _, case = ready(f"{{name: t, {test}, expect: {{leaked: 0}}}}")
    ((spoken,),) = [exchange.spoken for exchange in case.exchanges]
    assert (case.facts.direction, spoken.lane) == (direction, lane)


def test_chunks_are_taken_as_written() -> None:
    _, case = ready("{name: t, chunks: [I am B, ob.], expect: {output: I am •••.}}")
    assert (case.texts, list(case.chunkings())) == (("I am Bob.",), [("chunks as written", (("I am B", "ob."),))])


def test_pseudonyms_of_a_case_depend_on_its_session() -> None:
    _, case = ready("{name: t, output: x, session: chat-7, expect: {leaked: 0}}")
    assert case.session == "chat-7"


def test_fakes_are_made_when_the_test_runs_and_are_the_same_each_time() -> None:
    _, case = ready("{name: t, output: 'key {{fake:github_token}}.', expect: {output: 'key {{fake:github_token}}.'}}")
    (text,) = case.texts
    assert text == case.expect.output == expand("key {{fake:github_token}}.")
    assert text.startswith("key ghp_")


def test_unknown_fakes_are_named() -> None:
    assert unknown_kinds("{{fake:jwt}} {{fake:nothing}} {{other}}") == ["nothing"]


@pytest.mark.parametrize("kind", sorted(FAKES))
def test_each_kind_of_fake_differs_from_the_others(kind: str) -> None:
    made = {other: make() for other, make in FAKES.items()}
    assert made[kind] == FAKES[kind]()
    assert list(made.values()).count(made[kind]) == 1


def test_a_finding_inside_another_is_dropped_wherever_the_text_is_cut() -> None:
    """The inner number is certain one character after the outer order; a cut between the two changes nothing."""
    patterns = r"[{label: ORDER, regex: 'order \d{4}'}, {label: NUMBER, regex: '\d{4}\b'}]"
    rule = f"  - {{id: r, detect: {{detector: patterns, patterns: {patterns}}}, action: annotate}}\n"
    test = "  - {name: t, output: an order 1234 x, expect: {annotations: [{label: ORDER, text: order 1234}]}}\n"
    (loaded,) = load_text(POLICY[: POLICY.index("  - id: no-names")] + rule + "tests:\n" + test)
    plan = compile_policy(loaded)
    assert check(make_case(loaded.spec.tests[0]), guard_with(plan)).differences == ()
