"""What a rule leaves to a judge."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sidecar.policy.schema.base import Model, Name, Score


class JudgeSpec(Model):
    """Which findings a remote guard model decides. The segments in which they stand are sent to it."""

    name: Name = Field(description="The judge's name in the settings (`judges`).")
    between: list[Score] = Field(
        min_length=2,
        max_length=2,
        description="The lowest and the highest score that the judge is asked about. Within, its word counts; above, a"
        " finding is a violation, and below it is none, without a question.",
    )
    labels: list[str] | None = Field(
        default=None,
        min_length=1,
        description="The judge's labels that confirm a finding. What it calls unsafe for other reasons stays as it was"
        " found here. Left out: any.",
    )
    on_late: Literal["local", "fail"] = Field(
        default="local",
        description="What counts where the judge is late, fails, or may not be asked. local: the threshold decides."
        " fail: the rule's `on_timeout` or `on_error`, as if the detector had not answered.",
    )
