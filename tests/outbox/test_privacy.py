"""Law 8: known personal data goes through a stream, and every byte that leaves sideways is searched for it."""

from __future__ import annotations

import itertools
import logging
import re
from pathlib import Path

import pytest

from sidecar.clock import LoopClock
from sidecar.config import Limits
from sidecar.engine import Engine
from sidecar.outbox.encode import encode, encode_line
from sidecar.outbox.event import Kind, kind_of
from sidecar.outbox.evidence import EvidenceKey, Keeping
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sinks import FileSink
from sidecar.outbox.sqlite import SqliteOutbox
from sidecar.policy.plan import Plan
from sidecar.start import Passage, StreamStart
from sidecar.telemetry.metrics import Metrics
from sidecar.values import Action, Direction, Enforcement, Lane
from tests.fakes import WordScanner, plan, rule
from tests.outbox.samples import SECRET
from tests.servers import HandScheduler, Plans

PEOPLE = ["jane.doe@example.org", "4111 1111 1111 1111", "078-05-1120", "Zsófia Kőrösi", "+49 170 5550199"]
TEXT = "".join(f"Fine words, then {value} and more. " for value in PEOPLE)


def guarding(action: Action, *, enforcement: Enforcement = Enforcement.ENFORCE) -> Plan:
    scanner = WordScanner("|".join(re.escape(value) for value in PEOPLE), label="PII")
    return plan((scanner, [rule(action, "PII", enforcement=enforcement, message="No.")]))


def pieces(value: str) -> set[bytes]:
    """The value, and each part of it that would still tell something.

    Fewer than eight digits in a row would tell something too, but stand by chance in ids, hashes and times.
    """
    digits = re.sub(r"\D", "", value)
    words = {part for part in re.split(r"[\s@.+-]+", value) if len(part) >= 4 and not part.isdigit()}
    parts = {value, *words, *(digits[begin : begin + 8] for begin in range(len(digits) - 7))}
    forms = [parts, {part.upper() for part in parts}, {part[::-1] for part in parts}]
    return {part.encode(encoding) for part in itertools.chain(*forms) for encoding in ("utf-8", "utf-16-le")}


@pytest.mark.parametrize("action", [Action.ANNOTATE, Action.REDACT, Action.BLOCK])
@pytest.mark.parametrize("enforcement", list(Enforcement))
@pytest.mark.parametrize("key", [None, EvidenceKey(SECRET)], ids=["no key", "key"])
async def test_no_personal_data_leaves_sideways(
    action: Action,
    enforcement: Enforcement,
    key: EvidenceKey | None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    outbox, metrics = SqliteOutbox(OutboxSettings(path=tmp_path / "o.db", durability="normal")), Metrics("test")
    await outbox.start()
    engine = Engine(
        policies=Plans(guarding(action, enforcement=enforcement)),
        scheduler=HandScheduler(),
        outbox=outbox,
        clock=LoopClock(),
        metrics=metrics,
        limits=Limits(),
        idle_seconds=60,
        keeping=Keeping(key=key),
    )
    start = StreamStart(
        direction=Direction.OUTPUT, session_id="s", prompt=PEOPLE[0], context=(Passage("p", PEOPLE[1]),)
    )
    async with engine.open(start) as session:
        for begin in range(0, len(TEXT), 7):
            await session.feed(Lane(), TEXT[begin : begin + 7])
        session.finish()
        async for _ in session.outputs():
            pass

    batch = await outbox.claim(1000)
    await FileSink(tmp_path / "events.jsonl").publish(batch)
    found = sum(kind_of(each.event.data) is Kind.VIOLATION for each in batch)
    is_stopped = action is Action.BLOCK and enforcement is Enforcement.ENFORCE
    assert found == (1 if is_stopped else len(PEOPLE))

    everything = leaving(batch, tmp_path, metrics, caplog)
    await outbox.stop()
    for value in PEOPLE:
        assert [piece for piece in pieces(value) if piece in everything] == []


def leaving(batch: list[Numbered], directory: Path, metrics: Metrics, caplog: pytest.LogCaptureFixture) -> bytes:
    """Every byte: the files as they lie on the disk, the messages in each format, the metrics, the logs."""
    files = [path.read_bytes() for path in directory.iterdir()]
    assert len(files) >= 3
    messages = [encode(each, 0.0, form) for each in batch for form in ("json", "protobuf")]
    sent = [b"".join([message.key, message.value, *itertools.chain(*encoded(message.headers))]) for message in messages]
    lines = [encode_line(each, 0.0) for each in batch]
    logs = [str(vars(record)).encode() for record in caplog.records]
    return b"\n".join([*files, *sent, *lines, *logs, metrics.render()])


def encoded(headers: tuple[tuple[str, bytes], ...]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value) for name, value in headers]


def test_the_search_would_find_it():
    """The test above can fail: the pieces are found in what carries the text, whole or in part."""
    for carrying in (TEXT, re.sub(r"[\s@.+-]+", "", TEXT)):
        assert all(any(piece in carrying.encode() for piece in pieces(value)) for value in PEOPLE)
