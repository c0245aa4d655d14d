"""What a rule does about what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from sidecar.policy.operators import HASH_CHARS
from sidecar.policy.schema.base import Model, WordingSpec
from sidecar.wording.forms import MASK, is_word_character


class OneWay(Model):
    """What cannot be undone."""

    in_tool_arguments: Literal["keep", "replace"] = Field(
        default="keep",
        description="What is done to a finding in the arguments of a call that a model makes. keep: it stays, with a"
        " remark, since a tool would work with the replacement. replace: it is replaced there, too.",
    )


class Mask(OneWay):
    """Letters and digits become a character; the rest stays."""

    with_: Literal["mask"] = Field(alias="with", description="Replace letters and digits by a character.")
    char: str = Field(
        default=MASK,
        min_length=1,
        max_length=1,
        description="The character that stands for each. Markdown reads `*`, `_`, `~` and `#`.",
    )
    keep_first: int = Field(default=0, ge=0, le=64, description="How many letters and digits stay at the beginning.")
    keep_last: int = Field(default=0, ge=0, le=64, description="How many letters and digits stay at the end.")

    @model_validator(mode="after")
    def _char_is_visible(self) -> Mask:
        if not self.char.isprintable() or self.char.isspace():
            raise PydanticCustomError(
                "invisible_char",
                "`char` must be a visible character",
                {"remedy": f"use `{MASK}`, `x` or `*`, for example", "key": "char"},
            )
        return self


def _check_words(words: str) -> str:
    """Refuse what may have a meaning in the text around it."""
    if not any(map(str.isalnum, words)) or not all(is_word_character(each) or each in " -" for each in words):
        raise PydanticCustomError(
            "words", "words are letters, digits, blanks and hyphens", {"remedy": "leave other characters out"}
        )
    return words


Words: TypeAlias = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_check_words)]


class Named(OneWay):
    """What the operators share that say what was redacted."""

    form: Literal["words", "name"] = Field(
        default="words",
        description="words: as a person reads it, in a form without meaning in Markdown and HTML. name: the label, as"
        " programs read it.",
    )
    words: dict[str, Words] = Field(
        default_factory=dict, description="What labels are called, in place of the words of the policy's language."
    )

    @model_validator(mode="after")
    def _words_are_shown(self) -> Self:
        if self.form == "name" and self.words:
            raise PydanticCustomError(
                "unused_words",
                "`form: name` shows the labels, so `words` are not used",
                {"remedy": "remove `words` or `form`", "key": "words"},
            )
        return self


class Label(Named):
    """What it was: `‹card-number›`."""

    with_: Literal["label"] = Field(
        alias="with", description="Replace by what it was: `‹card-number›`, or `<CREDIT_CARD>` with `form: name`."
    )


class Hash(Named):
    """A keyed hash of the value."""

    with_: Literal["hash"] = Field(
        alias="with",
        description="Replace by a keyed hash: the same everywhere for the same value. Needs the redaction key.",
    )
    length: int = Field(default=HASH_CHARS, ge=8, le=64, description="How many hex digits of the hash are shown.")


class Pseudonym(Named):
    """A stand-in that the key's owner can open."""

    with_: Literal["pseudonym"] = Field(
        alias="with",
        description="Replace by a stand-in: the same for the same value within a session, reversible with the key.",
    )


class FixedText(OneWay):
    """A fixed text."""

    with_: Literal["text"] = Field(alias="with", description="Replace by a fixed text, which `text` states.")
    text: str = Field(min_length=1, max_length=1000, description="The text that stands in.")


class Remove(OneWay):
    """Nothing."""

    with_: Literal["remove"] = Field(alias="with", description="Take the text out.")


RestoredIn: TypeAlias = Literal["tool_arguments", "content", "reasoning"]
OneWayOperator: TypeAlias = Annotated[
    Mask | Label | Hash | Pseudonym | FixedText | Remove, Field(discriminator="with_")
]
LABEL = Label.model_validate({"with": "label"})
"""How the action `redact` replaces."""


class ByLabel(Model):
    """What is done otherwise to some labels."""

    by_label: dict[str, OneWayOperator] | None = Field(
        default=None, min_length=1, description="For labels of the rule that are replaced otherwise: how."
    )


