"""What is written about policies is true: the examples compile and pass, and the reference leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

from detectors import registry
from sidecar.policy.cases import check, make_case, public_keys
from sidecar.policy.compiler import compile_file, compile_policy
from sidecar.policy.fakes import FAKES
from sidecar.policy.language import json_schema, json_schema_of_tests
from sidecar.policy.loader import load_text
from sidecar.suite import Suite
from sidecar.trials import guard_with

ROOT = Path(__file__).parents[2]
NAMED_BY_AUTHORS = {"patterns", "topic"}
"""Detectors whose labels stand in the policy."""
REFERENCE = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")


def examples() -> list[tuple[str, str]]:
    found = []
    for name in ("README.md", "docs/policies.md"):
        blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
        found += [(name, block) for block in blocks if "kind: Policy\n" in block]
    return found


@pytest.mark.parametrize(("name", "text"), examples())
def test_an_example_is_right_and_passes_its_own_tests(name: str, text: str) -> None:
    for loaded in load_text(text, file=name):
        plan = compile_policy(loaded, public_keys())
        assert loaded.spec.tests
        for spec in loaded.spec.tests:
            assert check(make_case(spec), guard_with(plan)).differences == ()


def test_the_example_of_a_file_of_tests_passes_beside_policies_that_it_means(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(apiVersion: \S+\nkind: PolicyTest\n.*?)```", REFERENCE, re.DOTALL)
    (tmp_path / "shop_test.yaml").write_text(text, encoding="utf-8")
    for name, match in (("shop", "match: {labels: {app: shop}}\n"), ("default", "")):
        head = f'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {{name: {name}, version: "1"}}\n{match}'
        detect = "{detector: patterns, keywords: {CODENAME: [Kraken]}}"
        rules = f"rules: [{{id: no-codenames, detect: {detect}, action: {{redact: {{with: mask}}}}}}]\n"
        (tmp_path / f"{name}.yaml").write_text(head + rules, encoding="utf-8")
    suite = Suite([tmp_path])
    loaded = suite.load()
    assert loaded.errors == ()
    results = [suite.run(work)[0].result for work in loaded.work]
    assert [each.differences for each in results] == [()] * 3


def test_there_is_an_example_in_the_readme_and_in_the_reference() -> None:
    assert {name for name, _ in examples()} == {"README.md", "docs/policies.md"}


def test_the_reference_names_every_key() -> None:
    keys = {
        key
        for schema in (json_schema([registry.get(name) for name in registry.names()]), json_schema_of_tests())
        for definition in (schema, *schema["$defs"].values())
        for key in definition.get("properties", {})
    }
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", REFERENCE)] == []


ASKING = {
    "tools": {"deny": ["a"]},
    "format": {"json": {"schema": {}}, "chars": {"min": 1}, "required": {"NOTE": ["note"]}},
}
"""What a detector asks for that has no default."""


@pytest.mark.parametrize("name", [name for name in registry.names() if name not in NAMED_BY_AUTHORS])
def test_the_reference_names_every_label(name: str) -> None:
    detector = registry.get(name)
    labels = detector.labels_of(detector.params.model_validate(ASKING.get(name, {})))
    assert [label for label in sorted(labels) if f"`{label}`" not in REFERENCE] == []


def test_the_reference_names_every_detector_and_every_fake() -> None:
    assert [name for name in registry.names() if f"`{name}`" not in REFERENCE] == []
    assert [kind for kind in FAKES if kind not in REFERENCE] == []


def fragments() -> list[str]:
    blocks = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    return [block for block in blocks if "kind: " not in block and "tests:" not in block]


RULES = "rules: [{id: any, detect: {detector: patterns, keywords: {CODENAME: [Kraken]}}, action: redact}]\n"
LISTS = "apiVersion: tidegate.dev/v1\nkind: List\nmetadata: {{name: {name}, version: '1'}}\nvalues: [falcon]\n"


@pytest.mark.parametrize("text", fragments())
def test_a_part_of_a_policy_is_right_in_a_policy(text: str, tmp_path: Path) -> None:
    """What belongs into a rule stands in one, a single rule in `rules`, and all else at the top."""
    (tmp_path / "lists").mkdir()
    for name in ("codenames", "published-names"):
        (tmp_path / "lists" / f"{name}.yaml").write_text(LISTS.format(name=name), encoding="utf-8")
    (tmp_path / "exemplars").mkdir()
    (tmp_path / "exemplars/support.jsonl").write_text(
        '{"id": "a1", "is": "attack", "text": "do it"}\n', encoding="utf-8"
    )
    head = "apiVersion: tidegate.dev/v1\nkind: Policy\n"
    head += "" if "metadata:" in text else 'metadata: {name: part, version: "1"}\n'
    rule = f"- id: part\n  action: annotate\n{indent(text, '  ')}" if text.startswith("detect:") else text
    part = f"rules:\n{indent(rule, '  ')}" if rule.startswith("- ") else rule
    (tmp_path / "p.yaml").write_text(head + part + ("" if "rules:" in part else RULES), encoding="utf-8")
    assert [f"{each.line}: {each.message}" for each in compile_file(tmp_path / "p.yaml", public_keys()).errors] == []
