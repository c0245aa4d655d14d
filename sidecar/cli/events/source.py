"""Where commands read events: an outbox, a file of JSON lines, or topics of Kafka; and how such a command runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
import msgspec
from rich.console import Console
from rich.progress import Progress as Bar

from sidecar.cli.ending import Failure
from sidecar.config import Settings, load_settings
from sidecar.outbox.event import Data
from sidecar.outbox.reader import follow_file, follow_outbox, read_file, read_outbox
from sidecar.outbox.reads import CaughtUp, LogStart, Read
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.topic_reader import Progress, no_progress, read_topics

P = ParamSpec("P")
T = TypeVar("T")

_LISTED = 5
"""How many ids a person is offered."""


CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="TIDEGATE_CONFIG",
    help="The service's settings.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, for a program.")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where to read: Kafka topics, a file of JSON lines, or an outbox, in this order of choice."""

    kafka: KafkaSettings
    topics: tuple[str, ...]
    file: Path | None
    outbox: Path

    @property
    def is_kafka(self) -> bool:
        """Whether events come from topics."""
        return self.file is None and bool(self.kafka.bootstrap_servers)

    @property
    def is_outbox(self) -> bool:
        """Whether events come from an outbox."""
        return self.file is None and not self.kafka.bootstrap_servers

    @property
    def is_partial(self) -> bool:
        """Whether only some of the topics are read, over which a producer's numbers are spread."""
        return self.is_kafka and not {*self.kafka.topics.names} <= {*self.topics}

    async def read(self, *, last: int | None = None, follow: bool = False) -> AsyncIterator[Read]:
        """What is there, or the last so many (of each partition); with `follow`, what comes as well."""
        async for read in self.read_all(last=last, follow=follow):
            if isinstance(read, Read):
                yield read

    async def read_all(
        self, *, last: int | None = None, follow: bool = False
    ) -> AsyncIterator[Read | LogStart | CaughtUp]:
        """The same, and where logs begin; with `follow`, when all is read that was there.

        Shows how far it is where a person looks on.
        """
        if self.is_kafka:
            with _progress(is_wanted=not follow and last is None) as progress:
                async for read in read_topics(self.kafka, self.topics, last=last, follow=follow, progress=progress):
                    yield read
            return
        async for each in self._read_lines_or_outbox(last, follow):
            yield each

    def _read_lines_or_outbox(self, last: int | None, follow: bool) -> AsyncIterator[Read | CaughtUp]:
        if self.file is None:
            return (follow_outbox if follow else read_outbox)(self.outbox, last=last)
        if follow and str(self.file) != "-":
            return follow_file(self.file)
        return read_file(self.file, last=last)


def source_of(
    settings: Settings,
    *,
    outbox: Path | None,
    file: Path | None,
    bootstrap: str | None,
    topics: tuple[str, ...] = (),
) -> Source:
    """Where to read, by options and settings. Raises `UsageError` where the options say two places."""
    if sum(option is not None for option in (outbox, file, bootstrap)) > 1:
        raise click.UsageError("say one place to read events from: an outbox, a file, or brokers")
    kafka = kafka_at(settings.kafka, "" if outbox else bootstrap)
    return Source(kafka=kafka, topics=topics or kafka.topics.names, file=file, outbox=outbox or settings.outbox.path)


def source_options(command: Callable[Concatenate[Source, P], None]) -> Callable[..., None]:
    """Add the options that say where to read, and hand the command a `Source`."""

    @CONFIG
    @click.option("--outbox", type=click.Path(path_type=Path), help="Read an outbox file (default: the settings' one).")
    @click.option(
        "--file", type=click.Path(path_type=Path), help="Read JSON lines, as the file sink writes; - is stdin."
    )
    @click.option("--bootstrap", metavar="HOST:PORT", help="Read from Kafka (default: the settings' brokers).")
    @click.option(
        "--topic", "topics", multiple=True, metavar="NAME", help="A topic to read (default: all of Tidegate's)."
    )
    @wraps(command)
    def wrapped(
        config: Path | None,
        outbox: Path | None,
        file: Path | None,
        bootstrap: str | None,
        topics: tuple[str, ...],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        settings = load_settings(config)
        command(source_of(settings, outbox=outbox, file=file, bootstrap=bootstrap, topics=topics), *args, **kwargs)

    return wrapped


def find_event(wanted: str | None, source: Source) -> Data:
    """The event of that id; without one, the only one that is there. Raises `Failure`."""
    found = run(_found(wanted, source))
    if not found:
        raise Failure(f"there is no event {wanted}" if wanted else "there is no event")
    if len(found) > 1:
        ids = ", ".join(each.ids.event for each in found[-_LISTED:])
        raise Failure(f"there are {len(found)} events: say which with --event; the last are {ids}")
    return found[0]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. Ctrl-C is how a person ends `--follow`, so it is no failure."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        sys.exit(0)


def kafka_at(settings: KafkaSettings, bootstrap: str | None) -> KafkaSettings:
    """The settings, with the brokers that an option says."""
    return settings if bootstrap is None else settings.model_copy(update={"bootstrap_servers": bootstrap})


async def _found(wanted: str | None, source: Source) -> list[Data]:
    """The events of that id, each once; without one, all."""
    found: dict[str, Data] = {}
    async for read in source.read():
        if read.data is not None and wanted in (None, read.data.ids.event):
            found[read.data.ids.event] = read.data
            if wanted is not None:
                break
    return list(found.values())


@contextmanager
def _progress(*, is_wanted: bool) -> Iterator[Progress]:
    """A bar on stderr, if that is a terminal."""
    if not (is_wanted and sys.stderr.isatty()):
        yield no_progress
        return
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
