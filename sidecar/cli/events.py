"""`tidegate events ...`: what a security team runs. Reads events and makes topics; changes nothing else.

Results go to stdout, what a person should know beside them to stderr.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
import msgspec
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from sidecar.cli.ending import WRONG, Failure, Group
from sidecar.cli.labels import label
from sidecar.config import Settings, load_settings
from sidecar.outbox.audit import Audit, ProducerReport, Report
from sidecar.outbox.event import Data, Fault, Kind, Label, PolicyChange, StreamDecision, Violation, kind_of, severity_of
from sidecar.outbox.reader import OutboxFacts, outbox_facts, read_file, read_outbox
from sidecar.outbox.reads import LogStart, Read
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.topic_reader import Progress, no_progress, read_topics
from sidecar.outbox.topics import TopicPlan, create_topics
from sidecar.values import Severity

P = ParamSpec("P")
T = TypeVar("T")


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

    async def read_all(self, *, last: int | None = None, follow: bool = False) -> AsyncIterator[Read | LogStart]:
        """The same, and where logs begin. Shows how far it is where a person looks on."""
        if self.is_kafka:
            with _progress(is_wanted=not follow and last is None) as progress:
                async for read in read_topics(self.kafka, self.topics, last=last, follow=follow, progress=progress):
                    yield read
            return
        if self.file is not None:
            reads = read_file(self.file, last=last)
        else:
            reads = read_outbox(self.outbox, last=last, follow=follow)
        async for each in reads:
            yield each


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
    kafka = _kafka(settings.kafka, "" if outbox else bootstrap)
    return Source(kafka=kafka, topics=topics or kafka.topics.names, file=file, outbox=outbox or settings.outbox.path)


def find_event(wanted: str | None, source: Source) -> Data:
    """The event of that id; without one, the only one that is there. Raises `Failure`."""
    found = _run(_found(wanted, source))
    if not found:
        raise Failure(f"there is no event {wanted}" if wanted else "there is no event")
    if len(found) > 1:
        ids = ", ".join(each.ids.event for each in found[-_LISTED:])
        raise Failure(f"there are {len(found)} events: say which with --event; the last are {ids}")
    return found[0]


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


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are wanted; what is no event is always shown."""

    kinds: frozenset[str]
    least: int
    rule: str
    tenant: str
    session: str

    def accepts(self, read: Read) -> bool:
        """Whether to show it."""
        data = read.data
        if data is None:
            return True
        return (
            (not self.kinds or kind_of(data) in self.kinds)
            and severity_of(data) >= self.least
            and (not self.rule or (isinstance(data, Violation) and data.policy.rule == self.rule))
            and (not self.tenant or data.ids.tenant == self.tenant)
            and (not self.session or data.ids.session == self.session)
        )


_LISTED = 5
"""How many ids a person is offered."""
_SEVERITIES: Mapping[str, int] = {severity.word: severity.value for severity in Severity}
_COLOURS = {"info": "white", "low": "cyan", "medium": "yellow", "high": "red", "critical": "bright_red"}


_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="TIDEGATE_CONFIG",
    help="The service's settings.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, for a program.")


def _source_options(command: Callable[Concatenate[Source, P], None]) -> Callable[..., None]:
    """Add the options that say where to read, and hand the command a `Source`."""

    @_CONFIG
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


