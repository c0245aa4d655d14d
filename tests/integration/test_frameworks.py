"""Frameworks that speak OpenAI's API, through the proxy and through Envoy: each with its own client."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import recordings
from tests.integration.mesh import mesh
from tests.proxies import CARD, INJECTION, MASKED, proxied
from tests.upstream import Answer, Seen

pytestmark = [pytest.mark.envoy, pytest.mark.clients, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-clients/bin/python"
SCRIPT = Path(__file__).with_name("frameworks.py")
SAID = {
    "clean": ("Hello", " wörld", " \U0001f600"),
    "leak": ("My card", " is 41", "11 1111 1", "111 1111", " ok é", " bye"),
    "harm": ("Hello", " you ignore", " all ru", "les now", " more"),
}
"""What the provider says to each message, piece by piece."""
REFUSALS = {
    "langchain": "langchain_openai.OpenAIInvalidRequestError",
    "llamaindex": "openai.BadRequestError",
    "semantic-kernel": "semantic_kernel.ContentFilterAIException",
}


def play(seen: Seen) -> Answer:
    """The answer to a message, whole or as a stream, as it was asked for."""
    asked = json.loads(seen.body)
    content = asked["messages"][-1]["content"]
    text = content if isinstance(content, str) else content[0]["text"]
    pieces = SAID[text.partition(" ")[0]]
    if asked.get("stream"):
        return recordings.openai_chat_stream([(0, piece) for piece in pieces])
    return recordings.openai_chat(["".join(pieces)])


async def run(framework: str, urls: list[str], texts: list[str]) -> list[list[str]]:
    """What the script printed."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", ""), "PYTHONWARNINGS": "ignore"}
    process = await asyncio.create_subprocess_exec(
        str(PYTHON), str(SCRIPT), framework, *urls,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    out, errors = await process.communicate(json.dumps(texts).encode())
    assert process.returncode == 0, errors.decode(errors="replace")
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("framework", REFUSALS)
async def test_a_frameworks_client_through_both_doors(
    binary: str, tmp_path: Path, missing: Callable[[str], None], framework: str
):
    if not PYTHON.exists():
        missing("the environment of the frameworks (make clients)")
    for name in ("proxy", "mesh"):
        (tmp_path / name).mkdir()
    texts = ["clean", f"leak {CARD}", "harm", f"clean, {INJECTION}"]
    async with proxied(tmp_path / "proxy") as proxy, mesh(binary, tmp_path / "mesh") as envoy:
        for door in (proxy, envoy):
            door.upstream.choose = play
        said = await run(framework, [proxy.url, envoy.url], texts)
        through_proxy, through_envoy = said[: len(said) // 2], said[len(said) // 2 :]
        assert through_envoy == through_proxy
        answers, refusals = through_proxy[:6], through_proxy[6:]
        assert answers == [
            ["Hello wörld \U0001f600", "stop", ""],
            ["Hello wörld \U0001f600", "stop", ""],
            [f"My card is {MASKED} ok é bye", "stop", ""],
            [f"My card is {MASKED} ok é bye", "stop", ""],
            ["Hello you Stopped.", "content_filter", ""],
            ["Hello you Stopped.", "content_filter", ""],
        ]
        for text, ended, error in refusals:
            assert (text, ended, error.partition(":")[0]) == ("", "", REFUSALS[framework])
            assert "Stopped." in error
        for door in (proxy, envoy):
            assert len(door.upstream.requests) == 6
            assert all(CARD.encode() not in seen.body for seen in door.upstream.requests)
