"""The codes: each is explained, its example brings it and no other error, and the page says what the table says."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.cli.lint import explained
from sidecar.cli.policy import policy
from sidecar.policy.cases import public_keys
from sidecar.policy.codes import ABOUT, Code, level_of
from sidecar.policy.compiler import compile_file
from sidecar.policy.judging import JudgeFacts
from sidecar.policy.lint.policies import warnings
from sidecar.values import EVIDENCE_LEVELS

WITHOUT_EXAMPLE = {
    Code.UNREADABLE_FILE,
    Code.NOT_TEXT,
    Code.NOT_ONE_DOCUMENT,
    Code.NOT_LAID_OUT,
    Code.UNKNOWN_POLICY,
    Code.TEST_FAILED,
    Code.WRONG_EXEMPLARS,
}
"""What the text of a policy does not bring."""


def codes_in(path: Path, *, has_key: bool = True) -> set[str]:
    levels = EVIDENCE_LEVELS if has_key else ("shape",)
    judges = {"guard": JudgeFacts(timeout_ms=300, labels=frozenset({"hate"}))}
    compiled = compile_file(path, public_keys() if has_key else None, keeps=levels, judges=judges)
    return {each.code for each in (*compiled.errors, *warnings(compiled.policies, datetime.now(UTC).date()))}


def test_every_code_is_explained() -> None:
    assert [code for code in Code if code not in ABOUT] == []
    assert [code for code, about in ABOUT.items() if not (about.title and about.why and about.remedy)] == []


def test_codes_are_told_apart_and_in_order() -> None:
    assert list(Code) == sorted(Code)
    assert len({about.title for about in ABOUT.values()}) == len(ABOUT)


@pytest.mark.parametrize("code", [code for code in Code if code not in WITHOUT_EXAMPLE])
def test_an_example_brings_its_code_and_no_other_error(code: Code, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(ABOUT[code].in_full, encoding="utf-8")
    found = codes_in(path, has_key=code not in {Code.NO_KEY, Code.EVIDENCE_NOT_KEPT})
    errors = {each for each in found if level_of(Code(each)) == "error"}
    assert code in found
    assert errors <= {code}


def test_a_file_that_cannot_be_read_has_its_code(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.mkdir()
    assert codes_in(path) == {Code.UNREADABLE_FILE}


def test_a_file_that_is_no_text_has_its_code(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_bytes("description: Köln".encode("latin-1"))
    assert codes_in(path) == {Code.NOT_TEXT}


def test_the_page_is_what_the_table_gives() -> None:
    script = Path(__file__).parents[2] / "scripts" / "codes_page.py"
    assert subprocess.run([sys.executable, script, "--check"], check=False).returncode == 0


@pytest.mark.parametrize("code", list(Code))
def test_a_code_is_explained_on_the_command_line(code: Code) -> None:
    result = CliRunner().invoke(policy, ["lint", "--explain", code.lower()])
    assert (result.exit_code, result.stdout) == (0, explained(code))
    assert ABOUT[code].remedy in result.stdout


def test_a_code_that_is_none_is_told_which_there_are() -> None:
    result = CliRunner().invoke(policy, ["lint", "--explain", "TG199"])
    assert result.exit_code == 2
    assert "there is no code TG199; there are TG101, TG102" in result.stderr


def test_lint_of_nothing_is_misuse() -> None:
    assert CliRunner().invoke(policy, ["lint"]).exit_code == 2
