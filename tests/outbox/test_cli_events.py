"""`tidegate events ...` on outboxes and files; on Kafka it is in tests/integration."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import socket
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sidecar.cli.events import events
from sidecar.outbox.builders import StreamInfo
from sidecar.outbox.columns import COLUMNS
from sidecar.outbox.encode import encode_line
from sidecar.outbox.event import Event
from sidecar.outbox.rows import to_row
from sidecar.outbox.settings import OutboxSettings
from sidecar.outbox.sqlite import SqliteOutbox
from tests.outbox.samples import INFO, NOW, a_fault, a_stream_decision, a_violation, numbered, one_of_each


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(events, [str(argument) for argument in arguments], input=stdin, env={"NO_COLOR": "1"})


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """An outbox with seven events, of which the first two are on their way."""
    path = tmp_path / "o.db"
    asyncio.run(fill(path, [a_violation(), a_stream_decision(), *(a_fault(what=f"part-{each}") for each in range(5))]))
    return path


async def fill(path: Path, put: Sequence[Event], claim: int = 2) -> None:
    box = SqliteOutbox(OutboxSettings(path=path, durability="normal"))
    await box.start()
    await box.put(put)
    await box.claim(claim)
    await box.stop()


def lines_of(path: Path, *sequences: int, event: Event | None = None) -> Path:
    """A file as the file sink writes it."""
    path.write_bytes(b"".join(encode_line(numbered(event or a_fault(), each), NOW) for each in sequences))
    return path


def test_tail_shows_the_last_events(outbox: Path):
    result = run("tail", "--outbox", outbox, "--last", 2)
    assert result.exit_code == 0, result.stderr
    assert re.findall(r"part-\d", result.stdout) == ["part-3", "part-4"]


def test_tail_says_what_was_done_where_and_whose_it_was(outbox: Path):
    (line,) = run("tail", "--outbox", outbox, "--kind", "violation").stdout.splitlines()
    assert line.split() == [
        "2026-09-21T14:13:20.250Z",
        "1",
        "high",
        "test/rule-0",
        "redact",
        "WORD",
        "'9999",
        "9999'",
        "output[0].content",
        "10-19",
        "tenant=acme",
        "session=session-1",
        "request=request-1",
        "stream=stream-1",
    ]


def test_tail_as_json_gives_one_event_a_line(outbox: Path):
    rows = [json.loads(line) for line in run("tail", "--outbox", outbox, "--json").stdout.splitlines()]
    assert [row["kind"] for row in rows] == ["violation", "decision", *["fault"] * 5]
    assert [row["ids"]["sequence"] for row in rows] == [1, 2, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (["--kind", "decision"], ["decision"]),
        (["--min-severity", "high"], ["violation"]),
        (["--rule", "rule-0"], ["violation"]),
        (["--rule", "other"], []),
        (["--tenant", "acme"], ["violation", "decision"]),
        (["--session", "session-1", "--kind", "decision", "--kind", "fault"], ["decision"]),
    ],
)
def test_filters(options: list[str], kinds: list[str], outbox: Path):
    lines = run("tail", "--outbox", outbox, "--json", *options).stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == kinds


def test_tail_cannot_be_made_to_steer_the_terminal(tmp_path: Path):
    event = a_fault()
    hostile = replace(event, data=replace(event.data, what="\x1b]0;owned\x07"))
    result = run("tail", "--file", lines_of(tmp_path / "e.jsonl", 1, event=hostile))
    assert "\x1b" not in result.stdout
    assert "owned" in result.stdout


def test_export_can_be_read_again(outbox: Path, tmp_path: Path):
    result = run("export", "--outbox", outbox, "--output", tmp_path / "out.jsonl")
    assert (result.exit_code, result.stderr) == (0, "7 events\n")
    assert (
        run("tail", "--file", tmp_path / "out.jsonl", "--json").stdout
        == run("tail", "--outbox", outbox, "--json").stdout
    )


def test_stats_count_by_kind_severity_rule_and_fault(outbox: Path):
    counts = json.loads(run("stats", "--outbox", outbox, "--json").stdout)
    producer = counts["outbox"].pop("producer")
    assert producer.startswith("tidegate-")
    assert counts == {
        "kind": {"violation": 1, "decision": 1, "fault": 5},
        "severity": {"high": 1, "low": 1, "medium": 5},
        "rule": {"test/rule-0": 1},
        "done": {"redact": 1},
        "fault": {"detector_late": 5},
        "outbox": {"next_sequence": 3, "lost": {}},
    }
    assert "detector_late" in run("stats", "--outbox", outbox).stdout


def test_verify_finds_a_complete_file_fine(outbox: Path, tmp_path: Path):
    result = run("verify", "--file", lines_of(tmp_path / "e.jsonl", 1, 2, 3))
    assert result.exit_code == 0
    assert "complete: 3 events" in result.stdout
    assert "5 waiting" in run("verify", "--outbox", outbox).stdout


def test_verify_takes_a_repeat_with_the_same_id(tmp_path: Path):
    path = lines_of(tmp_path / "e.jsonl", 1, 2)
    path.write_bytes(path.read_bytes() * 2)
    report = json.loads(run("verify", "--file", path, "--json").stdout)
    assert report["is_fine"]
    assert (report["producers"][0]["events"], report["producers"][0]["repeats"]) == (2, 2)


def test_verify_names_what_is_missing(tmp_path: Path):
    result = run("verify", "--file", lines_of(tmp_path / "e.jsonl", 1, 2, 5, 7))
    assert result.exit_code == 1
    assert "3 MISSING (3-4, 6)" in result.stdout


def test_verify_finds_two_events_with_one_number(tmp_path: Path):
    path = lines_of(tmp_path / "e.jsonl", 1, 2)
    path.write_bytes(path.read_bytes() + encode_line(numbered(a_fault(), 2), NOW))
    report = json.loads(run("verify", "--file", path, "--json").stdout)
    assert report["producers"][0]["conflicts"] == [2]
    assert not report["is_fine"]


def test_verify_finds_a_session_out_of_order(tmp_path: Path):
    path = tmp_path / "e.jsonl"
    path.write_bytes(b"".join(encode_line(numbered(a_fault(INFO), each), NOW) for each in (2, 1, 3)))
    result = run("verify", "--file", path)
    assert result.exit_code == 1
    assert "1 OUT OF ORDER (1)" in result.stdout


def test_sessions_may_overtake_each_other(tmp_path: Path):
    others: list[StreamInfo] = [replace(INFO, session_id=name) for name in ("a", "b", "a")]
    path = tmp_path / "e.jsonl"
    lines = [encode_line(numbered(a_fault(info), each), NOW) for info, each in zip(others, (2, 1, 3), strict=True)]
    path.write_bytes(b"".join(lines))
    assert run("verify", "--file", path).exit_code == 0


def test_verify_finds_what_is_no_event(tmp_path: Path):
    path = lines_of(tmp_path / "e.jsonl", 1)
    path.write_bytes(path.read_bytes() + b'{"specversion": "1.0", "type": "com.example"}\n')
    result = run("verify", "--file", path)
    assert result.exit_code == 1
    assert f"not an event: {path}:2" in result.stderr


def test_standard_input_is_a_file_too():
    result = run("stats", "--file", "-", "--json", stdin=encode_line(numbered(a_fault(), 1), NOW))
    assert json.loads(result.stdout)["kind"] == {"fault": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        ["tail", "--outbox", "missing.db"],
        ["stats", "--file", "missing.jsonl"],
        ["verify", "--outbox", __file__],
        ["tail", "--outbox", "a", "--file", "b"],
        ["create-topics"],
        ["create-topics", "--set", "no-equals-sign"],
        ["tail", "--config", "missing.yaml"],
        ["tail", "--kind", "nonsense"],
    ],
    ids=" ".join,
)
def test_misuse_and_a_broken_environment_exit_with_2_and_one_message(arguments: list[str]):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr
    assert "Traceback" not in result.output


def test_a_broker_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as taken:  # bound and not listening: nobody can answer there
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("TIDEGATE_KAFKA__BOOTSTRAP_SERVERS", address)
        result = run("stats")
    assert result.exit_code == 2
    assert f"no Kafka broker answers at {address}: Connection refused; look at kafka.bootstrap_servers" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", events.list_commands(click.Context(events)))
def test_help_has_an_example(command: str):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"tidegate events {command}" in " ".join(result.stdout.split())


def test_outbox_on_a_read_only_disk_can_be_read(outbox: Path):
    outbox.chmod(0o444)
    outbox.parent.chmod(0o555)
    try:
        assert run("stats", "--outbox", outbox).exit_code == 0
    finally:
        outbox.parent.chmod(0o755)


async def test_outbox_can_be_read_while_it_is_written(tmp_path: Path):
    box = SqliteOutbox(OutboxSettings(path=tmp_path / "o.db", durability="normal"))
    await box.start()
    await box.put([a_fault()])
    result = await asyncio.to_thread(run, "stats", "--outbox", tmp_path / "o.db", "--json")
    await box.put([a_fault()])
    await box.stop()
    assert json.loads(result.stdout)["kind"] == {"fault": 1}
    assert sum(box.stats().lost.values()) == 0


@pytest.mark.parametrize("option", ["--replication-factor", "--partitions"])
def test_a_number_that_kafka_cannot_carry_is_misuse(option: str):
    result = run("create-topics", "--bootstrap", "localhost:1", option, "40000")
    assert result.exit_code == 2
    assert "40000" in result.stderr
    assert "Traceback" not in result.output


def test_export_salvages_what_a_damaged_outbox_still_holds(tmp_path: Path):
    path = tmp_path / "outbox.db.damaged-20260101T000000Z"
    rows = [to_row(a_fault(what=str(number))).body for number in range(5)]
    path.write_bytes(b"\0" * 4096 + b"\xff".join(rows))
    result = run("export", "--file", path)
    assert result.exit_code == 0
    assert [json.loads(line)["what"] for line in result.stdout.splitlines()] == [*map(str, range(5))]
    assert "5 events" in result.stderr


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (["--policy", "test", "--done", "redact"], ["violation", "decision"]),
        (["--rule", "test/rule-0", "--label", "WORD"], ["violation"]),
        (["--severity", "low"], ["decision"]),
        (["--app", "support-bot", "--detector", "fake"], ["violation"]),
        (["--field", "where.direction=output"], ["violation"]),
        (
            ["--since", "2026-09-21", "--until", "2026-09-21T14:13:21Z", "--stream", "stream-1"],
            ["violation", "decision"],
        ),
        (["--since", "2026-09-21T16:13:20.251+02:00"], []),
        (["--until", "1h"], ["violation", "decision", *["fault"] * 5]),
        (["--since", "2h"], []),
    ],
    ids=str,
)
def test_each_condition_has_its_option(options: list[str], kinds: list[str], outbox: Path):
    lines = run("tail", "--outbox", outbox, "--json", *options).stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == kinds


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--since", "noon"], "'noon' is no time"), (["--field", "app.model"], "--field app.model: expected PATH=VALUE")],
    ids=str,
)
def test_a_condition_that_cannot_be_read_is_misuse(options: list[str], said: str):
    result = run("tail", "--outbox", "o.db", *options)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A file with one event of each kind and more, as the file sink writes it."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(encode_line(numbered(event, at), NOW) for at, event in enumerate(one_of_each(), 1)))
    return path


def test_export_writes_rows_of_a_table_as_csv(lines: Path, tmp_path: Path):
    result = run("export", "--file", lines, "--output", tmp_path / "out.csv")
    assert result.exit_code == 0, result.stderr
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert result.stderr == f"{len(rows)} events\n"
    (violation, *_) = rows
    assert {
        name: violation[name] for name in ("kind", "tenant", "app", "policy", "rule", "done", "score", "shape")
    } == {
        "kind": "violation",
        "tenant": "acme",
        "app": "support-bot",
        "policy": "test",
        "rule": "rule-0",
        "done": "redact",
        "score": "0.9",
        "shape": "9999 9999",
    }
    assert json.loads(violation["data"])["ids"]["sequence"] == 1
    assert [*violation] == list(COLUMNS)


def test_export_writes_parquet_that_can_be_queried(lines: Path, tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    result = run(
        "export", "--file", lines, "--kind", "violation", "--kind", "decision", "--output", tmp_path / "e.parquet"
    )
    assert result.exit_code == 0, result.stderr
    table = parquet.read_table(tmp_path / "e.parquet")
    assert table.column("kind").to_pylist() == ["violation", "violation", "decision"]
    assert table.column("violations").to_pylist() == [None, None, 2]
    assert table.column("occurred")[0].as_py().isoformat() == "2026-09-21T14:13:20.250000+00:00"


@pytest.mark.parametrize("form", ["ocsf", "ecs"])
def test_export_writes_the_standards_of_others(form: str, lines: Path):
    result = run("export", "--file", lines, "--format", form, "--kind", "violation")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) == 2
    assert all(row["class_uid"] == 2004 if form == "ocsf" else row["event"]["kind"] == "alert" for row in rows)


def test_a_cell_that_a_spreadsheet_would_run_is_harmless(tmp_path: Path):
    event = a_violation(replace(INFO, session_id='=HYPERLINK("http://x")'))
    result = run("export", "--file", lines_of(tmp_path / "e.jsonl", 1, event=event), "--format", "csv")
    (row,) = csv.DictReader(result.stdout.splitlines())
    assert row["session"] == '\'=HYPERLINK("http://x")'


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("missing/out.csv", "missing/out.csv cannot be written: No such file or directory"),
        (".", ". cannot be written: Is a directory"),
        ("/dev/full", "/dev/full cannot be written: No space left on device"),
    ],
)
def test_a_file_that_cannot_be_written_is_named(
    output: str, said: str, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    result = run("export", "--file", lines, "--output", output)
    assert (result.exit_code, result.stderr) == (2, f"Error: {said}\n")


def test_a_parquet_file_needs_a_place(lines: Path):
    result = run("export", "--file", lines, "--format", "parquet")
    assert result.exit_code == 2
    assert "say --output FILE" in result.stderr


def test_stats_by_a_field_over_time(lines: Path):
    result = run("stats", "--file", lines, "--by", "kind", "--every", "1h", "--kind", "violation", "--json")
    assert json.loads(result.stdout) == {
        "by": "kind",
        "counts": {"violation": 2},
        "over_time": [{"from": "2026-09-21T14:00:00.000Z", "counts": {"violation": 2}}],
    }
    table = run("stats", "--file", lines, "--by", "done", "--every", "1d").stdout
    assert "2026-09-21T00:00:00Z" in table
    assert {"redact", "block", "(none)"} <= {*re.findall(r"[\w()]+", table)}


def test_stats_by_a_field_show_the_greatest_and_the_rest(lines: Path):
    table = run("stats", "--file", lines, "--by", "kind", "--most", 1).stdout
    assert "(others)" in table


@pytest.mark.parametrize("options", [[], ["--every", "1h"]], ids=str)
def test_stats_are_drawn(options: list[str], lines: Path, tmp_path: Path):
    pytest.importorskip("matplotlib")
    result = run("stats", "--file", lines, "--by", "kind", *options, "--png", tmp_path / "kinds.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "kinds.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--every", "1h"], "say what to count by"),
        (["--by", "kind", "--every", "soon"], "'soon' is no length of time"),
        (["--by", "kind", "--png", "missing/k.png"], "missing/k.png cannot be written"),
    ],
    ids=str,
)
def test_stats_that_cannot_be_made_are_misuse(options: list[str], said: str, lines: Path):
    result = run("stats", "--file", lines, *options)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_tail_of_a_pipe_finds_what_lies_far_back():
    far = encode_line(numbered(a_violation(), 1), NOW)
    near = b"".join(encode_line(numbered(a_fault(), number), NOW) for number in range(2, 400))
    result = run("tail", "--file", "-", "--kind", "violation", "-n", 1, "--json", stdin=far + near)
    assert [json.loads(line)["kind"] for line in result.stdout.splitlines()] == ["violation"]


def test_top_shows_once_what_there_is_most_of(outbox: Path):
    shown = json.loads(run("top", "--outbox", outbox, "--once", "--window", "5200w", "--by", "kind", "--json").stdout)
    assert shown == {"events": 7, "top": {"kind": {"fault": 5, "violation": 1, "decision": 1}}}
    assert "test" in run("top", "--outbox", outbox, "--once", "--window", "5200w").stdout
