"""Tags: the table holds what is published, rules are checked against it, and what they do not say follows."""

from __future__ import annotations

import re

import pytest

from detectors import registry
from sidecar.errors import PolicyErrors
from sidecar.policy.codes import Code
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.taxonomy import DEFAULTS, SCHEMES, tags_of

HEAD = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\n'


def test_the_lists_have_as_many_entries_as_were_published() -> None:
    owasp, nist = SCHEMES["owasp"], SCHEMES["nist"]
    assert [sum(entry.startswith(kind) for entry in owasp) for kind in ("LLM", "ASI")] == [10, 10]
    assert sum(entry.startswith("AI.600-1:") for entry in nist) == 12
    counts = [sum(entry.startswith(kind) for entry in nist) for kind in ("GOVERN", "MAP", "MEASURE", "MANAGE")]
    assert counts == [19, 18, 22, 13]


def test_ids_of_atlas_have_its_form() -> None:
    assert [entry for entry in SCHEMES["atlas"] if not re.fullmatch(r"AML\.T\d{4}(\.\d{3})?", entry)] == []


def test_what_follows_from_a_finding_is_in_the_table_and_of_labels_that_there_are() -> None:
    unknown = [
        entry
        for tags in DEFAULTS.values()
        for scheme, entries in tags.items()
        for entry in entries
        if entry not in SCHEMES[scheme]
    ]
    assert unknown == []
    for name, label in DEFAULTS:
        detector = registry.get(name)
        assert not label or label in detector.labels_of(detector.params())


@pytest.mark.parametrize(
    ("detector", "label", "stated", "expected"),
    [
        pytest.param("injection", "injection", {}, ("LLM01:2025",), id="by label"),
        pytest.param("pii", "IBAN_CODE", {}, ("LLM02:2025",), id="by detector"),
        pytest.param("patterns", "X", {}, None, id="an author's own label"),
        pytest.param("patterns", "X", {"owasp": ("LLM07:2025",)}, ("LLM07:2025",), id="stated"),
        pytest.param("pii", "IBAN_CODE", {"owasp": ()}, None, id="stated to be none"),
        pytest.param("pii", "IBAN_CODE", {"nist": ("MEASURE-2.10",)}, ("LLM02:2025",), id="another list stated"),
    ],
)
def test_a_finding_has_the_tags_that_are_stated_or_follow(
    detector: str, label: str, stated: dict[str, tuple[str, ...]], expected: tuple[str, ...] | None
) -> None:
    assert tags_of(detector, label, stated).get("owasp") == expected


@pytest.mark.parametrize(
    ("tags", "place", "remedy"),
    [
        ("{owasp: ['LLM01']}", "rules[0].tags.owasp[0]", "Did you mean `LLM01:2025` (Prompt Injection)?"),
        (
            "{atlas: [AML.T0051, AML.T0051.01]}",
            "rules[0].tags.atlas[1]",
            "Did you mean `AML.T0051.001` (LLM Prompt Injection: Indirect)?",
        ),
        ("{nist: [MEASURE 2.7]}", "rules[0].tags.nist[0]", "Did you mean `MEASURE-2.7` (MEASURE 2.7)?"),
    ],
)
def test_an_unknown_tag_is_refused(tags: str, place: str, remedy: str) -> None:
    text = HEAD + f"rules: [{{id: a, detect: {{detector: secrets}}, action: redact, tags: {tags}}}]\n"
    with pytest.raises(PolicyErrors) as caught:
        compile_policy(load_text(text)[0])
    (error,) = caught.value.errors
    assert (error.code, error.path, error.remedy) == (Code.UNKNOWN_TAG, place, remedy)


def test_a_rule_keeps_its_tags() -> None:
    tags = "{owasp: ['LLM06:2025'], nist: []}"
    text = HEAD + f"rules: [{{id: a, detect: {{detector: secrets}}, action: redact, tags: {tags}}}]\n"
    (rule,) = compile_policy(load_text(text)[0]).rules
    assert rule.tags == {"owasp": ("LLM06:2025",), "nist": ()}
