"""Whether a call of a tool serves what the user asked for. Experimental: docs/policies.md has the figures.

    detect: {detector: task_adherence, labels: {OFF_TASK: 0.9}}

| label | told at the last character of the arguments | score |
|---|---|---|
| `OFF_TASK` | the signals together speak against the call | how much, 0 to 1 |
| `FOREIGN_ADDRESS` | a call that does something names an address that stands only in what was read | 1 |

What was asked are the user's words; what the operator says is trusted; tools' results and documents are read and ask
for nothing. The reason names the signals and the path of an argument that its tool's definition has, never a value or
a key that a model made up. It reads English. A call is not judged where nobody told what was asked, or where the
request has no English word: then the coverage says so, and a `FOREIGN_ADDRESS` is told all the same in the latter case.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from detectors.base import Params, Reads, ToolCall
from detectors.calls import CallScan, Names
from detectors.parts import Member
from detectors.task_adherence.reading import Reading
from detectors.task_adherence.signals import Call, Origin, call_of, foreign_addresses, origin_of, signals_of
from detectors.task_adherence.values import parsed
from detectors.task_adherence.weights import BASE, WEIGHTS

OFF_TASK = "OFF_TASK"
FOREIGN_ADDRESS = "FOREIGN_ADDRESS"
RECOMMENDED: Mapping[str, float] = {OFF_TASK: 0.9, FOREIGN_ADDRESS: 0.5}
NO_REQUEST = "task_adherence: the user's request is not known"
NOT_ENGLISH = "task_adherence: the user's request has no English word"
TOO_LONG = "task_adherence: the arguments are longer than what is judged"
NO_JSON = "task_adherence: the arguments are no JSON object"
_LEAST = 0.001
_IN_WORDS: Mapping[str, str] = {
    "unasked": "nobody asked for what the tool does",
    "foreign_address": "an address stands only in what was read",
    "ordered": "what was read asks for it",
    "echoed": "its words stand in an order that was read",
    "apart": "it shares no word with the request",
    "unknown_address": "nobody said an address before",
}
_SAID_AS: Mapping[str, str] = {
    "foreign_address_out": "foreign_address",
    "ordered_unasked": "ordered",
    "unasked_change": "unasked",
    "echoed_acts": "echoed",
    "apart_at_once": "apart",
}
_MOST_REASONS = 3


class TaskAdherenceParams(Params):
    """Which calls are judged."""

    spare: tuple[str, ...] = Field(
        default=(), description="Names of tools that are never told; `*` stands for any characters."
    )


class TaskAdherence:
    """The detector type `task_adherence`, in two parts: one for each label."""

    name: ClassVar[str] = "task_adherence"
    params: ClassVar[type[Params]] = TaskAdherenceParams
    reads: ClassVar[Reads] = Reads(frozenset({"model"}), frozenset({"tool_arguments"}))
    summary: ClassVar[str] = "calls of tools that do not serve what the user asked for (experimental)"

    @classmethod
    def labels_of(cls, params: Params) -> Mapping[str, float]:
        """Both."""
        return RECOMMENDED

    @classmethod
    def parts(cls, params: Params) -> Sequence[Member]:
        """A scanner for each label; a rule that names none reads `OFF_TASK`."""
        return [
            Member(frozenset({OFF_TASK}), lambda: cls.build(params)),
            Member(frozenset({FOREIGN_ADDRESS}), lambda: _of_addresses(params), is_default=False),
        ]

    @classmethod
    def build(cls, params: Params) -> AdherenceScanner:
        """The scanner for `OFF_TASK`."""
        assert isinstance(params, TaskAdherenceParams)
        return AdherenceScanner(OFF_TASK, off_task, params.spare)


Rate = Callable[[Call, Origin, Reading], tuple[float, str]]
"""The score of a call, and why."""


class AdherenceScanner:
    """The pattern scanner that rates calls. Immutable; shared by all streams."""

    look_behind = 0
    look_ahead = 1

    def __init__(self, label: str, rate: Rate, spare: Sequence[str] = ()) -> None:
        self.name = TaskAdherence.name
        self.labels = frozenset({label})
        self._label = label
        self._rate = rate
        self._spare = Names(spare)

    def start(self) -> CallScan:
        """Open a scan for one lane, of which nobody told what it calls, or what for."""
        return self.start_call(ToolCall())

    def start_call(self, call: ToolCall) -> CallScan:
        """See `detectors.base.ReadsCalls`."""
        return CallScan(self.judge, call)

    def judge(self, call: ToolCall) -> Sequence[tuple[str, float, str]]:
        """What is told of a call as far as it came; where nothing can be, `call.unjudged` says why."""
        call.unjudged = ""
        if call.is_name or self._spare.has(call.tool):
            return ()
        arguments = parsed(call.arguments) if not (call.is_cut or call.form.is_none) else None
        if arguments is None:
            call.unjudged = "" if not call.is_over else TOO_LONG if call.is_cut else NO_JSON
            return ()
        if call.task is None or not call.task.is_known:
            call.unjudged = NO_REQUEST
            return ()
        reading = call.task.derived(Reading)
        if not reading.is_english:
            call.unjudged = NOT_ENGLISH
            if self._label == OFF_TASK:
                return ()
        score, reason = self._rate(call_of(call.tool, arguments, reading), origin_of(arguments, reading), reading)
        return ((self._label, score, reason),) if score > _LEAST else ()


def off_task(call: Call, origin: Origin, reading: Reading) -> tuple[float, str]:
    """How much speaks against a call, and what."""
    signals = signals_of(call, origin, reading)
    counted = {name: weight * signals[name] for name, weight in WEIGHTS.items()}
    score = 1 / (1 + math.exp(-BASE - sum(counted.values())))
    return round(score, 4), ", ".join(_reasons(counted)) or "little speaks for it"


def _reasons(counted: Mapping[str, float]) -> list[str]:
    """What speaks against a call, the strongest first, in words."""
    sums: dict[str, float] = {}
    for name, value in counted.items():
        said = _SAID_AS.get(name, name)
        if said in _IN_WORDS and value > 0:
            sums[said] = sums.get(said, 0.0) + value
    return [_IN_WORDS[name] for name in sorted(sums, key=lambda name: -sums[name])][:_MOST_REASONS]


def foreign_address(call: Call, origin: Origin, reading: Reading) -> tuple[float, str]:
    """Whether a call that does something names an address that only stands in what was read."""
    found = foreign_addresses(call, origin, reading)
    if not found:
        return 0.0, ""
    where = f"{found[0].path}: " if reading.declares(found[0].path) else ""
    return 1.0, f"{where}an address that stands only in what was read"


def _of_addresses(params: Params) -> AdherenceScanner:
    assert isinstance(params, TaskAdherenceParams)
    return AdherenceScanner(FOREIGN_ADDRESS, foreign_address, params.spare)
