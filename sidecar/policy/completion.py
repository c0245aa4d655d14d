"""The labels and topics of each detector in the JSON Schema, so that editors complete them.

A detector with a model of the author's may have labels that nobody here knows: there the known ones are offered, and
others are let through. Where a detector's labels are its own, others are refused, as the compiler does.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from detectors.base import DetectorError, DetectorType, offered_words
from sidecar.policy.language import title_of


def completed(schema: Mapping[str, Any], detectors: Iterable[type[DetectorType]]) -> dict[str, Any]:
    """The schema of policies with what each of its detectors can find, as far as that is known without a policy."""
    whole = copy.deepcopy(dict(schema))
    for detector in detectors:
        properties = whole["$defs"][title_of(detector.name)]["properties"]
        is_open = "model" in detector.params.model_fields
        if labels := _labels(detector):
            properties["labels"]["oneOf"] = [
                _completed_form(form, labels, is_open=is_open) for form in properties["labels"]["oneOf"]
            ]
        for key, words in offered_words(detector).items():
            _offer(properties[key]["items"], words, is_open=is_open)
    return whole


def _labels(detector: type[DetectorType]) -> Sequence[str]:
    """The labels of a detector that is told nothing; none where the author gives them."""
    try:
        return sorted(detector.labels_of(detector.params()))
    except (DetectorError, ValidationError):
        return ()


def _completed_form(form: Mapping[str, Any], labels: Sequence[str], *, is_open: bool) -> dict[str, Any]:
    """A list of labels, or a mapping from labels to scores, with the labels that there are."""
    if form.get("type") == "array":
        return {**form, "items": _word(labels, is_open=is_open)}
    score = form["additionalProperties"]
    others = score if is_open else False
    return {**form, "properties": dict.fromkeys(labels, score), "additionalProperties": others}


def _offer(items: dict[str, Any], words: Sequence[str], *, is_open: bool) -> None:
    """Have the texts among the items of a list be one of the words."""
    for number, choice in enumerate(items["anyOf"]):
        if choice.get("type") == "string":
            items["anyOf"][number] = _word(words, is_open=is_open)


def _word(words: Sequence[str], *, is_open: bool) -> dict[str, Any]:
    known = {"enum": [*words]}
    return {"anyOf": [known, {"type": "string"}]} if is_open else known
