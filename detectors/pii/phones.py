"""Phone numbers: candidates by their writing, valid by the plans of the regions that phonenumbers knows.

phonenumbers' own matcher asks every region about every number, which costs over a millisecond, waits for the end of a
row of numbers, however long, and takes ids, dates and parts of hashes for phone numbers. Here:

1. a candidate begins at a group of digits, with the `+` or `(` before it, and goes over the next groups as long as what
   is between them can stand inside a number, to at most `MOST_DIGITS` digits;
2. a region is asked only when the digits read together can be a number of its plan (`Region.may_hold`): one regular
   expression a region, made from the plan;
3. the longest candidate that a region's plan has, must also look like a phone number (`_score`): numbers in a row,
   dates, versions, ranges and decimals do not.

What is found at a place depends on the `REACH` characters before it and the `WIDTH` behind alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc

from detectors.pii.characters import EXTENSION, PLUS, WORD
from detectors.pii.guards import REACH

LEAST_DIGITS = 7
"""Shorter numbers exist, and so do far more house numbers, prices and years."""
SURE_DIGITS = 9
"""A shorter national number needs a context word: it may be a postcode beside a house number."""
SPELT_DIGITS = 11
"""With its country's code, of a number that nobody was given."""
MOST_DIGITS = 17
MOST_UNGROUPED = 12
"""Digits of a number without separators: one with its country's code, but for the zeros before that."""
WIDTH = 48

PRESIDIO_REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")
MORE_REGIONS = (
    *("AE", "AR", "AT", "AU", "BE", "CH", "CL", "CN", "CO", "CZ", "DK", "EG", "ES", "FI", "GR", "HK", "HU", "ID", "IE"),
    *("IT", "JP", "KE", "KR", "MX", "MY", "NG", "NL", "NO", "NZ", "PE", "PH", "PL", "PT", "RO", "RU", "SA", "SE", "SG"),
    *("TH", "TR", "TW", "UA", "VN", "ZA"),
)
"""Asked only where a context word stands before: together they would take many a number for one."""

SURE, LIKELY, WEAK = 0.6, 0.4, 0.2
"""Written with a plus; in groups, as Presidio scores it; anything else."""
_WRITTEN = {SURE: "with its country's code", LIKELY: "in national form", WEAK: "as a row of digits"}


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number in a text; the score says how sure its writing makes us."""

    start: int
    end: int
    score: float

    @property
    def written(self) -> str:
        """How it is written, in words."""
        return _WRITTEN[self.score]


class Words(IntEnum):
    """What the words before a number say of it."""

    NONE = 0
    NEAR = 1
    """One of them is often before phone numbers."""
    NEXT = 2
    """It is the last of them."""
    NAME = 3
    """The last can be about nothing else."""


@dataclass(frozen=True, slots=True)
class Region:
    """What a region's numbers look like."""

    name: str
    written: re.Pattern[str]
    """An over-approximation of the digits of a valid number, with or without its prefixes."""

    def may_hold(self, digits: str) -> bool:
        """Whether the digits can be read as a number of this region."""
        return self.written.fullmatch(digits) is not None

    def holds(self, written: str) -> bool:
        """Whether what is written is a number of the region's plan."""
        try:
            return phonenumbers.is_valid_number(phonenumbers.parse(written, self.name))
        except phonenumbers.NumberParseException:
            return False


_KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan"),
    "voicemail",
)


@cache
def region_of(name: str) -> Region:
    """The region with a name from `phonenumbers.SUPPORTED_REGIONS`."""
    data = PhoneMetadata.metadata_for_region(name)
    if data is None:
        raise ValueError(f"unknown phone region {name!r}")
    international = rf"(?:(?:{data.international_prefix or '00'})?{data.country_code})?"
    national = data.national_prefix_for_parsing or data.national_prefix or ""
    prefix = f"(?:{national})?" if national else ""
    kinds = [_pattern(getattr(data, kind)) for kind in _KINDS]
    general = "|".join(filter(None, dict.fromkeys(kinds)))
    if not general or data.national_prefix_transform_rule:  # the prefix carries a part of the number
        general = rf"\d{{4,{MOST_DIGITS}}}"
    return Region(name, re.compile(rf"{international}{prefix}(?:{general})"))


