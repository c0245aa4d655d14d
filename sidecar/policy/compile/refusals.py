"""What is wrong with a policy, gathered while it is compiled."""

from __future__ import annotations

from detectors.base import DetectorError
from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.explain import split
from sidecar.policy.loader import Place, Source


class Refusals:
    """The errors of one document, each at its place."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.errors: list[PolicyError] = []

    def refuse(self, place: Place, code: Code, message: str, remedy: str, *, at_key: bool = False) -> None:
        """Note what is wrong at `place`, and what to do about it."""
        self.errors.append(self.source.error(place, code, message, remedy, at_key=at_key))

    def refuse_detector(self, place: Place, error: DetectorError) -> None:
        """Note that a detector refuses the parameters of the rule at `place`."""
        message, remedy = split(str(error))
        self.refuse((*place, "detect", *error.path), _code_of(error), message, remedy)


def _code_of(error: DetectorError) -> Code:
    """What kind of parameter the detector refuses, by where it stands."""
    if error.path[-1:] == ("regex",):
        return Code.WRONG_REGEX
    if error.path[:1] in {("deny",), ("allow",)}:
        return Code.UNKNOWN_TOPIC
    return Code.UNUSABLE_DETECTOR if error.path == ("model",) else Code.REFUSED_PARAMETERS
