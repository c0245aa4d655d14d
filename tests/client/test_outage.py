"""What an application sees while no sidecar answers, and what the sidecar is told of it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

import tidegate
from sidecar.config import Grpc, Limits
from sidecar.outbox.event import Fault, FaultKind
from sidecar.values import Action
from tests.fakes import WordScanner, plan, rule
from tests.integration.broker import free_port
from tests.servers import Serving, serving
from tidegate._outage import Outage, Report

GUARD = plan((WordScanner(r"\d{4} \d{4}"), [rule(Action.REDACT)]), max_hold_ms=60_000)
TEXT = "My card is 4111 1111, no more. My name is Ann, and that is 12"
"""Its last digits are held: they may become a card's."""
GUARDED = TEXT.replace("4111 1111", "<WORD>")
NOBODY = "127.0.0.1:1"


def faults(server: Serving) -> list[Fault]:
    return [event.data for event in server.outbox.events if isinstance(event.data, Fault)]


@asynccontextmanager
async def at(port: int, **options: Any) -> AsyncIterator[Serving]:
    async with serving(GUARD, grpc=Grpc(listen=(f"127.0.0.1:{port}",)), **options) as server:
        yield server


# --- nobody answers ---------------------------------------------------------------------------------------------------


async def test_without_a_word_an_outage_is_raised():
    async with tidegate.AsyncClient(NOBODY, max_retries=0) as client:
        with pytest.raises(tidegate.Unavailable):
            await client.check(TEXT)
        with pytest.raises(tidegate.Unavailable):
            [text async for text in client.stream([TEXT]).text()]


async def test_a_text_passes_unread_and_says_so():
    async with tidegate.AsyncClient(NOBODY, on_unavailable="pass", max_retries=0) as client:
        result = await client.check(TEXT)
        stream = client.stream(["My card ", None, b"is 4111", " 1111"])
        shown = [each async for each in stream]

    assert (result.text, result.is_unguarded, result.is_blocked) == (TEXT, True, False)
    assert result.summary.coverage[0].unscanned_chars == len(TEXT)
    assert all(isinstance(each, tidegate.Release) and each.is_unguarded for each in shown)
    assert "".join(each.text for each in shown if isinstance(each, tidegate.Release)) == "My card is 4111 1111"
    assert stream.is_unguarded


async def test_a_text_is_held_back_as_if_it_were_blocked():
    async with tidegate.AsyncClient(NOBODY, on_unavailable="block", max_retries=0) as client:
        result = await client.check(TEXT)
        with pytest.raises(tidegate.GuardBlocked) as caught:
            [text async for text in client.stream([TEXT]).text()]
        shown = [each async for each in client.stream([TEXT], on_block="yield")]

    assert (result.text, result.is_unguarded, result.is_blocked) == ("", False, True)
    assert caught.value.verdict.label == "unavailable"
    assert shown == [caught.value.verdict]


def test_the_blocking_client_does_the_same():
    with tidegate.Client(NOBODY, on_unavailable="pass", max_retries=0) as client:
        assert client.check(TEXT).is_unguarded
        assert "".join(client.stream([TEXT[:9], TEXT[9:]]).text()) == TEXT
    with tidegate.Client(NOBODY, on_unavailable="block", max_retries=0) as client:
        assert client.check(TEXT).is_blocked
        with pytest.raises(tidegate.GuardBlocked):
            list(client.stream([TEXT]))


async def test_a_chunk_that_is_none_of_what_a_stream_takes_is_named_in_an_outage_too():
    chunks: Any = [TEXT, 7]
    async with tidegate.AsyncClient(NOBODY, on_unavailable="pass", max_retries=0) as client:
        with pytest.raises(tidegate.InvalidRequest, match="a chunk is of type int"):
            [text async for text in client.stream(chunks).text()]


# --- it goes away under a stream --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", [1, 2])
async def test_what_was_held_and_what_follows_passes_once_in_order(seen: int):
    """The text after the outage is the original's, from where the last release ended."""
    port = free_port()
    is_gone = asyncio.Event()

    async def tokens() -> AsyncIterator[str]:
        yield TEXT[:35]
        yield TEXT[35:]
        await is_gone.wait()
        yield "34 5678"
        yield " and more"

    async with tidegate.AsyncClient(f"127.0.0.1:{port}", on_unavailable="pass", max_retries=0) as client:
        guarded: list[str] = []
        rest: list[str] = []
        async with at(port) as server:
            stream = client.stream(tokens())
            shown = aiter(stream)
            while len("".join(guarded)) < (9, len("My card is <WORD>, no more."))[seen - 1]:
                release = await anext(shown)
                assert isinstance(release, tidegate.Release)
                guarded.append(release.text)
            await server.server.stop()
        is_gone.set()
        async for release in shown:
            assert isinstance(release, tidegate.Release)
            (rest if release.is_unguarded else guarded).append(release.text)

    assert "<WORD>" in "".join(guarded) or seen == 1
    assert GUARDED.startswith("".join(guarded))
    assert "".join(guarded + rest) in (GUARDED + "34 5678 and more", TEXT + "34 5678 and more")
    assert stream.is_unguarded


