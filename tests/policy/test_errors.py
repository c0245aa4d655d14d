# ruff: noqa: E501 - a message is one line, as its reader sees it
"""What a policy author is told: the exact line, column, path, message and remedy for each way to get a policy wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.errors import PolicyErrors
from sidecar.policy.codes import Code
from sidecar.policy.compiler import compile_file, compile_policy
from sidecar.policy.loader import load_file, load_text, parse_drafts
from sidecar.policy.operators import RedactionKeys
from tests.policy.doubles import CATALOG

HEAD = """\
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: p, version: "1"}
"""
W = "detect: {detector: words, words: {NAME: [Bob]}}"


class Row:
    """A policy that is wrong, and all that is said about it, by line."""

    def __init__(self, name: str, text: str, *errors: str) -> None:
        self.name = name
        self.text = text
        self.errors = errors


ROWS = (
    Row(
        "no policy",
        "# nothing\n",
        "1:1: the file holds no policy. Begin with `apiVersion: tidegate.dev/v1`.",
    ),
    Row(
        "not YAML",
        HEAD + "rules: [\n",
        "5:1: this is not YAML: while parsing a flow node; did not find expected node content. Check indentation (spaces, no tabs), quotes and brackets near here.",
    ),
    Row(
        "a tab for indentation",
        HEAD + "rules:\n\t- id: a\n",
        "5:1: this is not YAML: while scanning for the next token; found character that cannot start any token. Check indentation (spaces, no tabs), quotes and brackets near here.",
    ),
    Row(
        "a list",
        "- 1\n",
        "1:1: a list stands where a mapping belongs. Write `key: value` pairs.",
    ),
    Row(
        "a history of a rule that does not block",
        HEAD + f"rules: [{{id: a, {W}, action: withhold, history: refuse}}]\n",
        "4:93: rules[0].history: `history` says what a rule that blocks does, and this one does `withhold`. Remove `history`, or let the rule block.",
    ),
    Row(
        "a history that does something else",
        HEAD + f"rules: [{{id: a, {W}, action: block, history: refused}}]\n",
        "4:90: rules[0].history: `refused` is not a value of `history`. Did you mean `refuse`?",
    ),
    Row(
        "withholding with other words",
        HEAD + f"rules: [{{id: a, {W}, action: {{withhold: {{text: no}}}}}}]\n",
        "4:86: rules[0].action.withhold.text: unknown key `text`. Only `message` belongs here.",
    ),
    Row(
        "an answer with a history",
        HEAD
        + f"rules: [{{id: a, {W}, action: withhold}}]\ntests: [{{name: t, output: x, history: true, expect: {{output: x}}}}]\n",
        "5:39: tests[0].history: only a request has a history. Write the text as `input`, with its `part`.",
    ),
    Row(
        "calls that wait for nobody",
        HEAD + f"stream: {{tool_calls: whole}}\nrules: [{{id: a, {W[:-1]}, parts: [user]}}, action: block}}]\n",
        "4:22: stream.tool_calls: no rule that blocks or redacts reads calls of tools, so none waits for a verdict. Remove `tool_calls`, or have such a rule read the part `model` on the channel `tool_arguments`.",
    ),
    Row(
        "words of nobody",
        HEAD + f"rules: [{{id: a, {W[:-1]}, parts: [users], channels: [contents]}}, action: annotate}}]\n",
        "4:73: rules[0].detect.parts[0]: `users` is not a value of `parts`. Did you mean `user`?",
        "4:92: rules[0].detect.channels[0]: `contents` is not a value of `channels`. Did you mean `content`?",
    ),
    Row(
        "a rule that reads nobody's words",
        HEAD + f"rules: [{{id: a, {W[:-1]}, parts: []}}, action: annotate}}]\n",
        "4:72: rules[0].detect.parts: `parts` is empty. Give it an entry.",
    ),
    Row(
        "a rule that reads what nobody says",
        HEAD + f"rules: [{{id: a, {W[:-1]}, parts: [user, context], channels: [reasoning]}}, action: annotate}}]\n",
        "4:72: rules[0].detect.parts: it reads nothing: only a model thinks aloud and calls tools. Add `model` to `detect.parts`, or `content` to `detect.channels`.",
    ),
    Row(
        "a rule on users' words in answers",
        HEAD + f"match: {{directions: [output]}}\nrules: [{{id: a, {W[:-1]}, parts: [user]}}, action: annotate}}]\n",
        "5:72: rules[0].detect.parts: it reads nothing: the policy takes outputs only, and no user speaks in them. Add `model` to `detect.parts`, or `input` to `match.directions`.",
    ),
    Row(
        "a notice of another form",
        HEAD + f"stream: {{notice: [paragraph]}}\nrules: [{{id: a, {W}, action: annotate}}]\n",
        "4:18: stream.notice: a list is not a form of `notice`. Write `paragraph`, `annotation`, or `{as: paragraph, text: ...}`.",
    ),
    Row(
        "wrong version of the language",
        HEAD.replace("/v1", "/v2") + f"rules: [{{id: a, {W}, action: annotate}}]\n",
        "1:13: apiVersion: `tidegate.dev/v2` is not what `apiVersion` may be. Write `tidegate.dev/v1`.",
    ),
    Row(
        "a number for a version",
        HEAD.replace('"1"', "1.0") + f"rules: [{{id: a, {W}, action: annotate}}]\n",
        '3:30: metadata.version: `1.0` is not text. Put it in quotes: "1.0".',
    ),
    Row(
        "a name with a space",
        HEAD.replace("name: p", "name: my policy") + f"rules: [{{id: a, {W}, action: annotate}}]\n",
        "3:18: metadata.name: `my policy` cannot be a `name`. Use 1 to 64 letters, digits, `.`, `_` or `-`, beginning and ending with a letter or digit.",
    ),
    Row(
        "an unknown key",
        HEAD + f"rules:\n  - id: a\n    {W}\n    action: annotate\n    severty: high\n",
        "8:5: rules[0].severty: unknown key `severty`. Did you mean `severity`?",
    ),
    Row(
        "a key of a later version",
        HEAD + f"rules:\n  - id: a\n    {W}\n    action: annotate\nexceptions: []\n",
        "8:1: exceptions: unknown key `exceptions`. Use one of `apiVersion`, `kind`, `metadata`, `match`, `stream`, `rollout`, `session`, `rules`, `tests`.",
    ),
    Row(
        "no rules",
        HEAD + "rules: []\n",
        "4:8: rules: `rules` is empty. Give it an entry.",
    ),
    Row(
        "rules are missing",
        HEAD,
        "1:1: rules: `rules` is missing. Add `rules: ...` (what to look for and what to do; order settles ties).",
    ),
    Row(
        "a rule without id",
        HEAD + f"rules:\n  - {W}\n    action: annotate\n",
        "5:5: rules[0].id: `id` is missing. Add `id: ...` (the rule's name in events; unique within the policy).",
    ),
    Row(
        "the same key twice",
        HEAD + f"rules:\n  - id: a\n    {W}\n    action: annotate\n    id: b\n",
        "8:5: rules[0].id: `id` is written twice, first on line 5. Keep one of the two.",
    ),
    Row(
        "a key without a value",
        HEAD + f"rules:\n  - id: a\n    {W}\n    action:\n",
        "7:5: rules[0].action: `action` has no value. Give it one, or remove it.",
    ),
    Row(
        "the same id twice",
        HEAD + f"rules:\n  - {{id: a, {W}, action: annotate}}\n  - {{id: a, {W}, action: block}}\n",
        "6:10: rules[1].id: rules[0] has the id `a` already. Give each rule its own id.",
    ),
    Row(
        "off, the trap of YAML 1.1",
        HEAD + f"stream: {{mode: off}}\nrules:\n  - {{id: a, {W}, action: annotate}}\n",
        "4:16: stream.mode: `off` is not a value of `mode`. Use one of `strict`, `optimistic`.",
    ),
    Row(
        "text for a number",
        HEAD + f"stream: {{max_hold_ms: 400ms}}\nrules:\n  - {{id: a, {W}, action: annotate}}\n",
        "4:23: stream.max_hold_ms: `400ms` is not a whole number. Write a whole number, without quotes.",
    ),
    *(
        Row(
            f"a share as {written}",
            HEAD + f'rules:\n  - {{id: a, detect: {{detector: words, words: {{NAME: [Bob]}}, threshold: "{written}"}},'
            " action: annotate}\n",
            f"5:72: rules[0].detect.threshold: `{written}` is not a number. Write {meant}, without quotes.",
        )
        for written, meant in (("80%", "0.8"), ("0,5", "0.5"), ("0.7", "0.7"), ("12,5 %", "0.125"))
    ),
    Row(
        "a technique of ATLAS that is misspelt",
        HEAD + f"rules:\n  - {{id: a, {W}, action: annotate, tags: {{atlas: [AML.T0O51]}}}}\n",
        "5:95: rules[0].tags.atlas[0]: `atlas` has no entry `AML.T0O51`. Did you mean `AML.T0051` (LLM Prompt Injection)?",
    ),
    Row(
        "an unknown direction",
        HEAD + f"match: {{directions: [outputs]}}\nrules:\n  - {{id: a, {W}, action: annotate}}\n",
        "4:22: match.directions[0]: `outputs` is not a value of `directions`. Did you mean `output`?",
    ),
    Row(
        "a misspelt severity",
        HEAD + f"rules:\n  - {{id: a, {W}, action: annotate, severity: hihg}}\n",
        "5:90: rules[0].severity: `hihg` is not a value of `severity`. Did you mean `high`?",
    ),
    Row(
        "an unknown action",
        HEAD + f"rules:\n  - {{id: a, {W}, action: blok}}\n",
        "5:70: rules[0].action: `blok` is not a value of `action`. Did you mean `block`?",
    ),
    Row(
        "a long form of annotate",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{annotate: {{}}}}}}\n",
        "5:70: rules[0].action: `annotate` takes no settings. Write `action: annotate`.",
    ),
    Row(
        "block and redact together",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{block: {{}}, redact: {{with: label}}}}}}\n",
        "5:82: rules[0].action.redact: an action is one of `redact`, `withhold` and `block`, not several. Keep one, or write two rules: the stronger action wins.",
    ),
    Row(
        "an unknown operator",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: masc}}}}}}\n",
        "5:86: rules[0].action.redact.with: `masc` is not a value of `with`. Did you mean `mask`?",
    ),
    Row(
        "no operator",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{redact: {{keep_last: 4}}}}}}\n",
        "5:79: rules[0].action.redact.with: `with` is missing. Add `with: label`, `mask`, `hash`, `pseudonym`, `text`, `remove` or `stand_in`.",
    ),
    Row(
        "a misspelt option of an operator",
        HEAD + f"rules:\n  - id: a\n    {W}\n    action: {{redact: {{with: mask, keeplast: 4}}}}\n",
        "7:35: rules[0].action.redact.keeplast: unknown key `keeplast`. Did you mean `keep_last`?",
    ),
    Row(
        "an option of another operator",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: label, keep_last: 4}}}}}}\n",
        "5:93: rules[0].action.redact.keep_last: unknown key `keep_last`. Use one of `by_label`, `in_tool_arguments`, `form`, `words`, `with`.",
    ),
    Row(
        "an operator for a label that the rule does not act on",
        HEAD
        + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: mask, by_label: {{NAMES: {{with: label}}}}}}}}}}\n",
        "5:103: rules[0].action.redact.by_label.NAMES: the rule acts on no label `NAMES`. Did you mean `NAME`?",
    ),
    Row(
        "an operator by label within one",
        HEAD
        + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: mask, by_label: {{NAME: {{with: stand_in}}}}}}}}}}\n",
        "5:116: rules[0].action.redact.by_label.NAME.with: `stand_in` is not a value of `with`. Use one of `mask`, `label`, `hash`, `pseudonym`, `text`, `remove`.",
    ),
    Row(
        "calls of tools by label",
        HEAD
        + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: mask, by_label: {{NAME: {{with: label, in_tool_arguments: keep}}}}}}}}}}\n",
        "5:123: rules[0].action.redact.by_label.NAME.in_tool_arguments: `in_tool_arguments` is said for the whole rule. Say it beside `by_label`.",
    ),
    Row(
        "a message for some languages alone",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{block: {{message: {{de: nein, fr: non}}}}}}}}\n",
        "5:79: rules[0].action.block.message: readers of other languages are told nothing. Add `en`, the policy's language, or `default`.",
    ),
    Row(
        "a message in no language",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{block: {{message: {{English: no}}}}}}}}\n",
        "5:98: rules[0].action.block.message.English: `English` cannot be a key here. Write a language as `en`, `de` or `pt-BR`, or `default`.",
    ),
    Row(
        "a message that is a list",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{block: {{message: [no]}}}}}}\n",
        "5:88: rules[0].action.block.message: a list is not a form of `message`. Write a text, or one for each language: `{en: ..., pt-BR: ..., default: ...}`.",
    ),
    Row(
        "a notice for some languages alone",
        HEAD
        + f"stream: {{notice: {{as: paragraph, text: {{de: geändert}}}}}}\nrules:\n  - {{id: a, {W}, action: redact}}\n",
        "4:34: stream.notice.text: readers of other languages are told nothing. Add `en`, the policy's language, or `default`.",
    ),
    Row(
        "requires: no way to count, two ways, and numbers out of bounds",
        HEAD
        + "rules:\n"
        + f"  - {{id: a, {W}, action: redact, requires: {{within: 3}}}}\n"
        + f"  - {{id: b, {W}, action: redact, requires: {{any: [a], all: [a]}}}}\n"
        + f"  - {{id: c, {W}, action: redact, requires: {{any: [a], at_least: 0, within: -1}}}}\n"
        + f"  - {{id: d, {W}, action: redact, requires: {{any: [], at_least: 129}}}}\n"
        + f"  - {{id: e, {W}, action: redact, requires: {{any: [a], at_least: 3, at_most: 2}}}}\n",
        "5:88: rules[0].requires: nothing is required. State one of `any` and `all`.",
        "6:88: rules[1].requires: `any` and `all` are two ways to count. State one of `any` and `all`.",
        "7:109: rules[2].requires.at_least: `0` is too small. Write 1 or more.",
        "7:120: rules[2].requires.within: `-1` is too small. Write 0 or more.",
        "8:94: rules[3].requires.any: `any` is empty. Give it an entry.",
        "8:108: rules[3].requires.at_least: `129` is too large. Write 128 or less.",
        "9:88: rules[4].requires: `at_most` is less than `at_least`, so this never holds. Raise `at_most`.",
    ),
    Row(
        "requires: what no rule is called or finds",
        HEAD + f"rules: [{{id: bobs, {W}, action: redact, requires: {{all: [NAMES, bob, PLACE]}}}}]\n",
        "4:102: rules[0].requires.all[0]: no rule of the policy is called, or finds, `NAMES`. Did you mean `NAME`?",
        "4:109: rules[0].requires.all[1]: no rule of the policy is called, or finds, `bob`. Did you mean `bobs`?",
        "4:114: rules[0].requires.all[2]: no rule of the policy is called, or finds, `PLACE`. Add a rule that finds it, with `action: allow`.",
    ),
    Row(
        "requires: what always holds",
        HEAD + f"rules: [{{id: bobs, {W}, action: redact, requires: {{any: [NAME]}}}}]\n",
        "4:85: rules[0].requires: this always holds: what the rule finds counts itself. Raise `at_least`, or say `at_most`.",
    ),
    Row(
        "requires: a rule that requires something itself, one for some sessions, and one that reads something else",
        HEAD
        + "rules:\n"
        + f"  - {{id: a, {W}, action: redact, requires: {{any: [b, c, d]}}}}\n"
        + f"  - {{id: b, {W}, action: redact, requires: {{any: [a]}}}}\n"
        + f"  - {{id: c, {W}, action: redact, session: {{has: [sends]}}}}\n"
        + "  - {id: d, detect: {detector: words, words: {CITY: [Rome]}, parts: [user]}, action: redact, requires: {any: [e]}}\n"
        + "  - {id: e, detect: {detector: words, words: {TOWN: [Bonn]}, parts: [context]}, action: redact}\n",
        "5:95: rules[0].requires.any[0]: rule `b` `requires` something itself, so it cannot be counted. Count a rule that always acts.",
        "5:98: rules[0].requires.any[1]: rule `c` insists on a session itself, so it cannot be counted. Count a rule that always acts.",
        "5:101: rules[0].requires.any[2]: rule `d` `requires` something itself, so it cannot be counted. Count a rule that always acts.",
        "6:95: rules[1].requires.any[0]: rule `a` `requires` something itself, so it cannot be counted. Count a rule that always acts.",
        "8:111: rules[3].requires.any[0]: rule `e` reads none of the texts that this rule reads. Let both read the same.",
    ),
    Row(
        "requires: a model for which nothing waits",
        HEAD
        + "stream: {mode: optimistic}\nrules:\n"
        + f"  - {{id: a, {W}, action: redact, requires: {{any: [angry]}}}}\n"
        + "  - {id: b, detect: {detector: tone}, action: annotate, requires: {any: [a, b], at_least: 2}}\n"
        + "  - {id: c, detect: {detector: tone}, action: annotate}\n",
        "6:95: rules[0].requires.any[0]: rule `b` `requires` something itself, so it cannot be counted. Count a rule that always acts.",
        "7:67: rules[1].requires: in optimistic mode text leaves before `tone` answers, so nothing is known in time. Use `mode: strict`, or leave `requires` out.",
        "7:74: rules[1].requires.any[0]: rule `a` `requires` something itself, so it cannot be counted. Count a rule that always acts.",
    ),
    Row(
        "an escalation to which nothing leads",
        HEAD
        + f"session: {{escalation: [{{id: e, after: {{violations: 3, within: 10m}}, for: 10m}}]}}\nrules: [{{id: a, {W}, action: redact}}]\n",
        "4:39: session.escalation[0].after: no rule adds risk, so nothing leads to this. Give a rule `risk: 1`.",
    ),
    Row(
        "an escalation of a severity that no rule has",
        HEAD
        + f"session: {{escalation: [{{id: e, after: {{violations: 3, within: 10m, severity: critical}}, for: 10m}}]}}\nrules: [{{id: a, {W}, action: redact, risk: 1}}]\n",
        "4:78: session.escalation[0].after.severity: no rule that adds risk has the severity `critical`. Name a lower one, or remove `severity`.",
    ),
    Row(
        "an escalation that is called as a rule is",
        HEAD
        + f"session: {{escalation: [{{id: a, after: {{risk: 3}}, for: 10m, message: {{de: halt}}}}]}}\nrules: [{{id: a, {W}, action: redact, risk: 1}}]\n",
        "4:29: session.escalation[0].id: a rule, or another escalation, has the id `a` already. Give each its own id.",
        "4:60: session.escalation[0].message: readers of other languages are told nothing. Add `en`, the policy's language, or `default`.",
    ),
    Row(
        "escalations that say half of what they mean, and times that are none",
        HEAD
        + "session:\n  half_life: 10\n  escalation:\n"
        + "  - {id: e, after: {violations: 3}, for: 10m}\n"
        + "  - {id: f, after: {within: 3m, risk: 1}, for: 10m}\n"
        + "  - {id: g, after: {}, for: 10 minutes}\n"
        + "  - {id: h, after: {risk: 1, severity: low}, for: 31d}\n"
        + "  - {id: i, after: {violations: 101, within: 3m}, for: 0s}\n"
        + f"rules: [{{id: a, {W}, action: redact, risk: 1}}]\n",
        "5:14: session.half_life: `10` is no time. Write its unit: `10s`, `10m`, `10h` or `10d`.",
        "7:20: session.escalation[0].after: `violations` goes with `within`. Add `within`.",
        "8:20: session.escalation[1].after: `within` goes with `violations`. Add `violations`.",
        "9:20: session.escalation[2].after: this is always so. State `violations` with `within`, or `risk`.",
        "9:29: session.escalation[2].for: this is no time from a second to 30 days. Write `30s`, `10m`, `2h` or `1d`.",
        "10:40: session.escalation[3].after.severity: `severity` says which `violations` count, and none are counted. Remove `severity`, or add `violations`.",
        "10:51: session.escalation[3].for: this is no time from a second to 30 days. Write `30s`, `10m`, `2h` or `1d`.",
        "11:33: session.escalation[4].after.violations: `101` is too large. Write 100 or less.",
        "11:56: session.escalation[4].for: this is no time from a second to 30 days. Write `30s`, `10m`, `2h` or `1d`.",
    ),
    Row(
        "marks and conditions that there are not",
        HEAD + f"rules: [{{id: a, {W}, action: redact, risk: 0, marks: [secret], session: {{}}}}]\n",
        "4:88: rules[0].risk: `0` is too small. Write 0.01 or more.",
        "4:99: rules[0].marks[0]: `secret` is not a value of `marks`. Use one of `untrusted`, `sensitive`, `sends`.",
        "4:117: rules[0].session: this holds in every session. State `has`, `risk` or `violations`.",
    ),
    Row(
        "a condition on what is not read",
        HEAD
        + "match: {directions: [input]}\n"
        + "rules: [{id: a, detect: {detector: words, words: {NAME: [Bob]}, parts: [model]}, action: redact, session: {risk: 3}}]\n",
        "5:98: rules[0].session: what a model said earlier was judged then, so in requests this reads nothing. Let `match.directions` have `output`, or add a part to `detect.parts`.",
    ),
    Row(
        "strangers who speak in answers",
        HEAD
        + f"match: {{directions: [output]}}\nsession: {{untrusted: [tool_result]}}\nrules: [{{id: a, {W}, action: redact}}]\n",
        "5:22: session.untrusted: the policy takes outputs only, and strangers speak in requests. Remove it, or add `input` to `match.directions`.",
    ),
    Row(
        "advice without a note",
        HEAD + f"rules: [{{id: a, {W}, action: advise}}, {{id: b, {W}, action: {{advise: {{}}}}}}]\n",
        "4:74: rules[0].action: `advise` needs what the model is told. Write `action: {advise: {note: ...}}`.",
        "4:157: rules[1].action.advise.note: `note` is missing. Add `note: ...` (what the model is told, in its instructions: the proxy and Envoy put it there, over gRPC the application does).",
    ),
    Row(
        "a note where its settings belong, and settings with another key",
        HEAD
        + f"rules: [{{id: a, {W}, action: {{advise: Be kind}}}}, {{id: b, {W}, action: {{advise: {{text: x}}}}}}]\n",
        "4:83: rules[0].action.advise: `Be kind` is not a mapping. Write `{note: Be kind}`.",
        "4:169: rules[1].action.advise.text: unknown key `text`. Only `note` belongs here.",
    ),
    Row(
        "a share where a canary belongs, and a truth value where a condition does",
        HEAD + f"rules: [{{id: a, {W}, action: redact, when: true, enforcement: {{canary: 10}}}}]\n",
        '4:88: rules[0].when: `true` is not text. Put it in quotes: "true".',
        "4:116: rules[0].enforcement.canary: `10` is not a mapping. Write `{percent: 10}`.",
    ),
    Row(
        "advice for who has spoken",
        HEAD
        + "rules: [{id: a, detect: {detector: words, words: {NAME: [Bob]}, parts: [user, model]}, action: {advise: {note: x}}}]\n",
        "4:72: rules[0].detect.parts: it reads what a model said, which takes no advice any more. Have it read `user`, `context` or `tool_result` in `detect.parts`.",
    ),
    Row(
        "advice in answers",
        HEAD + f"match: {{directions: [output]}}\nrules: [{{id: a, {W}, action: {{advise: {{note: x}}}}}}]\n",
        "5:74: rules[0].action: the policy takes outputs only: the model has answered by then, and takes no advice. Add `input` to `match.directions`, or let the rule annotate, redact or block.",
    ),
    Row(
        "advice that would hold text",
        HEAD + f"rules: [{{id: a, {W}, action: {{advise: {{note: x}}}}, on_error: fail_closed}}]\n",
        "4:105: rules[0].on_error: text does not wait for a rule that does `advise`, so it cannot fail closed. Remove `on_error`, or let the rule block or redact.",
    ),
    Row(
        "words for a label that the rule does not act on",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: label, words: {{NAMES: people}}}}}}}}\n",
        "5:101: rules[0].action.redact.words.NAMES: the rule acts on no label `NAMES`. Did you mean `NAME`?",
    ),
    Row(
        "words that are markup",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: label, words: {{A: <b>}}}}}}}}\n",
        "5:104: rules[0].action.redact.words.A: words are letters, digits, blanks and hyphens. Leave other characters out.",
    ),
    Row(
        "a redaction of calls that leaves them",
        HEAD + f"rules:\n  - {{id: a, {W[:-1]}, channels: [content, tool_arguments]}}, action: redact}}\n",
        "5:81: rules[0].detect.channels[1]: a redaction leaves what a model hands to tools, so it does nothing there. "
        "Say `in_tool_arguments: replace` in `redact`, use `with: stand_in`, or leave `tool_arguments` out.",
    ),
    Row(
        "words that nothing shows",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: label, form: name, words: {{A: b}}}}}}}}\n",
        "5:112: rules[0].action.redact.words: `form: name` shows the labels, so `words` are not used. Remove `words` or `form`.",
    ),
    Row(
        "an invisible mask",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: mask, char: ' '}}}}}}\n",
        "5:98: rules[0].action.redact.char: `char` must be a visible character. Use `•`, `x` or `*`, for example.",
    ),
    Row(
        "hash without a key",
        HEAD + f"rules:\n  - {{id: a, {W}, action: {{redact: {{with: hash}}}}}}\n",
        "5:86: rules[0].action.redact.with: `hash` needs the redaction key, and none is configured. Set `keys.redaction` or `keys.redaction_file` in the configuration, or use `mask`, `label` or `remove`.",
    ),
    Row(
        "an unknown detector",
        HEAD + "rules:\n  - {id: a, detect: {detector: word}, action: annotate}\n",
        "5:32: rules[0].detect.detector: there is no detector `word`. Did you mean `words`?",
    ),
    Row(
        "a detector that cannot be loaded",
        HEAD + "rules:\n  - {id: a, detect: {detector: broken}, action: annotate}\n",
        "5:32: rules[0].detect.detector: the detector `broken` cannot be used: its model is not there. Install what it needs, or leave it out.",
    ),
    Row(
        "no detector",
        HEAD + "rules:\n  - {id: a, detect: {labels: [NAME]}, action: annotate}\n",
        "5:21: rules[0].detect.detector: `detector` is missing. Add `detector: ...` (the detector's name).",
    ),
    Row(
        "an unknown parameter",
        HEAD + "rules:\n  - {id: a, detect: {detector: words, wordz: {}}, action: annotate}\n",
        "5:39: rules[0].detect.wordz: unknown key `wordz`. Did you mean `words`?",
    ),
    Row(
        "a parameter of the wrong kind",
        HEAD + "rules:\n  - {id: a, detect: {detector: words, words: {NAME: Bob}}, action: annotate}\n",
        "5:53: rules[0].detect.words.NAME: `Bob` is not a list. Write `[...]`, or one `- ...` a line.",
    ),
    Row(
        "a parameter the detector refuses",
        HEAD
        + "rules:\n  - id: a\n    detect:\n      detector: words\n      words:\n        NAME: [Bob, ' ']\n    action: annotate\n",
        "9:21: rules[0].detect.words.NAME[1]: a word must have letters. Correct the detector's parameters.",
    ),
    Row(
        "an unknown label",
        HEAD + "rules:\n  - {id: a, detect: {detector: tone, labels: {angri: 0.5}}, action: annotate}\n",
        "5:47: rules[0].detect.labels.angri: the detector `tone` has no label `angri` with these parameters. Did you mean `angry`?",
    ),
    Row(
        "an unknown label in a list",
        HEAD + "rules:\n  - {id: a, detect: {detector: tone, labels: [rude, ANGRY]}, action: annotate}\n",
        "5:53: rules[0].detect.labels[1]: the detector `tone` has no label `ANGRY` with these parameters. Did you mean `angry`?",
    ),
    Row(
        "a label twice",
        HEAD + "rules:\n  - {id: a, detect: {detector: tone, labels: [rude, rude]}, action: annotate}\n",
        "5:53: rules[0].detect.labels[1]: `rude` is listed twice. Keep one of the two.",
    ),
    Row(
        "a threshold over 1",
        HEAD + "rules:\n  - {id: a, detect: {detector: tone, labels: {rude: 85}}, action: annotate}\n",
        "5:53: rules[0].detect.labels.rude: `85` is too large. Write 1 or less.",
    ),
    Row(
        "two ways to state a threshold",
        HEAD + "rules:\n  - {id: a, detect: {detector: tone, labels: {rude: 0.8}, threshold: 0.9}, action: annotate}\n",
        "5:70: rules[0].detect.threshold: `labels` states the least scores already. Keep one: a list of labels with `threshold`, or a score for each label.",
    ),
    Row(
        "redaction of what has left",
        HEAD + "stream: {mode: optimistic}\nrules:\n  - {id: a, detect: {detector: tone}, action: redact}\n",
        "6:47: rules[0].action: in optimistic mode text leaves before `tone` answers, so it cannot be redacted. Use `mode: strict`, or the action `block` (it cuts the stream) or `annotate`.",
    ),
    Row(
        "a hold longer than the stream's",
        HEAD + "rules:\n  - {id: a, detect: {detector: words, words: {NAME: [Bob]}, hold: 20000}, action: redact}\n",
        "5:21: rules[0].detect: `words` may hold back 20002 characters, the stream at most 16384. Raise `stream.max_held_chars` to 20002 or more.",
    ),
    Row(
        "calls that wait for nothing",
        HEAD + f"stream: {{tool_calls: whole}}\nrules:\n  - {{id: a, {W}, action: annotate}}\n",
        "4:22: stream.tool_calls: no rule blocks or redacts, so no call of a tool waits for a verdict. Remove `tool_calls`, or add such a rule.",
    ),
    Row(
        "annotate that fails closed",
        HEAD + f"rules:\n  - {{id: a, {W}, action: annotate, on_error: fail_closed}}\n",
        "5:90: rules[0].on_error: text does not wait for a rule that does `annotate`, so it cannot fail closed. Remove `on_error`, or let the rule block or redact.",
    ),
    Row(
        "a match of the default policy",
        HEAD.replace("name: p,", "name: default,")
        + f"match: {{directions: [output]}}\nrules:\n  - {{id: a, {W}, action: annotate}}\n",
        "4:1: match: the policy named `default` takes every stream that no other policy takes. Remove `match`, or give the policy another name.",
    ),
    Row(
        "a test of an unknown rule",
        HEAD
        + f"rules:\n  - {{id: no-names, {W}, action: annotate}}\ntests:\n  - {{name: t, output: x, expect: {{violations: [no-name]}}}}\n",
        "7:48: tests[0].expect.violations[0]: there is no rule `no-name`. Did you mean `no-names`?",
    ),
    Row(
        "a test that cannot fail",
        HEAD + f"rules:\n  - {{id: a, {W}, action: annotate}}\ntests:\n  - {{name: t, output: x, expect: {{}}}}\n",
        "7:34: tests[0].expect: this test expects nothing, so it cannot fail. State at least `output` or `violations`.",
    ),
    Row(
        "a test with two texts",
        HEAD
        + f"rules:\n  - {{id: a, {W}, action: annotate}}\ntests:\n  - {{name: t, output: x, input: x, expect: {{leaked: 0}}}}\n",
        "7:5: tests[0]: a test has one text, this one has 2. State exactly one of `output`, `input`, `chunks` and `turns`.",
    ),
    Row(
        "a test with an unknown fake",
        HEAD
        + f"rules:\n  - {{id: a, {W}, action: annotate}}\ntests:\n  - {{name: t, output: '{{{{fake:github}}}}', expect: {{leaked: 0}}}}\n",
        "7:23: tests[0].output: there is no fake `github`. Did you mean `github_token`?",
    ),
    Row(
        "merge keys",
        HEAD + f"rules:\n  - &a {{id: a, {W}, action: annotate}}\n  - {{<<: *a, id: b}}\n",
        "6:6: rules[1]: merge keys (`<<`) are not part of the language. Write the keys out.",
        "6:6: rules[1].detect: `detect` is missing. Add `detect: ...` (what to look for).",
        "6:6: rules[1].action: `action` is missing. Add `action: ...` (what is done to the text: allow < annotate < redact < withhold < block; the strongest wins on the same text).",
    ),
    Row(
        "a tag",
        HEAD + f"rules:\n  - {{id: !name a, {W}, action: annotate}}\n",
        "5:10: rules[0].id: the tag `!name` is not part of the language. Write the value without a tag.",
    ),
    Row(
        "half a character",
        HEAD + f'rules:\n  - {{id: "\\uD800", {W}, action: annotate}}\n',
        "5:13: this is not YAML: while parsing a quoted scalar; found invalid Unicode character escape code. Check indentation (spaces, no tabs), quotes and brackets near here.",
    ),
    Row(
        "an alias to itself",
        HEAD + "rules: &r [*r]\n",
        "4:12: `*r` stands in what it stands for. Write the value out.",
    ),
    Row(
        "two policies with one name",
        (HEAD + f"rules: [{{id: a, {W}, action: annotate}}]\n")
        + "---\n"
        + (HEAD + f"rules: [{{id: a, {W}, action: annotate}}]\n"),
        "8:18: metadata.name: the file has a policy named `p` already. Give each policy its own name.",
    ),
)


def said_about(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    errors = compile_file(path, None, catalog=CATALOG).errors
    return [str(error).removeprefix(f"{path}:") for error in errors]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_a_wrong_policy_is_told_where_and_what_to_do(row: Row, tmp_path: Path) -> None:
    assert said_about(tmp_path / "p.yaml", row.text) == list(row.errors)


def test_every_error_names_its_file_and_place(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    for row in ROWS:
        path.write_text(row.text, encoding="utf-8")
        for error in compile_file(path, None, catalog=CATALOG).errors:
            assert (error.file, error.line > 0, error.column > 0, bool(error.remedy)) == (str(path), True, True, True)
            assert error.code in set(Code)


def test_all_errors_of_a_file_come_together_those_of_words_and_those_of_detectors(tmp_path: Path) -> None:
    text = f"""{HEAD}strem: {{}}
