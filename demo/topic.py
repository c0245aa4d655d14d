"""The security team's side: a consumer that reads the violations from the topic, and a table of them.

It knows only the published contract: a Kafka topic of CloudEvents in binary mode, JSON data. Repeats are dropped by the
event's id, as any consumer of an at-least-once topic has to.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

TOPIC = "tidegate.violations"
GROUP = "security-team"
TOPIC_SECONDS = 20.0
_SEVERITY_STYLES = {"critical": "bold white on red", "high": "red", "medium": "yellow", "low": "green", "info": "dim"}


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation event, as far as the table shows it."""

    id: str
    sequence: int
    session: str
    time: str
    severity: str
    rule: str
    label: str
    decided: str
    done: str
    span: tuple[int, int]
    shape: str
    leaked_chars: int
    held_ms: float


async def read_violations(broker: str, count: int, *, seconds: float = TOPIC_SECONDS) -> list[Violation]:
    """Read the topic from its beginning until there are `count` violations, or for at most `seconds`."""
    found: dict[str, Violation] = {}
    try:
        async with asyncio.timeout(seconds):
            async for violation in _violations(broker):
                found[violation.id] = violation
                if len(found) >= count:
                    break
    except TimeoutError:
        pass  # what is missing is for the caller to say
    return sorted(found.values(), key=lambda violation: violation.sequence)


async def _violations(broker: str) -> AsyncIterator[Violation]:
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=broker, group_id=GROUP, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async for record in consumer:
            yield _parse(dict(record.headers), json.loads(record.value))
    finally:
        await consumer.stop()


def _parse(headers: Mapping[str, bytes], data: Mapping[str, Any]) -> Violation:
    span = data["where"]["span"]
    return Violation(
        id=headers["ce_id"].decode(),
        sequence=int(headers["ce_sequence"]),
        session=data["ids"]["session"],
        time=data["time"]["occurred"],
        severity=data["policy"]["severity"],
        rule=data["policy"]["rule"],
        label=data["detector"]["label"],
        decided=data["decided"],
        done=data["done"],
        span=(span["start"], span["end"]),
        shape=data["evidence"]["shape"],
        leaked_chars=data["exposure"]["leaked_chars"],
        held_ms=data["exposure"]["held_ms"],
    )


def print_violations(console: Console, violations: Sequence[Violation]) -> None:
    """Print the violations as a table, in the order in which they were recorded."""
    table = Table(title=f"Read from the Kafka topic {TOPIC}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    for heading in ("seq", "time", "session", "severity", "rule", "label", "done", "span", "evidence (shape)"):
        table.add_column(heading, overflow="fold")
    for each in violations:
        table.add_row(*_cells(each))
    leaked = sum(each.leaked_chars for each in violations)
    console.print()
    console.print(table)
    console.print(f"  {len(violations)} violations, {leaked} characters leaked")


def _cells(violation: Violation) -> list[str | Text]:
    done = violation.done if violation.done == violation.decided else f"{violation.done} (not {violation.decided})"
    return [
        str(violation.sequence),
        violation.time.partition("T")[2].partition(".")[0],
        violation.session,
        Text(violation.severity, style=_SEVERITY_STYLES.get(violation.severity, "default")),
        violation.rule,
        violation.label,
        done,
        "{}-{}".format(*violation.span),
        Text(violation.shape),
    ]
