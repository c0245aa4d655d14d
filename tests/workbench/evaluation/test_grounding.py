"""`tidegate eval grounding`: response and sentence level, on a few rows that any model of this kind gets right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.cli.main import main
from workbench.evaluation.grounding import context_of_row

BRIDGE = "The harbour bridge was opened in 1932. It carries eight lanes of traffic and its arch is 503 metres long."
TRUE = "The bridge was opened in 1932."
INVENTED = "Anna Miller of Scotland paid 70 million euros."
ROWS = (
    {"context": BRIDGE, "claim": TRUE, "label": "supported", "spans": None, "source": "a"},
    {"context": [BRIDGE, "More."], "claim": INVENTED, "label": "unsupported", "spans": None, "source": "a"},
    {"context": BRIDGE, "claim": f"{TRUE} {INVENTED}", "label": "contradicted", "spans": [[31, 42]], "source": "a"},
    {"context": BRIDGE, "claim": "Hello there!", "label": "supported", "spans": None, "source": "a"},
)


def test_answers_and_sentences_are_told_apart(tmp_path: Path) -> None:
    data, scores = tmp_path / "rows.jsonl", tmp_path / "scores.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    arguments = ["eval", "grounding", "--data", str(data), "--json", "--scores", str(scores)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    responses = figures["responses"]
    assert (figures["rows"], responses["without_claims"]) == (4, 1)
    assert (responses["auc"], responses["balanced_accuracy"]) == (1.0, 1.0)
    assert (figures["sentences"]["rows"], figures["sentences"]["auc"], figures["sentences"]["f1"]) == (4, 1.0, 1.0)
    assert set(figures["at"]) >= {"balanced"}
    third = json.loads(scores.read_text(encoding="utf-8").splitlines()[2])
    assert [(each["start"], each["end"]) for each in third["sentences"]] == [(0, 30), (31, 77)]
    first = json.loads(scores.read_text(encoding="utf-8").splitlines()[0])
    assert first["scores"]["unsupported"] == pytest.approx(1 - first["sentences"][0]["support"])


@pytest.mark.parametrize(
    ("context", "texts"),
    (
        ("one text", ["one text"]),
        (["one", "two"], ["one", "two"]),
        ("passage 1: one passage 2: two", ["one", "two"]),
        ("see passage 1: here", ["see passage 1: here"]),
    ),
)
def test_a_row_shows_its_passages_in_either_way(context: str | list[str], texts: list[str]) -> None:
    assert [each.text for each in context_of_row(context).documents] == texts
