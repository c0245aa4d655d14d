"""Checks custom resources against the models that packages carry: crds.py < documents as JSON, telling what is wrong.

Runs in the environment that `make deploy-tools` makes. The models pass over keys that they do not know, so their JSON
Schema is used, and made strict.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any

from jsonschema import Draft202012Validator

MODELS = {
    "networking.istio.io/v1": "cloudcoil.models.istio.networking.v1",
    "networking.istio.io/v1alpha3": "cloudcoil.models.istio.networking.v1alpha3",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
}
"""Version -> module. Each takes seconds to import, so only those that are asked for are."""


def faults(document: dict[str, Any]) -> list[str]:
    """What is wrong with a resource, with its place."""
    model = getattr(import_module(MODELS[document["apiVersion"]]), document["kind"])
    schema = strict(model.model_json_schema(by_alias=True))
    name = f"{document['kind']} {document['metadata']['name']}"
    return [
        f"{name}: {error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(document)
    ]


def strict(schema: Any) -> Any:
    """The same schema, in which an object has the properties it names and no others."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


if __name__ == "__main__":
    sys.stdout.write(json.dumps([fault for document in json.load(sys.stdin) for fault in faults(document)]))
