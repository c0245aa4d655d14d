"""The chain: whatever is done to published events shows, and names the number; what we do ourselves does not."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.bundles.keys import id_of
from sidecar.outbox.audit import Audit, ProducerReport, Report
from sidecar.outbox.canonical import canonical
from sidecar.outbox.chain import Signer, hash_of
from sidecar.outbox.chain_audit import Keys
from sidecar.outbox.checkpoints import Checkpoints, checkpoint_event
from sidecar.outbox.encode import decode, decode_line, encode, encode_line
from sidecar.outbox.event import Checkpoint, Event
from sidecar.outbox.memory import MemoryOutbox
from sidecar.outbox.outbox import Numbered, Outbox
from sidecar.outbox.publisher import Publisher
from sidecar.outbox.reader import read_outbox
from sidecar.outbox.reads import read_one
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sinks import Delivery, OneLane
from sidecar.outbox.sqlite import SqliteOutbox
from tests.outbox.samples import NOW, a_fault, a_violation, one_of_each
from tests.outbox.test_publisher import SETTINGS, until

KEY = Ed25519PrivateKey.from_private_bytes(b"a key for tests, of 32 bytes ...")
SIGNER = Signer(KEY)
KEYS: Keys = {id_of(KEY.public_key()): KEY.public_key()}
OTHER = Ed25519PrivateKey.generate()
Row = dict[str, Any]
T = TypeVar("T", bound=Outbox)


class RefusingSink(OneLane):
    """Takes all but one number for good; what is sent under it instead it takes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.taken: list[Numbered] = []

    async def send(self, route: Hashable, batches: Mapping[Any, Sequence[Numbered]]) -> Mapping[Any, Delivery]:
        ((lane, batch),) = batches.items()
        refused = {each.sequence: "too large" for each in batch if each.sequence == self.number}
        self.number = -1 if refused else self.number
        self.taken += [each for each in batch if each.sequence not in refused]
        return {lane: Delivery(done=len(batch), refused=refused)}

    async def stop(self) -> None:
        pass


@asynccontextmanager
async def opened(outbox: T) -> AsyncIterator[T]:
    await outbox.start()
    try:
        yield outbox
    finally:
        await outbox.stop()


async def numbered(outbox: Outbox, *batches: Sequence[Event]) -> list[Numbered]:
    """What an outbox makes of events, put and claimed in turn."""
    await outbox.start()
    claimed: list[Numbered] = []
    for batch in batches:
        await outbox.put(batch)
        new = await outbox.claim(1000)
        await outbox.acknowledge(new)
        claimed += new
    await outbox.stop()
    return claimed


def outbox_at(path: Path, signer: Signer | None = SIGNER) -> SqliteOutbox:
    return SqliteOutbox(OutboxSettings(path=path, durability="normal"), now=lambda: NOW, signer=signer)


def in_memory(signer: Signer | None = SIGNER) -> MemoryOutbox:
    return MemoryOutbox(now=lambda: NOW, signer=signer)


async def a_chain(*, signer: Signer | None = SIGNER) -> list[Numbered]:
    """Ten numbers: a checkpoint has the fifth and the last."""
    some = [a_violation(), *(a_fault(what=str(number)) for number in range(3)), checkpoint_event(NOW)]
    return await numbered(in_memory(signer), some, some)


def rows_of(batch: Sequence[Numbered]) -> list[Row]:
    return [json.loads(encode_line(each, NOW)) for each in batch]


def audited(rows: Sequence[Row], keys: Keys | None = KEYS) -> Report:
    audit = Audit(keys)
    for at, row in enumerate(rows, 1):
        audit.add(read_one(f"file:{at}", partial(decode_line, json.dumps(row).encode())))
    return audit.report()


def of(report: Report) -> ProducerReport:
    (producer,) = report.producers
    return producer


# --- What holds -------------------------------------------------------------------------------------------------------


async def test_whole_chain_is_sound_and_signed_to_its_last_number():
    chain = of(audited(rows_of(await a_chain()))).chain
    assert chain.is_sound
    assert (chain.chained, chain.since, chain.checkpoints, chain.signed_to) == (10, 1, 2, 10)


