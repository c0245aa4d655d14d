"""The format of the outbox's file: its tables, what former formats lack, and what it says of itself.

| table    | holds |
| --- | --- |
| `meta`   | the producer's id, which worker's it is, the last counted entry of the ledger |
| `sinks`  | every sink that there ever was: its number, name, producer, number to come, chain; what told it of losses |
| `events` | what some sink is owed still, by `position`: the order of commits |
| `owed`   | which sink is owed which event, with its sequence number and place in the chain; none while it waits |
| `replaced` | per sink, numbers whose events are lost, for its next checkpoint |
| `losses` | per sink and severity, how many events were lost: ever, not yet told of, and told of by that last event |
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from sidecar.outbox.chain import Head
from sidecar.outbox.damage import APPLICATION_ID
from sidecar.outbox.outbox import OutboxError
from sidecar.outbox.rows import Claimed, Link, Row, to_event, to_row
from sidecar.outbox.subscriptions import MAIN
from sidecar.values import Severity

FORMAT_VERSION = 4
_FIRST_FORMAT = 1
"""Without the columns `kind`, `key` and `tenant`."""
_ONE_SINK = 2
"""With one sink, whose numbers stood in a table of their own."""
_UNCHAINED = 3
"""Without a chain: each sink's begins when such a file is opened."""
_LOG_LIMIT_BYTES = 16 * 1024 * 1024

_link_decoder = msgspec.json.Decoder(Link)
_link_encoder = msgspec.json.Encoder()
_TABLES = (
    "CREATE TABLE sinks (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, producer TEXT NOT NULL,"
    " next_sequence INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE owed (sink INTEGER NOT NULL, position INTEGER NOT NULL, sequence INTEGER,"
    " severity INTEGER NOT NULL, tenant TEXT NOT NULL, PRIMARY KEY (sink, position)) WITHOUT ROWID",
    "CREATE INDEX owed_by_severity ON owed (sink, severity, tenant, position) WHERE sequence IS NULL",
    "CREATE TABLE losses (sink INTEGER NOT NULL, severity INTEGER NOT NULL, total INTEGER NOT NULL,"
    " untold INTEGER NOT NULL, telling INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (sink, severity)) WITHOUT ROWID",
)
_CHAIN = (
    "ALTER TABLE owed ADD COLUMN link TEXT",
    "ALTER TABLE sinks ADD COLUMN head TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sinks ADD COLUMN since INTEGER NOT NULL DEFAULT 1",
    "UPDATE sinks SET since = next_sequence",
    "CREATE TABLE replaced (sink INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (sink, sequence))"
    " WITHOUT ROWID",
    f"PRAGMA user_version = {FORMAT_VERSION}",
)
_SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    "CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT,"
    " severity INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL,"
    " kind TEXT NOT NULL DEFAULT '', key TEXT NOT NULL DEFAULT '', tenant TEXT NOT NULL DEFAULT '')",
    *_TABLES,
    *_CHAIN,
    f"PRAGMA application_id = {APPLICATION_ID}",
)
_FROM_THE_FIRST = tuple(
    f"ALTER TABLE events ADD COLUMN {name} TEXT NOT NULL DEFAULT ''" for name in ("kind", "key", "tenant")
)
_FROM_ONE_SINK = (
    "DROP INDEX events_by_severity",
    "ALTER TABLE losses RENAME TO former_losses",
    *_TABLES,
    "INSERT INTO sinks SELECT 0, 'main', producer.value, next.value, 0 FROM meta AS producer, meta AS next"
    " WHERE producer.name = 'producer' AND next.name = 'next_sequence'",
    "INSERT INTO owed SELECT 0, position, sequence, severity, tenant FROM events LEFT JOIN numbers USING (position)",
    "INSERT INTO losses SELECT 0, severity, total, untold, 0 FROM former_losses",
    "DROP TABLE former_losses",
    "DROP TABLE numbers",
    "DELETE FROM meta WHERE name = 'next_sequence'",
)


class SinkRow(msgspec.Struct, frozen=True):
    """What the file says of a sink."""

    number: int
    name: str
    producer: str
    next_sequence: int
    head: Head = Head()
    """Where its chain stands."""


# --- Opening ----------------------------------------------------------------------------------------------------------


def is_outbox(db: sqlite3.Connection) -> bool:
    """Whether a database is an outbox."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    return bool(application == APPLICATION_ID)


def prepare(db: sqlite3.Connection, path: Path, durability: str, log_pages: int) -> None:
    """Check that the file is an outbox, or make it one, and set how it is written. Raises `OutboxError`."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and not is_outbox(db):
        raise OutboxError(f"{path} is another kind of database; give the outbox a path of its own")
    (journal,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if journal != "wal":
        raise OutboxError(f"the outbox {path} cannot keep a write-ahead log there; use a local disk")
    db.execute(f"PRAGMA synchronous = {durability.upper()}")
    db.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT_BYTES}")
    db.execute(f"PRAGMA wal_autocheckpoint = {max(16, log_pages)}")
    if not tables:
        _create(db)
    version = format_of(db)
    if version in {_FIRST_FORMAT, _ONE_SINK, _UNCHAINED}:
        _bring_up_to_date(db, version)
    elif version != FORMAT_VERSION:
        raise OutboxError(f"the outbox {path} has format {version}; this version of Tidegate writes {FORMAT_VERSION}")


