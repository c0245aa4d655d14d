"""The policies in `policies/`: their own tests, each text cut every way, and the schema beside them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from sidecar.cli.policy import schema_text
from sidecar.policy.cases import Case, check, make_case, public_keys
from sidecar.policy.compiler import compile_file
from sidecar.policy.facts import StreamFacts
from sidecar.policy.loader import policy_files
from sidecar.policy.plan import Plan
from sidecar.policy.store import PolicyStore
from sidecar.trials import guard_with

DIRECTORY = Path(__file__).parents[2] / "policies"
FILES = policy_files([DIRECTORY])
COMPILED = [compile_file(path, public_keys()) for path in FILES]


def shipped_cases() -> list[tuple[str, Plan, Case]]:
    """Those of the packs are run with their coverage, in `test_packs`."""
    return [
        (f"{path.stem}-{spec.name}", plan, make_case(spec))
        for path, compiled in zip(FILES, COMPILED, strict=True)
        if path.parent.name != "packs"
        for loaded, plan in compiled.policies
        for spec in loaded.spec.tests
    ]


def test_all_of_them_compile() -> None:
    assert [error for compiled in COMPILED for error in compiled.errors] == []
    assert {path.stem for path in FILES} >= {"default", "pci", "pii-redact", "secrets-block"}


@pytest.mark.parametrize(("plan", "case"), [pytest.param(plan, case, id=name) for name, plan, case in shipped_cases()])
def test_it_keeps_what_its_tests_say(plan: Plan, case: Case) -> None:
    result = check(case, guard_with(plan))
    assert (result.chunking, result.differences) == ("", ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_has_tests_for_each_of_its_rules_and_for_text_it_leaves_alone(path: Path) -> None:
    (compiled,) = [each for each in COMPILED if each.path == path]
    for loaded, plan in compiled.policies:
        expected = [set(case.expect.violations or ()) for case in loaded.spec.tests]
        assert set().union(*expected) == {rule.id for rule in plan.rules}
        assert set() in expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_begins_with_the_line_that_editors_look_for(path: Path) -> None:
    to_schema = "../" * len(path.relative_to(DIRECTORY).parts[:-1]) + "schema.json"
    assert path.read_text(encoding="utf-8").splitlines()[0] == f"# yaml-language-server: $schema={to_schema}"


def test_without_a_name_a_stream_takes_default_and_by_its_label_another() -> None:
    store = PolicyStore([DIRECTORY])
    store.load()
    assert store.resolve(None, StreamFacts()).name == "default"
    for name in ("pci", "pii-redact", "secrets-block"):
        assert store.resolve(None, StreamFacts(labels={"tidegate.dev/policy": name})).name == name


def test_the_schema_is_what_the_models_and_detectors_make() -> None:
    """When this fails: tidegate policy schema --output policies/schema.json."""
    assert (DIRECTORY / "schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_schema_and_takes_the_shipped_policies() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in FILES:
        for document in YAML(typ="safe", pure=True).load_all(path):
            assert [error.message for error in validator.iter_errors(document)] == []
