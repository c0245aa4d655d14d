"""How a policy file is laid out: the same words, comments and quotes, in one way of indenting and spacing.

The text is read token by token and written again. What a token is made of stays as it stands, so the escape of an
invisible character stays one, which no YAML library promises. What is between tokens is laid out:

1. Blocks are indented by two blanks, lists below a key too; what goes on over several lines moves with its first.
2. One blank stands behind `:`, `,` and `-`, none inside brackets, two before a comment, none at the end of a line; of
   several empty lines one stays. Where lines are broken, and the order of keys, is the author's.
3. What comes out is read again. Should it not say what it said, the file is left as it was, and that is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from sidecar.errors import PolicyError
from sidecar.policy.codes import Code
from sidecar.policy.document import read_documents

_STEP = 2
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")
_OPENING = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
_BLOCKS = (yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken)


def laid_out(text: str, file: str) -> str:
    """The text of a policy file, laid out; laid out again it is the same.

    Raises `PolicyError` for what is not YAML, and for what cannot be laid out without changing what it says.
    """
    text = text.replace("\r\n", "\n")
    wrong = [error for document in read_documents(text, file) for error in document.errors]
    if wrong:
        raise wrong[0]
    after = _Writer(text).written()
    if _says_the_same(after, text, file) and _Writer(after).written() == after:
        return after
    raise PolicyError(
        "it cannot be laid out without changing what it says",
        file=file,
        remedy="Write each key on a line of its own, and comments on lines of their own.",
        code=Code.NOT_LAID_OUT,
    )


def _says_the_same(one: str, other: str, file: str) -> bool:
    """Whether two texts have the same values and comments."""
    return _values(one, file) == _values(other, file) and [*_comments(one)] == [*_comments(other)]


def _values(text: str, file: str) -> list[Any]:
    return [document.value for document in read_documents(text, file)]


def _comments(text: str) -> Iterator[str]:
    """The comments of a text: what begins with `#` between what else there is."""
    at = 0
    for token in yaml.scan(text):
        yield from _comments_of(text[at : token.start_mark.index])
        at = max(at, token.end_mark.index)
    yield from _comments_of(text[at:])


def _comments_of(between: str) -> Iterator[str]:
    yield from (each.group().rstrip() for each in _COMMENT.finditer(between))


@dataclass
class _Block:
    """A block that is open: its new indentation, and whether its entries are a list's."""

    indent: int
    is_list: bool
    is_bare: bool = False
    """Whether its entries stand where the keys do that it is the value of, without an indentation of their own."""


class _Writer:
    """Writes one text's tokens again."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._out: list[str] = []
        self._blocks: list[_Block] = []
        self._brackets = 0
        """How many are open."""
        self._at = 0
        """Up to where in the text all is written."""
        self._moved = 0
        """How far the line was moved that was begun last, outside of brackets."""
        self._before: Any = None
        """The token that was written last."""
        self._is_key = False
        """Whether the next token is a key, or the beginning of one."""

    def written(self) -> str:
        """The text, laid out."""
        for token in yaml.scan(self._text):
            self._follow(token)
            if token.end_mark.index > token.start_mark.index:
                self._write(token)
        self._between(self._text[self._at :], None)
        written = "".join(self._out)
        return written if self._keeps_lines else written.rstrip("\n") + "\n"

    @property
    def _keeps_lines(self) -> bool:
        """Whether empty lines may belong to what was written last: a block scalar."""
        return isinstance(self._before, yaml.ScalarToken) and self._before.style in {"|", ">"}

    def _follow(self, token: Any) -> None:
        """Open and close the blocks that a token begins or ends."""
        top = self._blocks[-1] if self._blocks else None
        if isinstance(token, yaml.BlockEndToken):
            del self._blocks[-2 if top is not None and top.is_bare else -1 :]
        elif isinstance(token, _BLOCKS):
            indent = 0 if top is None else top.indent + _STEP
            self._blocks.append(_Block(indent, isinstance(token, yaml.BlockSequenceStartToken)))
        elif isinstance(token, yaml.KeyToken) and not self._brackets:
            self._is_key = True
            if top is not None and top.is_bare:
                self._blocks.pop()
        elif isinstance(token, yaml.BlockEntryToken) and top is not None and not top.is_list:
            self._blocks.append(_Block(top.indent + _STEP, is_list=True, is_bare=True))

    def _write(self, token: Any) -> None:
        start = token.start_mark.index
        raw = self._text[start : token.end_mark.index].rstrip()
        self._between(self._text[self._at : start], token)
        first, *lines = raw.split("\n")
        self._out.append("\n".join([first, *(_moved(line, self._moved) for line in lines)]))
        self._at, self._before, self._is_key = start + len(raw), token, False
        self._brackets += isinstance(token, _OPENING) - isinstance(token, _CLOSING)

    def _between(self, gap: str, token: Any) -> None:
        """Write what stands before a token, or, without one, behind the last."""
        lines = gap.split("\n")
        if self._out:
            first = lines.pop(0).strip()
            self._out.append(f"  {first}" if first else "")
            if not lines:
                self._out.append(_blanks(self._before, token))
                return
        column = 0 if token is None else len(lines.pop())
        moved = self._moved
        indent = 0 if token is None else self._indent_of(token, column)
        for row in self._rows(lines, moved, indent, column):
            self._out.append(f"\n{row}" if self._out else row)
        if token is not None:
            self._out.append(("\n" if self._out else "") + " " * indent)

    def _indent_of(self, token: Any, column: int) -> int:
        """Where a line begins that begins with this token."""
        if self._brackets:
            return max(0, column + self._moved)
        top = self._blocks[-1] if self._blocks else _Block(-_STEP, is_list=False)
        begins_entry = self._is_key or isinstance(token, yaml.BlockEntryToken)
        indent = max(0, top.indent if begins_entry else top.indent + _STEP)
        self._moved = indent - column
        return indent

    def _rows(self, lines: list[str], moved: int, indent: int, column: int) -> Iterator[str]:
        """Empty lines and comments between two tokens; a comment goes with what it is indented as."""
        before = "x" if self._out else ""
        for line in lines:
            comment, own = line.strip(), len(line) - len(line.lstrip())
            if comment:
                goes_on = self._brackets or own > column
                yield " " * (max(0, own + moved) if goes_on and own else indent) + comment
            elif before or self._keeps_lines:
                yield ""
            before = comment


def _moved(line: str, by: int) -> str:
    """A line of a token, moved as far as its first line was."""
    if not line.strip():
        return ""
    return " " * by + line if by > 0 else line[min(-by, len(line) - len(line.lstrip())) :]


def _blanks(before: Any, token: Any) -> str:
    """What stands between two tokens of one line."""
    is_tight = isinstance(before, _OPENING) or isinstance(token, (*_CLOSING, yaml.FlowEntryToken, yaml.ValueToken))
    return "" if token is None or is_tight else " "
