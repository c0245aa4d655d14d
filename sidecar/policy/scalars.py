"""Where a character of a YAML scalar stands in its file: behind quotes, escapes, folded lines and indentation.

What is not told exactly: lines of a folded block (`>`) that are indented further than its first one.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_JOINED = re.compile(r"\\\r?\n[ \t]*")
"""An end of a line that says nothing."""
_FOLDED = re.compile(r"[ \t]*(?:\r?\n[ \t]*)+")
_BLOCK = re.compile(r"[|>][^\n]*\n")
_INDENTATION = re.compile(r" *")


def offset_of(text: str, position: tuple[int, int], offset: int) -> tuple[int, int]:
    """Line and column, from 1, of the character number `offset` of the scalar that begins at `position` of `text`."""
    at = _index_of(text, position)
    style, indentation = text[at : at + 1], 0
    if block := _BLOCK.match(text, at):
        indentation = len(_INDENTATION.match(text, block.end())[0])  # type: ignore[index] # it matches anything
        at = block.end() + indentation
    elif style in {"'", '"'}:
        at += 1
    while True:
        following, chars = _step(text, at, style, indentation)
        if chars > offset:
            break
        at, offset = following, offset - chars
    line_start = text.rfind("\n", 0, at) + 1
    return text.count("\n", 0, at) + 1, at - line_start + 1


def _step(text: str, at: int, style: str, indentation: int) -> tuple[int, int]:
    """Where what comes next ends in the file, and how many characters of the scalar it is."""
    if style == "|":
        line = re.compile(rf"\r?\n {{0,{indentation}}}").match(text, at)
        return (line.end(), 1) if line else (at + 1, 1)
    if folded := _FOLDED.match(text, at):
        return folded.end(), max(1, folded[0].count("\n") - 1)
    if style == '"' and (joined := _JOINED.match(text, at)):
        return joined.end(), 0
    if style == '"' and (escape := _ESCAPE.match(text, at)):
        return escape.end(), 1
    return (at + 2, 1) if style == "'" and text.startswith("''", at) else (at + 1, 1)


def _index_of(text: str, position: tuple[int, int]) -> int:
    line, column = position
    at = 0
    for _ in range(line - 1):
        at = text.find("\n", at) + 1
    return at + column - 1
