"""Drift in a service: what is taken of streams, events, metrics, and what outlives a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from detectors.models.encoded import DEFAULT_MODEL
from sidecar.app import App
from sidecar.cli.main import main
from sidecar.drift import kept
from sidecar.drift.groups import EMBEDDING, GroupKey
from sidecar.drift.kept import DriftError
from sidecar.drift.settings import DriftSettings
from sidecar.outbox.event import Drift, Movement
from sidecar.outbox.memory import MemoryOutbox
from sidecar.start import StreamStart
from sidecar.values import Direction, Lane, Part
from tests.app.test_app import settings

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: shop, version: "1"}
match: {directions: [input, output]}
stream: {max_hold_ms: 20000}
rules:
  - id: no-attacks
    detect: {detector: injection, labels: {injection: 0.9}}
    action: block
  - id: no-insults
    detect: {detector: toxicity, labels: {insult: 0.95}}
    action: block
"""
WORDS = "  - {id: no-plums, detect: {detector: patterns, keywords: {PLUM: [plum]}}, action: block}\n"
BANK = "How do I transfer {n} euros from my savings account to my checking account at the bank?"
COOK = "What temperature and how long should I roast a chicken of {n} pounds with potatoes?"
KEY = GroupKey("support", "acme", "7", Direction.INPUT)
REFERENCE, WINDOW = 100, 50
pytestmark = pytest.mark.slow


class Service:
    """An app that watches, with its events in memory."""

    def __init__(self, folder: Path, policy: str, **drift: object) -> None:
        values = {"reference_streams": REFERENCE, "window_streams": WINDOW, "vectors": 50, "false_alarms": 0.01}
        own = {"enabled": True, "path": folder / "drift.json", **values, **drift}
        chosen = settings(folder, drift=own, events={"sink": "none"})
        (folder / "policies" / "words.yaml").unlink()
        (folder / "policies" / "shop.yaml").write_text(policy)
        self.app = App(chosen)
        assert self.app.drift is not None
        self.watch = self.app.drift
        self.events = MemoryOutbox()
        self.watch._outbox = self.events

    @property
    def told(self) -> list[Drift]:
        return [each.data for each in self.events.events if isinstance(each.data, Drift)]

    async def ask(self, text: str, *, direction: Direction = Direction.INPUT, tenant: str = "acme") -> None:
        start = StreamStart(direction=direction, tenant=tenant, labels={"app": "support"}, prompt_version="7")
        part = Part.USER if direction is Direction.INPUT else Part.MODEL
        async with self.app.engine.open(start) as stream:
            await stream.feed(Lane(part=part), text, is_last=True)
            stream.finish()
            async for _ in stream.outputs():
                pass

    async def ask_all(self, template: str, count: int, first: int = 1) -> None:
        """So many questions, which differ in a number: every second one from `first` on."""
        for number in range(first, first + 2 * count, 2):
            await self.ask(template.format(n=number))
        await self.watch.settled()

    def metric(self, name: str, signal: str) -> float | None:
        labels = {"app": "support", "tenant": "acme", "prompt_version": "7", "direction": "input", "signal": signal}
        return self.app.metrics.registry.get_sample_value(name, labels)


@asynccontextmanager
async def serving(folder: Path, policy: str = POLICY, **drift: object) -> AsyncIterator[Service]:
    service = Service(folder, policy, **drift)
    await service.events.start()
    async with service.app.running():
        yield service


def test_the_model_that_is_read_is_the_one_that_is_shipped():
    assert DriftSettings().model == DEFAULT_MODEL


