"""Small detectors for policy tests, real ones in miniature: `words` scans inline, `tone` takes segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from detectors.base import BatchItem, Detector, DetectorError, DetectorType, Params
from detectors.types import Finding


class WordsParams(Params):
    """Words to find."""

    words: dict[str, list[str]] = Field(description="Words to find, by label.")
    hold: int = Field(default=0, ge=0, description="More characters to hold back than the words need.")


class _WordsScan:
    def __init__(self, detector: Words) -> None:
        self._detector = detector
        self._cleared = 0

    @property
    def cleared(self) -> int:
        return self._cleared

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        end = offset + len(text)
        upto = end if is_final else max(self._cleared, end - self._detector.look_ahead)
        found = [
            Finding(place, place + len(word), label, 0.9, "word")
            for label, word in self._detector.pairs
            for place in range(self._cleared, upto)
            if text.startswith(word, place - offset)
        ]
        self._cleared = upto
        return sorted(found)


class Words:
    """Finds words, letter by letter; no boundaries needed."""

    name = "words"
    summary = "Words, spelled exactly so."
    params = WordsParams
    look_behind = 0

    def __init__(self, params: WordsParams) -> None:
        self.pairs = [(label, word) for label, words in params.words.items() for word in words]
        self.labels = frozenset(params.words)
        self.look_ahead = max(len(word) for _, word in self.pairs) - 1 + params.hold

    def start(self) -> _WordsScan:
        return _WordsScan(self)

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        assert isinstance(params, WordsParams)
        return dict.fromkeys(params.words, 0.5)

    @classmethod
    def build(cls, params: Params) -> Detector:
        assert isinstance(params, WordsParams)
        for label, words in params.words.items():
            for number, word in enumerate(words):
                if not word.strip():
                    raise DetectorError("a word must have letters", path=("words", label, number))
        return cls(params)


class ToneParams(Params):
    """Nothing to set."""


class Tone:
    """Says of a segment that it is angry or rude when it says so itself."""

    name = "tone"
    summary = "The tone of a segment."
    params = ToneParams
    labels = frozenset({"angry", "rude"})
    look_behind = 0
    model = "tone 1"

    def detect(self, items: Sequence[BatchItem]) -> list[list[Finding]]:
        return [
            [
                Finding(item.begin, len(item.text), label, 0.8, "says so")
                for label in sorted(self.labels)
                if label in item.text[item.begin :]
            ]
            for item in items
        ]

    @classmethod
    def labels_of(cls, _params: Params) -> Mapping[str, float]:
        return {"angry": 0.5, "rude": 0.7}

    @classmethod
    def build(cls, _params: Params) -> Detector:
        return cls()


class Catalog:
    """A registry of its own; `broken` are names that cannot be loaded."""

    broken: ClassVar[tuple[str, ...]] = ("broken",)

    def __init__(self, types: Iterable[type[Any]] = (Words, Tone)) -> None:
        self._types: dict[str, type[DetectorType]] = {kind.name: kind for kind in types}

    def names(self) -> tuple[str, ...]:
        return (*sorted(self._types), *self.broken)

    def get(self, name: str) -> type[DetectorType]:
        if name in self.broken:
            raise DetectorError("its model is not there")
        return self._types[name]


CATALOG = Catalog()
