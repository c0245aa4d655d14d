"""The `pii` detector: Presidio's recognizers on a text that is still arriving, and names by a model.

It comes in two parts. What has a form (numbers, addresses of the net) is found inline, by the scanner below. Names,
places, dates and postal addresses are read by the shared encoder's tag head (`detectors.pii.tagged`); a policy pays for
that only if a rule names one of those labels.

The scanner:

1. It reads the text in one way of writing (`detectors.pii.view`): typographic separators, digits of other scripts,
   invisible characters, entities and percent-encoding hide nothing. What is found there has a place in the text.
2. The lexer (`detectors.pii.blocks`) finds the few places where personal data could be, and clears all other text at
   once.
3. In each, only the recognizers run whose digits, signs and context words are there.
4. A score depends on the words before a finding (`detectors.pii.context`); what remains is sorted out among the
   findings (`undominated`).

What begins at a place depends on the characters around it alone, so the findings are those of the recognizers on the
whole text (`PiiScanner.findings_in`), however it was cut.

Addresses of pages (`URL`) have no bound, and are held to their end: they have a scanner of their own
(`detectors.pii.links`), which a policy pays for only if a rule names the label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from detectors.base import DetectorError, Params, PatternScanner
from detectors.parts import Member
from detectors.pii.best import URL, undominated
from detectors.pii.blocks import ADDRESS, Block, Lexer, has_trigger, target_at
from detectors.pii.catalogue import DATES, GENERIC, IDS, TAGGED, THRESHOLD, Entry
from detectors.pii.characters import PLAIN_WORDS
from detectors.pii.context import REACH, ContextWords
from detectors.pii.finders import PHONE_NUMBER, PHONE_THRESHOLD, Finder, PatternFinder, PhoneFinder, Surroundings
from detectors.pii.links import link_scanner
from detectors.pii.phones import MORE_REGIONS, PRESIDIO_REGIONS
from detectors.pii.together import Together
from detectors.pii.view import LONGEST_WAIT, MOST_SHORTENED, View
from detectors.text.named import Named
from detectors.types import Finding, Look

if TYPE_CHECKING:
    from detectors.pii.tagged import TaggedPii

_NAMED = "{}: "
EMAIL_ADDRESS = "EMAIL_ADDRESS"
COUNTRIES = tuple(sorted({entry.country for entry in IDS}))


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
    def parts(cls, params: Params) -> Sequence[Member]:
        """What has a form and a bound; what a model reads, for rules that name its labels; and addresses of pages."""
        own = _own(params)
        formed, tagged = frozenset(_formed_labels(own)), frozenset(_tagged_labels(own.model))
        return (
            Member(formed - {URL}, lambda: _bounded(own.countries, own.dates)),
            Member(tagged, lambda: _tagger(own), is_default=False),
            Member(frozenset({URL}), link_scanner),
        )

    @classmethod
    def build(cls, params: Params) -> PatternScanner:
        """Make the scanner of all that has a form: about a second of compiling, once for the same parameters."""
        own = _own(params)
        return _both(own.countries, own.dates)


def _own(params: Params) -> PiiParams:
    return params if isinstance(params, PiiParams) else PiiParams.model_validate(params.model_dump())


def _formed_labels(params: PiiParams) -> Mapping[str, float]:
    entries = _entries(params.countries, params.dates)
    return {PHONE_NUMBER: PHONE_THRESHOLD, URL: THRESHOLD} | {entry.label: entry.threshold for entry in entries}


def _tagged_labels(model: str) -> Mapping[str, float]:
    """The model's labels. Of a model that cannot be read the usual ones: `_tagger` then says what is wrong with it."""
    from detectors.models.card import card_digest
    from detectors.models.encoded import model_folder  # the model's libraries are loaded only where its labels matter

    try:
        folder = model_folder(model)
        return _card_labels(folder, card_digest(folder))
    except DetectorError:
        return dict.fromkeys(TAGGED, THRESHOLD)


@lru_cache(maxsize=8)
def _card_labels(folder: Path, _digest: str) -> Mapping[str, float]:
    from detectors.models.card import read_card
    from detectors.pii.tagged import tag_labels

    return tag_labels(read_card(folder))


def _tagger(params: PiiParams) -> TaggedPii:
    """Load the model, if no other detector did. Raises `DetectorError`."""
    from detectors.models.encoded import shared_encoder
    from detectors.pii.tagged import TaggedPii
    from detectors.pii.words import form_words

    encoder = shared_encoder(params.model)
    form_words()  # the first call takes long: not in a pass
    thresholds = _formed_labels(params)
    scanner = _both(params.countries, params.dates)

    def rivals(text: str) -> Iterator[Finding]:
        for each in scanner.start().advance(text, 0, is_final=True):
            if each.score >= thresholds[each.label]:
                yield Finding(each.start, each.end, each.label, 1.0, each.reason)

    return TaggedPii(Pii.name, encoder, rivals, undominated)


def _entries(countries: Sequence[str], dates: bool) -> list[Entry]:
    extra = [DATES] if dates else []
    return [*GENERIC, *extra, *(entry for entry in IDS if entry.country in countries)]


