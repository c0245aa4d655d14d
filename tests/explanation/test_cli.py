"""`tidegate policy explain`: what it takes, what it refuses, and that its page in the documentation is true."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar.cli.policy import policy

ROOT = Path(__file__).parents[2]
PCI = str(ROOT / "policies" / "pci.yaml")


def run(*arguments: str, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(policy, ["explain", *arguments], input=text)


def test_it_tells_what_becomes_of_a_text() -> None:
    result = run(PCI, "--policy", "pci", "--text", "Card 4111 1111 1111 1111.")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "rule card-number: met, 1.00 reaches 0.5" in result.stdout
    assert "  text     'Card •••• •••• •••• 1111.'" in result.stdout


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_it_reads_a_file_or_standard_input_and_prints_json(tmp_path: Path, source: str) -> None:
    text = "Card 4111 1111 1111 1111."
    (tmp_path / "text.txt").write_text(text)
    file = str(tmp_path / "text.txt") if source == "file" else "-"
    result = run(PCI, "--policy", "pci", "--file", file, "--json", text=text)
    told = json.loads(result.stdout)
    assert (result.exit_code, told["text"], told["final"]["text"]) == (0, text, "Card •••• •••• •••• 1111.")


def test_a_text_that_no_policy_takes_is_1_and_says_why() -> None:
    result = run(PCI, "--text", "x")
    assert result.exit_code == 1
    assert "pci 1.0.0: it wants the label tidegate.dev/policy=pci; the stream has none" in result.stdout
    assert "No policy takes this text" in result.stdout


def test_a_label_makes_a_policy_take_it() -> None:
    result = run(PCI, "--label", "tidegate.dev/policy=pci", "--text", "x")
    assert (result.exit_code, "> pci 1.0.0: it is the first whose conditions all hold" in result.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        ([PCI], None, "say what to explain: --text TEXT or --file FILE, or --event ID"),
        ([PCI, "--text", "x", "--file", "y"], None, "by --text or by --file, not by both"),
        ([PCI, "--text", "x", "--policy", "pcy"], None, "did you mean 'pci'?"),
        ([PCI, "--text", "x", "--history"], None, "only a request has a history: say --direction input"),
        ([PCI, "--file", "nowhere.txt"], None, "cannot read nowhere.txt"),
        ([PCI, "--file", "-"], b"\xff", "standard input is not UTF-8: invalid start byte at byte 0"),
        (["nowhere", "--text", "x"], None, "'nowhere' does not exist"),
        ([PCI, "--text", "x", "--label", "app"], None, "write NAME=VALUE"),
        ([PCI, "--text", "x", "--session", "angry"], None, "'angry' is none of untrusted, sensitive, sends"),
        ([PCI, "--text", "x", "--session", "risk=high"], None, "'high' is no number"),
    ],
)
def test_misuse_is_2_and_says_what_to_do(arguments: list[str], text: bytes | None, words: str) -> None:
    result = run(*arguments, text=text)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


def test_a_wrong_policy_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(Path(PCI).read_text(encoding="utf-8").replace("severity:", "severty:", 1), encoding="utf-8")
    result = run(str(path), "--text", "x")
    assert result.exit_code == 1
    assert re.search(r"wrong\.yaml:\d+:\d+: error TG101: .*unknown key `severty`", result.stderr)


def test_a_file_of_policies_that_is_not_there_is_misuse(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run(str(tmp_path / "empty"), "--text", "x")
    assert (result.exit_code, "error TG005: there is no policy file" in result.stderr) == (2, True), result.stderr


def test_what_is_quoted_cannot_steer_the_terminal() -> None:
    result = run(PCI, "--policy", "pci", "--text", "a\x1b[31mb\x00\u202e")
    assert not re.search("[\x00\x1b\u202e]", result.stdout)


def test_the_example_in_the_documentation_is_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```\n\$ tidegate policy explain (.*?)\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(ROOT)
    assert run(*shlex.split(block[0])).stdout.startswith(block[1])
