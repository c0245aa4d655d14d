"""The JSON Schema of the language: what editors complete, and what it refuses as the loader does."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from detectors import registry
from sidecar.policy.language import json_schema, keys_at
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
