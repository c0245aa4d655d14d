"""Tests against what the policy takes, and what they leave untested."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.compile.whole import named_rules
from sidecar.policy.loader import LoadedPolicy
from sidecar.values import Direction


def warnings(loaded: LoadedPolicy, tested: Collection[str]) -> Iterator[PolicyError]:
    """What is hardly meant by a policy's tests; `tested` are rules of which tests in other files speak."""
    yield from _other_direction(loaded)
    yield from _repeated(loaded)
    yield from _untested(loaded, tested)


def _other_direction(loaded: LoadedPolicy) -> Iterator[PolicyError]:
    directions = loaded.spec.match.directions
    if not directions or set(directions) == set(Direction):
        return
    (only,) = set(directions)
    for number, test in enumerate(loaded.spec.tests):
        key = "input" if only is Direction.OUTPUT else "output"
        if getattr(test, key) is not None:
            message = f"the policy takes {only}s only, and this test has an `{key}`"
            remedy = f"write `{only}` in place of `{key}`, or add `{key}` to `match.directions`"
            yield loaded.source.error(("tests", number, key), Code.OTHER_DIRECTION, message, remedy, at_key=True)


def _repeated(loaded: LoadedPolicy) -> Iterator[PolicyError]:
    seen: dict[str, str] = {}
    for number, test in enumerate(loaded.spec.tests):
        first = seen.setdefault(test.model_dump_json(exclude={"name"}), test.name)
        if first != test.name:
            message = f"the test `{first}` is the same"
            yield loaded.source.error(("tests", number, "name"), Code.TWICE_THE_SAME, message, "remove one of the two")


def _untested(loaded: LoadedPolicy, tested: Collection[str]) -> Iterator[PolicyError]:
    named = {rule for test in loaded.spec.tests for _, rule in named_rules(test)} | set(tested)
    for number, rule in enumerate(loaded.spec.rules):
        if rule.id not in named:
            message = f"no test expects a violation of rule `{rule.id}`"
            remedy = "add a test with a text that violates it"
            yield loaded.source.error(("rules", number, "id"), Code.UNTESTED_RULE, message, remedy)
