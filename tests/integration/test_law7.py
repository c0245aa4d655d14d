"""Law 7, on the real service: recorded, then acted on, then published at least once.

Clients stream texts through the service while it is killed with SIGKILL at random moments, the broker is frozen and the
connections to it are cut. They note each redaction and each verdict that they are shown. In the end all of them are in
the topics, in their order, numbered without a gap, and repeated only under the same id.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import grpc
import grpc.aio
import pytest
from aiokafka.structs import ConsumerRecord

from sidecar.outbox.audit import Audit
from sidecar.outbox.encode import decode
from sidecar.outbox.event import Data, Violation
from sidecar.outbox.reader import read_outbox
from sidecar.outbox.reads import Read
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.topics import TopicPlan, create_topics
from tests.integration.broker import Broker, free_port, proxied, read_all
from tests.integration.kafka_cluster import KafkaCluster
from tests.integration.sidecar import Sidecar
from tidegate.v1 import guard_pb2, guard_pb2_grpc

pytestmark = [pytest.mark.broker, pytest.mark.slow]

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: law-seven, version: "1"}
stream: {mode: strict}
rules:
  - id: no-order-numbers
    detect: {detector: patterns, patterns: [{label: ORDER, regex: 'ORD-[0-9]{8}'}]}
    severity: medium
    action: {redact: {with: mask}}
  - id: no-kraken
    detect: {detector: patterns, keywords: {CODENAME: [kraken]}}
    severity: high
    action: {block: {message: "No."}}
"""
CLIENTS = 6
SEED = 7
Action = tuple[str, str, int]
"""What a client was shown: the request, the rule, and where the redacted span starts (a block: -1)."""


class Seen:
    """What the clients were shown, by session, in order."""

    def __init__(self) -> None:
        self.by_session: defaultdict[str, list[Action]] = defaultdict(list)
        self.count = 0
        self._grew = asyncio.Event()

    def add(self, session: str, action: Action) -> None:
        self.by_session[session].append(action)
        self.count += 1
        self._grew.set()

    async def more(self, count: int) -> None:
        """Return when the clients have been shown so many more actions."""
        goal = self.count + count
        while self.count < goal:
            self._grew.clear()
            await self._grew.wait()


def text_of(chance: random.Random) -> Iterator[str]:
    """A text in small pieces, with order numbers, and now and then the word that stops it."""
    for number in range(chance.randrange(12)):
        yield f"Order {number} is "
        order = f"ORD-{chance.randrange(10**8):08d}"
        cut = chance.randrange(1, len(order))
        yield order[:cut]
        yield f"{order[cut:]} today. "
    yield "Beware of the kraken." if chance.random() < 0.5 else "That is all."


async def requests_of(session: str, request: str, chance: random.Random) -> AsyncIterator[guard_pb2.StreamRequest]:
    start = guard_pb2.Start(policy="law-seven", tenant="acme", session_id=session, request_id=request)
    yield guard_pb2.StreamRequest(start=start)
    for text in text_of(chance):
        yield guard_pb2.StreamRequest(chunk=guard_pb2.Chunk(text=text))
    yield guard_pb2.StreamRequest(finish=guard_pb2.Finish())


async def client(sidecar: Sidecar, session: str, names: Iterator[int], seen: Seen, chance: random.Random) -> None:
    """Stream one text after another, in one session, until the service is gone."""
    async with grpc.aio.insecure_channel(sidecar.address) as channel:
        stub = guard_pb2_grpc.GuardServiceStub(channel)
        while True:
            request = f"{session}-{next(names)}"
            try:
                async for response in stub.Stream(requests_of(session, request, chance)):
                    note(response, session, request, seen)
            except grpc.aio.AioRpcError:
                if sidecar.is_running:
                    raise
                return


def note(response: guard_pb2.StreamResponse, session: str, request: str, seen: Seen) -> None:
    for redaction in response.release.redactions:
        seen.add(session, (request, redaction.rule, redaction.span.start))
    if response.HasField("verdict"):
        seen.add(session, (request, response.verdict.rule, -1))


def action_of(violation: Violation) -> Action:
    start = -1 if violation.done == "block" else violation.where.span.start
    return violation.ids.request, violation.policy.rule, start


class Stage:
    """The service, and the clients of one act after another."""

    def __init__(self, sidecar: Sidecar, chance: random.Random) -> None:
        self.sidecar = sidecar
        self.seen = Seen()
        self._chance = chance
        self._names = itertools.count()

    async def act(self, *happenings: Callable[[], object]) -> None:
        """Start the service and clients, let things happen between their actions, and kill the service at last."""
        await self.sidecar.start()
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                chance = random.Random(self._chance.random())
                clients.create_task(client(self.sidecar, f"session-{number}", self._names, self.seen, chance))
            for happening in (*happenings, self.sidecar.kill):
                await self.seen.more(self._chance.randrange(10, 90))
                if asyncio.iscoroutine(done := happening()):
                    await done

    async def publish_all(self) -> None:
        """Start the service once more and wait until its outbox is empty."""
        await self.sidecar.start()
        loop = asyncio.get_running_loop()
        until = loop.time() + 60
        while waiting := [read async for read in read_outbox(self.sidecar.outbox)]:
            assert loop.time() < until, f"{len(waiting)} events are left\n{self.sidecar.log[-4000:]}"
            await asyncio.sleep(0.05)
        self.sidecar.stop()


