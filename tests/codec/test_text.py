"""Plain text: whole and as it comes, however its bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec.body import UnknownShapeError
from sidecar.codec.shapes.generic import TEXT
from sidecar.codec.text import StreamedText, WholeText
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.values import Part
from tests.codec.playing import feed, played, take
from tests.codec.test_body import BLOCKING, MASKING, cut
from tests.streams import NASTY

CASES = [
    (MASKING, "My card is 4111 1111 1111 1111 ok é \U0001f600", "My card is <CARD> ok é \U0001f600"),
    (MASKING, "\ufeffclean\r\n", "\ufeffclean\r\n"),
    (BLOCKING, "Hello you forbidden word and more", "Hello you Stopped."),
    (MASKING, "", ""),
]


def streamed(plan: Plan, pieces: list[bytes]) -> bytes:
    return played(StreamedText(), plan, pieces)


@pytest.mark.parametrize(("plan", "text", "said"), CASES)
@given(positions=st.lists(st.integers(0, 50), max_size=8))
def test_the_cuts_do_not_matter(plan: Plan, text: str, said: str, positions: list[int]):
    assert streamed(plan, cut(text.encode(), positions)).decode() == said


@given(text=st.text(NASTY, max_size=40))
def test_clean_text_is_byte_for_byte_the_same(text: str):
    assert streamed(BLOCKING, [bytes([each]) for each in text.encode()]) == text.encode()


@pytest.mark.parametrize(("plan", "text", "said"), CASES)
def test_whole_texts(plan: Plan, text: str, said: str):
    body, stream = WholeText(text.encode(), is_request=True), Stream(plan)
    assert all(each.lane.part is Part.USER for each in body.texts)
    feed(stream, body.texts)
    stream.close()
    take(stream, body)
    assert body.finish().decode() == said
    assert (body.blocked is not None) == ("Stopped." in said)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}\n{"prompt": "@"}',
        '{"a": 1, "a": 2, "prompt": "@"}',
        '\ufeff {"a": nan, "prompt": "@"}',
        '"@"',
        '"Hello," he said. @ or so.',
    ],
)
def test_a_whole_text_that_somebody_may_take_for_json_is_read_decoded(text: str):
    body = WholeText(
        text.replace("@", r"\u0034111 1111 1111 1111" if '"@"' in text else "4111 1111 1111 1111").encode(),
        is_request=True,
    )
    stream = Stream(MASKING)
    feed(stream, body.texts)
    stream.close()
    take(stream, body)
    assert body.finish().decode() == text.replace("@", "<CARD>")


@pytest.mark.parametrize("data", [b"\xff", b"caf\xc3", b"\xed\xa0\x80"])
def test_what_is_not_utf8_is_refused(data: bytes):
    with pytest.raises(UnknownShapeError):
        WholeText(data, is_request=False)
    with pytest.raises(UnknownShapeError):
        streamed(MASKING, [data])


def test_errors_are_sentences():
    shape = TEXT
    assert shape.refusal("Stopped.", "rule") == (400, b"Stopped.")
    assert shape.failure(503, "Come back.") == b"Come back."
