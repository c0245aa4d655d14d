"""The command `tidegate`: results on stdout, one line of error on stderr, exit status 0, 1 or 2."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

import sidecar
from sidecar import starting
from sidecar.cli.main import main
from sidecar.config import checked

POLICY = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: words, version: "1"}
rules:
  - id: no-plums
    detect: {detector: patterns, keywords: {FRUIT: [plum]}}
    action: {redact: {with: label}}
  - id: no-bombs
    detect: {detector: patterns, keywords: {WEAPON: [bomb]}}
    action: {block: {message: "Let us not."}}
"""


def run(*arguments: str, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=text)


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("TIDEGATE_CONFIG", "TIDEGATE_POLICIES__DIRECTORIES"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "words.yaml").write_text(POLICY)
    return str(folder)


@pytest.mark.parametrize("arguments", [[], ["serve"], ["guard"], ["health"], ["policy"], ["events"]])
def test_every_command_has_help_with_an_example(arguments: Sequence[str]):
    result = run(*arguments, "--help")
    assert result.exit_code == 0
    assert "Example: tidegate" in result.stdout


def test_the_version_is_told():
    assert run("--version").stdout.startswith("tidegate, version ")


@pytest.mark.parametrize("arguments", [["nope"], ["guard", "--nope"], ["guard", "--chunk-chars", "0"]])
def test_misuse_is_2(arguments: Sequence[str]):
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("chunk", [[], ["--chunk-chars", "1"], ["--chunk-chars", "3"]])
def test_guard_prints_what_would_be_let_out(policies: str, chunk: list[str]):
    result = run("guard", "-", "--policies", policies, *chunk, text="a plum, please")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "a ‹fruit›, please", "")


def test_guard_reads_a_file_and_names_the_block(policies: str, tmp_path: Path):
    file = tmp_path / "text.txt"
    file.write_text("first a bomb, then more")
    result = run("guard", str(file), "--policies", policies, "--policy", "words")
    assert (result.exit_code, result.stdout) == (0, "first a ")
    assert "blocked by rule no-bombs" in result.stderr


def test_guard_prints_json(policies: str):
    row = json.loads(run("guard", "--json", "--policies", policies, text="a plum").stdout)
    assert (row["released"], row["action"], row["leaked_chars"], row["policy"]) == ("a ‹fruit›", "redact", 0, "words")
    [violation] = row["violations"]
    assert (violation["rule"], violation["label"], violation["start"], violation["end"]) == ("no-plums", "FRUIT", 2, 6)
    assert (violation["score"], violation["threshold"], violation["reason"]) == (1.0, 0.5, "keywords FRUIT")


def test_guard_prints_a_row_for_each_row_in_order(policies: str):
    texts = {"a": "nothing", "b": "a plum", "c": "a bomb"}
    rows = "\n".join(json.dumps({"id": name, "text": text, "more": 1}) for name, text in texts.items())
    result = run("guard", "--jsonl", "--policies", policies, text=rows + "\n\n")
    read = [json.loads(line) for line in result.stdout.splitlines()]

    assert [(row["id"], row["released"], row["action"]) for row in read] == [
        ("a", "nothing", "allow"),
        ("b", "a ‹fruit›", "redact"),
        ("c", "a ", "block"),
    ]
    assert {"id", "released", "action", "violations", "leaked_chars", "max_held_chars"} <= read[0].keys()


@pytest.mark.parametrize(
    ("arguments", "policy"),
    [
        ([], "words"),
        (["--label", "app=shop"], "words"),
        (["--label", "app=shop", "--label", "tier=gold"], "shop"),
        (["--tenant", "acme"], "acme"),
        (["--model", "gpt-5-mini"], "small"),
        (["--model", "gpt-5"], "words"),
        (["--attribute", "team=red", "--route", "chat"], "red"),
    ],
)
def test_guard_takes_the_policy_that_matches(policies: str, arguments: list[str], policy: str):
    folder = Path(policies)
    more = (("small", '{models: ["*-mini"]}'), ("red", "{attributes: {team: red}, routes: [chat]}"))
    for name, match in (("shop", "{labels: {app: shop, tier: gold}}"), ("acme", "{tenants: [acme]}"), *more):
        text = POLICY.replace("name: words", f"name: {name}").replace("rules:", f"match: {match}\nrules:", 1)
        (folder / f"{name}.yaml").write_text(text)
    (folder / "words.yaml").write_text(POLICY.replace('version: "1"', 'version: "1", order: 200'))
    row = json.loads(run("guard", "--json", "--policies", policies, *arguments, text="a plum").stdout)
    assert row["policy"] == policy


@pytest.mark.parametrize("label", ["app", "=shop", ""])
def test_a_label_that_is_no_pair_is_misuse(policies: str, label: str):
    result = run("guard", "--policies", policies, "--label", label, text="a plum")
    assert (result.exit_code, "write NAME=VALUE" in result.stderr) == (2, True)


