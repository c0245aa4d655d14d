"""What `tidegate policy test --watch` rests on: what changed is run again, and what did not is known."""

from __future__ import annotations

from pathlib import Path

from sidecar.suite import Suite
from tests.policy.test_cli import RIGHT


def ran(suite: Suite) -> list[tuple[str, bool, bool]]:
    """Each test, whether it was run in truth, and whether it passed."""
    tested = [(work.spec.name, *suite.run(work)) for work in suite.load().work]
    return [(name, is_new, each.result.is_passed) for name, each, is_new in tested]


def test_what_changed_is_run_again(tmp_path: Path) -> None:
    path = tmp_path / "right.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    suite = Suite([tmp_path])
    masked, others = "a codename is masked", "other words pass"
    assert ran(suite) == [(masked, True, True), (others, True, True)]
    assert ran(suite) == [(masked, False, True), (others, False, True)]
    detectors = [scanner.detector for _, plan in suite.load().policies for scanner in plan.scanners]

    beside = "apiVersion: tidegate.dev/v1\nkind: PolicyTest\npolicy: codes\n"
    (tmp_path / "more_test.yaml").write_text(
        beside + "tests: [{name: t, output: x, expect: {output: x}}]\n", encoding="utf-8"
    )
    assert ran(suite) == [(masked, False, True), (others, False, True), ("t", True, True)]

    path.write_text(RIGHT.replace("the •••••• plan", "the K••••• plan"), encoding="utf-8")
    assert (masked, True, False) in ran(suite)
    again = [scanner.detector for _, plan in suite.load().policies for scanner in plan.scanners]
    assert all(one is other for one, other in zip(detectors, again, strict=True))

    path.write_text(RIGHT.replace("severity", "severty"), encoding="utf-8")
    assert [error.path for error in suite.load().errors] == ["rules[0].severty"]
    path.write_text(RIGHT, encoding="utf-8")
    assert all(is_passed for _, _, is_passed in ran(suite))
