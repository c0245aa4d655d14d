"""What is wrong with a policy, gathered while it is compiled."""

from __future__ import annotations

from detectors.base import DetectorError
from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.document import Place, Source
from sidecar.policy.explain import split
from sidecar.policy.schema.base import WordingSpec
from sidecar.wording.languages import ELSE, Language


class Refusals:
    """The errors of one document, each at its place."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.errors: list[PolicyError] = []

    def refuse(
        self, place: Place, code: Code, message: str, remedy: str, *, at_key: bool = False, offset: int | None = None
    ) -> None:
        """Note what is wrong at `place`, or at a character of the text there, and what to do about it."""
        self.errors.append(self.source.error(place, code, message, remedy, at_key=at_key, offset=offset))

    def refuse_detector(self, place: Place, error: DetectorError) -> None:
        """Note that a detector refuses the parameters of the rule at `place`."""
        for each in (error, *error.others):
            message, remedy = split(str(each))
            self.refuse((*place, "detect", *each.path), _code_of(each), message, remedy)


def _code_of(error: DetectorError) -> Code:
    """What kind of parameter the detector refuses, by where it stands."""
    if error.path[-1:] == ("regex",):
        return Code.WRONG_REGEX
    if error.path[:1] in {("deny",), ("allow",)}:
        return Code.UNKNOWN_TOPIC
    return Code.UNUSABLE_DETECTOR if error.path == ("model",) else Code.REFUSED_PARAMETERS


def check_wording(refusals: Refusals, place: Place, spec: WordingSpec | None, language: Language) -> None:
    """Note that a text in several languages has none for readers of another one."""
    if isinstance(spec, dict) and not {ELSE, language.value} & spec.keys():
        message = "readers of other languages are told nothing"
        remedy = f"add `{language.value}`, the policy's language, or `{ELSE}`"
        refusals.refuse(place, Code.NOT_FOR_EVERYBODY, message, remedy, at_key=True)
