"""`tidegate policy tune`: from events and labels to a threshold in a policy's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar.cli.policy import policy
from sidecar.errors import TidegateError
from sidecar.outbox.encode import encode_line
from sidecar.outbox.event import Data, Event
from sidecar.values import Severity
from tests.outbox.samples import NOW, numbered
from tests.workbench.tuning.test_tuning import ended, finding, said
from workbench.tuning.writing import with_threshold

RULE = """apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: test, version: "1"}   # the whole of it
rules:
  - id: rule-0
    # plums are no fruit here
    detect:
      detector: patterns
      patterns: [{label: WORD, regex: plum}, {label: OTHER, regex: 'pear'}]
      DETECT
    severity: high
    action: annotate
"""
MAPPING = "labels: {WORD: 0.5, OTHER: 0.9}   # found by trial"


def file_of(folder: Path, detect: str = MAPPING, name: str = "p.yaml") -> Path:
    path = folder / name
    path.write_text(RULE.replace("DETECT", detect))
    return path


def events_of(folder: Path) -> Path:
    """Two hundred streams: of the findings above 0.8 one in fifty is wrong, of those below every second."""
    path = folder / "events.jsonl"
    data: list[Data] = []
    for number in range(200):
        own = finding(0.9 if number % 2 else 0.6, f"s{number}")
        is_right = number % 4 == 0 or (number % 2 == 1 and number % 50 != 1)
        data += [own, ended(f"s{number}"), said(own, "true_positive" if is_right else "false_positive")]
    events = [Event(severity=Severity.INFO, key="k", subject="s", data=each) for each in data]
    path.write_bytes(b"".join(encode_line(numbered(each, n), NOW) for n, each in enumerate(events, 1)))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(policy, ["tune", *map(str, arguments)], env={"NO_COLOR": "1"})


def test_tune_shows_each_threshold_says_what_it_does_not_know_and_proposes_one(tmp_path: Path):
    file, events = file_of(tmp_path), events_of(tmp_path)
    arguments = (file, "--rule", "rule-0", "--label", "WORD", "--events", events)
    result = run(*arguments, "--min-precision", 0.9)
    assert result.exit_code == 0, result.output
    assert "proposed: 0.9 (now 0.5) keeps to min precision 0.9" in result.stdout
    assert "the true recall is most likely lower" in " ".join(result.stdout.split())
    assert "Below 0.5 nothing is told" in result.stdout
    shown = json.loads(run(*arguments, "--max-false-alarms", 0.06, "--json").stdout)
    assert (shown["proposed"], shown["evidence"]["right"], shown["evidence"]["streams"]) == (0.9, 146, 200)
    assert [each["threshold"] for each in shown["points"]] == [0.5, 0.6, 0.9]


def test_tune_writes_the_threshold_and_nothing_else(tmp_path: Path):
    file, events = file_of(tmp_path), events_of(tmp_path)
    png = tmp_path / "t.png"
    arguments = ("--rule", "test/rule-0", "--label", "WORD", "--events", events, "--min-precision", 0.9)
    result = run(file, *arguments, "--write", "--png", png)
    assert result.exit_code == 0, result.output
    assert file.read_text() == RULE.replace("DETECT", MAPPING.replace("0.5", "0.9"))
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "metadata.version" in result.stderr


def test_a_cost_that_no_threshold_keeps_to_is_exit_status_1_and_the_file_stays(tmp_path: Path):
    file, events = file_of(tmp_path), events_of(tmp_path)
    before = file.read_bytes()
    result = run(file, "--rule", "rule-0", "--label", "WORD", "--events", events, "--min-precision", 0.99, "--write")
    assert result.exit_code == 1
    assert "takes 381 labels" in result.stdout
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rule", "none"], "there is no rule none"),
        (["--rule", "rule-0"], "several labels; say one with --label: WORD, OTHER"),
        (["--rule", "rule-0", "--label", "X"], "has no label X"),
        (["--rule", "rule-0", "--label", "OTHER"], "no finding of test/rule-0"),
        (["--rule", "rule-0", "--label", "WORD", "--write"], "--write needs a cost"),
        (["--rule", "rule-0", "--label", "WORD", "--min-precision", "1", "--max-false-alarms", "1"], "say one cost"),
    ],
)
def test_misuse_is_told(arguments: list[str], said: str, tmp_path: Path):
    result = run(file_of(tmp_path), "--events", events_of(tmp_path), *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


WRITTEN = [
    (MAPPING, {"WORD": 0.5, "OTHER": 0.9}, "labels: {WORD: 0.7, OTHER: 0.9}   # found by trial"),
    (
        "labels:\n        WORD: 0.50 # low\n        OTHER: 1",
        {"WORD": 0.5},
        "labels:\n        WORD: 0.7 # low\n        OTHER: 1",
    ),
    ("labels: [WORD, OTHER]", {"WORD": 0.5, "OTHER": 1.0}, "labels: {WORD: 0.7, OTHER: 1}"),
    ("labels: [WORD]\n      threshold: 0.5  # all", {"WORD": 0.5}, "labels: [WORD]\n      threshold: 0.7  # all"),
    ("threshold: '0.5'", {"WORD": 0.5}, "threshold: 0.7"),
]


@pytest.mark.parametrize(("detect", "thresholds", "expected"), WRITTEN)
def test_each_way_to_write_thresholds(detect: str, thresholds: dict[str, float], expected: str):
    text = RULE.replace("DETECT", detect)
    changed = with_threshold(
        text, "p.yaml", policy="test", rule="rule-0", label="WORD", threshold=0.7, thresholds=thresholds
    )
    assert changed == RULE.replace("DETECT", expected)


def test_a_rule_without_labels_gets_them_behind_its_detector():
    for detect, expected in [
        ("detect:\n      detector: patterns\n", "detect:\n      detector: patterns\n      labels: {WORD: 0.7}\n"),
        ("detect: {detector: patterns}\n", "detect: {detector: patterns, labels: {WORD: 0.7}}\n"),
    ]:
        text = f"metadata: {{name: test}}\nrules:\n  - id: r\n    {detect}    action: annotate\n"
        changed = with_threshold(
            text, "p", policy="test", rule="r", label="WORD", threshold=0.7, thresholds={"WORD": 0.5}
        )
        assert changed == text.replace(detect, expected)


@pytest.mark.parametrize(
    "detect",
    [
        "threshold: 0.5",
        "labels:\n        - WORD\n        - OTHER",
        "labels: {list: words}",
        "labels: [WORD, # the one\n        OTHER]",
    ],
)
def test_what_cannot_be_written_without_changing_more_is_refused_with_what_to_write(detect: str):
    with pytest.raises(TidegateError, match=r"stays as it is: .*write labels: \{WORD: 0.7, OTHER: 0.9\}"):
        with_threshold(
            RULE.replace("DETECT", detect),
            "p.yaml",
            policy="test",
            rule="rule-0",
            label="WORD",
            threshold=0.7,
            thresholds={"WORD": 0.5, "OTHER": 0.9},
        )


def test_ends_of_lines_stay(tmp_path: Path):
    file, events = file_of(tmp_path), events_of(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    arguments = ("--rule", "rule-0", "--label", "WORD", "--events", events, "--min-precision", 0.9, "--write")
    assert run(file, *arguments).exit_code == 0
    assert file.read_bytes() == RULE.replace("DETECT", MAPPING.replace("0.5", "0.9")).replace("\n", "\r\n").encode()
