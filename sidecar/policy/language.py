"""The policy language as JSON Schema: for editors to complete from, and for error messages that know every key.

Made from the models of `schema`; what a detector takes comes from its own `params` model, as one branch of `detect`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from detectors.base import DetectorType
from sidecar.policy.schema.cases import PolicyTestSpec
from sidecar.policy.schema.policy import PolicySpec


def json_schema(detectors: Iterable[type[DetectorType]]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a policy document, with one branch of `detect` per detector."""
    schema = PolicySpec.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema["$defs"]
    common = definitions.pop("Detect")
    definitions["ExceptionSpec"] = _with_lists(definitions["ExceptionSpec"])
    branches = []
    for detector in sorted(detectors, key=lambda each: each.name):
        title = title_of(detector.name)
        definitions |= _with_lists(_own_definitions(detector, title))
        definitions[title] = _detect_branch(detector, common, title)
        branches.append({"$ref": f"#/$defs/{title}"})
    definitions["Detect"] = {"description": common["description"], "oneOf": branches} if branches else common
    schema["$defs"] = dict(sorted(definitions.items()))
    head = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "Tidegate policy",
        "description": "One policy of Tidegate. Made by `tidegate policy schema`, not edited by hand.",
    }
    language: dict[str, Any] = _without_null(schema | head)
    return language


def json_schema_of_tests() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file of tests."""
    head = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "Tests of Tidegate policies",
        "description": "Tests beside policies. Made by `tidegate policy schema --tests`, not edited by hand.",
    }
    language: dict[str, Any] = _without_null(PolicyTestSpec.model_json_schema(by_alias=True) | head)
    return language


_LIST_USE = {
    "type": "object",
    "description": "The values of a list in the folder `lists` beside the policy's file.",
    "properties": {"list": {"type": "string", "description": "The list's name."}},
    "required": ["list"],
    "additionalProperties": False,
}
"""What may stand in place of a list of texts."""


def _with_lists(node: Any) -> Any:
    """The same schema with `{list: NAME}` where a list of texts may stand."""
    if isinstance(node, list):
        return [_with_lists(each) for each in node]
    if not isinstance(node, dict):
        return node
    inner = {key: _with_lists(value) for key, value in node.items()}
    if node.get("type") != "array" or node.get("items", {}).get("type") != "string":
        return inner
    about = {key: value for key, value in inner.items() if key in {"description", "default", "title"}}
    return about | {"anyOf": [{key: value for key, value in inner.items() if key not in about}, _LIST_USE]}


def _detect_branch(detector: type[DetectorType], common: dict[str, Any], title: str) -> dict[str, Any]:
    params = _with_lists(_prefixed(detector.params.model_json_schema(by_alias=True), title))
    name = {"const": detector.name, "description": detector.summary}
    return {
        "type": "object",
        "description": detector.summary,
        "properties": common["properties"] | {"detector": name} | params.get("properties", {}),
        "required": ["detector", *params.get("required", [])],
        "additionalProperties": False,
    }


def _own_definitions(detector: type[DetectorType], title: str) -> dict[str, Any]:
    params = _prefixed(detector.params.model_json_schema(by_alias=True), title)
    return {f"{title}{name}": definition for name, definition in params.get("$defs", {}).items()}


def _prefixed(node: Any, title: str) -> Any:
    """The same schema with its references moved into the detector's own names."""
    if isinstance(node, list):
        return [_prefixed(each, title) for each in node]
    if not isinstance(node, dict):
        return node
    moved = {key: _prefixed(value, title) for key, value in node.items()}
    if isinstance(moved.get("$ref"), str):
        moved["$ref"] = re.sub(r"^#/\$defs/", f"#/$defs/{title}", moved["$ref"])
    return moved


def _without_null(node: Any) -> Any:
    """The same schema without `null`: a key without a value is an error, so no editor should offer it."""
    if isinstance(node, list):
        return [_without_null(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _without_null(value) for key, value in node.items() if not (key == "default" and value is None)}
    choices = [each for each in kept.get("anyOf", []) if each != {"type": "null"}]
    if len(choices) == 1:
        return choices[0] | {key: value for key, value in kept.items() if key != "anyOf"}
    return kept | ({"anyOf": choices} if choices else {})


def title_of(name: str) -> str:
    """What the schema calls the branch of a detector."""
    return "Detect" + "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", name))


def keys_at(schema: Mapping[str, Any], path: Iterable[str | int], document: Any) -> dict[str, str]:
    """The keys that `document` may have at `path` by the schema, with their descriptions; none where no mapping is."""
    nodes = [schema]
    value = document
    for step in path:
        nodes = [child for node in _branches(schema, nodes, value) for child in _child(node, step)]
        value = _step(value, step)
    keys: dict[str, str] = {}
    for node in _branches(schema, nodes, value):
        for key, child in node.get("properties", {}).items():
            keys.setdefault(key, _description(schema, child))
    return keys


def _description(schema: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """What a key is for: its own description, or that of what it refers to."""
    if "description" in node or "$ref" not in node:
        return str(node.get("description", ""))
    return str(_target(schema, node).get("description", ""))


def _target(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    target: Mapping[str, Any] = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return target


def _branches(schema: Mapping[str, Any], nodes: Iterable[Mapping[str, Any]], value: Any) -> list[Mapping[str, Any]]:
    """The nodes, references and choices resolved; of a choice, the branches whose fixed keys agree with the value."""
    resolved: list[Mapping[str, Any]] = []
    for node in nodes:
        if "$ref" in node:
            resolved += _branches(schema, [_target(schema, node)], value)
        elif choices := node.get("oneOf") or node.get("anyOf"):
            every = _branches(schema, choices, value)
            resolved += [branch for branch in every if _agrees(branch, value)] or every
        else:
            resolved.append(node)
    return resolved


def _agrees(node: Mapping[str, Any], value: Any) -> bool:
    """Whether `value` has the fixed keys of `node` as they must be, and at least one of its keys."""
    if not isinstance(value, Mapping):
        return True
    properties = node.get("properties", {})
    fixed = (key for key, child in properties.items() if "const" in child and key in value)
    return any(key in properties for key in value) and all(value[key] == properties[key]["const"] for key in fixed)


def _child(node: Mapping[str, Any], step: str | int) -> list[Mapping[str, Any]]:
    if isinstance(step, int):
        return [node["items"]] if "items" in node else []
    properties = node.get("properties", {})
    if step in properties:
        return [properties[step]]
    additional = node.get("additionalProperties")
    return [additional] if isinstance(additional, Mapping) else []


def _step(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else None
    return value.get(step) if isinstance(value, Mapping) else None
