"""An account tells what the core did: its text is what is let out, and all that was found has its place."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.context import context_of
from sidecar.core.stream import Stream
from sidecar.explanation.account import Account, to_json
from sidecar.explanation.explainer import MOST_STEPS, Explainer, Question
from sidecar.offline import guard_text
from sidecar.policy.cases import public_keys
from sidecar.policy.facts import StreamFacts
from sidecar.policy.session_facts import SessionFacts
from sidecar.policy.store import PolicyStore
from sidecar.values import Channel, Direction, Part
from tests.explanation.cases import QUESTIONS, explainer
from tests.streams import cut_at

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: words, version: "1"}
match: {directions: [output], labels: {app: shop, tier: gold}, tenants: [acme]}
rules:
  - id: fruit
    detect:
      detector: patterns
      patterns:
        - {label: FRUIT, regex: plum}
        - {label: TREE, regex: "plum tree", score: 0.9}
        - {label: SEED, regex: pip, score: 0.4}
    action: {redact: {with: label}}
  - id: trees
    detect: {detector: patterns, keywords: {TREE: ["plum tree"], LEAF: [tree]}}
    action: {redact: {with: mask}}
  - id: tools-only
    detect: {detector: patterns, keywords: {METAL: [iron]}, parts: [tool_result]}
    action: block
  - id: shadowed
    enforcement: shadow
    detect: {detector: patterns, keywords: {WOOD: [oak]}}
    action: {redact: {with: mask}}
  - id: weapons
    detect: {detector: patterns, keywords: {WEAPON: [bomb]}}
    action: {block: {message: "Let us not."}}
"""


@pytest.fixture
def words(tmp_path: Path) -> Explainer:
    (tmp_path / "words.yaml").write_text(POLICY)
    return Explainer.load([tmp_path])


def explained(words: Explainer, text: str) -> Account:
    return words.explain(Question(text=text, policy="words"))


def verdicts(account: Account) -> set[tuple[str, str, str, str]]:
    """Text, label, rule and fate of every verdict."""
    return {(each.text, each.label, told.rule, told.fate) for each in account.findings for told in each.fates}


def test_it_tells_of_findings_that_met_and_of_those_that_did_not(words: Explainer) -> None:
    account = explained(words, "a plum and a pip")
    assert {
        ("plum", "FRUIT", "fruit", "decided"),
        ("pip", "SEED", "fruit", "under_threshold"),
    } <= verdicts(account)
    (pip,) = [told for each in account.findings for told in each.fates if each.label == "SEED"]
    assert (pip.threshold, pip.why) == (0.5, "0.40 is under 0.5")


def test_it_tells_what_no_rule_reads_here_and_why(words: Explainer) -> None:
    account = explained(words, "an iron gate")
    assert verdicts(account) == {("iron", "METAL", "tools-only", "not_read")}
    ((told,),) = [each.fates for each in account.findings]
    assert told.why == "it reads the words of tool_result; this is model; 1.00 reaches 0.5"
    assert [(each.id, each.is_reading) for each in account.rules if not each.is_reading] == [("tools-only", False)]
    assert (account.decisions, account.final and account.final.text) == ((), "an iron gate")


def test_it_tells_who_won_where_two_rules_met(words: Explainer) -> None:
    account = explained(words, "a plum tree")
    assert [(each.rule, each.label, each.winner) for each in account.decisions] == [
        ("fruit", "FRUIT", "fruit"),
        ("fruit", "TREE", "fruit"),
        ("trees", "TREE", "fruit"),
    ]
    assert "rule fruit stands first in the policy" in account.decisions[2].why


def test_it_tells_where_a_block_stopped_the_text(words: Explainer) -> None:
    account = explained(words, "a plum, a bomb, a plum")
    fates = [(each.text, told.fate) for each in account.findings for told in each.fates if told.rule != "trees"]
    assert fates == [("plum", "decided"), ("bomb", "decided")]  # nobody reads on
    assert [piece.kind for piece in account.pieces] == ["kept", "replaced", "kept", "stopped"]
    assert account.final is not None
    assert (account.final.blocked_by, account.final.message) == ("weapons", "Let us not.")


def test_a_finding_that_another_one_contains_is_told_of_once(words: Explainer) -> None:
    account = explained(words, "a plum tree")
    assert ("tree", "LEAF", "trees", "dominated") in verdicts(account)
    (why,) = [told.why for each in account.findings for told in each.fates if told.fate == "dominated"]
    assert why == "TREE 1.00 at [2, 11) contains it: one is told of"


def test_a_shadow_rule_is_recorded_and_changes_nothing(words: Explainer) -> None:
    account = explained(words, "an oak")
    assert [(each.rule, each.done, each.why) for each in account.decisions] == [
        ("shadowed", "allow", "in shadow: recorded, and nothing changed")
    ]


