"""Keys, tokens and passwords: known formats with their checksums, and random values under a secret's name.

How it works: the formats of `detectors.secrets.formats` run as rules of one regular scanner, which holds only what may
still become a token. A token of any length (a JSON web token, a PEM block) is not waited for: once its beginning is
certain a *region* opens, which takes in the characters that go on belonging to it. Up to `FIRST_PIECE` characters are
one finding; of what is longer, each further `PIECE` is one more that touches the last. Where the pieces end depends on
the text alone.

Placeholders (`your_api_key`, `xxxx`, `${VAR}`, keys that end in `EXAMPLE`) are left alone.

A value's name may be given beside it (`base.open_scan`): it is then read as `name="value`.

Text is looked at as it stands and as it looks (`detectors.text.looks`): a zero-width space in a token hides nothing.

It does not promise to find a secret without a known shape or a name beside it: mostly those are digests and
identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from typing import ClassVar, Protocol

import msgspec

from detectors.base import DetectorError, Params
from detectors.secrets.formats import BEFORE, FAILED, FORMATS, PEM_KIND, SECRET, VERIFIED, Format, is_placeholder
from detectors.text.looks import LooksScanner
from detectors.text.named import Named
from detectors.text.regular import NotRegular, RegularScanner, Rule
from detectors.types import Finding

THRESHOLD = 0.5
FIRST_PIECE = 320
PIECE = 256
_LOOK_BEHIND = BEFORE
"""For the checks: a connection string's `; password=`, the command of an option."""


class SecretsParams(Params):
    """Nothing to set: which labels count, and from which score, is the rule's."""


class Secrets:
    """The detector type `secrets`."""

    name: ClassVar[str] = "secrets"
    params: ClassVar[type[Params]] = SecretsParams
    summary: ClassVar[str] = "API keys, tokens, private keys and passwords, by their formats and checksums"

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """A label for each kind of secret."""
        return {each.label: THRESHOLD for each in FORMATS}

    @classmethod
    def highest(cls, params: Params) -> Mapping[str, float]:
        """What a format's match is worth; with a check, what one is worth that passed."""
        scores: dict[str, float] = {}
        for each in FORMATS:
            scores[each.label] = max(scores.get(each.label, 0.0), VERIFIED if each.check else each.score)
        return scores

    @classmethod
    def build(cls, params: Params) -> Named:
        """Make the scanner: about 0.3 s."""
        try:
            return Named(LooksScanner(SecretsScanner()), '{}="')
        except NotRegular as error:
            raise DetectorError(str(error)) from error


_PLAIN_WORD = re.compile(r"[^\W\d_]{0,24}[ \n\t.,;!?\u2026)*]+")
"""A word and a mark or blank behind it: no name of a secret is a word alone."""


class SecretsScanner:
    """The pattern scanner for secrets. Immutable; shared by all streams."""

    def __init__(self) -> None:
        self.name = Secrets.name
        self.labels = frozenset(each.label for each in FORMATS)
        self.regular = RegularScanner(Secrets.name, [_rule(each) for each in FORMATS], look_behind=_LOOK_BEHIND)
        self.tails: Mapping[str, _Tail] = {
            PEM_KIND: _PemTail(),
            **{each.kind: _RunTail(each.tail) for each in FORMATS if each.tail},
        }
        self.plain_words = _PLAIN_WORD
        self.look_behind = self.regular.look_behind
        self.look_ahead = max(self.regular.look_ahead, FIRST_PIECE + _PemTail.MOST_WAITING)

    def start(self) -> SecretsScan:
        """Open a scan for one lane."""
        return SecretsScan(self)


def _rule(each: Format) -> Rule:
    """The format as a rule; its kind, which is unique, is the reason."""

    def check(text: str, start: int, end: int) -> float | None:
        token, right = text[start:end], text[end : end + 1]
        if not each.tail and right and right in each.not_before:
            return None
        if is_placeholder(token) or (each.context and not each.context(text[:start], right)):
            return None
        return each.check(token) if each.check else each.score

    return Rule(each.label, each.pattern, each.score, each.kind, flags=re.ASCII, group=SECRET, check=check)


