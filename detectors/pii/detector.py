"""The `pii` detector: Presidio's recognizers on a text that is still arriving, and names by a model.

It comes in two parts. What has a form (numbers, addresses of the net) is found inline, by the scanner below. Names,
places, dates and postal addresses are read by the shared encoder's tag head (`detectors.pii.tagged`); a policy pays for
that only if a rule names one of those labels.

The scanner:

1. The lexer (`detectors.pii.blocks`) finds the few places where personal data could be, and clears all other text at
   once.
2. In each, one filter over all patterns says which recognizers could match; only they run, on that place alone.
3. A score depends on the words before a finding (`detectors.pii.context`); what remains is sorted out among the
   findings of the place (`undominated`).

The findings are those of the recognizers on the whole text (`PiiScanner.findings_in`), however the text was cut, but in
runs of more than `blocks.MOST` characters without white space or quotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from detectors.base import DetectorError, Params
from detectors.parts import Part
from detectors.pii import guards
from detectors.pii.blocks import LOOK_AHEAD, OVERLAP, Block, Lexer
from detectors.pii.catalogue import DATES, GENERIC, NATIONAL, TAGGED, THRESHOLD, Entry
from detectors.pii.context import REACH, words_around, words_before
from detectors.pii.finders import PHONE_NUMBER, PHONE_THRESHOLD, Finder, PhoneFinder, PresidioFinder
from detectors.pii.patterns import FLAGS, REST_OF_URL, without_edges
from detectors.pii.phones import MORE_REGIONS, PRESIDIO_REGIONS
from detectors.regular import Watch, parse
from detectors.types import Finding

if TYPE_CHECKING:
    from detectors.pii.tagged import TaggedPii

COUNTRIES = tuple(sorted({entry.country for entry in NATIONAL}))


class PiiParams(Params):
    """What a policy may say about personal data."""

    countries: tuple[str, ...] = Field(
        default=COUNTRIES, description=f"Whose national ids are looked for: {', '.join(COUNTRIES)}. Default: all."
    )
    dates: bool = Field(default=False, description="Look for dates by their form too (DATE_TIME): few are personal.")
    model: str = Field(
        default="tidegate-encoder", description="The model that reads names: a name, or a folder's path."
    )

    @field_validator("countries")
    @classmethod
    def _known(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [country for country in countries if country not in COUNTRIES]
        if unknown:
            raise ValueError(f"no national ids are known of {unknown[0]!r}; there are those of {', '.join(COUNTRIES)}")
        return countries


class Pii:
    """What the registry holds."""

    name: ClassVar[str] = "pii"
    params: ClassVar[type[Params]] = PiiParams
    summary: ClassVar[str] = "personal data: cards, accounts, phone numbers, national ids, and names by a model"

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """The labels it can find, each with the recommended threshold."""
        own = _own(params)
        return {**_tagged_labels(own.model), **_formed_labels(own)}

    @classmethod
    def parts(cls, params: Params) -> Sequence[Part]:
        """What has a form; and what a model reads, for rules that name its labels."""
        own = _own(params)
        tagged = frozenset(_tagged_labels(own.model))
        return (
            Part(frozenset(_formed_labels(own)), lambda: cls.build(own)),
            Part(tagged, lambda: _tagger(own), is_default=False),
        )

    @classmethod
    def build(cls, params: Params) -> PiiScanner:
        """Make the scanner, the part for what has a form: about a second of compiling, once for the same parameters."""
        own = _own(params)
        return _scanner(own.countries, own.dates)


def _own(params: Params) -> PiiParams:
    return params if isinstance(params, PiiParams) else PiiParams.model_validate(params.model_dump())


def _formed_labels(params: PiiParams) -> Mapping[str, float]:
    entries = _entries(params.countries, params.dates)
    return {PHONE_NUMBER: PHONE_THRESHOLD} | {entry.label: entry.threshold for entry in entries}


def _tagged_labels(model: str) -> Mapping[str, float]:
    """The model's labels. Of a model that cannot be read the usual ones: `_tagger` then says what is wrong with it."""
    from detectors.encoded import model_folder  # the model's libraries are loaded only where its labels matter
    from detectors.onnx.card import card_digest

    try:
        folder = model_folder(model)
        return _card_labels(folder, card_digest(folder))
    except DetectorError:
        return dict.fromkeys(TAGGED, THRESHOLD)


@lru_cache(maxsize=8)
def _card_labels(folder: Path, _digest: str) -> Mapping[str, float]:
    from detectors.onnx.card import read_card
    from detectors.pii.tagged import tag_labels

    return tag_labels(read_card(folder))


def _tagger(params: PiiParams) -> TaggedPii:
    """Load the model, if no other detector did. Raises `DetectorError`."""
    from detectors.encoded import shared_encoder
    from detectors.pii.tagged import TaggedPii

    encoder = shared_encoder(params.model)
    thresholds = _formed_labels(params)
    scanner = _scanner(params.countries, params.dates)

    def rivals(text: str) -> Iterator[Finding]:
        for each in scanner.start().advance(text, 0, is_final=True):
            if each.score >= thresholds[each.label]:
                yield Finding(each.start, each.end, each.label, 1.0, each.reason)

    return TaggedPii(Pii.name, encoder, rivals, undominated)


def _entries(countries: Sequence[str], dates: bool) -> list[Entry]:
    extra = [DATES] if dates else []
    return [*GENERIC, *extra, *(entry for entry in NATIONAL if entry.country in countries)]


