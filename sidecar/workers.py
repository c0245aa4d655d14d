"""Several worker processes behind the same ports: started, watched, asked and stopped as one.

1. A worker is the whole service in a process of its own. The kernel spreads connections over them (SO_REUSEPORT). What
   must differ is passed as environment variables: outbox, events file, admin socket, threads (`environment_of`).
2. A worker that dies is started again, at growing intervals when it keeps dying. One that cannot even start for the
   first time ends the service.
3. SIGTERM and SIGINT drain all workers, SIGHUP has all of them read the policies; when this process dies, they drain.
4. The admin listener answers for all: ready when all are, metrics with a label `worker`.
5. Outboxes that a larger number of workers left behind are published from here.

What it does not promise: that one connection's streams are spread. A client with one connection uses one worker.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPEN_METRICS
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from detectors.models.threads import cpu_limit
from sidecar.admin import AdminServer, Page, about_page, metrics_page, ready_page
from sidecar.config import Settings
from sidecar.console.pages import POLICIES, STATE, STOPS, console_pages, policies_page
from sidecar.console.state import State, agreed, merged
from sidecar.errors import ConfigError, TidegateError
from sidecar.keys import event_signer, has_stand_in_key, own_key, tell_of_own_key
from sidecar.outbox.left_over import LeftOver
from sidecar.outbox.publishing import of_worker
from sidecar.readiness import FINE
from sidecar.starting import forbid_core_files
from sidecar.version import tidegate_version

_log = logging.getLogger(__name__)

_ASK_SECONDS = 3.0
_POLL_SECONDS = 0.1
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_LONG_LIFE = 60.0
"""A worker that lived for so long is started again without a growing pause."""
_GRACE_SECONDS = 15.0
"""What a worker may need beyond `drain_seconds`, before it is killed."""
_CANNOT_START = 2
_OK = 200
_PR_SET_PDEATHSIG = 1


def run(settings: Settings, config: Path | None) -> None:
    """Run the workers until SIGTERM or SIGINT. Raises `TidegateError` when they cannot start."""
    if settings.mcp.listen:
        raise ConfigError("keeps its sessions in one process: set workers to 1, or run it by itself", path="mcp.listen")
    forbid_core_files(settings)
    with ExitStack() as stack:
        ports = _reserve(settings, stack)
        shared = shared_key_of(settings)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-")))
        workers = [_worker(index, settings, ports, folder, config, shared) for index in range(settings.workers)]
        asyncio.run(Supervisor(settings, workers, ports).run())


def shared_key_of(settings: Settings) -> dict[str, str]:
    """A key for stand-ins, as what all workers are given, where the settings have none: they serve one conversation."""
    if has_stand_in_key(settings.keys):
        return {}
    return {"TIDEGATE_KEYS__STAND_IN": own_key().hex()}


def _worker(
    index: int, settings: Settings, ports: Ports, folder: Path, config: Path | None, shared: Mapping[str, str]
) -> Worker:
    admin = folder / f"{index}.sock"
    own = [] if config is None else ["--config", str(config)]
    return Worker(
        index,
        [sys.executable, "-m", "sidecar", "serve", *own],
        os.environ | environment_of(index, settings, ports, admin) | dict(shared),
        admin,
    )


@dataclass(frozen=True)
class Ports:
    """The addresses that the workers share, with the ports that were chosen for port 0."""

    grpc: tuple[str, ...]
    proxy: str
    callouts: str = ""


def environment_of(index: int, settings: Settings, ports: Ports, admin: Path) -> dict[str, str]:
    """What is a worker's own in its settings: no two workers write to one file."""
    cores = max(1, cpu_limit() // settings.workers)
    values: dict[str, object] = {
        "WORKERS": 1,
        "GRPC__LISTEN": ",".join(ports.grpc),
        "GRPC__SHARE_PORTS": True,
        "ADMIN__LISTEN": f"unix:{admin}",
        "OUTBOX__PATH": of_worker(settings.outbox.path, index),
        "OUTBOX__WORKER": index,
        "OUTBOX__TAKE_OVER": False,
        "DRIFT__PATH": of_worker(settings.drift.path, index),
        "EVENTS__FILE": of_worker(settings.events.file, index),
        "MODELS__THREADS": settings.models.threads or cores,
        "SCHEDULER__THREADS": settings.scheduler.threads or cores,
    }
    if ports.proxy:
        values |= {"PROXY__LISTEN": ports.proxy, "PROXY__SHARE_PORT": True}
    if ports.callouts:
        values |= {"CALLOUTS__LISTEN": ports.callouts, "CALLOUTS__SHARE_PORT": True}
    return {f"TIDEGATE_{key}": str(value) for key, value in values.items()}


class Worker:
    """One process, started again when it dies."""

    def __init__(self, index: int, command: Sequence[str], environment: Mapping[str, str], admin: Path) -> None:
        self.index = index
        self._command = command
        self._environment = environment
        self._admin = admin
        self._process: asyncio.subprocess.Process | None = None
        self._was_ready = False
        self.notes: Mapping[str, str] = {}
        """What there was to say beside its parts when it was asked last."""

    async def keep(self, stop: asyncio.Event) -> None:
        """Run it until it is told to stop. Raises `TidegateError` when it cannot start for the first time."""
        pause = _FIRST_PAUSE
        while True:
            began = time.monotonic()
            status = await self._live()
            if stop.is_set():
                return
            if status == _CANNOT_START and not self._was_ready:
                raise TidegateError(f"worker {self.index} cannot start")
            _log.error("a worker died; it is started again", extra={"worker": self.index, "status": status})
            pause = _FIRST_PAUSE if time.monotonic() - began > _LONG_LIFE else min(pause * 2, _LONGEST_PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stop.wait()
                    return

    def tell(self, number: int) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def ask(self, path: str, accept: str = "*/*") -> tuple[int, str] | None:
        """Status and body of a page of its admin listener; None when it does not answer."""
        timeout = aiohttp.ClientTimeout(total=_ASK_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._admin)), timeout=timeout) as http,
                http.get(f"http://worker{path}", headers={"Accept": accept}) as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def parts(self) -> dict[str, str]:
        """How each of its parts is."""
        answer = await self.ask("/readyz")
        if answer is None:
            return {"service": "does not answer"}
        self._was_ready = self._was_ready or answer[0] == _OK
        page = json.loads(answer[1])
        self.notes = page.get("notes", {})
        parts: dict[str, str] = page["parts"]
        return parts

    async def _live(self) -> int:
        """Start it and wait for its end; returns its exit status."""
        self._admin.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stdin=asyncio.subprocess.DEVNULL, preexec_fn=_die_with_parent
        )
        return await self._process.wait()


