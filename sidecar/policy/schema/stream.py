"""How text is held while verdicts are due, and who is told."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from sidecar.policy.schema.base import Model, WordingSpec, form_of
from sidecar.values import FailMode, Mode, ToolCalls

EarlyTokens: TypeAlias = Annotated[int, Field(ge=1, le=512)]
NoticeWord: TypeAlias = Literal["paragraph", "annotation"]


class NoticeText(Model):
    """A notice in the operator's own words."""

    as_: NoticeWord = Field(
        alias="as",
        description="paragraph: the answer's last. annotation: beside the answer, for the application to show.",
    )
    text: WordingSpec | None = Field(
        default=None, description="A text, or one for each language. Left out: a text in the policy's language."
    )


NoticeSpec: TypeAlias = Annotated[
    Annotated[NoticeWord, Tag("as word")] | Annotated[NoticeText, Tag("as mapping")],
    Discriminator(
        form_of,
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
    early_tokens: list[EarlyTokens] = Field(
        default=[6, 6],
        max_length=16,
        description="So many estimated word pieces after an answer begins, its beginning is read by itself, and leaves"
        " when nothing in it comes near what a rule acts on; where something does, it is read again so many more pieces"
        " later, and so on. The segment is judged all the same. []: an answer's first words wait for their segment.",
    )
    early_every_tokens: int = Field(
        default=0,
        ge=0,
        le=512,
        description="The same after every so many pieces for the rest of the answer, so that text is held for a shorter"
        " time; each such reading costs a model about as much as a segment. 0: no.",
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
