"""The registry: the built-in table, outside packages through their entry points, and helpful refusals."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

import pytest

from detectors import registry
from detectors.base import DetectorError, Params
from detectors.invisible_text import InvisibleText


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Packages that bring detectors: a good one, a broken one, and one that would take over a built-in name."""
    points = [
        metadata.EntryPoint("acme_words", "detectors.invisible_text:InvisibleText", registry.ENTRY_POINTS),
        metadata.EntryPoint("acme_broken", "detectors.no_such_module:Nothing", registry.ENTRY_POINTS),
        metadata.EntryPoint("secrets", "detectors.invisible_text:InvisibleText", registry.ENTRY_POINTS),
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda *, group: points if group == registry.ENTRY_POINTS else [])
    registry._outside.cache_clear()
    yield
    registry._outside.cache_clear()


def test_the_built_in_detectors_are_there() -> None:
    assert {"patterns", "secrets", "pii", "invisible_text"} <= set(registry.names())
    assert set(registry.all_types()) == set(registry.names())


@pytest.mark.parametrize("name", registry.names())
def test_a_detector_type_says_what_it_is(name: str) -> None:
    kind = registry.get(name)
    assert kind.name == name
    assert issubclass(kind.params, Params)
    assert kind.summary
    assert "\n" not in kind.summary


def test_an_unknown_name_is_refused_with_names_like_it() -> None:
    with pytest.raises(DetectorError, match="there is no detector 'secret'; did you mean 'secrets'"):
        registry.get("secret")


def test_an_unknown_name_like_no_other_is_refused_with_all_names() -> None:
    with pytest.raises(DetectorError, match="there are: patterns, secrets"):
        registry.get("zzzzzz")


@pytest.mark.usefixtures("outside")
def test_an_outside_package_adds_a_detector() -> None:
    assert registry.get("acme_words") is InvisibleText
    assert registry.names()[-2:] == ("acme_broken", "acme_words")


@pytest.mark.usefixtures("outside")
def test_an_outside_package_cannot_take_over_a_name() -> None:
    assert registry.get("secrets").name == "secrets"


@pytest.mark.usefixtures("outside")
def test_a_package_that_cannot_be_loaded_is_named() -> None:
    with pytest.raises(DetectorError, match=r"'acme_broken' \(detectors.no_such_module:Nothing\).*ModuleNotFoundError"):
        registry.get("acme_broken")