@pytest.mark.parametrize(("session", "fate"), [((), "not_decided"), (("untrusted",), "decided")])
def test_a_rule_that_insists_on_its_session(tmp_path: Path, session: tuple[str, ...], fate: str) -> None:
    text = POLICY.replace("  - id: weapons\n", "  - id: weapons\n    session: {has: [untrusted]}\n")
    (tmp_path / "words.yaml").write_text(text)
    facts = SessionFacts(**dict.fromkeys(session, True))
    account = Explainer.load([tmp_path]).explain(Question(text="a bomb", policy="words", session=facts))
    (told,) = [told for each in account.findings for told in each.fates if told.rule == "weapons"]
    assert told.fate == fate
    assert ("the rule acts in a session that has untrusted" in told.why) is (fate == "not_decided")


@pytest.mark.parametrize(
    ("text", "fate", "why"),
    [
        ("a bomb, a plum", "not_decided", "the rule requires 1 of fruit before, and that does not stand there"),
        ("a plum, a bomb", "decided", "1.00 reaches 0.5"),
    ],
)
def test_it_says_what_else_a_rule_requires(tmp_path: Path, text: str, fate: str, why: str) -> None:
    terms = "  - id: weapons\n    requires: {any: [fruit]}\n"
    (tmp_path / "words.yaml").write_text(POLICY.replace("  - id: weapons\n", terms))
    account = Explainer.load([tmp_path]).explain(Question(text=text, policy="words"))
    (told,) = [told for each in account.findings for told in each.fates if told.rule == "weapons"]
    assert (told.fate, told.why) == (fate, why)


def test_it_says_that_a_block_follows_from_a_condition_that_could_not_be_told(tmp_path: Path) -> None:
    when = "  - id: weapons\n    when: stream.labels['env'] == 'prod'\n"
    (tmp_path / "words.yaml").write_text(POLICY.replace("  - id: weapons\n", when))
    (told,) = Explainer.load([tmp_path]).explain(Question(text="a bomb", policy="words")).decisions
    assert (told.rule, told.done, told.why) == (
        "weapons",
        "block",
        "there was no verdict (its condition could not be told), and the rule fails closed: it stopped the text here",
    )


@pytest.mark.parametrize(
    ("terms", "facts", "fate", "why"),
    [
        ("when: stream.tenant == 'acme'", "acme", "decided", "1.00 reaches 0.5"),
        (
            "when: stream.tenant == 'acme'",
            "globex",
            "not_decided",
            "its condition does not hold: stream.tenant == 'acme'",
        ),
        (
            "except: [{value: bomb, reason: a cake, owner: bakery, expires: 2999-01-31}]",
            "",
            "not_decided",
            "it is excepted, until 2999-01-31: a cake (bakery)",
        ),
        (
            "when: stream.labels['env'] == 'prod'",
            "",
            "not_decided",
            "its condition could not be told (of a label that the stream has not, ask `has` first): it stops the text",
        ),
        (
            "when: stream.labels['env'] == 'prod'\n    on_error: fail_open",
            "",
            "not_decided",
            "its condition could not be told (of a label that the stream has not, ask `has` first):"
            " it lets the text pass",
        ),
    ],
)
def test_it_says_which_term_of_a_rule_a_finding_did_not_meet(
    tmp_path: Path, terms: str, facts: str, fate: str, why: str
) -> None:
    (tmp_path / "words.yaml").write_text(POLICY.replace("  - id: weapons\n", f"  - id: weapons\n    {terms}\n"))
    question = Question(text="a bomb", policy="words", facts=StreamFacts(tenant=facts))
    account = Explainer.load([tmp_path]).explain(question)
    (told,) = [told for each in account.findings for told in each.fates if told.rule == "weapons"]
    assert (told.fate, told.why) == (fate, why)


def test_many_findings_are_told_in_good_time(words: Explainer) -> None:
    account = explained(words, "a plum, " * 2000)
    assert len(account.findings) == len(account.decisions) == 2000


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (Question(text="x", facts=StreamFacts(Direction.INPUT)), "it takes output; this is input"),
        (Question(text="x", facts=StreamFacts(labels={"app": "bank"})), "it wants the label app=shop; it is bank"),
        (Question(text="x", facts=StreamFacts(tenant="globex")), "it takes the tenants acme; the tenant is globex"),
        (Question(text="x"), "it takes the tenants acme; no tenant is given"),
    ],
)
def test_it_says_which_condition_of_a_policy_does_not_hold(words: Explainer, question: Question, why: str) -> None:
    account = words.explain(question)
    assert (account.policy, account.final) == ("", None)
    assert why in account.policies[0].why


