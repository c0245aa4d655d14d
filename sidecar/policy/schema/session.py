"""What a policy makes of sessions: what counts, what rules insist on, and when a session is stopped."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from sidecar.policy.schema.base import Model, Name, WordingSpec
from sidecar.policy.sessions import MOST_COUNTED
from sidecar.values import Enforcement, Part, SessionMark, SeverityName

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST_MS = 30 * _UNITS_MS["d"]
_DURATION = re.compile(r"([1-9]\d{0,6})([smhd])")


def milliseconds(duration: str) -> float:
    """How long a duration such as `10m` is."""
    said = _DURATION.fullmatch(duration)
    return float(said[1]) * _UNITS_MS[said[2]] if said is not None else 0.0


def _check_duration(value: str) -> str:
    if not 0 < milliseconds(value) <= _LONGEST_MS:
        raise PydanticCustomError(
            "duration", "this is no time from a second to 30 days", {"remedy": "write `30s`, `10m`, `2h` or `1d`"}
        )
    return value


Duration: TypeAlias = Annotated[str, AfterValidator(_check_duration)]
"""A whole number of seconds, minutes, hours or days: `30s`, `10m`, `2h`, `1d`."""
Risk: TypeAlias = Annotated[float, Field(ge=0.01, le=1_000_000, allow_inf_nan=False)]
Times: TypeAlias = Annotated[int, Field(ge=1, le=MOST_COUNTED)]


class AfterSpec(Model):
    """What it takes: so many violations, or so much risk."""

    violations: Times | None = Field(
        default=None, description="So many violations that add risk, within `within`; a stream counts a rule once."
    )
    severity: SeverityName | None = Field(
        default=None, description="The least severity that counts among them. Left out: any."
    )
    within: Duration | None = Field(default=None, description="In how much time they come: `10m`.")
    risk: Risk | None = Field(default=None, description="A risk of the session that is reached.")

    @model_validator(mode="after")
    def _states_something(self) -> AfterSpec:
        if self.violations is None and self.risk is None:
            raise PydanticCustomError(
                "empty_after",
                "this is always so",
                {"remedy": "state `violations` with `within`, or `risk`"},
            )
        if (self.violations is None) != (self.within is None):
            key, other = ("within", "violations") if self.violations is None else ("violations", "within")
            raise PydanticCustomError(
                "half_after", "`{word}` goes with `{other}`", {"word": key, "remedy": f"add `{other}`", "other": other}
            )
        if self.violations is None and self.severity is not None:
            raise PydanticCustomError(
                "needless_severity",
                "`severity` says which `violations` count, and none are counted",
                {"remedy": "remove `severity`, or add `violations`", "key": "severity"},
            )
        return self


class EscalationSpec(Model):
    """When a session is stopped for a while."""

    id: Name = Field(description="What events call it; unique among the policy's rules.")
    after: AfterSpec = Field(description="What it takes: violations in a time, or a risk.")
    for_: Duration = Field(alias="for", description="For how long the session is stopped: `10m`.")
    severity: SeverityName = Field(default="high", description="How much it matters that a stopped session goes on.")
    message: WordingSpec | None = Field(
        default=None,
        description="What is said in a stopped session; `{until}` is the time when it ends. Left out: a text in the"
        " policy's language.",
    )
    enforcement: Enforcement = Field(
        default=Enforcement.ENFORCE, description="shadow: publish what would have been stopped, and stop nothing."
    )


class SessionSpec(Model):
    """What the policy keeps in mind of a session, in the memory of a process."""

    half_life: Duration = Field(
        default="30m", description="After how long a violation adds half as much to the session's risk."
    )
    untrusted: list[Literal[Part.CONTEXT, Part.TOOL_RESULT, Part.TOOL_DEFINITION]] | None = Field(
        default=None,
        min_length=1,
        description="The parts of requests that strangers may have written: a session that was given one has the mark"
        " `untrusted`.",
    )
    escalation: list[EscalationSpec] = Field(
        default_factory=list, max_length=16, description="When the session is stopped for a while."
    )


class SessionConditionSpec(Model):
    """What a rule insists on of its session, as it stands where the rule finds something: all of it."""

    has: list[SessionMark] | None = Field(
        default=None, min_length=1, description="It has all of these marks: untrusted, sensitive, sends."
    )
    risk: Risk | None = Field(default=None, description="Its risk is at least this.")
    violations: Times | None = Field(default=None, description="At least so many violations counted in it.")

    @model_validator(mode="after")
    def _states_something(self) -> SessionConditionSpec:
        if not self.model_fields_set:
            raise PydanticCustomError(
                "empty_session", "this holds in every session", {"remedy": "state `has`, `risk` or `violations`"}
            )
        return self
