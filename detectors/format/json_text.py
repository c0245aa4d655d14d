"""JSON that is still arriving: character by character, the first one that no JSON text can have is told (RFC 8259).

Memory is the nesting, at most `DEPTH`; a number may have any length. What it does not look at: whether keys repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

DEPTH = 256
"""Deeper nesting is told as an error: no task asks for it, and readers have limits of their own."""
_SPACE = " \t\n\r"
_OF_NUMBERS = "0123456789+-.eE"
_NUMBER: Mapping[str, Mapping[str, str]] = {
    "-": {"0": "0"} | dict.fromkeys("123456789", "1"),
    "0": {".": "."} | dict.fromkeys("eE", "e"),
    "1": {".": "."} | dict.fromkeys("0123456789", "1") | dict.fromkeys("eE", "e"),
    ".": dict.fromkeys("0123456789", ".1"),
    ".1": dict.fromkeys("0123456789", ".1") | dict.fromkeys("eE", "e"),
    "e": dict.fromkeys("+-", "e+") | dict.fromkeys("0123456789", "e1"),
    "e+": dict.fromkeys("0123456789", "e1"),
    "e1": dict.fromkeys("0123456789", "e1"),
}
"""By what of a number came last, what may follow: a `1` stands for digits."""
_WHOLE_NUMBERS = frozenset({"0", "1", ".1", "e1"})
_LITERALS = {"t": "rue", "f": "alse", "n": "ull"}
_HEX = "0123456789abcdefABCDEF"
_ENDS = {"{": "}", "[": "]"}
_LAST_CONTROL = "\x1f"
_NO_NUMBER = "a number is none of JSON's"


class JsonReader:
    """Reads one document. `feed` and `end` say what is wrong, in words without the text; empty while nothing is."""

    def __init__(self) -> None:
        self._open = ""
        """The brackets that are open, outermost first."""
        self._wants = "value"
        self._in = ""
        self._rest = ""
        self._is_key = False

    def fork(self) -> JsonReader:
        """Another reader in the same state."""
        return copy(self)

    def feed(self, char: str) -> str:
        """Take a character."""
        match self._in:
            case "string" | "escape" | "hex":
                return self._string(char)
            case "literal":
                return self._literal(char)
            case "number":
                return self._number(char)
        return self._plain(char)

    def end(self) -> str:
        """The text is over."""
        wrong = self._end_number() if self._in == "number" else ""
        if not wrong and (self._in or self._wants != "end"):
            return "it ends before the document does"
        return wrong

    def _plain(self, char: str) -> str:
        if char in _SPACE:
            return ""
        if char in "]}" and self._closes(char):
            self._open = self._open[:-1]
            self._after_value()
            return ""
        match self._wants:
            case "value" | "first value":
                return self._value(char)
            case "key" | "first key" if char == '"':
                self._in, self._is_key = "string", True
                return ""
            case "colon" if char == ":":
                self._wants = "value"
                return ""
            case "comma" if char == ",":
                self._wants = "key" if self._open[-1] == "{" else "value"
                return ""
        return f"the {self._wants} is missing" if self._wants != "end" else "something follows the document"

    def _closes(self, char: str) -> bool:
        may_close = self._wants in ("comma", "first key", "first value")
        return may_close and bool(self._open) and _ENDS[self._open[-1]] == char

    def _value(self, char: str) -> str:
        if char in _ENDS:
            self._open += char
            self._wants = "first key" if char == "{" else "first value"
            return "it is nested too deep" if len(self._open) > DEPTH else ""
        if char == '"':
            self._in, self._is_key = "string", False
        elif char in _LITERALS:
            self._in, self._rest = "literal", _LITERALS[char]
        elif char in "-0123456789":
            self._in, self._rest = "number", char if char in "-0" else "1"
        else:
            return "the value is missing"
        return ""

    def _string(self, char: str) -> str:
        if self._in == "escape":
            self._in, self._rest = ("hex", "") if char == "u" else ("string", "")
            return "" if char in '"\\/bfnrtu' else "an escape is none of JSON's"
        if self._in == "hex":
            self._rest += char
            self._in = "string" if len(self._rest) == 4 else "hex"
            return "" if char in _HEX else "an escape is none of JSON's"
        if char == "\\":
            self._in = "escape"
        elif char == '"':
            self._in = ""
            if self._is_key:
                self._wants = "colon"
            else:
                self._after_value()
        return "a control character stands in a string" if char <= _LAST_CONTROL else ""

    def _literal(self, char: str) -> str:
        if char != self._rest[0]:
            return "a word is none of JSON's"
        self._rest = self._rest[1:]
        if not self._rest:
            self._in = ""
            self._after_value()
        return ""

    def _number(self, char: str) -> str:
        after = _NUMBER[self._rest].get(char)
        if after is not None:
            self._rest = after
            return ""
        return _NO_NUMBER if char in _OF_NUMBERS else self._end_number() or self._plain(char)

    def _end_number(self) -> str:
        self._in = ""
        self._after_value()
        return "" if self._rest in _WHOLE_NUMBERS else _NO_NUMBER

    def _after_value(self) -> None:
        self._wants = "comma" if self._open else "end"
