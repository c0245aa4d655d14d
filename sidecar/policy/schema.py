"""The policy language: the models that parse it.

The models are strict: no unknown key, no silent conversion. They are fed JSON, where strictness still takes a list
for a tuple and a word for an enum's member. What a detector takes beside `detector`, `labels` and `threshold` is the
detector's own business (`DetectorType.params`); the compiler checks it, and the JSON Schema has one branch per
detector for it.

YAML is read as version 1.2, so `off` and `no` are words. Still no key of this language takes `off`: other tools that
read the file as YAML 1.1 would see `false`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from sidecar.policy.operators import HASH_CHARS
from sidecar.values import Channel, Direction, Enforcement, FailMode, InHistory, Mode, Part, ToolCalls
from sidecar.wording.forms import MASK, is_word_character
from sidecar.wording.languages import Language

API_VERSION = "tidegate.dev/v1"
DEFAULT_POLICY = "default"
DEFAULT_ORDER = 100

NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$"

Name: TypeAlias = Annotated[str, Field(pattern=NAME_PATTERN)]
"""1 to 64 letters, digits, `.`, `_` or `-`, beginning and ending with a letter or digit."""
Score: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
FactText: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]

SeverityWord: TypeAlias = Literal["info", "low", "medium", "high", "critical"]


def _form(value: Any) -> str:
    """What kind of value this is, so that a union has one branch to complain about, not all of them."""
    kind = dict if isinstance(value, BaseModel) else type(value)  # as it was parsed
    return {dict: "as mapping", list: "as list", str: "as word", bool: "as truth"}.get(kind, "as other")


class Model(BaseModel):
    """What all parts of a policy share: strict, closed, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Metadata(Model):
    """Who the policy is."""

    name: Name = Field(
        description="What streams and events call the policy. The policy `default` takes what no other one takes."
    )
    version: str = Field(min_length=1, max_length=64, description='The author\'s version, as text: "2026.11.1".')
    owner: str = Field(default="", max_length=128, description="The team to ask.")
    description: str = Field(default="", max_length=2000, description="What the policy is for.")
    language: Language = Field(
        default=Language.EN, description="The language of what people read: names of what was redacted, and messages."
    )
    order: int = Field(
        default=DEFAULT_ORDER,
        ge=0,
        le=1_000_000,
        description="Policies are tried by order, lowest first, then by name.",
    )


class MatchSpec(Model):
    """Which streams take the policy: every condition that is stated must hold."""

    directions: list[Direction] | None = Field(
        default=None, min_length=1, description="The stream's direction is one of these. Left out: any."
    )
    labels: dict[FactText, str] = Field(
        default_factory=dict, description="The stream has all of these labels with these values."
    )
    tenants: list[FactText] | None = Field(
        default=None, min_length=1, description="The stream's tenant is one of these. Left out: any."
    )


NoticeWord: TypeAlias = Literal["paragraph", "annotation"]


class NoticeText(Model):
    """A notice in the operator's own words."""

    as_: NoticeWord = Field(
        alias="as",
        description="paragraph: the answer's last. annotation: beside the answer, for the application to show.",
    )
    text: str | None = Field(
        default=None, min_length=1, max_length=1000, description="Left out: a text in the policy's language."
    )


NoticeSpec: TypeAlias = Annotated[
    Annotated[NoticeWord, Tag("as word")] | Annotated[NoticeText, Tag("as mapping")],
    Discriminator(
        _form,
        custom_error_type="notice_form",
        custom_error_message="a notice is `paragraph`, `annotation`, or `{as: paragraph, text: ...}`",
    ),
]


