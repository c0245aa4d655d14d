"""What answers took: in decision events and in metrics, over HTTP and as a gRPC application tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import tidegate
from sidecar.outbox.encode import from_proto, to_proto
from sidecar.outbox.event import Kind, UsageRef
from sidecar.telemetry.expenses import Payer
from sidecar.telemetry.metrics import Metrics
from sidecar.transport.bodies import model_in
from sidecar.usage import Price, Prices, Spent, Usage
from sidecar.values import Action
from tests.fakes import WordScanner, plan, rule
from tests.proxies import Proxied, proxied
from tests.servers import serving
from tests.upstream import JSON, SSE, Answer

PRICES = Prices({"m": Price(2.0, 8.0, 0.5, 2.5), "gpt-*": Price(1.0, 1.0, 1.0, 1.0)}, "EUR")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = f"00-{TRACE}-00f067aa0ba902b7-01"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 400}}
COST = (600 * 2.0 + 400 * 0.5 + 500 * 8.0) / 1_000_000
POLICY = plan((WordScanner("forbidden"), [rule(Action.REDACT)]))
FACTS = {"tenant": "acme", "labels": {"app": "shop"}, "headers": {"prompt_version": "x-prompt"}}


def chunk(**more: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [], **more}).encode() + b"\n\n"


def said(text: str) -> bytes:
    return chunk(choices=[{"index": 0, "delta": {"content": text}}])


@asynccontextmanager
async def asking(proxy: Proxied, *, streams: bool) -> AsyncIterator[aiohttp.StreamReader]:
    document = {"model": "m", "messages": [{"role": "user", "content": "Hi."}], "stream": streams}
    headers = {"traceparent": SAMPLED, "x-prompt": "v7"}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{proxy.url}/v1/chat/completions", json=document, headers=headers) as answer,
    ):
        yield answer.content


async def ask(proxy: Proxied) -> None:
    async with asking(proxy, streams=False) as answer:
        await answer.read()


def samples(metrics: Metrics, accept: str = "application/openmetrics-text") -> dict[tuple[str, str], Any]:
    """By name and the last label's value."""
    text = metrics.render_as(accept)[0].decode()
    return {
        (sample.name, sample.labels.get("kind", "")): sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told_by_metrics(found: dict[tuple[str, str], Any]) -> None:
    tokens = found["tidegate_tokens_total", "input"]
    assert tokens.labels == {
        "tenant": "acme",
        "app": "shop",
        "model": "m",
        "prompt_version": "v7",
        "kind": "input",
    }
    assert tokens.value == 1000
    assert tokens.exemplar.labels == {"trace_id": TRACE}
    assert found["tidegate_cost_total", ""].value == pytest.approx(COST)
    assert found["tidegate_time_to_first_token_seconds_count", ""].value == 1
    assert found["tidegate_output_tokens_per_second_count", ""].value == 1


async def test_a_stream_s_usage_cost_and_pace_are_recorded(tmp_path: Path):
    answer = Answer(
        [said("First sentence. "), said("And then "), said("the end."), chunk(usage=USAGE), b"data: [DONE]\n\n"],
        SSE,
        hold_at=2,
    )
    async with proxied(tmp_path, prices=PRICES, facts=FACTS) as proxy:
        proxy.upstream.answer = answer
        clock = proxy.engine.clock
        async with asking(proxy, streams=True) as body:
            await body.readany()
            begun_ms = clock.now_ms()
            while clock.now_ms() < begun_ms + 20:  # an answer that comes at once has no pace
                await asyncio.sleep(0.001)
            answer.go_on.set()
            await body.read()
        asked, answered = proxy.decisions
        found = samples(proxy.engine.metrics)
        lines = proxy.engine.metrics.render_as("application/openmetrics-text")[0].decode().splitlines()

    assert asked.usage is None
    usage = answered.usage
    assert usage is not None
    assert (usage.counted_by, usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (
        "provider",
        1000,
        500,
        400,
    )
    assert usage.cost == pytest.approx(COST)
    assert usage.currency == "EUR"
    assert usage.first_token_ms is not None
    assert usage.tokens_per_second is not None
    assert from_proto(Kind.DECISION, to_proto(answered).SerializeToString()) == answered
    told_by_metrics(found)
    assert [line for line in lines if line.startswith("tidegate_held_seconds_bucket") and TRACE in line]


async def test_an_answer_that_comes_whole_has_usage_and_no_pace(tmp_path: Path):
    async with proxied(tmp_path, prices=PRICES) as proxy:
        document = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}}], "usage": USAGE}
        proxy.upstream.answer = Answer([json.dumps(document).encode()], JSON)
        await ask(proxy)
        usage = proxy.decisions[1].usage
    assert usage is not None
    assert usage == UsageRef("provider", 1000, 500, 400, cost=usage.cost, currency="EUR")


