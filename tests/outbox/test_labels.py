"""Labels: what a table of them may say, how they are written, and what stands when several people said something."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sidecar.cli.events import events
from sidecar.outbox.encode import decode_line
from sidecar.outbox.event import Label, Verdict
from sidecar.outbox.labels import LabelError, checked, numbered_labels, read_rows, standing, verdicts, write_labels
from tests.outbox.samples import EVENT_ID, NOW

OTHER = EVENT_ID[:-1] + "2"


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(
        events, ["label", *map(str, arguments), "--by", "ann"], input=stdin, env={"NO_COLOR": "1"}
    )


def labels_of(*rows: dict[str, str]) -> list[Label]:
    """Labels that were said one after the other."""
    made: list[Label] = []
    for number, row in enumerate(rows):
        (numbered,) = numbered_labels([checked({"event": EVENT_ID, **row})], by="ann", now=NOW + number)
        assert isinstance(numbered.event.data, Label)
        made.append(numbered.event.data)
    return made


def read_back(path: Path) -> list[Label]:
    found = [decode_line(line).data for line in path.read_bytes().splitlines()]
    return [each for each in found if isinstance(each, Label)]


def test_a_label_names_the_event_what_is_said_and_who_says_it(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    result = run(EVENT_ID, "--verdict", "false_positive", "--note", "a test card", "--to", path, "--json")
    assert result.exit_code == 0, result.stderr
    assert f"1 label written to {path}" in result.stderr
    (label,) = read_back(path)
    assert (label.event, label.verdict, label.by, label.note) == (EVENT_ID, "false_positive", "ann", "a test card")
    assert json.loads(result.stdout)["kind"] == "label"


def test_events_verify_proves_a_file_of_labels_and_tail_shows_it(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    table = tmp_path / "t.csv"
    table.write_text(f"event,verdict,by,rule,label\n{EVENT_ID},true_positive,bob,,\n{OTHER},missed,,chat/r,insult\n")
    for _ in range(2):
        assert run("--from", table, "--to", path).exit_code == 0
    done = CliRunner().invoke(events, ["verify", "--file", str(path), "--json"])
    report = json.loads(done.stdout)
    assert (report["is_fine"], report["events"], len(report["producers"])) == (True, 4, 2)
    shown = CliRunner().invoke(events, ["tail", "--file", str(path), "--kind", "label"]).stdout.splitlines()
    assert len(shown) == 4
    assert "missed" in shown[1]
    assert "chat/r/insult" in shown[1]
    assert "by ann" in shown[1]
    counts = json.loads(CliRunner().invoke(events, ["stats", "--file", str(path), "--json"]).stdout)
    assert counts["verdict"] == {"true_positive": 2, "missed": 2}


def test_a_table_may_be_json_lines_on_stdin(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    lines = "".join(json.dumps({"event": each, "verdict": "true_positive"}) + "\n" for each in (EVENT_ID, OTHER))
    assert run("--from", "-", "--to", path, stdin=lines).exit_code == 0
    assert [each.event for each in read_back(path)] == [EVENT_ID, OTHER]


WRONG = [
    ({"event": "4711", "verdict": "true_positive"}, "event is the id of an event"),
    ({"event": EVENT_ID, "verdict": "wrong"}, "verdict is one of true_positive, false_positive, missed, clean, unsure"),
    ({"event": EVENT_ID, "verdict": "missed", "label": "x"}, "name the `rule`"),
    ({"event": EVENT_ID, "verdict": "clean"}, "name the `rule`"),
    ({"event": EVENT_ID, "verdict": "missed", "rule": "r"}, "needs the `label`"),
    ({"event": EVENT_ID, "verdict": "true_positive", "rule": "r"}, "names its rule itself"),
    ({"event": EVENT_ID, "verdict": "true_positive", "why": "r"}, "why"),
    ({"event": EVENT_ID, "verdict": "true_positive", "note": "n" * 501}, "500"),
    ({"verdict": "true_positive"}, "event"),
]


@pytest.mark.parametrize(("row", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_cannot_be_a_label_is_refused_with_the_reason(row: dict[str, str], said: str):
    with pytest.raises(LabelError, match=said):
        checked(row)


def test_a_table_with_a_mistake_is_refused_as_a_whole_with_every_line(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    table = tmp_path / "t.csv"
    table.write_text(f"event,verdict\n{EVENT_ID},true_positive\n4711,true_positive\n{EVENT_ID},yes\n")
    result = run("--from", table, "--to", path)
    assert result.exit_code == 2
    assert f"{table}:3: event is the id" in result.stderr
    assert f"{table}:4: verdict is one of" in result.stderr
    assert not path.exists()


def test_lines_that_are_no_json_are_told_by_number():
    with pytest.raises(LabelError, match=r"t\.jsonl:2: "):
        read_rows(
            Path("t.jsonl"), io.StringIO(json.dumps({"event": EVENT_ID, "verdict": "clean", "rule": "r"}) + "\n{")
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([EVENT_ID], "--verdict"),
        (["--verdict", "true_positive"], "name an event"),
        ([EVENT_ID, "--verdict", "true_positive"], "nowhere to write"),
        ([EVENT_ID, "--verdict", "true_positive", "--to", "x", "--bootstrap", "y:1"], "one place"),
        ([EVENT_ID, "--from", "-"], "leave out the event"),
    ],
)
def test_misuse_is_told(arguments: Sequence[str], said: str):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_last_label_of_an_author_on_an_event_stands():
    said = labels_of(
        {"verdict": "true_positive"}, {"verdict": "false_positive"}, {"verdict": "true_positive", "by": "b"}
    )
    assert [(each.by, each.verdict) for each in standing(reversed(said))] == [
        ("ann", "false_positive"),
        ("b", "true_positive"),
    ]


def test_of_two_labels_of_one_run_the_later_row_stands():
    rows = [checked({"event": EVENT_ID, "verdict": each}) for each in ("true_positive", "false_positive")]
    made = [
        replace(each.event.data, ids=replace(each.event.data.ids, sequence=each.sequence))
        for each in numbered_labels(rows, by="ann", now=NOW)
        if isinstance(each.event.data, Label)
    ]
    assert [each.verdict for each in standing(reversed(made))] == [Verdict.FALSE_POSITIVE]


def test_unsure_takes_back_what_was_said():
    assert verdicts(labels_of({"verdict": "true_positive"}, {"verdict": "unsure"})).alarms == {}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("tt", {EVENT_ID: True}),
        ("tff", {EVENT_ID: False}),
        ("tf", {}),
        ("ttf", {EVENT_ID: True}),
    ],
)
def test_of_several_authors_the_majority_stands_and_a_tie_is_disputed(said: str, expected: dict[str, bool]):
    words = {"t": "true_positive", "f": "false_positive"}
    found = verdicts(labels_of(*({"verdict": words[each], "by": str(n)} for n, each in enumerate(said))))
    assert found.alarms == expected
    assert found.disputed == (frozenset() if expected else {EVENT_ID})


def test_what_was_missed_is_told_by_stream_rule_and_label():
    found = verdicts(
        labels_of(
            {"verdict": "missed", "rule": "r", "label": "insult"},
            {"verdict": "missed", "rule": "r", "label": "threat"},
            {"verdict": "clean", "rule": "s"},
            {"verdict": "unsure", "rule": "r", "label": "threat"},
        )
    )
    assert [(each.rule, each.label) for each in found.missed] == [("r", "insult")]
    assert [each.rule for each in found.clean] == ["s"]
    assert found.alarms == {}


def test_labels_are_appended_to_what_is_there(tmp_path: Path):
    path = tmp_path / "labels.jsonl"
    for _ in range(2):
        rows = [checked({"event": EVENT_ID, "verdict": "true_positive"})]
        asyncio.run(write_labels(numbered_labels(rows, by="ann", now=NOW), path))
    assert len(read_back(path)) == 2