def format_of(db: sqlite3.Connection) -> int:
    """The format's version."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def _create(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        db.execute(statement)
    db.execute("INSERT INTO meta (name, value) VALUES ('producer', ?)", (f"tidegate-{secrets.token_hex(8)}",))
    db.execute("COMMIT")


def _bring_up_to_date(db: sqlite3.Connection, version: int) -> None:
    """Add what a file of a former format lacks, all or nothing."""
    db.execute("BEGIN IMMEDIATE")
    if version == _FIRST_FORMAT:
        _add_columns(db)
    for statement in (*(_FROM_ONE_SINK if version <= _ONE_SINK else ()), *_CHAIN):
        db.execute(statement)
    db.execute("COMMIT")


def _add_columns(db: sqlite3.Connection) -> None:
    for statement in _FROM_THE_FIRST:
        db.execute(statement)
    for position, body in db.execute("SELECT position, body FROM events").fetchall():
        row = row_of(body)
        db.execute(
            "UPDATE events SET kind = ?, key = ?, tenant = ? WHERE position = ?",
            (row.kind, row.key, row.tenant, position),
        )


def row_of(body: bytes, sinks: tuple[int, ...] = (0,)) -> Row:
    """What a stored body says; one that cannot be read will be told of as a fault."""
    try:
        return to_row(to_event(body), sinks)
    except msgspec.DecodeError:
        return Row(Severity.CRITICAL, body, sinks=sinks)


# --- Sinks ------------------------------------------------------------------------------------------------------------


def settle_sinks(db: sqlite3.Connection, names: Sequence[str]) -> list[SinkRow]:
    """What the file says of the sinks of these names, which are entered where it does not know them.

    A file that knows a single sink, which is called otherwise now, has it under its new name, with what it is owed.
    Where the settings name none, what is recorded is for the first that the file knows.
    """
    known = {sink.name: sink for sink in sinks_in(db)}
    if names == (MAIN,) and known and MAIN not in known:
        return [msgspec.structs.replace(next(iter(known.values())), name=MAIN)]
    if len(known) == 1 and not known.keys() & set(names):
        (former,) = known.values()
        db.execute("UPDATE sinks SET name = ? WHERE number = ?", (names[0], former.number))
    for name in names:
        enter_sink(db, name)
    return [sink for sink in sinks_in(db) if sink.name in names]


def enter_sink(db: sqlite3.Connection, name: str, number: int | None = None) -> None:
    """Enter a sink that the file does not know, under the next number. The first one is the producer of old."""
    known = {sink.number: sink.name for sink in sinks_in(db)}
    if name in known.values():
        return
    producer = read_meta(db, "producer")
    own = f"{producer}-{name}" if known else producer
    number = max(known, default=-1) + 1 if number is None else number
    db.execute("INSERT INTO sinks (number, name, producer, next_sequence) VALUES (?, ?, ?, 1)", (number, name, own))


def sinks_in(db: sqlite3.Connection) -> list[SinkRow]:
    """Every sink that the file knows, in the order of their numbers; one of a former format has one."""
    if format_of(db) <= _ONE_SINK:
        return [SinkRow(0, MAIN, read_meta(db, "producer"), read_meta(db, "next_sequence"))]
    chain = "head, since" if format_of(db) > _UNCHAINED else "'', 1"
    rows = db.execute(f"SELECT number, name, producer, next_sequence, {chain} FROM sinks ORDER BY number")  # noqa: S608 - one of two constants
    return [
        SinkRow(number, name, producer, following, Head(*chain)) for number, name, producer, following, *chain in rows
    ]


def stored_after(db: sqlite3.Connection, position: int, limit: int) -> list[tuple[int, Claimed]]:
    """Events as they lie there, oldest first, each with its position, and its number for the first sink.

    The number is 0 while there is none. Reads files of former formats as they are.
    """
    if format_of(db) <= _ONE_SINK:
        query = (
            "SELECT position, body, coalesce(sequence, 0), (SELECT value FROM meta WHERE name = 'producer')"
            " FROM events LEFT JOIN numbers USING (position) WHERE position > ? ORDER BY position LIMIT ?"
        )
        former = db.execute(query, (position, limit)).fetchall()
        return [(at, Claimed(producer, sequence, body, at)) for at, body, sequence, producer in former]
    link = "link" if format_of(db) > _UNCHAINED else "NULL"
    query = (  # with min(), SQLite takes the other columns from the row that has it
        f"SELECT position, body, coalesce(sequence, 0), producer, {link}, min(sink)"  # noqa: S608 - one of two constants
        " FROM events JOIN owed USING (position) JOIN sinks ON number = sink"
        " WHERE position > ? GROUP BY position ORDER BY position LIMIT ?"
    )
    return [
        (at, Claimed(producer, sequence, body, at, to_link(link)))
        for at, body, sequence, producer, link, _ in db.execute(query, (position, limit))
    ]


def to_link(text: str | None) -> Link:
    """A place in a chain, as it is stored."""
    return _link_decoder.decode(text) if text else Link()


def of_link(link: Link) -> str:
    """The same, to be stored."""
    return _link_encoder.encode(link).decode()


def read_meta(db: sqlite3.Connection, name: str) -> Any:
    """What the file says of itself under a name; None when it says nothing."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def top_position(db: sqlite3.Connection) -> int:
    """The last position that was given."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return int(row[0]) if row else 0


def worker_of(path: Path) -> int | None:
    """Which worker's an outbox is, by its own word; None when it says nothing."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            worker = read_meta(db, "worker") if is_outbox(db) else None
    except sqlite3.Error:
        return None
    return None if worker is None else int(worker)
