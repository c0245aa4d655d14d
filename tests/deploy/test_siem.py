"""deploy/siem: each detection finds the events that it is for and no other, and asks for what the ECS view has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from ruamel.yaml import YAML

from sidecar.outbox.event import Event, Fault, FaultKind, PolicyStep, Violation
from sidecar.outbox.views.ecs import ecs
from sidecar.values import ActionName, SeverityName
from tests.outbox.samples import a_fault, a_policy_change, a_stream_decision, a_violation
from tests.outbox.test_views import tagged_violation

SIEM = Path(__file__).parents[2] / "deploy/siem"
RULES: dict[str, dict[str, Any]] = {
    path.stem: YAML(typ="safe", pure=True).load(path.read_text()) for path in sorted((SIEM / "sigma").glob("*.yml"))
}


def _violation(
    event: Event, *, leaked: int = 0, severity: SeverityName = "medium", done: ActionName = "redact"
) -> Event:
    assert isinstance(event.data, Violation)
    exposure = replace(event.data.exposure, leaked_chars=leaked)
    rule = replace(event.data.policy, severity=severity)
    return replace(event, data=replace(event.data, exposure=exposure, policy=rule, done=done))


def _fault(kind: FaultKind) -> Event:
    event = a_fault()
    assert isinstance(event.data, Fault)
    return replace(event, data=replace(event.data, fault=kind))


EVENTS = {
    "leaked": _violation(a_violation(), leaked=3),
    "redacted": _violation(a_violation()),
    "injection": _violation(tagged_violation(), severity="high"),
    "mild injection": _violation(tagged_violation(), severity="low"),
    "blocked": _violation(a_violation(), done="block", severity="critical"),
    "unread": _fault(FaultKind.UNSCANNED),
    "no service": _fault(FaultKind.UNAVAILABLE),
    "lost": _fault(FaultKind.EVENTS_LOST),
    "slow": _fault(FaultKind.DETECTOR_LATE),
    "refused": a_policy_change(PolicyStep.REFUSED),
    "rolled back": a_policy_change(PolicyStep.ROLLED_BACK),
    "canary": a_policy_change(PolicyStep.CANARY_STOPPED),
    "loaded": a_policy_change(PolicyStep.LOADED),
    "decision": a_stream_decision(),
}
FOUND = {
    "text-left-before-its-rule": {"leaked"},
    "prompt-injection": {"injection"},
    "blocked": {"blocked"},
    "passed-unread": {"unread", "no service"},
    "events-lost": {"lost"},
    "policy-refused": {"refused", "rolled back", "canary"},
}


def _at(tree: Any, path: str) -> Any:
    for name in path.split("."):
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _holds(document: dict[str, Any], key: str, wanted: Any) -> bool:
    """One line of a Sigma selection: a field, perhaps compared; a list means any of it."""
    field, _, how = key.partition("|")
    value = _at(document, field)
    if how:
        return value is not None and (value >= wanted if how == "gte" else value > wanted)
    values, options = ({*each} if isinstance(each, list) else {each} for each in (value, wanted))
    return bool(values & options)


@pytest.mark.parametrize("name", RULES)
def test_a_sigma_rule_finds_what_it_is_for_and_nothing_else(name: str) -> None:
    rule = RULES[name]
    assert rule["detection"]["condition"] == "selection"
    selection = rule["detection"]["selection"]
    documents = {which: ecs(event.data) for which, event in EVENTS.items()}
    found = {which for which, each in documents.items() if all(_holds(each, *line) for line in selection.items())}
    assert found == FOUND[name]


def _leaves(tree: Any, path: str = "") -> Iterator[str]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _leaves(value, f"{path}.{name}".lstrip("."))
    else:
        yield path


FIELDS = {leaf for event in [*EVENTS.values(), tagged_violation()] for leaf in _leaves(ecs(event.data))}
_FIELD = re.compile(r"\b(?:event|error|tidegate|organization|service|rule)(?:\.\w+)+")


@pytest.mark.parametrize("name", RULES)
def test_sentinel_asks_for_what_the_sigma_rule_does(name: str) -> None:
    rule = YAML(typ="safe", pure=True).load((SIEM / f"sentinel/{name}.yaml").read_text())
    sigma = RULES[name]
    assert rule["id"] == sigma["id"]
    assert rule["name"] == sigma["title"]
    conditions = [line for line in rule["query"].splitlines() if "| where" in line]
    assert len(conditions) == len(sigma["detection"]["selection"])
    for line, (key, wanted) in zip(conditions, sigma["detection"]["selection"].items(), strict=True):
        assert key.partition("|")[0] in line
        assert all(str(each) in line for each in (wanted if isinstance(wanted, list) else [wanted]))


def test_elastic_and_splunk_have_every_rule() -> None:
    elastic = [json.loads(line) for line in (SIEM / "elastic/rules.ndjson").read_text().splitlines()]
    assert {each["name"] for each in elastic} == {rule["title"] for rule in RULES.values()}
    splunk = (SIEM / "splunk/savedsearches.conf").read_text()
    assert {*re.findall(r"^\[(.+)\]$", splunk, re.MULTILINE)} == {
        "default",
        *(rule["title"] for rule in RULES.values()),
    }
    assert splunk.count('"tags{}"=') == 1


@pytest.mark.parametrize(
    "path", sorted(p for p in SIEM.rglob("*") if p.suffix in {".yml", ".yaml", ".ndjson", ".conf"})
)
def test_every_field_is_one_of_the_view(path: Path) -> None:
    text = path.read_text().replace("\\", "")
    values = {f"tidegate.{kind}" for kind in ("violation", "fault", "policy")}
    assert {*_FIELD.findall(text)} - values - FIELDS == set()
