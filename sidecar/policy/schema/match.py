"""Which streams take a policy."""

from __future__ import annotations

from pydantic import Field

from sidecar.policy.schema.base import FactText, Model
from sidecar.values import Direction


class MatchSpec(Model):
    """Which streams take the policy: every condition that is stated must hold.

    In values `*` stands for any characters, none included.
    """

    directions: list[Direction] | None = Field(
        default=None, min_length=1, description="The stream's direction is one of these. Left out: any."
    )
    labels: dict[FactText, str] = Field(
        default_factory=dict,
        description="The stream has all of these labels with these values; `*` stands for any characters.",
    )
    tenants: list[FactText] | None = Field(
        default=None,
        min_length=1,
        description="The stream's tenant is one of these; `*` stands for any characters. Left out: any.",
    )
    models: list[FactText] | None = Field(
        default=None,
        min_length=1,
        description="The model that is asked, or answers, is one of these: `gpt-4*`. Left out: any.",
    )
    routes: list[FactText] | None = Field(
        default=None,
        min_length=1,
        description="The way by which it came is one of these: the path at the proxy, the name of Envoy's route.",
    )
    prompt_versions: list[FactText] | None = Field(
        default=None, min_length=1, description="The prompt's version is one of these. Left out: any."
    )
    identities: list[FactText] | None = Field(
        default=None,
        min_length=1,
        description="Who calls, as the mesh says it, is one of these: `spiffe://prod/ns/chat/*`. Left out: anybody.",
    )
    attributes: dict[FactText, str] | None = Field(
        default=None,
        min_length=1,
        description="The stream has all of these attributes with these values; `*` stands for any characters.",
    )