async def test_whoever_has_a_json_library_and_rfc_8785_can_prove_it():
    """The page's recipe, without any of our code but the canonical form."""
    before = ""
    for row in rows_of(await a_chain()):
        data = row["data"]
        said = data["ids"].pop("hash")
        del data["time"]["published"]
        data.pop("signature", None)
        assert data["ids"].get("previous", "") == before
        assert hashlib.sha256(canonical(data)).hexdigest() == said
        before = said


@pytest.mark.parametrize("form", ["json", "protobuf"])
async def test_hashes_are_the_same_in_every_form_and_sink(form: Literal["json", "protobuf"]):
    for each in await numbered(in_memory(), one_of_each()):
        message = encode(each, NOW, form)
        delivered = decode(message.headers, message.value)
        assert hash_of(delivered.data) == each.event.data.ids.hash == delivered.data.ids.hash
        assert encode(each, NOW + 5, form).value != message.value


async def test_restart_of_the_process_goes_on_with_the_chain(tmp_path: Path):
    batches = []
    for _ in range(3):
        batches += await numbered(outbox_at(tmp_path / "o.db"), [a_fault(), checkpoint_event(NOW)])
    assert of(audited(rows_of(batches))).chain.signed_to == 6


async def test_what_is_claimed_twice_has_the_same_hash_also_after_a_restart(tmp_path: Path):
    first: list[Numbered] = []
    again: list[Numbered] = []
    for batch in (first, again):
        async with opened(outbox_at(tmp_path / "o.db")) as outbox:
            await outbox.put([] if batch is again else [a_fault(), checkpoint_event(NOW)])
            batch += await outbox.claim(10)
    assert first == again
    assert of(audited(rows_of([*first, *again]))).chain.is_sound


async def test_disk_and_memory_make_the_same_chain(tmp_path: Path):
    events = one_of_each()
    disk = await numbered(outbox_at(tmp_path / "o.db"), events)
    memory = MemoryOutbox(producer=disk[0].producer, now=lambda: NOW, signer=SIGNER)
    assert [each.event for each in await numbered(memory, events)] == [each.event for each in disk]


async def test_outbox_that_lies_there_is_proved_too(tmp_path: Path):
    async with opened(outbox_at(tmp_path / "o.db")) as outbox:
        await outbox.put([a_fault(), a_fault(), checkpoint_event(NOW), a_fault()])
        await outbox.claim(3)
    audit = Audit(KEYS)
    async for read in read_outbox(tmp_path / "o.db"):
        audit.add(read)
    report = audit.report()
    assert (report.is_fine, report.waiting, of(report).chain.signed_to) == (True, 1, 3)


async def test_outbox_of_the_former_format_goes_on_and_its_chain_begins_there(tmp_path: Path):
    async with opened(outbox_at(tmp_path / "o.db", signer=None)) as outbox:
        await outbox.put([a_fault(), a_fault()])
        await outbox.claim(1)
    with sqlite3.connect(tmp_path / "o.db") as db:
        db.execute("DROP TABLE replaced")
        db.execute("ALTER TABLE owed DROP COLUMN link")
        for name in ("head", "since"):
            db.execute(f"ALTER TABLE sinks DROP COLUMN {name}")
        db.execute("PRAGMA user_version = 3")
    db.close()
    unread = [read async for read in read_outbox(tmp_path / "o.db")]
    assert [read.error for read in unread] == ["", ""]
    batch = await numbered(outbox_at(tmp_path / "o.db"), [a_fault(), checkpoint_event(NOW)])
    assert isinstance(last := batch[-1].event.data, Checkpoint)
    chain = of(audited(rows_of(batch))).chain
    assert (chain.is_sound, chain.since, last.since, chain.signed_to) == (True, 2, 2, 4)


async def test_event_that_is_refused_for_good_breaks_no_chain_and_the_next_checkpoint_vouches_for_its_loss():
    chain = of(audited(rows_of(await with_a_refused_event()))).chain
    assert (chain.is_sound, chain.replaced, chain.unvouched) == (True, (2,), ())


