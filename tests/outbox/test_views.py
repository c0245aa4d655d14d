"""Views: every kind of event in OCSF and ECS, checked by these standards' own schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace as replace_plan
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft7Validator
from msgspec.structs import replace

from sidecar.outbox.builders import decision_event, violation_event
from sidecar.outbox.encode import encode_line
from sidecar.outbox.event import OF_STREAMS, Event, Kind, PolicyStep, StreamDecision, UsageRef, Verdict, Violation
from sidecar.outbox.views import ViewName, line, shown
from sidecar.outbox.views.ecs import ecs
from sidecar.outbox.views.ocsf import ocsf
from sidecar.values import Action, ActionName, Enforcement, Exposure
from tests.outbox.samples import (
    INFO,
    NOW,
    TRACE,
    a_decision,
    a_fault,
    a_label,
    a_plan,
    a_policy_change,
    a_violation,
    numbered,
    one_of_each,
)

FOLDER = Path(__file__).with_name("ocsf")
SCHEMAS = {int(path.stem): json.loads(path.read_text()) for path in FOLDER.glob("[0-9]*.json")}
CAPTIONS: dict[str, dict[str, dict[str, str]]] = json.loads((FOLDER / "captions.json").read_text())
ECS_FIELDS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("ecs_fields.json").read_text())
OURS = ("tidegate.", "labels.")


def tagged_violation(**changes: Any) -> Event:
    """The violation of a rule about secrets in prompts, with tags, by a model."""
    usual = a_plan()
    tags = {"owasp": ("LLM01:2025", "ASI01:2026"), "atlas": ("AML.T0051.001", "AML.T0054")}
    rule = replace_plan(usual.rules[0], detector="injection", tags=tags)
    info = replace(INFO, attributes={"gen_ai.agent.id": "a-7", "gen_ai.agent.name": "Agent", "provider": "Acme"})
    decision = replace(a_decision(), model="encoder-1", **changes)
    return violation_event(info, replace_plan(usual, rules=(rule,)), decision, NOW)


def bare_violation() -> Event:
    """A violation of a stream of which the application says nothing."""
    info = replace(INFO, tenant="", session_id="", request_id="", trace="", labels={}, attributes={}, model="")
    return a_violation(info)


def all_events() -> list[Event]:
    policies = [a_policy_change(step) for step in PolicyStep]
    labels = [a_label(verdict, **({"rule": "test/rule-0"} if verdict in OF_STREAMS else {})) for verdict in Verdict]
    return [*one_of_each(), tagged_violation(), bare_violation(), *policies, *labels]


each_event = pytest.mark.parametrize("event", all_events(), ids=lambda event: event.kind)


def seen(view: ViewName, event: Event) -> dict[str, Any]:
    """What the view shows, as JSON."""
    value = line(view, numbered(event), NOW + 1)
    assert value is not None
    assert value.endswith(b"\n")
    read: dict[str, Any] = json.loads(value)
    return read


def test_the_samples_have_every_kind():
    assert {event.kind for event in all_events()} == set(Kind)


# --- OCSF -------------------------------------------------------------------------------------------------------------


@each_event
def test_ocsf_is_valid_by_the_schema_of_its_class(event: Event):
    value = seen("ocsf", event)
    schema = SCHEMAS[value["class_uid"]]
    Draft7Validator.check_schema(schema)
    assert [error.message for error in Draft7Validator(schema).iter_errors(value)] == []
    assert value["type_uid"] == value["class_uid"] * 100 + value["activity_id"]
    assert value["type_name"] == f"{value['class_name']}: {value['activity_name']}"


@pytest.mark.parametrize(
    "broken", [{"action_id": 5}, {"ai_agent": {"uid": "a"}}, {"metadata": {}}, {"nonsense": 1}], ids=str
)
def test_the_schema_refuses_what_the_class_does_not_have(broken: dict[str, Any]):
    value = seen("ocsf", a_violation()) | broken
    assert not Draft7Validator(SCHEMAS[2004]).is_valid(value)


@each_event
def test_ocsf_captions_are_those_of_their_numbers(event: Event):
    value = seen("ocsf", event)
    for name, captions in CAPTIONS[str(value["class_uid"])].items():
        sibling = {"activity_id": "activity_name"}.get(name, name.removesuffix("_id"))
        if value.get(name, 99) != 99:
            assert value[sibling] == captions[str(value[name])], name


def test_an_activity_of_the_standard_has_its_name():
    assert seen("ocsf", a_violation())["type_uid"] == 200401
    assert seen("ocsf", a_policy_change(PolicyStep.ROLLED_BACK))["activity_name"] == "Activate"


@pytest.mark.parametrize(
    ("done", "outcome"),
    [
        ("allow", (3, 15)),
        ("annotate", (4, 18)),
        ("advise", (4, 18)),
        ("redact", (4, 11)),
        ("withhold", (2, 6)),
        ("block", (2, 2)),
    ],
)
def test_what_was_done_is_action_and_disposition(done: ActionName, outcome: tuple[int, int]):
    value = seen("ocsf", violation_event(INFO, a_plan(), a_decision(done=Action.of(done)), NOW))
    assert (value["action_id"], value["disposition_id"]) == outcome


def test_every_action_is_told():
    assert {Action.of(word) for word in get_args(ActionName)} == set(Action)


def test_a_text_that_left_in_part_was_corrected_in_part():
    decision = replace(a_decision(), exposure=Exposure(14, 4, 1.0))
    event = violation_event(INFO, a_plan(), decision, NOW)
    assert isinstance(event.data, Violation)
    assert event.data.exposure.leaked_chars == 4
    assert seen("ocsf", event)["disposition"] == "Partially Corrected"


def test_a_finding_says_who_what_why_and_under_which_policy():
    value = seen("ocsf", tagged_violation())
    info = value["finding_info"]
    assert value["metadata"]["tenant_uid"] == "acme"
    assert value["policy"] == {"name": "test", "version": "1", "uid": a_plan().digest, "is_applied": True}
    assert info["analytic"]["uid"] == "test/rule-0"
    assert info["analytic"]["related_analytics"] == [
        {"name": "injection", "version": "encoder-1", "type_id": 4, "type": "Learning (ML/DL)"}
    ]
    assert info["desc"] == "luhn"
    assert value["confidence_score"] == 90
    (evidence,) = value["evidences"]
    assert evidence["ai_agent"] == {
        "uid": "a-7",
        "name": "Agent",
        "instance_uid": "session-1",
        "ai_model": {"name": "some-model", "ai_provider": "Acme"},
    }
    assert evidence["data"]["threshold"] == 0.5
    assert evidence["data"]["evidence"]["shape"] == "9999 9999"


def test_published_lists_stand_where_the_standard_has_them():
    value = seen("ocsf", tagged_violation())
    assert [attack.get("sub_technique", attack["technique"])["uid"] for attack in value["attacks"]] == [
        "AML.T0051.001",
        "AML.T0054",
    ]
    assert value["attacks"][0]["technique"] == {
        "uid": "AML.T0051",
        "name": "LLM Prompt Injection",
        "src_url": "https://atlas.mitre.org/techniques/AML.T0051",
    }
    info = value["finding_info"]
    assert info["attacks"] == value["attacks"]
    assert {"name": "owasp", "values": ["LLM01:2025", "ASI01:2026"]} in info["tags"]
    assert {"LLM01:2025", "ASI01:2026", "AML.T0054"} <= {*info["types"]}


def test_what_is_only_observed_is_no_alert():
    rule = replace_plan(a_plan().rules[0], enforcement=Enforcement.SHADOW)
    plan = replace_plan(a_plan(), rules=(rule,))
    value = seen("ocsf", violation_event(INFO, plan, a_decision(done=Action.ALLOW), NOW))
    assert (value["is_alert"], value["policy"]["is_applied"], value["action_id"]) == (False, False, 3)
    assert seen("ocsf", a_violation())["is_alert"]


def test_an_exchange_has_the_profile_of_ai():
    decision = next(event for event in one_of_each() if event.kind is Kind.DECISION)
    value = seen("ocsf", decision)
    assert value["metadata"]["profiles"] == ["security_control", "ai_operation", "trace"]
    assert value["ai_agent"]["uid"] == "support-bot"
    assert value["trace"] == {"uid": TRACE}
    assert value["end_time"] - value["start_time"] == value["duration"] == 12


def test_the_chain_of_hashes_is_the_profile_of_record_integrity():
    event = a_violation()
    ids = replace(event.data.ids, producer="p-1", sequence=7, hash="ab" * 32, previous="cd" * 32)
    value = ocsf(replace(event.data, ids=ids))
    assert value is not None
    assert [error.message for error in Draft7Validator(SCHEMAS[2004]).iter_errors(value)] == []
    assert value["metadata"]["profiles"] == ["security_control", "record_integrity"]
    assert value["attestation"]["chain_uid"] == "p-1"
    assert value["attestation"]["fingerprint"]["value"] == "ab" * 32
    assert value["attestation"]["prev_event"]["uid"] == "p-1/6"
    assert value["attestation"]["prev_event"]["fingerprint"]["value"] == "cd" * 32
    first = ocsf(replace(event.data, ids=replace(ids, previous="")))
    assert first is not None
    assert "prev_event" not in first["attestation"]


def test_tokens_that_were_counted_stand_where_the_standards_have_them():
    data = next(event.data for event in one_of_each() if event.kind is Kind.DECISION)
    assert isinstance(data, StreamDecision)
    counted = replace(data, usage=UsageRef(input_tokens=70, output_tokens=7))
    value = ocsf(counted)
    assert value is not None
    assert [error.message for error in Draft7Validator(SCHEMAS[6003]).iter_errors(value)] == []
    said = {name: value["message_context"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    assert said == {"prompt_tokens": 70, "completion_tokens": 7, "total_tokens": 77}
    assert ecs(counted)["gen_ai"]["usage"] == {"input_tokens": 70, "output_tokens": 7}


# --- ECS --------------------------------------------------------------------------------------------------------------


@each_event
def test_ecs_has_only_fields_of_the_schema_and_our_own(event: Event):
    value = seen("ecs", event)
    unknown = [path for path, _ in leaves(value) if path not in ECS_FIELDS and not path.startswith(OURS)]
    assert unknown == []


@each_event
def test_ecs_fields_have_their_types(event: Event):
    for path, leaf in leaves(seen("ecs", event)):
        if path in ECS_FIELDS:
            field = ECS_FIELDS[path]
            assert isinstance(leaf, list) == field.get("array", False), path
            for one in leaf if isinstance(leaf, list) else [leaf]:
                assert isinstance(one, PYTHON_TYPES[field["type"]]), path
                assert one in field.get("allowed", [one]), path


@each_event
def test_ecs_types_are_those_that_the_category_expects(event: Event):
    said = seen("ecs", event)["event"]
    for category in said.get("category", []):
        assert {*said["type"]} <= {*ECS_FIELDS["event.category"]["types"][category]}


PYTHON_TYPES: dict[str, Any] = {
    "keyword": str,
    "match_only_text": str,
    "wildcard": str,
    "date": str,
    "long": int,
    "integer": int,
    "float": float,
}


def leaves(value: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Each field that holds no fields of its own, by its path."""
    for name, item in value.items():
        if isinstance(item, dict):
            yield from leaves(item, f"{path}{name}.")
        else:
            yield f"{path}{name}", item