def _filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which events are wanted, and hand the command a `Filter`."""

    @click.option(
        "--kind",
        "kinds",
        multiple=True,
        type=click.Choice([str(kind) for kind in Kind]),
        help="Only this kind; may be repeated.",
    )
    @click.option("--min-severity", type=click.Choice([*_SEVERITIES]), default="info", help="Only this and above.")
    @click.option("--rule", default="", help="Only violations of this rule.")
    @click.option("--tenant", default="", help="Only this tenant.")
    @click.option("--session", default="", help="Only this session.")
    @wraps(command)
    def wrapped(
        *args: Any, kinds: tuple[str, ...], min_severity: str, rule: str, tenant: str, session: str, **kwargs: Any
    ) -> None:
        wanted = Filter(
            kinds=frozenset(kinds), least=_SEVERITIES[min_severity], rule=rule, tenant=tenant, session=session
        )
        command(*args, wanted=wanted, **kwargs)

    return wrapped


@click.group(cls=Group)
def events() -> None:
    """Read the events, prove that none is missing, make the topics.

    Example: tidegate events tail --follow
    """


events.add_command(label)


@events.command()
@_source_options
@_filter_options
@click.option(
    "-n",
    "--last",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Begin with the last so many.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@_JSON
def tail(source: Source, *, wanted: Filter, last: int, follow: bool, as_json: bool) -> None:
    """Show the latest events, one a line.

    An event that still waits in an outbox has no number yet. To follow a service that publishes, follow its topics: its
    outbox is soon empty.

    Example: tidegate events tail --bootstrap localhost:9092 --min-severity high --follow
    """
    _run(_tail(source, wanted, last, follow, _print_data if as_json else _print_line))


@events.command()
@_source_options
@_filter_options
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("-"), help="The file to write (default: stdout)."
)
def export(source: Source, *, wanted: Filter, output: Path) -> None:
    """Write all events as JSON lines, oldest first.

    Example: tidegate events export --kind violation --output violations.jsonl
    """
    count = _run(_export(source, wanted, output))
    click.echo(f"{count} events", err=True)


@events.command()
@_source_options
@_JSON
def stats(source: Source, *, as_json: bool) -> None:
    """Count events by kind, severity, rule and what was done.

    Example: tidegate events stats --outbox tidegate-outbox.db --json
    """
    counts = _run(_count(source))
    facts = outbox_facts(source.outbox) if source.is_outbox else None
    if as_json:
        _print_json({**counts, **({"outbox": _facts(facts)} if facts else {})})
        return
    for title, numbers in counts.items():
        _print_counts(title, numbers)
    if facts is not None:
        click.echo(f"outbox of {facts.producer}, next number {facts.next_sequence}, lost {sum(facts.lost.values())}")


@events.command()
@_source_options
@_JSON
def verify(source: Source, *, as_json: bool) -> None:
    """Prove that nothing is missing: numbers without a gap, repeats only with the same id, each session in order.

    Also checks that all that is there is a valid event. Exit status 1 when anything is wrong. Where retention has
    removed the beginning of a log, it says from which number on it can prove anything. A reading of less than all
    topics proves nothing, and exits with 2.

    Example: tidegate events verify --bootstrap localhost:9092
    """
    if source.is_partial:
        raise Failure(
            f"a producer's numbers are spread over {', '.join(source.kafka.topics.names)}:"
            " a reading of less than all of them proves nothing; leave out --topic"
        )
    report = _run(_audit(source))
    if as_json:
        _print_json({"is_fine": report.is_fine} | msgspec.to_builtins(report))
    else:
        _print_report(report)
    if not report.is_fine:
        sys.exit(WRONG)


@events.command("create-topics")
@_CONFIG
@click.option("--bootstrap", metavar="HOST:PORT", help="The brokers (default: the settings').")
@click.option("--partitions", type=click.IntRange(1, 10_000), default=6, show_default=True, help="Of each topic.")
@click.option(
    "--replication-factor",
    type=click.IntRange(1, 32_767),
    help="Copies of each (default: 3, or as many as there are brokers).",
)
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A topic setting, such as retention.ms=604800000."
)
@_JSON
def create_topics_command(
    config: Path | None,
    bootstrap: str | None,
    partitions: int,
    replication_factor: int | None,
    pairs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the topics that are not there yet. The service itself never makes one.

    Example: tidegate events create-topics --bootstrap localhost:9092 --partitions 12 --set min.insync.replicas=2
    """
    plan = TopicPlan(partitions=partitions, replication_factor=replication_factor, configs=_pairs(pairs))
    kafka = _kafka(load_settings(config).kafka, bootstrap)
    made = _run(create_topics(kafka, plan))
    if as_json:
        _print_json(msgspec.to_builtins(made))
        return
    for name in made.created:
        click.echo(f"created  {name}")
    for name in made.existing:
        click.echo(f"existing {name}")


# --- Work -------------------------------------------------------------------------------------------------------------


