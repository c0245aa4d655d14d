"""Text that comes faster than it is sent leaves as one message, and nothing else is changed by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tidegate import Chunk, Lane, Passage
from tidegate._gathered import Gathered
from tidegate._joined import MOST_CHARS, MOST_CHUNKS, joined
from tidegate.types import AnyChunk

ARGUMENTS = Lane(0, "tool_arguments")


@pytest.mark.parametrize(
    ("chunks", "left"),
    [
        ([], []),
        (["a", "", "b"], ["ab"]),
        (["a", (0, "content", "b"), Chunk("c")], ["abc"]),
        (["a", (1, "content", "b"), (1, "content", "c"), "d"], ["a", Chunk("bc", Lane(1)), "d"]),
        ([Chunk("{", ARGUMENTS), Chunk("}", ARGUMENTS, ends_lane=True)], None),
        (["a", b"b", "c"], None),
        (["a", None, "b"], None),
        (["a", Passage("p"), "b"], None),
        (["x" * MOST_CHARS, "y"], None),
        ([7, "a"], None),
    ],
)
def test_neighbours_of_one_lane_are_joined(chunks: list[AnyChunk], left: list[AnyChunk] | None):
    assert [*joined(chunks)] == (chunks if left is None else left)


async def test_what_came_while_nobody_asked_leaves_as_one():
    async def source() -> AsyncIterator[AnyChunk]:
        for each in "abcdef":
            yield each

    gathered = Gathered(source())
    first = await anext(gathered)
    for _ in range(20):
        await asyncio.sleep(0)
    assert (first, await anext(gathered)) == ("ab", "cdef")
    with pytest.raises(StopAsyncIteration):
        await anext(gathered)


async def test_a_chunk_that_comes_alone_leaves_alone():
    coming: asyncio.Queue[str] = asyncio.Queue()

    async def source() -> AsyncIterator[AnyChunk]:
        while each := await coming.get():
            yield each

    gathered = Gathered(source())
    for each in "ab":
        coming.put_nowait(each)
        assert await anext(gathered) == each
    gathered.close()


async def test_the_source_is_not_read_far_ahead():
    taken: list[int] = []

    async def source() -> AsyncIterator[AnyChunk]:
        for number in range(10 * MOST_CHUNKS):
            taken.append(number)
            yield b"x"

    gathered = Gathered(source())
    await anext(gathered)
    for _ in range(4 * MOST_CHUNKS):
        await asyncio.sleep(0)
    assert len(taken) <= MOST_CHUNKS + 2
    gathered.close()


@pytest.mark.parametrize("chunk", ["x" * 5000, b"x" * 5000, Chunk(b"x" * 5000), (1, "content", "x" * 5000)])
async def test_nor_further_than_a_message_of_text(chunk: AnyChunk):
    taken: list[int] = []

    async def source() -> AsyncIterator[AnyChunk]:
        for number in range(MOST_CHUNKS):
            taken.append(number)
            yield chunk

    gathered = Gathered(source())
    for asked in range(1, 9):
        await anext(gathered)
        for _ in range(4 * MOST_CHUNKS):
            await asyncio.sleep(0)
        assert len(taken) <= 4 * asked + 4
    gathered.close()


async def test_what_the_source_raises_comes_behind_what_it_gave():
    async def source() -> AsyncIterator[AnyChunk]:
        yield "a"
        raise ValueError("mine")

    gathered = Gathered(source())
    assert await anext(gathered) == "a"
    with pytest.raises(ValueError, match="mine"):
        await anext(gathered)
    with pytest.raises(StopAsyncIteration):
        await anext(gathered)


async def test_a_source_that_is_broken_off_is_not_over():
    """Its text would be judged as if it ended there."""

    async def source() -> AsyncIterator[AnyChunk]:
        yield "a"
        raise asyncio.CancelledError

    gathered = Gathered(source())
    assert await anext(gathered) == "a"
    with pytest.raises(asyncio.CancelledError):
        await anext(gathered)


@pytest.mark.parametrize("joins", [True, False])
async def test_what_comes_after_a_handing_over_is_for_who_asks_then(joins: bool):
    coming: asyncio.Queue[str] = asyncio.Queue()

    async def source() -> AsyncIterator[AnyChunk]:
        while each := await coming.get():
            yield each

    async def following() -> list[AnyChunk]:
        return [each async for each in gathered]

    gathered = Gathered(source(), joins=joins)
    before = asyncio.create_task(following())
    await asyncio.sleep(0)
    gathered.hand_over()
    after = asyncio.create_task(following())
    assert await before == []
    for each in ("a", "b", ""):
        coming.put_nowait(each)
    assert [*joined(await after)] == ["ab"]


async def test_what_is_not_to_be_joined_is_not_read_ahead():
    taken: list[int] = []

    async def source() -> AsyncIterator[AnyChunk]:
        for number in range(9):
            taken.append(number)
            yield str(number)

    gathered = Gathered(source(), joins=False)
    assert await anext(gathered) == "0"
    for _ in range(20):
        await asyncio.sleep(0)
    assert taken == [0, 1]
    assert [each async for each in gathered] == [*"12345678"]