@lru_cache(maxsize=8)
def _bounded(countries: tuple[str, ...], dates: bool) -> Named:
    finders: list[Finder] = [PhoneFinder(PRESIDIO_REGIONS, MORE_REGIONS)]
    finders += map(PatternFinder, _entries(countries, dates))
    return Named(PiiScanner(finders), _NAMED)


@lru_cache(maxsize=8)
def _both(countries: tuple[str, ...], dates: bool) -> Named:
    return Named(Together(Pii.name, (_bounded(countries, dates), link_scanner())), _NAMED)


class PiiScanner:
    """The pattern scanner for personal data that has a form and a bound. Immutable; shared by all streams."""

    look_behind = REACH
    look_ahead = ADDRESS + 2 * MOST_SHORTENED + LONGEST_WAIT
    plain_words = PLAIN_WORDS

    def __init__(self, finders: Sequence[Finder]) -> None:
        self.name = Pii.name
        self.labels = frozenset(finder.label for finder in finders)
        self.finders = tuple(finders)
        self._bare = [finder for finder in finders if finder.context is None]
        self._words = ContextWords(word for finder in finders if finder.context for word in finder.context.phrases)
        """Those of all finders that need some: where none is, only the others are asked."""

    def start(self) -> PiiScan:
        """Open a scan for one lane."""
        return PiiScan(self)

    def looks(self, text: str) -> Sequence[Look]:
        """The text in one way of writing, when it is not written so."""
        look = View.shown(text)
        return () if look is None else (look,)

    def findings_between(self, text: str, begin: int, end: int) -> list[Finding]:
        """All that begins in `text[begin:end]`; `text` goes on behind it as far as a match may."""
        around = Surroundings(text, begin, end)
        return [
            each
            for finder in (self.finders if self._words.is_among(around.words_around) else self._bare)
            for each in finder.find(around)
            if has_trigger(text, each.start, each.end)
        ]

    def findings_in(self, text: str) -> list[Finding]:
        """What is found in a whole text without the lexer. For comparison; slow."""
        view = View()
        view.advance(text, 0, is_final=True)
        found = undominated(self.findings_between(view.text, 0, len(view.text)))
        others = [each for each in found if target_at(view.text, each.start) is None]
        targets: dict[tuple[int, int], list[Finding]] = {}
        for each in found:
            if target := target_at(view.text, each.start):
                targets.setdefault(target, []).append(_placed(each, *view.span(*target)))
        whole = (undominated(own) for own in targets.values())
        return sorted([*(_placed(each, *_span(view, each)) for each in others), *chain.from_iterable(whole)])


def _span(view: View, finding: Finding) -> tuple[int, int]:
    """Where a finding stands in the lane: an address of mail with the brackets that make a link of it."""
    start, end = finding.start - view.base, finding.end - view.base
    before = view.text[max(0, start - 2) : start]
    is_link = before.endswith("<") and before != "<<" and view.text[end : end + 1] == ">"
    if is_link and finding.label == EMAIL_ADDRESS:
        return view.span(finding.start - 1, finding.end + 1)
    return view.span(finding.start, finding.end)


class PiiScan:
    """The scan of one lane."""

    __slots__ = ("_lexer", "_recent", "_scanner", "_view", "cleared")

    def __init__(self, scanner: PiiScanner) -> None:
        self._scanner = scanner
        self._view = View()
        self._lexer = Lexer()
        self._recent: list[Finding] = []  # those that reach into undecided text, at places of the view
        self.cleared = 0

    def fork(self) -> PiiScan:
        """Another scan in the same state."""
        other = copy(self)
        other._lexer, other._view = copy(self._lexer), self._view.fork()
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start, in lane offsets."""
        view, lexer = self._view, self._lexer
        view.advance(text, offset, is_final=is_final)
        found: list[Finding] = []
        while (block := lexer.next_block(view.text, view.base, is_final=is_final)) is not None:
            found += self._examine(block)
            lexer.leave(block.end)
        self.cleared = view.where(lexer.begin)
        view.forget(lexer.begin - REACH - 2)
        return sorted(found) if len(found) > 1 else found

    def _examine(self, block: Block) -> list[Finding]:
        """The findings that begin in a block, in lane offsets."""
        own = self._best_of(block)
        if not own:
            return []
        if block.is_target:
            place = self._view.span(block.begin, block.end)
            return undominated(_placed(each, *place) for each in own)
        return [_placed(each, *_span(self._view, each)) for each in own]

    def _best_of(self, block: Block) -> list[Finding]:
        """The findings that begin in a block, at places of the view."""
        view = self._view
        low = max(view.base, block.begin - REACH - 1)
        limit = block.end + ADDRESS if block.is_cut else block.end + 1
        window = view.text[low - view.base : limit - view.base]
        found = self._scanner.findings_between(window, block.begin - low, block.end - low)
        if not found and not self._recent:
            return []
        known = [each for each in self._recent if each.end > block.begin]
        best = undominated([*known, *(_placed(each, low + each.start, low + each.end) for each in found)])
        self._recent = [each for each in best if each.end > block.end]
        return [each for each in best if each not in known]


def _placed(finding: Finding, start: int, end: int) -> Finding:
    return Finding(start, end, finding.label, finding.score, finding.reason)
