"""Spans of a guarded stream in a real Arize Phoenix: the exchange, its usage and cost, its guardrails and violations.

`TIDEGATE_PICTURES=docs/pictures` also writes the picture of its page that the docs show.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.otlp import Otlp
from sidecar.usage import Price, Prices
from tests.integration.phoenix import Phoenix, phoenix, phoenix_binary
from tests.integration.test_browser import FOLDER, Browser
from tests.integration.test_kits import node_program
from tests.proxies import CARD, Proxied, proxied
from tests.upstream import SSE, Answer

pytestmark = [pytest.mark.backends, pytest.mark.slow]

USAGE = {"prompt_tokens": 1200, "completion_tokens": 300, "prompt_tokens_details": {"cached_tokens": 200}}
PRICES = Prices({"gpt-4o": Price(2.5, 10.0, 1.25, 2.5)}, "USD")
"""Those that Phoenix has for this model, too: it works out costs of its own."""
COST = (1000 * 2.5 + 200 * 1.25 + 300 * 10.0) / 1_000_000


@pytest.fixture
def binary(missing: Callable[[str], None]) -> str:
    found = phoenix_binary()
    if found is None:
        missing("Arize Phoenix (make backends)")
    assert found is not None
    return found


@pytest.fixture
def browser(missing: Callable[[str], None]) -> Iterator[Browser]:
    browser = Browser(node_program(missing, FOLDER, "the browser (make browser)"))
    yield browser
    browser.stop()


def streamed() -> Answer:
    """An answer in pieces, with a card number across two of them, and its usage at the end."""
    said = [{"index": 0, "delta": {"content": text}} for text in ("Your card is ", CARD[:9], CARD[9:], ". Bye.")]
    chunks = [*({"choices": [each]} for each in said), {"choices": [], "usage": USAGE}]
    frames = [b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks]
    return Answer([*frames, b"data: [DONE]\n\n"], SSE)


async def ask(proxy: Proxied) -> bytes:
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Which card?"}], "stream": True}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{proxy.url}/v1/chat/completions", json=asked, headers={"x-tidegate-session": "talk-9"}) as got,
    ):
        return await got.read()


async def sent(server: Phoenix, folder: Path) -> list[dict[str, Any]]:
    """The spans of one guarded stream, as the receiver has them."""
    sender = Otlp("1.2.3", endpoint=server.url, has_events=False, count=Metrics("test").count_sent)
    async with proxied(folder, spans=sender.spans, prices=PRICES) as proxy:
        proxy.upstream.answer = streamed()
        answer = await ask(proxy)
        assert b"1111" in answer
        assert CARD.encode() not in answer
    await sender.stop()
    return await server.until_there_are(3)


async def test_a_guarded_stream_is_seen_with_its_violations_usage_and_cost(
    binary: str, browser: Browser, tmp_path: Path
):
    async with phoenix(binary, tmp_path) as server:
        spans = await sent(server, tmp_path)
        trace = spans[0]["context"]["trace_id"]
        (call,) = [each for each in spans if each["span_kind"] == "LLM"]
        guards = {each["attributes"]["tidegate.direction"]: each for each in spans if each["span_kind"] == "GUARDRAIL"}
        assert call["name"] == "chat gpt-4o"
        assert {each["parent_id"] for each in guards.values()} == {call["context"]["span_id"]}
        assert call["attributes"]["llm.token_count.total"] == 1500
        assert call["attributes"]["llm.token_count.prompt_details.cache_read"] == 200
        assert call["attributes"]["llm.cost.total"] == pytest.approx(COST)
        assert call["attributes"]["gen_ai.provider.name"] == "openai"
        assert guards["input"]["attributes"]["tidegate.done"] == "allow"
        assert guards["output"]["attributes"]["tidegate.done"] == "redact"
        assert guards["output"]["attributes"]["tidegate.violated_rules"] == ["no-cards"]
        assert "llm.token_count.total" not in guards["output"]["attributes"]
        assert not [text for text in ("4111", "Which card", "Bye.") if text in json.dumps(spans)]

        assert await server.until_it_costs() == pytest.approx(COST)

        folder = os.environ.get("TIDEGATE_PICTURES", "")
        picture = str(Path(folder).resolve() / "trace-phoenix.png") if folder else ""
        url = f"{server.url}/redirects/traces/{trace}"
        seen = await browser.ask("trace", url, picture, is_streamed=False)
    assert "error" not in seen, seen
    assert "no-cards" in seen["text"]
    assert "1,500" in seen["text"]