def test_it_says_that_a_policy_comes_before_another(tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = POLICY.replace("name: words", f"name: {name}")
        (tmp_path / f"{name}.yaml").write_text(text)
    labels = {"app": "shop", "tier": "gold"}
    account = Explainer.load([tmp_path]).explain(Question(text="x", facts=StreamFacts(tenant="acme", labels=labels)))
    assert [(each.name, each.is_taken, each.why) for each in account.policies] == [
        ("one", True, "it is the first whose conditions all hold"),
        ("two", False, "its conditions hold, but one comes before it"),
    ]


def test_it_shows_how_detectors_read_disguised_text(words: Explainer) -> None:
    account = explained(words, "a pl\u200bum")
    looks = {change.how: change for each in account.readers for look in each.looks for change in look.changes}
    assert (looks["invisible, left out"].start, looks["invisible, left out"].end) == (4, 5)
    assert account.final is not None
    assert account.final.text == "a ‹fruit›"


def test_it_tells_what_text_waited_for() -> None:
    account = explainer().explain(QUESTIONS["injection"])
    segments = {each.number: each for reader in account.readers for each in reader.segments}
    assert next((each.start, each.is_waited_for) for each in segments.values()) == (0, True)
    assert all("verdict" in piece.why for piece in account.pieces)


@pytest.mark.parametrize("name", QUESTIONS)
def test_its_json_is_whole(name: str) -> None:
    account = explainer().explain(QUESTIONS[name])
    told = to_json(account)
    assert told["text"] == QUESTIONS[name].text
    assert {"asked", "policies", "rules", "readers", "findings", "decisions", "pieces", "final"} <= told.keys()


@cache
def scanning() -> tuple[Explainer, PolicyStore]:
    """The shipped policies that need no model: quick enough for many texts."""
    paths = [Path(__file__).parents[2] / "policies" / f"{name}.yaml" for name in ("pci", "pii-redact", "secrets-block")]
    store = PolicyStore(paths, public_keys())
    store.load()
    return Explainer(store), store


PIECES = st.sampled_from(
    (
        *(
            "card ",
            "4111 1111 1111 1111",
            "4111–1111",
            "a@b.com",
            " ",
            ".",
            "\n",
            "é\u0301",
            "\u200b",
            "👩🏽\u200d💻",
            "‹",
        ),
        *("[x](http://a.b/", "ghp_" + "a1B2" * 9, "password=", "DE89 3704 0044 0532 0130 00", "cvv 123", "<b>", "\\"),
        *('"', "&#64;", "%40"),
    )
)


@given(
    st.sampled_from(("pci", "pii-redact", "secrets-block")),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(st.integers(0, 200), max_size=8),
    st.sampled_from((Channel.CONTENT, Channel.REASONING)),
)
def test_what_it_says_is_let_out_is_what_is_let_out_however_the_text_is_cut(
    policy: str, text: str, places: list[int], channel: Channel
) -> None:
    explaining, store = scanning()
    question = Question(text=text, policy=policy, channel=channel)
    account = explaining.explain(question)
    chunks = cut_at(text, [min(place, len(text)) for place in places])
    guarded = guard_text(store.plans[policy], chunks, lane=question.lane)
    assert account.final is not None
    assert account.final.text == guarded.text()
    assert "".join(piece.text for piece in account.pieces) == guarded.text()
    assert [(each.rule, each.start, each.end) for each in account.decisions] == [
        (store.plans[policy].rules[each.rule].id, each.finding.start, each.finding.end) for each in guarded.decisions
    ]
    ends = [0, *(piece.end for piece in account.pieces)]
    assert ([piece.start for piece in account.pieces], ends[-1]) == (ends[:-1], len(text))
    assert all(piece.text == text[piece.start : piece.end] for piece in account.pieces if piece.kind == "kept")
    decided = {(each.start, each.end) for each in account.decisions}
    assert decided <= {(each.start, each.end) for each in account.findings}


def test_a_long_text_is_fed_in_pieces_and_ends_alike() -> None:
    explaining, store = scanning()
    text = "We wrote to a@b.com about it. " * (MOST_STEPS // 10)
    account = explaining.explain(Question(text=text, policy="pii-redact"))
    assert account.final is not None
    assert account.final.text == guard_text(store.plans["pii-redact"], text).text()


def test_a_stream_says_what_holds_its_text_back() -> None:
    _, store = scanning()
    stream, lane = Stream(store.plans["pci"]), Question(text="").lane
    assert stream.holders(lane) == ()
    stream.feed(lane, "card 4111")
    assert [(each.by, each.position) for each in stream.holders(lane)] == [("pii", 5)]
    stream.close()
    assert stream.holders(lane) == ()


def test_context_is_told_by_its_ids() -> None:
    question = Question(text="x", policy="pci", context=context_of([("guide", "A text.")]), part=Part.MODEL)
    assert explainer().explain(question).asked.context == ("guide",)
