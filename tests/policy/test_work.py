"""What compiling costs, counted: it grows with the number of rules, and what all rules share is made once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

import pytest

from detectors.text.regular import charset
from detectors.text.regular.charset import CharSet
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import LoadedPolicy, load_text

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\nrules:\n'
KINDS = {
    "regexes": "{detector: patterns, patterns: [{label: A, regex: '\\b%s%d-\\d{4,8}[\\w.]*'}]}",
    "keywords": "{detector: patterns, keywords: {A: [%s%d, plum cake]}}",
    "pii": "{detector: pii, labels: [EMAIL_ADDRESS]}",
    "secrets": "{detector: secrets}",
}
MOST_CALLS = 1_200
"""Of Python functions, for one more rule: a third more than it is."""
MOST_CALLS_OF_A_KEYWORD = 120
MOST_RANGES = 30
"""Of characters that are cut up for one more rule: there are 700 in `\\w` alone."""


def policy(kind: str, rules: int, word: str) -> LoadedPolicy:
    detect = KINDS[kind]
    written = (detect % (word, number) if "%" in detect else detect for number in range(rules))
    lines = (f"  - {{id: r{number}, detect: {each}, action: annotate}}\n" for number, each in enumerate(written))
    [loaded] = load_text(HEAD + "".join(lines))
    return loaded


def calls(loaded: LoadedPolicy) -> int:
    count = 0

    def called(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(called)
    try:
        compile_policy(loaded)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("kind", KINDS)
def test_one_more_rule_costs_so_many_calls_however_many_there_are(kind: str) -> None:
    compile_policy(policy(kind, 20, "before"))
    few, many = (calls(policy(kind, rules, f"w{rules}x")) for rules in (50, 250))
    assert many - few <= 200 * MOST_CALLS


def test_the_sets_that_rules_share_are_cut_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ranges = 0
    cut = charset._Pieces.__init__

    def counted(self: charset._Pieces, atoms: Sequence[CharSet], *, first_bit: int = 0) -> None:
        nonlocal ranges
        ranges += sum(len(atom.ranges) for atom in atoms)
        cut(self, atoms, first_bit=first_bit)

    compile_policy(policy("regexes", 1, "before"))
    monkeypatch.setattr(charset._Pieces, "__init__", counted)
    compile_policy(policy("regexes", 100, "shared"))
    assert 0 < ranges <= 100 * MOST_RANGES


def test_one_more_keyword_costs_so_many_calls_however_many_there_are() -> None:
    def listed(count: int) -> LoadedPolicy:
        words = ", ".join(f"term{number:x}z" for number in range(count))
        rule = f"  - {{id: k, detect: {{detector: patterns, keywords: {{A: [{words}]}}}}, action: annotate}}\n"
        [loaded] = load_text(HEAD + rule)
        return loaded

    compile_policy(listed(5))
    few, many = calls(listed(500)), calls(listed(2500))
    assert many - few <= 2000 * MOST_CALLS_OF_A_KEYWORD
