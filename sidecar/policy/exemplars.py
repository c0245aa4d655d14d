"""Exemplars by name: where a rule's `detect` says `exemplars: NAME`, it is given the digest of what NAME holds now.

So they are part of the policy's digest: whoever keeps a policy keeps its exemplars, and with other ones it is another
policy. What is wrong with them is told where they are named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from detectors.base import DetectorError
from detectors.models.exemplar_sets import Exemplars, keep
from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.document import Document, Place

Find: TypeAlias = Callable[[str], Exemplars | DetectorError | None]
"""The exemplars of that name, or what is wrong with them; None: there are none."""
KEY = "exemplars"
_STANDS_IN = Exemplars("", ())
"""For what is not there, or wrong: nothing else is said about it then."""


def with_exemplars(document: Document, find: Find) -> Document:
    """The document with the digests of the exemplars that its rules name."""
    rules = document.value.get("rules") if isinstance(document.value, dict) else None
    if not isinstance(rules, list):
        return document
    errors: list[PolicyError] = []
    filled = [
        _rule(document, rule, ("rules", number, "detect", KEY), find, errors) for number, rule in enumerate(rules)
    ]
    return replace(document, value={**document.value, "rules": filled}, errors=(*document.errors, *errors))


def _rule(document: Document, rule: Any, place: Place, find: Find, errors: list[PolicyError]) -> Any:
    detect = rule.get("detect") if isinstance(rule, dict) else None
    if not isinstance(detect, dict) or not isinstance(name := detect.get(KEY), str):
        return rule
    found = find(name)
    if isinstance(found, Exemplars):
        return {**rule, "detect": {**detect, KEY: f"{name}@{keep(found)}"}}
    if found is None:
        message = f"there are no exemplars `{name}`"
        remedy = f"put them into exemplars/{name}.jsonl beside the policy's file, or name a store in the settings"
        errors.append(document.source.error(place, Code.UNKNOWN_EXEMPLARS, message, remedy))
    else:
        message = f"the exemplars `{name}` are wrong: {found}"
        remedy = "correct them; `tidegate exemplars check` tells more"
        errors.append(document.source.error(place, Code.WRONG_EXEMPLARS, message, remedy))
    return {**rule, "detect": {**detect, KEY: f"{name}@{keep(_STANDS_IN)}"}}