async def test_no_other_can_say_of_an_event_that_it_was_lost():
    rows = rows_of(await a_chain())
    lost = a_fault(what="outbox").data
    lost = replace(lost, ids=msgspec.convert(rows[2]["data"]["ids"], type(lost.ids)))
    lost = replace(lost, ids=replace(lost.ids, hash="", replaces=lost.ids.hash))
    lost = replace(lost, ids=replace(lost.ids, hash=hash_of(lost)))
    rows[2] |= {"data": msgspec.to_builtins(lost), "type": "dev.tidegate.fault.v1", "time": lost.time.occurred}
    chain = of(audited(rows)).chain
    assert (chain.broken, chain.unvouched, chain.is_sound) == ((), (3,), False)


async def with_a_refused_event() -> list[Numbered]:
    outbox, sink = in_memory(), RefusingSink(number=2)
    async with opened(outbox):
        await outbox.put([a_fault(), a_fault(), a_fault()])
        publisher = Publisher(outbox, sink, SETTINGS)
        await publisher.start()
        await until(lambda: len(sink.taken) == 3 and bool(outbox.stats().lost))
        await outbox.put([checkpoint_event(NOW)])
        await until(lambda: len(sink.taken) == 4)
        await publisher.stop()
    return sink.taken


# --- What does not hold -----------------------------------------------------------------------------------------------


def changed(rows: list[Row]) -> None:
    rows[2]["data"]["what"] = rows[2]["subject"] = "another"


def added_to(rows: list[Row]) -> None:
    rows[2]["data"]["note"] = "a field that no version knows"


def changed_with_its_hash(rows: list[Row]) -> None:
    changed(rows)
    rehash(rows[2])


def removed(rows: list[Row]) -> None:
    del rows[2]


def removed_and_renumbered(rows: list[Row]) -> None:
    del rows[2]
    for number, row in enumerate(rows, 1):
        renumber(row, number)


def swapped(rows: list[Row]) -> None:
    renumber(rows[2], 4)
    renumber(rows[3], 3)


def put_in(rows: list[Row]) -> None:
    row = json.loads(json.dumps(rows[2]))
    row["id"] = row["data"]["ids"]["event"] = row["id"][:-4] + "0000"
    rows.insert(3, row)


def stripped(rows: list[Row]) -> None:
    for name in ("hash", "previous"):
        del rows[2]["data"]["ids"][name]


def first_stripped(rows: list[Row]) -> None:
    del rows[0]["data"]["ids"]["hash"]


def whole_chain_made_anew(rows: list[Row]) -> None:
    """By somebody who has all, but for the key."""
    changed(rows)
    before = ""
    for row in rows:
        if before:
            row["data"]["ids"]["previous"] = before
        before = rehash(row)


def signed_by_another(rows: list[Row]) -> None:
    whole_chain_made_anew(rows)
    for row in (rows[4], rows[9]):
        signer = Signer(OTHER)
        row["data"]["key_id"] = signer.key_id
        row["data"]["signature"] = signer.sign(rehash(row))


def subject_changed(rows: list[Row]) -> None:
    rows[1]["subject"] = "another"


