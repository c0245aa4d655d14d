"""From a policy's words to a plan: defaults, short forms, thresholds, shared detectors."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from detectors import registry
from detectors.base import EVERYTHING, Params, Reads, default_reads
from sidecar.errors import PolicyErrors
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_file, compile_policy
from sidecar.policy.facts import StreamFacts
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Notice, Plan, RulePlan
from sidecar.values import Action, Channel, Direction, Enforcement, FailMode, Lane, Mode, Part, Severity
from sidecar.wording.languages import Language
from sidecar.wording.messages import changed
from tests.policy.doubles import CATALOG

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\n'
WORDS = "{detector: words, words: {NAME: [Bob], PLACE: [Bern]}}"

REPLACING = "{redact: {with: label, in_tool_arguments: replace}}"


def compiled(*rules: str, head: str = "") -> Plan:
    text = HEAD + head + "\nrules:\n" + "".join(f"  - {rule}\n" for rule in rules)
    (loaded,) = load_text(text)
    return compile_policy(loaded, public_keys(), catalog=CATALOG)


def rule_with(**parts: str) -> RulePlan:
    stream = parts.pop("stream", "{}")
    words = {"id": "r", "detect": WORDS, "action": "annotate"} | parts
    body = ", ".join(f"{key}: {value}" for key, value in words.items())
    return compiled("{" + body + "}", head=f"stream: {stream}").rules[0]


@pytest.mark.parametrize(
    ("action", "decided", "text", "stand_in"),
    [
        pytest.param("allow", Action.ALLOW, None, None, id="allow"),
        pytest.param("annotate", Action.ANNOTATE, None, None, id="annotate"),
        pytest.param("block", Action.BLOCK, None, None, id="block"),
        pytest.param("{block: {}}", Action.BLOCK, None, None, id="block, long"),
        pytest.param("{block: {message: Sorry.}}", Action.BLOCK, "Sorry.", None, id="block with a message"),
        pytest.param("redact", Action.REDACT, None, "‹name›", id="redact alone means label"),
        pytest.param("{redact: {with: label}}", Action.REDACT, None, "‹name›", id="label"),
        pytest.param("{redact: {with: label, form: name}}", Action.REDACT, None, "<NAME>", id="label by its name"),
        pytest.param(
            "{redact: {with: label, words: {NAME: a customer}}}", Action.REDACT, None, "‹a-customer›", id="own words"
        ),
        pytest.param("{redact: {with: mask, keep_first: 1}}", Action.REDACT, None, "B••", id="mask"),
        pytest.param("{redact: {with: mask, char: '#'}}", Action.REDACT, None, "###", id="mask with a character"),
        pytest.param("{redact: {with: remove}}", Action.REDACT, None, "", id="remove"),
        pytest.param("{redact: {with: hash, length: 8}}", Action.REDACT, None, "‹name-a512558c›", id="hash"),
        pytest.param(
            "{redact: {with: hash, length: 8, form: name}}", Action.REDACT, None, "<NAME#a512558c>", id="hash by name"
        ),
        pytest.param(
            "{redact: {with: pseudonym, form: name}}",
            Action.REDACT,
            None,
            "[NAME#Z6k1FANS8Jjq9SnMoF_RIV-lXw]",
            id="pseudonym",
        ),
    ],
)
def test_forms_of_an_action(action: str, decided: Action, text: str | None, stand_in: str | None) -> None:
    rule = rule_with(action=action)
    assert (rule.action, rule.message) == (decided, text)
    assert (rule.rewrite("Bob", "NAME", "session") if rule.rewrite else None) == stand_in


def test_a_label_has_an_operator_of_its_own() -> None:
    rule = rule_with(
        detect=WORDS, action="{redact: {with: remove, by_label: {NAME: {with: mask}, PLACE: {with: pseudonym}}}}"
    )
    assert rule.rewrite is not None
    assert rule.rewrite("Bob", "OTHER", "session") == ""
    assert rule.by_label["NAME"].rewrite("Bob", "NAME", "session") == "•••"
    assert {label: own.is_reversible for label, own in rule.by_label.items()} == {"NAME": False, "PLACE": True}


def test_a_message_is_said_in_the_languages_of_the_policy_and_of_readers() -> None:
    texts = "{default: Stopped., de: Angehalten., pt-BR: Parado.}"
    rule = rule_with(action=f"{{block: {{message: {texts}}}}}")
    assert rule.message == "Stopped."
    assert rule.translations == {"default": "Stopped.", "de": "Angehalten.", "pt-br": "Parado."}


@pytest.mark.parametrize(
    ("detect", "thresholds"),
    [
        pytest.param("{detector: tone}", {"angry": 0.5, "rude": 0.7}, id="all, as recommended"),
        pytest.param("{detector: tone, threshold: 0.9}", {"angry": 0.9, "rude": 0.9}, id="all, one threshold"),
        pytest.param("{detector: tone, labels: [rude]}", {"rude": 0.7}, id="some, as recommended"),
        pytest.param("{detector: tone, labels: [rude], threshold: 1}", {"rude": 1.0}, id="some, one threshold"),
        pytest.param(
            "{detector: tone, labels: {rude: 0.85, angry: 0}}", {"rude": 0.85, "angry": 0.0}, id="each its own"
        ),
        pytest.param(WORDS, {"NAME": 0.5, "PLACE": 0.5}, id="labels that the parameters make"),
    ],
)
def test_thresholds(detect: str, thresholds: dict[str, float]) -> None:
    assert dict(rule_with(detect=detect).thresholds) == thresholds


OPEN, CLOSED = FailMode.FAIL_OPEN, FailMode.FAIL_CLOSED


@pytest.mark.parametrize(
    ("parts", "on_error", "on_timeout"),
    [
        pytest.param({"action": "annotate"}, OPEN, OPEN, id="annotate fails open"),
        pytest.param({"action": "redact"}, CLOSED, CLOSED, id="redact fails closed"),
        pytest.param({"action": "block"}, CLOSED, CLOSED, id="block fails closed"),
        pytest.param({"action": "block", "on_error": "fail_open"}, OPEN, CLOSED, id="unless the rule says otherwise"),
        pytest.param({"action": "block", "stream": "{on_timeout: fail_open}"}, CLOSED, OPEN, id="or the stream does"),
        pytest.param({"action": "block", "stream": "{on_failure: fail_open}"}, OPEN, OPEN, id="for all of it"),
        pytest.param(
            {"action": "block", "stream": "{on_failure: fail_open, on_timeout: fail_closed}"},
            OPEN,
            CLOSED,
            id="or apart",
        ),
        pytest.param(
            {"action": "block", "stream": "{on_failure: fail_open}", "on_timeout": "fail_closed"},
            OPEN,
            CLOSED,
            id="the rule's own stands",
        ),
        pytest.param(
            {"action": "redact", "on_error": "fail_open", "on_timeout": "fail_open"}, OPEN, OPEN, id="a rule says both"
        ),
        pytest.param({"action": "annotate", "stream": "{on_failure: fail_closed}"}, OPEN, OPEN, id="nothing waits"),
        pytest.param(
            {"action": "annotate", "stream": "{on_timeout: fail_closed}"}, OPEN, OPEN, id="annotate all the same"
        ),
    ],
)
def test_fail_modes(parts: dict[str, str], on_error: FailMode, on_timeout: FailMode) -> None:
    rule = rule_with(**parts)
    assert (rule.on_error, rule.on_timeout) == (on_error, on_timeout)


@pytest.mark.parametrize(
    ("parts", "holds"),
    [
        ({"action": "block"}, True),
        ({"action": "block", "stream": "{tool_calls: stream}"}, False),
        ({"action": "block", "enforcement": "shadow"}, False),
        ({"action": "block", "enforcement": "shadow", "stream": "{tool_calls: whole}"}, False),
        ({"action": "redact"}, False),
        ({"action": "redact", "stream": "{tool_calls: whole}"}, True),
        ({"action": "annotate"}, False),
    ],
)
def test_calls_are_held_where_a_rule_may_block_them_or_the_policy_says_so(parts: dict[str, str], holds: bool) -> None:
    stream = parts.pop("stream", "{}")
    rule = ", ".join(f"{key}: {value}" for key, value in parts.items())
    plan = compiled(f"{{id: r, detect: {{detector: tone}}, {rule}}}", head=f"stream: {stream}")
    assert plan.holds_calls is holds


def test_defaults_of_a_rule_and_of_the_stream() -> None:
    plan = compiled("{id: r, detect: {detector: tone}, action: block}")
    rule, stream = plan.rules[0], plan.stream
    assert (rule.severity, rule.enforcement, rule.message) == (Severity.MEDIUM, Enforcement.ENFORCE, None)
    assert (stream.mode, stream.max_hold_ms, stream.max_held_chars, stream.max_segment_tokens) == (
        Mode.STRICT,
        400,
        16_384,
        64,
    )
    assert (plan.order, plan.owner, plan.match.accepts(StreamFacts(Direction.INPUT))) == (100, "", True)


def test_what_is_stated_is_taken() -> None:
    plan = compiled(
        "{id: r, detect: {detector: tone}, action: block, severity: critical, enforcement: shadow}",
        head="stream: {mode: optimistic, max_hold_ms: 50, max_held_chars: 300, max_segment_tokens: 8}\n"
        "match: {directions: [input], labels: {b: '2', a: '1'}, tenants: [t]}",
    )
    rule, stream, match = plan.rules[0], plan.stream, plan.match
    assert (rule.severity, rule.enforcement, rule.is_gating) == (Severity.CRITICAL, Enforcement.SHADOW, False)
    assert (stream.mode, stream.max_hold_ms, stream.max_held_chars, stream.max_segment_tokens) == (
        Mode.OPTIMISTIC,
        50,
        300,
        8,
    )
    stated = {key: said for key, said in match.described().items() if said}
    assert stated == {"directions": ["input"], "labels": {"a": "1", "b": "2"}, "tenants": ["t"]}


def test_rules_with_the_same_detector_and_parameters_share_it() -> None:
    plan = compiled(
        f"{{id: a, detect: {WORDS}, action: annotate}}",
        "{id: b, detect: {detector: tone, labels: [rude]}, action: annotate}",
        f"{{id: c, detect: {WORDS.replace('{detector', '{labels: [NAME], detector')}, action: block}}",
        "{id: d, detect: {detector: words, words: {NAME: [Eve]}}, action: block}",
        "{id: e, detect: {detector: tone, labels: [angry]}, action: block}",
    )
    assert [[rule.id for rule in each.rules] for each in plan.scanners] == [["a", "c"], ["d"]]
    assert [(each.index, [rule.id for rule in each.rules]) for each in plan.batches] == [(0, ["b", "e"])]
    assert [(rule.index, rule.id) for rule in plan.rules] == list(enumerate("abcde"))


def test_a_file_may_hold_several_policies() -> None:
    one = HEAD + f"rules: [{{id: a, detect: {WORDS}, action: annotate}}]\n"
    both = load_text(one + "---\n" + one.replace("name: p", "name: q") + "---\n# nothing here\n")
    assert [loaded.spec.metadata.name for loaded in both] == ["p", "q"]


def test_words_of_yaml_1_1_are_words() -> None:
    """`on`, `off`, `yes` and `no` are text: a label may be called so."""
    (loaded,) = load_text(
        HEAD + f"match: {{labels: {{on: off, yes: no}}}}\nrules: [{{id: a, detect: {WORDS}, action: annotate}}]\n"
    )
    assert loaded.spec.match.labels == {"on": "off", "yes": "no"}


def test_a_date_is_text() -> None:
    (loaded,) = load_text(
        HEAD.replace('"1"', "2026-11-01") + f"rules: [{{id: a, detect: {WORDS}, action: annotate}}]\n"
    )
    assert loaded.spec.metadata.version == "2026-11-01"


def test_the_digest_is_of_the_content() -> None:
    rule = f"{{id: a, detect: {WORDS}, action: annotate}}"
    same = f"{{action: annotate, severity: medium, detect: {WORDS}, id: a}}"
    other = f"{{id: a, detect: {WORDS}, action: block}}"
    assert compiled(rule).digest == compiled(same).digest
    assert compiled(rule).digest != compiled(other).digest


GROUNDED = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: grounded, version: "1"}
match: {directions: [DIRECTION]}
rules:
  - id: one
    detect: {detector: grounding, min_support: 0.3}
    action: annotate
  - id: other
    detect: {detector: grounding, min_support: 0.6, consecutive: 2, labels: [unsupported]}
    action: {redact: {with: text, text: "[?]"}}
"""


