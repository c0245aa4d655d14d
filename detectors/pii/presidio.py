"""Presidio's own recognizer classes, without the engine around them.

`import presidio_analyzer` pulls in spaCy, its command line and all 90 recognizers: 1.4 s and 120 MB, for nothing that
is used here. The recognizers themselves need only `regex`, `phonenumbers` and `tldextract`. So they are loaded from
Presidio's own files into a package tree of our own:

1. while loading, empty stand-ins for Presidio's packages (the real directories, without their `__init__`) are in
   `sys.modules`;
2. the base classes and the asked-for recognizers are imported through them;
3. `sys.modules` is put back as it was, so that an application which imports Presidio itself gets the real one.

tldextract is given its bundled snapshot of the public suffix list only: the default would try the network at the first
e-mail address, and write a cache to the home directory.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol

import tldextract

_PACKAGE = "presidio_analyzer"
_RECOGNIZERS = f"{_PACKAGE}.predefined_recognizers"
_ANY_RECOGNIZER = "generic.ip_recognizer"
_LOCK = threading.RLock()

_BASES = (
    ("analysis_explanation", "AnalysisExplanation"),
    ("recognizer_result", "RecognizerResult"),
    ("entity_recognizer", "EntityRecognizer"),
    ("local_recognizer", "LocalRecognizer"),
    ("pattern", "Pattern"),
    ("pattern_recognizer", "PatternRecognizer"),
)
"""Modules and their classes, each after those it needs."""


class Result(Protocol):
    """What is read of Presidio's `RecognizerResult`."""

    start: int
    end: int
    score: float


class Recognizer(Protocol):
    """What is used of Presidio's `PatternRecognizer`."""

    context: Sequence[str] | None

    def validate_result(self, pattern_text: str) -> bool | None:
        """Whether a match passes the recognizer's check; None when there is none that proves it."""
        ...

    def invalidate_result(self, pattern_text: str) -> bool | None:
        """Whether a match cannot be what it looks like."""
        ...


def recognizer_class(module: str, name: str) -> Any:
    """Presidio's recognizer class `name`, from its module below `predefined_recognizers` (`generic.ip_recognizer`)."""
    return getattr(_module(module), name)


def base_class(name: str) -> Any:
    """One of Presidio's base classes, such as `PatternRecognizer`."""
    _module(_ANY_RECOGNIZER)
    return getattr(_own[_PACKAGE], name)


def add_iban_countries(countries: Iterable[str]) -> None:
    """Let Presidio's IBAN recognizer know countries that its list of formats lacks."""
    formats = _module("generic.iban_patterns").regex_per_country
    for country in countries:
        formats.setdefault(country, f"({country})[0-9]{{2}}")


@cache
def offline_suffixes() -> tldextract.TLDExtract:
    """The public suffix list as bundled with tldextract: no network, no cache on disk."""
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True)


# ---------------------------------------------------------------- loading


@cache
def _module(module: str) -> ModuleType:
    with _LOCK, _own_packages(module):
        _load_bases()
        loaded = importlib.import_module(f"{_RECOGNIZERS}.{module}")
    if hasattr(loaded, "tldextract"):
        vars(loaded)["tldextract"] = SimpleNamespace(extract=offline_suffixes())
    return loaded


_own: dict[str, ModuleType] = {}
"""Our copies of Presidio's modules, by name: each file is executed once, whatever is loaded later."""


@contextmanager
def _own_packages(module: str) -> Iterator[None]:
    theirs = _taken_out()
    sys.modules.update(_own)
    try:
        for package in _packages_of(module):
            if package not in sys.modules:
                sys.modules[package] = _stand_in(package)
        yield
    finally:
        _own.update(_taken_out())
        sys.modules.update(theirs)


def _taken_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")]
    return {name: sys.modules.pop(name) for name in names}


def _packages_of(module: str) -> Iterator[str]:
    yield from (_PACKAGE, f"{_PACKAGE}.nlp_engine", _RECOGNIZERS)
    parts = module.split(".")[:-1]
    for count in range(1, len(parts) + 1):
        yield ".".join((_RECOGNIZERS, *parts[:count]))


def _stand_in(package: str) -> ModuleType:
    stand_in = ModuleType(package)
    stand_in.__path__ = ["/".join((_root(), *package.split(".")[1:]))]
    vars(stand_in)["NlpArtifacts"] = object  # only named in annotations
    return stand_in


@cache
def _root() -> str:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{_PACKAGE} is not installed", name=_PACKAGE)
    return spec.submodule_search_locations[0]


def _load_bases() -> None:
    package = sys.modules[_PACKAGE]
    for module, name in _BASES:
        if not hasattr(package, name):
            setattr(package, name, getattr(importlib.import_module(f"{_PACKAGE}.{module}"), name))