class Supervisor:
    """Keeps the workers, and speaks for them."""

    def __init__(self, settings: Settings, workers: Sequence[Worker], ports: Ports) -> None:
        self._workers = workers
        self._ports = ports
        self._drain_seconds = settings.drain_pause_seconds + settings.drain_seconds
        self._has_console = settings.admin.console
        self._admin = AdminServer(settings.admin.listen, self._pages())
        self._left_over = LeftOver(settings, workers=len(workers), signer=event_signer(settings.events))
        self._keys = settings.keys
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT, and all workers have drained. Raises `TidegateError` when they cannot start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._tell, signal.SIGHUP)
        await self._admin.start()
        await self._left_over.start()
        keeping = [asyncio.create_task(each.keep(self._stop)) for each in self._workers]
        telling = asyncio.create_task(self._say_when_ready())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([*keeping, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            telling.cancel()
            stopping.cancel()
            await self._drain(keeping)
            await self._left_over.stop()
            await self._admin.stop()
        errors = [error for task in keeping if (error := task.exception()) is not None]
        if errors:
            raise errors[0]  # the others say the same; one that nobody asks for would be a stack trace on stderr

    async def _drain(self, keeping: Sequence[asyncio.Task[None]]) -> None:
        self._stop.set()
        self._tell(signal.SIGTERM)
        _, running = await asyncio.wait(keeping, timeout=self._drain_seconds + _GRACE_SECONDS)
        if running:
            _log.error("workers are killed: they did not end in time", extra={"workers": len(running)})
            self._tell(signal.SIGKILL)
            await asyncio.wait(running)

    async def _say_when_ready(self) -> None:
        while any(state != FINE for state in (await self._parts()).values()):  # noqa: ASYNC110 - other processes
            await asyncio.sleep(_POLL_SECONDS)
        _log.info(
            "serving",
            extra={
                "workers": len(self._workers),
                "grpc": self._ports.grpc,
                "proxy": self._ports.proxy or None,
                "callouts": self._ports.callouts or None,
                "admin": self._admin.address,
            },
        )
        tell_of_own_key(self._keys)

    def _tell(self, number: int) -> None:
        for worker in self._workers:
            worker.tell(number)

    # -- the admin listener's pages -------------------------------------------------------------------------------

    def _pages(self) -> dict[str, Page]:
        return {
            **(console_pages(self._state, self._find) if self._has_console else {}),
            **policies_page(self._policies),
            "/healthz": self._health,
            "/readyz": self._ready,
            "/metrics": self._scrape,
            "/version": about_page(tidegate_version()),
        }

    async def _health(self, _request: web.Request) -> web.Response:
        """This process is alive. It starts workers again itself, so theirs is no reason to start all of it again."""
        return web.Response(text="ok\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        said = self._readiness(await self._parts())
        return ready_page(said["parts"], is_ready=said["ready"], notes=said["notes"])

    def _readiness(self, parts: Mapping[str, str]) -> State:
        is_ready = not self._stop.is_set() and all(state == FINE for state in parts.values())
        notes = {f"worker-{each.index}/{name}": said for each in self._workers for name, said in each.notes.items()}
        return {"ready": is_ready, "parts": dict(parts), "notes": notes}

    async def _scrape(self, request: web.Request) -> web.Response:
        answers = await asyncio.gather(*(each.ask("/metrics", OPEN_METRICS) for each in self._workers))
        registry = CollectorRegistry()
        registry.register(_Joined({index: answer[1] for index, answer in enumerate(answers) if answer is not None}))
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return metrics_page(encode(registry), content_type)

    async def _state(self) -> State:
        """What the page shows: all workers as one."""
        parts = await self._parts()
        states = [json.loads(text) for text in await self._all_say(STATE)]
        if not states:
            raise web.HTTPServiceUnavailable(text="no worker answers\n")
        return merged(states) | {"readiness": self._readiness(parts)}

    async def _policies(self) -> State:
        """What the workers have in force, which is the same but for the moments of a reload."""
        states = [json.loads(text) for text in await self._all_say(POLICIES)]
        if not states:
            raise web.HTTPServiceUnavailable(
                text=json.dumps({"error": "no worker answers"}) + "\n", content_type="application/json"
            )
        return agreed(states)

    async def _find(self, name: str) -> list[State]:
        path = STOPS.format(name=quote(name, safe=""))
        return [seen for text in await self._all_say(path) for seen in json.loads(text)["found"]]

    async def _all_say(self, path: str) -> list[str]:
        answers = await asyncio.gather(*(each.ask(path) for each in self._workers))
        return [answer[1] for answer in answers if answer is not None and answer[0] == _OK]

    async def _parts(self) -> dict[str, str]:
        """How each part of each worker is."""
        found = await asyncio.gather(*(each.parts() for each in self._workers))
        return {
            f"worker-{worker.index}/{part}": state
            for worker, parts in zip(self._workers, found, strict=True)
            for part, state in parts.items()
        }


class _Joined(Collector):
    """The metrics of all workers, each sample with the label `worker`."""

    def __init__(self, texts: Mapping[int, str]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        joined: dict[str, Metric] = {}
        for index, text in self._texts.items():
            for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
                metric = joined.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    labels = {**sample.labels, "worker": str(index)}
                    metric.add_sample(sample.name, labels, sample.value, exemplar=sample.exemplar)
        yield from joined.values()


def _reserve(settings: Settings, stack: ExitStack) -> Ports:
    """Bind the addresses, so that they are known and nobody else's; nothing listens yet. Raises `ConfigError`."""
    grpc = tuple(_bind(address, "grpc.listen", stack) for address in settings.grpc.listen)
    proxy = _bind(settings.proxy.listen, "proxy.listen", stack) if settings.proxy.upstream else ""
    callouts = _bind(settings.callouts.listen, "callouts.listen", stack) if settings.callouts.listen else ""
    return Ports(grpc, proxy, callouts)


def _bind(address: str, path: str, stack: ExitStack) -> str:
    if address.startswith("unix:"):
        raise ConfigError(f"several workers cannot share {address}; use HOST:PORT, or one worker", path=path)
    host, _, port = address.rpartition(":")
    bare = host.strip("[]")
    kept = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in bare or not bare else socket.AF_INET))
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        kept.bind((bare or "::", int(port)))
    except (OSError, OverflowError, ValueError):
        raise ConfigError(f"cannot listen on {address}; is it in use?", path=path) from None
    return f"{host}:{kept.getsockname()[1]}"


def _die_with_parent() -> None:
    """Have the kernel drain a worker whose supervisor was killed. Runs in the child, before the program."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
