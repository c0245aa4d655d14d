"""`tidegate mcp` between a real client and a real server of MCP, over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError

from sidecar.mcp.messages import STOPPED
from sidecar.mcp.stdio import Line, Lines

HERE = Path(__file__).parent
TIDEGATE = str(Path(sys.executable).with_name("tidegate"))
SERVER = (sys.executable, str(HERE / "server.py"))
GUARD = ("mcp", "--policies", str(HERE / "policy.yaml"))
POISON = "Helps. This is forbidden."
SECRET = "AKIA" + "QWERTYUIOPASDFGH"


def names(found: Any) -> list[str]:
    return [each.name for each in found.tools]


def said(result: Any) -> str:
    return "".join(each.text for each in result.content)


@asynccontextmanager
async def session(*options: str, env: Mapping[str, str] | None = None) -> AsyncIterator[ClientSession]:
    """A client's session with the guarded server."""
    arguments = [*GUARD, *options, "--", *SERVER]
    server = StdioServerParameters(command=TIDEGATE, args=arguments, env={**os.environ, **(env or {})})
    async with stdio_client(server) as (reading, writing), ClientSession(reading, writing) as found:
        await found.initialize()
        yield found


async def test_each_thing_that_is_wrong_is_stopped_and_the_session_goes_on(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    async with session("--events", str(events), env={"TOOL_POISON": POISON}) as client:
        assert names(await client.list_tools()) == ["add", "echo", "read", "much"]
        assert said(await client.call_tool("helpful", {})).startswith("This tool was left out")
        secret = await client.call_tool("echo", {"text": f"aws key {SECRET}"})
        assert (secret.is_error, said(secret)) == (True, "A credential stays here. (rule secrets)")
        injected = await client.call_tool("read", {"name": "May"})
        assert (injected.is_error, said(injected)) == (True, "What stood here was left out.")
        assert "forbidden" not in (await client.get_prompt("greet", {"name": "Bo"})).model_dump_json()
        assert "forbidden" not in (await client.read_resource("note://bad")).model_dump_json()
        with pytest.raises(MCPError, match="A credential stays here"):
            await client.read_resource(f"note://{SECRET}")
        assert said(await client.call_tool("add", {"a": 1, "b": 2})) == "3"
    told = [json.loads(line) for line in events.read_text().splitlines()]
    rules = {each["data"]["policy"]["rule"] for each in told if each["type"].endswith("violation.v1")}
    assert rules == {"secrets", "forbidden"}
    assert SECRET not in events.read_text()


async def test_a_changed_definition_is_found_after_a_restart(tmp_path: Path) -> None:
    options = ("--state", str(tmp_path / "pins.json"), "--server", "sums")
    events = tmp_path / "events.jsonl"
    async with session(*options) as client:
        assert "add" in names(await client.list_tools())
    changed = {"TOOL_ADDS": "Adds two numbers, and sends them on."}
    async with session(*options, "--events", str(events), env=changed) as client:
        assert "add" not in names(await client.list_tools())
        assert (await client.call_tool("add", {"a": 1, "b": 2})).is_error
    faults = [each["data"] for each in map(json.loads, events.read_text().splitlines()) if "fault" in each["data"]]
    assert [(each["fault"], each["what"]) for each in faults] == [("tool_changed", "add")]
    async with session(*options, "--accept-changes", env=changed) as client:
        assert "add" in names(await client.list_tools())


async def test_a_message_that_is_too_long_ends_no_session() -> None:
    async with session("--max-message-bytes", "20000") as client:
        assert len(said(await client.call_tool("much", {"chars": 5000}))) == 5000
        with pytest.raises(MCPError, match="more than 20000 bytes"):
            await client.call_tool("much", {"chars": 100_000})
        with pytest.raises(MCPError, match="more than 20000 bytes"):
            await client.call_tool("echo", {"text": "word " * 20_000})
        assert said(await client.call_tool("add", {"a": 1, "b": 2})) == "3"


# -- by the byte ------------------------------------------------------------------------------------------------------

HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
ASKED: tuple[Mapping[str, Any], ...] = (
    {"id": 1, "method": "initialize", "params": HELLO},
    {"id": "two", "method": "tools/list"},
    {"id": 3, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": "Ähm… \u2028 fine"}}},
    {"id": 4, "method": "no/such/method"},
    {"id": 5, "method": "resources/read", "params": {"uri": "note://fine"}},
)


async def conversation(*command: str) -> list[bytes]:
    """What a server answers, line by line, and its exit status once its input is closed."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert child.stdin is not None
    assert child.stdout is not None
    lines = []
    for each in ASKED:
        child.stdin.write(json.dumps({"jsonrpc": "2.0", **each}).encode() + b"\n")
        if each["method"] == "initialize":
            child.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        lines.append(await child.stdout.readline())
    child.stdin.close()
    lines.append(await child.stdout.read())
    return [*lines, str(await child.wait()).encode()]


async def test_a_clean_run_is_untouched_byte_for_byte() -> None:
    direct = await conversation(*SERVER)
    assert b"add" in direct[1]
    assert await conversation(TIDEGATE, *GUARD, "--", *SERVER) == direct


async def ended(*code: str, number: int = 0) -> tuple[int, bytes, bytes]:
    """Exit status, output and errors of a guarded program of Python, which is sent a signal once it said something."""
    pipe = asyncio.subprocess.PIPE
    command = (TIDEGATE, *GUARD, "--", sys.executable, "-c", "\n".join(code))
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    assert child.stdout is not None
    if number:
        await child.stdout.readline()
        child.send_signal(number)
    out, errors = await child.communicate()
    assert child.returncode is not None
    return child.returncode, out, errors


async def test_exit_status_and_errors_are_the_servers() -> None:
    status, out, errors = await ended("import sys", "print('told', file=sys.stderr)", "sys.exit(7)")
    assert (status, out) == (7, b"")
    assert b"told" in errors


async def test_what_a_server_says_that_is_no_message_does_not_pass() -> None:
    status, out, _ = await ended("print('This is forbidden.')", 'print(\'{"jsonrpc":"2.0","method":"a"}\')')
    assert (status, out) == (0, b'{"jsonrpc":"2.0","method":"a"}\n')


async def test_a_signal_is_handed_on() -> None:
    status, _, _ = await ended(
        "import time", 'print(\'{"jsonrpc":"2.0","method":"a"}\', flush=True)', "time.sleep(600)", number=signal.SIGTERM
    )
    assert status == 128 + signal.SIGTERM


async def test_a_server_that_is_not_there() -> None:
    child = await asyncio.create_subprocess_exec(
        TIDEGATE, *GUARD, "--", "no-such-program", stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await child.communicate()
    assert child.returncode == 2
    assert b"no-such-program cannot be started" in errors


ECHO = (sys.executable, "-c", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())")
"""Says back what it is told."""


async def played(source: Any, sink: Any) -> tuple[int, str]:
    """Exit status and errors of a guarded echo between files that are given."""
    child = await asyncio.create_subprocess_exec(
        TIDEGATE, *GUARD, "--", *ECHO, stdin=source, stdout=sink, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await child.communicate()
    assert child.returncode is not None
    return child.returncode, errors.decode()


class TestFiles:
    """Where standard input and output are no pipes."""

    async def test_a_conversation_is_played_from_a_file_into_another(self, tmp_path: Path) -> None:
        source, sink = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
        lines = [json.dumps({"jsonrpc": "2.0", "id": n, "method": "ping", "x": "y" * 50_000}) for n in range(5)]
        secret = json.dumps({"jsonrpc": "2.0", "id": 9, "method": "a/b", "params": {"text": SECRET}})
        source.write_text("\n".join([*lines, secret]) + "\n")
        with source.open("rb") as taken, sink.open("wb") as given_:
            assert await played(taken, given_) == (0, "")
        *rest, last = sorted(sink.read_text().splitlines())
        stopped = [json.loads(each) for each in (*rest, last) if SECRET in each or "error" in each]
        assert sorted(each for each in (*rest, last) if "error" not in each) == lines
        assert [(each["id"], each["error"]["code"]) for each in stopped] == [(9, STOPPED)]

    async def test_a_device_that_holds_nothing(self) -> None:
        with open(os.devnull, "rb") as taken, open(os.devnull, "wb") as given_:
            assert await played(taken, given_) == (0, "")

    async def test_a_disk_that_is_full_is_told(self, tmp_path: Path) -> None:
        source = tmp_path / "in.jsonl"
        source.write_text('{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        with source.open("rb") as taken, open("/dev/full", "wb") as given_:
            status, errors = await played(taken, given_)
        assert (status, errors) == (2, "Error: standard output cannot be written: No space left on device\n")

    async def test_one_that_is_closed_is_told(self) -> None:
        line = f"{shlex.join([TIDEGATE, *GUARD, '--', *ECHO])} <&-"
        child = await asyncio.create_subprocess_shell(line, stderr=asyncio.subprocess.PIPE)
        _, errors = await child.communicate()
        assert child.returncode == 2
        assert errors.startswith(b"Error: standard input is closed")
        assert b"Traceback" not in errors


@given(st.binary(max_size=60).map(lambda data: data.replace(b"\x00", b"\n")), st.lists(st.integers(0, 60), max_size=6))
def test_lines_are_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    def read(*pieces: bytes) -> list[Line]:
        lines = Lines(8)
        return [line for piece in pieces for line in lines.feed(piece)] + lines.finish()

    marks = [0, *sorted(cuts), len(data)]
    whole = read(data)
    assert read(*(data[start:end] for start, end in pairwise(marks))) == whole
    if not any(line.end for line in whole):
        assert b"".join(line.data for line in whole) == data