def test_rules_that_count_differently_share_a_pair_checker(tmp_path: Path) -> None:
    path = tmp_path / "grounded.yaml"
    path.write_text(GROUNDED.replace("DIRECTION", "output"))
    ((_, plan),) = compile_file(path).policies
    (batch,) = plan.batches
    assert plan.reads_context
    assert (batch.sentence_tokens, len(batch.rules)) == (80, 2)
    assert [rule.reading.consecutive for rule in plan.rules] == [1, 2]
    assert [dict(rule.thresholds) for rule in plan.rules] == [
        {"unsupported": 0.7, "miscited": 0.7},
        {"unsupported": 0.4},
    ]
    rewrite = plan.rules[1].rewrite
    assert rewrite is not None
    assert rewrite("a sentence", "unsupported", "") == "[?]"


def test_a_rule_may_judge_answers_of_a_length(tmp_path: Path) -> None:
    path = tmp_path / "grounded.yaml"
    policy = GROUNDED.replace("DIRECTION", "output")
    path.write_text(policy.replace("consecutive: 2", "answer_sentences: 5"))
    ((_, plan),) = compile_file(path).policies
    (batch,) = plan.batches
    bars = [rule.reading.answer for rule in batch.rules]
    assert bars[0] is None
    assert bars[1] is not None
    assert bars[1].sentences == 5
    path.write_text(policy.replace("consecutive: 2", "consecutive: 2, answer_sentences: 5"))
    (error,) = compile_file(path).errors
    assert "read an answer in two ways" in error.message


