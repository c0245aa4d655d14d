"""What a rule looks for: its detector with parameters, the labels that count, and whose words it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from pydantic import ValidationError

from detectors.base import Detector, DetectorError, DetectorType, Params, Reads, default_reads
from detectors.parts import Member, default_labels, parts_for, parts_of
from sidecar.policy.codes import Code
from sidecar.policy.compile.refusals import Refusals
from sidecar.policy.document import Place
from sidecar.policy.explain import split, suggest
from sidecar.policy.language import json_schema
from sidecar.policy.loader import explain_all
from sidecar.policy.plan import RulePlan
from sidecar.policy.schema.detect import Detect
from sidecar.values import Channel, Direction, Part

_T = TypeVar("_T")

Made: TypeAlias = dict[str, Detector | DetectorError]
"""Detectors, or why they could not be made, by what they are and their parameters."""

_UNMADE = DetectorError("not made yet")
_SAID_BY_ALL = frozenset({Channel.CONTENT, Channel.OTHER})
"""The channels on which anybody says something."""


class Catalog(Protocol):
    """Where detectors are found by name: `detectors.registry`, or a smaller one."""

    def names(self) -> tuple[str, ...]:
        """The names of all detectors."""
        ...

    def get(self, name: str) -> type[DetectorType]:
        """The detector of that name. Raises `DetectorError`."""
        ...


@dataclass(frozen=True, slots=True)
class Detection:
    """What one rule looks for. `identities` name the detectors, which rules with the same parameters share."""

    params: Params
    reads: Reads
    thresholds: Mapping[str, float]
    identities: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Offer:
    """What a detector can find: its labels with the recommended thresholds, and which of its parts find them."""

    recommended: Mapping[str, float]
    parts: Sequence[Member]
    default: frozenset[str]
    """The labels of a rule that names none."""
    params: str
    """The parameters that make the detector what it is, in JSON."""

    @classmethod
    def of(cls, kind: type[DetectorType], params: Params, shared: str) -> _Offer:
        parts = parts_of(kind, params)
        return cls(kind.labels_of(params), parts, default_labels(parts), shared)


class DetectionCompiler:
    """Makes the detectors of one policy, each once, and notes what is wrong with what rules ask of them."""

    def __init__(
        self,
        refusals: Refusals,
        document: Any,
        catalog: Catalog,
        directions: Sequence[Direction] | None,
        made: Made | None = None,
    ) -> None:
        """`made` are the detectors that there are, of other policies too; what is new is added."""
        self._refusals = refusals
        self._document = document
        self._catalog = catalog
        self._directions = directions
        self._detectors = {} if made is None else made
        self._readers: dict[str, list[RulePlan]] = {}
        self._offers: dict[str, _Offer | DetectorError] = {}

    def compile(self, place: Place, detect: Detect) -> Detection | None:
        """What the rule at `place` looks for; None where that cannot be told. What is wrong is noted."""
        kind = self._kind(place, detect)
        if kind is None:
            return None
        reads = self._reads(place, detect, kind)
        params = self._params(place, detect, kind)
        if params is None:
            return None
        thresholds, identities = self._built(place, detect, kind, params)
        return Detection(params, reads, thresholds, identities)

    def look(self, place: Place, detect: Detect) -> None:
        """Note what is wrong with what a rule looks for that is wrong otherwise: of what it reads nothing is said."""
        kind = self._kind(place, detect)
        params = self._params(place, detect, kind) if kind else None
        if kind and params:
            self._built(place, detect, kind, params)

    def detectors(self, detection: Detection) -> Iterator[Detector]:
        """The detectors that could be made."""
        for identity in detection.identities:
            detector = self._detectors[identity]
            if not isinstance(detector, DetectorError):
                yield detector

    def read(self, plan: RulePlan, detection: Detection) -> None:
        """Have the rule read the detectors."""
        for identity in detection.identities:
            self._readers.setdefault(identity, []).append(plan)

    def readers(self) -> Iterator[tuple[Detector, tuple[RulePlan, ...]]]:
        """Each detector once, with the rules that read it."""
        for identity, rules in self._readers.items():
            detector = self._detectors[identity]
            if not isinstance(detector, DetectorError):
                yield detector, tuple(rules)

    def _kind(self, place: Place, detect: Detect) -> type[DetectorType] | None:
        name, where = detect.detector, (*place, "detect", "detector")
        names = self._catalog.names()
        if name not in names:
            self._refusals.refuse(where, Code.UNKNOWN_DETECTOR, f"there is no detector `{name}`", suggest(name, names))
            return None
        kind = _asked(lambda: self._catalog.get(name))
        if isinstance(kind, DetectorError):
            message, remedy = split(str(kind), "install what it needs, or leave it out")
            what = f"the detector `{name}` cannot be used: {message}"
            self._refusals.refuse(where, Code.UNUSABLE_DETECTOR, what, remedy)
            return None
        return kind

    def _reads(self, place: Place, detect: Detect, kind: type[DetectorType]) -> Reads:
        """Whose words it reads, on which channels. A rule that would read nothing is refused."""
        parts, channels, default = detect.parts, detect.channels, default_reads(kind)
        reads = default
        if parts or channels:
            reads = Reads(frozenset(parts or default.parts), frozenset(channels or default.channels))
        key = "channels" if parts is None else "parts"
        where = (*place, "detect", key) if parts or channels else (*place, "detect")
        if Part.MODEL not in reads.parts and not reads.channels & _SAID_BY_ALL:
            message = "it reads nothing: only a model thinks aloud and calls tools"
            remedy = "add `model` to `detect.parts`, or `content` to `detect.channels`"
            self._refusals.refuse(where, Code.READS_NOTHING, message, remedy)
        elif reads.parts == {Part.USER} and self._directions == [Direction.OUTPUT]:
            message = "it reads nothing: the policy takes outputs only, and no user speaks in them"
            remedy = "add `model` to `detect.parts`, or `input` to `match.directions`"
            self._refusals.refuse(where, Code.READS_NOTHING, message, remedy)
        return reads

    def _params(self, place: Place, detect: Detect, kind: type[DetectorType]) -> Params | None:
        try:
            params = _asked(lambda: kind.params.model_validate(detect.params))
        except ValidationError as error:
            where, source = (*place, "detect"), self._refusals.source
            self._refusals.errors += explain_all(error, source, where, self._document, json_schema([kind]))
            return None
        if isinstance(params, DetectorError):
            self._refusals.refuse_detector(place, params)
            return None
        return params

    def _built(
        self, place: Place, detect: Detect, kind: type[DetectorType], params: Params
    ) -> tuple[Mapping[str, float], Sequence[str]]:
        """The labels that count with their thresholds, and the detectors made that find them."""
        offer = self._offer(kind, params)
        if isinstance(offer, DetectorError):
            self._refusals.refuse_detector(place, offer)
            return {}, ()
        thresholds = self._thresholds(place, detect, kind, offer)
        return thresholds, self._build(place, kind, offer, thresholds)

    def _offer(self, kind: type[DetectorType], params: Params) -> _Offer | DetectorError:
        """What the detector can find with these parameters; asked once, however many rules give it the same."""
        stated = params.model_dump_json()
        key = f"{kind.name} {stated}"
        if key not in self._offers:
            shared = params.model_dump_json(exclude=set(params.rule_keys)) if params.rule_keys else stated
            self._offers[key] = _asked(lambda: _Offer.of(kind, params, shared))
        return self._offers[key]

    def _thresholds(self, place: Place, detect: Detect, kind: type[DetectorType], offer: _Offer) -> Mapping[str, float]:
        recommended, labels, threshold = offer.recommended, detect.labels, detect.threshold
        where = (*place, "detect", "labels")
        if isinstance(labels, Mapping) and threshold is not None:
            remedy = "keep one: a list of labels with `threshold`, or a score for each label"
            what = "`labels` states the least scores already"
            self._refusals.refuse((*place, "detect", "threshold"), Code.TWO_THRESHOLDS, what, remedy)
        if isinstance(labels, Mapping):
            self._check_labels(kind, recommended, {(*where, name): name for name in labels})
            return dict(labels)
        if labels is None:
            names = [name for name in recommended if name in offer.default]
        else:
            names = [*labels]
            self._check_labels(kind, recommended, {(*where, number): name for number, name in enumerate(labels)})
        return {name: recommended.get(name, 1.0) if threshold is None else threshold for name in names}

    def _check_labels(
        self, kind: type[DetectorType], recommended: Mapping[str, float], places: Mapping[Place, str]
    ) -> None:
        seen: set[str] = set()
        for place, name in places.items():
            if name in seen:
                what = f"`{name}` is listed twice"
                self._refusals.refuse(place, Code.REPEATED_LABEL, what, "keep one of the two", at_key=True)
            elif name not in recommended:
                message = f"the detector `{kind.name}` has no label `{name}` with these parameters"
                self._refusals.refuse(place, Code.UNKNOWN_LABEL, message, suggest(name, recommended), at_key=True)
            seen.add(name)

    def _build(
        self, place: Place, kind: type[DetectorType], offer: _Offer, thresholds: Mapping[str, float]
    ) -> list[str]:
        """Make the detector, or those of its parts that find any of the rule's labels; their identities."""
        identities = []
        for number in parts_for(offer.parts, thresholds) or range(len(offer.parts)):
            identity = f"{kind.name}.{number} {offer.params}"
            self._make(place, identity, offer.parts[number])
            identities.append(identity)
        return identities

    def _make(self, place: Place, identity: str, part: Member) -> None:
        if isinstance(self._detectors.get(identity, _UNMADE), DetectorError):
            self._detectors[identity] = _asked(part.build)
        detector = self._detectors[identity]
        if isinstance(detector, DetectorError):
            self._refusals.refuse_detector(place, detector)


def _asked(question: Callable[[], _T]) -> _T | DetectorError:
    """What a detector answers. It may be anyone's code: whatever it raises is a reason to refuse the policy."""
    try:
        return question()
    except ValidationError:
        raise
    except DetectorError as error:
        return error
    except ImportError as error:
        return DetectorError(
            f"it needs {error.name or 'a package'}, which cannot be loaded; install it, or leave it out"
        )
    except Exception as error:  # noqa: BLE001 - as said above
        return DetectorError(f"it failed with {type(error).__name__}; ask its authors, or leave it out")