class SecretsScan:
    """The scan of one lane: the regular scan, and the regions that its findings opened."""

    def __init__(self, scanner: SecretsScanner) -> None:
        self._regular = scanner.regular.start()
        self._tails = scanner.tails
        self._open: list[_Region] = []
        self._reached: dict[str, int] = {}
        self._pending: list[Finding] = []
        self._cleared = 0

    @property
    def cleared(self) -> int:
        """Every finding that starts before this lane offset was returned."""
        return self._cleared

    def fork(self) -> SecretsScan:
        """Another scan in the same state."""
        other = copy(self)
        other._regular = self._regular.fork()
        other._open = [copy(region) for region in self._open]
        other._reached, other._pending = dict(self._reached), list(self._pending)
        return other

    def advance(self, text: str, offset: int, *, is_final: bool) -> Sequence[Finding]:
        """The findings that became certain, by start."""
        found = self._regular.advance(text, offset, is_final=is_final)
        if found or self._open:
            self._grow(text, offset, found, is_final=is_final)
        self._cleared = min([self._regular.cleared, *(region.begin for region in self._open)])
        return self._take_decided(is_final=is_final) if self._pending else ()

    def _grow(self, text: str, offset: int, found: Sequence[Finding], *, is_final: bool) -> None:
        """Let the open regions take in the new text, and open those that the findings begin."""
        for region in self._open:
            self._extend(region, text, offset, is_final=is_final)
        for finding in found:
            if finding.reason not in self._tails:
                self._pending.append(finding)
            elif finding.start >= self._reached.get(finding.reason, 0):
                region = _Region(finding, self._tails[finding.reason])
                self._extend(region, text, offset, is_final=is_final)
                self._open.append(region)
        self._open = [region for region in self._open if region.is_open]

    def _extend(self, region: _Region, text: str, offset: int, *, is_final: bool) -> None:
        self._pending += region.extend(text, offset, is_final=is_final)
        self._reached[region.first.reason] = region.reached

    def _take_decided(self, *, is_final: bool) -> Sequence[Finding]:
        self._pending.sort()
        ready = [finding for finding in self._pending if is_final or finding.start < self._cleared]
        del self._pending[: len(ready)]
        return [_told(finding) for finding in ready]


_CHECKED = {VERIFIED: "checksum passed", FAILED: "checksum failed"}


def _told(finding: Finding) -> Finding:
    """The finding of a format, with what its checksum says."""
    said = _CHECKED.get(finding.score)
    return msgspec.structs.replace(finding, reason=f"{finding.reason}, {said}") if said else finding


class _Region:
    """A secret that goes on: `begin` is where its next finding begins, `reached` how far it is certain."""

    def __init__(self, first: Finding, tail: _Tail) -> None:
        self.first = first
        self.begin = first.start
        self.reached = first.end
        self.is_open = True
        self._tail = tail
        self._size = FIRST_PIECE

    def extend(self, text: str, offset: int, *, is_final: bool) -> list[Finding]:
        """Take in what belongs to it; the pieces that this completes."""
        reached, self.is_open = self._tail.extend(text, self.reached - offset, is_final=is_final)
        self.reached = offset + reached
        found = []
        while self.reached - self.begin >= self._size:
            found.append(self._piece(self.begin + self._size))
        if not self.is_open and self.reached > self.begin:
            found.append(self._piece(self.reached))
        return found

    def _piece(self, end: int) -> Finding:
        start, self.begin, self._size = self.begin, end, PIECE
        return Finding(start, end, self.first.label, self.first.score, self.first.reason)


class _Tail(Protocol):
    """What belongs to a secret that has begun."""

    def extend(self, text: str, at: int, *, is_final: bool) -> tuple[int, bool]:
        """From `at` on, up to where it certainly goes, and whether more text could carry it on."""
        ...


class _RunTail:
    """Characters of a set, possibly each with a dot before it, or after an escaped quote."""

    def __init__(self, pattern: str) -> None:
        self._run = re.compile(pattern, re.ASCII)
        self._waits_for = "." if pattern.startswith(r"(?:\.?") else "\\" if pattern.startswith(r"(?:\\") else ""

    def extend(self, text: str, at: int, *, is_final: bool) -> tuple[int, bool]:
        """See `_Tail`."""
        run = self._run.match(text, at)
        end = run.end() if run else at
        rest = text[end : end + 2]
        return end, not is_final and (not rest or (rest == self._waits_for))


class _PemTail:
    """The lines of a PEM block up to its END line, or to where they no longer look like one.

    A long unit of base64 belongs to it; a short one (the last line, a checksum) only when the END line follows.
    """

    MOST_WAITING = 256
    _LONG = 20
    _gap = re.compile(r"(?:\s|\\[nr]|[\"'+,]){0,24}", re.ASCII)
    _unit = re.compile(r"[0-9A-Za-z+/=]*")
    _end = re.compile(r"-----END [A-Z ]{0,24}PRIVATE KEY(?: BLOCK)?-----")
    _end_begun = re.compile(r"-{0,5}|-----[A-Z ]{1,48}-{0,5}")

    def extend(self, text: str, at: int, *, is_final: bool) -> tuple[int, bool]:
        """See `_Tail`."""
        reached, short = self._unit_end(text, at), 0
        position = reached
        while True:
            begin = self._gap_end(text, position)
            if end := self._end.match(text, begin):
                return end.end(), False
            if not is_final and self._may_go_on(text, begin):
                return reached, True
            position = self._unit_end(text, begin)
            if position - begin >= self._LONG:
                reached, short = position, 0
                continue
            short += 1
            if position == begin or short > 2:
                return reached, False

    def _may_go_on(self, text: str, begin: int) -> bool:
        """Whether the text ends in what may still become an END line or a long unit."""
        rest = text[begin:]
        if len(rest) <= 1 or self._end_begun.fullmatch(text, begin):
            return True
        return len(rest) < self._LONG and self._unit_end(text, begin) == len(text)

    def _gap_end(self, text: str, at: int) -> int:
        gap = self._gap.match(text, at)
        return gap.end() if gap else at

    def _unit_end(self, text: str, at: int) -> int:
        unit = self._unit.match(text, at)
        return unit.end() if unit else at
