"""Files of tests beside policies: read, checked, and brought together with the policies that they mean.

A file is checked as a policy is: each thing that is wrong has its line, and what to do. Which
policies a file means is said in it (`policies`), or by its name: `shop_test.yaml` stands beside `shop.yaml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.compile.whole import errors_of_tests
from sidecar.policy.compiler import CompiledFile
from sidecar.policy.document import Source
from sidecar.policy.explain import suggest
from sidecar.policy.language import json_schema_of_tests
from sidecar.policy.loader import LoadedPolicy, policy_files, read_tests
from sidecar.policy.plan import Plan
from sidecar.policy.rollouts import errors_together
from sidecar.policy.schema.cases import PolicyTestSpec


@dataclass(frozen=True, slots=True)
class TestFile:
    """A file of tests and the policies that they mean, or all that is wrong."""

    path: Path
    source: Source
    spec: PolicyTestSpec | None
    policies: tuple[tuple[LoadedPolicy, Plan], ...]
    errors: tuple[PolicyError, ...]

    __test__ = False  # pytest: it is none of its tests


def files_meant(path: Path, spec: PolicyTestSpec) -> list[Path]:
    """The files of the policies that a file of tests means. Raises `PolicyError` for one that is not there."""
    folder = path.parent
    if spec.policies is not None:
        return policy_files(folder / each for each in spec.policies)
    beside = folder / path.name.replace("_test.", ".")
    return [beside] if beside.exists() else [each for each in policy_files([folder]) if each.parent == folder]


def read_test_file(path: Path, compiled: Callable[[Path], CompiledFile]) -> TestFile:
    """Read a file of tests; `compiled` hands out policy files, compiled."""
    source, spec, errors = read_tests(path, _language())
    if spec is None:
        return TestFile(path, source, None, (), tuple(errors))
    try:
        files = [compiled(each) for each in files_meant(path, spec)]
    except PolicyError as error:
        message = f"{error.file}: {error.message}"
        missing = source.error(("policies",), Code.UNREADABLE_FILE, message, error.remedy)
        return TestFile(path, source, None, (), (missing,))
    broken = [error for file in files for error in file.errors] + errors_together(files)
    policies = tuple(pair for file in files for pair in file.policies)
    if not policies and not broken:
        message = "there is no policy beside these tests"
        broken = [source.error(("policies",), Code.NO_POLICY, message, "name files in `policies`")]
    found = broken or list(_errors(source, spec, policies))
    return TestFile(path, source, None if found else spec, policies, tuple(found))


def _errors(
    source: Source, spec: PolicyTestSpec, policies: Sequence[tuple[LoadedPolicy, Plan]]
) -> Iterator[PolicyError]:
    ids = {plan.name: [rule.id for rule in plan.rules] for _, plan in policies}
    every = [each for some in ids.values() for each in some]

    def unknown(name: str | None, *place: str | int) -> Iterator[PolicyError]:
        if name is not None and name not in ids:
            message = f"there is no policy `{name}` among these"
            yield source.error(place, Code.UNKNOWN_POLICY, message, suggest(name, ids))

    yield from unknown(spec.policy, "policy")
    for number, test in enumerate(spec.tests):
        yield from unknown(test.policy, "tests", number, "policy")
        if isinstance(test.expect.policy, str):
            yield from unknown(test.expect.policy, "tests", number, "expect", "policy")
    named = {id(test): test.policy or spec.policy for test in spec.tests}
    yield from errors_of_tests(source, dict(enumerate(spec.tests)), lambda test: ids.get(named[id(test)] or "", every))


@cache
def _language() -> dict[str, Any]:
    return json_schema_of_tests()
