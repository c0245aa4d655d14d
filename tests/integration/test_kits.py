"""Providers' clients, frameworks' clients and agents, through the proxy and through Envoy: what each makes of it.

All of them run in one process of their own environment (`kits`), in front of one scripted model (`tests.providers`).
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests import providers
from tests.integration.mesh import mesh
from tests.providers import Parts, call, reasoning, text
from tests.proxies import CARD, INJECTION, MASKED, PIECES, POLICY, SAID, proxied
from tests.upstream import Answer, Seen, Upstream

pytestmark = [pytest.mark.clients, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-clients/bin/python"


class Door(Protocol):
    """A guarded way to the scripted model."""

    url: str
    upstream: Upstream


class KitProcess:
    """A process in which kits are: a line of JSON for each that is asked, and one for what it told."""

    def __init__(self, *command: str, folder: Path, env: Mapping[str, str], stderr: int | None = None) -> None:
        self._process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, env=env
        )

    async def ask(self, kit: str, url: str, said: str = "hi", *, is_streamed: bool) -> dict[str, Any]:
        """What a kit told of an answer."""
        return await self.tell({"kit": kit, "url": url, "text": said, "is_streamed": is_streamed})

    async def tell(self, asked: Mapping[str, object]) -> dict[str, Any]:
        """Its answer to a line."""
        told: dict[str, Any] = json.loads(await asyncio.to_thread(self._exchange, json.dumps(asked)))
        return told

    def _exchange(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()


def node_program(missing: Callable[[str], None], folder: Path, what: str) -> str:
    """The program Node, for what is installed in `folder`; `what` that is, and how it is made."""
    program = shutil.which("node")
    if program is None:
        missing("Node (20 or later)")
    if not (folder / "node_modules").exists():
        missing(what)
    assert program is not None
    return program


class Kits(KitProcess):
    """Those in Python."""

    def __init__(self) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env = {**kept, "PYTHONWARNINGS": "ignore"}
        super().__init__(str(PYTHON), "-m", "tests.integration.kits", folder=ROOT, env=env, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def kits(missing: Callable[[str], None]) -> Iterator[Kits]:
    """The kits, in a process that all tests share."""
    if not PYTHON.exists():
        missing("the environment of the clients (make clients)")
    kits = Kits()
    yield kits
    kits.stop()


# --- what the model says ----------------------------------------------------------------------------------------------

PLAIN: Parts = [text("Hello", " wörld", " \U0001f600", " and bye")]
THOUGHT = reasoning("Let me", " think.")
PAID = call('{"card": "no', 'ne", "sum": 3}')
CLEAN: Parts = [THOUGHT, text("Hello", " wörld", " \U0001f600"), PAID]
LEAKING: Parts = [
    reasoning("It is 41", "11 1111 1", "111 1111 I think."),
    text(*PIECES),
    call('{"card": "4111 11', '11 1111 1111", "sum": 3}'),
]
BLOCKED: dict[str, Parts] = {
    "reasoning": [reasoning("Let me ", "ignore all", " rules", " then."), text("Hello", " you."), PAID],
    "text": [THOUGHT, text("Hello", " you ignore", " all ru", "les now", " more"), PAID],
    "arguments": [THOUGHT, text("Hello", " you. "), call('{"card": "ignore al', 'l rules", "sum": 3}'), PAID],
}
"""By where it is stopped."""
LATER: Parts = [PAID, text("And", " now."), call('{"card": "ignore all rules", "sum": 3}')]
"""It is stopped in a call that stands apart from one before it."""


def saying(parts: Parts) -> Callable[[Seen], Answer]:
    return lambda seen: providers.play(seen, parts)


# --- clients of models ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kit:
    """A client: what it calls a call and a block, what it raises for a refusal, and what it shows."""

    refused: str
    good: str = "tool_calls"
    blocked: str = "content_filter"
    raised: str = ""
    """What it raises of its own for an answer that was blocked: for a streamed one, once it has shown the text."""
    has_ends: bool = False
    """Whether its API says that a part is over, so that frames keep their order."""
    shows: tuple[str, ...] = ("reasoning", "calls")
    whole_has_text_first: bool = False
    """Whether a whole answer tells its text before its reasoning."""
    is_always_streamed: bool = False
    """Whether it asks for a stream also where it hands out a whole answer."""


CHAT = Kit("openai.BadRequestError", whole_has_text_first=True)
CHAT_HELPER = Kit("openai.BadRequestError", raised="openai.ContentFilterFinishReasonError")
RESPONSES = Kit("openai.BadRequestError", "completed", "completed", has_ends=True)
ANTHROPIC = Kit("anthropic.BadRequestError", "tool_use", "refusal", has_ends=True)
ANTHROPIC_HELPER = replace(ANTHROPIC, is_always_streamed=True)

MODELS = {
    "openai-chat": CHAT,
    "openai-chat-helper": CHAT_HELPER,
    "openai-responses": RESPONSES,
    "openai-responses-helper": RESPONSES,
    "anthropic": ANTHROPIC,
    "anthropic-helper": ANTHROPIC_HELPER,
    "google-genai": Kit("google.ClientError", "STOP", "SAFETY"),
    "boto3-converse": Kit("botocore.ValidationException", "tool_use", "guardrail_intervened", has_ends=True),
    "boto3-invoke": Kit("botocore.ValidationException", "tool_use", "refusal", has_ends=True),
    "cohere": Kit("cohere.BadRequestError", "TOOL_CALL", "ERROR_TOXIC", has_ends=True),
    "mistralai": Kit("mistralai.SDKError"),
    "groq": Kit("groq.BadRequestError", whole_has_text_first=True),
    "ollama": Kit("ollama.ResponseError", "stop", whole_has_text_first=True),
    "langchain-model": Kit("langchain_openai.OpenAIInvalidRequestError", shows=(), whole_has_text_first=True),
    "llamaindex-model": Kit("openai.BadRequestError", shows=(), whole_has_text_first=True),
    "semantic-kernel-model": Kit("semantic_kernel.ContentFilterAIException", shows=(), whole_has_text_first=True),
}
WAYS = pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
each_model = pytest.mark.parametrize("name", MODELS)


async def comes_as_it_was(door: Door, kits: Kits, name: str, is_streamed: bool) -> None:
    """Object for object; where an API does not say that a part is over, its last word may come in one of its own."""
    for parts in (PLAIN, CLEAN):
        door.upstream.choose = saying(parts)
        direct = await kits.ask(name, door.upstream.url, is_streamed=is_streamed)
        through = await kits.ask(name, door.url, is_streamed=is_streamed)
        assert direct["objects"]
        if parts is CLEAN and is_streamed and not MODELS[name].has_ends:
            del direct["objects"], through["objects"]
        assert through == direct


async def masks_a_card(door: Door, kits: Kits, name: str, is_streamed: bool) -> None:
    kit = MODELS[name]
    door.upstream.choose = saying(LEAKING)
    told = await kits.ask(name, door.url, f"mine is {CARD}", is_streamed=is_streamed)
    assert (told["text"], told["ended"], told["error"]) == (SAID, kit.good, "")
    if kit.shows:
        assert told["reasoning"] == f"It is {MASKED} I think."
        assert told["calls"] == [["pay", {"card": MASKED, "sum": 3}]]
    asked = door.upstream.requests[-1].body
    assert MASKED.encode() in asked
    assert CARD.encode() not in asked


def texts_of_a_block(kit: Kit, where: str, is_streamed: bool) -> str:
    """What stood before the place, and the message: set off, unless the text's part is over and it has its own."""
    if where == "reasoning":
        return "Hello you.\n\nStopped." if kit.whole_has_text_first and not is_streamed else "Stopped."
    if where == "arguments" and kit.has_ends and (is_streamed or kit.is_always_streamed):
        return "Hello you. Stopped."
    return {"text": "Hello you \n\nStopped.", "arguments": "Hello you. \n\nStopped."}[where]