@pytest.mark.parametrize("coalesce", [True, False])
async def test_the_last_chunk_after_an_outage_comes_out_once(coalesce: bool):
    """gRPC still waits for it then, although its call is over."""
    port = free_port()
    is_read = asyncio.Event()

    async def tokens() -> AsyncIterator[str]:
        yield TEXT
        await is_read.wait()
        yield "34 5678"

    target = f"127.0.0.1:{port}"
    async with tidegate.AsyncClient(target, on_unavailable="pass", max_retries=0, coalesce=coalesce) as client:
        came = ""
        async with at(port) as server:
            shown = aiter(client.stream(tokens()))
            while not came.startswith("My card is <WORD>, no more."):
                release = await anext(shown)
                assert isinstance(release, tidegate.Release)
                came += release.text
            await server.server.stop()
        async for release in shown:
            assert isinstance(release, tidegate.Release)
            came += release.text
            if release.is_unguarded:
                is_read.set()

    assert came == GUARDED + "34 5678"


@pytest.mark.parametrize("read_ahead", [True, False])
def test_the_blocking_client_takes_the_source_over(read_ahead: bool):
    port = free_port()

    def tokens() -> Iterator[str]:
        yield TEXT
        is_shown.result(30)
        stopped.result(30)
        yield "34 5678"

    async def serve() -> None:
        async with at(port) as server:
            up.set_result(None)
            await asyncio.wrap_future(is_shown)
            await server.server.stop()
        stopped.set_result(None)

    up: Future[None] = Future()
    is_shown: Future[None] = Future()
    stopped: Future[None] = Future()
    with (
        ThreadPoolExecutor(1) as pool,
        tidegate.Client(f"127.0.0.1:{port}", on_unavailable="pass", max_retries=0, read_ahead=read_ahead) as client,
    ):
        done = pool.submit(asyncio.run, serve())
        up.result(30)
        texts = []
        for text in client.stream(tokens()).text():
            texts.append(text)
            if "Ann" in "".join(texts) and not is_shown.done():
                is_shown.set_result(None)
        done.result(30)

    assert "".join(texts) == GUARDED + "34 5678"


async def test_a_failing_source_is_raised_in_an_outage_too():
    async def tokens() -> AsyncIterator[str]:
        yield "one"
        raise RuntimeError("the model is gone")

    async with tidegate.AsyncClient(NOBODY, on_unavailable="pass", max_retries=0) as client:
        with pytest.raises(RuntimeError, match="the model is gone"):
            [text async for text in client.stream(tokens()).text()]


async def test_a_sidecar_without_room_is_no_outage():
    limits = Limits(max_streams=1)
    port = free_port()
    never = asyncio.Event()

    async def tokens() -> AsyncIterator[str]:
        yield "Fine. "
        await never.wait()

    async with (
        at(port, limits=limits),
        tidegate.AsyncClient(f"127.0.0.1:{port}", on_unavailable="pass", max_retries=0) as client,
    ):
        first = client.stream(tokens())
        await anext(aiter(first))
        with pytest.raises(tidegate.Overloaded):
            await client.check(TEXT)
        first.cancel()


# --- it is back -------------------------------------------------------------------------------------------------------


async def test_the_next_call_tells_the_sidecar_once():
    port = free_port()
    async with tidegate.AsyncClient(f"127.0.0.1:{port}", on_unavailable="pass", max_retries=0) as client:
        await client.check(TEXT)
        assert [text async for text in client.stream(["and ", "more"]).text()] == ["and more"]
        async with at(port) as server:
            while (await client.check("Hello.", tenant="acme")).is_unguarded:  # gRPC waits before it connects again
                pass
            await client.check("Hello.")
            [text async for text in client.stream(["Hello."]).text()]

            [fault] = faults(server)

    assert (fault.fault, fault.what, fault.ids.tenant) == (FaultKind.UNSCANNED, "client", "acme")
    assert fault.count >= 2
    assert "passed" in fault.reason
    assert "unread" in fault.reason


