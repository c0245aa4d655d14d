"""One rule of a policy."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from sidecar.policy.schema.actions import ActionSpec
from sidecar.policy.schema.base import Model, Name, form_of
from sidecar.policy.schema.detect import Detect
from sidecar.policy.schema.exceptions import ExceptionSpec
from sidecar.policy.schema.judge import JudgeSpec
from sidecar.policy.schema.requires import RequiresSpec
from sidecar.policy.schema.rollout import EnforcementSpec
from sidecar.policy.schema.session import Risk, SessionConditionSpec
from sidecar.values import Enforcement, EvidenceLevel, FailMode, InHistory, SessionMark, SeverityName


def _score(text: str) -> str:
    try:
        right = 0 <= float(text) <= 1
    except ValueError:
        right = False
    if not right:
        raise PydanticCustomError("no_score", "`{text}` is no score", {"text": text[:20], "remedy": "write 0 to 1"})
    return text


SeveritySpec: TypeAlias = Annotated[
    Annotated[SeverityName, Tag("as word")]
    | Annotated[dict[Annotated[str, AfterValidator(_score)], SeverityName], Tag("as mapping"), Field(min_length=1)],
    Discriminator(
        form_of,
        custom_error_type="severity_form",
        custom_error_message="a severity is a word, or words by least score",
    ),
]


Entries: TypeAlias = Annotated[list[str], Field(max_length=16)]


class TagsSpec(Model):
    """What of published lists a violation is; a list that is left out follows from the detector and the label."""

    owasp: Entries | None = Field(
        default=None, description="Of OWASP's Top 10 for LLM Applications 2025, or for Agentic Applications 2026."
    )
    atlas: Entries | None = Field(default=None, description="Techniques of MITRE ATLAS.")
    nist: Entries | None = Field(
        default=None, description="Risks of NIST AI 600-1, or subcategories of the AI Risk Management Framework."
    )

    @property
    def stated(self) -> dict[str, tuple[str, ...]]:
        """The lists that are stated."""
        return {key: tuple(entries) for key, entries in self.model_dump(exclude_none=True).items()}


class EvidenceSpec(Model):
    """What the rule's events keep of a matched text."""

    level: EvidenceLevel = Field(
        description="none: nothing. hash: the keyed hash alone. shape: letters as `a`, digits as `9`, and the hash if"
        " there is a key. masked: the last four characters. encrypted: the text, for `events.evidence_key_file`. raw:"
        " the text as it is."
    )
    reason: str = Field(default="", max_length=500, description="Why; events have it. `raw` needs one.")


class RuleSpec(Model):
    """One rule: what to look for, and what to do about it."""

    id: Name = Field(description="The rule's name in events; unique within the policy.")
    description: str = Field(default="", max_length=2000, description="Why the rule exists.")
    detect: Detect = Field(description="What to look for.")
    when: str | None = Field(
        default=None,
        description="A condition in CEL over stream, finding and session; where it does not hold, what was found is no"
        " violation: `finding.score > 0.9 || stream.tenant == 'acme'`.",
    )
    except_: list[ExceptionSpec] | None = Field(
        default=None,
        alias="except",
        min_length=1,
        description="What is no violation, although it was found, and until when.",
    )
    requires: RequiresSpec | None = Field(
        default=None,
        description="What else must have been found in the same text, before a finding or where it begins; else it is"
        " no violation: `{any: [PERSON], within: 100}`, `{any: [emails], at_least: 3}`.",
    )
    judge: JudgeSpec | None = Field(
        default=None,
        description="Whom to ask about findings whose scores are unclear: a remote guard model, to which their segments"
        " are sent: `{name: guard, between: [0.4, 0.9]}`.",
    )
    severity: SeveritySpec = Field(
        default="medium",
        description="How much a violation matters: a word, or words by the least score: `{0.5: medium, 0.9: high}`.",
    )
    tags: TagsSpec | None = Field(
        default=None,
        description="What a violation is in published lists; events carry it. Left out: by detector and label.",
    )
    action: ActionSpec = Field(
        description="What is done to the text: allow < annotate < redact < withhold < block; the strongest wins on"
        " the same text."
    )
    evidence: EvidenceSpec | None = Field(
        default=None,
        description="What the rule's events keep of a matched text. Left out: what the setting `events.evidence` says.",
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
    enforcement: EnforcementSpec = Field(
        default=Enforcement.ENFORCE,
        description="shadow: decide and publish, but change nothing. canary: enforce on a part of the streams, and be"
        " in shadow on the others.",
    )
