"""What is tried on a part of the streams: a rule, or a whole version of a policy."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from sidecar.policy.schema.base import FactText, Model, Score, form_of
from sidecar.values import Enforcement

MAX_WINDOW = 100_000

ByWord: TypeAlias = Literal["session", "tenant", "stream"]


class ByLabel(Model):
    """By the value of one of the stream's labels."""

    label: FactText = Field(description="The label's name. A stream without it is on the stable side.")


BySpec: TypeAlias = Annotated[
    Annotated[ByWord, Tag("as word")] | Annotated[ByLabel, Tag("as mapping")],
    Discriminator(
        form_of,
        custom_error_type="by_form",
        custom_error_message="`by` is `session`, `tenant`, `stream`, or `{label: NAME}`",
    ),
]

Range: TypeAlias = Annotated[list[Score], Field(min_length=2, max_length=2)]


class BandSpec(Model):
    """Between which shares of its streams a canary has to stay; what is left out may be anything."""

    block: Range | None = Field(default=None, description="Streams that it blocks: the least and the greatest share.")
    redact: Range | None = Field(default=None, description="Streams in which it redacts or withholds.")
    error: Range | None = Field(default=None, description="Streams in which a detector gave it no answer.")

    @model_validator(mode="after")
    def _is_a_band(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError(
                "empty_band", "this band bounds nothing", {"remedy": "state `block`, `redact` or `error`"}
            )
        for name in ("block", "redact", "error"):
            bounds = getattr(self, name)
            if bounds is not None and bounds[0] > bounds[1]:
                raise PydanticCustomError(
                    "turned_band",
                    "the least share of `{name}` is more than the greatest",
                    {"name": name, "remedy": "write the lower one first", "key": name},
                )
        return self


class TrialSpec(Model):
    """On which streams something is tried, and when that ends by itself."""

    percent: float = Field(
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="How many of a hundred sessions, tenants, streams or label values are on the canary's side: always"
        " the same ones, and with a larger number those and more.",
    )
    by: BySpec = Field(
        default="session",
        description="What is on one side as a whole. A stream without a session goes by its request; one without that"
        " tenant or label is on the stable side.",
    )
    band: BandSpec | None = Field(
        default=None,
        description="Shares of the canary's streams. Outside of them the canary stops itself: all streams are on the"
        " stable side from then on.",
    )
    min_streams: int = Field(
        default=100, ge=1, le=MAX_WINDOW, description="How many streams the canary has to have had to be judged."
    )
    window: int = Field(default=1000, ge=1, le=MAX_WINDOW, description="The last streams that it is judged by.")

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if self.min_streams > self.window and self.band is not None:
            raise PydanticCustomError(
                "short_window",
                "`window` holds {window} streams, and `min_streams` asks for {least}",
                {
                    "window": self.window,
                    "least": self.min_streams,
                    "remedy": "raise `window` or lower `min_streams`",
                    "key": "window",
                },
            )
        return self


class CanaryEnforcement(Model):
    """Enforced on a part of the streams, in shadow on the others."""

    canary: TrialSpec = Field(description="On which streams the rule is enforced; on the others it is in shadow.")


class RolloutSpec(TrialSpec):
    """A version of a policy that takes a part of the streams of another one."""

    replaces: str = Field(
        min_length=1, max_length=64, description="The version that the other streams keep: of the policy of this name."
    )


def _enforcement_form(value: Any) -> str:
    return "as word" if isinstance(value, str) else form_of(value)


EnforcementSpec: TypeAlias = Annotated[
    Annotated[Enforcement, Tag("as word")] | Annotated[CanaryEnforcement, Tag("as mapping")],
    Discriminator(
        _enforcement_form,
        custom_error_type="enforcement_form",
        custom_error_message="enforcement is `enforce`, `shadow` or `{canary: {percent: 10}}`",
    ),
]
