"""Fenced code in what a user writes: told apart wherever the text was cut, and judged as a document."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.segmenter import Segmenter
from sidecar.core.stream import Stream
from sidecar.values import Action, Channel, Lane, Part
from tests.fakes import SegmentFlagger, plan, rule
from tests.streams import cuts_of

_FENCE = re.compile(r" {0,3}(?:(`{3,})([^`]*)|(~{3,})(.*))")
USER = Lane(part=Part.USER)


def code_lines(text: str) -> list[bool]:
    """For each line, whether it stands in fenced code; a fence that opens does not, one that closes does."""
    inside: list[bool] = []
    mark = ""
    for line in text.split("\n")[:-1]:
        inside.append(bool(mark))
        if found := _FENCE.fullmatch(line):
            fence, words = found.group(1) or found.group(3), found.group(2) or found.group(4) or ""
            if not mark:
                mark = fence
            elif fence.startswith(mark) and not words.strip():
                mark = ""
    return inside


def segments(pieces: list[str]) -> list[tuple[str, bool]]:
    segmenter = Segmenter(64, least_tokens=24, first_least_tokens=24, knows_code=True)
    text = "".join(pieces)
    seen, ends = "", []
    for piece in pieces:
        seen += piece
        ends += segmenter.advance(seen, 0)
    ends += [end for end in [segmenter.finish()] if end is not None]
    return [(text[start:end], segmenter.stretch(start)[1]) for start, end in itertools.pairwise([0, *ends])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fix:\n```py\nx = 1\n```\nplease", [("Fix:\n```py\n", False), ("x = 1\n```\n", True), ("please", False)]),
        ("~~~~\na\n~~~\nb\n~~~~\nc", [("~~~~\n", False), ("a\n~~~\nb\n~~~~\n", True), ("c", False)]),
        ("```\nnever closed", [("```\n", False), ("never closed", True)]),
        ("``` a`b\nwords", [("``` a`b\nwords", False)]),
        ("    ```\nindented\n", [("    ```\nindented\n", False)]),
        ("see ```x``` here\nand ```\n", [("see ```x``` here\nand ```\n", False)]),
        ("```\r\na\r\n``` \r\nb", [("```\r\n", False), ("a\r\n``` \r\n", True), ("b", False)]),
    ],
)
def test_a_segment_lies_in_code_or_outside_of_it(text: str, expected: list[tuple[str, bool]]) -> None:
    assert segments([text]) == expected
    assert segments(list(text)) == expected


LINES = st.lists(st.sampled_from(["```", "````", "~~~", "```py", "``` `", " ```", "    ```", "x", "", "  ~~~ ", "`a"]))


@given(LINES.map(lambda lines: "".join(f"{line}\n" for line in lines)).flatmap(cuts_of))
def test_lines_are_told_apart_as_markdown_does(pieces: list[str]) -> None:
    found = [is_code for text, is_code in segments(pieces) for _ in range(text.count("\n"))]
    assert found == code_lines("".join(pieces))


def test_code_of_a_user_is_judged_as_a_document_and_read_apart_from_his_words() -> None:
    a_plan = plan((SegmentFlagger("bad"), [rule(Action.BLOCK, "FLAG")]))
    text = "Do not say bad words.\n```\nbad\n```\nAgain."

    def asked(lane: Lane) -> list[tuple[str, Part]]:
        stream = Stream(a_plan, stops_together=True)
        return [(each.text, each.part) for _, each in [*stream.feed(lane, text), *stream.close()]]

    judged = asked(USER)
    assert [each for each, part in judged if part is Part.CONTEXT] == ["bad\n", "bad\n```\n"]
    assert [each for each, part in judged if part is Part.USER][-1] == "Again."
    for other in (Lane(part=Part.TOOL_RESULT), Lane(part=Part.USER, channel=Channel.OTHER)):
        assert {part for _, part in asked(other)} == {other.part}
