"""What people say of events: labels, made, read from tables, handed to a file or a topic, and weighed up.

1. A label is an event of its own kind that names another one by its id. Whoever writes some is a producer of its own,
   whose numbers run from 1, so that `events verify` proves a file or a topic of labels as it does any other.
2. A label is never changed. The **last** one by event, author, rule and label stands (`standing`); of several authors
   the majority does, and a tie is disputed (`verdicts`).
3. Sending is done once or not at all: who sends again says the same again, and nothing changes.

A label holds no checked text, unless its author puts some into the note.
"""

from __future__ import annotations

import asyncio
import csv
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sidecar.errors import TidegateError
from sidecar.outbox.builders import timestamp, uuid7
from sidecar.outbox.event import OF_STREAMS, Event, EventId, Ids, Label, Times, Verdict
from sidecar.outbox.kafka import KafkaSink, MissingTopicsError
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.settings import Format, KafkaSettings, Topics
from sidecar.outbox.sinks import FileSink, SinkError
from sidecar.values import Severity

NOTE_LIMIT_CHARS = 500
_WORD = Annotated[str, Meta(max_length=256)]


class LabelError(TidegateError):
    """A label that cannot be one; the message says where it stands and what is wrong."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A label as a person writes it."""

    event: EventId
    verdict: Verdict
    by: _WORD = ""
    note: Annotated[str, Meta(max_length=NOTE_LIMIT_CHARS)] = ""
    rule: _WORD = ""
    label: _WORD = ""


def read_rows(path: Path, file: Iterable[str]) -> list[Row]:
    """The labels of a table: CSV with the names of `Row` as its header, or JSON lines, by the name's ending.

    Raises `LabelError` with everything that is wrong with it.
    """
    rows: list[Row] = []
    wrong: list[str] = []
    for number, written in _tabled(file) if path.suffix.lower() == ".csv" else _lines(file):
        try:
            rows.append(checked(written() if callable(written) else written))
        except (LabelError, msgspec.DecodeError) as error:
            wrong.append(f"{path}:{number}: {error}")
    if wrong:
        raise LabelError("\n".join(wrong))
    return rows


def checked(written: Mapping[str, Any]) -> Row:
    """A label, if it can be one. Raises `LabelError`."""
    try:
        row = msgspec.convert({name: value for name, value in written.items() if value not in ("", None)}, Row)
    except msgspec.ValidationError as error:
        raise LabelError(_said(error)) from None
    is_of_stream = row.verdict in OF_STREAMS
    if is_of_stream and not row.rule:
        raise LabelError(f"{row.verdict} says something of a rule's silence: name the `rule`")
    if row.verdict is Verdict.MISSED and not row.label:
        raise LabelError("missed needs the `label` that the rule should have found")
    if not is_of_stream and row.verdict is not Verdict.UNSURE and (row.rule or row.label):
        raise LabelError(
            f"the event of a violation names its rule itself: leave `rule` and `label` out of {row.verdict}"
        )
    return row


def _said(error: msgspec.ValidationError) -> str:
    """What is wrong with a row, in words for whoever wrote it."""
    text = str(error)
    if "$.verdict" in text:
        return f"verdict is one of {', '.join(Verdict)}"
    if "$.event" in text:
        return "event is the id of an event, as `tidegate events tail --json` shows it in ids.event"
    return text


def _tabled(file: Iterable[str]) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(file, restkey="more cells than columns")
    for row in reader:
        yield reader.line_num, row