def test_inputs_cannot_be_compared_with_a_context(tmp_path: Path) -> None:
    path = tmp_path / "grounded.yaml"
    path.write_text(GROUNDED.replace("DIRECTION", "input"))
    errors = compile_file(path).errors
    assert [(error.path, error.message) for error in errors] == [
        (
            f"rules[{number}].detect.detector",
            "`grounding` compares what a model answers, and the policy takes inputs only",
        )
        for number in (0, 1)
    ]


def test_a_detector_says_what_a_rule_reads_that_does_not_say_so() -> None:
    both = {Channel.CONTENT, Channel.OTHER}
    third = {Part.USER, Part.CONTEXT, Part.TOOL_RESULT, Part.TOOL_DEFINITION}
    assert default_reads(registry.get("injection")) == Reads(frozenset(third), frozenset(both))
    of_answers, of_calls = ("grounding", "format"), ("tools", "task_adherence")
    for name in of_answers:
        assert default_reads(registry.get(name)) == Reads(frozenset({Part.MODEL}), frozenset({Channel.CONTENT}))
    for name in of_calls:
        assert default_reads(registry.get(name)) == Reads(frozenset({Part.MODEL}), frozenset({Channel.TOOL_ARGUMENTS}))
    others = [registry.get(name) for name in registry.names() if name not in ("injection", *of_calls, *of_answers)]
    assert {default_reads(kind) for kind in others} == {EVERYTHING}
    assert Reads(frozenset(Part), frozenset(Channel)) == EVERYTHING