async def test_what_was_held_back_is_told_as_that():
    port = free_port()
    async with tidegate.AsyncClient(f"127.0.0.1:{port}", on_unavailable="block", max_retries=0) as client:
        await client.check(TEXT)
        async with at(port) as server:
            while (await client.check("Hello.")).is_blocked:
                pass
            [fault] = faults(server)

    assert fault.fault is FaultKind.UNAVAILABLE
    assert fault.count >= 1


async def test_calls_at_once_tell_it_once():
    port = free_port()
    async with tidegate.AsyncClient(f"127.0.0.1:{port}", on_unavailable="pass", max_retries=0) as client:
        passed = 1
        await client.check(TEXT)
        async with at(port) as server:
            while (await client.check("Hello.", policy="")).is_unguarded:
                passed += 1
            first = faults(server)
        await client.check(TEXT)
        async with at(port) as server:
            await wait_until_it_answers(client)
            results = await asyncio.gather(*(client.check("Hello.") for _ in range(16)))
            told = faults(server)

    assert not any(each.is_unguarded for each in results)
    assert sum(each.count for each in first) == passed
    assert len(told) == 1


async def wait_until_it_answers(client: tidegate.AsyncClient) -> None:
    """Until the client has a connection again; no call is made."""
    await asyncio.wait_for(client._channel.channel_ready(), 60)


class Given:
    """What an outage counted, as its next report says it."""

    def __init__(self, mode: tidegate.types.OnUnavailable = "pass") -> None:
        self.now = 10.0
        self.outage = Outage(mode, now=lambda: self.now)

    def calls(self) -> tuple[int, float, float] | None:
        """How many were told of, from when to when; it counts as told."""
        with self.outage.report() as report:
            report.told()
            told = report.message
            return None if told is None else (told.passed_calls, told.first.seconds, told.last.seconds)


def test_a_report_is_with_one_call_and_comes_back_where_that_fails():
    given = Given()
    given.outage.passed(3)
    report = given.outage.report()
    assert report.message is not None
    assert given.outage.report().message is None
    given.now = 20.0
    given.outage.passed(4)
    report.take_back()
    report.take_back()

    assert given.calls() == (2, 10, 20)
    assert given.calls() is None


def test_a_report_that_nobody_took_along_comes_back():
    given = Given()
    given.outage.passed(3)
    report: Report | None = given.outage.report()
    assert report is not None
    del report

    assert given.calls() == (1, 10, 10)


def test_a_call_that_is_given_up_tells_nothing():
    given = Given()
    given.outage.passed(3)
    with pytest.raises(KeyboardInterrupt), given.outage.report():
        raise KeyboardInterrupt

    assert given.calls() == (1, 10, 10)


def test_a_stream_without_an_answer_gives_its_report_back():
    """Read to its failure, or never."""
    with tidegate.Client(NOBODY, on_unavailable="pass", max_retries=0) as client:
        client.check(TEXT)
        assert "".join(client.stream(["more"]).text()) == "more"
        never_read = client.stream(["more"])
        assert client._outage.report().message is None
        never_read.cancel()
        del never_read
        report = client._outage.report().message

    assert report is not None
    assert (report.passed_calls, report.passed_chars) == (2, len(TEXT) + 4)


# --- again ------------------------------------------------------------------------------------------------------------


async def test_a_stream_that_was_not_let_in_is_made_again():
    limits = Limits(max_streams=1)
    port = free_port()
    may_end = asyncio.Event()

    async def tokens() -> AsyncIterator[str]:
        yield "Fine. "
        await may_end.wait()

    async with at(port, limits=limits) as server, tidegate.AsyncClient(f"127.0.0.1:{port}", max_retries=4) as client:
        first = client.stream(tokens())
        opened = aiter(first)
        await anext(opened)
        second = asyncio.create_task(_all(client.stream([TEXT])))
        while not server.engine.metrics.streams_refused["overloaded"]._value.get():
            await asyncio.sleep(0)
        may_end.set()
        [each async for each in opened]

        assert await second == GUARDED


async def _all(stream: tidegate.AsyncGuardedStream) -> str:
    return "".join([text async for text in stream.text()])


def test_retries_are_bounded():
    with pytest.raises(ValueError, match="max_retries is 9; it is 0 to 4"):
        tidegate.Client(NOBODY, max_retries=9)
    mode: Any = "open"
    with pytest.raises(ValueError, match="on_unavailable is 'open'; it is one of raise, pass, block"):
        tidegate.Client(NOBODY, on_unavailable=mode)
