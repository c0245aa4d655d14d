"""What a rule asks for beside a finding."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from sidecar.policy.requirement import MOST_STANDING
from sidecar.policy.schema.base import Model

Names: TypeAlias = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1)]


class RequiresSpec(Model):
    """What else must stand before a finding, or where it does, for it to be a violation."""

    any_: Names | None = Field(
        default=None,
        alias="any",
        description="Ids of rules of this policy, or labels that they find: what is found of these is counted together."
        " What the rule itself finds counts where it is named.",
    )
    all_: Names | None = Field(
        default=None, alias="all", description="The same, where there must be enough of each of them."
    )
    at_least: int = Field(default=1, ge=1, le=MOST_STANDING // 2, description="How many there must be.")
    at_most: int | None = Field(
        default=None, ge=1, le=MOST_STANDING // 2, description="How many there may be. Left out: however many."
    )
    within: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="The most characters between the end of what counts and the finding. Left out: however many.",
    )

    @property
    def names(self) -> list[str]:
        """What is counted."""
        return self.any_ or self.all_ or []

    @model_validator(mode="after")
    def _names_something(self) -> RequiresSpec:
        if (self.any_ is None) == (self.all_ is None):
            what = "nothing is required" if self.any_ is None else "`any` and `all` are two ways to count"
            raise PydanticCustomError("requires", "{what}", {"what": what, "remedy": "state one of `any` and `all`"})
        if self.at_most is not None and self.at_most < self.at_least:
            what = "`at_most` is less than `at_least`, so this never holds"
            raise PydanticCustomError("requires", "{what}", {"what": what, "remedy": "raise `at_most`"})
        return self