def test_guard_withholds_what_stands_in_a_history(policies: str):
    where = ("--direction", "input", "--part", "tool_result")
    result = run("guard", "--json", "--history", *where, "--policies", policies, text="a bomb")
    row = json.loads(result.stdout)
    assert (row["action"], row["blocked_by"], [each["done"] for each in row["violations"]]) == (
        "withhold",
        "",
        ["withhold"],
    )
    assert row["released"].startswith("[Withheld: the rule ")
    assert json.loads(run("guard", "--json", *where, "--policies", policies, text="a bomb").stdout)["action"] == "block"


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (["--policy", "nope"], "x", "there is no policy named 'nope'"),
        (["--history"], "x", "only a request has a history"),
        (["--jsonl"], "{", "-:1: "),
        (["--jsonl"], '{"id": 1}', "-:1: "),
        ([], b"\xff", "standard input is not UTF-8"),
    ],
)
def test_what_guard_cannot_use_is_one_line_and_2(policies: str, arguments: list[str], text: str | bytes, words: str):
    result = run("guard", "--policies", policies, *arguments, text=text)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {words}")
    assert len(result.stderr.strip().splitlines()) == 1


def test_guard_tells_what_is_wrong_with_a_policy_with_its_code(tmp_path: Path):
    (tmp_path / "wrong.yaml").write_text(POLICY.replace("rules:", "ruels:", 1))
    result = run("guard", "--policies", str(tmp_path), text="x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error TG101: ruels: unknown key `ruels`. Did you mean `rules`?" in result.stderr


def test_guard_tells_all_rows_that_are_none(policies: str):
    rows = '{"text": "fine"}\n{\n\n{"id": 1}\n' + "[]\n" * 20
    result = run("guard", "--policies", policies, "--jsonl", text=rows)
    told = result.stderr.strip().splitlines()
    assert (result.exit_code, result.stdout, len(told)) == (2, "", 21)
    assert told[0].startswith("Error: -:2: ")
    assert told[1].startswith("-:4: ")
    assert told[-1] == "and 2 more"


def test_a_policy_that_is_wrong_is_named_with_its_line(policies: str):
    Path(policies, "bad.yaml").write_text(POLICY.replace("patterns", "nope").replace("words", "other"))
    result = run("guard", "--policies", policies, text="x")
    assert result.exit_code == 2
    assert "bad.yaml:7:" in result.stderr


def test_settings_that_are_wrong_are_2(tmp_path: Path):
    config = tmp_path / "tidegate.yaml"
    config.write_text("nope: 1\n")
    for command in ("serve", "guard", "health"):
        result = run(command, "--config", str(config))
        assert (result.exit_code, result.stderr) == (2, "Error: nope: is not a setting\n")


def test_a_service_that_does_not_answer_is_not_healthy():
    result = run("health", "--address", "127.0.0.1:1")
    assert result.exit_code == 1
    assert "service: does not answer at 127.0.0.1:1" in result.stdout


GROUNDED = """
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: grounded, version: "1"}
rules:
  - id: unsupported
    detect: {detector: grounding, evidence: true}
    action: annotate
"""


def test_guard_compares_with_the_context_of_files_and_rows(tmp_path: Path):
    (tmp_path / "grounded.yaml").write_text(GROUNDED)
    (tmp_path / "bridge.txt").write_text("The bridge was opened in 1932.")
    arguments = ("guard", "--policies", str(tmp_path), "--context", str(tmp_path / "bridge.txt"))

    one = run(*arguments, "--json", text="The bridge was opened in 1932.")
    assert one.exit_code == 0, one.output
    (remark,) = json.loads(one.stdout)["annotations"]
    assert (remark["label"], remark["grounding"]["passage"]) == ("supported", "bridge")

    shop = {"id": "shop", "text": "Returns are free for 30 days."}
    row = {"text": "Returns are free for 30 days.", "context": ["no", shop]}
    many = run(*arguments, "--jsonl", text=json.dumps(row))
    assert many.exit_code == 0, many.output
    (remark,) = json.loads(many.stdout)["annotations"]
    assert remark["grounding"]["passage"] == "shop"
    assert json.loads(many.stdout)["grounding"]["supported"] == 1


def test_a_hang_up_does_not_end_a_service_that_is_starting(monkeypatch: pytest.MonkeyPatch):
    seen = []
    app = SimpleNamespace(run=lambda _: seen.append(signal.getsignal(signal.SIGHUP)))
    monkeypatch.setitem(sys.modules, "sidecar.app", app)
    monkeypatch.setattr(sidecar, "app", app, raising=False)
    before = signal.getsignal(signal.SIGHUP)
    try:
        starting.run(checked({"core_dumps": True}))  # else this process could leave no core file from now on
    finally:
        signal.signal(signal.SIGHUP, before)
    assert seen == [signal.SIG_IGN]


@pytest.mark.parametrize(
    "arguments",
    [["serve"], ["proxy", "--upstream", "http://localhost:1"], ["policy", "lint", "policies/chat-safety.yaml"]],
)
def test_what_is_not_installed_is_said_in_a_line(arguments: list[str], tmp_path: Path):
    (tmp_path / "onnxruntime.py").write_text("raise ModuleNotFoundError('not here', name='onnxruntime')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "TIDEGATE_OUTBOX__PATH": str(tmp_path / "outbox.db")}
    done = subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode in (1, 2)
    assert "onnxruntime" in said
    assert "cannot be loaded" in said
    assert "Traceback" not in said
