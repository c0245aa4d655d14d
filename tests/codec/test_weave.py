"""Weaving releases back into frames: nothing lost, nothing early, unchanged frames untouched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec.weave import Slot, Weave
from sidecar.offline import guard
from sidecar.policy.plan import Plan
from sidecar.values import Action, Lane, Release
from tests.fakes import WordScanner, plan, rule

WORDS: Plan = plan((WordScanner(r"ab+a|1 ?2"), [rule(Action.REDACT, rewrite=lambda *_: "<W>")]))


def woven(pieces: list[tuple[Lane, str]]) -> tuple[list[str], dict[Lane, str]]:
    """The frames' texts after guarding, and what each lane should read."""
    weave = Weave()
    parts = []
    for number, (lane, text) in enumerate(pieces):
        parts += weave.add(number, (Slot(lane, ("text",), text),))
    guarded = guard(WORDS, parts)
    for output in guarded.outputs:
        if isinstance(output, Release):
            weave.release(output)
    frames = list(weave.ready())
    assert [frame.frame for frame in frames] == list(range(len(pieces)))
    return [frame.texts["text",] for frame in frames], {lane: guarded.text(lane) for lane, _ in pieces}


def test_a_replacement_stands_in_the_frame_where_the_span_begins() -> None:
    lane = Lane()
    assert woven([(lane, "x a"), (lane, "b"), (lane, "ba y")])[0] == ["x <W>", "", " y"]


def test_a_frame_waits_for_its_text() -> None:
    weave, lane = Weave(), Lane()
    weave.add(0, (Slot(lane, ("t",), "one"),))
    weave.add(1, ())
    assert list(weave.ready()) == []
    weave.release(Release(lane, "on", 0, 2))
    assert list(weave.ready()) == []
    weave.release(Release(lane, "e", 2, 3))
    first, second = weave.ready()
    assert (first.texts, first.is_changed, second.frame) == ({("t",): "one"}, False, 1)


def test_after_a_block_the_choices_frames_are_emptied() -> None:
    weave, lane = Weave(), Lane(1)
    weave.add(0, (Slot(lane, ("t",), "keep bad"),))
    weave.add(1, (Slot(lane, ("t",), "gone"),))
    weave.release(Release(lane, "keep ", 0, 5))
    weave.stop(1)
    assert [frame.texts["t",] for frame in weave.ready()] == ["keep ", ""]


PIECES = st.lists(st.tuples(st.sampled_from([Lane(0), Lane(1)]), st.text("ab12 x", max_size=4)), max_size=20)


@given(PIECES)
def test_frames_hold_what_the_lanes_read(pieces: list[tuple[Lane, str]]) -> None:
    texts, expected = woven(pieces)
    for lane in expected:
        assert "".join(text for text, (own, _) in zip(texts, pieces, strict=True) if own == lane) == expected[lane]
