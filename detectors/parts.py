"""A detector in parts: several detectors behind one name, of which a policy pays only for those that it reads.

`pii` finds numbers by their form, inline, and names by a model, in batches. A policy author writes one name for both;
whoever builds detectors asks `parts_of` which of them a rule's labels need, so that a rule that reads e-mail addresses
never loads or runs the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Protocol, runtime_checkable

import msgspec

from detectors.base import Detector, DetectorType, Params


class Member(msgspec.Struct, frozen=True):
    """One detector of several: what it finds, and how to make it.

    `build` raises `DetectorError` as `DetectorType.build` does. A rule that names no labels reads the parts that are
    `is_default`.
    """

    labels: frozenset[str]
    build: Callable[[], Detector]
    is_default: bool = True


@runtime_checkable
class InParts(Protocol):
    """What a detector type in parts has beside `DetectorType`."""

    def parts(self, params: Params) -> Sequence[Member]:
        """The parts with these parameters; makes none of them."""
        ...


def parts_of(kind: type[DetectorType], params: Params) -> Sequence[Member]:
    """The parts of a detector type: its own, or all of it as one."""
    in_parts = _in_parts(kind)
    if in_parts is not None:
        return in_parts.parts(params)
    return [Member(frozenset(kind.labels_of(params)), lambda: kind.build(params))]


@cache
def _in_parts(kind: object) -> InParts | None:
    """The detector type, where it is one in parts: to ask takes 40 us."""
    return kind if isinstance(kind, InParts) else None


def default_labels(parts: Iterable[Member]) -> frozenset[str]:
    """The labels that a rule reads which names none."""
    return frozenset().union(*(part.labels for part in parts if part.is_default))


def parts_for(parts: Sequence[Member], labels: Iterable[str]) -> list[int]:
    """Which of the parts find any of the labels, by number."""
    wanted = frozenset(labels)
    return [number for number, part in enumerate(parts) if part.labels & wanted]
