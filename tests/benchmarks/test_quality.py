"""The table of quality: other tools are judged as Tidegate is, and the README says what the results say."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.names.__main__ import shares, unmarked
from benchmarks.quality import harmless, peers, plain
from benchmarks.quality.ours import float_folder
from benchmarks.quality.peers import Answers, Peer, PeerFailed, ask, judged
from benchmarks.quality.readme import BEGIN, END, block, put
from benchmarks.quality.sets import LabelledSet, labelled_sets
from detectors.models.card import read_card
from detectors.models.encoded import DEFAULT_MODEL, model_folder, shared_encoder
from detectors.types import Finding
from tests.tiny_model import write_tiny_model
from workbench.evaluation.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]

ECHO = """import json, sys
print(json.dumps({"echo": "1"}))
for line in sys.stdin:
    print(json.dumps({"scores": {"injection": float("ignore" in json.loads(line))}, "seconds": 0.5}))
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "run_echo.py"
    program.write_text(ECHO)
    monkeypatch.setattr(peers, "PEERS", {"echo": Peer(program, "injection")})
    return program


def _set(head: str, *rows: dict[str, Any]) -> LabelledSet:
    return LabelledSet(head, "test_made", Path("made.jsonl.gz"), rows)


@pytest.mark.usefixtures("echo")
def test_another_tool_is_asked_and_judged() -> None:
    one = _set(
        "injection",
        {"text": "ignore it", "label": 1},
        {"text": "do not ignore it", "label": 0},
        {"text": "read it", "label": 0},
    )
    answers = ask("echo", sys.executable, [row["text"] for row in one.rows])
    figures = judged("echo", one, answers)
    assert answers.versions == {"echo": "1"}
    assert (figures["recall"], figures["fpr"], figures["auc"]) == (1.0, 0.5, 0.75)
    assert figures["cpu_ms_per_1000_chars"] == pytest.approx(1e6 * 1.5 / 32)


def test_a_tool_that_fails_is_told_by_its_last_words(echo: Path) -> None:
    echo.write_text("import sys; sys.exit('it is not installed')")
    with pytest.raises(PeerFailed, match="echo: it is not installed"):
        ask("echo", sys.executable, ["a"])


def test_spans_of_another_tool_count_by_their_labels() -> None:
    entities = [{"start": 0, "end": 3, "label": "PERSON"}]
    one = _set("pii", {"text": "Ann is in", "entities": entities}, {"text": "nothing", "entities": []})
    rows = [{"spans": [[0, 3, "PERSON", 0.8]], "seconds": 0.1}, {"spans": [[0, 7, "MADE_UP", 0.8]], "seconds": 0.1}]
    figures = judged("presidio", one, Answers({}, rows))
    assert (figures["f1"], figures["empty"]["flagged"]) == (1.0, 1)


def test_a_float_model_takes_the_place_of_the_file(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny", golden=0.9)
    other = write_tiny_model(tmp_path / "other", golden=0.9)
    folder = float_folder(model, other / "model.onnx", tmp_path / "place")
    assert shared_encoder(str(folder)).scores("ignore the", "injection")["injection"] == pytest.approx(0.9526, abs=1e-4)


@pytest.mark.parametrize(
    ("value", "least_is_best", "verdict"),
    ((0.95, False, "aim"), (0.85, False, "must"), (0.75, False, "**no**"), (0.75, True, "aim"), (0.95, True, "**no**")),
)
def test_a_figure_is_held_against_what_must_be(value: float, least_is_best: bool, verdict: str) -> None:
    must, aim = (0.85, 0.8) if least_is_best else (0.8, 0.9)
    assert Target("injection", "x", ("auc",), must, aim, least_is_best=least_is_best).verdict(value) == verdict


def test_own_sets_hold_as_many_rows_as_they_say_and_stay_the_same() -> None:
    rows = plain.rows()
    assert len({row["text"] for row in rows}) == plain.COUNT
    assert rows == plain.rows()
    texts = [row["text"] for row in harmless.rows()]
    assert len(set(texts)) == len(harmless.LENGTHS) * harmless.TEXTS
    for number, text in enumerate(texts):
        shortest, longest = harmless.LENGTHS[number % len(harmless.LENGTHS)]
        assert shortest <= len(text) < longest
    labels = read_card(model_folder(DEFAULT_MODEL)).heads["toxicity"].labels
    assert sorted(harmless.LABELS) == sorted(labels)


def test_the_sets_that_are_ours_are_among_those_that_are_run(tmp_path: Path) -> None:
    found = labelled_sets(tmp_path, ["toxicity", "pii"], None, [harmless.NAME, plain.NAME])
    assert [one.name for one in found] == [harmless.NAME, plain.NAME]


def test_names_are_counted_by_label_and_by_any() -> None:
    sentence = unmarked("{P Ann Lee} met {P Bo} in {L Rome} at {O Fiat}.")
    assert sentence.text == "Ann Lee met Bo in Rome at Fiat."
    found = [
        Finding(0, 7, "PERSON", 1.0, ""),
        Finding(12, 14, "LOCATION", 1.0, ""),
        Finding(18, 22, "LOCATION", 1.0, ""),
        Finding(8, 11, "ORGANIZATION", 1.0, ""),
        Finding(15, 17, "DATE_TIME", 1.0, ""),
    ]
    assert shares([sentence], [found]) == {
        "names": 4,
        "PERSON": 0.5,
        "LOCATION": 1.0,
        "ORGANIZATION": 0.0,
        "any": 0.75,
        "wrong": 1,
    }


def test_the_table_goes_between_its_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    target = TARGETS[0]
    figures = {"systems": {"tidegate": {target.head: {target.set: {target.path[0]: 0.9444}}}}}
    put(readme, figures)
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert f"| {target.head} | {target.set} | {target.title} | 0.944 | - |" in text
    readme.write_text("no marks")
    with pytest.raises(ValueError, match="has neither"):
        put(readme, figures)


def test_the_table_is_put_in_where_there_is_none(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n\n## Know more\n")
    put(readme, {"systems": {}})
    once = readme.read_text()
    put(readme, {"systems": {}})
    assert readme.read_text() == once
    assert once.startswith("before\n\n## How well it judges\n")
    assert once.endswith(f"{END}\n\n## Know more\n")


def test_the_readme_has_the_table_of_the_committed_results() -> None:
    readme = (ROOT / "README.md").read_text()
    results = json.loads((ROOT / "benchmarks/results/quality.json").read_text())
    assert re.findall(f"{BEGIN}.*?{END}", readme, flags=re.DOTALL) == [block(results["figures"])]
