"""Numbers and names of code, logs and tables, which a model that reads prose takes for dates, addresses and names.

1. A date in digits is one by its own form: no half of a decimal, a version or an id, no `56:61`, no `27.24.14`, no line
   of a file (`job.c:1948`), no decimal with many digits, no half of `12/50`.
2. In a row of numbers only what is written as a date or a time is one, and a bare number is no address; a number that
   is longer than postcodes are is none anywhere.
3. A word that a call or an index follows (`weekday(`, `postgres[`) is a program's, letters with a number behind them
   (`HK-16658`) are an id, and a word among names of columns is one, too.
"""

from __future__ import annotations

import re

DATE_TIME, ADDRESS = "DATE_TIME", "ADDRESS"
REACH = 80
"""Characters on both sides in which a row is looked at."""
LEAST_NUMBERS, MOST_WORDS = 3, 1
"""Of a row of numbers."""
LEAST_OF_ADDRESS = 4
"""Digits that can be an address alone: a postcode's."""
MOST_OF_POSTCODE = 9
"""Digits, with a hyphen between them (`12345-6789`); in a row they are eight at most."""

_LONG_RUN = re.compile(r"\d{9}|\d{7}[A-Za-z]")
_TOKEN_BEFORE = re.compile(r"[\w.:+/-]*\Z")
_TOKEN_BEHIND = re.compile(r"(?:[.:+/-]?\w)*")
_WORD = re.compile(r"(?<![\w-])[^\W\d_]{2,}(?![\w-])")
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d.]*(?:[eE][-+]?\d+)?%?(?!\w)")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_PARTED = re.compile(r"[,;|\t]| {2}|\d \S")

_CLOCK = re.compile(r"(?<![\d:.])(\d{1,3}):(\d{1,3})(?::(\d{1,3})(?:[.,]\d+)?)?(?![\d:])")
_DAY = re.compile(
    r"(?<!\d)(?:\d{4}([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-/.])(?:0?[1-9]|[12]\d|3[01])\2(?:\d\d)?\d\d)(?!\d)"
)
_THREE = re.compile(r"\d{1,4}\.\d{1,2}\.\d{1,4}")
_DECIMAL = re.compile(r"[-+]?(?:\d{3,}\.\d+|\d+\.\d{3,}|\d+\.\d+(?:[eE][-+]?\d+|[a-gi-z%]{1,2}))")
_VERSION = re.compile(
    r"\d+(?:\.\d+){1,4}-\d+[a-z]+\d*|\d+(?:\.\d+){3,}(?:-\w+)?|[A-Za-z][\w-]*-\d{1,3}(?:\.\d+)+(?:-[\w.-]+)?"
)
_ID = re.compile(
    r"[A-Z]{1,3}-\d{3,}|(?=.*[a-f])[0-9a-f]{4,}(?:-[0-9a-f]{4,}){2,}|(?=.*[a-f])[0-9a-f]{4}(?::[0-9a-f]{1,4})+"
)
_SHARE = re.compile(r"\d+/\d{2,}")
_PLACE_BEFORE = re.compile(r"\.[A-Za-z]{1,5}:\Z|(?<![\w:])(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]+:\Z|\w\[\Z")

