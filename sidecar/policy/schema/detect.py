"""What a rule looks for."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from sidecar.policy.schema.base import Score, form_of
from sidecar.values import Channel, Part

LabelsSpec: TypeAlias = Annotated[
    Annotated[dict[str, Score], Tag("as mapping"), Field(min_length=1)]
    | Annotated[list[str], Tag("as list"), Field(min_length=1)],
    Discriminator(
        form_of,
        custom_error_type="labels_form",
        custom_error_message="labels are a list of names, or a mapping from names to least scores",
    ),
]


class Detect(BaseModel):
    """What a rule looks for: a detector, its labels with thresholds, and the detector's own parameters."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    detector: str = Field(description="The detector's name.")
    labels: LabelsSpec | None = Field(
        default=None,
        description="The labels to act on: a list, or a mapping to the least score (0 to 1) that counts. Left out: all"
        " labels of the detector at their recommended thresholds.",
    )
    threshold: Score | None = Field(
        default=None, description="One least score for all labels, in place of the recommended ones."
    )
    parts: list[Part] | None = Field(
        default=None,
        min_length=1,
        description="Whose words it reads. Left out: what the detector reads by default, for most everybody's.",
    )
    channels: list[Channel] | None = Field(
        default=None,
        min_length=1,
        description="Which of their texts it reads; `other` are fields that no API is known to have. Left out: what the"
        " detector reads by default, for most all.",
    )

    @property
    def params(self) -> dict[str, Any]:
        """The detector's own parameters, as written."""
        return dict(self.model_extra or {})
