"""The tie rules of docs/policies.md ("When rules meet"), each kept by the engine however the text is cut."""

from __future__ import annotations

import pytest

from sidecar.policy.cases import check, make_case
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.trials import guard_with
from tests.policy.doubles import CATALOG

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\nrules:\n'


def rule(name: str, word: str, action: str, more: str = "") -> str:
    detect = f"{{detector: words, words: {{{name.upper()}: [{word}]}}}}"
    return f"  - {{id: {name}, detect: {detect}, action: {action}{more}}}\n"


BLOCK, MASK, LABEL = "{block: {message: no}}", "{redact: {with: mask}}", "{redact: {with: label}}"


@pytest.mark.parametrize(
    ("rules", "text", "expect"),
    [
        pytest.param(
            rule("a", "bcd", "annotate") + rule("b", "bcd", LABEL),
            "a bcd e",
            "{output: a ‹b› e, violations: [a, b], leaked: 0}",
            id="redact is stronger than annotate",
        ),
        pytest.param(
            rule("a", "bcd", MASK) + rule("b", "bcd", BLOCK),
            "a bcd e",
            "{output: 'a ', blocked: b, message: 'no', violations: [a, b], leaked: 0}",
            id="block is stronger than redact",
        ),
        pytest.param(
            rule("a", "cdef", LABEL) + rule("b", "bcd", MASK),
            "a bcdef g",
            "{output: a ‹a› g, violations: [a, b], leaked: 0}",
            id="the union of overlapping redactions, by the rule that stands first",
        ),
        pytest.param(
            rule("b", "bcd", MASK) + rule("a", "cdef", LABEL),
            "a bcdef g",
            "{output: a ••••• g, violations: [a, b], leaked: 0}",
            id="the same the other way round",
        ),
        pytest.param(
            rule("a", "ef", BLOCK) + rule("b", "bc", MASK),
            "bc d ef g",
            "{output: '•• d ', blocked: a, violations: [a, b], leaked: 0}",
            id="before a block text leaves redacted",
        ),
        pytest.param(
            rule("a", "fg", BLOCK) + rule("b", "cd", BLOCK),
            "b cd e fg",
            "{output: 'b ', blocked: b, leaked: 0}",
            id="of several blocks the earliest",
        ),
        pytest.param(
            rule("b", "cd", BLOCK) + rule("a", "cde", BLOCK),
            "b cde f",
            "{output: 'b ', blocked: b, leaked: 0}",
            id="of blocks at one place the rule that stands first",
        ),
        pytest.param(
            rule("a", "bcd", BLOCK, ", enforcement: shadow") + rule("b", "cde", MASK),
            "a bcde f",
            "{output: a b••• f, blocked: false, violations: [a, b], leaked: 0}",
            id="a rule in shadow changes nothing",
        ),
        pytest.param(
            rule("a", "e", LABEL),
            "caf\u00e9 e\u0301 e",
            '{output: "caf\u00e9 ‹a› ‹a›", violations: [a]}',
            id="a redaction takes the accent with its letter",
        ),
    ],
)
def test_when_rules_meet(rules: str, text: str, expect: str) -> None:
    (loaded,) = load_text(f"{HEAD}{rules}tests:\n  - {{name: t, output: {text}, expect: {expect}}}\n")
    plan = compile_policy(loaded, catalog=CATALOG)
    assert check(make_case(loaded.spec.tests[0]), guard_with(plan)).differences == ()