async def test_an_answer_that_counts_nothing_has_none(tmp_path: Path):
    async with proxied(tmp_path, prices=PRICES) as proxy:
        document = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}}]}
        proxy.upstream.answer = Answer([json.dumps(document).encode()], JSON)
        await ask(proxy)
        assert proxy.decisions[1].usage is None


async def test_an_application_may_tell_what_its_answer_took():
    told = tidegate.Usage(input_tokens=7, output_tokens=3)
    async with serving(POLICY) as server, tidegate.AsyncClient(server.address) as client:
        await client.check("Hello.", usage=told, model="m")
        assert "".join([each async for each in client.stream(["Hello."]).text()]) == "Hello."
        chunks: list[tidegate.types.AnyChunk] = ["Hello.", tidegate.Usage(7, 3)]
        assert "".join([each async for each in client.stream(chunks).text()]) == "Hello."
        checked, plain, streamed = server.decisions
    assert checked.usage == UsageRef("application", 7, 3)
    assert plain.usage is not None
    assert (plain.usage.counted_by, plain.usage.input_tokens) == (None, None)
    assert streamed.usage is not None
    assert (streamed.usage.counted_by, streamed.usage.output_tokens) == ("application", 3)


async def test_a_count_that_nobody_can_have_counted_is_refused():
    async with serving(POLICY) as server, tidegate.AsyncClient(server.address) as client:
        with pytest.raises(tidegate.InvalidRequest, match="usage"):
            await client.check("Hello.", usage=tidegate.Usage(input_tokens=2**60))
        with pytest.raises(tidegate.InvalidRequest, match="usage"):
            await client.check("Hello.", usage=tidegate.Usage(input_tokens=-1))
        with pytest.raises(tidegate.InvalidRequest, match="behind its chunks"):
            [each async for each in client.stream(["Hello."], usage=tidegate.Usage(1))]


def test_labels_take_so_many_values_and_no_more():
    metrics = Metrics("test", usage_label_values=2)
    for number in range(5):
        payer = Payer(f"tenant-{number}", "shop", "m", "a\nvery odd \x00 version")
        metrics.expenses.count(payer, Spent(Usage(1, 1)), None)
    lines = [line for line in metrics.render().decode().splitlines() if line.startswith("tidegate_tokens_total")]
    assert len(lines) == 2 * 3
    assert 'tidegate_tokens_total{app="shop",kind="input",model="m",prompt_version="other",tenant="other"} 3.0' in lines


def test_exemplars_are_told_to_who_can_read_them():
    metrics = Metrics("test")
    metrics.expenses.count(Payer("", "", "m", ""), Spent(Usage(1, 1), first_token_ms=300), {"trace_id": TRACE})
    text, kind = metrics.render_as("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert kind.startswith("application/openmetrics-text")
    assert f'# {{trace_id="{TRACE}"}}' in text.decode()
    text, kind = metrics.render_as("text/plain")
    assert kind.startswith("text/plain")
    assert TRACE not in text.decode()


@pytest.mark.parametrize(
    ("model", "usage", "cost"),
    [
        ("m", Usage(1_000_000, 0), 2.0),
        ("m", Usage(0, 1_000_000), 8.0),
        ("m", Usage(1_000_000, 0, 1_000_000), 0.5),
        ("m", Usage(1_000_000, 0, 0, 1_000_000), 2.5),
        ("m", Usage(10, 0, 1_000_000), 0.5),
        ("gpt-4o", Usage(500_000, 500_000), 1.0),
        ("m", Usage(None, 5), None),
        ("m", Usage(5, None), None),
        ("m", None, None),
        ("other", Usage(1, 1), None),
        ("", Usage(1, 1), None),
    ],
)
def test_cost_is_tokens_times_prices(model: str, usage: Usage | None, cost: float | None):
    found = PRICES.cost(model, usage)
    assert found == (None if cost is None else pytest.approx(cost))


def test_the_longest_name_that_fits_counts():
    price = Price(1, 1, 1, 1)
    table = Prices({"*": price, "gpt-4*": Price(2, 2, 2, 2), "gpt-4o": Price(3, 3, 3, 3)})
    assert [found.input for name in ("gpt-4o", "gpt-4o-mini", "claude") if (found := table.of(name))] == [3, 2, 1]


@pytest.mark.parametrize(
    ("target", "model"),
    [
        ("/v1beta/models/gemini-pro:streamGenerateContent?alt=sse", "gemini-pro"),
        ("/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro"),
        ("/model/some.model-v1%3A0/converse-stream", "some.model-v1:0"),
        ("/openai/deployments/gpt-4o/chat/completions?api-version=1", "gpt-4o"),
        ("/v1/chat/completions", ""),
        ("/v1/models", ""),
        ("/v1/models/gpt-4o", ""),
    ],
)
def test_a_model_may_stand_in_the_path(target: str, model: str):
    assert model_in(target) == model
