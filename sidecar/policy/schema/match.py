"""Which streams take a policy."""

from __future__ import annotations

from pydantic import Field

from sidecar.policy.schema.base import FactText, Model
from sidecar.values import Direction


class MatchSpec(Model):
    """Which streams take the policy: every condition that is stated must hold."""

    directions: list[Direction] | None = Field(
        default=None, min_length=1, description="The stream's direction is one of these. Left out: any."
    )
    labels: dict[FactText, str] = Field(
        default_factory=dict, description="The stream has all of these labels with these values."
    )
    tenants: list[FactText] | None = Field(
        default=None, min_length=1, description="The stream's tenant is one of these. Left out: any."
    )
