"""`tidegate tokens create`: a token on stdout, its digest in a file that a service takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.cli.main import main
from sidecar.errors import Forbidden, Unauthenticated
from sidecar.tokens import PREFIX, Tokens


def create(*arguments: str) -> tuple[str, str, int]:
    result = CliRunner().invoke(main, ["tokens", "create", *arguments])
    return result.stdout.strip(), result.stderr, result.exit_code


def test_a_token_is_printed_alone_and_its_digest_kept(tmp_path: Path):
    file = tmp_path / "tokens.yaml"
    token, said, code = create("--id", "gateway", "--scope", "check", "--tenant", "acme", "--file", str(file))

    assert code == 0
    assert token.startswith(PREFIX)
    assert "holds its digest" in said
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640
    known = Tokens(file)
    assert known.of(f"Bearer {token}", "check").tenants == ("acme",)
    with pytest.raises(Forbidden):
        known.of(f"Bearer {token}", "grpc")


def test_a_second_one_stands_beside_the_first_and_comments_stay(tmp_path: Path):
    file = tmp_path / "tokens.yaml"
    first, _, _ = create("--id", "a", "--file", str(file))
    file.write_text("# ours\n" + file.read_text())
    second, _, _ = create("--id", "b", "--expires", "2020-01-01", "--file", str(file))

    known = Tokens(file)
    assert file.read_text().startswith("# ours\n")
    assert known.of(f"Bearer {first}", "grpc").id == "a"
    with pytest.raises(Unauthenticated):
        known.of(f"Bearer {second}", "grpc")


def test_without_a_file_the_entry_is_shown():
    token, said, code = create("--id", "a")

    assert code == 0
    assert token.startswith(PREFIX)
    assert "- id: a\n" in said
    assert token not in said


def test_a_broken_file_is_left_as_it_is(tmp_path: Path):
    file = tmp_path / "tokens.yaml"
    file.write_text("tokens: [oops")
    _, said, code = create("--id", "a", "--file", str(file))

    assert code == 2
    assert "is not YAML" in said
    assert file.read_text() == "tokens: [oops"


def test_a_scope_is_one_of_those_that_are_there():
    _, said, code = create("--id", "a", "--scope", "chek")

    assert code == 2
    assert "'grpc'" in said
