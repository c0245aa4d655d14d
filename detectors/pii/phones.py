"""Phone numbers, found by phonenumbers as Presidio's `PhoneRecognizer` uses it: one matcher for each region.

Presidio asks every region about every number, which costs over a millisecond, and takes ids, dates and parts of hashes
for phone numbers. Here:

1. `CANDIDATE` over-approximates what is accepted: at least `LEAST_DIGITS` digits with the joiners between them;
2. a region is asked only when some run of the digit groups, read together, can be a number of that region
   (`Region.may_hold`);
3. what a matcher accepts must also look like a phone number (`_score`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberMatcher

from detectors.pii.characters import EXTENSION, JOINERS, PLUS
from detectors.pii.guards import REACH

LEAST_DIGITS = 7
"""Shorter numbers exist, and so do far more house numbers, prices and years."""
SURE_DIGITS = 9
"""A shorter national number needs a context word: it may be a postcode beside a house number."""
MOST_DIGITS = 17

CANDIDATE = rf"\d(?:[{JOINERS}]{{0,4}}\d){{{LEAST_DIGITS - 1}}}"

PRESIDIO_REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")
MORE_REGIONS = (
    *("AE", "AR", "AU", "CH", "CL", "CN", "CO", "EG", "ES", "ID", "IT", "JP", "KE", "KR", "MX", "NG", "NL", "NZ"),
    *("PH", "PL", "PT", "SE", "SG", "TR", "UA", "ZA"),
)
"""Asked only where a context word stands before: together they would take many a number for one."""

MOST_TRIES = 64
"""Readings of one stretch of digits that a matcher tries: a table of numbers has thousands."""

SURE, LIKELY, WEAK = 0.6, 0.4, 0.2
"""Written with a plus; in groups, as Presidio scores it; anything else."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number in a text; the score says how sure its writing makes us."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Region:
    """What a region's numbers look like."""

    name: str
    written: re.Pattern[str]
    """An over-approximation of the digits of a valid number, with or without its prefixes."""

    def may_hold(self, runs: Sequence[str]) -> bool:
        """Whether any of the digit strings can be read as a number of this region."""
        return any(self.written.fullmatch(run) for run in runs)


@cache
def region_of(name: str) -> Region:
    """The region with a name from `phonenumbers.SUPPORTED_REGIONS`."""
    data = PhoneMetadata.metadata_for_region(name)
    if data is None:
        raise ValueError(f"unknown phone region {name!r}")
    international = rf"(?:(?:{data.international_prefix or '00'})?{data.country_code})?"
    national = data.national_prefix_for_parsing or data.national_prefix or ""
    prefix = f"(?:{national})?" if national else ""
    general = data.general_desc.national_number_pattern if data.general_desc else None
    if general is None or data.national_prefix_transform_rule:  # the prefix carries a part of the number
        general = rf"\d{{0,{MOST_DIGITS}}}"
    return Region(name, re.compile(rf"{international}{prefix}(?:{general})"))


_STRETCH = re.compile(
    rf"[{PLUS}{JOINERS}]{{0,12}}\d[\d{JOINERS}{PLUS}]*(?:{EXTENSION}[\d{JOINERS}{PLUS}]*)*", re.IGNORECASE
)
"""Everything that one candidate of a matcher could be in."""
_MARGIN = 4
"""Characters on either side of a stretch that a matcher looks at."""
_GROUPS = re.compile(r"\d+")
_PLUS = re.compile(f"[{PLUS}]")


def find_phones(text: str, regions: Sequence[str], *, sure_only: bool = False) -> list[Phone]:
    """The phone numbers in a text; they may overlap. With `sure_only` those that score `WEAK` may be left out."""
    dates = [match.span() for match in _DATE.finditer(text)]
    accepted = {
        span for stretch in _STRETCH.finditer(text) for span in _accepted(text, stretch, regions, sure_only=sure_only)
    }
    phones = []
    for start, end in accepted:
        if all(end <= first or last <= start for first, last in dates):
            phones.append(Phone(start, end, _score(text, start, end)))
    return [phone for phone in phones if phone.score > 0]


