"""What all parts of the language share: strictness, names and scores."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

API_VERSION = "tidegate.dev/v1"
DEFAULT_POLICY = "default"
DEFAULT_ORDER = 100

NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$"

Name: TypeAlias = Annotated[str, Field(pattern=NAME_PATTERN)]
"""1 to 64 letters, digits, `.`, `_` or `-`, beginning and ending with a letter or digit."""
Score: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
FactText: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]


def form_of(value: Any) -> str:
    """What kind of value this is, so that a union has one branch to complain about, not all of them."""
    kind = dict if isinstance(value, BaseModel) else type(value)  # as it was parsed
    return {dict: "as mapping", list: "as list", str: "as word", bool: "as truth"}.get(kind, "as other")


LANGUAGE_PATTERN = r"^(default|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$"
LanguageTag: TypeAlias = Annotated[str, Field(pattern=LANGUAGE_PATTERN)]
Told: TypeAlias = Annotated[str, Field(max_length=4000)]
WordingSpec: TypeAlias = Annotated[
    Annotated[Told, Tag("as word")] | Annotated[dict[LanguageTag, Told], Tag("as mapping"), Field(min_length=1)],
    Discriminator(
        form_of,
        custom_error_type="wording_form",
        custom_error_message="a message is a text, or a mapping from languages (`en`, `pt-BR`, `default`) to texts",
    ),
]
"""What a person is told: in one language, or in each of several."""


class Model(BaseModel):
    """What all parts of a policy share: strict, closed, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
