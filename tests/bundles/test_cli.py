"""`tidegate policy bundle`: what authors run, and what it says when something is wrong."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar.cli.main import main

POLICY = """apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: words, version: "1"}
rules:
  - {id: no-plums, detect: {detector: patterns, keywords: {FRUIT: [%s]}}, action: annotate}
"""

BUILD = ("build", "policies")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "words.yaml").write_text(POLICY % "plum")
    (tmp_path / "policies" / "README.md").write_text("for people")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", "bundle", *arguments])


def built(*more: str, output: str = "shop.tar.gz") -> Result:
    return run("build", "policies", "--name", "shop", "--version", "7", "--output", output, *more)


def test_a_key_is_made_a_bundle_built_and_verified(folder: Path) -> None:
    made = run("keygen", "team")
    assert made.exit_code == 0
    assert stat.S_IMODE((folder / "team.key").stat().st_mode) == 0o600
    result = built("--key", "team.key")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("shop 7  sha256:")
    assert result.output.endswith(f"  signed by {made.stdout.split()[4].rstrip('.')}\n")
    verified = run("verify", "shop.tar.gz", "--key", "team.pub", "--json")
    said = json.loads(verified.stdout)
    assert (verified.exit_code, said["name"], sorted(said["files"])) == (0, "shop", ["README.md", "words.yaml"])
    assert said["signed_by"] in made.stdout
    assert run("verify", "shop.tar.gz", "--pin", said["digest"]).exit_code == 0


def test_a_folder_is_built_signed_and_verified_likewise(folder: Path) -> None:
    run("keygen", "team")
    assert "not signed: `bundle sign` does that" in built(output="shop").output
    unsigned = run("verify", "shop", "--key", "team.pub")
    assert (unsigned.exit_code, "the bundle is not signed" in unsigned.stderr) == (2, True)
    assert "  it is not signed\n" in run("verify", "shop").stdout
    assert run("sign", "shop", "--key", "team.key").exit_code == 0
    assert "  its signature was not checked: --key\n" in run("verify", "shop").stdout
    assert run("verify", "shop", "--key", "team.pub").exit_code == 0
    (folder / "shop" / "words.yaml").write_text(POLICY % "fig")
    changed = run("verify", "shop", "--key", "team.pub")
    assert (changed.exit_code, changed.stderr) == (
        2,
        "Error: the file 'words.yaml' is not what the manifest says. Build it again, and sign it.\n",
    )


def test_a_bundle_that_is_built_from_a_bundle_has_a_manifest_of_its_own(folder: Path) -> None:
    run("keygen", "team")
    built("--key", "team.key", output="shop")
    result = run("build", "shop", "--name", "shop", "--version", "8", "--output", "next.tar.gz")
    assert (result.exit_code, result.output[:7]) == (0, "shop 8 ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "policies"), "there is no manifest.json in it. Build it with `tidegate policy bundle build`."),
        (("sign", "policies", "--key", "words.key"), "words.key holds no private Ed25519 key in PEM."),
        (("keygen", "words"), "words.key is there already. A key is never written over: choose another name."),
        (
            (*BUILD, "--name", "a b", "--version", "7", "--output", "x.tar.gz"),
            "'a b' is no name for a bundle.",
        ),
        (
            (*BUILD, "--name", "a", "--version", "v7", "--output", "x.tar.gz"),
            "'v7' is no version of a bundle.",
        ),
        ((*BUILD, "--name", "a", "--version", "7", "--output", "policies"), "policies is there already"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(arguments: tuple[str, ...], said: str, folder: Path) -> None:
    (folder / "words.key").write_text("no key")
    result = run(*arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output


def test_wrong_policies_are_not_built(folder: Path) -> None:
    (folder / "policies" / "words.yaml").write_text(POLICY.replace("patterns", "pattern") % "plum")
    result = built()
    assert result.exit_code == 2
    assert "policies/words.yaml:5:" in result.stderr
    assert "there is no detector `pattern`" in result.stderr
    assert not (folder / "shop.tar.gz").exists()


@pytest.mark.parametrize("command", ["build", "sign", "verify", "keygen"])
def test_each_command_shows_how_it_is_used(command: str) -> None:
    assert f"Example: tidegate policy bundle {command} " in run(command, "--help").output
