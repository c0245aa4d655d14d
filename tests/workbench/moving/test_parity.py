"""Guardrails AI and NeMo Guardrails, as released, and the policy that comes of them: both decide alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidecar.offline import guard_text
from sidecar.policy.plan import Plan
from sidecar.values import Direction, Lane
from tests.workbench.moving.asking import INSIDE, imported, said_by
from tests.workbench.moving.texts import NEMO_CONFIG, NEMO_TEXTS, PLACE, RAIL
from workbench.moving import nemo


@pytest.fixture(scope="module")
def peer(missing: Callable[[str], None]) -> Callable[[str], dict[str, Any]]:
    """What another product itself says."""
    if not INSIDE.exists():
        missing("the environment of the frameworks that the client works inside (make inside)")
    return lambda name: said_by(INSIDE, name)


def is_valid(plan: Plan, text: str, direction: Direction) -> bool:
    """Whether nothing of a policy is violated."""
    guarded = guard_text(plan, [text], lane=Lane(part=direction.speaker), direction=direction)
    return not guarded.decisions


@pytest.mark.inside
@pytest.mark.slow
@pytest.mark.timeout(900)  # NeMo is imported, once: from a cold disk beside other work that took 68 s of 78
def test_nemos_rails_are_all_known_and_a_regex_decides_alike(
    peer: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    told = peer("nemo")
    plan, _ = imported(tmp_path, "nemo", "config.yml", NEMO_CONFIG)

    assert [not is_valid(plan, text, Direction.INPUT) for text in NEMO_TEXTS] == told["decided"]
    assert sorted({nemo.name_of(each) for each in told["flows"]} - set(nemo.FLOWS)) == []
    assert sorted(set(told["keys"]) - set(nemo.SETTINGS)) == []


@pytest.mark.inside
@pytest.mark.slow
def test_a_guard_that_guardrails_itself_wrote_is_read(peer: Callable[[str], dict[str, Any]], tmp_path: Path) -> None:
    told = peer("guardrails-ai")
    plan, _ = imported(tmp_path, "guardrails-ai", "guard.json", json.dumps(told["guard"]))
    rail, said = imported(tmp_path, "guardrails-ai", "a.rail", RAIL)
    same, _ = imported(tmp_path, "guardrails-ai", "rail.json", json.dumps(told["rail"]))

    assert [each.id for each in plan.rules] == ["output-valid-length"]
    assert (is_valid(plan, "short", Direction.OUTPUT), is_valid(plan, "much too long", Direction.OUTPUT)) == (
        True,
        False,
    )
    assert any(PLACE in each["what"] for each in said["notes"])
    for text, is_right in (
        ('{"name": "a", "tags": ["x"]}', True),
        ('{"name": "a", "tags": [], "age": 3}', True),
        ('{"name": "a"}', False),
        ('{"name": 1, "tags": []}', False),
        ("no JSON", False),
    ):
        assert (is_valid(rail, text, Direction.OUTPUT), is_valid(same, text, Direction.OUTPUT)) == (is_right, is_right)
