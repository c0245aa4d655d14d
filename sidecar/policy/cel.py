"""Conditions in CEL, the Common Expression Language: compiled once, with types; told in bounded work.

Google's own implementation compiles and runs them (`cel_expr_python`). What is added here is the variables with their
types, errors at their characters, and what keeps a condition's work bounded whatever it says (ADR 0035):

1. It has at most `MAX_CHARS` characters, and `MAX_LOOPS` of `all`, `exists`, `exists_one` and `filter`.
2. Nothing makes large values of small ones: texts and lists are not put together with `+`, and there is no `map`.
3. Loops end after 10,000 rounds, all together; that is the implementation's own budget, and an error.
4. Patterns are written out, and checked here; they run in time linear in the text (RE2).

A condition sees what `VARIABLES` names, and nothing that depends on how a text arrived. The library is loaded when the
first condition is compiled: a service without conditions does without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

VARIABLES: Mapping[str, str] = {
    "stream.direction": "string",
    "stream.tenant": "string",
    "stream.model": "string",
    "stream.route": "string",
    "stream.prompt_version": "string",
    "stream.language": "string",
    "stream.labels": "map<string, string>",
    "stream.attributes": "map<string, string>",
    "finding.label": "string",
    "finding.score": "double",
    "finding.length": "int",
    "finding.reason": "string",
    "finding.part": "string",
    "finding.channel": "string",
    "finding.detector": "string",
    "tool.name": "string",
    "session.risk": "double",
    "session.violations": "int",
    "session.untrusted": "bool",
    "session.sensitive": "bool",
    "session.sends": "bool",
}
"""What a condition may ask of, with its type."""
MAX_CHARS = 1_000
MAX_LOOPS = 3

_CONFIG = """
name: policy
stdlib:
  exclude_macros: [map]
  exclude_functions:
    - name: "_+_"
      overloads: [{id: add_string}, {id: add_list}, {id: add_bytes}]
"""
_LOOPS = frozenset({"all", "exists", "exists_one", "filter"})
_TOKEN = re.compile(
    r"""(?P<text>[rRbB]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"""|(?P<comment>//[^\n]*)|(?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)|(?P<other>\S)""",
    re.DOTALL,
)
_COMPLAINT = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '(?:_(\S+?)_|@(in))' applied to '\((.*), (.*)\)'")
_KINDS = {"double": "a number", "int": "a number", "string": "text", "bool": "true or false"}
_ELSEWHERE = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "&": "&&",
    "|": "||",
    "=": "==",
    "=>": ">=",
    "=<": "<=",
    "<>": "!=",
    "True": "true",
    "False": "false",
    "startswith": "startsWith",
    "endswith": "endsWith",
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
}
"""How other languages, and word processors, write what CEL writes otherwise."""
_WRITTEN_ELSEWHERE = re.compile(r"\b(?i:and|or|not)\b|=>|=<|<>|(?<![=!<>])=(?!=)|(?<!&)&(?!&)|(?<!\|)\|(?!\|)|[“”„‘’]")


class ConditionError(Exception):
    """A condition could not be told. It holds no value of what was asked."""


class WrongConditionError(Exception):
    """A condition that cannot be compiled: what is wrong at which characters."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        super().__init__("the condition is wrong")
        self.complaints = tuple(complaints)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong with a condition: at the character number `offset`; the unknown `name` in it, if any."""

    offset: int
    message: str
    remedy: str = ""
    name: str = ""


