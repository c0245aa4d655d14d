"""Which tools a model may call, and with which arguments.

    detect:
      detector: tools
      allow: [search, "mcp__files__*"]

Arguments:
        search: {query: {max_chars: 200}}
        "mcp__files__*": {path: {matches: "/workspace/[^.]*"}}

| label | told at the last character of | when |
|---|---|---|
| `TOOL_NOT_ALLOWED` | the name | `deny` names the tool, or `allow` is there and does not |
| `TOOL_NOT_NAMED` | the arguments | the call's name was not told |
| `ARGUMENT_NOT_ALLOWED` | the arguments | a value breaks a constraint, or the arguments are no JSON object |

A name may have `*` for any characters. All constraints of all patterns that fit a name hold. One is for the values at a
path (`to[*].address`, `headers["X-Id"]`): a path that leads nowhere breaks nothing. The reason names the path and the
constraint, never the value.

A call is judged where its text ends, and again where text of another lane comes, if its arguments are whole by then, or
can be no object whatever follows. A key that stands twice in an object is refused, since readers differ in which of the
two they take.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import re2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from detectors.base import DetectorError, Params, Reads, ToolCall
from detectors.calls import CallScan, Names
from detectors.text.address import Hosts, read

THRESHOLD = 0.5
NOT_ALLOWED = "TOOL_NOT_ALLOWED"
WRONG_ARGUMENT = "ARGUMENT_NOT_ALLOWED"
NOT_NAMED = "TOOL_NOT_NAMED"
LABELS = (NOT_ALLOWED, WRONG_ARGUMENT, NOT_NAMED)
_STEP = re.compile(r"""\.?([A-Za-z_$][\w$-]*)|\[(\d+|\*)\]|\["([^"\\]+)"\]""")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
Step = str | int | None
"""A key, a place in a list, or each of them."""


def _path(text: str) -> str:
    steps_of(text)
    return text


def steps_of(path: str) -> Sequence[Step]:
    """The steps of a path. Raises `ValueError` with the remedy."""
    steps: list[Step] = []
    at = 0
    while at < len(path) and (found := _STEP.match(path, at)) is not None:
        name, place, quoted = found.groups()
        steps.append(None if place == "*" else int(place) if place else name or quoted)
        at = found.end()
    if not steps or at < len(path) or path.startswith("."):
        raise ValueError(f'`{path}` is no path; write `a.b`, `list[0]`, `list[*].a` or `["a key"]`')
    return steps


Path = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_path)]
ToolName = Annotated[str, Field(pattern=r"^[\w.:/*-]{1,128}$")]
Scalar = str | int | float | bool | None


