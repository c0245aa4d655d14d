"""A list of values that policies beside it use by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sidecar.policy.schema.base import Model, Name

MAX_VALUES = 100_000


class ListMetadata(Model):
    """Which list it is."""

    name: Name = Field(description="What policies call it: `{list: NAME}`; unique in its folder.")
    version: str = Field(min_length=1, max_length=64, description='The author\'s version, as text: "2026.11.1".')
    owner: str = Field(default="", max_length=128, description="The team to ask.")
    description: str = Field(default="", max_length=2000, description="What the list is for.")


class ListSpec(Model):
    """A list, as written."""

    api_version: Literal["tidegate.dev/v1"] = Field(alias="apiVersion", description="The version of this language.")
    kind: Literal["List"] = Field(description="Always `List`.")
    metadata: ListMetadata = Field(description="Which list it is.")
    values: list[Annotated[str, Field(min_length=1, max_length=1000)]] = Field(
        min_length=1, max_length=MAX_VALUES, description="Its values: words, patterns, whatever their user takes."
    )