class StreamSpec(Model):
    """How text is held while verdicts are due."""

    mode: Mode = Field(
        default=Mode.STRICT,
        description="strict: text waits for its verdicts. optimistic: text leaves at once and is cut when a verdict"
        " says so; pattern scanners hold back all the same.",
    )
    max_hold_ms: int = Field(
        default=400, ge=1, le=60_000, description="The longest that text waits for a model's verdict, in milliseconds."
    )
    max_held_chars: int = Field(
        default=16_384,
        ge=256,
        le=1_048_576,
        description="The most characters held in one lane before its sender must wait.",
    )
    max_segment_tokens: int = Field(
        default=64, ge=8, le=512, description="The longest segment a model is given, in estimated word pieces."
    )
    min_segment_tokens: int = Field(
        default=24,
        ge=0,
        le=512,
        description="Short sentences and lines are gathered into a segment of this many estimated word pieces: the"
        " first ones of what a model writes are shorter, those of a prompt or a document twice as long. More is"
        " cheaper, less leaves earlier; 0 is a segment a sentence.",
    )
    pace_ms: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Cleared text of an answer leaves at the pace at which it came, instead of a segment at a time,"
        " spread over at most this many milliseconds; 0: at once.",
    )
    tool_calls: ToolCalls | None = Field(
        default=None,
        description="whole: a model's call of a tool leaves when it is over and judged, together with the calls beside"
        " it, or not at all. stream: its arguments leave as other text does. Left out: whole where a rule blocks.",
    )
    notice: NoticeSpec | None = Field(
        default=None,
        description="Whether a person is told that something was redacted in what they wrote: in the answer's last"
        " paragraph, or beside the answer. Left out: no.",
    )
    on_failure: FailMode | None = Field(
        default=None,
        description="What a verdict that is missing counts as, for rules that block or redact: it came too late, was"
        " shed, or its detector failed. Left out: fail_closed. Rules that annotate always fail open.",
    )
    on_timeout: FailMode | None = Field(
        default=None,
        description="The same for verdicts that came too late or were shed alone. Left out: as on_failure.",
    )


LabelsSpec: TypeAlias = Annotated[
    Annotated[dict[str, Score], Tag("as mapping"), Field(min_length=1)]
    | Annotated[list[str], Tag("as list"), Field(min_length=1)],
    Discriminator(
        _form,
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


LABEL = Label.model_validate({"with": "label"})
"""How the action `redact` replaces."""


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


class StandIn(Model):
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
    Mask | Label | Hash | Pseudonym | FixedText | Remove | StandIn, Field(discriminator="with_")
]


class BlockSpec(Model):
    """Stop the choice."""

    message: str | None = Field(
        default=None,
        max_length=4000,
        description="What the user is told in place of the rest. Left out: a text in the policy's language, with the"
        " stream's id to quote.",
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


class RedactAction(Model):
    """Replace what was found."""

    redact: Operator = Field(description="Replace what was found, and let the rest through.")


ActionWord: TypeAlias = Literal["allow", "annotate", "redact", "withhold", "block"]


def _action_form(value: Any) -> str | None:
    if isinstance(value, str):
        return "as word"
    keys = value if isinstance(value, Mapping) else getattr(type(value), "model_fields", ())
    return next((f"as {key}" for key in ("block", "withhold", "redact") if key in keys), None)


ActionSpec: TypeAlias = Annotated[
    Annotated[ActionWord, Tag("as word")]
    | Annotated[BlockAction, Tag("as block")]
    | Annotated[WithholdAction, Tag("as withhold")]
    | Annotated[RedactAction, Tag("as redact")],
    Discriminator(
        _action_form,
        custom_error_type="action_form",
        custom_error_message="an action is `allow`, `annotate`, `redact`, `withhold`, `block`, `{redact: {with: ...}}`,"
        " `{withhold: {message: ...}}` or `{block: {message: ...}}`",
    ),
]


class RuleSpec(Model):
    """One rule: what to look for, and what to do about it."""

    id: Name = Field(description="The rule's name in events; unique within the policy.")
    description: str = Field(default="", max_length=2000, description="Why the rule exists.")
    detect: Detect = Field(description="What to look for.")
    severity: SeverityWord = Field(default="medium", description="How much a violation matters.")
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
    enforcement: Enforcement = Field(
        default=Enforcement.ENFORCE, description="shadow: decide and publish, but change nothing."
    )


ChunkingWord: TypeAlias = Literal["whole", "chars", "cuts", "pairs", "random"]

ChunkingsSpec: TypeAlias = Annotated[
    Annotated[Literal["all", "whole", "chars", "cuts", "pairs", "random"], Tag("as word")]
    | Annotated[list[ChunkingWord], Tag("as list"), Field(min_length=1)],
    Discriminator(
        _form,
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
        _form,
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


class PolicySpec(Model):
    """A policy, as written."""

    api_version: Literal["tidegate.dev/v1"] = Field(alias="apiVersion", description="The version of this language.")
    kind: Literal["Policy"] = Field(description="Always `Policy`.")
    metadata: Metadata = Field(description="Who the policy is.")
    match: MatchSpec = Field(
        default_factory=MatchSpec, description="Which streams take the policy when they name none. Left out: all."
    )
    stream: StreamSpec = Field(default_factory=StreamSpec, description="How text is held while verdicts are due.")
    rules: list[RuleSpec] = Field(min_length=1, description="What to look for and what to do; order settles ties.")
    tests: list[CaseSpec] = Field(
        default_factory=list, description="Texts and what must come of them: `tidegate policy test`."
    )
