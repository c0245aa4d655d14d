"""Recorded conversations and events become tests that pass, and hold nobody's values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sidecar.cli.policy import policy
from tests.workbench.preview.test_replay import CARD, CARDS, MASK, NAMES, written

OWN = "5555 5555 5555 4444"
TRAFFIC: list[dict[str, Any]] = [
    {
        "id": "a",
        "tenant": "t",
        "turns": [{"user": f"my card is {OWN}"}, {"model": "the Kraken plan", "reasoning": "hm"}],
    },
    {"id": "a", "messages": [{"role": "user", "content": "mail joe@corp-mail.org"}]},
    {"turns": [{"model": "x", "calls": [{"name": "pay", "arguments": {"card": OWN, "n": [1, "ok"]}}]}]},
    {"turns": [{"context": ["one", {"id": "d", "text": f"card {OWN}"}]}, {"tool_result": "fine"}]},
]
EVENT = {
    "kind": "violation",
    "ids": {"event": "e1"},
    "policy": {"name": "default", "rule": "cards"},
    "detector": {"label": "CREDIT_CARD"},
    "where": {"part": "model"},
    "evidence": {"shape": "9999 9999 9999 9999"},
}


def recorded(folder: Path, *rows: dict[str, Any], options: tuple[str, ...] = ()) -> tuple[Result, str]:
    path = written(folder, "default", CARDS.format(MASK) + NAMES.format("{block: {message: No.}}"))
    traffic, made = folder / "t.jsonl", folder / "made_test.yaml"
    traffic.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    arguments = ["test", str(path), "--record", str(traffic), "--record-to", str(made), *options]
    result = CliRunner().invoke(policy, arguments)
    return result, made.read_text(encoding="utf-8") if made.exists() else ""


def test_all_lines_that_are_none_are_told(tmp_path: Path) -> None:
    result, text = recorded(tmp_path, *TRAFFIC, {"id": "a"}, TRAFFIC[0], {"text": 5})
    assert (result.exit_code, text) == (2, "")
    for line in ("5: it holds no text", "7: this is no conversation: Expected `str | null`, got `int`"):
        assert f"t.jsonl:{line}" in result.stderr


def test_they_pass_and_say_what_came(tmp_path: Path) -> None:
    result, text = recorded(tmp_path, *TRAFFIC, EVENT)
    made = tmp_path / "made_test.yaml"
    assert (result.exit_code, result.stderr) == (0, f"written: {made}, 5 tests\n")
    assert f"{made}: 5 tests" in result.stdout
    for words in (
        "'recorded: a'",
        "'recorded: a (2)'",
        "'recorded: e1'",
        "blocked: names",
        "tenant: t",
        "- default.yaml",
    ):
        assert words in text


def test_they_hold_values_of_nobody(tmp_path: Path) -> None:
    _, text = recorded(tmp_path, *TRAFFIC)
    assert OWN not in text
    assert "joe@corp-mail" not in text
    assert CARD in text


def test_texts_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    result, text = recorded(tmp_path, *TRAFFIC, options=("--record-text",))
    assert (result.exit_code, OWN in text) == (0, True)


def test_what_made_up_values_do_not_show_is_left_out_and_counted(tmp_path: Path) -> None:
    other = {**EVENT, "detector": {"label": "UNHEARD_OF"}}
    result, text = recorded(tmp_path, TRAFFIC[0], other)
    assert result.exit_code == 0
    assert "1 left out: " in result.stderr
    assert text.count("- name: ") == 1


@pytest.mark.parametrize(
    ("name", "message"), [("made.yaml", "must end in _test.yaml"), ("t_test.yaml", "is there already")]
)
def test_where_a_file_cannot_be_written(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "t_test.yaml").touch()
    result, _ = recorded(tmp_path, TRAFFIC[0], options=("--record-to", str(tmp_path / name)))
    assert (result.exit_code, message in result.stderr) == (2, True)
