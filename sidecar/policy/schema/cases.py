"""The tests that a policy brings along."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from sidecar.policy.schema.base import Model, form_of
from sidecar.values import Channel, Direction, Part

ChunkingWord: TypeAlias = Literal["whole", "chars", "cuts", "pairs", "random"]

ChunkingsSpec: TypeAlias = Annotated[
    Annotated[Literal["all", "whole", "chars", "cuts", "pairs", "random"], Tag("as word")]
    | Annotated[list[ChunkingWord], Tag("as list"), Field(min_length=1)],
    Discriminator(
        form_of,
        custom_error_type="chunkings_form",
        custom_error_message="chunkings are `all`, `whole`, `chars`, `cuts`, `pairs`, `random`, or a list of them",
    ),
]


class ExpectedAnnotation(Model):
    """One annotation; what is left out may be anything."""

    rule: str | None = Field(default=None, description="The rule that annotated.")
    label: str | None = Field(default=None, description="What was found.")
    text: str | None = Field(default=None, description="The original text that is annotated.")


BlockedSpec: TypeAlias = Annotated[
    Annotated[bool, Tag("as truth")] | Annotated[str, Tag("as word")],
    Discriminator(
        form_of,
        custom_error_type="blocked_form",
        custom_error_message="`blocked` is true, false, or the id of the rule that blocks",
    ),
]


class Expect(Model):
    """What must come out. What is left out is not looked at, but one thing must be stated."""

    output: str | None = Field(default=None, description="The text that leaves, exactly.")
    violations: list[str] | None = Field(
        default=None, description="The rules that are violated, each once, in any order."
    )
    blocked: BlockedSpec | None = Field(default=None, description="Whether the text is blocked, or by which rule.")
    message: str | None = Field(default=None, description="What the user is told when the text is blocked.")
    annotations: list[ExpectedAnnotation] | None = Field(default=None, description="The annotations, in text order.")
    leaked: int | None = Field(
        default=None, ge=0, description="How many characters of redacted or blocked text left as they were."
    )

    @model_validator(mode="after")
    def _states_something(self) -> Expect:
        if not self.model_fields_set:
            raise PydanticCustomError(
                "empty_expect",
                "this test expects nothing, so it cannot fail",
                {"remedy": "state at least `output` or `violations`"},
            )
        return self


class PassageSpec(Model):
    """A text that an answer should rest on."""

    id: str = Field(min_length=1, max_length=256, description="What findings and citations call it.")
    text: str = Field(description="The text.")


class CaseSpec(Model):
    """One test of the policy: a text, and what must come of it however the text is cut."""

    name: str = Field(min_length=1, max_length=200, description="What the test shows.")
    output: str | None = Field(
        default=None, description="A text of the model. `{{fake:KIND}}` makes a token-shaped fake."
    )
    input: str | None = Field(
        default=None, description="A text of the user. `{{fake:KIND}}` makes a token-shaped fake."
    )
    chunks: list[str] | None = Field(
        default=None, min_length=1, description="A text cut exactly so; `direction` says whose it is."
    )
    direction: Direction | None = Field(default=None, description="Of `chunks`: output unless stated.")
    choice: int = Field(default=0, ge=0, le=1024, description="The choice's number.")
    channel: Channel = Field(default=Channel.CONTENT, description="Which text of the choice.")
    part: Part | None = Field(default=None, description="Whose words: model for output, user for input unless stated.")
    history: bool = Field(
        default=False,
        description="Whether it is an earlier turn, a tool's result or a document of a request through the proxy.",
    )
    context: list[str | PassageSpec] = Field(
        default_factory=list, description="What an answer should rest on: texts, numbered from 1, or with an `id`."
    )
    session: str = Field(default="session", max_length=128, description="The session's id, which pseudonyms depend on.")
    chunkings: ChunkingsSpec = Field(
        default="all",
        description="How to cut the text: whole; chars: one character at a time; cuts: in two, at every place; pairs:"
        " in three, at every two places (short texts); random: at seeded places; all of these.",
    )
    expect: Expect = Field(description="What must come out.")

    @model_validator(mode="after")
    def _has_one_text(self) -> CaseSpec:
        stated = [key for key in ("output", "input", "chunks") if getattr(self, key) is not None]
        if len(stated) != 1:
            raise PydanticCustomError(
                "one_text",
                "a test has one text, this one has {count}",
                {"count": len(stated), "remedy": "state exactly one of `output`, `input` and `chunks`"},
            )
        if self.chunks is None and self.direction is not None:
            raise PydanticCustomError(
                "needless_direction",
                "`direction` goes with `chunks`; `{word}` says it already",
                {"word": stated[0], "remedy": "remove `direction`", "key": "direction"},
            )
        if self.history and self.input is None and self.direction is not Direction.INPUT:
            raise PydanticCustomError(
                "history_of_answer",
                "only a request has a history",
                {"remedy": "write the text as `input`, with its `part`", "key": "history"},
            )
        return self