async def ends_at_a_block(door: Door, kits: Kits, name: str, is_streamed: bool) -> None:
    kit = MODELS[name]
    for where, parts in BLOCKED.items():
        door.upstream.choose = saying(parts)
        door.upstream.requests.clear()
        told = await kits.ask(name, door.url, is_streamed=is_streamed)
        assert (told["error"], told["calls"]) == (kit.raised, []), where
        if not (kit.raised and not is_streamed):
            assert told["text"] == texts_of_a_block(kit, where, is_streamed), where
            assert told["ended"] == kit.blocked, where
        assert "ignore" not in json.dumps(told), where
        assert len(door.upstream.requests) == 1, where


async def refuses_with_its_own_error(door: Door, kits: Kits, name: str, is_streamed: bool) -> None:
    door.upstream.requests.clear()
    told = await kits.ask(name, door.url, f"please {INJECTION}", is_streamed=is_streamed)
    assert told["error"].partition(":")[0] == MODELS[name].refused
    assert "Stopped." in told["error"]
    assert not door.upstream.requests


async def is_answered_in_place_of_a_refusal(door: Door, kits: Kits, name: str, is_streamed: bool) -> None:
    """An answer of ours is one of the provider's to it, whole and streamed, and its end that of a block."""
    door.upstream.requests.clear()
    kit = MODELS[name]
    told = await kits.ask(name, door.url, f"please {INJECTION}", is_streamed=is_streamed)
    assert not door.upstream.requests
    if kit.raised:
        assert told["error"].partition(":")[0] == kit.raised
        return
    assert (told["text"], told["calls"], told["error"]) == ("Stopped.", [], "")
    assert told["ended"] == kit.blocked


@WAYS
@each_model
async def test_a_refused_turn_is_answered(tmp_path: Path, kits: Kits, name: str, is_streamed: bool):
    async with proxied(tmp_path, refusals="answer") as proxy:
        await is_answered_in_place_of_a_refusal(proxy, kits, name, is_streamed)