class Constraint(BaseModel):
    """What a value must be like; all that is said holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["string", "integer", "number", "boolean", "array", "object", "null"] | None = Field(
        default=None, description="JSON's type."
    )
    equals: Scalar = Field(default=None, description="Exactly this.")
    one_of: tuple[Scalar, ...] | None = Field(default=None, min_length=1, description="One of these.")
    matches: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        default=None, description="A regular expression (RE2) that all of a string matches."
    )
    max_chars: int | None = Field(default=None, ge=0, description="The most characters of a string, or of JSON.")
    min: float | None = Field(default=None, description="The least that a number is.")
    max: float | None = Field(default=None, description="The most that a number is.")
    hosts: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="The host of an address is one of these; `*.example.org` is all below."
    )

    @model_validator(mode="after")
    def _can_be_met(self) -> Constraint:
        if not self.model_fields_set:
            raise ValueError("says nothing: name type, equals, one_of, matches, max_chars, min, max or hosts")
        if "equals" in self.model_fields_set and self.one_of is not None:
            raise ValueError("equals and one_of: keep one of the two")
        if self.min is not None and self.max is not None and self.max < self.min:
            raise ValueError("max is less than min: no number can have both")
        self._check_type()
        return self

    def _check_type(self) -> None:
        wants = [("string", "matches"), ("string", "hosts"), ("number", "min"), ("number", "max")]
        for kind, key in wants:
            fits = self.type in (None, kind) or (kind == "number" and self.type == "integer")
            if getattr(self, key) is not None and not fits:
                raise ValueError(f"{key} is for a {kind}, and type is {self.type}: no value can have both")


class ToolsParams(Params):
    """Which calls are in order."""

    allow: tuple[ToolName, ...] | None = Field(default=None, description="Tools that may be called; all others not.")
    deny: tuple[ToolName, ...] = Field(default=(), description="Tools that may not, whatever `allow` says.")
    arguments: Mapping[ToolName, Mapping[Path, Constraint]] = Field(
        default_factory=dict, description="By tool and path: what an argument must be like."
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> ToolsParams:
        if self.allow is None and not self.deny and not self.arguments:
            raise ValueError("name at least one of allow, deny, arguments")
        both = sorted({*(self.allow or ())} & {*self.deny})
        if both:
            raise ValueError(f"allow and deny both have {both[0]}: remove one of them")
        for name, paths in self.arguments.items():
            if not paths:
                raise ValueError(f"arguments: {name} has no path")
            if name in self.deny:
                raise ValueError(f"arguments: {name} is denied, so nothing is asked of its arguments")
            if self.allow is not None and "*" not in name and not Names(self.allow).has(name):
                raise ValueError(f"arguments: {name} is not in allow, so nothing is asked of its arguments")
        return self


class Tools:
    """The detector type `tools`."""

    name: ClassVar[str] = "tools"
    params: ClassVar[type[Params]] = ToolsParams
    reads: ClassVar[Reads] = Reads(frozenset({"model"}), frozenset({"tool_arguments"}))
    summary: ClassVar[str] = "calls of tools that are not allowed, or not with these arguments"

    @classmethod
    def labels_of(cls, params: Params) -> dict[str, float]:
        """All three."""
        return dict.fromkeys(LABELS, THRESHOLD)

    @classmethod
    def build(cls, params: Params) -> ToolsScanner:
        """The scanner. Raises `DetectorError`: a regex cannot be used."""
        assert isinstance(params, ToolsParams)
        return ToolsScanner(params)


class ToolsScanner:
    """The pattern scanner that judges calls. Immutable; shared by all streams."""

    look_behind = 0
    look_ahead = 1

    def __init__(self, params: ToolsParams) -> None:
        self.name = Tools.name
        self.labels = frozenset(LABELS)
        self._allow = None if params.allow is None else Names(params.allow)
        self._deny = Names(params.deny)
        self._asked = [
            (Names([name]), [_Asked(path, each, ("arguments", name, path)) for path, each in paths.items()])
            for name, paths in params.arguments.items()
        ]

    def start(self) -> CallScan:
        """Open a scan for one lane, of which nobody told what it calls."""
        return self.start_call(ToolCall())

    def start_call(self, call: ToolCall) -> CallScan:
        """See `detectors.base.ReadsCalls`."""
        return CallScan(self._told, call)

    def _told(self, call: ToolCall) -> Sequence[tuple[str, float, str]]:
        told = self.judge(call)
        return () if told is None else ((told[0], 1.0, told[1]),)

    def judge(self, call: ToolCall) -> tuple[str, str] | None:
        """The label of a call that is not in order, and why; None for one that is, or may become so."""
        if not call.tool:
            return (NOT_NAMED, "the call's name was not told before its end") if call.is_over else None
        if call.is_name:
            return self._judge_name(call.tool)
        asked = [each for names, asked in self._asked if names.has(call.tool) for each in asked]
        if not asked:
            return None
        wrong = _wrong(call, asked)
        return (WRONG_ARGUMENT, wrong) if wrong else None

    def _judge_name(self, name: str) -> tuple[str, str] | None:
        if self._deny.has(name):
            return NOT_ALLOWED, "the tool is denied"
        if self._allow is not None and not self._allow.has(name):
            return NOT_ALLOWED, "the tool is not among those allowed"
        return None


class _Asked:
    """A constraint at its path. Raises `DetectorError`: its regex cannot be used."""

    def __init__(self, path: str, constraint: Constraint, place: Sequence[str]) -> None:
        self.path = path
        self.steps = steps_of(path)
        self._constraint = constraint
        self._hosts = None if constraint.hosts is None else Hosts(constraint.hosts)
        try:
            self._regex = re2.compile(constraint.matches) if constraint.matches is not None else None
        except re2.error as error:
            message = f"{path}: the regex cannot be used; write one that RE2 takes, without look-around"
            raise DetectorError(message, path=(*place, "matches")) from error

    def broken(self, value: Any) -> str:
        """Which constraint a value breaks; nothing where it breaks none."""
        return next((name for name, holds in self._checks(value) if not holds), "")

    def _checks(self, value: Any) -> Iterator[tuple[str, bool]]:
        asked = self._constraint
        if asked.type is not None:
            yield "type", _is_of(value, asked.type)
        if "equals" in asked.model_fields_set:
            yield "equals", _same(value, asked.equals)
        if asked.one_of is not None:
            yield "one_of", any(_same(value, each) for each in asked.one_of)
        if self._regex is not None:
            yield "matches", isinstance(value, str) and _matches(self._regex, value)
        if asked.max_chars is not None:
            yield "max_chars", len(value if isinstance(value, str) else json.dumps(value)) <= asked.max_chars
        if asked.min is not None:
            yield "min", _is_of(value, "number") and value >= asked.min
        if asked.max is not None:
            yield "max", _is_of(value, "number") and value <= asked.max
        if self._hosts is not None:
            yield "hosts", isinstance(value, str) and self._hosts.has(_host_of(value))


def _matches(regex: Any, value: str) -> bool:
    """Whether all of a value matches. One that has a half of a character is no text, and does not."""
    try:
        return regex.fullmatch(value) is not None
    except UnicodeEncodeError:
        return False


def _host_of(value: str) -> str:
    """The host of an address, or of what is a host itself, maybe with a path, or an e-mail address."""
    text = value.strip()
    has_scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)", text) is not None
    return read(text if has_scheme else f"https://{text.lstrip('/')}").host


def _is_of(value: Any, kind: str) -> bool:
    """Whether a value has a type of JSON: a boolean is no number, and `1.0` is an integer."""
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, float) and value.is_integer())


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


class _TwiceError(ValueError):
    """A key stands twice in an object."""


def _wrong(call: ToolCall, asked: Sequence[_Asked]) -> str:
    """What is wrong with a call's arguments, and where; nothing where nothing is."""
    if call.is_cut:
        return "the arguments are longer than what is judged"
    if call.form.is_none:
        return "the arguments are no JSON object"
    try:
        document = json.loads(call.arguments, object_pairs_hook=_once)
    except _TwiceError:
        return "a key stands twice in the arguments"
    except json.JSONDecodeError:
        return "the arguments are no JSON"
    except (ValueError, RecursionError):  # of Python's bounds on digits and on depth
        return "the arguments have a longer number, or nest deeper, than what is judged"
    for each in asked:
        for value in _values(document, each.steps):
            if name := each.broken(value):
                return f"{each.path}: {name}"
    return ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise _TwiceError
    return document


def _values(value: Any, steps: Sequence[Step]) -> Iterator[Any]:
    """The values that a path leads to."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        below = value if isinstance(value, list) else [*value.values()] if isinstance(value, dict) else []
    elif isinstance(step, str):
        below = [value[step]] if isinstance(value, dict) and step in value else []
    else:
        below = [value[step]] if isinstance(value, list) and step < len(value) else []
    for each in below:
        yield from _values(each, rest)