def _accepted(
    text: str, stretch: re.Match[str], regions: Sequence[str], *, sure_only: bool
) -> Iterator[tuple[int, int]]:
    """What the matchers of the regions that may hold something there accept."""
    runs = list(_digit_runs(_DATE.sub("\n", stretch.group()), sure_only=sure_only))
    plus = _PLUS.search(stretch.group()) is not None
    low = max(0, stretch.start() - _MARGIN)
    around = text[low : stretch.end() + _MARGIN]
    for index, name in enumerate(regions):
        if (index == 0 and plus) or region_of(name).may_hold(runs):
            for match in PhoneNumberMatcher(around, name, leniency=1, max_tries=MOST_TRIES):
                yield low + match.start, low + match.end


def _digit_runs(text: str, *, sure_only: bool) -> Iterator[str]:
    """Every sequence of neighbouring digit groups, as one string, that is as long as a phone number."""
    groups = _GROUPS.findall(text)
    least_groups, least_digits = (2, SURE_DIGITS) if sure_only else (1, LEAST_DIGITS)
    for first in range(len(groups)):
        for count, run in enumerate(accumulate(groups[first:]), start=1):
            if len(run) > MOST_DIGITS:
                break
            if count >= least_groups and len(run) >= least_digits:
                yield _ascii_digits(run)


def _ascii_digits(run: str) -> str:
    return run if run.isascii() else "".join(str(int(digit)) for digit in run)


# ---------------------------------------------------------------- what looks like a phone number and is none

_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"0[1-9]|1[0-2]", r"0[1-9]|[12]\d|3[01]"
_DATE = re.compile(
    rf"(?<!\d)(?:{_YEAR}([-/. ]?)(?:{_MONTH})\1(?:{_DAY})"
    rf"|(?:{_DAY}|[1-9])([-/.])(?:{_MONTH}|[1-9])\2{_YEAR})(?!\d)"
)
_OTHER_FORM = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|\d{3}([- .])\d\d\1\d{4}")
"""An IPv4 address; a US social security number."""
_DECIMAL = re.compile(r"(?:0|[1-9]\d{0,2})\.\d{5,}")
_NAMES_ANOTHER = re.compile(
    r"\b(?:isbn|issn|doi|sku|upc|ean|order|invoice|ticket|tracking|batch|serial|part|model|version|ver|release|build|commit"
    r"|port|error|code|hash|uuid|id|key|case|issue|bug|lot|item|article|section|rfc|patent|page|score|lines?)"
    r"(?:[ -]?(?:number|no|nr|code|key|id))?[\s.:=#]{0,3}\Z",
    re.IGNORECASE,
)
"""What says that the number behind is one of something else."""
_PART_BEFORE = re.compile(r"(?:\d[.:]|\w[-_/]|[$€£¥%&@\\^_~])\Z")
_PART_AFTER = re.compile(r"[-_/]\w|[.:]\d|[%°€£¥$_@\\^]")


def _score(text: str, start: int, end: int) -> float:
    number = text[start:end]
    digits = phonenumbers.normalize_digits_only(number)
    if len(digits) < LEAST_DIGITS or len(set(digits)) == 1 or _is_counting(digits):
        return 0.0
    if number[0] in PLUS:
        return SURE
    if _OTHER_FORM.fullmatch(number) or _DECIMAL.fullmatch(number) or _is_part(text, start, end):
        return 0.0
    if _NAMES_ANOTHER.search(text[max(0, start - REACH) : start]):
        return 0.0
    return WEAK if len(digits) < SURE_DIGITS or len(_GROUPS.findall(number)) == 1 else LIKELY


def _is_counting(digits: str) -> bool:
    return digits in "12345678901234567890" or digits in "98765432109876543210"


def _is_part(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 2) : start]
    return bool(_PART_BEFORE.search(before) or _PART_AFTER.match(text, end))