def _pattern(kind: PhoneNumberDesc | None) -> str:
    return kind.national_number_pattern or "" if kind else ""


_START = re.compile(rf"(?:[{PLUS}] ?(?:\( ?)?|\( ?(?:[{PLUS}] ?)?(?=\d{{1,6}} ?\)))(?=\d)")
_JOIN = r"(?: ?\) ?[-./]?| ?\(|[-./ ]|-\(|) ?(?:\( ?)?(?=\d)"
_GROUPS = re.compile(rf"\d+(?:{_JOIN}\d+)*")
_GROUP = re.compile(r"\d+")
_PLUS_PREFIX = re.compile(rf"[{PLUS}]")
_EXTENSION = re.compile(rf"{EXTENSION}\d{{0,6}}(?!\d)", re.IGNORECASE)
_CLOSES = re.compile(r" ?\)")

CANDIDATE = rf"\d(?:(?:{_JOIN})?\d){{{LEAST_DIGITS - 1}}}"


def starts(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Where numbers may begin in `text[begin:end]`: the place, and that of the first digit."""
    for found in _GROUP.finditer(text, begin):
        start = _with_lead(text, found.start())
        if start >= end:
            return
        if start >= begin and not text[found.start() - 1 : found.start()].isdigit():
            yield start, found.start()


def find_phones(text: str, regions: Sequence[str]) -> list[Phone]:
    """The phone numbers in a text after a context word, the longest at each place; they may overlap."""
    found = [longest(text, *place, regions, words=Words.NEXT) for place in starts(text, 0, len(text))]
    return [phone for phone in found if phone is not None]


def _with_lead(text: str, start: int) -> int:
    """Where a number begins whose first digit is at `start`: at its `+` or `(`."""
    for low in range(max(0, start - 4), start):
        lead = _START.match(text, low)
        if lead is not None and lead.end() == start:
            return low
    return start


def longest(text: str, start: int, first: int, regions: Sequence[str], *, words: Words) -> Phone | None:
    """The longest number that begins at `start`, and its first digit at `first`.

    Without context words one that needs some is none; directly after a word that can be about nothing else it need be
    in no region's plan.
    """
    has_plus = _PLUS_PREFIX.match(text, start) is not None
    if not (has_plus or words or _BARE.match(text, start)):
        return None
    groups = _GROUPS.match(text, first, min(len(text), start + WIDTH))
    if groups is None or groups.end() - first < LEAST_DIGITS:
        return None
    for end in reversed(_ends(text, first, groups.end())):
        score = _score(text, start, end, words=words)
        if score == WEAK and _is_in_code(text, start, words):
            continue
        number = text[start:end]
        is_named = words == Words.NAME and not _IN_FOURS.fullmatch(number)
        is_given = is_named or _is_held(number, regions, has_plus=has_plus)
        if score > 0 and (is_given or (has_plus and _is_spelt(number, words))):
            return Phone(start, _whole_end(text, start, end), score)
    return None


def _is_in_code(text: str, start: int, words: Words) -> bool:
    """Whether it stands as a number of a program does, and no word says that it is one for telephones."""
    if words == Words.NEAR and _IN_CODE.search(text, max(0, start - 3), start):
        return True
    next_one = {Words.NEXT: _NEXT_ITEM, Words.NAME: _NEXT_ENTRY}.get(words)
    return next_one is not None and next_one.search(text, max(0, start - 9), start) is not None


def _ends(text: str, first: int, last: int) -> list[int]:
    """Where numbers can end whose first digit is at `first`: behind a group that makes them neither short nor long."""
    ends, digits = [], 0
    for group in _GROUP.finditer(text, first, last):
        digits += group.end() - group.start()
        if digits > MOST_DIGITS:
            break
        if digits >= LEAST_DIGITS:
            ends.append(group.end())
    return ends


def _is_held(written: str, regions: Sequence[str], *, has_plus: bool) -> bool:
    """Whether one of the regions has the number in its plan, or any has it that is written with its country's code."""
    if has_plus:
        return region_of(regions[0]).holds(written)
    digits = "".join(_GROUP.findall(written))
    return any(region_of(name).may_hold(digits) and region_of(name).holds(written) for name in regions)


def _is_spelt(written: str, words: Words) -> bool:
    """Whether it has the length of a country's numbers, and groups or words say that it is one.

    It need not have been given to anyone: `+44 7700 900123` is kept for films, and is what people try.
    """
    groups = _GROUP.findall(written)
    if (
        len("".join(groups)) < SPELT_DIGITS
        or not (words or len(groups) > 2)
        or max(map(len, groups[1:]), default=9) < 3
    ):
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(written))
    except phonenumbers.NumberParseException:
        return False


