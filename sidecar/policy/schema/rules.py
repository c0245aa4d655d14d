"""One rule of a policy."""

from __future__ import annotations

from pydantic import Field

from sidecar.policy.schema.actions import ActionSpec
from sidecar.policy.schema.base import Model, Name
from sidecar.policy.schema.detect import Detect
from sidecar.policy.schema.session import Risk, SessionConditionSpec
from sidecar.values import Enforcement, FailMode, InHistory, SessionMark, SeverityName


class RuleSpec(Model):
    """One rule: what to look for, and what to do about it."""

    id: Name = Field(description="The rule's name in events; unique within the policy.")
    description: str = Field(default="", max_length=2000, description="Why the rule exists.")
    detect: Detect = Field(description="What to look for.")
    severity: SeverityName = Field(default="medium", description="How much a violation matters.")
    action: ActionSpec = Field(
        description="What is done to the text: allow < annotate < redact < withhold < block; the strongest wins on"
        " the same text."
    )
    history: InHistory | None = Field(
        default=None,
        description="What a rule that blocks does to tool results, documents and earlier turns of a request that comes"
        " through the proxy or Envoy. withhold: a sentence stands in for the text, and the request goes on. refuse: the"
        " request is refused, and so is every later one with the same history. Left out: withhold.",
    )
    on_error: FailMode | None = Field(
        default=None,
        description="What a detector that failed counts as. Left out: as the stream's on_failure.",
    )
    on_timeout: FailMode | None = Field(
        default=None,
        description="What a verdict that came too late, or was shed, counts as. Left out: as the stream's on_timeout.",
    )
    risk: Risk | None = Field(
        default=None,
        description="What a violation adds to the risk of its session, once a stream; it counts for escalations, too.",
    )
    marks: list[SessionMark] | None = Field(
        default=None,
        min_length=1,
        description="What a violation says of its session, for good: it read `untrusted` text, touched `sensitive`"
        " data, or `sends` something.",
    )
    session: SessionConditionSpec | None = Field(
        default=None, description="What the session must be like where something is found; else it is no violation."
    )
    enforcement: Enforcement = Field(
        default=Enforcement.ENFORCE, description="shadow: decide and publish, but change nothing."
    )