rules:
  - {{id: a, detect: {{detector: wrds}}, action: annotate}}
  - {{id: b, {W}, action: blok}}
---
{HEAD.replace("name: p", "name: q")}rules:
  - {{id: a, detect: {{detector: tone, labels: [ruder]}}, action: annotate}}
"""
    assert [line.split(": ")[:2] for line in said_about(tmp_path / "p.yaml", text)] == [
        ["4:1", "strem"],
        ["6:32", "rules[0].detect.detector"],
        ["7:70", "rules[1].action"],
        ["13:47", "rules[0].detect.labels[0]"],
    ]


def test_a_file_that_cannot_be_read_is_an_error_of_that_file(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors, match="cannot be read: No such file or directory"):
        load_file(tmp_path / "none.yaml")


def test_a_file_that_is_not_utf8_is_told_the_line(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"apiVersion: tidegate.dev/v1\nkind: \xff\n")
    with pytest.raises(PolicyErrors) as caught:
        load_file(path)
    assert (caught.value.line, caught.value.message) == (2, "this is not UTF-8 text")


def test_deep_nesting_is_refused_without_a_traceback(tmp_path: Path) -> None:
    said = said_about(tmp_path / "p.yaml", "rules: " + "[" * 500 + "]" * 500)
    assert said == ["1:48: the file is nested too deeply. Keep it to 40 levels."]


def test_a_file_of_doubling_aliases_is_refused_in_bounded_work(tmp_path: Path) -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(
        f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]\n" for number in range(1, 12)
    )
    said = said_about(tmp_path / "p.yaml", laughs)
    assert said == [
        "6:20: the document holds more than 100,000 values, what aliases stand for included. Split it, or use fewer aliases."
    ]


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    assert said_about(tmp_path / "p.yaml", "#" * 1_048_577) == ["1:1: the file is larger than 1 MiB. Split it."]


def test_a_right_policy_has_no_errors_and_compile_policy_raises_those_of_a_wrong_one() -> None:
    (right,) = load_text(f"{HEAD}rules:\n  - {{id: a, {W}, action: {{redact: {{with: hash}}}}}}\n")
    keys = RedactionKeys.derive(b"k" * 32)
    assert compile_policy(right, keys, catalog=CATALOG).name == "p"
    with pytest.raises(PolicyErrors, match="`hash` needs the redaction key"):
        compile_policy(right, None, catalog=CATALOG)


PIECES = st.sampled_from(
    ["\n", "\t", "\x00", "\x85", "\u2028", "\ufeff", "...\n", '"\\uD800"', "9" * 30]
) | st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        ",",
        "- ",
        "&a ",
        "*a",
        "!!int x",
        "'",
        '"',
        "|",
        "<<: ",
        "null",
        "1e9",
        ".nan",
        "---\n",
        "%YAML 1.1\n",
    ]
)


@settings(max_examples=60, deadline=None)
@given(edits=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12), PIECES), min_size=1, max_size=4))
def test_whatever_a_file_holds_it_compiles_or_says_where_it_does_not(edits: list[tuple[int, int, str]]) -> None:
    text = f"{HEAD}rules:\n  - {{id: a, {W}, action: {{redact: {{with: mask}}}}}}\ntests:\n  - {{name: t, output: x}}\n"
    for place, cut, piece in edits:
        text = text[:place] + piece + text[place + cut :]
    for draft in parse_drafts(text, file="p.yaml"):
        for error in draft.errors:
            assert (error.file, error.line > 0, error.column > 0, bool(error.remedy)) == ("p.yaml", True, True, True)


def test_a_mistake_hides_no_other(tmp_path: Path) -> None:
    """One in each part of a policy, several in one rule, and one in what a wrong rule looks for."""
    text = f"""apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: default, version: 1}}
