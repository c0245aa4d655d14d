"""LiteLLM's generic guardrail API: the form itself, how little of a stream it holds back, and LiteLLM's own class."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.tools import NOT_ALLOWED, ToolsParams, ToolsScanner
from sidecar.tokens import digest_of, new_token
from sidecar.values import Action
from tests.callouts.serving import BAD, CARD, FINE, MASKED, Calling, calling
from tests.callouts.test_server import tokens_of
from tests.fakes import plan, rule

PATH = "/beta/litellm_basic_guardrail_api"
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-gateways/bin/python"
LONG = f"{FINE} {CARD} {FINE} My other card is 4222 2222. {FINE}"
LONG_MASKED = LONG.replace("4111 1111", "<CREDIT_CARD>").replace("4222 2222", "<CREDIT_CARD>")


@pytest.fixture
async def door() -> AsyncIterator[Calling]:
    async with calling() as running:
        yield running


def request(*messages: dict[str, Any], **others: Any) -> dict[str, Any]:
    """What LiteLLM asks of a chat request."""
    texts = [each["content"] for each in messages if isinstance(each["content"], str)]
    said = {"input_type": "request", "texts": texts, "structured_messages": list(messages), "request_data": {}}
    return said | {"images": None, "tools": None, "tool_calls": None, "model": "m"} | others


def response(*texts: str, **others: Any) -> dict[str, Any]:
    """What it asks of an answer, or what there is of it."""
    return {"input_type": "response", "texts": list(texts), "request_data": {}} | others


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


async def test_a_fine_request_passes(door: Calling):
    assert await door.post(PATH, request(user(FINE))) == (200, {"action": "NONE"})


async def test_a_masked_request_comes_back_in_each_of_its_forms(door: Calling):
    system = {"role": "system", "content": FINE}
    _, answer = await door.post(PATH, request(system, user(CARD)))

    assert answer == {
        "action": "GUARDRAIL_INTERVENED",
        "texts": [FINE, MASKED],
        "structured_messages": [system, user(MASKED)],
    }
    assert door.violations[0].where.part == "user"


async def test_a_blocked_request_says_why(door: Calling):
    _, answer = await door.post(PATH, request(user(BAD)))

    assert answer == {"action": "BLOCKED", "blocked_reason": "Let us not."}


async def test_tools_and_earlier_calls_are_read(door: Calling):
    tool = {"type": "function", "function": {"name": "pay", "description": CARD, "parameters": {"type": "object"}}}
    call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": json.dumps({"card": CARD})}}
    earlier = {"role": "assistant", "content": None, "tool_calls": [call]}
    _, answer = await door.post(PATH, request(user(FINE), earlier, tools=[tool], tool_calls=[call]))

    assert answer["action"] == "GUARDRAIL_INTERVENED"
    assert answer["tools"][0]["function"]["description"] == MASKED
    [masked] = answer["structured_messages"][1]["tool_calls"]
    assert json.loads(masked["function"]["arguments"]) == {"card": MASKED}
    assert {each.where.part for each in door.violations} == {"tool_definition", "model"}


async def test_a_call_without_a_message_cannot_be_masked(door: Calling):
    call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": json.dumps({"card": CARD})}}
    _, answer = await door.post(PATH, request(tool_calls=[call]) | {"structured_messages": None})

    assert answer["action"] == "BLOCKED"


async def test_texts_without_messages_are_the_users(door: Calling):
    _, answer = await door.post(PATH, request(texts=[FINE, CARD]) | {"structured_messages": None})

    assert answer == {"action": "GUARDRAIL_INTERVENED", "texts": [FINE, MASKED]}
    assert door.violations[0].where.part == "user"


async def test_who_asks_is_what_the_proxy_knows(door: Calling):
    known = {"user_api_key_hash": "0123456789abcdef", "user_api_key_alias": "shop", "user_api_key_team_id": "retail"}
    ids = {"litellm_call_id": "call-1", "litellm_trace_id": "trace-1"}
    chosen = {"additional_provider_specific_params": {"policy": "other", "labels": {"team": "x"}}}
    await door.post(PATH, request(user(CARD), request_data=known) | ids | chosen)

    [event] = door.violations
    assert (event.ids.session, event.ids.request) == ("trace-1@0123456789ab", "call-1")
    assert event.app.labels == {"team": "retail", "key": "shop"}


@pytest.mark.parametrize(("said", "action"), [(FINE, "NONE"), (CARD, "BLOCKED"), (BAD, "BLOCKED")])
async def test_a_calls_arguments_pass_whole_or_not_at_all(door: Calling, said: str, action: str):
    call = {"function": {"name": "pay", "arguments": json.dumps({"said": said})}}
    _, answer = await door.post(PATH, response(FINE, tool_calls=[call]))

    assert answer["action"] == action


@pytest.mark.parametrize(
    "call",
    [
        {"type": "custom", "custom": {"name": "pay", "input": CARD}},
        {"function": {"name": CARD, "arguments": "{}"}},
        {"function": {"name": "pay", "arguments": "{}"}, "extra_content": {"thought": CARD}},
        CARD,
    ],
    ids=["input", "name", "beside", "bare"],
)
async def test_all_of_a_call_is_read(door: Calling, call: Any):
    _, answer = await door.post(PATH, response(FINE, tool_calls=[call]))

    assert answer["action"] == "BLOCKED"


async def test_a_rule_on_tools_knows_the_calls_of_an_answer():
    denies = plan((ToolsScanner(ToolsParams(deny=("pay",))), [rule(Action.BLOCK, NOT_ALLOWED, message="Not that.")]))
    async with calling(denies) as door:
        for name, action in (("pay", "BLOCKED"), ("look", "NONE")):
            call = {"function": {"name": name, "arguments": "{}"}}
            assert (await door.post(PATH, response(FINE, tool_calls=[call])))[1]["action"] == action


def emitted(answer: dict[str, Any], text: str) -> str:
    """What LiteLLM may send on by an answer that is not the last."""
    shown = answer.get("texts", [text])[0]
    return str(shown[: len(shown) - answer["stream_holdback_chars"][0]])


async def test_little_is_held_back_and_all_choices_are_told_apart(door: Calling):
    _, answer = await door.post(PATH, response(LONG, FINE))

    assert answer["texts"] == [LONG_MASKED, FINE]
    assert len(answer["stream_holdback_chars"]) == 2
    assert LONG_MASKED.startswith(emitted(answer, LONG))
    assert 0 < len(emitted(answer, LONG)) < len(LONG_MASKED)


@given(cuts=st.lists(st.integers(1, len(LONG) - 1), max_size=6))
async def test_what_left_is_never_taken_back(cuts: list[int]):
    sent = ""
    async with calling() as door:
        for end in sorted(cuts):
            _, answer = await door.post(PATH, response(LONG[:end]))
            now = emitted(answer, LONG[:end])
            assert LONG_MASKED.startswith(now)
            assert now.startswith(sent)
            sent = now
        _, last = await door.post(PATH, response(LONG))

    assert last["texts"] == [LONG_MASKED]


# -- LiteLLM itself ---------------------------------------------------------------------------------------------------


class LitellmProcess:
    """A process in which LiteLLM's own class asks; see `litellm_program`."""

    def __init__(self) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env = {**kept, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "CRITICAL"}
        self._process = subprocess.Popen(
            [PYTHON, "-m", "tests.callouts.litellm_program"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )

    async def ask(self, url: str, token: str, what: str, body: Any) -> dict[str, Any]:
        """What it made of one."""
        line = json.dumps({"url": url, "token": token, "what": what, "body": body})
        told: dict[str, Any] = json.loads(await asyncio.to_thread(self._exchange, line))
        return told

    def _exchange(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def stop(self) -> None:
        """End it."""
        self._process.communicate()


@pytest.fixture(scope="module")
def litellm(missing: Callable[[str], None]) -> Iterator[LitellmProcess]:
    if not PYTHON.exists():
        missing("the environment of LiteLLM's proxy (make gateways)")
    process = LitellmProcess()
    yield process
    process.stop()


Ask = Callable[[str, Any], Any]


@pytest.fixture
async def ask(litellm: LitellmProcess, tmp_path: Path) -> AsyncIterator[Ask]:
    """LiteLLM, before a call-out that wants a token."""
    secret = new_token()
    tokens = tokens_of(tmp_path, f"{{id: gateway, sha256: {digest_of(secret)}, scopes: [litellm]}}")
    async with calling(tokens=tokens) as door:
        yield lambda what, body: litellm.ask(door.url, secret, what, body)


@pytest.mark.gateways
@pytest.mark.slow
class TestLitellm:
    async def test_a_request_goes_on_as_it_is(self, ask: Ask):
        body = {"model": "m", "messages": [{"role": "system", "content": "Be kind."}, user(FINE)]}

        assert await ask("request", body) == body

    async def test_a_request_goes_on_masked(self, ask: Ask):
        parts = [{"type": "text", "text": CARD}, {"type": "text", "text": FINE}]
        told = await ask("request", {"model": "m", "messages": [user(parts), user(CARD)]})

        assert told["messages"] == [user([{"type": "text", "text": MASKED}, parts[1]]), user(MASKED)]

    async def test_tools_go_on_masked(self, ask: Ask):
        tool = {"type": "function", "function": {"name": "pay", "description": CARD, "parameters": {}}}
        told = await ask("request", {"model": "m", "messages": [user(FINE)], "tools": [tool]})

        assert told["tools"][0]["function"]["description"] == MASKED

    async def test_arguments_of_earlier_calls_go_on_masked(self, ask: Ask):
        call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": json.dumps({"card": CARD})}}
        earlier = {"role": "assistant", "content": None, "tool_calls": [call]}
        result = {"role": "tool", "tool_call_id": "c", "content": FINE}
        told = await ask("request", {"model": "m", "messages": [user(FINE), earlier, result]})

        [masked] = told["messages"][1]["tool_calls"]
        assert json.loads(masked["function"]["arguments"]) == {"card": MASKED}

    async def test_a_block_is_raised_with_its_message(self, ask: Ask):
        assert await ask("request", {"model": "m", "messages": [user(BAD)]}) == {"stopped": "Let us not."}

    async def test_an_answer_is_masked(self, ask: Ask):
        choices = [
            {"index": each, "message": {"role": "assistant", "content": text}} for each, text in enumerate((FINE, CARD))
        ]
        told = await ask("response", {"choices": choices})

        assert [each["content"] for each in told["choices"]] == [FINE, MASKED]

    @pytest.mark.parametrize("size", [1, 5, 17, 1000])
    async def test_a_stream_is_masked_however_it_is_cut(self, ask: Ask, size: int):
        pieces = [(0, LONG[start : start + size]) for start in range(0, len(LONG), size)]
        told = await ask("stream", pieces)

        assert told["stopped"] == ""
        assert "".join(told["pieces"][0]) == LONG_MASKED
        assert size == 1000 or len(told["pieces"][0]) > 1

    async def test_choices_of_a_stream_are_masked_each(self, ask: Ask):
        pieces = [
            (choice, text) for pair in zip(CARD, FINE.ljust(len(CARD)), strict=True) for choice, text in enumerate(pair)
        ]
        told = await ask("stream", pieces)

        assert ["".join(each) for each in told["pieces"]] == [MASKED, FINE.ljust(len(CARD))]

    async def test_a_block_ends_a_stream(self, ask: Ask):
        told = await ask("stream", [(0, f"{FINE} "), (0, BAD), (0, CARD)])

        assert "Let us not." in told["stopped"]
        assert "forbidden" not in "".join(told["pieces"][0])
