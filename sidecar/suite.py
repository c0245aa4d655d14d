"""The tests of some policy files, and of files of tests beside them: loaded, run, and run again when files changed.

A `Suite` keeps what it compiled and what detectors found: a file that did not change is not read again, a detector with
the same parameters is the same one (its model stays loaded), and a test whose policies and words are the same is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sidecar.errors import PolicyError
from sidecar.policy.cases import Case, Guard, Observed, Result, check, make_case, public_keys
from sidecar.policy.compile.detection import Made
from sidecar.policy.compiler import CompiledFile, compile_file
from sidecar.policy.document import Place, Source
from sidecar.policy.loader import LoadedPolicy, content_of, files_of_tests, policy_files
from sidecar.policy.plan import Plan
from sidecar.policy.rollouts import errors_together
from sidecar.policy.schema.cases import CaseSpec
from sidecar.policy.testfiles import TestFile, read_test_file
from sidecar.remembered import Memory
from sidecar.trials import guard_among, guard_with


@dataclass(frozen=True, slots=True)
class Work:
    """A test to be run: where it stands, and which policies it may mean."""

    source: Source
    number: int
    spec: CaseSpec
    case: Case
    plans: tuple[Plan, ...]
    is_own: bool
    """Whether the policy brings it along; it is then the only one that is meant."""

    @property
    def policy(self) -> str:
        """The policy that it is about, as far as it says."""
        return self.plans[0].name if self.is_own else self.case.policy or ""


@dataclass(frozen=True, slots=True)
class Tested:
    """A test that was run."""

    work: Work
    result: Result

    @property
    def policy(self) -> str:
        """The policy that it is about, or that takes its stream."""
        return self.work.policy or self.result.observed.policy or ""

    def place(self, inside: Place = ()) -> str:
        """`file:line:column` of the test, or of something in it."""
        return self.work.source.place_of(("tests", self.work.number, *inside))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files hold, or all that is wrong with them."""

    policies: tuple[tuple[LoadedPolicy, Plan], ...]
    """Those that were asked for, and those that tests beside them mean."""
    work: tuple[Work, ...]
    errors: tuple[PolicyError, ...]
    files: int


class Suite:
    """See the module's text. One owner."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._made: Made = {}
        self._memory = Memory()
        self._compiled: dict[Path, CompiledFile] = {}
        self._known: dict[str, Result] = {}

    def load(self) -> Loaded:
        """Read what changed. Raises `PolicyError` for a path that is not there."""
        self._compiled = {path: each for path, each in self._compiled.items() if each.content == content_of(path)}
        own = [self._compile(path) for path in policy_files(self._paths)]
        beside = [read_test_file(path, self._compile) for path in files_of_tests(self._paths)]
        errors = [error for file in own for error in file.errors] + errors_together(own)
        errors += [error for file in beside for error in file.errors if error not in errors]
        policies = {id(plan): (loaded, plan) for file in own for loaded, plan in file.policies}
        policies |= {id(plan): (loaded, plan) for file in beside for loaded, plan in file.policies}
        work = [each for file in own for each in _brought_along(file)]
        work += [each for file in beside for each in _beside(file)]
        return Loaded((*policies.values(),), tuple(work), tuple(errors), len(own) + len(beside))

    def run(self, work: Work) -> tuple[Tested, bool]:
        """Run a test; whether it was run in truth, as nothing of it was known."""
        key = _identity(work)
        known = self._known.get(key)
        if known is not None:
            return Tested(work, known), False
        result = self._known[key] = check(work.case, self._guard(work))
        return Tested(work, result), True

    def _guard(self, work: Work) -> Guard:
        if work.is_own:
            return guard_with(work.plans[0], self._memory)
        return guard_among(work.plans, self._memory)

    def _compile(self, path: Path) -> CompiledFile:
        if path not in self._compiled:
            compiled = compile_file(path, public_keys(), made=self._made)
            content = content_of(path)
            self._compiled[path] = CompiledFile(path, compiled.policies, compiled.errors, content)
        return self._compiled[path]


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """What tests show of one rule: that it fires, and that it leaves alone what a test says it must."""

    policy: str
    rule: str
    place: str
    """`file:line:column` of the rule."""
    fired: int
    """In how many tests."""
    spared: int
    """In how many tests it read the text and, as is expected there, did not fire."""


def coverage(policies: Sequence[tuple[LoadedPolicy, Plan]], tested: Sequence[Tested]) -> list[RuleCoverage]:
    """What the tests that passed show of each rule."""
    passed = [each for each in tested if each.result.is_passed]
    fired = [each.result.observed.rules for each in passed]
    spared = [_spared(each) for each in passed]
    return [
        RuleCoverage(
            plan.name,
            rule.id,
            loaded.source.place_of(("rules", rule.index, "id")),
            sum((plan.name, rule.id) in each for each in fired),
            sum((plan.name, rule.id) in each for each in spared),
        )
        for loaded, plan in policies
        for rule in plan.rules
    ]


def share_fired(rules: Sequence[RuleCoverage]) -> float:
    """The share of the rules that fired in a test, 0 to 1; 1 where there is none."""
    return sum(each.fired > 0 for each in rules) / len(rules) if rules else 1.0


def _spared(tested: Tested) -> set[tuple[str, str]]:
    """The rules of which the test says that they must not fire on a text that they read."""
    case, observed = tested.work.case, tested.result.observed
    stated: list[Observed] = [observed] if case.expect.violations is not None else []
    stated += [observed.turns[n] for n, expect in case.turns.items() if expect.violations is not None]
    return {rule for each in stated for rule in each.reading - each.rules}


def _brought_along(file: CompiledFile) -> Iterator[Work]:
    for loaded, plan in file.policies:
        for number, spec in enumerate(loaded.spec.tests):
            yield Work(loaded.source, number, spec, make_case(spec), (plan,), is_own=True)


def _beside(file: TestFile) -> Iterator[Work]:
    plans = tuple(plan for _, plan in file.policies)
    for number, spec in enumerate(file.spec.tests if file.spec else ()):
        case = make_case(spec, file.spec.policy if file.spec else None)
        yield Work(file.source, number, spec, case, plans, is_own=False)


def _identity(work: Work) -> str:
    """Tells a test with its policies from another one; two that are the same come out the same."""
    plans: Mapping[str, str] = {plan.name: plan.digest for plan in work.plans}
    return f"{work.source.file} {work.is_own} {plans} {work.case.policy} {work.spec.model_dump_json()}"