class Condition:
    """A compiled condition. `names` are the variables that it asks of."""

    __slots__ = ("_expression", "names", "text")

    def __init__(self, text: str, expression: Any, names: frozenset[str]) -> None:
        self.text = text
        self.names = names
        self._expression = expression

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true of these values of its `names`. Raises `ConditionError` where that cannot be told."""
        try:
            value = self._expression.eval(data=values).value()
        except RuntimeError:  # the library's words name values of the text that was checked
            raise ConditionError("it ran out of its budget") from None
        if not isinstance(value, bool):
            raise ConditionError("it is neither true nor false")
        return value


def compile_condition(text: str) -> Condition:
    """Compile a condition. Raises `WrongConditionError`."""
    if len(text) > MAX_CHARS:
        message = f"a condition has at most {MAX_CHARS:,} characters, and this one has {len(text):,}"
        raise WrongConditionError([Complaint(0, message, "put long lists into labels or a list, or write two rules")])
    if complaints := [*_unbounded(text)]:
        raise WrongConditionError(complaints)
    try:
        expression = _environment().compile(text)
    except RuntimeError as error:
        raise WrongConditionError(_complaints(text, str(error))) from None
    kind = expression.return_type().name()
    if kind != "BOOL":
        message = f"a condition is true or false, and this is of the type {kind.lower()}"
        raise WrongConditionError([Complaint(0, message, "compare it with something, as in `finding.score > 0.8`")])
    if complaints := [*_bad_patterns(text)]:
        raise WrongConditionError(complaints)
    return Condition(text, expression, frozenset(name for name in VARIABLES if name in text))


@cache
def _environment() -> Any:
    from cel_expr_python import cel  # see the module's text

    kinds = {
        "string": cel.Type.STRING,
        "double": cel.Type.DOUBLE,
        "int": cel.Type.INT,
        "bool": cel.Type.BOOL,
        "map<string, string>": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
    }
    variables = {name: kinds[kind] for name, kind in VARIABLES.items()}
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_CONFIG), variables=variables)


def _unbounded(text: str) -> Iterator[Complaint]:
    """What would make its work grow beyond bounds."""
    loops = 0
    for at, name in _calls(text):
        loops += name in _LOOPS
        if name == "map":
            yield Complaint(at, "`map` is not part of conditions", "ask with `exists` or `all`")
        elif name in _LOOPS and loops == MAX_LOOPS + 1:
            message = f"a condition has at most {MAX_LOOPS} loops (`all`, `exists`, `filter`)"
            yield Complaint(at, message, "write two rules")
        elif name == "matches" and not _pattern_behind(text, at + len(name)):
            yield Complaint(at, "`matches` takes a pattern that is written out", "write it in quotes: `matches('^a')`")


def _calls(text: str) -> Iterator[tuple[int, str]]:
    """The names of functions that are called, each with where it begins."""
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "word" and text[token.end() :].lstrip().startswith("("):
            name = token[0].rpartition(".")[2]
            yield token.end() - len(name), name


def _pattern_behind(text: str, at: int) -> re.Match[str] | None:
    """The text that is the only argument of the method whose name ends at `at`."""
    opened = re.compile(r"\s*\(\s*").match(text, at)
    literal = _TOKEN.match(text, opened.end()) if opened else None
    if literal is None or literal.lastgroup != "text" or not text[literal.end() :].lstrip().startswith(")"):
        return None
    return literal


def _bad_patterns(text: str) -> Iterator[Complaint]:
    for at, name in _calls(text):
        literal = _pattern_behind(text, at + len(name)) if name == "matches" else None
        if literal is None:
            continue
        answer = _environment().compile(f"''.matches({literal[0]})").eval(data={}).value()
        if not isinstance(answer, bool):
            yield Complaint(literal.start(), "this is no pattern that RE2 knows", "check its brackets and repeats")


def _complaints(text: str, said: str) -> Iterator[Complaint]:
    """What the library says is wrong, in its words where there are no better ones."""
    found = _COMPLAINT.findall(said)
    if not found:
        yield Complaint(0, "the condition is nested too deeply", "write it flatter, or write two rules")
    for line, column, message in found:
        offset = _offset(text, int(line), int(column))
        if message.startswith("Syntax error: ") and (elsewhere := _elsewhere(text, offset)):
            yield elsewhere
            return
        yield _explained(offset, message.removesuffix(" [INVALID_ARGUMENT]").removesuffix(" (in container '')"))
        if message.startswith(("Syntax error: ", "reserved identifier: ")):
            return  # what comes behind follows from it


def _elsewhere(text: str, offset: int) -> Complaint | None:
    """What another language's word, at which the reader gave up or just before, is called here."""
    literals = [token.span() for token in _TOKEN.finditer(text) if token.lastgroup == "text"]
    for found in _WRITTEN_ELSEWHERE.finditer(text):
        is_near = found.start() <= offset and not text[found.end() : offset].strip()
        if is_near and not any(start <= found.start() < end for start, end in literals):
            return Complaint(found.start(), f"`{found[0]}` is not CEL", f"write `{_ELSEWHERE[found[0].lower()]}`")
    return None


def _explained(offset: int, message: str) -> Complaint:
    undeclared = _UNDECLARED.match(message)
    if undeclared and undeclared[1] in _ELSEWHERE:
        return Complaint(offset, f"`{undeclared[1]}` is not CEL", f"write `{_ELSEWHERE[undeclared[1]]}`")
    if undeclared and undeclared[1].rpartition(".")[2] == "text":
        return Complaint(offset, "a condition never sees the text", "look for words in it by a rule of `patterns`")
    if undeclared:
        return Complaint(offset, f"there is no `{undeclared[1]}`", name=undeclared[1])
    if "(double, int)" in message or "(int, double)" in message:
        return Complaint(offset, "a whole number is compared with a score", "write a point: `1.0`, not `1`")
    if "'_+_'" in message:
        return Complaint(offset, "texts and lists are not put together", "compare them one by one")
    if message.startswith("Syntax error: "):
        said = message.removeprefix("Syntax error: ").partition(" expecting ")[0]
        said = said.replace("mismatched input '<EOF>'", "it ends too early").replace("'<EOF>'", "its end")
        return Complaint(offset, f"this is not CEL: {said}", "check brackets, quotes and operators near here")
    if overload := _OVERLOAD.match(message):
        left, right = (_KINDS.get(kind, kind) for kind in overload.group(3, 4))
        message = f"`{overload[1] or overload[2]}` does not go with {left} and {right}"
        return Complaint(offset, message, "numbers, true and false are written without quotes, text with them")
    return Complaint(offset, message, "check the types of both sides")


def _offset(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
