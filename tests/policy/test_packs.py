"""The packs: right, tested rule by rule, found by name, and told of on their page."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar.cli.main import main
from sidecar.errors import UnknownPolicy
from sidecar.library import folder, pack, packs

ROOT = Path(__file__).parents[2]
FILES = [str(ROOT / "policies" / each) for each in ("packs", "agents.yaml", "pci.yaml")]
FOLDER = {each.name for each in packs().values() if each.file.parent.name == "packs"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", *arguments])


def test_there_is_one_for_each_job() -> None:
    jobs = """agent-tools bank-support childrens-product coding-assistant gdpr hipaa internal-copilot owasp-llm-top-10
        rag-assistant secrets"""
    assert set(jobs.split()) == FOLDER
    assert {"agents", "pci"} <= packs().keys()


@pytest.mark.slow
def test_every_rule_fires_in_a_test_and_is_shown_not_to() -> None:
    done = run("test", *FILES, "--coverage", "--min-coverage", "100")
    assert done.exit_code == 0, done.output
    assert "never shown not to fire" not in done.stdout


def test_lint_has_nothing_to_say() -> None:
    done = run("lint", "--strict", *FILES)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", sorted(FOLDER | {"agents", "pci"}))
def test_each_says_what_it_does_and_what_it_does_not(name: str) -> None:
    each = pack(name)
    assert len(each.title) <= 130
    assert each.limits.startswith("It does not ")
    assert all(rule.action == "annotate" for rule in pack("internal-copilot").spec.rules)


def test_each_is_taken_by_its_label() -> None:
    assert all(packs()[name].spec.match.labels == {"tidegate.dev/policy": name} for name in FOLDER)


def test_the_list_has_a_line_each() -> None:
    lines = run("packs").stdout.splitlines()
    assert [line.split()[0] for line in lines] == sorted(packs())


def test_one_is_shown_with_its_limits_and_rules() -> None:
    shown = run("packs", "hipaa").stdout
    assert "It does not find (P) biometric identifiers" in shown
    assert "h-medical-record           patterns: redact" in shown
    (described,) = json.loads(run("packs", "hipaa", "--json").stdout)
    assert {"id": "a-name", "detector": "pii", "action": "redact"} in described["rules"]


def test_a_name_that_is_nearly_one() -> None:
    done = run("packs", "hippa")
    assert (done.exit_code, done.stderr) == (2, "Error: there is no policy named 'hippa'; did you mean 'hipaa'?\n")
    with pytest.raises(UnknownPolicy, match="`tidegate policy packs` lists"):
        pack("zzz")


def test_a_copy_is_a_policy_with_its_schema_and_replaces_nothing(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    assert run("packs", "gdpr", "--copy", str(target)).exit_code == 0
    assert sorted(path.name for path in target.iterdir()) == ["gdpr.yaml", "schema.json"]
    copied = (target / "gdpr.yaml").read_text().splitlines()
    assert copied[0] == "# yaml-language-server: $schema=schema.json"
    assert copied[1:] == (folder() / "packs" / "gdpr.yaml").read_text().splitlines()[1:]
    assert run("lint", str(target)).exit_code == 0

    again = run("packs", "gdpr", "--copy", str(target))
    assert (again.exit_code, "gdpr.yaml is there already" in again.stderr) == (2, True)
    assert run("packs", "--copy", str(target)).exit_code == 2
    assert "cannot write" in run("packs", "pci", "--copy", "/proc/nowhere").stderr


def test_an_installed_wheel_finds_them_where_it_put_them(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "share" / "tidegate" / "policies")
    code = f"""
import sysconfig
from pathlib import Path
import sidecar.library as library
library._CHECKOUT = Path("/nowhere")
sysconfig.get_path = lambda name: {str(tmp_path)!r}
print(library.pack("gdpr").file)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "share/tidegate/policies/packs/gdpr.yaml")


def test_the_page_is_what_the_files_give() -> None:
    """When this fails: make gen."""
    done = subprocess.run(
        [sys.executable, "scripts/packs_page.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
