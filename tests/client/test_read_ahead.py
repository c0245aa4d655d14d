"""The blocking client reads its caller's iterator ahead: what comes of that, and that nothing else does."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from threading import Event
from typing import Any
from unittest.mock import MagicMock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate
from sidecar.values import Action
from tests.fakes import WordScanner, plan, rule
from tests.servers import serving
from tests.streams import by_character, random_cuts
from tidegate import Chunk, Lane, Passage
from tidegate._joined import MOST_CHARS, MOST_CHUNKS, _size_of
from tidegate._read_ahead import ReadAhead
from tidegate.client import _Source
from tidegate.types import AnyChunk

SECONDS = 30
"""Where a test would wait for ever if what it is about were wrong."""
ARGUMENTS = Lane(0, "tool_arguments")
REDACTING = plan((WordScanner(r"\d{4} \d{4}"), [rule(Action.REDACT)]), max_hold_ms=60_000)
BLOCKING = plan((WordScanner("plum"), [rule(Action.BLOCK)]), max_hold_ms=60_000)
TEXT = "My card is 4111 1111, no more. My name is Ann, and that is all. "
NOBODY = "127.0.0.1:1"


def reading() -> list[threading.Thread]:
    """The threads that read ahead."""
    return [each for each in threading.enumerate() if each.name == "tidegate-read-ahead"]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Whatever a test does, as many threads read ahead after it as before."""
    before = reading()
    yield
    for thread in reading():
        if thread not in before:
            thread.join(SECONDS)
    assert reading() == before


@contextmanager
def ahead_of(chunks: Iterable[AnyChunk]) -> Iterator[ReadAhead]:
    ahead = ReadAhead(iter(chunks))
    try:
        yield ahead
    finally:
        ahead.close()


class Watched:
    """A source that says when it has given all, and when it is closed; it ends when it may."""

    def __init__(self, *chunks: AnyChunk) -> None:
        self.chunks = chunks
        self.gave_all = Event()
        self.may_end = Event()
        self.is_closed = Event()

    def __iter__(self) -> Iterator[AnyChunk]:
        try:
            yield from self.chunks
            self.gave_all.set()
            assert self.may_end.wait(SECONDS)
            yield "more"
        finally:
            self.is_closed.set()


# --- what it gives ----------------------------------------------------------------------------------------------------


def test_what_came_while_nobody_asked_leaves_as_one_for_each_lane():
    is_taken = Event()
    more = Watched("b", "c", Chunk("{", ARGUMENTS), Chunk("}", ARGUMENTS), Passage("p"), "d", "", "e")

    def source() -> Iterator[AnyChunk]:
        yield "a"
        assert is_taken.wait(SECONDS)
        yield from more

    with ahead_of(source()) as ahead:
        taken = ahead.taken()
        assert next(taken) == "a"
        is_taken.set()
        assert more.gave_all.wait(SECONDS)
        assert [next(taken) for _ in range(4)] == ["bc", Chunk("{}", ARGUMENTS), Passage("p"), "de"]
        more.may_end.set()
        assert [*taken] == ["more"]


def test_a_chunk_that_comes_alone_leaves_alone():
    coming: SimpleQueue[str] = SimpleQueue()
    with ahead_of(iter(coming.get, "")) as ahead:
        taken = ahead.taken()
        for each in "ab":
            coming.put(each)
            assert next(taken) == each
        coming.put("")
        assert [*taken] == []


_TEXTS = st.text("ab 🙂", max_size=4)
_CHUNKS = st.one_of(
    _TEXTS,
    _TEXTS.map(str.encode),
    st.none(),
    st.builds(Passage, st.just("p")),
    st.builds(Chunk, _TEXTS, st.sampled_from([Lane(), Lane(1), ARGUMENTS]), ends_lane=st.booleans()),
    st.tuples(st.integers(0, 1), st.just("content"), _TEXTS),
)


def spelled(chunks: Iterable[AnyChunk]) -> list[object]:
    """Each character with its lane, and whatever else there is, in order."""
    said: list[object] = []
    for chunk in chunks:
        match chunk:
            case str():
                said += [(Lane(), each) for each in chunk]
            case (int(choice), str(channel), str(text)):
                said += [(Lane(choice, channel), each) for each in text]
            case Chunk(text=str(text), lane=lane, ends_lane=False):
                said += [(lane, each) for each in text]
            case _:
                said.append(chunk)
    return said