class MaskOrByLabel(Mask, ByLabel):
    """Letters and digits become a character; some labels are replaced otherwise."""


class LabelOrByLabel(Label, ByLabel):
    """What it was; some labels are replaced otherwise."""


class HashOrByLabel(Hash, ByLabel):
    """A keyed hash of the value; some labels are replaced otherwise."""


class PseudonymOrByLabel(Pseudonym, ByLabel):
    """A stand-in that the key's owner can open; some labels are replaced otherwise."""


class FixedTextOrByLabel(FixedText, ByLabel):
    """A fixed text; some labels are replaced otherwise."""


class RemoveOrByLabel(Remove, ByLabel):
    """Nothing; some labels are replaced otherwise."""


class StandIn(ByLabel):
    """A value of the same kind in requests, which gives way to the original in the answer."""

    with_: Literal["stand_in"] = Field(
        alias="with",
        description="In requests, replace by a stand-in of the value's own kind; put the value back in the answer.",
    )
    restore: list[RestoredIn] = Field(
        default=["tool_arguments"],
        description="Where in the answer the value comes back. Left out: in the arguments of tool calls alone.",
    )
    same_within: Literal["session", "tenant"] = Field(
        default="session",
        description="Where a value always has the same stand-in: in a session, where the request tells one, or in all"
        " of a tenant's.",
    )
    answers: OneWayOperator = Field(
        default=LABEL,
        description="How the rule replaces what the model itself says, which has no stand-in. Left out: by the label.",
    )


Operator: TypeAlias = Annotated[
    MaskOrByLabel
    | LabelOrByLabel
    | HashOrByLabel
    | PseudonymOrByLabel
    | FixedTextOrByLabel
    | RemoveOrByLabel
    | StandIn,
    Field(discriminator="with_"),
]


class BlockSpec(Model):
    """Stop the choice."""

    message: WordingSpec | None = Field(
        default=None,
        description="What the user is told in place of the rest: a text, or one for each language. Left out: a text in"
        " the policy's language, with the stream's id to quote.",
    )


class WithholdSpec(Model):
    """Take a text of the history out."""

    message: str = Field(
        default="",
        max_length=4000,
        description="The sentence that stands in its place, for the model to read. Left out: one that names the rule.",
    )


class WithholdAction(Model):
    """Have a sentence stand in for a text of a request's history."""

    withhold: WithholdSpec = Field(
        description="Put a sentence in place of a whole tool result, document or earlier turn, and let the request go"
        " on. The user's newest words and answers are blocked."
    )


class BlockAction(Model):
    """Stop the choice, and say something else."""

    block: BlockSpec = Field(description="Stop the choice: nothing from the position of the violation on leaves.")


class AdviseSpec(Model):
    """Tell the model something."""

    note: str = Field(
        min_length=1,
        max_length=4000,
        description="What the model is told, in its instructions: the proxy and Envoy put it there, over gRPC the"
        " application does.",
    )


class AdviseAction(Model):
    """Let a request through, and tell the model something beside it."""

    advise: AdviseSpec = Field(
        description="Let the text of a request through, and add a note to the model's instructions."
    )


class RedactAction(Model):
    """Replace what was found."""

    redact: Operator = Field(description="Replace what was found, and let the rest through.")


def _action_form(value: Any) -> str | None:
    if isinstance(value, str):
        return "as word"
    keys = value if isinstance(value, Mapping) else getattr(type(value), "model_fields", ())
    return next((f"as {key}" for key in ("block", "withhold", "redact", "advise") if key in keys), None)


PlainAction: TypeAlias = Literal["allow", "annotate", "redact", "withhold", "block"]
"""The actions that need nothing else."""
ActionSpec: TypeAlias = Annotated[
    Annotated[PlainAction, Tag("as word")]
    | Annotated[BlockAction, Tag("as block")]
    | Annotated[WithholdAction, Tag("as withhold")]
    | Annotated[RedactAction, Tag("as redact")]
    | Annotated[AdviseAction, Tag("as advise")],
    Discriminator(
        _action_form,
        custom_error_type="action_form",
        custom_error_message="an action is `allow`, `annotate`, `redact`, `withhold`, `block`, `{redact: {with: ...}}`,"
        " `{advise: {note: ...}}`, `{withhold: {message: ...}}` or `{block: {message: ...}}`",
    ),
]
