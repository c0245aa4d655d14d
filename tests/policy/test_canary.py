"""Canaries: which streams are on which side, what each side carries out, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import PolicyErrors
from sidecar.policy.canary import on_sides
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.policy.trial import Trial, share_of
from sidecar.values import Enforcement, Lane
from tests.policy.doubles import CATALOG

NAMES = st.text(max_size=20)
HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: shop, version: "%s"}\n'


def rules(*enforcement: str) -> str:
    rows = [
        f"  - {{id: r{number}, detect: {{detector: words, words: {{NAME: [Bob{number}]}}}}, action: block{each}}}"
        for number, each in enumerate(enforcement)
    ]
    return "\n".join(["rules:", *rows, ""])


def compiled(text: str) -> Plan:
    (loaded,) = load_text(text)
    return compile_policy(loaded, catalog=CATALOG)


CANARY = ", enforcement: {canary: {percent: 10}}"
TRIED = 'rollout: {percent: 25, replaces: "1"}\n'


# -- shares -----------------------------------------------------------------------------------------------------------


@given(name=NAMES, unit=NAMES, percent=st.floats(0, 100), more=st.floats(0, 100))
def test_a_unit_is_always_on_one_side_and_stays_on_the_canarys_when_that_grows(
    name: str, unit: str, percent: float, more: float
) -> None:
    assert share_of(name, unit) == share_of(name, unit)
    if Trial(percent).takes(name, unit):
        assert Trial(min(100.0, percent + more)).takes(name, unit)


@given(name=NAMES, unit=NAMES)
def test_none_is_on_it_at_0_and_all_are_at_100(name: str, unit: str) -> None:
    assert not Trial(0).takes(name, unit)
    assert Trial(100).takes(name, unit)


def test_shares_are_spread_evenly_and_those_of_another_name_otherwise() -> None:
    units = [f"session-{number}" for number in range(20_000)]
    ours = {unit for unit in units if Trial(10).takes("shop/a", unit)}
    theirs = {unit for unit in units if Trial(10).takes("shop/b", unit)}
    assert 1800 < len(ours) < 2200
    assert 100 < len(ours & theirs) < 300, "one in ten of one in ten: canaries do not fall on the same ones"


def test_a_share_is_the_same_on_every_machine() -> None:
    """Another share for the same unit would move streams from side to side with an update."""
    assert [round(share_of("shop", unit), 6) for unit in ("a", "b", "")] == [9.339635, 83.695323, 30.423317]


@pytest.mark.parametrize(
    ("rates", "breach"),
    [
        ({"block": 0.02, "redact": 1.0, "error": 0.0}, None),
        ({"block": 0.021, "redact": 1.0, "error": 0.0}, "block"),
        ({"block": 0.0, "redact": 1.0, "error": 0.2}, "error"),
    ],
)
def test_a_rate_is_outside_its_band_beyond_its_ends(rates: dict[str, float], breach: str | None) -> None:
    trial = Trial(10, band={"block": (0, 0.02), "error": (0, 0.1)})
    assert trial.breach(rates) == breach  # type: ignore[arg-type]


# -- what a side carries out ------------------------------------------------------------------------------------------


def test_a_rule_is_enforced_on_its_side_and_in_shadow_on_the_other() -> None:
    plan = compiled(HEAD % "1" + rules(CANARY, "", CANARY))
    assert plan.canaries == (0, 2)
    assert [rule.is_enforced for rule in plan.rules] == [True, True, True], "tests see what the rule does"
    sided = on_sides(plan, frozenset({2}))
    assert [rule.enforcement for rule in sided.rules] == [Enforcement.SHADOW, Enforcement.ENFORCE, Enforcement.ENFORCE]
    assert [rule.side for rule in sided.rules] == ["stable", None, "canary"]
    read = [rule for scanner in sided.readers(Lane()).scanners for rule in scanner.rules]
    assert read == list(sided.rules), "what reads a text is on the same side as the policy says"
    assert on_sides(plan, frozenset({2})) is sided, "made once"


def test_beside_a_version_stand_the_rules_of_the_other_in_shadow() -> None:
    old, new = compiled(HEAD % "1" + rules("")), compiled(HEAD % "2" + TRIED + rules("", ""))
    sided = on_sides(new, frozenset(), old, "canary")
    assert (sided.version, sided.side, sided.digest) == ("2", "canary", new.digest)
    assert [(rule.index, rule.id, rule.is_enforced, rule.is_others) for rule in sided.rules] == [
        (0, "r0", True, False),
        (1, "r1", True, False),
        (2, "r0", False, True),
    ]
    assert [rule.index for scanner in sided.scanners for rule in scanner.rules] == [0, 1, 2]


# -- what belongs together --------------------------------------------------------------------------------------------


def store_of(folder: Path, *texts: str) -> PolicyStore:
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_text(text)
    store = PolicyStore([folder], catalog=CATALOG)
    store.load()
    return store


def test_a_version_is_tried_beside_the_one_that_it_replaces(tmp_path: Path) -> None:
    store = store_of(tmp_path, HEAD % "1" + rules(""), HEAD % "2" + TRIED + rules(""))
    plan = store.plans["shop"]
    assert plan.version == "1"
    assert plan.successor is store.tried["shop"]
    assert (plan.successor.version, plan.successor.rollout) == ("2", Trial(25))
    assert [plan.version for plan in store.matching] == ["1"], "no stream is offered to it by itself"


def test_both_may_stand_in_one_file(tmp_path: Path) -> None:
    store = store_of(tmp_path, HEAD % "1" + rules("") + "---\n" + HEAD % "2" + TRIED + rules(""))
    assert store.plans["shop"].successor is not None


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            (HEAD % "2" + TRIED + rules(""),),
            "0.yaml:4:34: rollout.replaces: there is no version `1` of `shop` beside it. Name the version that"
            " the other streams keep, or remove `rollout` to have this one take all.",
        ),
        (
            (HEAD % "1.1" + rules(""), HEAD % "2" + TRIED + rules("")),
            "1.yaml:4:34: rollout.replaces: there is no version `1` of `shop` beside it; there is 1.1. Name",
        ),
        (
            (HEAD % "1" + TRIED + rules(""),),
            "0.yaml:4:34: rollout.replaces: it would replace itself: this is version `1`. Give this version a number",
        ),
        (
            (HEAD % "1" + rules(""), HEAD % "2" + "match: {labels: {a: b}}\n" + TRIED + rules("")),
            "1.yaml:4:8: match: version `1` takes other streams: a part of the same ones can be tried. Write",
        ),
        (
            (HEAD % "1" + rules(""), HEAD % "2" + TRIED + rules(""), HEAD % "3" + TRIED + rules("")),
            "has a version of `shop` that is tried already",
        ),
        ((HEAD % "1" + rules(*[CANARY] * 9),), "rules[8].enforcement: 9 rules are canaries; at most 8 may be."),
    ],
)
def test_what_does_not_belong_together_is_refused(texts: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors) as caught:
        store_of(tmp_path, *texts)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("enforcement", "said"),
    [
        ("canry", "`canry` is not a value of `enforcement`. Use one of `enforce`, `shadow`."),
        ("{canary: 10}", "rules[0].enforcement.canary"),
        ("{canary: {percent: 101}}", "rules[0].enforcement.canary.percent"),
        ("{canary: {percent: 1, by: day}}", "rules[0].enforcement.canary.by"),
        ("{canary: {percent: 1, by: [a]}}", "Write `session`, `tenant`, `stream`, or `{label: NAME}`."),
        ("{canary: {percent: 1, by: label}}", "Use `{label: NAME}` for a label of that name"),
        ("{canary: {percent: 1, by: region}}", "Use `{label: region}` for a label of that name, or one of `session`,"),
        ("{canary: {percent: 1, band: {}}}", "this band bounds nothing. State `block`, `redact` or `error`."),
        ("{canary: {percent: 1, band: {block: [0.2, 0.1]}}}", "the least share of `block` is more than the greatest."),
        ("{canary: {percent: 1, band: {block: [0.2]}}}", "rules[0].enforcement.canary.band.block"),
        (
            "{canary: {percent: 1, window: 10, min_streams: 20, band: {block: [0, 1]}}}",
            "`window` holds 10 streams, and `min_streams` asks for 20. Raise `window` or lower `min_streams`.",
        ),
        ("[canary]", "Write `enforce`, `shadow` or `{canary: {percent: 10}}`."),
    ],
)
def test_what_is_no_canary_is_told_at_its_place(enforcement: str, said: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        compiled(HEAD % "1" + rules(f", enforcement: {enforcement}"))
    assert said in str(caught.value)
