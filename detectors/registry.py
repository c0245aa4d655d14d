"""Which detectors there are. An explicit table; a module is imported when its detector is first asked for.

Outside packages add a detector through the entry-point group `tidegate.detectors` (name -> a class with the shape of
`detectors.base.DetectorType`) and touch nothing here. A name in the table cannot be taken over from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import metadata

from detectors.base import DetectorError, DetectorType
from detectors.suggestion import closest

ENTRY_POINTS = "tidegate.detectors"


def get(name: str) -> type[DetectorType]:
    """The detector type of that name.

    Raises `DetectorError`: there is none (with the names that look like it), or a package's detector cannot be loaded.
    """
    if name in _BUILT_IN:
        return _built_in(name)
    if name in _outside():
        return _load(name)
    raise DetectorError(f"there is no detector {name!r}; {_suggestion(name)}")


def names() -> tuple[str, ...]:
    """All names, the built-in ones first."""
    return (*_BUILT_IN, *sorted(_outside()))


def all_types() -> dict[str, type[DetectorType]]:
    """Every detector type by name; imports them all. Raises `DetectorError` as `get` does."""
    return {name: get(name) for name in names()}


_BUILT_IN: Mapping[str, str] = {
    "patterns": "detectors.patterns:Patterns",
    "secrets": "detectors.secrets.detector:Secrets",
    "pii": "detectors.pii.detector:Pii",
    "invisible_text": "detectors.invisible_text:InvisibleText",
    "links": "detectors.links.detector:Links",
    "tools": "detectors.tools:Tools",
    "task_adherence": "detectors.task_adherence.detector:TaskAdherence",
    "format": "detectors.format.detector:Format",
    "injection": "detectors.injection:Injection",
    "toxicity": "detectors.toxicity:Toxicity",
    "topic": "detectors.topic:Topic",
    "grounding": "detectors.grounding.detector:GroundingChecker",
}
"""Where each is, as an entry point says it: nothing here is imported before it is asked for."""


@cache
def _outside() -> Mapping[str, metadata.EntryPoint]:
    return {point.name: point for point in metadata.entry_points(group=ENTRY_POINTS) if point.name not in _BUILT_IN}


@cache
def _built_in(name: str) -> type[DetectorType]:
    loaded: type[DetectorType] = metadata.EntryPoint(name, _BUILT_IN[name], ENTRY_POINTS).load()
    return loaded


def _load(name: str) -> type[DetectorType]:
    point = _outside()[name]
    try:
        loaded: type[DetectorType] = point.load()
    except Exception as error:  # whatever a stranger's module raises, the author must read which one it was
        raise DetectorError(
            f"the detector {name!r} ({point.value}) cannot be loaded: {type(error).__name__}"
        ) from error
    return loaded


def _suggestion(name: str) -> str:
    meant = closest(name, names())
    return f"did you mean {meant!r}?" if meant else f"there are: {', '.join(names())}"
