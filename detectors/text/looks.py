"""Scans a text as it stands and as it looks, while it arrives: for pattern scanners that disguise must not evade.

`password` with a zero-width space in it, in full-width letters, or with a Cyrillic `а`, looks the same and is another
text. `LooksScanner` runs its scanner twice: over the text, and over its **looks**, the text with

1. invisible characters dropped (zero-width, bidi controls, variation selectors, soft hyphens, tags);
2. each character in its compatible form (NFKC): full-width, circled, mathematical and superscript ones become plain;
3. look-alike letters of other scripts made Latin, in a word that also has ASCII letters: Russian stays Russian.

It undoes less than `detectors.text.normalise`, only what a reader cannot see; what must be deciphered (digits for
letters, spaced letters, base64) is for models.

How it keeps the laws: a plain text is its own looks, and costs one question whether it is ASCII. At the first character
that looks like something else the second scan begins, `look_ahead` characters to its left: a match that was begun there
was begun in the text too, and so is still held. From then on each character is folded once; a word is folded when it is
complete, or in pieces of `_PIECE`. Findings go back to the text by an offset map. One that the text itself has, under
the same label, in the same place or around it, is reported once.

At most `_MOST_DROPPED` invisible characters are dropped in a stretch as long as a match can be, so that a match stays
bounded in the text; more of them stand in the way, and are what `invisible_text` finds.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from functools import lru_cache

import msgspec
import regex

from detectors.base import PatternScanner, Scan, forked, plain_words_of
from detectors.text.changes import changes
from detectors.text.normalise import LOOK_ALIKES
from detectors.types import Finding, Look

REASON = "normalised view"

_PIECE = 32
_MOST_DROPPED = 128
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
_PIECES = regex.compile(
    rf"(?P<word>[\p{{L}}\p{{M}}\p{{N}}_\p{{Default_Ignorable_Code_Point}}\p{{Cf}}]{{1,{_PIECE}}})"
    r"|[^\p{L}\p{M}\p{N}_\p{Default_Ignorable_Code_Point}\p{Cf}]+"
)
_ASCII_LETTER = regex.compile(r"[A-Za-z]")


@lru_cache(maxsize=8192)
def _form(character: str) -> str:
    """What a character looks like by itself: nothing, or its compatible form."""
    return "" if _INVISIBLE.match(character) else unicodedata.normalize("NFKC", character)


def _is_suspect(character: str) -> bool:
    """Whether a character may look like something else."""
    return character > "\x7f" and (ord(character) in LOOK_ALIKES or _form(character) != character)


def _first_suspect(text: str, begin: int) -> int | None:
    """Where the first suspect character from `begin` on stands."""
    new = text[begin:]
    if new.isascii() or not any(map(_is_suspect, set(new))):
        return None
    return next(number for number, character in enumerate(new, begin) if _is_suspect(character))


class LooksScanner:
    """A pattern scanner over the text and its looks. Immutable; shared by all streams."""

    def __init__(self, scanner: PatternScanner) -> None:
        self.scanner = scanner
        self.name = scanner.name
        self.labels = scanner.labels
        self.plain_words = plain_words_of(scanner)
        self.look_behind = max(scanner.look_behind, scanner.look_ahead)
        self.look_ahead = scanner.look_ahead + _PIECE + _MOST_DROPPED

    def start(self) -> LooksScan:
        """Open a scan for one lane."""
        return LooksScan(self.scanner)

    def looks(self, text: str) -> Sequence[Look]:
        """The looks of a text, when they are not the text."""
        if _first_suspect(text, 0) is None:
            return ()
        every = _Folded("", [], []).followed_by(_Folder(0, self.scanner.look_ahead).advance(text, 0, is_final=True))
        return (Look(REASON, every.text, changes(text, every.text, every.starts, every.ends, _how)),)


def _how(_start: int, _end: int, read: str) -> str:
    return "looks like this" if read else "invisible, left out"


class LooksScan:
    """The scan of one lane: the text's, and, from the first suspect character on, its looks'."""

    __slots__ = ("_looks", "_raw", "_recent", "_scanner", "_seen", "_waiting", "cleared")

    def __init__(self, scanner: PatternScanner) -> None:
        self._scanner = scanner
        self._raw: Scan = scanner.start()
        self._looks: _Looks | None = None
        self._seen = 0
        self._waiting: list[tuple[Finding, bool]] = []  # with whether it was found in the text itself
        self._recent: list[Finding] = []  # those of the text that reach behind `cleared`
        self.cleared = 0

    def fork(self) -> LooksScan:
        """Another scan in the same state."""
        other = copy(self)
        other._raw = forked(self._raw, self._scanner)
        other._looks = self._looks.fork() if self._looks is not None else None
        other._waiting = list(self._waiting)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start, in lane offsets."""
        found = self._raw.advance(text, offset, is_final=is_final)
        if self._looks is None:
            suspect = _first_suspect(text, self._seen - offset)
            self._seen = offset + len(text)
            if suspect is None:
                self._recent = [each for each in (*self._recent, *found) if each.end > self._raw.cleared]
                self.cleared = self._raw.cleared
                return found
            begin = max(0, offset + suspect - self._scanner.look_ahead)
            self._looks = _Looks(self._scanner, begin, offset + suspect)
        self._waiting += ((each, True) for each in found)
        self._waiting += ((each, False) for each in self._looks.advance(text, offset, is_final=is_final))
        # The second scan may begin left of what was cleared. Nothing can come of that: no match was begun there.
        self.cleared = max(self.cleared, min(self._raw.cleared, self._looks.cleared))
        return self._decided(is_final=is_final)

    def _decided(self, *, is_final: bool) -> list[Finding]:
        """What both scans are certain of, each thing once."""
        if not self._waiting:
            return []
        ready = [pair for pair in self._waiting if is_final or pair[0].start < self.cleared]
        self._waiting = [pair for pair in self._waiting if not is_final and pair[0].start >= self.cleared]
        known = self._recent + [finding for finding, is_raw in ready if is_raw]
        decided = sorted(each for each, is_raw in ready if is_raw or not any(_has(one, each) for one in known))
        self._recent = [each for each in known if each.end > self.cleared]
        return decided