async def _tail(source: Source, wanted: Filter, last: int, follow: bool, show: Callable[[Read], None]) -> None:
    """Show the last events, by time, or with `follow` as they come."""
    if follow:
        async for read in source.read(last=last, follow=True):
            if wanted.accepts(read):
                show(read)
        return
    for read in await _latest(source, wanted, last):
        show(read)


async def _latest(source: Source, wanted: Filter, last: int) -> list[Read]:
    """The last so many that are wanted, by time. Where few are wanted, it looks further and further back for them."""
    look_back, before = max(last, 1), -1
    while True:
        count, kept = 0, list[Read]()
        async for read in source.read(last=look_back):
            count += 1
            if wanted.accepts(read):
                kept = _with_latest(kept, read, last)
        if len(kept) >= last or count == before:
            return sorted(kept, key=_time)[len(kept) - min(last, len(kept)) :]
        look_back, before = look_back * 8, count


def _with_latest(kept: list[Read], read: Read, last: int) -> list[Read]:
    """Keep about as many as are shown, whatever is read."""
    kept.append(read)
    return sorted(kept, key=_time)[-last:] if len(kept) > 2 * last + 100 else kept


async def _export(source: Source, wanted: Filter, output: Path) -> int:
    """Write the data of the events that are wanted; how many."""
    count = 0
    with click.open_file(str(output), "wb") as file:
        async for read in source.read():
            if read.data is not None and wanted.accepts(read):
                file.write(msgspec.json.encode(read.data) + b"\n")
                count += 1
    return count


async def _count(source: Source) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("kind", "severity", "rule", "done", "fault")}
    async for read in source.read():
        for name, value in _facets(read.data, is_foreign=read.is_foreign):
            counts.setdefault(name, Counter())[value] += 1
    return counts


async def _audit(source: Source) -> Report:
    audit = Audit()
    async for read in source.read_all():
        audit.add(read)
    return audit.report()


def _facets(data: Data | None, *, is_foreign: bool) -> list[tuple[str, str]]:
    """What an event counts towards."""
    if data is None:
        return [("kind", "foreign" if is_foreign else "not an event")]
    facets = [("kind", kind_of(data).value), ("severity", severity_of(data).word)]
    match data:
        case Violation():
            facets += [("rule", f"{data.policy.name}/{data.policy.rule}"), ("done", data.done)]
        case Fault():
            facets.append(("fault", data.fault.value))
        case PolicyChange():
            facets.append(("step", data.step.value))
        case Label():
            facets.append(("verdict", data.verdict.value))
        case StreamDecision():
            pass
    return facets


def _time(read: Read) -> str:
    return read.data.time.occurred if read.data else ""


def _kafka(settings: KafkaSettings, bootstrap: str | None) -> KafkaSettings:
    return settings if bootstrap is None else settings.model_copy(update={"bootstrap_servers": bootstrap})


