"""Apache Kafka itself, for tests: one broker or several, each a Java process that can be stopped, killed and frozen.

The jars are found in the folder that `TIDEGATE_KAFKA_LIBS` names, in `.kafka/libs` (`make kafka`), or in `../shared`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from aiokafka.protocol.metadata import MetadataRequest

from sidecar.outbox.cluster import Cluster, UnreachableError
from sidecar.outbox.settings import KafkaSettings
from tests.integration.broker import free_port

READY_S = 90.0
"""How long a broker may take to answer; it takes 4 to 8 s on an idle machine."""
_ROOT = Path(__file__).parents[2]
_PLACES = (_ROOT / ".kafka" / "libs", _ROOT.parent / "shared" / "kafka" / "libs")
_HEAP = ("-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_DYING = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
os.execvp(sys.argv[1], sys.argv[1:])
"""
_DYING_WITH_PARENT = (sys.executable, "-S", "-c", _DYING)
"""Has the system end a program with the tests, however they end. Between fork and exec it crashed: these tests have
threads."""
_ID = "dGlkZWdhdGUtdGVzdHMtMQ"


def kafka_libs() -> Path | None:
    """The folder of Kafka's jars, or None where they or Java are not there."""
    named = os.environ.get("TIDEGATE_KAFKA_LIBS")
    for place in (Path(named),) if named else _PLACES:
        if shutil.which("java") and any(place.glob("kafka-server-*.jar")):
            return place
    return None


class KafkaBroker:
    """One broker and controller in one process."""

    def __init__(self, folder: Path, libs: Path, properties: Mapping[str, str]) -> None:
        self.folder = folder
        self._libs = libs
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        self._config = folder / "server.properties"
        self.properties = dict(properties)

    def format(self, *options: str) -> None:
        """Make the folder of its logs."""
        text = "".join(f"{name}={value}\n" for name, value in self.properties.items())
        self._config.write_text(text, encoding="utf-8")
        config = str(self._config)
        run_java(self._libs, "kafka.tools.StorageTool", "format", "-t", _ID, "-c", config, *options)

    def start(self) -> None:
        """Start the process; it answers some seconds later."""
        with (self.folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_DYING_WITH_PARENT, *_java(self._libs), "kafka.Kafka", str(self._config)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        """SIGTERM: it hands its partitions over and ends."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return (self.folder / "broker.log").read_text(errors="replace")

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self.thaw()
        self._signal(number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class KafkaCluster:
    """Brokers that are one cluster. Listeners: PLAINTEXT for tests; more by `extra`, with ports of `ports`."""

    def __init__(
        self,
        folder: Path,
        libs: Path,
        *,
        brokers: int = 1,
        extra: Mapping[str, str] | None = None,
        listeners: Mapping[str, str] | None = None,
        advertised: Mapping[int, str] | None = None,
    ) -> None:
        self.libs = libs
        self._folder = folder
        listeners = listeners or {}
        controllers = [free_port() for _ in range(brokers)]
        self._plain = [free_port() for _ in range(brokers)]
        self.ports = {name: free_port() for name in listeners}
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(controllers, 1))
        self.brokers = [
            KafkaBroker(
                folder / f"broker-{number}",
                libs,
                self._properties(number, voters, controllers[number - 1], listeners, advertised or {})
                | dict(extra or {}),
            )
            for number in range(1, brokers + 1)
        ]

    def _properties(
        self, number: int, voters: str, controller: int, listeners: Mapping[str, str], advertised: Mapping[int, str]
    ) -> dict[str, str]:
        own = {"PLAINTEXT": f"127.0.0.1:{self._plain[number - 1]}"}
        own |= {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        shown = own | ({"PLAINTEXT": advertised[number]} if number in advertised else {})
        protocols = {"CONTROLLER": "PLAINTEXT", "PLAINTEXT": "PLAINTEXT"} | dict(listeners)
        copies = str(min(3, len(self._plain)))
        return {
            "process.roles": "broker,controller",
            "node.id": str(number),
            "controller.quorum.voters": voters,
            "listeners": ",".join(
                f"{name}://{at}" for name, at in (own | {"CONTROLLER": f"127.0.0.1:{controller}"}).items()
            ),
            "advertised.listeners": ",".join(f"{name}://{at}" for name, at in shown.items()),
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in protocols.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self._folder / f"broker-{number}" / "logs"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.state.log.min.isr": "1",
            "default.replication.factor": copies,
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "log.retention.check.interval.ms": "500",
            "log.initial.task.delay.ms": "500",
            "log.segment.delete.delay.ms": "500",
            "broker.session.timeout.ms": "6000",
            "num.network.threads": "2",
            "num.io.threads": "2",
            "background.threads": "2",
        }

    @property
    def address(self) -> str:
        """What a client connects to."""
        return ",".join(f"127.0.0.1:{port}" for port in self._plain)

    def address_of(self, listener: str) -> str:
        return f"127.0.0.1:{self.ports[listener]}"

    def start(self, *format_options: str) -> None:
        for broker in self.brokers:
            broker.format(*format_options)
            broker.start()

    def stop(self) -> None:
        for broker in self.brokers:
            broker.kill()

    async def wait_ready(self) -> None:
        """Return when all brokers that run are in the cluster."""
        count = sum(broker.is_running for broker in self.brokers)
        async with asyncio.timeout(READY_S):
            while await _brokers_at(self.address) < count:
                for broker in self.brokers:
                    assert broker.is_running or count < len(self.brokers), broker.log[-3000:]
                await asyncio.sleep(0.2)

    def tool(self, name: str, *arguments: str, stdin: str = "") -> str:
        """Run one of Kafka's commands; its output."""
        return run_java(self.libs, name, *arguments, stdin=stdin)


async def _brokers_at(address: str) -> int:
    cluster = Cluster(KafkaSettings(bootstrap_servers=address, request_timeout_ms=2000))
    try:
        answer = await cluster.ask_any(MetadataRequest([], allow_auto_topic_creation=False))
        return len(answer.brokers)
    except UnreachableError:
        return 0
    finally:
        await cluster.close()


def run_java(libs: Path, *command: str, stdin: str = "") -> str:
    """Run a class to its end; what it printed. Raises `AssertionError` with its words when it fails."""
    done = subprocess.run(
        [*_java(libs), *command], input=stdin, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def _java(libs: Path) -> Sequence[str]:
    return ["java", *_HEAP, "-cp", f"{libs}/*"]