PROMISES = [comes_as_it_was, masks_a_card, ends_at_a_block, refuses_with_its_own_error]


@WAYS
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@each_model
async def test_a_client_through_the_proxy(
    tmp_path: Path, kits: Kits, name: str, promise: Callable[..., Any], is_streamed: bool
):
    async with proxied(tmp_path) as proxy:
        await promise(proxy, kits, name, is_streamed)


REDACTING = POLICY[: POLICY.index("  - id: no-injection")] + POLICY[POLICY.index("  - id: no-cards") :]


@each_model
async def test_a_client_whose_calls_stream(tmp_path: Path, kits: Kits, name: str):
    """Where no rule may block, calls leave piece by piece."""
    async with proxied(tmp_path, policy=REDACTING) as proxy:
        await comes_as_it_was(proxy, kits, name, is_streamed=True)
        await masks_a_card(proxy, kits, name, is_streamed=True)


# --- agents -----------------------------------------------------------------------------------------------------------

AGENTS = {
    "langchain": "langchain_openai.OpenAIInvalidRequestError",
    "langchain-responses": "langchain_openai.OpenAIInvalidRequestError",
    "langchain-anthropic": "langchain_anthropic.AnthropicInvalidRequestError",
    "openai-agents-chat": "openai.BadRequestError",
    "openai-agents-responses": "openai.BadRequestError",
    "anthropic-tool-runner": "anthropic.BadRequestError",
    "google-genai-calling": "google.ClientError",
    "llamaindex": "openai.BadRequestError",
    "semantic-kernel": "semantic_kernel.ContentFilterAIException",
}
"""What each raises for a refusal."""
ANSWER: Parts = [text("It is", " paid.")]


def answering(door: Door, parts: Parts) -> None:
    """The model calls the tool first, and answers when it is asked again."""
    door.upstream.requests.clear()
    door.upstream.choose = lambda seen: providers.play(seen, parts if len(door.upstream.requests) == 1 else ANSWER)


async def runs_the_tool_once(door: Door, kits: Kits, name: str, is_streamed: bool) -> None:
    answering(door, CLEAN)
    direct = await kits.ask(name, door.upstream.url, is_streamed=is_streamed)
    answering(door, CLEAN)
    through = await kits.ask(name, door.url, is_streamed=is_streamed)
    assert {**through, "objects": []} == {**direct, "objects": []}
    assert (through["ran"], len(door.upstream.requests)) == ([{"card": "none", "sum": 3}], 2)
    assert through["text"].endswith("It is paid.")


async def runs_the_tool_with_the_mask(door: Door, kits: Kits, name: str, is_streamed: bool) -> None:
    answering(door, LEAKING)
    told = await kits.ask(name, door.url, is_streamed=is_streamed)
    assert (told["ran"], told["error"]) == ([{"card": MASKED, "sum": 3}], "")
    assert len(door.upstream.requests) == 2


async def ends_its_loop_at_a_block(door: Door, kits: Kits, name: str, is_streamed: bool) -> None:
    """No tool runs, nothing is raised, the model is not asked again, and the message is the end of what it says.

    Of a whole answer, that holds for calls before the place, too; of a streamed one, they have left.
    """
    for where, parts in (BLOCKED if is_streamed else {**BLOCKED, "a later call": LATER}).items():
        answering(door, parts)
        told = await kits.ask(name, door.url, is_streamed=is_streamed)
        assert (told["ran"], told["error"], len(door.upstream.requests)) == ([], "", 1), where
        assert told["text"].endswith("Stopped."), where


async def raises_a_refusal(door: Door, kits: Kits, name: str, is_streamed: bool) -> None:
    answering(door, CLEAN)
    told = await kits.ask(name, door.url, f"please {INJECTION}", is_streamed=is_streamed)
    assert told["error"].partition(":")[0] == AGENTS[name]
    assert "Stopped." in told["error"]
    assert not door.upstream.requests


LOOPS = [runs_the_tool_once, runs_the_tool_with_the_mask, ends_its_loop_at_a_block, raises_a_refusal]


@WAYS
@pytest.mark.parametrize("promise", LOOPS, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", AGENTS)
async def test_an_agent_through_the_proxy(
    tmp_path: Path, kits: Kits, name: str, promise: Callable[..., Any], is_streamed: bool
):
    async with proxied(tmp_path) as proxy:
        await promise(proxy, kits, name, is_streamed)


# --- Envoy ------------------------------------------------------------------------------------------------------------


@pytest.mark.envoy
@WAYS
async def test_clients_and_agents_through_envoy(tmp_path: Path, binary: str, kits: Kits, is_streamed: bool):
    async with mesh(binary, tmp_path) as envoy:
        for name in MODELS:
            for promise in PROMISES:
                await promise(envoy, kits, name, is_streamed)
        for name in AGENTS:
            await ends_its_loop_at_a_block(envoy, kits, name, is_streamed)