def _pairs(pairs: tuple[str, ...]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise click.UsageError(f"--set {pair}: expected NAME=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. Ctrl-C is how a person ends `--follow`, so it is no failure."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        sys.exit(0)


# --- Printing ---------------------------------------------------------------------------------------------------------


def _print_data(read: Read) -> None:
    """One event as one line of JSON."""
    if read.data is None:
        click.echo(f"{read.place}: not an event: {read.error}", err=True)
    else:
        click.echo(msgspec.json.encode(read.data))


def _print_line(read: Read) -> None:
    """One event as one line for a person."""
    if read.data is None:
        click.secho(f"{read.place}: not an event: {read.error}", err=True, fg="red")
        return
    data = read.data
    number = f"{data.ids.sequence:>8}" if data.ids.sequence else " waiting"
    severity = severity_of(data).word
    coloured = click.style(f"{severity:<8}", fg=_COLOURS[severity])
    click.echo(f"{data.time.occurred}  {number}  {coloured}  {_plain(_say(data))}{_plain(_whose(data))}")


def _say(data: Data) -> str:
    """What happened, in a few words."""
    match data:
        case Violation():
            return _say_violation(data)
        case StreamDecision():
            total = sum(data.violations.values())
            repeated = f", {sum(data.repeated.values())} repeated" if data.repeated else ""
            held = f"held up to {data.max_held_ms:g} ms"
            return f"{data.policy.name}  stream {data.ended}, {data.done}, {total} violations{repeated}, {held}"
        case Fault():
            lost = f"  lost: {', '.join(f'{count} {name}' for name, count in data.lost.items())}" if data.lost else ""
            return f"{data.fault}  {data.what}  {data.reason}{lost}"
        case PolicyChange():
            version = f" {data.policy.version}" if data.policy else ""
            former = f" (before: {data.former.version})" if data.former else ""
            return f"{data.step}  {data.what}{version}{former}  {data.source}  {data.reason}".rstrip()
        case Label():
            of = "/".join(filter(None, (data.rule, data.label)))
            return f"{data.verdict}  {data.event}  {of}  by {data.by}  {data.note}".rstrip()


def _say_violation(data: Violation) -> str:
    where = f"{data.where.direction}[{data.where.choice}].{data.where.channel}"
    span = f"{data.where.span.start}-{data.where.span.end}"
    done = data.done if data.done == data.decided else f"{data.done} (rule: {data.decided})"
    found = data.detector.label or (data.failure.kind if data.failure else "")
    leaked = f"  leaked {data.exposure.leaked_chars}" if data.exposure.leaked_chars else ""
    rule = f"{data.policy.name}/{data.policy.rule}"
    return f"{rule}  {done}  {found} {data.evidence.shape!r} {where} {span}{leaked}"


def _whose(data: Data) -> str:
    ids = data.ids
    named = {"tenant": ids.tenant, "session": ids.session, "request": ids.request, "stream": ids.stream}
    said = [f"{name}={value}" for name, value in named.items() if value]
    return "  " + " ".join(said) if said else ""


def _plain(text: str) -> str:
    """Text that cannot steer the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _print_counts(title: str, counts: Counter[str]) -> None:
    if not counts:
        return
    table = Table(title, "events")
    for name, count in counts.most_common():
        table.add_row(_plain(name), str(count))
    Console().print(table)


def _print_report(report: Report) -> None:
    for producer in report.producers:
        click.echo(_describe(producer))
    if report.waiting:
        click.echo(f"{report.waiting} events wait in the outbox without a number")
    for line in report.invalid:
        click.secho(f"not an event: {_plain(line)}", fg="red", err=True)
    for hole in report.holes:
        click.secho(f"not read: {_plain(hole)}", fg="red", err=True)
    if report.foreign:
        click.echo(f"{report.foreign} records are somebody else's")
    if report.logs_begin:
        begins = ", ".join(f"{start.lane} at {start.offset}" for start in report.logs_begin[:10])
        click.echo(f"{len(report.logs_begin)} logs were cut by retention: {begins}")
    if report.is_fine:
        click.secho(f"complete: {report.events} events, {report.waiting} waiting", fg="green")
    else:
        click.secho("incomplete", fg="red", err=True)


def _describe(producer: ProducerReport) -> str:
    said = [f"{_plain(producer.producer)}: {producer.events} events, numbers {producer.first} to {producer.last}"]
    if producer.proved_from > 1:
        said.append(f"begins at {producer.proved_from}: nothing is proved of the numbers below")
    if producer.repeats:
        said.append(f"{producer.repeats} repeats")
    if producer.missing:
        gaps = ", ".join(f"{gap.first}-{gap.last}" if gap.last > gap.first else str(gap.first) for gap in producer.gaps)
        said.append(f"{producer.missing} MISSING ({gaps})")
    if producer.conflicts:
        said.append(f"{len(producer.conflicts)} numbers with TWO EVENTS ({_list(producer.conflicts)})")
    if producer.disordered:
        said.append(f"{len(producer.disordered)} OUT OF ORDER ({_list(producer.disordered)})")
    return "; ".join(said)


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _facts(facts: OutboxFacts) -> dict[str, Any]:
    lost = {severity.word: count for severity, count in facts.lost.items()}
    return {"producer": facts.producer, "next_sequence": facts.next_sequence, "lost": lost}


def _print_json(value: object) -> None:
    click.echo(msgspec.json.encode(value))