def envelope_changed(rows: list[Row]) -> None:
    rows[0]["severity"] = "info"


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (changed, {"changed": (3,)}),
        (added_to, {"changed": (3,)}),
        (changed_with_its_hash, {"broken": (3,)}),
        (removed, {"missing": 1}),
        (removed_and_renumbered, {"changed": (3, 4, 5, 6, 7, 8, 9), "broken": (2,)}),
        (swapped, {"changed": (3, 4), "broken": (2, 3, 4)}),
        (put_in, {"conflicts": (3,)}),
        (stripped, {"stripped": (3,)}),
        (first_stripped, {"stripped": (1,)}),
        (whole_chain_made_anew, {"bad_signatures": (5, 10)}),
        (signed_by_another, {"unknown_keys": (Signer(OTHER).key_id,), "is_unsigned": True}),
        (subject_changed, {"invalid": ("file:2: its attributes are not those of its data: subject",)}),
        (envelope_changed, {"invalid": ("file:1: its attributes are not those of its data: severity",)}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_tampering_is_found_and_named(tamper: Callable[[list[Row]], None], says: dict[str, Any]):
    rows = rows_of(await a_chain())
    assert audited(rows).is_fine
    tamper(rows)
    report = audited(rows)
    assert not report.is_fine
    found = {**msgspec.to_builtins(report), **msgspec.to_builtins(of(report)), **msgspec.to_builtins(of(report).chain)}
    assert {name: found[name] for name in says} == says


async def test_without_keys_nothing_is_said_of_signatures_and_without_checkpoints_keys_vouch_for_nothing():
    rows = rows_of(await a_chain())
    whole_chain_made_anew(rows)
    assert audited(rows, keys=None).is_fine
    unsigned = rows_of(await a_chain(signer=None))
    assert audited(unsigned, keys=None).is_fine
    assert not audited(unsigned).is_fine


@given(st.data())
async def test_any_change_of_any_field_of_any_event_is_found(data: st.DataObject):
    rows = rows_of(await a_chain())
    row = data.draw(st.sampled_from(rows))
    path, value = data.draw(st.sampled_from(sorted(leaves(row["data"]), key=str)))
    if path == ("time", "published"):
        return
    parent = row["data"]
    for name in path[:-1]:
        parent = parent[name]
    kind = data.draw(st.sampled_from(["drop", "change"]))
    if kind == "drop" and not isinstance(parent, list):
        del parent[path[-1]]
    else:
        parent[path[-1]] = f"{value}0" if isinstance(value, str) else value + 1
    assert not audited(rows).is_fine


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        return [leaf for name, item in value.items() for leaf in leaves(item, (*path, name))]
    if isinstance(value, list):
        return [leaf for name, item in enumerate(value) for leaf in leaves(item, (*path, name))]
    return [(path, value)]


def renumber(row: Row, number: int) -> None:
    row["sequence"] = f"{number:020d}"
    row["data"]["ids"]["sequence"] = number


def rehash(row: Row) -> str:
    data = json.loads(json.dumps(row["data"]))
    data["ids"].pop("hash", None)
    data["time"].pop("published", None)
    data.pop("signature", None)
    digest = hashlib.sha256(canonical(data)).hexdigest()
    row["data"]["ids"]["hash"] = digest
    return digest


# --- When checkpoints come --------------------------------------------------------------------------------------------


def checkpoints_of(outbox: MemoryOutbox) -> list[int]:
    """Behind how many events each checkpoint stands."""
    kinds = [event.kind for event in outbox.events]
    return [at for at, kind in enumerate(kinds) if kind == "checkpoint"]


def checkpoints(outbox: Outbox, *, events: int = 1000, seconds: float = 3600) -> Checkpoints:
    return Checkpoints(outbox, every_events=events, every_seconds=seconds, now=lambda: NOW)


async def test_a_checkpoint_follows_so_many_events_and_ends_a_process():
    outbox = in_memory()
    await outbox.start()
    inlet = checkpoints(outbox, events=3)
    await inlet.start()
    for _ in range(4):
        await inlet.put([a_fault(), a_fault()])
    await inlet.stop()
    assert checkpoints_of(outbox) == [4, 9, 10]
    assert [event.data.final for event in outbox.events if isinstance(event.data, Checkpoint)] == [False, False, True]


async def test_a_checkpoint_comes_after_a_while_if_there_is_anything_to_vouch_for():
    outbox = in_memory()
    await outbox.start()
    inlet = checkpoints(outbox, seconds=0.001)
    await inlet.start()
    await inlet.put([a_fault()])
    await until(lambda: checkpoints_of(outbox) == [1])
    await inlet.put([a_fault()])
    await until(lambda: checkpoints_of(outbox) == [1, 3])
    await inlet.stop()
    assert checkpoints_of(outbox) == [1, 3, 4]