def _whole_end(text: str, start: int, end: int) -> int:
    """Where the number ends with its extension, or the bracket that closes it."""
    extension = _EXTENSION.match(text, end, min(len(text), end + REACH))
    if extension is not None:
        return extension.end()
    number = text[start:end]
    closing = _CLOSES.match(text, end)
    return closing.end() if closing and number.count("(") > number.count(")") else end


# ---------------------------------------------------------------- what looks like a phone number and is none

_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"0[1-9]|1[0-2]", r"0[1-9]|[12]\d|3[01]"
_DATE = re.compile(
    rf"(?<!\d)(?:{_YEAR}([-/. ]?)(?:{_MONTH})\1(?:{_DAY})"
    rf"|(?:{_DAY}|[1-9])([-/.])(?:{_MONTH}|[1-9])\2{_YEAR}|(?:{_MONTH}|[1-9])([-/.])(?:{_DAY}|[1-9])\3{_YEAR})(?!\d)"
)
_OTHER_FORM = re.compile(
    r"(?:(?:[1-9]?|1\d|2[0-4])\d|25[0-5])(?:\.(?:(?:[1-9]?|1\d|2[0-4])\d|25[0-5])){3}"
    r"|\d{3}([- .])\d\d\1\d{4}|\d{5}-\d{4}"
)
"""An IPv4 address; a US social security number; a US postcode with its four digits more."""
_DECIMAL = re.compile(r"(?!\d{3}\.\d{4}\Z|0\d)\d+\.\d+")
_LIKE_DECIMAL = re.compile(r"(?!0\d{1,4}\.\d{7,8}\Z)\d+\.\d+")
_YEARS = re.compile(r"(?:19|20)\d\d ?[-/ ] ?(?:19|20)\d\d")
_BEFORE_YEAR = re.compile(r"\d{5,7} (?:19|20)\d\d")
"""An article's number and its year."""
_NAMES_ANOTHER = re.compile(
    r"\b(?:isbn|issn|doi|sku|upc|ean|order|invoice|ticket|tracking|batch|serial|part|model|version|ver|release|build|commit"
    r"|patch|expected|port|error|code|hash|uuid|id|key|case|issue|bug|lot|item|article|section|rfc|patent|page|score|lsn|lines?)"
    r"(?:[ -]?(?:number|no|nr|code|key|id))?[\"']?[\s.:=#]{0,3}[\"']?\Z",
    re.IGNORECASE,
)
"""What says that the number behind is one of something else."""
_PART_BEFORE = re.compile(rf"(?:\d[.:]|\w[-_/]|[$€£¥%&@\\^_~]|\.\.|{WORD}|\w\*{{1,2}}|[\w)] ?[*^/%] ?)\Z")
_PART_AFTER = re.compile(rf"[-_/]\w|[.:]\d|[%°€£¥$_@\\^]|{WORD}|\.\.|[*^/]{{1,2}}[\w(]")
_IN_GROUPS = (
    r"(?:1[-. ])?[2-9]\d\d(?:-[2-9]\d\d-|[. /][2-9]\d\d[-. ])\d{4}|[6-9]\d{4}[- ]\d{5}|\d\d 9?\d{4}-\d{4}"
    r"|1[-. ]\d{3}[-. ]\d{3}[-. ]\d{4}|1[-. ]?\([2-9]\d\d\)[-. ]?\d{3}[-. ]?\d{4}"
)
"""American, Indian and Brazilian groups."""
_BRACKETED = r"\(0\d{1,4}\).*|\([2-9]\d\d\)[-. ]?\d{3}[-. ]?\d{4}|\(\d\d\) ?9?\d{4}[- ]?\d{4}"
_BARE = re.compile(rf"0\d|{_BRACKETED}|{_IN_GROUPS}")
_PHONE_LIKE = re.compile(rf"0\d.*|{_BRACKETED}|{_IN_GROUPS}")
"""A national number as it is written: with a trunk prefix or brackets, or in groups."""
_DOTTED = re.compile(
    r"0[1-9](?:\.\d\d){4}|0\d{1,4}\.\d{7,8}|0\d{1,2}\.\d{3}\.\d{4}|(?:1\.)?[2-9]\d\d\.[2-9]\d\d\.\d{4}"
)
"""French and American numbers with dots; many other things have some."""
_IN_CODE = re.compile(r"[=(*/+%<>:] ?-?[\"']?\Z|[\"']\Z")
"""Before a number that its writing alone does not make one for telephones."""
_NEXT_ITEM = re.compile(r"[\"'][)\]}]{0,2},\s{1,4}[\"']\Z")
"""Between two items of a list in a program."""
_NEXT_ENTRY = re.compile(r"[\"'][)\]}]{1,2},\s{1,4}[\"']\Z")
"""Between two entries of a table in a program: `'Celular'}, '553199649': `."""
_SEPARATORS = re.compile(r"\D+")
_DOTTED_BEHIND_PREFIX = re.compile(r"0\d{1,3}[-/ ]\d{2,3}(?:\.\d{2,3}){1,3}")
"""Belgian and Swiss numbers: `0475/12.34.56`."""
_ROW_BEFORE = re.compile(r"(?:\d|\.\.) {1,3}\Z")
_ROW_AFTER = re.compile(r" -?\d")
_IN_FOURS = re.compile(r"\d{4}(?: \d{4}){2,3}")
_ROUND = re.compile(r"[1-9]\d*0(?: [1-9]\d*0)+")
"""What is measured or counted behind a verb that is a word for telephones, too: `text 1920 1080`."""
_COLUMN_BEFORE = re.compile(r"(?:\d|\.\.)[ \n]{1,3}\Z")
_COLUMN_BEHIND = re.compile(r"[ \n]-?\d")
"""Of columns of four digits: numbers of the lines above and below count, too."""