@lru_cache(maxsize=8)
def _scanner(countries: tuple[str, ...], dates: bool) -> PiiScanner:
    finders: list[Finder] = [
        PhoneFinder(PRESIDIO_REGIONS, needs_context=False),
        PhoneFinder(MORE_REGIONS, needs_context=True),
    ]
    finders += map(PresidioFinder, _entries(countries, dates))
    return PiiScanner(finders)


class PiiScanner:
    """The pattern scanner for personal data that has a form of its own. Immutable; shared by all streams."""

    look_behind = REACH + OVERLAP
    look_ahead = LOOK_AHEAD

    def __init__(self, finders: Sequence[Finder]) -> None:
        self.name = Pii.name
        self.labels = frozenset(finder.label for finder in finders)
        self._finders = tuple(finders)
        regexes = [(finder, regex) for finder in finders for regex in finder.regexes]
        self._owners = [finder for finder, _ in regexes]
        self._watch = Watch([parse(without_edges(regex), FLAGS) for _, regex in regexes])

    def start(self) -> PiiScan:
        """Open a scan for one lane."""
        return PiiScan(self)

    def findings_in_block(self, text: str, begin: int, end: int, *, is_cut: bool = False) -> list[Finding]:
        """The findings that begin in `text[begin:end]`, a block; `text` holds what is around it.

        Right of a block only the stop character that ends it is looked at, and where a block was cut, nothing: more may
        not have arrived yet.
        """
        low, high = max(0, begin - guards.REACH), end if is_cut else end + 1
        window = text[low:high]
        finders = self._that_may_match(window, begin - low, end - low)
        if not finders:
            return []
        words = words_around(text, begin, end)
        found: list[Finding] = []
        for finder in finders:
            found += _judged(finder, window, low, text, in_context=finder.has_context(words))
        return undominated(finding for finding in found if begin <= finding.start)

    def findings_in(self, text: str) -> list[Finding]:
        """What the recognizers alone find in a whole text: no lexer, no filter. For comparison; slow."""
        found: list[Finding] = []
        for finder in self._finders:
            found += _judged(finder, text, 0, text, in_context=True)
        return undominated(found)

    def _that_may_match(self, window: str, begin: int, end: int) -> Iterable[Finder]:
        matching = self._watch.matching(self._watch.encode(window), begin, end)
        return dict.fromkeys(self._owners[index] for index in matching)


def _judged(finder: Finder, window: str, low: int, text: str, *, in_context: bool) -> Iterator[Finding]:
    """What a finder finds in `window`, which begins at `low` in `text`, with its final score."""
    for start, end, raw in finder.find(window, in_context=in_context):
        score = finder.judged(raw, words_before(text, low + start))
        if score > 0:
            yield Finding(low + start, low + end, finder.label, score, finder.reason)


def undominated(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by start, without those that a better one contains.

    A finding gives way to one that contains it, scores as much and is longer (an account number inside a card number),
    or spans the same and scores more. The address of a page displaces only other addresses.
    """
    kept: list[Finding] = []
    for finding in sorted(set(findings), key=lambda each: (-each.score, each.start - each.end, each)):
        if not any(_gives_way(finding, other) for other in kept):
            kept.append(finding)
    return sorted(kept)


def _gives_way(finding: Finding, other: Finding) -> bool:
    """Whether a finding is dropped for `other`, which scores at least as much."""
    if finding.start < other.start or finding.end > other.end:
        return False
    if finding.label == other.label:
        return True
    is_shorter = finding.end - finding.start < other.end - other.start
    return other.label != "URL" and (is_shorter or finding.score < other.score)


class PiiScan:
    """The scan of one lane."""

    __slots__ = ("_lexer", "_scanner", "_unfinished", "cleared")

    def __init__(self, scanner: PiiScanner) -> None:
        self._scanner = scanner
        self._lexer = Lexer()
        self._unfinished: Finding | None = None  # a page's address that goes on behind a cut
        self.cleared = 0

    def fork(self) -> PiiScan:
        """Another scan in the same state."""
        other = copy(self)
        other._lexer = copy(self._lexer)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start, in lane offsets."""
        found: list[Finding] = []
        while (block := self._lexer.next_block(text, offset, is_final=is_final)) is not None:
            found += self._examine(text, offset, block)
        self.cleared = self._lexer.begin
        return found

    def _examine(self, text: str, offset: int, block: Block) -> list[Finding]:
        """The findings that begin in a block; the lexer goes on behind it."""
        begin, end, is_cut = block
        reach = end + OVERLAP if is_cut else end
        found = self._rest_of_address(text, offset, begin, reach)
        for finding in self._scanner.findings_in_block(text, begin - offset, reach - offset, is_cut=is_cut):
            if finding.start + offset < end:
                found.append(_moved(finding, offset))
        last = max(found, key=lambda each: each.end, default=None)
        self._unfinished = last if last and is_cut and last.end == reach and last.label == "URL" else None
        position = max(end, last.end) if last and is_cut else end
        self._lexer.leave(position, is_url=self._unfinished is not None)
        return found

    def _rest_of_address(self, text: str, offset: int, begin: int, reach: int) -> list[Finding]:
        """More of a page's address that was too long for one block."""
        address = self._unfinished
        rest = REST_OF_URL.match(text, begin - offset, reach - offset) if address else None
        if address is None or rest is None or not rest.group():
            return []
        return [Finding(begin, offset + rest.end(), address.label, address.score, address.reason)]


def _moved(finding: Finding, offset: int) -> Finding:
    return Finding(finding.start + offset, finding.end + offset, finding.label, finding.score, finding.reason)
