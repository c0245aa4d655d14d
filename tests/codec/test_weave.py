"""Weaving releases back into frames: nothing lost, nothing early, unchanged frames untouched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec.places import Kind, Slot
from sidecar.codec.weave import Ends, Tail, Text, Weave, Woven
from sidecar.core.stream import Stream
from sidecar.policy.plan import Plan
from sidecar.values import Action, Blocked, Channel, Lane, Release
from tests.codec.playing import feed
from tests.fakes import WordScanner, plan, rule

WORDS: Plan = plan((WordScanner(r"ab+a|1 ?2"), [rule(Action.REDACT, rewrite=lambda *_: "<W>")]))
LANE = Lane()


def slot(text: str, lane: Lane = LANE) -> Slot:
    return Slot(lane, ("t",), text)


def new_text(woven: Woven, old: str) -> str:
    return woven.changes[0][1] if woven.changes else old


def woven(pieces: list[tuple[Lane, str]]) -> list[str]:
    """The frames' texts after guarding, in their order."""
    weave, stream = Weave(), Stream(WORDS)
    for number, (lane, text) in enumerate(pieces):
        feed(stream, weave.add(number, (slot(text, lane),)))
    stream.close()
    while (output := stream.next_output()) is not None:
        if isinstance(output, Release):
            weave.release(output)
    weave.flush()
    texts = {each.frame: new_text(each, pieces[each.frame][1]) for each in weave.ready() if isinstance(each, Woven)}
    return [texts[number] for number in range(len(pieces))]


def test_a_replacement_stands_in_the_frame_where_the_span_begins() -> None:
    assert woven([(LANE, "x a"), (LANE, "b"), (LANE, "ba y")]) == ["x <W>", "", " y"]


def test_a_frame_waits_for_its_text() -> None:
    weave = Weave()
    weave.add(0, (slot("one"),))
    weave.add(1, ())
    assert list(weave.ready()) == []
    weave.release(Release(LANE, "on", 0, 2))
    assert list(weave.ready()) == []
    weave.release(Release(LANE, "e", 2, 3))
    first, second = weave.ready()
    assert isinstance(first, Woven)
    assert isinstance(second, Woven)
    assert (first.changes, first.frame, second.frame) == ((), 0, 1)


def test_a_held_tail_does_not_hold_what_stands_behind_it_and_leaves_as_a_frame_of_its_own() -> None:
    weave, other = Weave(), Lane(0, Channel.REASONING)
    weave.add(0, (slot("one 12"),))
    weave.add(1, (slot("two", other),))
    weave.release(Release(LANE, "one ", 0, 4))
    weave.release(Release(other, "two", 0, 3))
    first, second = weave.ready()
    assert isinstance(first, Woven)
    assert isinstance(second, Woven)
    assert (new_text(first, ""), new_text(second, "two")) == ("one ", "two")
    weave.release(Release(LANE, "12", 4, 6))
    (tail,) = weave.ready()
    assert isinstance(tail, Tail)
    assert (tail.text, tail.frame) == ("12", 0)


def test_a_tail_leaves_with_the_next_frame_of_its_lane() -> None:
    weave, other = Weave(), Lane(0, Channel.REASONING)
    weave.add(0, (slot("one 12"),))
    weave.add(1, (slot("two", other),))
    weave.release(Release(LANE, "one ", 0, 4))
    weave.release(Release(other, "two", 0, 3))
    assert len(list(weave.ready())) == 2
    weave.add(2, (slot(" three"),))
    weave.release(Release(LANE, "12 three", 4, 12))
    (third,) = weave.ready()
    assert isinstance(third, Woven)
    assert new_text(third, "") == "12 three"


def test_a_frame_that_ends_a_lane_waits_for_all_of_it() -> None:
    weave = Weave()
    weave.add(0, (slot("one"),))
    weave.add(1, (), frozenset({0}), Ends(lanes=(LANE,)))
    weave.release(Release(LANE, "on", 0, 2))
    assert list(weave.ready()) == []
    weave.release(Release(LANE, "e", 2, 3))
    assert len(list(weave.ready())) == 2


