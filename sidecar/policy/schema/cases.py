"""Tests: those that a policy brings along, and files of tests beside policies."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from sidecar.policy.schema.base import FactText, Model, Name, form_of
from sidecar.policy.schema.session import Duration
from sidecar.values import Channel, Direction, Part

SPEAKERS = ("user", "system", "model", "context", "tool_result", "tool_definition")
"""The keys that say whose turn it is; they are the parts."""
TEXTS = ("output", "input", "chunks", "turns")
"""The keys that a test's text may stand under."""

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


class CallSpec(Model):
    """A model's call of a tool."""

    name: str = Field(min_length=1, max_length=256, description="What the tool is called.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="What it is handed.")


TakenSpec: TypeAlias = Annotated[
    Annotated[bool, Tag("as truth")] | Annotated[str, Tag("as word")],
    Discriminator(
        form_of,
        custom_error_type="taken_form",
        custom_error_message="`policy` is the name of the policy that takes the stream, true for any, false for none",
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
    calls: list[CallSpec] | None = Field(
        default=None, description="What tools are handed of a model's turn, in order; empty when no call leaves."
    )
    policy: TakenSpec | None = Field(
        default=None, description="Which policy takes the stream by its facts: a name, true for any, false for none."
    )

    @model_validator(mode="after")
    def _states_something(self) -> Expect:
        if not self.model_fields_set:
            raise _expects_nothing()
        return self


def _expects_nothing() -> PydanticCustomError:
    return PydanticCustomError(
        "empty_expect",
        "this test expects nothing, so it cannot fail",
        {"remedy": "state at least `output` or `violations`"},
    )


class PassageSpec(Model):
    """A text that an answer should rest on."""

    id: str = Field(min_length=1, max_length=256, description="What findings and citations call it.")
    text: str = Field(description="The text.")


class TurnSpec(Model):
    """What one of those who take part in a conversation says."""

    user: str | None = Field(default=None, description="The user's words.")
    system: str | None = Field(default=None, description="The operator's instructions.")
    model: str | None = Field(default=None, description="The model's answer.")
    reasoning: str | None = Field(default=None, description="What the model thinks aloud before its answer.")
    calls: list[CallSpec] | None = Field(default=None, min_length=1, description="The tools that the model calls.")
    context: list[str | PassageSpec] | None = Field(
        default=None, min_length=1, description="Documents, which answers from here on should rest on."
    )
    tool_result: str | None = Field(default=None, description="What a tool gave back.")
    tool_definition: str | None = Field(default=None, description="What the application says of a tool.")
    after: Duration | None = Field(
        default=None, description="How much time passes before it, for what a session does in a time: `10m`."
    )
    expect: Expect | None = Field(default=None, description="What must come of this turn.")

    @property
    def speaker(self) -> Part:
        """Whose turn it is."""
        return next((Part(key) for key in SPEAKERS if getattr(self, key) is not None), Part.MODEL)

    @model_validator(mode="after")
    def _has_one_speaker(self) -> TurnSpec:
        stated = [key for key in SPEAKERS if getattr(self, key) is not None]
        own = [key for key in ("reasoning", "calls") if getattr(self, key) is not None]
        if len(stated) != 1 and not (not stated and own):
            raise PydanticCustomError(
                "one_speaker",
                "a turn is one speaker's, this one has {count}",
                {"count": len(stated), "remedy": f"state exactly one of {', '.join(f'`{key}`' for key in SPEAKERS)}"},
            )
        if own and self.speaker is not Part.MODEL:
            raise PydanticCustomError(
                "not_a_model",
                "only a model thinks aloud and calls tools",
                {"remedy": f"write `{own[0]}` in a turn of `model`", "key": own[0]},
            )
        if self.expect is not None and self.expect.policy is not None:
            raise PydanticCustomError(
                "policy_of_turn",
                "which policy takes a stream is expected of the whole test",
                {"remedy": "write `policy` in the test's `expect`", "key": "expect"},
            )
        return self


class FactsSpec(Model):
    """What the application says of the stream."""

    labels: dict[FactText, str] = Field(default_factory=dict, description="Its labels.")
    tenant: str = Field(default="", max_length=256, description="Whose it is.")
    model: str = Field(default="", max_length=256, description="The model that is asked, or answers.")
    route: str = Field(default="", max_length=256, description="By which way it came.")
    prompt_version: str = Field(default="", max_length=256, description="The version of its prompt.")
    attributes: dict[FactText, str] = Field(default_factory=dict, description="Its attributes.")
    language: str = Field(
        default="", max_length=256, description="The reader's languages, as a header `accept-language` names them."
    )


JudgeSays: TypeAlias = (
    Literal["safe", "unsafe", "undecided", "late", "failed"] | Annotated[list[str], Field(min_length=1)]
)
"""What a judge is to say: a word, or the labels for which a text is unsafe."""


class CaseSpec(Model):
    """One test: a text or a conversation, and what must come of it however the texts are cut."""

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
    turns: list[TurnSpec] | None = Field(
        default=None, min_length=1, description="A conversation: what user, model, tools and documents say, in order."
    )
    stream: FactsSpec | None = Field(
        default=None, description="What the application says of the stream, by which a policy takes it."
    )
    direction: Direction | None = Field(
        default=None, description="Of `chunks`, and of a test without a text: output unless stated."
    )
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
    judges: dict[Name, JudgeSays] = Field(
        default_factory=dict,
        description="What a judge says of all that is unclear, by its name: safe, unsafe, undecided, late, failed, or"
        " its labels for which it is unsafe. Nobody is asked; of a judge that is not here the local verdict stands.",
    )
    chunkings: ChunkingsSpec = Field(
        default="all",
        description="How to cut the text: whole; chars: one character at a time; cuts: in two, at every place; pairs:"
        " in three, at every two places (short texts); random: at seeded places; all of these.",
    )
    expect: Expect = Field(
        default_factory=Expect.model_construct, description="What must come out. Turns may have their own."
    )

    @model_validator(mode="after")
    def _has_one_text(self) -> CaseSpec:
        stated = [key for key in TEXTS if getattr(self, key) is not None]
        is_of_facts = not stated and self.expect.model_fields_set == {"policy"}
        if len(stated) != 1 and not is_of_facts:
            raise PydanticCustomError(
                "one_text",
                "a test has one text, this one has {count}",
                {"count": len(stated), "remedy": "state exactly one of `output`, `input`, `chunks` and `turns`"},
            )
        if self.chunks is None and self.direction is not None and stated:
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

    @model_validator(mode="after")
    def _expects_what_there_is(self) -> CaseSpec:
        if not self.expect.model_fields_set and not any(turn.expect for turn in self.turns or ()):
            raise _expects_nothing()
        if self.turns is None:
            return self
        for key in ("choice", "channel", "part", "context", "history"):
            if key in self.model_fields_set:
                raise PydanticCustomError(
                    "key_of_one_text",
                    "`{key}` is of a test with one text",
                    {"key": key, "remedy": "turns say whose words they are: remove it"},
                )
        for key in ("output", "calls"):
            if getattr(self.expect, key) is not None:
                raise PydanticCustomError(
                    "whose_output",
                    "`{word}` of a conversation is not one text",
                    {"word": key, "remedy": f"write `{key}` in the `expect` of a turn", "key": "expect"},
                )
        return self


class FileCaseSpec(CaseSpec):
    """A test in a file of its own, beside policies."""

    policy: str | None = Field(
        default=None, max_length=64, description="The policy by name. Left out: the file's, or the one that takes it."
    )


class PolicyTestSpec(Model):
    """A file of tests beside policies. It is never served."""

    api_version: Literal["tidegate.dev/v1"] = Field(alias="apiVersion", description="The version of this language.")
    kind: Literal["PolicyTest"] = Field(description="Always `PolicyTest`.")
    description: str = Field(default="", max_length=2000, description="What the tests are for.")
    policies: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Files and folders of policies, from this file's folder. Left out: `NAME.yaml` beside"
        " `NAME_test.yaml`, or else the folder.",
    )
    policy: str | None = Field(
        default=None,
        max_length=64,
        description="The policy that guards each test. Left out: the one that takes the stream by its facts.",
    )
    tests: list[FileCaseSpec] = Field(min_length=1, description="What must come of which texts.")
