"""Which events are wanted: each condition by itself, several together, and what has no such field."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sidecar.outbox.builders import fault_event, policy_event
from sidecar.outbox.event import FaultKind, Kind, PolicyStep
from sidecar.outbox.selection import Selection, text_at
from tests.outbox.samples import INFO, NOW, a_fault, a_plan, a_stream_decision, a_violation

VIOLATION, DECISION, FAULT, POLICY = (
    a_violation().data,
    a_stream_decision().data,
    a_fault().data,
    policy_event(PolicyStep.LOADED, "test", NOW, plan=a_plan()).data,
)
EVENTS = {"v": VIOLATION, "d": DECISION, "f": FAULT, "p": POLICY}


def taken(**conditions: Any) -> str:
    """The events that are wanted, by their letters."""
    wanted = Selection(**conditions)
    return "".join(letter for letter, data in EVENTS.items() if wanted.accepts(data))


@pytest.mark.parametrize(
    ("conditions", "letters"),
    [
        ({}, "vdfp"),
        ({"kinds": ["violation", "policy"]}, "vp"),
        ({"min_severity": "medium"}, "vf"),
        ({"severities": ["low", "info"]}, "dp"),
        ({"policies": ["test"]}, "vdp"),
        ({"policies": ["other"]}, ""),
        ({"rules": ["rule-0"]}, "v"),
        ({"rules": ["test/rule-0"]}, "v"),
        ({"rules": ["other/rule-0"]}, ""),
        ({"rules": ["nothing", "rule-0"]}, "v"),
        ({"detectors": ["fake"]}, "v"),
        ({"labels": ["WORD"]}, "v"),
        ({"done": ["redact"]}, "vd"),
        ({"done": ["block", "allow"]}, ""),
        ({"tenants": ["acme", "other"]}, "vd"),
        ({"apps": ["support-bot"]}, "vd"),
        ({"sessions": ["session-1"], "kinds": ["decision"]}, "d"),
        ({"streams": ["stream-1"]}, "vd"),
        ({"fields": {"app.model": "some-model"}}, "vd"),
        ({"fields": {"detector.score": "0.9"}}, "v"),
        ({"fields": {"app.labels.app": "support-bot", "where.channel": "content"}}, "v"),
        ({"fields": {"app.model.nothing": "x"}}, ""),
        ({"since": "2026-09-21T14:13:20.250Z"}, "vdfp"),
        ({"since": "2026-09-21T14:13:20.251Z"}, ""),
        ({"until": "2026-09-21T14:13:20.250Z"}, ""),
        ({"until": "2026-09-21T14:13:20.251Z"}, "vdfp"),
    ],
    ids=str,
)
def test_conditions(conditions: dict[str, Any], letters: str):
    assert taken(**conditions) == letters


def test_a_fault_of_a_stream_is_the_application_s():
    data = fault_event(FaultKind.LOAD_SHED, "toxicity", NOW, info=INFO).data
    assert Selection(apps=("support-bot",), policies=("test",), tenants=("acme",)).accepts(data)


def test_a_label_with_a_dot_in_its_name_is_found():
    info = INFO.__class__(stream_id="s", direction=INFO.direction, policy="p", policy_version="1", policy_digest="d",
                          labels={"team.name": "eu"})  # fmt: skip
    assert text_at(a_violation(info).data, "app.labels.team.name") == "eu"


@pytest.mark.parametrize(
    "conditions",
    [
        {"kinds": ["nonsense"]},
        {"min_severity": "worst"},
        {"done": ["deleted"]},
        {"since": "yesterday"},
        {"rule": "misspelt key"},
    ],
    ids=str,
)
def test_what_no_event_can_be_is_refused(conditions: dict[str, Any]):
    with pytest.raises(ValidationError):
        Selection(**conditions)


def test_a_selection_without_conditions_is_known():
    assert Selection().is_everything
    assert not Selection(kinds=(Kind.FAULT,)).is_everything