@settings(max_examples=25, deadline=None)
@given(
    chunks=st.lists(_CHUNKS, max_size=30),
    pauses=st.lists(st.booleans(), min_size=30, max_size=30),
    takers=st.lists(st.booleans(), min_size=31, max_size=31),
)
def test_however_timing_falls_the_same_comes_in_the_same_order(
    chunks: list[AnyChunk], pauses: list[bool], takers: list[bool]
):
    """Also where one who takes hands over to another."""

    def source() -> Iterator[AnyChunk]:
        for chunk, is_slow in zip(chunks, pauses, strict=False):
            time.sleep(0.0005 if is_slow else 0)
            yield chunk

    came: list[AnyChunk] = []
    with ahead_of(source()) as ahead:
        taken = ahead.taken()
        for is_slow in [*takers, *[False] * len(chunks)]:
            time.sleep(0.0005 if is_slow else 0)
            taken = ahead.taken() if is_slow else taken
            came += [each for _, each in zip(range(1), taken, strict=False)]
    assert spelled(came) == spelled(chunks)


@pytest.mark.parametrize(
    ("chunk", "limit"),
    [("x", MOST_CHUNKS), (b"x", MOST_CHUNKS), ("x" * 5000, 4), ((1, "content", "x" * 5000), 4), ("x" * 20_000, 1)],
)
def test_the_source_is_held_up_where_nobody_takes(chunk: AnyChunk, limit: int):
    count, given, taken, most = 8 * limit, 0, 0, 0

    def source() -> Iterator[AnyChunk]:
        nonlocal given, most
        for _ in range(count):
            given += 1
            most = max(most, given - taken)
            yield chunk

    with ahead_of(source()) as ahead:
        for each in ahead.taken():
            taken += _size_of(each) // _size_of(chunk)
            while given < min(taken + limit, count):  # it is as far ahead as it may be
                time.sleep(0.0005)
    assert taken == count
    assert most <= 2 * limit + 1  # what waits, and what is taken while `taken` does not say so yet


def test_a_message_is_no_longer_than_it_may_be():
    with ahead_of("x" * 1000 for _ in range(100)) as ahead:
        sizes = [len(each) for each in ahead.taken() if isinstance(each, str)]
    assert sum(sizes) == 100_000
    assert max(sizes) <= MOST_CHARS


# --- errors, and the end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError("mine"), SystemExit(3), asyncio.CancelledError(), KeyboardInterrupt()])
def test_what_the_source_raises_comes_as_it_is_behind_what_it_gave(error: BaseException):
    def source() -> Iterator[AnyChunk]:
        yield "a"
        yield "b"
        raise error

    came: list[AnyChunk] = []
    with ahead_of(source()) as ahead:
        with pytest.raises(type(error)) as caught:
            came.extend(ahead.taken())
        assert [*ahead.taken()] == []
    assert "".join(str(each) for each in came) == "ab"
    assert caught.value is error
    assert "source" in [frame.name for frame in traceback.extract_tb(caught.tb)]


def test_once_it_is_closed_a_generator_is_closed_where_it_ran():
    threads: set[int] = set()
    is_closed = Event()

    def source() -> Iterator[AnyChunk]:
        try:
            while True:
                threads.add(threading.get_ident())
                yield b"x"
        finally:
            threads.add(threading.get_ident())
            is_closed.set()

    with ahead_of(source()) as ahead:
        next(ahead.taken())
    assert is_closed.wait(SECONDS)
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_source_that_gives_nothing_holds_nobody_up():
    source = Watched()
    with ThreadPoolExecutor(1) as pool, ahead_of(source) as ahead:
        waiting = pool.submit(list, ahead.taken())
        assert source.gave_all.wait(SECONDS)
        ahead.close()
        assert waiting.result(SECONDS) == []
        assert not source.is_closed.is_set()
        source.may_end.set()
        assert source.is_closed.wait(SECONDS)


def test_what_was_never_read_is_closed_and_stays_unread():
    source = iter(Watched("a"))
    with ahead_of(source) as ahead:
        ahead.close()
        assert [*ahead.taken()] == []
    assert next(source, None) is None
    assert not reading()