def test_ecs_says_rule_technique_and_whose_it_was():
    value = seen("ecs", tagged_violation())
    assert value["rule"]["id"] == "test/rule-0"
    assert value["rule"]["uuid"] == a_plan().digest
    assert value["threat"]["technique"]["id"] == ["AML.T0051.001", "AML.T0054"]
    assert value["organization"] == {"id": "acme"}
    assert value["event"]["type"] == ["allowed", "info"]
    assert {"LLM01:2025", "AML.T0054"} <= {*value["tags"]}
    assert value["tidegate"]["kind"] == "violation"


def test_a_fault_says_its_error():
    value = seen("ecs", a_fault(INFO))
    assert value["error"] == {"code": "detector_late", "message": "timeout"}
    assert value["event"]["outcome"] == "failure"


# --- CloudEvents ------------------------------------------------------------------------------------------------------


@each_event
def test_the_native_form_is_what_the_file_sink_writes(event: Event):
    assert line("cloudevents", numbered(event), NOW + 1) == encode_line(numbered(event), NOW + 1)
    assert shown("cloudevents", numbered(event), NOW + 1) is not None


def test_no_view_shows_more_of_a_text_than_the_event_does():
    text = "Zanzibar-4711"
    event = violation_event(INFO, a_plan(), a_decision(text), NOW)
    for view in get_args(ViewName):
        assert text not in json.dumps(seen(view, event))


def test_a_stream_that_is_cancelled_failed():
    from sidecar.outbox.builders import Ending

    event = decision_event(INFO, Ending(ended="cancelled", done=Action.ALLOW, duration_ms=1), NOW)
    value = seen("ocsf", event)
    assert (value["status"], value["action"], value["disposition"]) == ("Failure", "Allowed", "Allowed")
