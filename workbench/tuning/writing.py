"""Changes one threshold in a policy's file, and nothing else of it: its layout and comments stay.

A number is put in the place of another one; a list of labels becomes a mapping, with the thresholds that they had. What
comes out is read again: were anything else of it different, the file would be left as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from sidecar.errors import TidegateError
from sidecar.policy.document import read_documents

_PLAIN = yaml.SafeLoader


def with_threshold(
    text: str, file: str, *, policy: str, rule: str, label: str, threshold: float, thresholds: Mapping[str, float]
) -> str:
    """The text of a policy file with another threshold for a label of a rule.

    `thresholds` are all that the rule has now. Raises `TidegateError` where that cannot be written without more.
    """
    detect = _detect(text, policy, rule)
    if detect is None:
        raise _refusal(file, f"there is no rule {policy}/{rule} in it that can be changed", "name one that is there")
    begin, end, written = _change(text, detect, label, threshold, thresholds) or (0, 0, "")
    if not written:
        whole = _flow({**thresholds, label: threshold})
        raise _refusal(
            file, f"rule {rule}: its labels are laid out in a way that would be lost", f"write labels: {whole}"
        )
    changed = text[:begin] + written + text[end:]
    if not _differs_in_labels_alone(text, changed, file):
        raise _refusal(file, f"rule {rule}: another threshold would change more than it", "write it by hand")
    return changed


def _detect(text: str, policy: str, rule: str) -> yaml.MappingNode | None:
    """The `detect` of a rule."""
    for document in yaml.compose_all(text, Loader=_PLAIN):
        if _scalar(_at(_at(document, "metadata"), "name")) != policy:
            continue
        rules = _at(document, "rules")
        for each in rules.value if isinstance(rules, yaml.SequenceNode) else []:
            detect = _at(each, "detect")
            if _scalar(_at(each, "id")) == rule and isinstance(detect, yaml.MappingNode):
                return detect
    return None


def _change(
    text: str, detect: yaml.MappingNode, label: str, threshold: float, thresholds: Mapping[str, float]
) -> tuple[int, int, str] | None:
    """From where to where what is written in place; None where it cannot be."""
    labels, whole = _at(detect, "labels"), _at(detect, "threshold")
    number, every = _number(threshold), _flow({**thresholds, label: threshold})
    if isinstance(labels, yaml.MappingNode):
        score = _at(labels, label)
        return None if score is None else (*_span(score), number)
    if whole is not None:  # it is the threshold of all labels
        return (*_span(whole), number) if thresholds.keys() == {label} else None
    if isinstance(labels, yaml.SequenceNode):
        begin, end = _span(labels)
        if "#" in text[begin:end] or not labels.flow_style:
            return None
        return begin, end, every
    return _added(text, detect, every) if labels is None else None


def _added(text: str, detect: yaml.MappingNode, labels: str) -> tuple[int, int, str] | None:
    """The labels behind the detector's name, where the rule names none."""
    found = next((pair for pair in detect.value if pair[0].value == "detector"), None)
    if found is None:
        return None
    key, name = found
    end: int = name.end_mark.index
    if detect.flow_style:
        return end, end, f", labels: {labels}"
    line = text.find("\n", end)
    end = len(text) if line < 0 else line
    return end, end, f"\n{' ' * key.start_mark.column}labels: {labels}"


def _differs_in_labels_alone(before: str, after: str, file: str) -> bool:
    """Whether two texts say the same but for `labels` and `threshold` of rules, and the second one is in order."""
    old, new = [*read_documents(before, file)], [*read_documents(after, file)]
    is_right = not any(each.errors for each in new) and len(old) == len(new)
    return is_right and all(_bare(one.value) == _bare(other.value) for one, other in zip(old, new, strict=True))


def _bare(document: Any) -> Any:
    """A document without its rules' labels and thresholds."""
    if not isinstance(document, dict) or not isinstance(document.get("rules"), list):
        return document
    return {**document, "rules": [_bare_rule(each) for each in document["rules"]]}


def _bare_rule(rule: Any) -> Any:
    detect = {key: value for key, value in rule["detect"].items() if key not in ("labels", "threshold")}
    return {**rule, "detect": detect}


def _at(node: Any, key: str) -> Any:
    """What stands at a key of a mapping; None where it is not there."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _scalar(node: Any) -> str | None:
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _span(node: Any) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index


def _number(threshold: float) -> str:
    return f"{threshold:g}"


def _flow(thresholds: Mapping[str, float]) -> str:
    """A mapping of labels as authors write it in one line."""
    return "{" + ", ".join(f"{name}: {_number(score)}" for name, score in thresholds.items()) + "}"


def _refusal(file: str, message: str, remedy: str) -> TidegateError:
    return TidegateError(f"{file} stays as it is: {message}; {remedy}")
