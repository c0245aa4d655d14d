"""The context of a request that came through a proxy: what there is of it, as far as the limits allow."""

from __future__ import annotations

from sidecar.codec.weave import Text
from sidecar.config import Limits
from sidecar.start import Passage, StreamStart
from sidecar.transport.facts import with_sources
from sidecar.values import Channel, Lane, Part

TEXTS = (
    Text(Lane(0, part=Part.SYSTEM), "Be kind."),
    Text(Lane(1, part=Part.CONTEXT), "one"),
    Text(Lane(2, part=Part.USER), "What is it?"),
    Text(Lane(3, channel=Channel.TOOL_ARGUMENTS, part=Part.MODEL), "{}"),
    Text(Lane(4, part=Part.TOOL_RESULT), "two words"),
    Text(Lane(5, part=Part.TOOL_RESULT), "six"),
)


def test_documents_and_results_are_the_context_and_the_users_last_words_the_prompt() -> None:
    start = with_sources(StreamStart(tenant="acme"), TEXTS, Limits())
    assert (start.tenant, start.prompt, start.passages_left_out) == ("acme", "What is it?", 0)
    assert start.context == (Passage("1", "one"), Passage("4", "two words"), Passage("5", "six"))


def test_what_is_past_a_limit_is_left_out_and_counted() -> None:
    few = with_sources(StreamStart(), TEXTS, Limits(max_context_passages=1))
    assert (len(few.context), few.passages_left_out) == (1, 2)
    short = with_sources(StreamStart(), TEXTS, Limits(max_context_chars=8))
    assert (short.context, short.passages_left_out) == ((Passage("1", "one"), Passage("5", "six")), 1)
    assert short.prompt == ""
