"""Hooks of coding agents, over HTTP and by the command: what they send, and what they do by the answer."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.callouts.serving import BAD, CARD, FINE, MASKED, Calling, calling

CLAUDE, CODEX = "/v1/hooks/claude-code", "/v1/hooks/codex"
AGENTS = pytest.mark.parametrize("path", [CLAUDE, CODEX])
COMMON = {"session_id": "s-1", "transcript_path": "/t.jsonl", "cwd": "/project", "permission_mode": "default"}


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling() as running:
        yield running


def prompt(text: str) -> dict[str, Any]:
    return {**COMMON, "hook_event_name": "UserPromptSubmit", "prompt": text}


def before(**arguments: Any) -> dict[str, Any]:
    return {
        **COMMON,
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": arguments,
        "tool_use_id": "toolu_1",
    }


def after(response: Any, tool: str = "Bash") -> dict[str, Any]:
    return {**before(command="ls"), "hook_event_name": "PostToolUse", "tool_name": tool, "tool_response": response}


@AGENTS
@pytest.mark.parametrize("event", [prompt(FINE), before(command="ls", timeout=120000), after({"stdout": FINE, "n": 3})])
async def test_what_is_fine_goes_on_as_it_would_without_a_hook(door: Calling, path: str, event: Any) -> None:
    assert await door.post(path, event) == (200, {})
    assert door.decisions[0].ids.session == "s-1"


@AGENTS
async def test_a_prompt_that_is_stopped_or_would_be_changed_is_not_submitted(door: Calling, path: str) -> None:
    _, stopped = await door.post(path, prompt(BAD))
    _, changed = await door.post(path, prompt(CARD))

    assert stopped == {"decision": "block", "reason": "Let us not. (Tidegate, rule rule-1)"}
    assert changed["decision"] == "block"
    assert "CREDIT_CARD" in changed["reason"]
    assert "4111" not in changed["reason"]


@AGENTS
@pytest.mark.parametrize("arguments", [{"command": BAD}, {"command": CARD}, {"edits": [{"new": BAD}]}])
async def test_a_call_that_is_stopped_or_would_be_changed_does_not_run(
    door: Calling, path: str, arguments: dict[str, Any]
) -> None:
    _, answer = await door.post(path, before(**arguments))

    assert list(answer) == ["hookSpecificOutput"]
    told = answer["hookSpecificOutput"]
    assert (told["hookEventName"], told["permissionDecision"]) == ("PreToolUse", "deny")
    assert told["permissionDecisionReason"]


@AGENTS
@pytest.mark.parametrize("arguments", [CARD, [FINE, BAD], None])
async def test_a_call_whose_input_is_no_object_is_read_too(door: Calling, path: str, arguments: Any) -> None:
    status, answer = await door.post(path, before() | {"tool_input": arguments})

    assert (status, answer == {}) == (200, arguments is None)


async def test_claude_code_takes_a_changed_result_in_the_shape_of_the_tools(door: Calling) -> None:
    result = {"stdout": CARD, "lines": [1, True, None, {"file": FINE}], CARD: 2}
    _, answer = await door.post(CLAUDE, after(result))

    new = {"stdout": MASKED, "lines": [1, True, None, {"file": FINE}], MASKED: 2}
    assert answer == {"hookSpecificOutput": {"hookEventName": "PostToolUse", "updatedToolOutput": new}}


async def test_a_result_of_an_mcp_server_has_the_older_name_too(door: Calling) -> None:
    _, answer = await door.post(CLAUDE, after(CARD, tool="mcp__shop__find"))

    told = answer["hookSpecificOutput"]
    assert told["updatedToolOutput"] == told["updatedMCPToolOutput"] == MASKED


async def test_a_result_that_is_stopped_loses_all_its_texts(door: Calling) -> None:
    _, answer = await door.post(CLAUDE, after({"stdout": FINE, "more": [BAD, 7]}))

    assert answer["hookSpecificOutput"]["updatedToolOutput"] == {"stdout": "", "more": ["", ""]}
    assert answer["decision"] == "block"


@pytest.mark.parametrize("result", [BAD, {"stdout": CARD}])
async def test_codex_takes_a_reason_in_place_of_a_result(door: Calling, result: Any) -> None:
    _, answer = await door.post(CODEX, after(result))

    assert answer.keys() == {"decision", "reason"}
    assert answer["decision"] == "block"


async def test_a_result_is_a_tools_words(door: Calling) -> None:
    await door.post(CLAUDE, after(BAD))

    assert door.violations[0].where.direction == "input"
    assert door.violations[0].where.part == "tool_result"


async def test_an_event_that_is_none_of_these_is_told(door: Calling) -> None:
    status, answer = await door.post(CLAUDE, {**COMMON, "hook_event_name": "Stop"})

    assert status == 400
    assert "hook_event_name" in answer["error"]["message"]


async def run(url: str, event: Any, *options: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of the command."""
    command = (sys.executable, "-m", "sidecar", "hook", "claude-code", "--url", url, *options)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    out, err = await process.communicate(json.dumps(event).encode())
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_command_prints_the_answer(door: Calling) -> None:
    fine = await run(door.url, prompt(FINE))
    stopped = await run(door.url, prompt(BAD))

    assert fine == (0, "{}\n", "")
    assert (stopped[0], json.loads(stopped[1])["decision"]) == (0, "block")


async def test_the_command_stops_what_nobody_judged(door: Calling) -> None:
    await door.server.stop()
    stopped = await run(door.url, prompt(FINE))
    passed = await run(door.url, prompt(FINE), "--on-unavailable", "pass")

    assert (stopped[0], stopped[1], passed[0], passed[1]) == (2, "", 0, "")
    assert "did not judge" in stopped[2]
    assert "passes" in passed[2]


async def test_the_command_stops_what_was_refused(door: Calling) -> None:
    code, _, said = await run(door.url, {"hook_event_name": "Stop"})

    assert code == 2
    assert "400" in said


@AGENTS
async def test_a_result_with_a_number_of_any_size_is_read(door: Calling, path: str) -> None:
    event = json.dumps(after({"stdout": FINE, "n": 3})).replace("3}", "7" * 5_000 + "}").encode()
    assert await door.post(path, event) == (200, {})
    assert door.decisions[0].ids.session == "s-1"
