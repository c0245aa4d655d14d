"""Which segments may wait for company: those of an answer that is read as it comes, once its reader has some of it."""

from __future__ import annotations

import pytest

from sidecar.outbox.memory import MemoryOutbox
from sidecar.policy.plan import Plan
from sidecar.start import StreamStart
from sidecar.values import Action, Channel, Direction, Found, Lane, Mode, Part
from tests.fakes import SegmentFlagger, plan, rule
from tests.servers import HandScheduler, make_engine
from tests.session.test_session import Writer, settle

PROSE = "The first one is here. The second one is here. And the third one is here. So it"
LANE, QUESTION = Lane(), Lane(part=Part.USER)


def judged(mode: Mode = Mode.STRICT, early_tokens: tuple[int, ...] = ()) -> Plan:
    return plan((SegmentFlagger("bad"), [rule(Action.BLOCK, "FLAG")]), mode=mode, early_tokens=early_tokens)


async def told(own: Plan, lane: Lane = LANE, direction: Direction = Direction.OUTPUT, slow: int = 0) -> list[bool]:
    """What the scheduler is told of each request of a text that comes word by word; `slow` outcomes come at the end."""
    scheduler, outbox = HandScheduler(), MemoryOutbox()
    await outbox.start()
    async with make_engine(own, scheduler=scheduler, outbox=outbox).open(StreamStart(direction=direction)) as session:
        writer, answered = Writer(session), slow
        for word in PROSE.split(" "):
            await session.feed(lane, f"{word} ")
            await settle(session)
            for index in range(answered, len(scheduler.requests)):
                scheduler.answer(index, Found())
            answered = max(answered, len(scheduler.requests))
            await settle(session)
        session.finish()
        await settle(session)
        for index in (*range(slow), *range(answered, len(scheduler.requests))):
            scheduler.answer(index, Found())
        await writer.task
    return [each.may_linger for each in scheduler.requests]


async def test_all_may_but_the_first_words_and_the_end():
    assert await told(judged()) == [False, True, True, False]


async def test_a_first_segment_may_whose_beginning_has_left():
    assert await told(judged(early_tokens=(3,))) == [False, True, True, True, False]


async def test_none_may_while_nothing_has_left():
    assert await told(judged(), slow=1) == [False, False, False, False]


@pytest.mark.parametrize(
    ("own", "lane", "direction"),
    [
        pytest.param(judged(), QUESTION, Direction.INPUT, id="a prompt: the model waits for all of it"),
        pytest.param(judged(), Lane(channel=Channel.TOOL_ARGUMENTS), Direction.OUTPUT, id="a call: so does its tool"),
        pytest.param(judged(Mode.OPTIMISTIC), LANE, Direction.OUTPUT, id="what a verdict may stop leaves meanwhile"),
    ],
)
async def test_none_may_where_somebody_waits(own: Plan, lane: Lane, direction: Direction):
    found = await told(own, lane, direction)
    assert found == [False] * len(found)
    assert len(found) >= 2