def _score(text: str, start: int, end: int, *, words: Words) -> float:
    """How sure the writing of a number makes us; 0 when it is none."""
    number = text[start:end]
    groups = _GROUP.findall(number)
    if not _can_be_phone("".join(groups), words) or _is_dated(text, start, end) or _is_unbalanced(number):
        return 0.0
    if number[0] in PLUS:
        return SURE if _is_international(text, start, end, groups) else 0.0
    if _is_other_form(number, groups, words) or _is_other_in_text(text, start, end):
        return 0.0
    is_weak = len("".join(groups)) < SURE_DIGITS or len(groups) == 1 or _LIKE_DECIMAL.fullmatch(number)
    if is_weak or not _PHONE_LIKE.fullmatch(number):
        return WEAK if words else 0.0
    return LIKELY


def _can_be_phone(digits: str, words: Words) -> bool:
    """Whether there are enough digits, and other than in `1000000` and `123456789`, unless a word says it."""
    if len(digits) < LEAST_DIGITS or len(set(digits)) == 1:
        return False
    return words == Words.NAME or not (digits.endswith("00000") or _is_counting(digits))


def _is_other_form(number: str, groups: Sequence[str], words: Words) -> bool:
    """Whether it is written as something else is: an address of the net, a decimal, years, an id."""
    if _OTHER_FORM.fullmatch(number) or _DECIMAL.fullmatch(number) or _YEARS.fullmatch(number):
        return True
    if not words and _BEFORE_YEAR.fullmatch(number):
        return True
    if words < Words.NAME and (_IN_FOURS.fullmatch(number) or _ROUND.fullmatch(number)):
        return True
    if len(groups) == 1 and len(number) > MOST_UNGROUPED and number[0] != "0":
        return True
    return "." in number and not words and not _DOTTED.fullmatch(number)