async def test_another_topic_is_an_event_and_a_metric_and_survives_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        await service.ask_all(BANK, REFERENCE)
        group = service.watch.groups[KEY]
        assert (group.reference.streams, len(group.reference.vectors)) == (REFERENCE, 50)
        assert set(group.reference.counts) >= {"topics", "scores.injection", "stopped", "violations"}
        await service.ask_all(COOK, WINDOW)
        told = {each.signal: each for each in service.told}
        assert {EMBEDDING, "topics"} <= set(told)
        assert all(each.movement is Movement.MOVED and each.severity == "medium" for each in told.values())
        topics = told["topics"]
        assert topics.app is not None
        assert (topics.ids.tenant, topics.app.labels, topics.app.prompt_version) == ("acme", {"app": "support"}, "7")
        assert (topics.reference_streams, topics.window_streams) == (REFERENCE, WINDOW)
        assert topics.changes[0].window > 0.9 or topics.changes[0].reference > 0.9
        assert service.metric("tidegate_drift_moved", "topics") == 1.0
        assert (service.metric("tidegate_drift_distance", "topics") or 0) > 1
        await service.ask(BANK.format(n=1000))
    async with serving(tmp_path) as service:
        group = service.watch.groups[KEY]
        assert (group.reference.streams, group.window.streams, group.windows) == (REFERENCE, 1, 1)
        assert "topics" in group.quiet
        assert service.metric("tidegate_drift_moved", "topics") == 1.0
    held = (tmp_path / "drift.json").read_bytes()
    assert b"chicken" not in held
    assert b"savings" not in held


async def test_nothing_is_encoded_twice(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        model = service.watch.reader.model
        await service.ask(BANK.format(n=1))
        read = service.app.metrics.registry.get_sample_value("tidegate_scheduler_batch_items_sum", {"model": model})
        assert read == 1  # one segment, for both rules and for the watch
        reference = service.watch.groups[KEY].reference
        assert (reference.streams, len(reference.vectors), sum(reference.counts["topics"].values())) == (1, 1, 1)


async def test_texts_that_no_rule_reads_are_encoded_where_the_settings_say_so(tmp_path: Path) -> None:
    words = POLICY.partition("  - id: no-attacks")[0] + WORDS
    for mode, expected in (("shared", 0), ("all", 1)):
        folder = tmp_path / mode
        folder.mkdir()
        async with serving(folder, words, encode=mode) as service:
            await service.ask(BANK.format(n=1))
            async with asyncio.timeout(60):
                while KEY not in service.watch.groups:
                    await asyncio.sleep(0.01)
            reference = service.watch.groups[KEY].reference
            assert (reference.streams, len(reference.vectors)) == (1, expected)


async def test_answers_are_a_group_of_their_own_and_keep_no_vectors(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        await service.ask(BANK.format(n=1), direction=Direction.OUTPUT)
        (key,) = service.watch.groups
        reference = service.watch.groups[key].reference
        assert (key.direction, reference.vectors, sum(reference.counts["topics"].values())) == (Direction.OUTPUT, [], 1)


async def test_groups_are_bounded(tmp_path: Path) -> None:
    async with serving(tmp_path, max_groups=2) as service:
        for tenant in ("a", "b", "c", "a"):
            await service.ask("hello there my friend", tenant=tenant)
        assert [key.tenant for key in service.watch.groups] == ["a", "b"]
        assert service.app.metrics.registry.get_sample_value("tidegate_drift_unwatched_total") == 1.0


async def test_a_pinned_reference_is_taken(tmp_path: Path) -> None:
    pinned = tmp_path / "reference.json"
    async with serving(tmp_path) as service:
        await service.ask_all(BANK, REFERENCE)
        await service.ask_all(COOK, WINDOW)
    run = CliRunner().invoke(main, ["drift", "show", "--samples", str(tmp_path / "drift.json")])
    assert run.exit_code == 1, run.output
    assert "moved" in run.output
    words = ["drift", "pin", "--samples", str(tmp_path / "drift.json"), "--what", "last", "--to", str(pinned)]
    run = CliRunner().invoke(main, words)
    assert run.exit_code == 0, run.output
    async with serving(tmp_path, reference=pinned) as service:
        assert service.watch.groups[KEY].is_pinned
        await service.ask_all(COOK, WINDOW, first=2)
        assert service.told == []
        await service.ask_all(BANK, WINDOW, first=2)
        assert {each.signal for each in service.told} >= {"topics"}
        assert all(each.is_pinned for each in service.told)
    assert kept.read(tmp_path / "drift.json")[KEY].is_pinned


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"model": "no-such-model"}, "drift.model"), ({"reference": Path("no-such-file")}, "cannot read")],
)
async def test_what_cannot_be_watched_is_told_at_the_start(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(DriftError, match=said):
        async with serving(tmp_path, POLICY, **changes):
            pass


def test_a_window_may_not_be_larger_than_the_reference():
    with pytest.raises(ValueError, match="window_streams is more"):
        DriftSettings(reference_streams=100, window_streams=101)
