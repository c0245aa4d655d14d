# ruff: noqa: E501 - a remedy is one line, as its reader sees it
"""Mistakes that authors make: each is told at its place, with its code and what to do. What is merely untested is left out."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sidecar.policy.cases import public_keys
from sidecar.policy.codes import Code
from sidecar.policy.compiler import compile_file
from sidecar.policy.lint.policies import warnings

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: shop, version: "1"}\n'
RULE = "rules:\n  - id: a\n    detect: {detector: pii, labels: [CREDIT_CARD]}\n    action: redact\n"
TEST = "tests:\n  - {name: t, output: '4111 1111 1111 1111', expect: {violations: [a]}}\n"
UNLESS_ASKED = frozenset({Code.UNTESTED_RULE, Code.BLOCKS_WITHOUT_MESSAGE})
"""What nearly every mistake here has beside it."""


def detecting(detect: str, action: str = "redact", more: str = "") -> str:
    """A policy with one rule, from its fifth line on."""
    return HEAD + f"rules:\n  - id: a\n    detect: {detect}\n    action: {action}\n{more}" + TEST


MISTAKES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "a label by what it holds",
        detecting("{detector: pii, labels: [EMAIL]}"),
        ("6:38 TG204 Did you mean `EMAIL_ADDRESS`?",),
    ),
    (
        "a label in small letters",
        detecting("{detector: pii, labels: [email_address]}"),
        ("6:38 TG204 Did you mean `EMAIL_ADDRESS`?",),
    ),
    (
        "a label of other tools",
        detecting("{detector: pii, labels: [NAME, SSN, PHONE]}"),
        (
            "6:38 TG204 Did you mean `PERSON`?",
            "6:44 TG204 Did you mean `US_SSN`?",
            "6:49 TG204 Did you mean `PHONE_NUMBER`?",
        ),
    ),
    (
        "a label in camel case",
        detecting("{detector: pii, labels: [creditCard]}"),
        ("6:38 TG204 Did you mean `CREDIT_CARD`?",),
    ),
    (
        "a label of another detector",
        detecting("{detector: secrets, labels: [CREDIT_CARD]}", "block"),
        ("6:42 TG204 Use one of `GITHUB_TOKEN`, `GITLAB_TOKEN`, ...",),
    ),
    (
        "a misspelt label with a threshold",
        detecting("{detector: toxicity, labels: {insults: 0.5}}", "annotate"),
        ("6:43 TG204 Did you mean `insult`?",),
    ),
    (
        "a detector by what people call it",
        detecting("{detector: regex, patterns: [{label: X, regex: x}]}"),
        ("6:24 TG201 Did you mean `patterns`?",),
    ),
    (
        "a detector of another tool",
        detecting("{detector: presidio}"),
        (
            "6:24 TG201 Use one of `patterns`, `secrets`, `pii`, `invisible_text`, `links`, `tools`, `task_adherence`, `format`, `injection`, `toxicity`, `topic`, `grounding`.",
        ),
    ),
    (
        "a detector in the plural",
        detecting("{detector: topics, deny: [medical]}", "annotate"),
        ("6:24 TG201 Did you mean `topic`?",),
    ),
    (
        "prompt injection with an underscore",
        detecting("{detector: prompt_injection}", "annotate"),
        ("6:24 TG201 Did you mean `injection`?",),
    ),
    (
        "a topic that is not trained",
        detecting("{detector: topic, deny: [medicine]}", "annotate"),
        ("6:38 TG208 Did you mean 'medical'? Or give it examples: {name: medicine, examples: [...]}.",),
    ),
    (
        "a misspelt topic among right ones",
        detecting("{detector: topic, deny: [medical, polics]}", "annotate"),
        ("6:47 TG208 Did you mean 'politics'? Or give it examples: {name: polics, examples: [...]}.",),
    ),
    (
        "a topic in the allow-list",
        detecting("{detector: topic, allow: [Banking_]}", "annotate"),
        ("6:39 TG208 Did you mean 'banking'? Or give it examples: {name: Banking_, examples: [...]}.",),
    ),
    (
        "a topic without examples",
        detecting("{detector: topic, deny: [{name: rivals}]}", "annotate"),
        (
            "6:38 TG104 Write text.",
            "6:38 TG102 Add `examples: ...` (sentences that are about it; five are a good number).",
        ),
    ),
    (
        "a topic detector without topics",
        detecting("{detector: topic}", "annotate"),
        ("6:13 TG203 Correct the detector's parameters.",),
    ),
    (
        "a percentage for a threshold",
        detecting("{detector: toxicity, labels: {insult: 70}}", "annotate"),
        ("6:51 TG105 Write 1 or less.",),
    ),
    (
        "a threshold in quotes",
        detecting("{detector: toxicity, labels: {insult: '0.7'}}", "annotate"),
        ("6:51 TG104 Write 0.7, without quotes.",),
    ),
    (
        "a threshold of 1",
        detecting("{detector: toxicity, labels: {insult: 1}}", "annotate"),
        ("6:51 TG602 Write less than 1, 0.95 for example.",),
    ),
    (
        "a threshold above a pattern's score",
        detecting("{detector: patterns, patterns: [{label: X, regex: 'xy', score: 0.6}], threshold: 0.8}"),
        ("6:94 TG602 Write 0.6 or less.",),
    ),
    (
        "a threshold above a secret's score",
        detecting("{detector: secrets, labels: {GENERIC_SECRET: 0.999}}", "block"),
        ("6:58 TG602 Write 0.99 or less.",),
    ),
    (
        "one label for a list",
        detecting("{detector: pii, labels: CREDIT_CARD}"),
        ("6:37 TG108 Write a list, `[LABEL, ...]`, or least scores, `{LABEL: 0.6, ...}`.",),
    ),
    ("a negative threshold", detecting("{detector: pii, labels: {CREDIT_CARD: -1}}"), ("6:51 TG105 Write 0 or more.",)),
    (
        "a parameter of another detector",
        detecting("{detector: pii, patterns: []}"),
        ("6:29 TG101 Did you mean `parts`?",),
    ),
    ("a misspelt parameter", detecting("{detector: pii, country: [us]}"), ("6:29 TG101 Did you mean `countries`?",)),
    ("a part in the plural", detecting("{detector: pii, parts: [users]}"), ("6:37 TG103 Did you mean `user`?",)),
    (
        "roles of a chat API for parts",
        detecting("{detector: pii, parts: [assistant, tool]}"),
        ("6:37 TG103 Did you mean `model`?", "6:48 TG103 Did you mean `tool_result`?"),
    ),
    ("a channel for a part", detecting("{detector: pii, parts: [content]}"), ("6:37 TG103 Did you mean `context`?",)),
    ("an action that other tools have", detecting("{detector: pii}", "mask"), ("7:13 TG103 Did you mean `redact`?",)),
    ("an action in capitals", detecting("{detector: pii}", "Redact"), ("7:13 TG103 Did you mean `redact`?",)),
    ("an action that denies", detecting("{detector: pii}", "deny"), ("7:13 TG103 Did you mean `block`?",)),
    ("an operator as an action", detecting("{detector: pii}", "{mask: {}}"), ("7:13 TG109 Did you mean `redact`?",)),
    (
        "an operator without with",
        detecting("{detector: pii}", "{redact: mask}"),
        ("7:22 TG104 Write `key: value` pairs.",),
    ),
    (
        "a misspelt operator",
        detecting("{detector: pii}", "{redact: {with: pseudonim}}"),
        ("7:29 TG103 Did you mean `pseudonym`?",),
    ),
    (
        "a message beside block",
        detecting("{detector: pii}", "block", "    message: no\n"),
        ("8:5 TG101 Use one of `id`, `description`, ...",),
    ),
    ("a message as the block", detecting("{detector: pii}", "{block: no}"), ("7:21 TG104 Write `{message: no}`.",)),
    (
        "a severity of another scale",
        detecting("{detector: pii}", "redact", "    severity: warning\n"),
        ("8:15 TG103 Did you mean `medium`?",),
    ),
    (
        "a misspelt key of a rule",
        detecting("{detector: pii}", "redact", "    enforcment: shadow\n"),
        ("8:5 TG101 Did you mean `enforcement`?",),
    ),
    (
        "a mode of rollout that is none",
        detecting("{detector: pii}", "redact", "    enforcement: dry_run\n"),
        ("8:18 TG103 Did you mean `shadow`?",),
    ),
    (
        "a name instead of an id",
        HEAD + "rules:\n  - name: a\n    detect: {detector: pii}\n    action: redact\n",
        ("5:5 TG101 Did you mean `id`?",),
    ),
    (
        "several regexes that cannot run",
        HEAD
        + "rules:\n  - id: a\n    detect:\n      detector: patterns\n      patterns:\n"
        + "        - {label: A, regex: 'a*'}\n        - {label: B, regex: b}\n        - {label: C, regex: '(?=c)'}\n"
        + "    action: redact\n",
        (
            "9:29 TG207 Make at least one character necessary.",
            "11:29 TG207 Use \\b, or match the neighbouring text too.",
        ),
    ),
    (
        "an id with a blank",
        HEAD + "rules:\n  - id: no cards\n    detect: {detector: pii}\n    action: redact\n",
        ("5:9 TG108 Use 1 to 64 letters, digits, `.`, `_` or `-`, beginning and ending with a letter or digit.",),
    ),
    (
        "rules as a mapping",
        HEAD + "rules:\n  a:\n    detect: {detector: pii}\n    action: redact\n",
        ("5:3 TG104 Write `[...]`, or one `- ...` a line.",),
    ),
    ("one rule that is no list", HEAD + "rules:\n  id: a\n", ("5:3 TG104 Write `[...]`, or one `- ...` a line.",)),
    ("a rule that is a word", HEAD + "rules: [no-cards]\n", ("4:9 TG104 Write `key: value` pairs.",)),
    (
        "a version that is a number",
        HEAD.replace('"1"', "2026.11") + RULE + TEST,
        ('3:33 TG104 Put it in quotes: "2026.11".',),
    ),
    ("a kind of Kubernetes", HEAD.replace("Policy", "ConfigMap") + RULE + TEST, ("2:7 TG103 Write `Policy`.",)),
    (
        "no version of the language",
        HEAD.split("\n", 1)[1] + RULE + TEST,
        ("1:1 TG102 Add `apiVersion: ...` (the version of this language).",),
    ),
    (
        "a language that is not there",
        HEAD.replace("}", ", language: jp}") + RULE + TEST,
        ("3:48 TG103 Use one of `en`, `de`, `es`, `fr`, `it`, `nl`, `pt`.",),
    ),
    (
        "an order as a word",
        HEAD.replace("}", ", order: first}") + RULE + TEST,
        ("3:45 TG104 Write a whole number, without quotes.",),
    ),
    (
        "a direction by another name",
        HEAD + "match: {directions: [response]}\n" + RULE + TEST,
        ("4:22 TG103 Did you mean `output`?",),
    ),
    (
        "directions that are no list",
        HEAD + "match: {directions: output}\n" + RULE + TEST,
        ("4:21 TG104 Write `[...]`, or one `- ...` a line.",),
    ),
    (
        "a label of streams that is a number",
        HEAD + "match: {labels: {tier: 1}}\n" + RULE + TEST,
        ('4:24 TG104 Put it in quotes: "1".',),
    ),
    (
        "a mode that is none",
        HEAD + "stream: {mode: fast}\n" + RULE + TEST,
        ("4:16 TG103 Use one of `strict`, `optimistic`.",),
    ),
    (
        "a time with its unit",
        HEAD + "stream: {max_hold_ms: 2s}\n" + RULE + TEST,
        ("4:23 TG104 Write a whole number, without quotes.",),
    ),
    (
        "a time that is too long",
        HEAD + "stream: {max_hold_ms: 600000}\n" + RULE + TEST,
        ("4:23 TG105 Write 60000 or less.",),
    ),
    (
        "a misspelt setting of the stream",
        HEAD + "stream: {max_hold: 400}\n" + RULE + TEST,
        ("4:10 TG101 Did you mean `max_hold_ms`?",),
    ),
    (
        "a fail mode with a hyphen",
        HEAD + "stream: {on_failure: fail-closed}\n" + RULE + TEST,
        ("4:22 TG103 Did you mean `fail_closed`?",),
    ),
    (
        "a regex in double quotes with \\d",
        detecting('{detector: patterns, patterns: [{label: X, regex: "\\d+"}]}'),
        ("6:64 TG004 Write a text with backslashes, such as a regex, in single quotes.",),
    ),
    (
        "a regex in double quotes with \\b",
        detecting('{detector: patterns, patterns: [{label: X, regex: "ORD\\b"}]}'),
        ("6:67 TG607 Write the regex in single quotes.",),
    ),
    (
        "a regex with a look-ahead",
        detecting("{detector: patterns, patterns: [{label: X, regex: 'x(?=y)'}]}"),
        ("6:63 TG207 Use \\b, or match the neighbouring text too.",),
    ),
    (
        "a regex that matches the empty text",
        detecting("{detector: patterns, patterns: [{label: X, regex: 'x*'}]}"),
        ("6:63 TG207 Make at least one character necessary.",),
    ),
    (
        "a regex that does not end",
        detecting("{detector: patterns, patterns: [{label: X, regex: '(x'}]}"),
        ("6:63 TG207 Correct the detector's parameters.",),
    ),
    (
        "a regex with an end in its middle",
        detecting("{detector: patterns, patterns: [{label: X, regex: 'x$y'}]}"),
        ("6:63 TG608 Write what is to be found, and a test that finds it.",),
    ),
    (
        "a regex of another language",
        detecting("{detector: patterns, patterns: [{label: X, regex: '\\p{L}+'}]}"),
        ("6:63 TG207 Correct the detector's parameters.",),
    ),
    (
        "a label of one's own with a blank",
        detecting("{detector: patterns, patterns: [{label: MY LABEL, regex: x}]}"),
        ("6:53 TG108 Write something of this form: `^[A-Za-z][A-Za-z0-9_.-]{0,63}$`.",),
    ),
    (
        "a keyword twice",
        detecting("{detector: patterns, keywords: {X: [Acme, Globex, ACME]}}"),
        ("6:63 TG605 Remove one of the two.",),
    ),
    ("an empty word list", detecting("{detector: patterns, keywords: {X: []}}"), ("6:48 TG106 Give it an entry.",)),
    (
        "indentation that does not fit",
        HEAD + "rules:\n  - id: a\n   detect: {detector: pii}\n",
        ("6:4 TG004 Check indentation (spaces, no tabs), quotes and brackets near here.",),
    ),
    (
        "a tab",
        HEAD + "rules:\n\t- id: a\n",
        ("5:1 TG004 Check indentation (spaces, no tabs), quotes and brackets near here.",),
    ),
    (
        "a colon in a text without quotes",
        HEAD + "rules:\n  - id: a\n    description: note: this\n",
        ("6:22 TG004 Check indentation (spaces, no tabs), quotes and brackets near here.",),
    ),
    ("a key twice", HEAD + RULE + "    action: block\n" + TEST, ("8:5 TG006 Keep one of the two.",)),
    ("an anchor that is not there", HEAD + "rules: *common\n", ("4:8 TG008 Write the value out.",)),
    (
        "a rule id in a test with a letter too many",
        HEAD + RULE + "tests:\n  - {name: t, output: x, expect: {violations: [aa]}}\n",
        ("9:48 TG502 Did you mean `a`?",),
    ),
    (
        "a violation that is no list",
        HEAD + RULE + "tests:\n  - {name: t, output: x, expect: {violations: a}}\n",
        ("9:47 TG104 Write `[...]`, or one `- ...` a line.",),
    ),
    (
        "a text by another name in a test",
        HEAD + RULE + "tests:\n  - {name: t, text: x, expect: {violations: []}}\n",
        ("9:15 TG101 Did you mean `output`?",),
    ),
    (
        "an expectation outside expect",
        HEAD + RULE + "tests:\n  - {name: t, output: x, violations: [a]}\n",
        ("9:26 TG101 Use one of `name`, `output`, ...",),
    ),
    (
        "an input in a policy for outputs",
        HEAD
        + "match: {directions: [output]}\n"
        + RULE
        + "tests:\n  - {name: t, input: '4111 1111 1111 1111', expect: {violations: [a]}}\n",
        ("10:15 TG609 Write `output` in place of `input`, or add `input` to `match.directions`.",),
    ),
    (
        "an output in a policy for inputs",
        HEAD
        + "match: {directions: [input]}\n"
        + RULE
        + "tests:\n  - {name: t, output: '4111 1111 1111 1111', expect: {violations: [a]}}\n",
        ("10:15 TG609 Write `input` in place of `output`, or add `output` to `match.directions`.",),
    ),
    ("a rule without a test", HEAD + RULE, ("5:9 TG610 Add a test with a text that violates it.",)),
    (
        "a fake that is none",
        HEAD + RULE + "tests:\n  - {name: t, output: '{{fake:aws}}', expect: {leaked: 0}}\n",
        ("9:23 TG503 Did you mean `aws_access_key_id`?",),
    ),
    (
        "the user's words in answers",
        HEAD + "match: {directions: [output]}\n" + RULE.replace("CARD]", "CARD], parts: [user, model]") + TEST,
        ("7:60 TG603 Remove `user`, or add `input` to `match.directions`.",),
    ),
    (
        "a rule that comes too late",
        HEAD
        + RULE.replace("redact", "block")
        + "  - id: b\n    detect: {detector: pii, labels: [CREDIT_CARD]}\n    action: redact\n"
        + TEST,
        ("8:9 TG604 Remove it, or change what one of the two reads, finds or does.",),
    ),
    (
        "the same rule twice",
        HEAD + RULE + RULE.replace("rules:\n", "").replace("id: a", "id: b") + TEST,
        ("8:9 TG605 Remove one of the two.",),
    ),
    (
        "grounding of prompts",
        HEAD
        + "match: {directions: [input]}\nrules:\n  - id: a\n    detect: {detector: grounding}\n    action: annotate\n",
        ("7:24 TG308 Let `match.directions` have `output`.",),
    ),
    (
        "a redaction by a model without waiting",
        HEAD + "stream: {mode: optimistic}\nrules:\n  - id: a\n    detect: {detector: toxicity}\n    action: redact\n",
        ("8:13 TG302 Use `mode: strict`, or the action `block` (it cuts the stream) or `annotate`.",),
    ),
    (
        "a model that is not there",
        detecting("{detector: injection, model: my-model}", "annotate"),
        ("6:42 TG202 There are: tidegate-encoder, tidegate-grounding.",),
    ),
    (
        "two policies where one takes all",
        HEAD + RULE + TEST + "---\n" + HEAD.replace("shop", "tops") + "match: {labels: {app: shop}}\n" + RULE + TEST,
        ("13:18 TG601 Give it a lower `metadata.order`, or the other one a narrower `match`.",),
    ),
)


def test_there_are_many() -> None:
    assert len({name for name, _, _ in MISTAKES}) == len(MISTAKES) >= 80


@pytest.mark.parametrize(("text", "told"), [pytest.param(text, told, id=name) for name, text, told in MISTAKES])
def test_a_mistake_is_told(text: str, told: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    compiled = compile_file(path, public_keys())
    found = [*compiled.errors, *warnings(compiled.policies, date(2026, 11, 29))]
    asked = {each.split()[1] for each in told}
    wanted = [each for each in found if each.code in asked or each.code not in UNLESS_ASKED]
    assert [_shortened(f"{each.line}:{each.column} {each.code} {each.remedy}", told) for each in wanted] == list(told)


def _shortened(line: str, told: tuple[str, ...]) -> str:
    """The line, or what of it stands in the table where a list of keys or labels is cut short there."""
    return next((each for each in told if each.endswith("...") and line.startswith(each[:-3])), line)