def _is_other_in_text(text: str, start: int, end: int) -> bool:
    """Whether what stands beside it says that it is a part of something, or something else."""
    number = text[start:end]
    if _is_part(text, start, end) or _is_in_row(text, start, end, number):
        return True
    if _is_commit(text, start, end) or _is_item(text, start, number):
        return True
    return _NAMES_ANOTHER.search(text[max(0, start - REACH) : start]) is not None


def _is_international(text: str, start: int, end: int, groups: Sequence[str]) -> bool:
    """Whether a plus begins a number, and adds none to another: `x + 14285714*y`."""
    if (
        _ADDS.search(text, max(0, start - 1), start)
        or _TIMES.match(text, end)
        or _DECIMAL.fullmatch(text[start + 1 : end].strip())
    ):
        return False
    return text[start + 1] != " " or len(groups) > 1


_ADDS = re.compile(r"[\w)\]]\Z", re.ASCII)
_TIMES = re.compile(rf"\*{{1,2}}[\w(]|{WORD}|[%°€£¥$_@\\^]|\.\d")


def _is_counting(digits: str) -> bool:
    return digits in "12345678901234567890" or digits in "98765432109876543210"


def _is_part(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 4) : start]
    return bool(_PART_BEFORE.search(before) or _PART_AFTER.match(text, end))


def _is_dated(text: str, start: int, end: int) -> bool:
    """Whether a date lies in the number, or it begins or ends inside one."""
    low = max(0, start - REACH)
    return any(low + each.start() < end and start < low + each.end() for each in _DATE.finditer(text[low : end + 6]))


def _is_unbalanced(number: str) -> bool:
    return number.count("(") > number.count(")")


def _is_item(text: str, start: int, number: str) -> bool:
    """Whether it is what a tracker calls something by (`call #12345678`), too short, or lines of a file."""
    if text[start - 1 : start] != "#":
        return False
    is_short = number.isdigit() and len(number) < SURE_DIGITS
    return is_short or _OF_FILE.search(text, max(0, start - REACH), start) is not None


_OF_FILE = re.compile(r"[./][\w-]{1,20}#\Z")


def _is_commit(text: str, start: int, end: int) -> bool:
    """Whether it may be a commit's short name: at the beginning of its line, with a title behind it."""
    return end - start == 7 and text[start - 1 : start] == "\n" and text[end : end + 1] == " "


def _is_in_row(text: str, start: int, end: int, number: str) -> bool:
    """Whether it is a stretch of a row of numbers: parted by blanks within and from its neighbours, or decimals."""
    separators = set(_SEPARATORS.findall(number.strip("() +")))
    if "." in separators and len(separators) > 1 and not number.startswith("("):
        return _DOTTED_BEHIND_PREFIX.fullmatch(number) is None
    if separators == {" "} and _IN_FOURS.fullmatch(number):
        return bool(_COLUMN_BEFORE.search(text, max(0, start - 4), start) or _COLUMN_BEHIND.match(text, end))
    if separators == {" "}:
        return bool(_ROW_BEFORE.search(text, max(0, start - 4), start) or _ROW_AFTER.match(text, end))
    return False
