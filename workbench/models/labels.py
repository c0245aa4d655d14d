"""What a model's labels mean here: which of them add up to which label of the head that a detector reads.

A model says one logit for each of its labels. Tidegate's head says one for each of its own:

* of a softmax over labels that exclude each other, the odds of a group of labels against all others (injection,
  toxicity), or the group's share of the softmax (topic, tags); in either case the probabilities of the group add up;
* of independent labels (multi-label), the greatest of a group.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from detectors.models.card import Head
from sidecar.errors import ModelError

TAGS = "pii"
"""The head that has a row for each word piece."""
HEADS: Mapping[str, str] = {"injection": "sigmoid", "toxicity": "sigmoid", "topic": "softmax", TAGS: "softmax"}
"""The detectors that read a model, each by the head of its name, and the head's activation."""

OUTSIDE = "O"

_NOTHING = re.compile(
    r"label_0|safe|benign|legit\w*|normal|neutral|negative|clean|none|other|ok|no_\w+|non_\w+|not_\w+|unlabeled", re.I
)
"""Labels that say that nothing was found."""
_ALIASES: Mapping[str, Mapping[str, str]] = {
    "toxicity": {
        "toxic": "toxicity",
        "label_1": "toxicity",
        "severe_toxic": "severe_toxicity",
        "identity_hate": "identity_attack",
        "hate": "identity_attack",
        "obscenity": "obscene",
        "sexual": "sexual_explicit",
    },
    TAGS: {
        "PER": "PERSON",
        "LOC": "LOCATION",
        "GPE": "LOCATION",
        "ORG": "ORGANIZATION",
        "DATE": "DATE_TIME",
        "TIME": "DATE_TIME",
        "EMAIL": "EMAIL_ADDRESS",
        "PHONE": "PHONE_NUMBER",
        "GIVENNAME": "PERSON",
        "SURNAME": "PERSON",
        "STREET": "ADDRESS",
    },
}


@dataclass(frozen=True)
class HeadMap:
    """A head, and for each of its labels the numbers of the model's labels that it stands for."""

    name: str
    head: Head
    groups: tuple[tuple[int, ...], ...]
    combine: Literal["odds", "share", "greatest"]
    """How a group's logits become one; see the module."""

    @property
    def is_multi_label(self) -> bool:
        """Whether the model's labels are independent of each other."""
        return self.combine == "greatest"


def map_labels(
    detector: str,
    labels: Sequence[str],
    *,
    chosen: Mapping[str, str],
    thresholds: Mapping[str, float],
    is_multi_label: bool,
) -> HeadMap:
    """The head that `detector` reads, of a model with these labels.

    `chosen` maps the model's labels to Tidegate's, tags without `B-` and `I-`; what it leaves out counts as nothing.
    Without it the labels' names decide. Raises `ModelError` that names the model's labels when that does not do.
    """
    meant = [_meaning(detector, label, labels, chosen) for label in labels]
    _check_chosen(chosen, labels)
    if detector == TAGS and OUTSIDE not in labels:
        raise ModelError(f"a model that tags words needs the label {OUTSIDE!r}; this one has {_listed(labels)}")
    names = tuple(dict.fromkeys(name for name in meant if name))
    if not [name for name in names if name != OUTSIDE]:
        raise ModelError(f"say what the labels mean, with --label NAME=MEANING; the model has {_listed(labels)}")
    if detector == TAGS:  # what means nothing is outside
        meant = [name or OUTSIDE for name in meant]
    groups = tuple(tuple(index for index, name in enumerate(meant) if name == each) for each in names)
    combine: Literal["odds", "share", "greatest"] = (
        "greatest" if is_multi_label else "odds" if HEADS[detector] == "sigmoid" else "share"
    )
    if combine == "odds" and all(meant):
        raise ModelError(f"no label says that nothing was found, among {_listed(labels)}; map only those that do find")
    head = Head(
        output="tags" if detector == TAGS else detector,
        activation="softmax" if combine == "share" else "sigmoid",
        labels=names,
        thresholds=_thresholds(names, thresholds),
    )
    return HeadMap(detector, head, groups, combine)


def _meaning(detector: str, label: str, labels: Sequence[str], chosen: Mapping[str, str]) -> str:
    """Tidegate's label for one of the model's; empty: nothing found."""
    if detector == TAGS:
        return _tag_meaning(label, chosen)
    if chosen:
        return chosen.get(label, "")
    name = re.sub(r"\W+", "_", label.strip()).lower().strip("_")
    if detector == "topic":
        return name
    if _NOTHING.fullmatch(name):
        return ""
    if detector == "injection":
        return detector if len(labels) == 2 or name in ("injection", "jailbreak") else ""
    return _ALIASES[detector].get(name, name)


def _tag_meaning(label: str, chosen: Mapping[str, str]) -> str:
    if label == OUTSIDE:
        return OUTSIDE
    prefix, name = (label[:2], label[2:]) if label[:2] in ("B-", "I-") else ("", label)
    meaning = chosen.get(name, "") if chosen else _ALIASES[TAGS].get(name, name)
    return f"{prefix or 'I-'}{meaning}" if meaning else ""


def _check_chosen(chosen: Mapping[str, str], labels: Sequence[str]) -> None:
    known = {*labels, *(label[2:] for label in labels if label[:2] in ("B-", "I-"))}
    if chosen and not known & {*chosen}:
        raise ModelError(f"the model has no label {next(iter(chosen))!r}; it has {_listed(labels)}")


def _thresholds(names: Sequence[str], stated: Mapping[str, float]) -> dict[str, float]:
    plain = dict.fromkeys(re.sub(r"^[BI]-", "", name) for name in names if name != OUTSIDE)
    unknown = [name for name in stated if name not in plain]
    if unknown:
        raise ModelError(f"there is no label {unknown[0]!r} to set a threshold for; there are {_listed([*plain])}")
    return {name: stated.get(name, 0.5) for name in plain}


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(labels[:12])
    return f"{shown} and {len(labels) - 12} more" if len(labels) > 12 else shown
