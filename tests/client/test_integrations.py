"""Tidegate inside frameworks: what each does with a text that is fine, one that is changed, and one that is stopped.

The frameworks run in an environment of their own, by `tests.client.integrations`. LLM Guard's own is asked in
`test_llm_guard`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.client.integrations import BAD, CARD, FINE, MASKED, SAID, guard
from tidegate.integrations._asking import Asker, Question
from tidegate.integrations.llm_guard import InputScanner, OutputScanner
from tidegate.integrations.nemo import register

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-inside/bin/python"
CHANGED = "it holds what the policy replaces: CREDIT_CARD"


@pytest.fixture(scope="module")
def run(missing: Callable[[str], None]) -> Callable[[str], dict[str, Any]]:
    """What a framework made of all texts; each is started once."""
    if not PYTHON.exists():
        missing("the environment of the frameworks that the client works inside (make inside)")

    @cache
    def told(name: str) -> dict[str, Any]:
        kept = {each: os.environ[each] for each in ("PATH", "HOME") if each in os.environ}
        env = {
            **kept,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
            "PYTHONWARNINGS": "ignore",
            "OTEL_SDK_DISABLED": "true",
        }
        command = [str(PYTHON), "-m", "tests.client.integrations", name]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    return told


@pytest.mark.inside
@pytest.mark.slow
def test_langchains_middleware_guards_both_ways_and_every_call(run: Callable[[str], dict[str, Any]]) -> None:
    told = run("langchain")

    expected = {
        "fine": [FINE, FINE],
        "prompt blocked": [BAD, SAID],
        "prompt redacted": [MASKED, FINE],
        "answer blocked": [FINE, SAID],
        "answer redacted": [FINE, MASKED],
        "call blocked": [FINE, SAID],
        "call changed": [FINE, CHANGED],
        "call fine": [FINE, "", FINE, FINE],
        "ran": [FINE],
    }
    assert told["sync"] == expected
    assert told["async"] == expected
    assert told["result"] == [FINE, "", SAID, FINE]


@pytest.mark.inside
@pytest.mark.slow
def test_guardrails_of_the_agents_sdk_trip_before_the_model_and_after_it(run: Callable[[str], dict[str, Any]]) -> None:
    assert run("openai-agents") == {
        "fine": ["fine", FINE, 1],
        "prompt blocked": ["input", SAID, 0],
        "prompt changed": ["input", CHANGED, 0],
        "items blocked": ["input", SAID, 0],
        "result blocked": ["input", SAID, 0],
        "answer blocked": ["output", SAID, 1],
        "answer changed": ["output", CHANGED, 1],
    }


@pytest.mark.inside
@pytest.mark.slow
def test_a_validator_of_guardrails_ai_fails_or_changes(run: Callable[[str], dict[str, Any]]) -> None:
    assert run("guardrails-ai") == {
        "fine": [True, FINE],
        "changed": ["ValidationError", False],
        "blocked": ["ValidationError", True],
        "fixed": [[True, MASKED], [True, SAID]],
    }


@pytest.mark.inside
@pytest.mark.slow
def test_a_rail_of_nemo_guardrails_passes_modifies_or_blocks(run: Callable[[str], dict[str, Any]]) -> None:
    expected = {
        "fine": ["passed", FINE],
        "changed": ["modified", MASKED],
        "blocked": ["blocked", "No."],
    }
    told = run("nemo")
    assert {key: told[key] for key in ("input", "output")} == {"input": expected, "output": expected}


@pytest.mark.inside
@pytest.mark.slow
def test_rails_of_nemo_for_tools_and_retrieval_let_nothing_through_that_is_stopped(
    run: Callable[[str], dict[str, Any]],
) -> None:
    """Calls and results go on as they are or not at all; a passage that is stopped is the policy's message."""
    told = run("nemo")
    assert {key: told[key] for key in ("calls", "results", "retrieval")} == {
        "calls": [["", 2], ["No.", 0], ["No.", 0]],
        "results": ["", "No.", "No."],
        "retrieval": [FINE, MASKED, SAID],
    }


async def test_actions_of_nemo_read_calls_in_both_forms_and_say_why() -> None:
    actions: dict[str, Any] = {}

    class Taking:
        def register_action(self, action: Any, name: str | None = None) -> Any:
            actions[str(name)] = action

    own = guard()
    register(Taking(), own.async_client())
    check = actions["tidegate_check_tool_calls"]
    openai = {"function": {"name": "fetch", "arguments": json.dumps({"page": BAD})}}
    langchain = {"name": "fetch", "args": {"page": CARD}}

    assert await check({"tool_calls": [openai]}) == {"allowed": False, "text": "", "message": SAID, "rule": "block"}
    assert (await check({"tool_calls": [langchain]}))["message"] == CHANGED
    assert (await check({}))["allowed"]
    assert [each.options["direction"] for each in own.calls] == ["output", "output"]
    told = await actions["tidegate_check_tool_result"]({"tool_message": {"page": FINE}})
    assert (told["allowed"], told["text"]) == (True, json.dumps({"page": FINE}))
    assert (await actions["tidegate_check_retrieval"]({"relevant_chunks": BAD}))["text"] == SAID


def test_scanners_answer_as_those_of_llm_guard_do() -> None:
    own = guard()
    into, out = InputScanner(own.client(), policy="p"), OutputScanner(own.client(), policy="p")

    assert [into.scan(text)[:2] for text in (FINE, CARD, BAD)] == [(FINE, True), (MASKED, True), (SAID, False)]
    assert [out.scan("What?", text)[:2] for text in (FINE, CARD, BAD)] == [(FINE, True), (MASKED, True), (SAID, False)]
    assert into.scan(FINE)[2] == -1
    assert 0 <= into.scan(BAD)[2] <= 1
    assert [each.options["direction"] for each in own.calls[:6]] == ["input"] * 3 + ["output"] * 3
    assert own.calls[3].options["prompt"] == "What?"


def test_a_client_for_asyncio_is_refused_where_nothing_is_awaited() -> None:
    asker = Asker(guard().async_client())

    def plan() -> Any:
        yield Question(FINE)

    with pytest.raises(TypeError, match=r"tidegate\.Client"):
        asker.run(plan())


def test_a_direction_is_refused() -> None:
    with pytest.raises(TypeError, match="leave it out"):
        Asker(guard().client(), direction="input")
