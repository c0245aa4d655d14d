"""A model on a real inference server: the same scores, and what follows when it dies, hangs or has another model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

import tidegate
from detectors.models.encoder import load_encoder
from detectors.models.session import placed
from sidecar.app import App
from sidecar.config import Inference, Settings
from sidecar.inference.models import RemoteModels
from sidecar.telemetry.metrics import Metrics
from tests.app.test_app import eventually
from tests.integration.mlserver import ModelServer, mlserver_binary
from tests.tiny_model import write_tiny_model

pytestmark = [pytest.mark.mlserver, pytest.mark.slow]

TEXTS = ("ignore the fool .", "the bank", "ann smith ignore " * 20)
BAD, GOOD = "Please ignore the fool. ", "The bank is here. "


@pytest.fixture
async def server(missing: Callable[[str], None], tmp_path: Path) -> AsyncIterator[ModelServer]:
    binary = mlserver_binary()
    if binary is None:
        missing("MLServer (make mlserver)")
    assert binary is not None
    made = ModelServer(binary, tmp_path / "mlserver")
    await made.start()
    try:
        yield made
    finally:
        made.kill()


def app(folder: Path, model: Path, server: ModelServer, *, max_hold_ms: int = 60_000, **inference: object) -> App:
    policy = {
        "apiVersion": "tidegate.dev/v1",
        "kind": "Policy",
        "metadata": {"name": "guard", "version": "1"},
        "stream": {"max_hold_ms": max_hold_ms, "on_timeout": "fail_closed"},
        "rules": [
            {
                "id": "no-injection",
                "detect": {
                    "detector": "injection",
                    "model": str(model),
                    "labels": {"injection": 0.5},
                    "parts": ["model"],
                },
                "severity": "high",
                "action": {"block": {"message": "no"}},
                "on_error": "fail_closed",
            }
        ],
    }
    (folder / "policies").mkdir()
    (folder / "policies" / "guard.yaml").write_text(str(policy))
    return App(
        Settings.model_validate(
            {
                "grpc": {"listen": ["127.0.0.1:0"]},
                "admin": {"listen": "127.0.0.1:0"},
                "policies": {"directories": [folder / "policies"], "reload": False},
                "outbox": {"path": folder / "outbox.db"},
                "scheduler": {"cache_entries": 0},
                "inference": {
                    "target": server.address,
                    "models": {str(model): "served"},
                    "timeout_ms": 30_000,
                    "breaker": {"failures": 1, "open_seconds": 0.05},
                }
                | inference,
            }
        )
    )


async def blocks(client: tidegate.AsyncClient, text: str) -> bool:
    return (await client.check(text)).is_blocked


async def is_refused(client: tidegate.AsyncClient, text: str) -> bool:
    """Whether nobody looked at a text in time, which is no verdict about it."""
    try:
        return await blocks(client, text)
    except tidegate.Overloaded:
        return True


def batches(app: App, result: str) -> float:
    value = app.metrics.registry.get_sample_value(
        "tidegate_inference_batches_total", {"model": "tiny", "result": result}
    )
    return value or 0.0


async def test_the_server_gives_the_scores_that_the_local_model_gives(server: ModelServer, tmp_path: Path):
    folder = write_tiny_model(tmp_path / "tiny")
    local = load_encoder(folder)
    settings = Inference(target=server.address, models={str(folder): "served"}, timeout_ms=30_000, fallback="fail")
    models = RemoteModels(settings, metrics=Metrics("test"))
    await models.start(lambda problem: pytest.fail(problem))
    try:
        with models.placed():
            remote = await asyncio.to_thread(load_encoder, folder)
        heads = [*local.card.heads]
        here, there = local.encode(TEXTS, heads), await asyncio.to_thread(remote.encode, TEXTS, heads)
    finally:
        await models.stop()
    for one, other in zip(here, there, strict=True):
        for head in one.scores:
            np.testing.assert_array_equal(one.scores[head], other.scores[head])
        np.testing.assert_array_equal(one.tags["pii"].scores, other.tags["pii"].scores)


async def test_the_local_model_stands_in_while_the_server_is_dead(server: ModelServer, tmp_path: Path):
    service = app(tmp_path, write_tiny_model(tmp_path / "tiny"), server)
    async with service.running(), tidegate.AsyncClient(service.grpc.addresses[0]) as client:
        assert [await blocks(client, text) for text in (BAD, GOOD)] == [True, False]
        assert batches(service, "local") == 0
        server.kill()
        assert [await blocks(client, text) for text in (BAD, GOOD, BAD)] == [True, False, True]
        assert batches(service, "local") > 0
        assert b'tidegate_inference_breaker_open{model="tiny"} 1.0' in service.metrics.render()
        await server.start()
        answered = batches(service, "answered")
        async with asyncio.timeout(60):
            while batches(service, "answered") == answered:
                assert await blocks(client, BAD)
        assert b'tidegate_inference_breaker_open{model="tiny"} 0.0' in service.metrics.render()


async def test_a_stream_goes_on_when_the_server_dies_in_its_middle(server: ModelServer, tmp_path: Path):
    service = app(tmp_path, write_tiny_model(tmp_path / "tiny"), server)
    pieces = [GOOD, GOOD, GOOD, GOOD]

    async def chunks() -> AsyncIterator[str]:
        yield pieces[0]
        yield pieces[1]
        server.kill()
        yield pieces[2]
        yield pieces[3]

    async with service.running(), tidegate.AsyncClient(service.grpc.addresses[0]) as client:
        assert "".join([text async for text in client.stream(chunks()).text()]) == "".join(pieces)


async def test_without_a_local_model_the_rules_fail_mode_applies_until_it_is_back(server: ModelServer, tmp_path: Path):
    service = app(tmp_path, write_tiny_model(tmp_path / "tiny"), server, fallback="fail")
    async with service.running(), tidegate.AsyncClient(service.grpc.addresses[0]) as client:
        assert not await blocks(client, GOOD)
        server.kill()
        assert await blocks(client, GOOD)
        assert batches(service, "failed") > 0
        await server.start()
        async with asyncio.timeout(60):
            while await blocks(client, GOOD):
                await asyncio.sleep(0.01)


async def test_a_slow_server_costs_a_stream_no_more_than_its_deadline(server: ModelServer, tmp_path: Path):
    service = app(tmp_path, write_tiny_model(tmp_path / "tiny"), server, max_hold_ms=300, fallback="fail")
    async with service.running(), tidegate.AsyncClient(service.grpc.addresses[0]) as client:
        server.slow(3600)
        assert await is_refused(client, GOOD)
        server.slow(0)
        async with asyncio.timeout(60):
            while await is_refused(client, GOOD):  # the call that hangs is given up at the deadline: the worker is free
                await asyncio.sleep(0.01)


async def test_it_begins_with_the_local_model_when_the_server_is_not_there_yet(server: ModelServer, tmp_path: Path):
    server.kill()
    service = app(tmp_path, write_tiny_model(tmp_path / "tiny"), server)
    async with service.running(), tidegate.AsyncClient(service.grpc.addresses[0]) as client:
        assert [await blocks(client, text) for text in (BAD, GOOD)] == [True, False]
        await server.start()
        async with asyncio.timeout(60):
            while not batches(service, "answered"):
                assert await blocks(client, BAD)


@pytest.mark.parametrize(
    ("models", "change", "message"),
    [
        ("nowhere", "", "model nowhere on the inference server"),
        ("served", '"threat", ', "is not what its card says: output toxicity has shape [-1, 2] instead of [-1, 1]"),
    ],
)
async def test_it_is_not_ready_with_the_wrong_model_and_says_why(
    server: ModelServer, tmp_path: Path, models: str, change: str, message: str
):
    folder = write_tiny_model(tmp_path / "tiny")
    card = folder / "model.yaml"
    card.write_text(card.read_text().replace(change, ""))
    service = app(tmp_path, folder, server, models={str(folder): models})

    async def run() -> None:
        async with service.running():
            raise AssertionError("it started")

    starting = asyncio.create_task(run())
    await eventually(lambda: starting.done() or message in service.readiness.parts["inference"])
    assert not service.readiness.is_ready
    starting.cancel()
    await asyncio.wait([starting])


def test_models_without_a_placement_run_here(tmp_path: Path):
    folder = write_tiny_model(tmp_path / "tiny")
    with placed({tmp_path / "other": lambda _: pytest.fail("asked")}):
        assert load_encoder(folder).card.identity == "tiny@1"
