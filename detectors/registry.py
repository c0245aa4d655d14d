"""Which detectors there are. An explicit table; a module is imported when its detector is first asked for.

Outside packages add a detector through the entry-point group `tidegate.detectors` (name -> a class with the shape of
`detectors.base.DetectorType`) and touch nothing here. A name in the table cannot be taken over from outside.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata

from detectors.base import DetectorError, DetectorType

ENTRY_POINTS = "tidegate.detectors"


def get(name: str) -> type[DetectorType]:
    """The detector type of that name.

    Raises `DetectorError`: there is none (with the names that look like it), or a package's detector cannot be loaded.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    if name in _outside():
        return _load(name)
    raise DetectorError(f"there is no detector {name!r}; {_suggestion(name)}")


def names() -> tuple[str, ...]:
    """All names, the built-in ones first."""
    return (*_BUILT_IN, *sorted(_outside()))


def all_types() -> dict[str, type[DetectorType]]:
    """Every detector type by name; imports them all. Raises `DetectorError` as `get` does."""
    return {name: get(name) for name in names()}


def _patterns() -> type[DetectorType]:
    from detectors.patterns import Patterns

    return Patterns


def _secrets() -> type[DetectorType]:
    from detectors.secrets import Secrets

    return Secrets


def _pii() -> type[DetectorType]:
    from detectors.pii.detector import Pii

    return Pii


def _invisible_text() -> type[DetectorType]:
    from detectors.invisible_text import InvisibleText

    return InvisibleText


def _injection() -> type[DetectorType]:
    from detectors.injection import Injection

    return Injection


def _toxicity() -> type[DetectorType]:
    from detectors.toxicity import Toxicity

    return Toxicity


def _topic() -> type[DetectorType]:
    from detectors.topic import Topic

    return Topic


def _grounding() -> type[DetectorType]:
    from detectors.grounding import GroundingChecker

    return GroundingChecker


_BUILT_IN: Mapping[str, Callable[[], type[DetectorType]]] = {
    "patterns": _patterns,
    "secrets": _secrets,
    "pii": _pii,
    "invisible_text": _invisible_text,
    "injection": _injection,
    "toxicity": _toxicity,
    "topic": _topic,
    "grounding": _grounding,
}


@cache
def _outside() -> Mapping[str, metadata.EntryPoint]:
    return {point.name: point for point in metadata.entry_points(group=ENTRY_POINTS) if point.name not in _BUILT_IN}


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
    close = difflib.get_close_matches(name, names(), n=3)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else f"there are: {', '.join(names())}"
