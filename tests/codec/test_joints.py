"""What stands between the text that was let out and a block's message, choice by choice."""

from __future__ import annotations

from sidecar.codec.joints import Joints
from sidecar.codec.weave import LaneEnd, Text
from sidecar.values import Blocked, Channel, Lane, Release

CONTENT, OTHER_CHOICE = Lane(), Lane(choice=1)
CALL = Lane(channel=Channel.TOOL_ARGUMENTS)
THOUGHTS = Lane(channel=Channel.REASONING)


def released(lane: Lane, text: str) -> Release:
    return Release(lane, text, 0, len(text))


def blocked(lane: Lane, message: str = "No.") -> Blocked:
    return Blocked(lane, 0, 9, message, "L", "")


def test_a_block_is_set_off_from_its_own_choice() -> None:
    joints = Joints(is_streamed=True)
    assert joints.follow(released(CONTENT, "```\na")) == ""
    assert joints.follow(released(OTHER_CHOICE, "b")) == ""
    assert joints.follow(blocked(CONTENT)) == "\n```\n\n"
    assert joints.follow(blocked(OTHER_CHOICE)) == "\n\n"


def test_a_block_is_alone_where_nothing_or_only_thoughts_were_let_out() -> None:
    joints = Joints(is_streamed=True)
    joints.follow(released(THOUGHTS, "```\na"))
    assert joints.follow(blocked(CONTENT)) == ""


def test_nothing_is_put_before_a_message_that_is_not_there() -> None:
    joints = Joints(is_streamed=True)
    joints.follow(released(CONTENT, "a"))
    assert joints.follow(blocked(CONTENT, message="")) == ""


def test_json_stays_as_it_is() -> None:
    joints = Joints(is_streamed=True)
    joints.note([Text(CONTENT, "{", is_json=True)])
    joints.follow(released(CONTENT, "{"))
    assert joints.follow(blocked(CONTENT)) == ""


def test_to_what_is_over_in_a_stream_nothing_is_added() -> None:
    for is_streamed, joint in ((True, ""), (False, "\n\n")):
        joints = Joints(is_streamed=is_streamed)
        joints.note([LaneEnd(CONTENT)])
        joints.follow(released(CONTENT, "a"))
        assert joints.follow(blocked(CALL)) == joint


def test_what_sets_it_off_is_text_that_is_let_out() -> None:
    joints = Joints(is_streamed=True)
    assert list(joints.joined(released(CONTENT, "a"))) == [released(CONTENT, "a")]
    joint, stop = joints.joined(blocked(CONTENT))
    assert isinstance(joint, Release)
    assert (joint.text, joint.start, joint.end, stop) == ("\n\n", 1, 1, blocked(CONTENT))
