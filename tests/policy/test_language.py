"""The JSON Schema of the language: what editors complete, and what it refuses as the loader does."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from detectors import registry
from sidecar.policy.completion import completed
from sidecar.policy.language import json_schema, keys_at, title_of
from tests.policy.doubles import CATALOG

SCHEMA = json_schema([CATALOG.get("words"), CATALOG.get("tone")])


def document(**rule: Any) -> dict[str, Any]:
    words = {"id": "r", "detect": {"detector": "words", "words": {"NAME": ["Bob"]}}, "action": "annotate"}
    return {
        "apiVersion": "tidegate.dev/v1",
        "kind": "Policy",
        "metadata": {"name": "p", "version": "1"},
        "rules": [words | rule],
    }


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({}, id="the least"),
        pytest.param({"action": {"redact": {"with": "mask", "keep_last": 4}}}, id="a redaction"),
        pytest.param({"action": {"block": {"message": "no"}}}, id="a block"),
        pytest.param({"detect": {"detector": "tone", "labels": ["rude"], "threshold": 0.5}}, id="a list of labels"),
        pytest.param({"detect": {"detector": "tone", "labels": {"rude": 1}}}, id="labels with thresholds"),
    ],
)
def test_it_takes_what_is_right(rule: dict[str, Any]) -> None:
    jsonschema.validate(document(**rule), SCHEMA)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"whenever": "x"}, id="an unknown key"),
        pytest.param({"action": "blok"}, id="an unknown action"),
        pytest.param({"action": {"redact": {"with": "label", "keep_last": 4}}}, id="an option of another operator"),
        pytest.param({"detect": {"detector": "other"}}, id="an unknown detector"),
        pytest.param({"detect": {"detector": "tone", "words": {}}}, id="a parameter of another detector"),
        pytest.param({"detect": {"detector": "words"}}, id="a parameter is missing"),
        pytest.param({"detect": {"detector": "tone", "labels": {"rude": 2}}}, id="a threshold over 1"),
        pytest.param({"severity": None}, id="a key without a value"),
    ],
)
def test_it_refuses_what_is_wrong(rule: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document(**rule), SCHEMA)


def test_every_key_is_described() -> None:
    bare = [
        f"{name}.{key}"
        for name, definition in SCHEMA["$defs"].items()
        for key, value in definition.get("properties", {}).items()
        if not value.get("description")
    ]
    assert bare == []


def test_keys_are_those_of_the_detector_that_is_named() -> None:
    keys = keys_at(SCHEMA, ("rules", 0, "detect"), document())
    assert set(keys) == {"detector", "labels", "threshold", "parts", "channels", "words", "hold"}
    assert keys["words"] == "Words to find, by label."


def test_keys_of_a_redaction_are_those_of_its_operator() -> None:
    masked = document(action={"redact": {"with": "mask"}})
    keys = keys_at(SCHEMA, ("rules", 0, "action", "redact"), masked)
    assert set(keys) == {"with", "char", "keep_first", "keep_last", "in_tool_arguments", "by_label"}


def test_there_are_no_keys_where_no_mapping_is() -> None:
    assert keys_at(SCHEMA, ("rules", 0, "id"), document()) == {}


def test_it_takes_both_forms_of_a_keyword_list() -> None:
    """A detector's parameters may have short forms too."""
    schema = json_schema([registry.get("patterns")])
    for keywords in (["Kraken"], {"terms": ["Kraken"], "case_sensitive": True}):
        jsonschema.validate(document(detect={"detector": "patterns", "keywords": {"CODENAME": keywords}}), schema)


@pytest.mark.parametrize("name", registry.names())
def test_every_parameter_of_a_shipped_detector_is_described(name: str) -> None:
    definitions = json_schema([registry.get(name)])["$defs"]
    bare = [
        f"{title}.{key}"
        for title, definition in definitions.items()
        if title.startswith("Detect")
        for key, value in definition.get("properties", {}).items()
        if not value.get("description")
    ]
    assert bare == []


SHIPPED = [registry.get(name) for name in registry.names()]
COMPLETED = completed(json_schema(SHIPPED), SHIPPED)


@pytest.mark.parametrize(
    "detect",
    [
        {"detector": "pii", "labels": ["CREDIT_CARD"]},
        {"detector": "secrets", "labels": {"GITHUB_TOKEN": 0.9}},
        {"detector": "toxicity", "labels": ["insult"]},
        {"detector": "toxicity", "model": "my-model", "labels": {"rudeness": 0.5}},
        {"detector": "topic", "deny": ["medical", {"name": "rivals", "examples": ["Is Acme cheaper?"]}]},
        {"detector": "topic", "deny": ["cars"], "model": "my-model"},
        {"detector": "patterns", "patterns": [{"label": "X", "regex": "x"}], "labels": ["X"]},
    ],
)
def test_the_completed_schema_takes_what_is_right(detect: dict[str, Any]) -> None:
    jsonschema.validate(document(detect=detect), COMPLETED)


@pytest.mark.parametrize(
    "detect",
    [
        {"detector": "secrets", "labels": ["GITHUB"]},
        {"detector": "secrets", "labels": {"GITHUB": 0.9}},
        {"detector": "invisible_text", "labels": ["BIDI"]},
    ],
)
def test_the_completed_schema_refuses_labels_that_cannot_be(detect: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document(detect=detect), COMPLETED)


@pytest.mark.parametrize("name", ["pii", "secrets", "toxicity", "injection", "invisible_text", "grounding"])
def test_an_editor_is_offered_every_label(name: str) -> None:
    detector = registry.get(name)
    (as_list, as_mapping) = sorted(
        COMPLETED["$defs"][title_of(name)]["properties"]["labels"]["oneOf"], key=lambda form: str(form["type"])
    )
    labels = sorted(detector.labels_of(detector.params()))
    items = as_list["items"]
    assert (items if "enum" in items else items["anyOf"][0])["enum"] == labels
    assert sorted(as_mapping["properties"]) == labels


def test_an_editor_is_offered_the_trained_topics() -> None:
    known, _ = COMPLETED["$defs"]["DetectTopic"]["properties"]["deny"]["items"]["anyOf"][0]["anyOf"]
    assert {"medical", "politics", "weapons"} <= set(known["enum"])
