"""Characters that a reader cannot see and a model can: carriers of hidden instructions, and of data smuggled out.

| label | what |
|---|---|
| `TAG_CHARACTER` | U+E0000..E007F, a hidden copy of ASCII; left alone in the flags of England, Scotland and Wales |
| `VARIATION_SELECTOR` | U+FE00..FE0F, U+E0100..E01EF and the Mongolian ones, several together or where they select
nothing | | `BIDI_CONTROL` | embeddings, overrides and isolates; the marks (LRM, RLM, ALM) unless right-to-left letters
are near | | `ZERO_WIDTH` | zero-width space, joiners and the like; joiners are left alone within emoji and in scripts
that need them | | `SOFT_HYPHEN` | U+00AD; one between two letters is left alone |
| `FORMAT_CHARACTER` | other invisible characters: Unicode's format characters, blank letters, language tags, fillers |

How it works: almost every text has none of these characters, and one regular expression says so. Where it finds a run,
what stands around decides whether it is innocent. A run is one finding (a longer one: one for every `PIECE`
characters), with the label of its gravest character. Nothing is held but a run that is still arriving.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from typing import ClassVar

from detectors.base import Params
from detectors.types import Finding

PIECE = 256
"""A longer run of invisible characters makes several findings, so that it is not held without end."""
LOOK_BEHIND = 8
THRESHOLD = 0.5

_TAGS = "\U000e0000-\U000e007f"
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_MARKS = "\u061c\u200e\u200f"
_BIDI = f"{_MARKS}\u202a-\u202e\u2066-\u2069"
_ZERO_WIDTH = "\u200b-\u200d\u2060\ufeff"
_FORMAT = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180e\u2061-\u2065\u206a-\u206f\u2800\u3164\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{_TAGS}{_SELECTORS}{_BIDI}{_ZERO_WIDTH}\u00ad{_FORMAT}]+")

_KINDS = tuple(
    (re.compile(f"[{characters}]"), label, score)
    for characters, label, score in (
        (_TAGS, "TAG_CHARACTER", 0.95),
        (_SELECTORS, "VARIATION_SELECTOR", 0.8),
        (_BIDI, "BIDI_CONTROL", 0.8),
        (_ZERO_WIDTH, "ZERO_WIDTH", 0.7),
        ("\u00ad", "SOFT_HYPHEN", 0.5),
        (_FORMAT, "FORMAT_CHARACTER", 0.6),
    )
)
"""The gravest first."""
LABELS = tuple(label for _, label, _ in _KINDS)

_FLAGS = tuple(
    "".join(chr(0xE0000 + ord(char)) for char in region) + "\U000e007f" for region in ("gbeng", "gbsct", "gbwls")
)
_FLAG_BASE = "\U0001f3f4"
_KEYS = tuple("0123456789#*")
_MOST_NEEDED = 3
"""No writing needs more invisible characters in a row, but for the flags."""


def _class(characters: str) -> re.Pattern[str]:
    return re.compile(f"[{characters}]")


_JOINING = _class(
    "\u0600-\u06ff\u0700-\u077f\u07c0-\u07ff\u0840-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1aaf"
    "\u1b00-\u1bff\ufb50-\ufdff\ufe70-\ufefc\U00011000-\U000114df"
)
"""Scripts in which a zero-width (non-)joiner changes the shape of a word: Arabic, Syriac, Indic, Khmer, Mongolian,
..."""
_UNSPACED = _class("\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\u3040-\u30ff\u4e00-\u9fff")
"""Scripts without spaces, where a zero-width space says where a line may break."""
_PICTURE = _class(
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_VARIED = _class(
    "\u1000-\u109f\u1800-\u18af\u2200-\u22ff\u2e80-\u2fdf\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\ua840-\ua87f"
    "\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff"
)
"""Characters that have variants: ideographs, Mongolian, Myanmar, mathematical signs."""


class InvisibleTextParams(Params):
    """Nothing to set: which labels count, and from which score, is the rule's."""


class InvisibleText:
    """The detector type `invisible_text`."""

    name: ClassVar[str] = "invisible_text"
    params: ClassVar[type[Params]] = InvisibleTextParams
    summary: ClassVar[str] = "zero-width, bidirectional, tag and other characters that hide text"

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """All labels of the module's table."""
        return dict.fromkeys(LABELS, THRESHOLD)

    @classmethod
    def highest(cls, params: Params) -> Mapping[str, float]:
        """What a character of each kind is worth."""
        return {label: score for _, label, score in _KINDS}

    @classmethod
    def build(cls, params: Params) -> InvisibleScanner:
        """The scanner."""
        return InvisibleScanner()