match: {{directions: [output]}}
stream: {{mode: optimistc}}
rules:
  - {{id: a, {W}, action: annotate, severty: high, on_error: fail_closed}}
  - {{id: b, detect: {{detector: tone, labels: [angri], parts: [users]}}, action: blok}}
  - {{id: a, detect: {{detector: words, words: {{NAME: [' ']}}}}, severity: hihg, action: annotate}}
tests:
  - {{name: t, output: x, outputs: y, expect: {{violations: [c]}}}}
  - {{name: t, output: '{{{{fake:gihub_token}}}}', expect: {{}}}}
  - {{name: t, output: '{{{{fake:gihub_token}}}}', expect: {{blocked: b}}}}
---
{HEAD}rules: [{{id: a, {W}, action: annotat}}]
"""
    told = [(line.split(": ")[0], line.split(": ")[1]) for line in said_about(tmp_path / "p.yaml", text)]
    assert told == [
        ("3:36", "metadata.version"),
        ("4:1", "match"),
        ("5:16", "stream.mode"),
        ("7:80", "rules[0].severty"),
        ("7:105", "rules[0].on_error"),
        ("8:47", "rules[1].detect.labels[0]"),
        ("8:63", "rules[1].detect.parts[0]"),
        ("8:80", "rules[1].action"),
        ("9:10", "rules[2].id"),
        ("9:54", "rules[2].detect.words.NAME[0]"),
        ("9:72", "rules[2].severity"),
        ("11:26", "tests[0].outputs"),
        ("11:60", "tests[0].expect.violations[0]"),
        ("12:55", "tests[1].expect"),
        ("13:12", "tests[2].name"),
        ("13:23", "tests[2].output"),
        ("18:74", "rules[0].action"),
    ]


def test_a_document_that_is_no_yaml_hides_no_other(tmp_path: Path) -> None:
    right = HEAD + f"rules: [{{id: a, {W}, action: annotate}}]\n"
    wrong = right.replace("annotate", "annotat")
    text = f"{wrong}---\nrules: [\n---\n{wrong.replace('name: p', 'name: q')}---\nid: 'never ends\n--- # next\n{wrong}"
    told = [line.split(": ")[0] for line in said_about(tmp_path / "p.yaml", text)]
    assert told == ["4:74", "7:1", "11:74", "14:1", "17:18", "18:74"]


def test_ever_more_documents_that_are_no_yaml_are_not_read_for_ever(tmp_path: Path) -> None:
    told = said_about(tmp_path / "p.yaml", "---\nrules: [\n" * 2000)
    assert 0 < len(told) <= 20