def sidecar_in(folder: Path, kafka: KafkaSettings) -> Sidecar:
    (folder / "policies").mkdir()
    (folder / "policies" / "law-seven.yaml").write_text(POLICY, encoding="utf-8")
    shown = {"bootstrap_servers", "idempotence", "request_timeout_ms"}
    events = {"max_backoff_ms": 200, "batch_events": 100}
    return Sidecar(folder, {"kafka": kafka.model_dump(mode="json", include=shown), "events": events})


async def test_every_action_that_was_shown_is_published(broker: Broker, tmp_path: Path):
    port = free_port()
    behind = Broker(broker.binary, tmp_path / "broker.log", advertised=f"127.0.0.1:{port}")
    behind.start()
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", idempotence=False, request_timeout_ms=1000)
    sidecar = sidecar_in(tmp_path, kafka)
    try:
        await behind.wait_ready()
        async with proxied(behind.address, port=port) as proxy:
            await create_topics(kafka, TopicPlan(partitions=3, replication_factor=1))
            stage = Stage(sidecar, random.Random(SEED))
            await stage.act()
            await stage.act(behind.freeze)
            await stage.act(behind.thaw, proxy.cut, proxy.mend)
            await stage.act(proxy.cut)
            await proxy.mend()
            await stage.publish_all()
            records = await read_all(kafka.bootstrap_servers, kafka.topics.names)
    finally:
        sidecar.kill()
        behind.stop()
    assert_kept(stage.seen, records)


@pytest.mark.kafka
async def test_every_action_that_was_shown_is_published_by_apache_kafka(libs: Path, tmp_path: Path):
    """The same with the broker itself, which is killed too and started again, and with idempotence."""
    port = free_port()
    cluster = KafkaCluster(tmp_path / "kafka", libs, advertised={1: f"127.0.0.1:{port}"})
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=1000)
    sidecar, behind = sidecar_in(tmp_path, kafka), cluster.brokers[0]
    try:
        cluster.start()
        await cluster.wait_ready()
        async with proxied(cluster.address, port=port) as proxy:
            await create_topics(kafka, TopicPlan(partitions=3, replication_factor=1))
            stage = Stage(sidecar, random.Random(SEED))
            await stage.act(behind.freeze)
            await stage.act(behind.thaw, proxy.cut, proxy.mend)
            await stage.act(behind.kill, behind.start)
            await stage.act(proxy.cut)
            await proxy.mend()
            await come_back(cluster)
            await stage.publish_all()
            records = await read_all(kafka.bootstrap_servers, kafka.topics.names)
    finally:
        sidecar.kill()
        cluster.stop()
    assert_kept(stage.seen, records)


async def come_back(cluster: KafkaCluster) -> None:
    """See that the broker answers that was killed: one whose port was taken meanwhile, say, is started once more."""
    (broker,) = cluster.brokers
    try:
        async with asyncio.timeout(30):
            await cluster.wait_ready()
    except (TimeoutError, AssertionError):
        broker.kill()
        broker.start()
        await cluster.wait_ready()


def assert_kept(seen: Seen, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
    """All that was shown is there, and all that is there is in order and complete."""
    data = [decode(record.headers, record.value or b"").data for record in records]
    assert_complete(data)
    assert_told(seen, data)


def assert_complete(data: Sequence[Data]) -> None:
    """Numbered from 1 without a gap, in order by session, repeated only under the same id."""
    audit = Audit()
    for each in data:
        audit.add(Read("", each))
    report = audit.report()
    (producer,) = report.producers
    assert report.is_fine, report
    assert (producer.first, producer.last) == (1, producer.events)


def assert_told(seen: Seen, data: Sequence[Data]) -> None:
    """What a session was shown is in the topic in the same order. More may be: what was recorded but not yet shown."""
    published: defaultdict[str, dict[Action, None]] = defaultdict(dict)
    for each in data:
        if isinstance(each, Violation):
            published[each.ids.session].setdefault(action_of(each))
    assert len(seen.by_session) == CLIENTS
    assert any(start < 0 for actions in seen.by_session.values() for _, _, start in actions), "no block was shown"
    for session, actions in seen.by_session.items():
        told = iter(published[session])
        missing = [action for action in actions if action not in published[session]]
        assert missing == []
        assert all(action in told for action in actions), f"{session} is out of order"
