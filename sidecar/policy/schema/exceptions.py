"""What is no violation of a rule, although it was found."""

from __future__ import annotations

from datetime import date
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from sidecar.policy.schema.base import Model, form_of


def _a_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError(
            "no_day", "`{text}` is no day", {"text": text[:20], "remedy": "write it as 2026-12-31"}
        ) from None
    return text


def _not_everything(text: str) -> str:
    if not text.strip("*"):
        raise PydanticCustomError(
            "everything",
            "an exception for every text leaves nothing of the rule",
            {"remedy": "say which texts, or remove the rule"},
        )
    return text


Day: TypeAlias = Annotated[str, Field(max_length=64), AfterValidator(_a_day)]
Excepted: TypeAlias = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_not_everything)]


ValueSpec: TypeAlias = Annotated[
    Annotated[Excepted, Tag("as word")] | Annotated[list[Excepted], Tag("as list"), Field(min_length=1)],
    Discriminator(
        form_of, custom_error_type="value_form", custom_error_message="a value is a text, or a list of texts"
    ),
]


class ExceptionSpec(Model):
    """An exception: values, or what a condition holds for; and who answers for it."""

    value: ValueSpec | None = Field(
        default=None,
        description="The text that was found is this one, or one of these, letter by letter; `*` stands for any"
        " characters. `{list: NAME}` are the values of a list.",
    )
    when: str | None = Field(default=None, description="A condition in CEL, over the same variables as the rule's.")
    reason: str = Field(min_length=1, max_length=2000, description="Why it is right to make it.")
    owner: str = Field(min_length=1, max_length=128, description="Who answers for it.")
    expires: Day | None = Field(
        default=None, description="The last day on which it holds, in UTC: 2026-12-31. Left out: for good."
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> ExceptionSpec:
        stated = [key for key in ("value", "when") if getattr(self, key) is not None]
        if len(stated) != 1:
            raise PydanticCustomError(
                "one_exception",
                "an exception is about one thing, and this one states {count}",
                {"count": len(stated), "remedy": "state either `value` or `when`"},
            )
        return self