def test_behind_a_block_nothing_leaves_and_before_it_everything_does() -> None:
    weave = Weave()
    for number, text in enumerate(("first ", "keep bad", "gone")):
        weave.add(number, (slot(text),))
    weave.release(Release(LANE, "first keep ", 0, 11))
    out = [*weave.ready(), *weave.stop(Blocked(LANE, 0, 11, "", "", ""))]
    assert [each.text if isinstance(each, Tail) else each.frame for each in out] == [0, "keep "]
    assert weave.add(3, (slot("more"),)) == []
    assert list(weave.ready()) == []


def test_the_end_of_a_call_that_is_left_out_is_left_out_too() -> None:
    weave = Weave(holds_calls=True)
    first, second = (Lane(0, Channel.TOOL_ARGUMENTS, item=item) for item in (0, 1))
    weave.add(0, (slot("before"),))
    weave.add(1, (slot("pay", first),))
    weave.add(2, (), frozenset({0}), Ends(lanes=(first,)))
    weave.add(3, (slot("bad", second),))
    weave.release(Release(LANE, "before", 0, 6))
    out = [*weave.ready(), *weave.stop(Blocked(second, 0, 0, "", "", ""))]
    assert [each.frame for each in out] == [0]


def test_halves_of_a_character_are_read_as_one_and_leave_as_they_came() -> None:
    weave = Weave()
    fed = [*weave.add(0, (slot("a\ud83d"),)), *weave.add(1, (slot("\ude00b"),))]
    assert [each.text for each in fed if isinstance(each, Text)] == ["a", "\U0001f600b"]
    weave.release(Release(LANE, "a\U0001f600b", 0, 3))
    assert [each.changes for each in weave.ready() if isinstance(each, Woven)] == [(), ()]


def test_a_redacted_character_takes_both_of_its_halves() -> None:
    masking: Plan = plan((WordScanner("\U0001f600"), [rule(Action.REDACT, rewrite=lambda *_: "*")]))
    weave, stream = Weave(), Stream(masking)
    for number, text in enumerate(("a\ud83d", "\ude00b")):
        feed(stream, weave.add(number, (slot(text),)))
    stream.close()
    while (output := stream.next_output()) is not None:
        if isinstance(output, Release):
            weave.release(output)
    assert [new_text(each, "?") for each in weave.ready() if isinstance(each, Woven)] == ["a*", "b"]


def test_a_repeat_follows_what_it_repeats() -> None:
    weave = Weave()
    weave.add(0, (slot("1 2"),))
    again = Slot(LANE, ("whole",), "1 2", Kind.REPEAT)
    assert weave.add(1, (again,)) == []
    stream = Stream(WORDS)
    stream.feed(LANE, "1 2")
    stream.close()
    while (output := stream.next_output()) is not None:
        if isinstance(output, Release):
            weave.release(output)
    assert [new_text(each, "?") for each in weave.ready() if isinstance(each, Woven)] == ["<W>", "<W>"]


PIECES = st.lists(st.tuples(st.sampled_from([Lane(0), Lane(1)]), st.text("ab12 x", max_size=4)), max_size=20)


@given(PIECES)
def test_frames_hold_what_the_lanes_read(pieces: list[tuple[Lane, str]]) -> None:
    stream = Stream(WORDS)
    for lane, text in pieces:
        stream.feed(lane, text)
    stream.close()
    expected: dict[Lane, str] = {}
    while (output := stream.next_output()) is not None:
        if isinstance(output, Release):
            expected[output.lane] = expected.get(output.lane, "") + output.text
    texts = woven(pieces)
    for lane, said in expected.items():
        assert "".join(text for text, (own, _) in zip(texts, pieces, strict=True) if own == lane) == said
