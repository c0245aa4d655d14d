r"""Text inside text: JSON in a string (tool arguments, structured answers), read decoded and written back as it came.

The core is given a *view* of a lane: the JSON text with its escapes decoded, keys and quotes in their places, so that
`"card":"x\n4111 1111 1111 1111"` shows a card and `"ssn":536228726` its key. What the core lets out is translated back
into the *raw* text, in raw offsets:

1. `feed` cuts the raw text into tokens (`json_tokens`) and returns the view as far as it is certain.
2. `out` walks the tokens along each release: what is kept leaves as its slice of the raw text, so that without a
   redaction the raw text leaves as it came, whatever the cuts.
3. A replaced span is written once, JSON-escaped as deep as it stands, where its first character that may go was; its
   structure (quotes, brackets, commas) stays, so that no value runs into the next. A number or literal of which
   anything is replaced becomes a string, unless it is a number that stands for a number.
4. A token that must not be cut waits until the core has said something of all of it. Outside of its redactions, a
   release's text is the raw text of `[start, end)`.

Promised, where the raw text was JSON: it is still, and what no span touched has its value. A parsed object needs
nothing of its own: `json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)` is a text to feed
whole, what leaves is parsed again.

Not promised: that replaced keys stay different from one another; that a finding which comes later than
`REMEMBERED_CHANGES` runs of escapes after its text has its exact place in the raw text; that a document is whole
which a block cuts off.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import itemgetter
from typing import TypeAlias

import msgspec

from detectors.types import Finding, Grounding
from sidecar.core.buffer import SLACK_CHARS, TextBuffer
from sidecar.core.json_tokens import Change, Kind, Token, Tokenizer
from sidecar.values import Annotation, Blocked, Decision, Output, Redaction, Release

REMEMBERED_CHANGES = 1024
"""How many runs of escapes in released text are kept for the places of late findings."""

_DIGITS = re.compile("[0-9]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SCALAR = re.compile(rf"{_NUMBER.pattern}|true|false|null|NaN|-?Infinity")
_HALVES = re.compile("[\ud800-\udfff]")
_VIEW_START = itemgetter(0)


class _Replaced(msgspec.Struct, eq=False):
    """A redaction that is being written: where it stands in the raw text, and its replacement in what leaves next."""

    redaction: Redaction
    replacement: str
    """What is still to be written; empty once it was."""
    is_begun: bool = False
    start: int = 0
    end: int = 0
    begin: int = 0
    stop: int = 0

    def take(self, depth: int) -> str:
        """The replacement inside `depth` strings, the first time; then nothing."""
        text, self.replacement = _HALVES.sub("\ufffd", self.replacement), ""
        for _ in range(depth if text else 0):
            text = json.dumps(text, ensure_ascii=False)[1:-1]
        return text


_Part: TypeAlias = tuple[str, int, _Replaced | None]
"""A piece of a token: what it becomes if any of the token is replaced, how long it was, what replaced it."""


class _Writer:
    """What leaves next. Pieces are written in the order of the raw text."""

    __slots__ = ("at", "end", "length", "pieces", "replaced")

    def __init__(self) -> None:
        self.end = 0
        """The raw offset up to which all was handed out."""
        self.at = 0
        """The raw offset up to which all was written."""
        self.pieces: list[str] = []
        self.length = 0
        self.replaced: list[_Replaced] = []

    def write(self, text: str, end: int, replaced: _Replaced | None) -> None:
        """Let `text` stand for the raw text up to `end`, as a part of a redaction or as it is."""
        if replaced is not None:
            self._extend(replaced, end, len(text))
        self.pieces.append(text)
        self.length += len(text)
        self.at = end

    def _extend(self, replaced: _Replaced, end: int, chars: int) -> None:
        if not replaced.is_begun:
            replaced.is_begun, replaced.start, replaced.begin = True, self.at, self.length
        replaced.end, replaced.stop = end, self.length + chars

    def hand_out(self, unfinished: _Replaced | None) -> tuple[str, int, tuple[Redaction, ...]]:
        """The text, how far it goes and its redactions: up to an unfinished one, which stays here as a whole."""
        text = "".join(self.pieces)
        if not self.replaced:
            self.pieces.clear()
            self.length, self.end = 0, self.at
            return text, self.end, ()
        ready, length, self.end = self.replaced, self.length, self.at
        self.replaced = []
        if unfinished is not None:
            index = ready.index(unfinished)
            ready, self.replaced = ready[:index], ready[index:]
            if unfinished.is_begun:
                length, self.end = unfinished.begin, unfinished.start
        self.pieces = [text[length:]] if length < len(text) else []
        self.length -= length
        for each in self.replaced:
            each.begin, each.stop = each.begin - length, each.stop - length
        return text[:length], self.end, tuple(_written(each, self.end, length) for each in ready)


class JsonReading:
    """One lane's text: see the module's text. Feed it all text of the lane; have it translate all outputs, in order."""

    __slots__ = ("_at", "_parts", "_raw", "_tokenizer", "_writer")

    def __init__(self) -> None:
        self._tokenizer = Tokenizer()
        self._raw = TextBuffer()
        self._at = 0
        """The view offset up to which the core has let text out."""
        self._writer = _Writer()
        self._parts: list[_Part] = []
        """Of a token that waits for its rest."""

    def feed(self, raw: str) -> str:
        """The view of what has become certain, possibly nothing."""
        self._raw.append(raw)
        return self._tokenizer.read(raw, is_final=False)

    def finish(self) -> str:
        """The rest of the view, at the lane's end."""
        return self._tokenizer.read("", is_final=True)

    def out(self, output: Output) -> Output:
        """The same in raw text and raw offsets. A release whose last characters have to wait ends before them."""
        if isinstance(output, Release):
            return self._withheld(output) if output.is_withheld else self._release(output)
        decisions = self._decisions(output.decisions)
        if isinstance(output, Blocked):
            return msgspec.structs.replace(output, position=self._writer.end, decisions=decisions)
        return msgspec.structs.replace(output, decisions=decisions)

    # -- what leaves -------------------------------------------------------------------------------------------------

    def _release(self, release: Release) -> Release:
        start = self._writer.end
        for each in release.redactions:
            self._keep(each.start)
            self._replace(each, release.text[each.replacement_start : each.replacement_end])
        self._keep(release.end)
        text, end, redactions = self._writer.hand_out(_owner(self._parts))
        self._forget()
        if not release.annotations and not release.decisions:
            return Release(release.lane, text, start, end, (), redactions)
        annotations = tuple(self._annotation(each) for each in release.annotations)
        return Release(release.lane, text, start, end, annotations, redactions, self._decisions(release.decisions))

    def _withheld(self, release: Release) -> Release:
        """Of all that came nothing leaves: the text is JSON already."""
        end = self._raw.end
        redactions = tuple([msgspec.structs.replace(each, end=end) for each in release.redactions])
        decisions = self._decisions(release.decisions)
        self._at, self._writer.at, self._writer.end = release.end, end, end
        return msgspec.structs.replace(release, end=end, redactions=redactions, decisions=decisions)

    def _keep(self, end: int) -> None:
        """Let the view up to `end` through: whole tokens as one slice, then what is left token by token."""
        tokens, raw_end = self._tokenizer.tokens, self._writer.at
        while not self._parts and tokens and tokens[0].view_end <= end:
            token = tokens.popleft()
            self._at, raw_end = token.view_end, token.raw_end
        if raw_end > self._writer.at:
            self._writer.write(self._raw.slice(self._writer.at, raw_end), raw_end, None)
        if self._at < end:
            self._pass(end, None)
            self._keep(end)

    def _replace(self, redaction: Redaction, replacement: str) -> None:
        replaced = _Replaced(redaction, replacement)
        self._writer.replaced.append(replaced)
        while self._at < redaction.end:
            self._pass(redaction.end, replaced)

    def _pass(self, end: int, replaced: _Replaced | None) -> None:
        """Move on within one token, at most to `end`."""
        token = self._tokenizer.tokens[0]
        if token.kind is Kind.PLAIN:
            self._tokenizer.split(self._raw.slice(self._writer.at, token.raw_end))
            token = self._tokenizer.tokens[0]
        chars = min(end, token.view_end) - self._at
        self._at += chars
        if token.kind >= Kind.SCALAR:
            self._pass_whole(token, chars, replaced)
        else:
            raw_end = self._writer.at + chars * token.width
            raw = self._raw.slice(self._writer.at, raw_end)
            self._writer.write(_plain(token, raw, replaced) if replaced else raw, raw_end, replaced)
        if self._at == token.view_end:
            self._tokenizer.tokens.popleft()

    def _pass_whole(self, token: Token, chars: int, replaced: _Replaced | None) -> None:
        """Gather the pieces of a token that is written as a whole."""
        is_cut = self._at < token.view_end
        if token.kind is Kind.QUOTE and is_cut and replaced is not None and not replaced.replacement:
            replaced = None  # the span ends at the backslash: the quote is not in it
        piece = self._scalar_piece(chars, replaced) if token.kind is Kind.SCALAR else ""
        if replaced is not None and token.kind in (Kind.SLASHES, Kind.QUOTE):
            piece = replaced.take(token.depth)
        self._parts.append((piece, chars, replaced))
        if not is_cut:
            parts, self._parts = self._parts, []
            self._write_whole(token, parts)

    def _scalar_piece(self, chars: int, replaced: _Replaced | None) -> str:
        token = self._tokenizer.tokens[0]
        if replaced is not None:
            return replaced.take(token.depth + 1)
        start = token.raw_end - (token.view_end - self._at) - chars
        return self._raw.slice(start, start + chars)

    def _write_whole(self, token: Token, parts: list[_Part]) -> None:
        owner = _owner(parts)
        if owner is None or token.kind is Kind.MARK:
            self._writer.write(self._raw.slice(self._writer.at, token.raw_end), token.raw_end, owner)
        elif token.kind is Kind.SCALAR:
            self._write_string(token, parts, owner)
        else:
            for piece, _, replaced in parts:
                if replaced is not None:
                    self._writer.write(piece, token.raw_end, replaced)

    def _write_string(self, token: Token, parts: list[_Part], owner: _Replaced) -> None:
        """A number or literal as a string. What is kept of it belongs to the redaction before it, or to the first.

        A number for a number stays one; and what was no JSON needs no quotes when a value is put back in it.
        """
        is_bare = self._is_bare(self._raw.slice(self._writer.at, token.raw_end), parts, owner)
        quote = "" if is_bare else "\\" * (2**token.depth - 1) + '"'
        self._writer.write(quote, self._writer.at, owner)
        for piece, chars, replaced in parts:
            owner = replaced or owner
            self._writer.write(piece, self._writer.at + chars, owner)
        self._writer.write(quote, token.raw_end, owner)

    def _is_bare(self, raw: str, parts: list[_Part], owner: _Replaced) -> bool:
        """Whether what is written for a number or literal is none of the strings."""
        if not _SCALAR.fullmatch(raw):
            return owner.redaction.is_restored
        return len(parts) == 1 and bool(_NUMBER.fullmatch(raw) and _NUMBER.fullmatch(parts[0][0]))

    def _forget(self) -> None:
        """Drop what has left: the text when that is most of what is held, and changes but for the last."""
        left = self._writer.at - self._raw.offset
        if left >= SLACK_CHARS and 2 * left >= len(self._raw.text):
            self._raw.drop_before(self._writer.at)
        changes = self._tokenizer.changes
        if len(changes) > 2 * REMEMBERED_CHANGES:
            passed = bisect_left(changes, self._at, key=_VIEW_START)
            if passed > 2 * REMEMBERED_CHANGES:
                del changes[: passed - REMEMBERED_CHANGES]

    # -- offsets -----------------------------------------------------------------------------------------------------

    def _start(self, offset: int) -> int:
        """Where what begins at a view offset begins in the raw text."""
        changes = self._tokenizer.changes
        passed = bisect_right(changes, offset, key=_VIEW_START)
        last = changes[passed - 1] if passed else None
        if last is not None and offset < last.view_end and not last.width:
            return last.raw_start
        return self._raw_offset(offset, last)

    def _end(self, offset: int) -> int:
        """Where what ends at a view offset ends in the raw text."""
        changes = self._tokenizer.changes
        passed = bisect_left(changes, offset, key=_VIEW_START)
        last = changes[passed - 1] if passed else None
        if last is not None and offset < last.view_end and not last.width:
            return last.raw_end
        return self._raw_offset(offset, last)

    def _raw_offset(self, offset: int, last: Change | None) -> int:
        """`last` is the last change that begins before the offset."""
        if last is None:
            first = next(iter(self._tokenizer.changes), None)
            return offset + first.raw_start - first.view_start if first else offset
        if offset < last.view_end:
            return last.raw_start + (offset - last.view_start) * last.width
        return last.raw_end + offset - last.view_end

    def _annotation(self, each: Annotation) -> Annotation:
        start, end, grounding = self._start(each.start), self._end(each.end), self._grounding(each.grounding)
        return msgspec.structs.replace(each, start=start, end=end, grounding=grounding)

    def _finding(self, each: Finding) -> Finding:
        start, end, grounding = self._start(each.start), self._end(each.end), self._grounding(each.grounding)
        return msgspec.structs.replace(each, start=start, end=end, grounding=grounding)

    def _grounding(self, each: Grounding | None) -> Grounding | None:
        if each is None or each.unsupported_start == each.unsupported_end:
            return each
        start, end = self._start(each.unsupported_start), self._end(each.unsupported_end)
        return msgspec.structs.replace(each, unsupported_start=start, unsupported_end=end)

    def _decisions(self, decisions: Iterable[Decision]) -> tuple[Decision, ...]:
        return tuple(self._decision(each) for each in decisions)

    def _decision(self, each: Decision) -> Decision:
        released_to = min(self._start(each.exposure.released_to), self._writer.end)
        exposure = msgspec.structs.replace(each.exposure, released_to=released_to)
        return msgspec.structs.replace(each, finding=self._finding(each.finding), exposure=exposure)


def _owner(parts: list[_Part]) -> _Replaced | None:
    """The first redaction that covers any of them."""
    return next((replaced for *_, replaced in parts if replaced is not None), None) if parts else None


def _plain(token: Token, raw: str, replaced: _Replaced) -> str:
    """What a replaced piece of a token that may be cut becomes."""
    if token.kind is Kind.STRUCTURE:
        return raw
    if token.kind is Kind.LONG:
        replaced.replacement = ""
        return _DIGITS.sub("1", raw)
    return replaced.take(token.depth)


def _written(replaced: _Replaced, end: int, length: int) -> Redaction:
    """A redaction in raw offsets; one that covered nothing stands at the end."""
    if not replaced.is_begun:
        replaced.start = replaced.end = end
        replaced.begin = replaced.stop = length
    return msgspec.structs.replace(
        replaced.redaction,
        start=replaced.start,
        end=replaced.end,
        replacement_start=replaced.begin,
        replacement_end=replaced.stop,
    )