_OF_PROGRAM = re.compile(r"(?:-\w{1,16})?[(\[]|\.[A-Z]{2}")
_OF_MACHINE = re.compile(r"\b(?:svc|service|app|pod|component|logger|module|host|node|image|container)=\Z")
_OF_ID = re.compile(r"-\d{3}|_\w")
_HASH = re.compile(r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b")
_COLUMNS = frozenset(
    "amount average bytes code column count crc date id index item key length level mean median min max name number "
    "p price quantity rank rate ratio row score share size sku status std sum time total type unit value version x "
    "y".split()
)
_BETWEEN_CELLS = re.compile(r" ?[,;|\t] ?| {2,}")
_CELL = re.compile(r"[\w%]{1,16}")
LEAST_COLUMNS = 2
"""Words of `_COLUMNS` that make a line a heading; where blanks alone part its words, all but one."""
_BESIDE_WORD = re.compile(r"[^\W\d_]\.? \Z"), re.compile(r" [^\W\d_]{2}")
"""Before and behind a number."""


def is_of_program(text: str, start: int, end: int, label: str) -> bool:
    """Whether what a model tagged with this label is something of a program's, or of a row of numbers."""
    found = text[start:end]
    is_id = label != ADDRESS and _ID.fullmatch(found) is not None
    if is_id or _HASH.fullmatch(found) or (found.isupper() and _OF_ID.match(text, end)):
        return True
    if label == DATE_TIME and not _LETTERS.search(found):
        return _is_no_date(text, start, end)
    if label == ADDRESS and not _WORD.search(found):
        is_alone = len(found) < LEAST_OF_ADDRESS and not _is_beside_word(text, start, end)
        return is_alone or _is_no_postcode(found) or _is_row(_line_around(text, start, end))
    if found.islower() and _is_word_of_program(text, start, end):
        return True
    return label not in (DATE_TIME, ADDRESS) and bool(_OF_ID.match(text, end) or _HASH.search(found))


def _is_no_postcode(found: str) -> bool:
    """Whether a number is longer than any postcode, or one of an id's."""
    return sum(map(str.isdigit, found)) > MOST_OF_POSTCODE or _LONG_RUN.search(found) is not None


def _is_word_of_program(text: str, start: int, end: int) -> bool:
    """Whether a word in small letters is a name of a program's: of what it calls, of a service, of a column."""
    if _OF_PROGRAM.match(text, end) or _OF_MACHINE.search(text, max(0, start - REACH), start):
        return True
    return _is_heading(_line_around(text, start, end))


def _is_heading(line: str) -> bool:
    """Whether a line is one of names of columns."""
    cells, least = _BETWEEN_CELLS.split(line), LEAST_COLUMNS
    if len(cells) == 1:
        cells = line.split(" ")
        least = max(least, len(cells) - 1)
    return sum(each in _COLUMNS for each in cells) >= least and all(map(_CELL.fullmatch, cells))


def _is_beside_word(text: str, start: int, end: int) -> bool:
    before, behind = _BESIDE_WORD
    return bool(before.search(text, max(0, start - 3), start) or behind.match(text, end))


def _is_no_date(text: str, start: int, end: int) -> bool:
    """Whether what was taken for a date is none by its form, or by where it stands."""
    low = start - len(_TOKEN_BEFORE.search(text[max(0, start - REACH) : start]).group())  # type: ignore[union-attr]
    high = end + len(_TOKEN_BEHIND.match(text[end : end + REACH]).group())  # type: ignore[union-attr]
    found, token = text[start:end], text[low:high].lstrip("-+")
    if _is_other(found) or (token != found and _is_other(token)):
        return True
    if found.isdigit() and _SHARE.fullmatch(token):
        return True
    if found.isdigit() and _PLACE_BEFORE.search(text, max(0, start - REACH), start):
        return True
    return not _is_written_as_date(found) and _is_row(_line_around(text, start, end))


def _is_other(written: str) -> bool:
    """Whether it is a decimal, a version, an id, or a date or time that there is not."""
    if _DECIMAL.fullmatch(written) or _VERSION.fullmatch(written) or _ID.fullmatch(written):
        return True
    if _CLOCK.fullmatch(written) or _THREE.fullmatch(written):
        return not _is_written_as_date(written)
    return False


def _is_written_as_date(written: str) -> bool:
    """Whether a day of the calendar or a time of the day is in it."""
    if any(_is_time(*clock.groups()) for clock in _CLOCK.finditer(written)):
        return True
    return any(_has_month(day.group()) for day in _DAY.finditer(written))


def _is_time(hours: str, minutes: str, seconds: str | None) -> bool:
    return int(hours) <= 24 and len(minutes) == 2 and int(minutes) < 60 and int(seconds or 0) <= 60


def _has_month(day: str) -> bool:
    return any(0 < int(each) <= 12 for each in re.split(r"[-/.]", day)[:2])


def _is_row(line: str) -> bool:
    """Whether a line is a row of numbers."""
    if _PARTED.search(line) is None:
        return False
    return len(_NUMBER.findall(line)) >= LEAST_NUMBERS and len(_WORD.findall(line)) <= MOST_WORDS


def _line_around(text: str, start: int, end: int) -> str:
    """The line of a place, as far as it is looked at."""
    low = max(text.rfind("\n", 0, start) + 1, start - REACH)
    close = text.find("\n", end)
    return text[low : min(len(text) if close < 0 else close, end + REACH)]