class InvisibleScanner:
    """The pattern scanner for characters that cannot be seen."""

    def __init__(self) -> None:
        self.name = InvisibleText.name
        self.labels = frozenset(LABELS)
        self.look_behind = LOOK_BEHIND
        self.look_ahead = PIECE

    def start(self) -> InvisibleScan:
        """Open a scan for one lane."""
        return InvisibleScan()


class InvisibleScan:
    """The scan of one lane."""

    def __init__(self) -> None:
        self._cleared = 0

    @property
    def cleared(self) -> int:
        """Everything before this lane offset is decided."""
        return self._cleared

    def fork(self) -> InvisibleScan:
        """Another scan in the same state."""
        return copy(self)

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start."""
        found: list[Finding] = []
        at = self._cleared - offset
        while run := _INVISIBLE.search(text, at):
            start, end = run.start(), min(run.end(), run.start() + PIECE)
            if end == len(text) and not is_final:
                self._cleared = offset + start
                return found
            found += _findings(text, start, end, offset)
            at = end
        self._cleared = offset + len(text)
        return found


def _findings(text: str, start: int, end: int, offset: int) -> Iterator[Finding]:
    """Of the piece `[start, end)` of a run: none when it is innocent. Reads one character right of it."""
    piece = text[start:end]
    before = text[max(start - LOOK_BEHIND, 0) : start]
    if not _is_innocent(before, piece, text[end : end + 1]):
        label, score = next((label, score) for kind, label, score in _KINDS if kind.search(piece))
        yield Finding(offset + start, offset + end, label, score, _reason(len(piece)))


def _reason(count: int) -> str:
    return f"{count} invisible character{'s' * (count > 1)} that the writing around does not need"


def _is_innocent(before: str, piece: str, after: str) -> bool:
    """Whether writing needs these characters at this place."""
    if before.endswith(_FLAG_BASE) and piece.startswith(_FLAGS):
        return len(piece) == len(_FLAGS[0])
    if piece == "\ufeff" and not before:
        return True  # a byte order mark where the text begins
    if len(piece) > _MOST_NEEDED:
        return False
    line = f"{before[-1:]}{piece}{after}"
    skipped = len(before[-1:])
    return all(
        _is_needed(
            char, before, line[max(skipped + at - 1, 0) : skipped + at], line[skipped + at + 1 : skipped + at + 2]
        )
        for at, char in enumerate(piece)
    )


def _is_needed(char: str, before: str, left: str, right: str) -> bool:
    """Whether one invisible character makes sense between its neighbours."""
    for characters, needs in _NEEDS:
        if characters.match(char):
            return bool(needs(before, left, right))
    return False


def _is_right_to_left(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL", "AN")


_NEEDS: tuple[tuple[re.Pattern[str], Callable[[str, str, str], object]], ...] = (
    (
        _class("\ufe0e\ufe0f"),
        lambda _, left, right: _PICTURE.match(left) or (left in _KEYS and right == "\u20e3") or _VARIED.match(left),
    ),
    (_class(_SELECTORS), lambda _, left, __: _VARIED.match(left)),
    (_class(_MARKS), lambda before, _, right: any(map(_is_right_to_left, before + right))),
    (
        _class("\u200d"),
        lambda _, left, right: (
            ((_PICTURE.match(left) or left == "\ufe0f") and _PICTURE.match(right)) or _JOINING.match(left)
        ),
    ),
    (_class("\u200c"), lambda _, left, right: _JOINING.match(left) and _JOINING.match(right)),
    (_class("\u200b"), lambda _, left, right: _UNSPACED.match(left) and (not right or _UNSPACED.match(right))),
    (_class("\u00ad"), lambda _, left, right: left.isalpha() and right.isalpha()),
    (_class("\u180e"), lambda _, left, __: _JOINING.match(left)),
    (_class("\u2800"), lambda _, left, right: any("\u2801" <= char <= "\u28ff" for char in (left, right))),
)
"""What the first that fits says of (what stands before the run, left neighbour, right neighbour)."""
