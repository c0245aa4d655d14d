"""A detector in parts: who needs which, and that nothing is made before it is needed."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.base import Detector, Params
from detectors.invisible_text import InvisibleText, InvisibleTextParams
from detectors.parts import Member, default_labels, parts_for, parts_of
from detectors.pii.detector import Pii, PiiParams


class Twofold(InvisibleText):
    """A detector type in two parts."""

    @classmethod
    def parts(cls, params: Params) -> Sequence[Member]:
        """A cheap part and a dear one."""
        return (
            Member(frozenset({"A", "B"}), lambda: cls.build(params)),
            Member(frozenset({"B", "C"}), lambda: cls._dear(params), is_default=False),
        )

    @staticmethod
    def _dear(params: Params) -> Detector:
        raise AssertionError("made although nothing reads it")


def test_a_rule_needs_the_parts_that_find_its_labels() -> None:
    parts = parts_of(Twofold, InvisibleTextParams())
    assert parts_for(parts, ["A"]) == [0]
    assert parts_for(parts, ["C"]) == [1]
    assert parts_for(parts, ["B"]) == parts_for(parts, ["A", "C"]) == [0, 1]
    assert parts_for(parts, ["D"]) == []


def test_a_rule_without_labels_reads_the_default_parts() -> None:
    assert default_labels(parts_of(Twofold, InvisibleTextParams())) == {"A", "B"}


def test_a_detector_without_parts_is_one() -> None:
    params = InvisibleTextParams()
    (part,) = parts_of(InvisibleText, params)
    assert part.labels == set(InvisibleText.labels_of(params)) == default_labels(parts_of(InvisibleText, params))
    assert part.build().labels == part.labels


def test_names_are_no_default_of_pii() -> None:
    params = PiiParams(model="no-such-model")
    assert not {"PERSON", "ADDRESS"} & default_labels(parts_of(Pii, params))
    assert {"PERSON", "ADDRESS"} <= set(Pii.labels_of(params))