def _lines(file: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield number, lambda line=line: msgspec.json.decode(line, type=dict[str, Any])


def numbered_labels(rows: Iterable[Row], *, by: str, now: float) -> list[Numbered]:
    """The events of labels, as one new producer's. `by` is the author of those that name none; `now` is Unix time."""
    producer = f"labels-{secrets.token_hex(8)}"
    occurred = timestamp(now)
    return [
        Numbered(producer, number, _event(row, Ids(event=uuid7(now), producer="", sequence=0), occurred, by))
        for number, row in enumerate(rows, 1)
    ]


def _event(row: Row, ids: Ids, occurred: str, by: str) -> Event:
    label = Label(
        ids=ids,
        time=Times(occurred=occurred),
        event=row.event,
        verdict=row.verdict,
        by=row.by or by,
        note=row.note,
        rule=row.rule,
        label=row.label,
    )
    return Event(severity=Severity.INFO, key=row.event, subject=row.event, data=label)


async def write_labels(labels: Sequence[Numbered], path: Path) -> None:
    """Append labels to a file of JSON lines. Raises `SinkError`."""
    await FileSink(path).publish(labels)


async def send_labels(labels: Sequence[Numbered], kafka: KafkaSettings, *, form: Format = "json") -> None:
    """Produce labels to their topic; returns when all are acknowledged.

    Raises `MissingTopicsError`, `ConfigError`, or `SinkError`: then some may be there, and who sends all again does no
    harm.
    """
    topic = kafka.topics.labels
    only = Topics.model_validate(dict.fromkeys(Topics.model_fields, topic))
    sink = KafkaSink(kafka.model_copy(update={"topics": only}), form=form)
    try:
        await sink.prepare()
        if sink.missing_topics():
            raise MissingTopicsError(sink.missing_topics())
        if troubles := [*sink.troubles().values()]:
            raise SinkError(str(troubles[0]))
        place_of = sink.router()
        batches: defaultdict[Any, list[Numbered]] = defaultdict(list)
        for each in labels:
            batches[place_of(each.event.kind, each.event.key)].append(each)
        for place, batch in batches.items():
            await _send(sink, place, batch)
    finally:
        await sink.stop()


async def _send(sink: KafkaSink, place: Any, batch: Sequence[Numbered]) -> None:
    """Send what belongs to one partition. Raises `SinkError`."""
    while batch:
        delivery = (await sink.send(sink.route_of(place, is_ill=False), {place: batch}))[place]
        if delivery.error or delivery.refused:
            raise SinkError(str(delivery.error or next(iter(delivery.refused.values()))))
        batch = batch[delivery.done :]
        await asyncio.sleep(0)


# --- What they say ----------------------------------------------------------------------------------------------------


def standing(labels: Iterable[Label]) -> list[Label]:
    """The last label of each author on each event, rule and label, oldest first; those that are unsure are gone."""
    last: dict[tuple[str, ...], Label] = {}
    for each in sorted(labels, key=_when):
        last[each.event, each.by, each.rule, each.label] = each
    return sorted((each for each in last.values() if each.verdict is not Verdict.UNSURE), key=_when)


class Verdicts(msgspec.Struct, frozen=True):
    """What stands of all labels: of violations, true or false alarm by event id; `disputed` ones are in neither.

    `missed` and `clean` are of streams: what stands about each event, rule and label, by the majority as well.
    """

    alarms: Mapping[str, bool]
    disputed: frozenset[str]
    missed: tuple[Label, ...]
    clean: tuple[Label, ...]


def verdicts(labels: Iterable[Label]) -> Verdicts:
    """Weigh up what all authors say."""
    votes: defaultdict[tuple[str, ...], Counter[Verdict]] = defaultdict(Counter)
    one: dict[tuple[str, ...], Label] = {}
    for each in standing(labels):
        subject = (each.event, each.rule, each.label) if each.verdict in OF_STREAMS else (each.event,)
        votes[subject][each.verdict] += 1
        one[(*subject, each.verdict)] = each
    winners = {subject: _majority(counts) for subject, counts in votes.items()}
    alarms = {
        subject[0]: winner is Verdict.TRUE_POSITIVE
        for subject, winner in winners.items()
        if winner in (Verdict.TRUE_POSITIVE, Verdict.FALSE_POSITIVE)
    }
    streams = [one[(*subject, winner)] for subject, winner in winners.items() if winner in OF_STREAMS]
    return Verdicts(
        alarms=alarms,
        disputed=frozenset(subject[0] for subject, winner in winners.items() if winner is None),
        missed=tuple(each for each in streams if each.verdict is Verdict.MISSED),
        clean=tuple(each for each in streams if each.verdict is Verdict.CLEAN),
    )


def _majority(counts: Counter[Verdict]) -> Verdict | None:
    """What most say; None where as many say otherwise."""
    (verdict, most), *others = counts.most_common()
    return None if others and others[0][1] == most else verdict


def _when(label: Label) -> tuple[str, int, str]:
    return label.time.occurred, label.ids.sequence, label.ids.event
