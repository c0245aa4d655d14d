"""What two libraries would cost in the place of code of our own: python -m benchmarks.libraries [--seconds N].

1. **HTTP/2**: a call takes a message and writes one, a message a frame each way, through the own connection and through
   `h2` (python-hyper). h2 is given the least that a service could do with it: a length before each message, and its
   windows opened at once. What the own connection does beside that (bounds, floods, deadlines, clocks) h2 would still
   need around it.
2. **Matches in a stream**: a token at a time through `detectors.text.regular`, and through `regex` with `partial=True`,
   which is given all rules as one alternation. What it finds is not compared: it says of one match at a time whether it
   is partial.
3. A pattern that a policy may hold, on text that almost matches it: `regex` goes back and tries again.

Processor time, the best of several runs: what is least disturbed on a shared machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import h2.config
import h2.connection
import h2.events
import hpack
import regex

from benchmarks.results import table, write
from detectors.secrets.formats import FORMATS
from detectors.text.regular import RegularScanner, Rule
from sidecar.transport.http2 import frames
from sidecar.transport.http2.call import Call
from sidecar.transport.http2.compression import Inflater
from sidecar.transport.http2.connection import Bounds, Connection
from sidecar.transport.http2.holdings import Answers, Holdings
from workbench.bench.texts import made_text, pieces_of

REPEATS = 7
MESSAGES = 400
MESSAGE = b"\x00\x00\x00\x00\x0a" + b"a message."
ANSWER = b"an answer."
PREFIX = 5
FIELDS = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/tidegate.v1.GuardService/Stream"),
    (":authority", "t"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
]
BOUNDS = Bounds(1 << 22, 100, 7200.0, 20.0, 300.0)
KEYWORDS = "plum apricot quince medlar damson greengage sloe bullace mirabelle cherry".split()
PIECES = pieces_of(made_text(random.Random(7), sentences=60, is_violating=False))
NESTED = r"(?:a|aa)+b"
LENGTHS = (16, 20, 24, 28)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="runs of which the best counts")
    repeats = parser.parse_args().repeats
    http = {"own": _best(_own, MESSAGES, repeats), "h2": _best(_theirs, MESSAGES, repeats)}
    scans = {
        name: {"own": _best(own, len(PIECES), repeats), "regex": _best(theirs, len(PIECES), repeats)}
        for name, (own, theirs) in _scanners().items()
    }
    nested = [{"length": length, **_nested(length)} for length in LENGTHS]
    report = _report(http, scans, nested)
    print(report)
    print(write("libraries", {"http2_us": http, "scan_us": scans, "nested": nested}, report))


def _best(work: Callable[[], object], count: int, repeats: int) -> float:
    """Microseconds of one of `count` that `work` does."""
    work()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return round(min(times) / count * 1e6, 2)


# -- HTTP/2 -----------------------------------------------------------------------------------------------------------


def _sent() -> tuple[bytes, bytes]:
    """How a client begins, and one message of its."""
    block = hpack.Encoder().encode(FIELDS)
    settings = frames.frame(frames.SETTINGS, 0, 0)
    begin = frames.PREFACE + settings + frames.frame(frames.HEADERS, frames.END_HEADERS, 1, block)
    return begin, frames.frame(frames.DATA, 0, 1, MESSAGE)


class _Host:
    """What an own connection asks of its server: an echo."""

    def __init__(self) -> None:
        self.holdings, self.answers, self.inflater = Holdings(), Answers(), Inflater()
        self.is_full = False
        self.peer = "ipv4:127.0.0.1:1"
        self.tasks: list[asyncio.Task[None]] = []

    def begin(self, call: Call) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(_echo(call)))

    def wake(self) -> None:
        return

    def listen(self) -> None:
        return

    def now(self) -> float:
        return time.monotonic()

    def later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, callback)


async def _echo(call: Any) -> None:
    call.answer_with(None)
    async for _ in call.requests(None):
        await call.write(ANSWER)


def _own() -> None:
    asyncio.run(_run_own())


async def _run_own() -> None:
    host = _Host()
    connection = Connection(BOUNDS, host)
    begin, message = _sent()
    sent = 0
    for data in (begin, *[message] * MESSAGES):
        connection.receive(data)
        while connection.take():
            pass
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sent += len(connection.output())
        connection.settled()
    assert sent > MESSAGES * len(ANSWER)
    for task in host.tasks:
        task.cancel()


class _TheirCall:
    """A call on h2, as small as it can be."""

    def __init__(self, connection: h2.connection.H2Connection, stream: int) -> None:
        self._connection = connection
        self._stream = stream
        self._inbox: deque[bytes] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._buffer = bytearray()
        connection.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])

    def answer_with(self, _serialize: None) -> None:
        return

    def received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= PREFIX:
            end = PREFIX + int.from_bytes(self._buffer[1:PREFIX], "big")
            if len(self._buffer) < end:
                return
            self._inbox.append(bytes(self._buffer[PREFIX:end]))
            del self._buffer[:end]
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def requests(self, _parse: None) -> Any:
        while True:
            while not self._inbox:
                self._reader = asyncio.get_running_loop().create_future()
                await self._reader
            yield self._inbox.popleft()

    async def write(self, message: bytes) -> None:
        self._connection.send_data(self._stream, b"\x00" + len(message).to_bytes(4, "big") + message)


def _theirs() -> None:
    asyncio.run(_run_theirs())


async def _run_theirs() -> None:
    config = h2.config.H2Configuration(client_side=False, header_encoding=None)
    connection = h2.connection.H2Connection(config=config)
    connection.initiate_connection()
    begin, message = _sent()
    calls: dict[int, _TheirCall] = {}
    tasks = []
    sent = 0
    for data in (begin, *[message] * MESSAGES):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                stream = event.stream_id or 0
                calls[stream] = _TheirCall(connection, stream)
                tasks.append(asyncio.get_running_loop().create_task(_echo(calls[stream])))
            elif isinstance(event, h2.events.DataReceived):
                calls[event.stream_id or 0].received(event.data or b"")
                connection.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sent += len(connection.data_to_send())
    assert sent > MESSAGES * len(ANSWER)
    for task in tasks:
        task.cancel()


# -- matches in a stream ----------------------------------------------------------------------------------------------


def _scanners() -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """By what is looked for: the own scanner and regex, ready to scan all pieces once."""
    words = rf"\b(?:{'|'.join(KEYWORDS)})\b"
    sets = {
        f"{len(KEYWORDS)} words": [(words, re.IGNORECASE)],
        f"{len(FORMATS)} formats of secrets": [(each.pattern, re.ASCII) for each in FORMATS],
    }
    return {name: (_own_scan(rules), _their_scan(rules)) for name, rules in sets.items()}


def _own_scan(rules: Sequence[tuple[str, int]]) -> Callable[[], object]:
    scanner = RegularScanner("own", [Rule(str(n), each, 1.0, flags=flags) for n, (each, flags) in enumerate(rules)])

    def scan() -> None:
        state, text = scanner.start(), ""
        for piece in PIECES:
            text += piece
            offset = max(0, state.cleared - scanner.look_behind)
            state.advance(text[offset:], offset, is_final=False)

    return scan


def _their_scan(rules: Sequence[tuple[str, int]]) -> Callable[[], object]:
    flags = regex.IGNORECASE if rules[0][1] & re.IGNORECASE else regex.ASCII
    unnamed = [re.sub(r"\(\?P<\w+>", "(?:", each) for each, _ in rules]
    pattern = regex.compile("|".join(f"(?:{each})" for each in unnamed), flags)

    def scan() -> None:
        cleared, text = 0, ""
        for piece in PIECES:
            text += piece
            while (found := pattern.search(text, cleared, partial=True)) is not None and not found.partial:
                cleared = max(found.end(), cleared + 1)
            cleared = len(text) if found is None else found.start()

    return scan


def _nested(length: int) -> dict[str, float]:
    """Milliseconds for text that almost matches."""
    text = "a" * length + "c"
    scanner, pattern = RegularScanner("own", [Rule("x", NESTED, 1.0)]), regex.compile(NESTED)
    return {
        "own_ms": _best(lambda: scanner.start().advance(text, 0, is_final=True), 1, 3) / 1000,
        "regex_ms": _best(lambda: pattern.search(text, partial=True), 1, 3) / 1000,
    }


def _report(http: dict[str, float], scans: dict[str, dict[str, float]], nested: list[dict[str, Any]]) -> str:
    rows = [["HTTP/2, a message in and one out", http["own"], http["h2"], http["h2"] - http["own"]]]
    rows += [
        [f"{name}, a token", each["own"], each["regex"], each["regex"] - each["own"]] for name, each in scans.items()
    ]
    return "\n\n".join(
        (
            "Processor time in microseconds: own code, and the library in its place.",
            table(["what", "own", "library", "more"], rows),
            f"`{NESTED}` on so many `a` and a `c`, in milliseconds:",
            table(["length", "own", "regex"], [[*each.values()] for each in nested]),
        )
    )


if __name__ == "__main__":
    main()
