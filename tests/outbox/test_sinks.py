"""The file and stdout sinks."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sidecar.outbox.encode import decode_line
from sidecar.outbox.outbox import Numbered
from sidecar.outbox.sinks import FileSink, SinkError, StdoutSink
from tests.outbox.samples import NOW, a_fault, numbered


def batch(*sequences: int) -> list[Numbered]:
    return [numbered(a_fault(), sequence) for sequence in sequences]


def sequences(lines: bytes) -> list[int]:
    return [decode_line(line).data.ids.sequence for line in lines.splitlines()]


async def test_file_sink_appends_lines(tmp_path: Path):
    sink = FileSink(tmp_path / "events.jsonl", now=lambda: NOW)
    await sink.publish(batch(1, 2))
    await sink.publish(batch(3))
    await sink.stop()
    assert sequences((tmp_path / "events.jsonl").read_bytes()) == [1, 2, 3]


async def test_file_is_not_for_everybody(tmp_path: Path):
    await FileSink(tmp_path / "events.jsonl").publish(batch(1))
    assert (tmp_path / "events.jsonl").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("torn", [1, 100, 5000])
async def test_line_that_a_crash_cut_short_is_replaced(torn: int, tmp_path: Path):
    path = tmp_path / "events.jsonl"
    sink = FileSink(path, now=lambda: NOW)
    await sink.publish(batch(1))
    with path.open("ab") as file:
        file.write(b"x" * torn)
    await sink.publish(batch(2))
    assert sequences(path.read_bytes()) == [1, 2]


async def test_torn_first_line_is_replaced(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"specv')
    await FileSink(path, now=lambda: NOW).publish(batch(1))
    assert sequences(path.read_bytes()) == [1]


async def test_file_may_be_rotated_between_batches(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    sink = FileSink(path, now=lambda: NOW)
    await sink.publish(batch(1))
    path.rename(tmp_path / "events.1.jsonl")
    await sink.publish(batch(2))
    assert sequences(path.read_bytes()) == [2]


async def test_file_that_cannot_be_written_is_a_sink_error(tmp_path: Path):
    with pytest.raises(SinkError, match="cannot write"):
        await FileSink(tmp_path / "missing" / "events.jsonl").publish(batch(1))


async def test_stdout_sink_writes_lines():
    stream = io.BytesIO()
    await StdoutSink(stream, now=lambda: NOW).publish(batch(1, 2))
    assert sequences(stream.getvalue()) == [1, 2]


async def test_closed_stdout_is_a_sink_error():
    stream = io.BytesIO()
    stream.close()
    with pytest.raises(SinkError, match="standard output"):
        await StdoutSink(stream).publish(batch(1))