def _has(one: Finding, other: Finding) -> bool:
    return one.label == other.label and one.start <= other.start and other.end <= one.end


class _Looks:
    """The looks of a lane from `begin` on, and the scan of them. Findings count from the first `suspect` on."""

    def __init__(self, scanner: PatternScanner, begin: int, suspect: int) -> None:
        self._scanner = scanner
        self._scan: Scan = scanner.start()
        self._look_behind = scanner.look_behind
        self._folder = _Folder(begin, scanner.look_ahead)
        self._suspect = suspect
        self._base = 0  # of the looks that are kept, in offsets of the looks
        self._kept = _Folded("", [], [])

    @property
    def cleared(self) -> int:
        """Every finding that starts before this lane offset was returned."""
        place = self._scan.cleared - self._base
        return self._kept.starts[place] if place < len(self._kept.starts) else self._folder.position

    def fork(self) -> _Looks:
        """Another one in the same state."""
        other = copy(self)
        other._scan = forked(self._scan, self._scanner)
        other._folder = self._folder.fork()
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> list[Finding]:
        """What the scan finds in the looks of the text that arrived, in lane offsets."""
        self._kept = self._kept.followed_by(self._folder.advance(text, offset, is_final=is_final))
        found = [self._moved(each) for each in self._scan.advance(self._kept.text, self._base, is_final=is_final)]
        self._forget()
        return [each for each in found if each.end > self._suspect]

    def _moved(self, finding: Finding) -> Finding:
        start = self._kept.starts[finding.start - self._base]
        end = self._kept.ends[finding.end - self._base - 1]
        reason = f"{finding.reason} ({REASON})" if finding.reason else REASON
        return Finding(start, end, finding.label, finding.score, reason)

    def _forget(self) -> None:
        needless = self._scan.cleared - self._look_behind - self._base
        if needless > 0:
            self._kept = self._kept.without(needless)
            self._base += needless


class _Folded(msgspec.Struct, frozen=True):
    """Looks, and for each of their characters the span of the lane's text that it came from."""

    text: str
    starts: list[int]
    ends: list[int]

    def followed_by(self, others: Iterable[_Folded]) -> _Folded:
        every = (self, *others)
        starts = [start for each in every for start in each.starts]
        ends = [end for each in every for end in each.ends]
        return _Folded("".join(each.text for each in every), starts, ends)

    def without(self, count: int) -> _Folded:
        """All but the first `count` characters."""
        return _Folded(self.text[count:], self.starts[count:], self.ends[count:])


class _Folder:
    """Makes looks of a lane's text, piece by piece. `position` is how far it has come, in lane offsets."""

    def __init__(self, position: int, stretch: int) -> None:
        self.position = position
        self._stretch = stretch
        self._made = 0  # characters of looks
        self._dropped: deque[int] = deque()  # where characters were dropped of late, in offsets of the looks

    def fork(self) -> _Folder:
        """Another one in the same state."""
        other = copy(self)
        other._dropped = self._dropped.copy()
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Iterator[_Folded]:
        """The looks of the pieces that are complete."""
        for found in _PIECES.finditer(text, self.position - offset):
            is_open = found.end() == len(text) and not is_final
            if is_open and found.lastgroup and found.end() - found.start() < _PIECE:
                return
            self.position = offset + found.end()
            yield self._fold(found.group(), offset + found.start())

    def _fold(self, piece: str, start: int) -> _Folded:
        if piece.isascii():
            self._made += len(piece)
            return _Folded(
                piece, list(range(start, start + len(piece))), list(range(start + 1, start + len(piece) + 1))
            )
        forms = [self._shown(character) for character in piece]
        if _ASCII_LETTER.search("".join(forms)):
            forms = [form.translate(LOOK_ALIKES) for form in forms]
        places = [place for place, form in enumerate(forms, start) for _ in form]
        return _Folded("".join(forms), places, [place + 1 for place in places])

    def _shown(self, character: str) -> str:
        """A character's form, nothing if it is dropped."""
        form = _form(character) if character > "\x7f" else character
        if not form:
            while self._dropped and self._dropped[0] < self._made - self._stretch:
                self._dropped.popleft()
            if len(self._dropped) >= _MOST_DROPPED:
                form = character
            else:
                self._dropped.append(self._made)
        self._made += len(form)
        return form
