"""A policy as it is written: the whole document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sidecar.policy.schema.base import DEFAULT_ORDER, Model, Name
from sidecar.policy.schema.cases import CaseSpec
from sidecar.policy.schema.match import MatchSpec
from sidecar.policy.schema.rollout import RolloutSpec
from sidecar.policy.schema.rules import RuleSpec
from sidecar.policy.schema.session import SessionSpec
from sidecar.policy.schema.stream import StreamSpec
from sidecar.wording.languages import Language


class Metadata(Model):
    """Who the policy is."""

    name: Name = Field(
        description="What streams and events call the policy. The policy `default` takes what no other one takes."
    )
    version: str = Field(min_length=1, max_length=64, description='The author\'s version, as text: "2026.11.1".')
    owner: str = Field(default="", max_length=128, description="The team to ask.")
    description: str = Field(default="", max_length=2000, description="What the policy is for.")
    language: Language = Field(
        default=Language.EN, description="The language of what people read: names of what was redacted, and messages."
    )
    order: int = Field(
        default=DEFAULT_ORDER,
        ge=0,
        le=1_000_000,
        description="Policies are tried by order, lowest first, then by name.",
    )


class PolicySpec(Model):
    """A policy, as written."""

    api_version: Literal["tidegate.dev/v1"] = Field(alias="apiVersion", description="The version of this language.")
    kind: Literal["Policy"] = Field(description="Always `Policy`.")
    metadata: Metadata = Field(description="Who the policy is.")
    match: MatchSpec = Field(
        default_factory=MatchSpec, description="Which streams take the policy when they name none. Left out: all."
    )
    stream: StreamSpec = Field(default_factory=StreamSpec, description="How text is held while verdicts are due.")
    rollout: RolloutSpec | None = Field(
        default=None,
        description="This version is tried on a part of the streams of another one, which stands beside it under the"
        " same name. Left out: it takes all.",
    )
    session: SessionSpec | None = Field(
        default=None, description="What is kept in mind of a session, and when it is stopped."
    )
    rules: list[RuleSpec] = Field(min_length=1, description="What to look for and what to do; order settles ties.")
    tests: list[CaseSpec] = Field(
        default_factory=list, description="Texts and what must come of them: `tidegate policy test`."
    )