def test_what_is_no_generator_is_left_open(tmp_path: Any):
    path = tmp_path / "text"
    path.write_text("one\ntwo\n", encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        with ahead_of(file) as ahead:
            assert "".join(str(each) for each in ahead.taken()) == "one\ntwo\n"
        assert not file.closed


def test_whoever_took_before_another_does_gets_no_more():
    source = Watched()
    with ThreadPoolExecutor(1) as pool, ahead_of(source) as ahead:
        before = pool.submit(list, ahead.taken())
        assert source.gave_all.wait(SECONDS)
        after = ahead.taken()
        assert before.result(SECONDS) == []
        source.may_end.set()
        assert [*after] == ["more"]


def closing(ahead: ReadAhead) -> Callable[[Any, str, Any], None]:
    """Closes it where somebody who looked is about to wait, as the collector may."""

    def profile(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_name == "wait":
            ahead.close()

    return profile


def test_what_the_collector_closes_while_the_source_comes_to_wait_is_closed():
    source = Watched(b"x" * MOST_CHARS, "b")
    with ahead_of(source) as ahead:
        taken = ahead.taken()
        threading.setprofile(closing(ahead))
        try:
            came = next(taken, None)
        finally:
            threading.setprofile(None)
        assert source.is_closed.wait(SECONDS)
    assert came in (None, b"x" * MOST_CHARS)


def test_what_the_collector_closes_while_somebody_comes_to_wait_ends_for_them():
    source = Watched("a")
    with ThreadPoolExecutor(1) as pool, ahead_of(source) as ahead:
        taken = ahead.taken()
        assert next(taken) == "a"

        def wait() -> list[AnyChunk]:
            sys.setprofile(closing(ahead))
            try:
                return [*taken]
            finally:
                sys.setprofile(None)

        waiting = pool.submit(wait)
        try:
            assert waiting.result(SECONDS / 6) == []
        finally:
            source.may_end.set()


def test_a_forked_process_may_close_its_copy_while_another_thread_had_the_lock():
    with ahead_of(Watched("a")) as ahead, ahead._lock, ThreadPoolExecutor(1) as pool:
        pool.submit(ahead.close).result(SECONDS)
    assert [*ahead.taken()] == []


def test_that_the_source_failed_is_known_before_whoever_reads_the_rest_may_look():
    error = OSError("the model is gone")
    known: list[BaseException | None] = []

    def failing() -> Iterator[AnyChunk]:
        yield "a"
        raise error

    class Reading:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None:
            known.append(source.failure)

    source = _Source(failing(), b"start", None)
    source.bind(MagicMock())
    source._reading = Reading()  # type: ignore[assignment]  # it looks as soon as it may
    assert len([*source.messages()]) == 2
    assert known == [None, error]


def test_the_source_sees_the_callers_context():
    name: ContextVar[str] = ContextVar("name", default="nobody")

    def source() -> Iterator[AnyChunk]:
        yield name.get()
        name.set("the source")
        yield Passage(name.get())

    name.set("the caller")
    with ahead_of(source()) as ahead:
        assert [*ahead.taken()] == ["the caller", Passage("the source")]
    assert name.get() == "the caller"


# --- through a stream -------------------------------------------------------------------------------------------------


async def through(policies: Any, use: Callable[[tidegate.Client], Any], **options: Any) -> Any:
    """What comes of using a client, on a thread, while a sidecar serves."""
    async with serving(policies) as server:

        def used() -> Any:
            with tidegate.Client(server.address, **options) as client:
                return use(client)

        return await asyncio.to_thread(used)


@pytest.mark.parametrize("on_unavailable", ["raise", "pass"])
@pytest.mark.parametrize("read_ahead", [True, False])
async def test_the_same_text_comes_out(read_ahead: bool, on_unavailable: str):
    def use(client: tidegate.Client) -> list[str]:
        cuts = [by_character(TEXT * 4), [TEXT * 4], *random_cuts(TEXT * 4, 2)]
        return ["".join(client.stream(each for each in pieces).text()) for pieces in cuts]

    texts = await through(REDACTING, use, read_ahead=read_ahead, on_unavailable=on_unavailable)
    assert {*texts} == {(TEXT * 4).replace("4111 1111", "<WORD>")}


async def test_a_stream_that_is_blocked_ends_its_source():
    source = Watched("Have a ", "plum", ". ")

    def use(client: tidegate.Client) -> None:
        with pytest.raises(tidegate.GuardBlocked):
            [*client.stream(source)]

    await through(BLOCKING, use)
    source.may_end.set()
    assert source.is_closed.wait(SECONDS)


@pytest.mark.parametrize("on_unavailable", ["raise", "pass"])
@pytest.mark.parametrize("how", ["cancel", "stop reading", "drop", "close the client", "late"])
async def test_a_stream_that_nobody_reads_on_ends_its_source(how: str, on_unavailable: str):
    is_closed = Event()

    def endless() -> Iterator[str]:
        try:
            while True:
                yield TEXT
        finally:
            is_closed.set()

    def use(client: tidegate.Client) -> None:
        stream = client.stream(endless(), timeout=0.5 if how == "late" else None)
        shown = iter(stream)
        next(shown)
        match how:
            case "cancel":
                stream.cancel()
            case "stop reading":
                shown.close()  # type: ignore[attr-defined]  # it is a generator
            case "close the client":
                client.close()
            case "late":
                with pytest.raises(tidegate.DeadlineExceeded):
                    list(shown)
        del shown, stream
        assert is_closed.wait(SECONDS)

    await through(REDACTING, use, on_unavailable=on_unavailable)


@pytest.mark.parametrize("read_ahead", [True, False])
async def test_an_error_of_the_source_is_the_callers_own(read_ahead: bool):
    first, second = KeyError("first"), SystemExit("second")

    def source() -> Iterator[str]:
        yield TEXT
        raise second from first

    def use(client: tidegate.Client) -> None:
        with pytest.raises(SystemExit) as caught:
            [*client.stream(source())]
        assert caught.value is second
        assert caught.value.__cause__ is first
        assert "source" in [frame.name for frame in traceback.extract_tb(caught.tb)]

    await through(REDACTING, use, read_ahead=read_ahead)


async def test_a_cancelled_stream_does_not_wait_for_its_source():
    source = Watched(TEXT)

    def use(client: tidegate.Client) -> None:
        stream = client.stream(source)
        for _ in stream:
            stream.cancel()
        assert not source.is_closed.is_set()

    await through(REDACTING, use)
    source.may_end.set()
    assert source.is_closed.wait(SECONDS)


async def test_a_stream_in_an_outage_that_is_never_read_ends_its_source():
    is_read, is_closed = Event(), Event()

    def endless() -> Iterator[str]:
        try:
            while True:
                yield TEXT
                is_read.set()
        finally:
            is_closed.set()

    async with serving(REDACTING) as server:
        client = tidegate.Client(server.address, on_unavailable="pass", max_retries=0)
        stream = client.stream(endless())
        assert await asyncio.to_thread(is_read.wait, SECONDS)
    del stream
    assert await asyncio.to_thread(is_closed.wait, SECONDS)
    client.close()


def test_an_outages_rest_is_all_of_the_text_and_then_its_error():
    def source() -> Iterator[AnyChunk]:
        yield from TEXT * 100
        yield Passage("p")
        yield "end"
        raise OSError("the model is gone")

    texts: list[str] = []
    with (
        tidegate.Client(NOBODY, on_unavailable="pass", max_retries=0) as client,
        pytest.raises(OSError, match="the model is gone"),
    ):
        texts.extend(client.stream(source()).text())
    assert "".join(texts) in ("", TEXT * 100 + "end")  # nothing, where gRPC's thread had all of it before the outage


def test_an_outages_rest_may_be_cancelled_while_the_source_gives_nothing():
    source = Watched("a")
    with ThreadPoolExecutor(1) as pool, tidegate.Client(NOBODY, on_unavailable="pass", max_retries=0) as client:
        stream = client.stream(source)
        came: Future[str] = Future()

        def read() -> list[str]:
            texts = []
            for text in stream.text():
                texts.append(text)
                came.set_result(text)
            return texts

        done = pool.submit(read)
        assert came.result(SECONDS) == "a"
        stream.cancel()
        assert done.result(SECONDS) == ["a"]
        source.may_end.set()
        assert source.is_closed.wait(SECONDS)


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """A program that a shell started in the background ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_whoever_waits_for_the_source_may_be_interrupted():
    source = Watched("a")
    may_interrupt = Event()

    def interrupt() -> None:
        assert may_interrupt.wait(SECONDS)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with tidegate.Client(NOBODY, on_unavailable="pass", max_retries=0) as client, ThreadPoolExecutor(1) as pool:
        texts = client.stream(source).text()
        assert next(texts) == "a"
        done = pool.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the signal may come as soon as it may
            may_interrupt.set()
            next(texts)
        done.result(SECONDS)
        texts.close()  # type: ignore[attr-defined]  # it is a generator
        source.may_end.set()
        assert source.is_closed.wait(SECONDS)


@pytest.mark.parametrize(
    ("options", "is_ahead"), [({}, True), ({"read_ahead": False}, False), ({"coalesce": False}, False)]
)
async def test_it_may_be_turned_off(options: dict[str, Any], is_ahead: bool):
    names: list[str] = []

    def source() -> Iterator[str]:
        names.append(threading.current_thread().name)
        yield TEXT

    await through(REDACTING, lambda client: [*client.stream(source())], **options)
    assert (names == ["tidegate-read-ahead"]) is is_ahead


async def test_a_list_needs_no_thread():
    def use(client: tidegate.Client) -> str:
        stream = client.stream([TEXT])
        text = "".join(stream.text())
        assert not reading()
        return text

    assert await through(REDACTING, use) == TEXT.replace("4111 1111", "<WORD>")