def test_a_text_has_the_readers_whose_rules_read_it() -> None:
    plan = compiled(
        f"{{id: all, detect: {WORDS}, action: redact}}",
        f"{{id: calls, detect: {WORDS[:-1]}, parts: [model], channels: [tool_arguments]}}, action: {REPLACING}}}",
        "{id: users, detect: {detector: tone, parts: [user]}, action: block}",
        "{id: tools, detect: {detector: tone, parts: [user, tool_result]}, action: annotate}",
    )

    def readers(part: Part, channel: Channel = Channel.CONTENT) -> list[list[str]]:
        found = plan.readers(Lane(part=part, channel=channel))
        rules = [*(each.rules for each in found.scanners), *(each.rules for each in found.batches)]
        return [[rule.id for rule in each] for each in rules]

    assert readers(Part.USER) == [["all"], ["users", "tools"]]
    assert readers(Part.TOOL_RESULT) == [["all"], ["tools"]]
    assert readers(Part.MODEL, Channel.TOOL_ARGUMENTS) == [["all", "calls"]]
    assert readers(Part.SYSTEM) == [["all"]]
    assert [sorted(plan.readers(Lane(part=part)).gating) for part in (Part.USER, Part.TOOL_RESULT)] == [[0], []]
    assert not plan.holds_calls


@pytest.mark.parametrize(
    ("stream", "notice"),
    [
        ("{}", None),
        ("{notice: paragraph}", Notice(changed(Language.EN), is_paragraph=True)),
        ("{notice: annotation}", Notice(changed(Language.EN), is_paragraph=False)),
        ("{notice: {as: paragraph}}", Notice(changed(Language.EN), is_paragraph=True)),
        ("{notice: {as: annotation, text: Gone.}}", Notice("Gone.", is_paragraph=False)),
    ],
)
def test_notices(stream: str, notice: Notice | None) -> None:
    rule = f"{{id: r, detect: {WORDS}, action: annotate}}"
    assert compiled(rule, head=f"stream: {stream}").stream.notice == notice


def test_the_garbage_collector_is_at_work_again_whatever_became_of_a_policy() -> None:
    compiled("{id: r, detect: " + WORDS + ", action: annotate}")
    assert gc.isenabled()
    with pytest.raises(PolicyErrors):
        compiled("{id: r, detect: {detector: wrods}, action: annotate}")
    assert gc.isenabled()


def test_a_detector_is_asked_once_what_it_finds_with_the_same_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = registry.get("patterns")
    asked: list[Params] = []

    def labels_of(params: Params) -> dict[str, float]:
        asked.append(params)
        return {"A": 0.5}

    monkeypatch.setattr(kind, "labels_of", labels_of)
    rules = "".join(
        f"  - {{id: r{number}, detect: {{detector: patterns, keywords: {{A: [plum]}}}}, action: annotate}}\n"
        for number in range(3)
    )
    (loaded,) = load_text(f"{HEAD}rules:\n{rules}")
    assert len(compile_policy(loaded).scanners) == 1
    assert len(asked) == 2  # its labels, and, as it has no parts, those of all of it
