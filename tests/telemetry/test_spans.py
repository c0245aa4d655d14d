"""Spans and log events of guarded traffic, as a receiver of OTLP gets them; and what they never hold."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import tidegate
from sidecar.app import App
from sidecar.telemetry.metrics import Metrics
from sidecar.telemetry.otlp import Otlp
from sidecar.telemetry.tracing import exemplar_of
from sidecar.usage import Price, Prices
from tests.app.test_app import settings
from tests.proxies import CARD, INJECTION, Proxied, proxied
from tests.telemetry.receiver import Receiver, attributes_of, receiving
from tests.upstream import JSON, SSE, Answer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{CALLER}-01"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 400}}
PRICES = Prices({"gpt-*": Price(2.0, 8.0, 0.5, 2.0)}, "USD")
COST = (600 * 2.0 + 400 * 0.5 + 500 * 8.0) / 1_000_000
ASKED = {"model": "gpt-test", "messages": [{"role": "user", "content": "Where is it?"}]}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def otlp(receiver: Receiver, *, has_events: bool = True) -> Otlp:
    return Otlp("1.2.3", endpoint=receiver.address, has_events=has_events, count=Metrics("test").count_sent)


def answered(text: str) -> Answer:
    document = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}], "usage": USAGE}
    return Answer([json.dumps(document).encode()], JSON)


async def ask(proxy: Proxied, document: dict[str, Any], **headers: str) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{proxy.url}/v1/chat/completions", json=document, headers=headers) as answer,
    ):
        return answer.status, await answer.read()


def ids_of(span: Any) -> tuple[str, str, str]:
    return span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()


async def test_an_exchange_belongs_to_the_caller_s_trace_and_its_streams_belong_to_it(
    tmp_path: Path, receiver: Receiver
):
    sender = otlp(receiver)
    async with proxied(tmp_path, spans=sender.spans, prices=PRICES) as proxy:
        proxy.upstream.answer = answered("Here.")
        assert (await ask(proxy, ASKED, traceparent=SAMPLED))[0] == 200
        sent_on = proxy.upstream.requests[0].headers["traceparent"]
        told = [each.ids.trace for each in proxy.decisions]
    await sender.stop()

    call = receiver.span("chat gpt-test")
    trace, own, parent = ids_of(call)
    assert (trace, parent) == (TRACE, CALLER)
    assert sent_on == f"00-{TRACE}-{own}-01"
    assert told == [TRACE, TRACE]
    streams = [each for each in receiver.spans if each.name == "guardrail default"]
    assert [ids_of(each)[::2] for each in streams] == [(TRACE, own)] * 2
    assert [attributes_of(each)["tidegate.direction"] for each in streams] == ["input", "output"]
    assert receiver.resources[0]["service.name"] == "tidegate"

    said = attributes_of(call)
    assert call.kind == call.SPAN_KIND_CLIENT
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.provider.name"] == "openai"
    assert said["gen_ai.request.model"] == "gpt-test"
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (1000, 500)
    assert said["gen_ai.usage.cache_read.input_tokens"] == 400
    assert said["tidegate.cost"] == pytest.approx(COST)
    assert said["server.address"] == "127.0.0.1"
    assert said["openinference.span.kind"] == "LLM"
    assert said["llm.token_count.total"] == 1500
    assert said["llm.cost.total"] == pytest.approx(COST)
    assert "gen_ai.request.stream" not in said


async def test_a_violation_is_a_log_event_in_the_trace_and_holds_no_text(tmp_path: Path, receiver: Receiver):
    sender = otlp(receiver)
    async with proxied(tmp_path, spans=sender.spans) as proxy:
        proxy.upstream.answer = answered(f"It is {CARD}.")
        await ask(proxy, ASKED, traceparent=SAMPLED)
        event = next(each for each in proxy.outbox.events if each.kind == "violation")
    await sender.stop()

    (violation,) = receiver.events
    said = attributes_of(violation)
    assert violation.event_name == "tidegate.violation"
    assert said["tidegate.event.id"] == event.id
    assert (said["tidegate.rule"], said["tidegate.label"], said["tidegate.done"]) == (
        "no-cards",
        "CREDIT_CARD",
        "redact",
    )
    stream = next(each for each in receiver.spans if attributes_of(each).get("tidegate.violations"))
    assert (violation.trace_id.hex(), violation.span_id) == (TRACE, stream.span_id)
    assert not stream.events
    guarded = attributes_of(stream)
    assert guarded["openinference.span.kind"] == "GUARDRAIL"
    assert not [name for name in guarded if "usage" in name or "token" in name]  # or it were counted twice
    assert guarded["tidegate.violated_rules"] == ["no-cards"]
    assert json.loads(guarded["metadata"])["tidegate.done"] == "redact"
    everything = receiver.raw + repr((receiver.spans, receiver.events)).encode()
    for text in (CARD, "4111", "Where is it?", "It is "):
        assert text.encode() not in everything


async def test_what_is_blocked_before_the_model_is_asked_is_no_error(tmp_path: Path, receiver: Receiver):
    sender = otlp(receiver)
    async with proxied(tmp_path, spans=sender.spans) as proxy:
        document = {**ASKED, "messages": [{"role": "user", "content": INJECTION}]}
        assert (await ask(proxy, document))[0] == 400
    await sender.stop()
    call = receiver.span("chat gpt-test")
    assert call.status.code == call.status.STATUS_CODE_UNSET
    assert "http.response.status_code" not in attributes_of(call)
    assert attributes_of(receiver.span("guardrail default"))["tidegate.done"] == "block"
    assert not call.parent_span_id


@pytest.mark.parametrize(
    ("answer", "error"),
    [(Answer([b"{}"], JSON, status=503), "503"), (Answer([b'{"a'], SSE, resets=True), "UpstreamError")],
)
async def test_what_goes_wrong_is_an_error_of_the_exchange(
    tmp_path: Path, receiver: Receiver, answer: Answer, error: str
):
    sender = otlp(receiver)
    async with proxied(tmp_path, spans=sender.spans) as proxy:
        proxy.upstream.answer = answer
        with suppress(aiohttp.ClientError):
            await ask(proxy, {**ASKED, "stream": True})
    await sender.stop()
    call = receiver.span("chat gpt-test")
    assert call.status.code == call.status.STATUS_CODE_ERROR
    assert attributes_of(call)["error.type"] == error
    assert attributes_of(call)["gen_ai.request.stream"] is True


async def test_a_caller_s_decision_not_to_sample_is_kept(tmp_path: Path, receiver: Receiver):
    sender = otlp(receiver)
    async with proxied(tmp_path, spans=sender.spans) as proxy:
        proxy.upstream.answer = answered("Here.")
        await ask(proxy, ASKED, traceparent=f"00-{TRACE}-{CALLER}-00")
        assert proxy.upstream.requests[0].headers["traceparent"].endswith("-00")
    await sender.stop()
    assert receiver.spans == []


async def test_standard_variables_hold(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.address)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-guard")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    metrics = Metrics("test")
    sender = Otlp("1.2.3", endpoint="", has_events=True, count=metrics.count_sent)
    async with proxied(tmp_path, spans=sender.spans) as proxy:
        proxy.upstream.answer = answered(f"It is {CARD}.")
        await ask(proxy, ASKED)
        await ask(proxy, ASKED, traceparent=SAMPLED)
    await sender.stop()
    assert {ids_of(each)[0] for each in receiver.spans} == {TRACE}
    assert receiver.resources[0]["service.name"] == "shop-guard"
    assert receiver.events == []
    assert 'tidegate_otlp_items_total{result="sent",signal="spans"} 3.0' in metrics.render().decode()


async def test_a_receiver_that_is_away_delays_nothing_and_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    metrics = Metrics("test")
    sender = Otlp("1.2.3", endpoint="http://127.0.0.1:9", has_events=False, count=metrics.count_sent)
    async with proxied(tmp_path, spans=sender.spans) as proxy:
        proxy.upstream.answer = answered("Here.")
        assert (await ask(proxy, ASKED))[0] == 200
    await sender.stop()
    assert 'tidegate_otlp_items_total{result="failed",signal="spans"} 3.0' in metrics.render().decode()


async def test_the_service_sends_what_its_settings_say(tmp_path: Path, receiver: Receiver):
    made = settings(tmp_path, telemetry={"traces": "otlp", "otlp_endpoint": f"{receiver.address}/"})
    async with (app := App(made)).running(), tidegate.AsyncClient(app.grpc.addresses[0]) as client:
        await client.check("a plum", traceparent=SAMPLED, session_id="talk-9", labels={"app": "shop"})
    stream = receiver.span("guardrail words")
    assert ids_of(stream)[::2] == (TRACE, CALLER)
    said = attributes_of(stream)
    assert (said["session.id"], said["tidegate.app"], said["tidegate.policy.version"]) == ("talk-9", "shop", "1")
    assert [each.event_name for each in receiver.events] == ["tidegate.violation"]
    assert b"plum" not in receiver.raw.replace(b"no-plums", b"")


def test_the_sdk_is_not_loaded_where_no_spans_are_made():
    script = "import sys, sidecar.app; print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("traceparent", "expected"),
    [(SAMPLED, {"trace_id": TRACE}), (f"00-{TRACE}-{CALLER}-00", None), ("", None), ("no trace", None)],
)
def test_what_nobody_keeps_is_no_exemplar(traceparent: str, expected: dict[str, str] | None):
    assert exemplar_of(traceparent) == expected
