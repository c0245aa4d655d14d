"""The bill of materials names every package that the service is made of, each with a licence that tools understand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bill() -> Any:
    command = [sys.executable, str(ROOT / "scripts/sbom.py"), str(ROOT / "requirements/lean.txt")]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def test_every_package_has_a_licence(bill: Any):
    licences = {part["name"]: part["licenses"][0]["expression"] for part in bill["components"]}
    assert licences["protobuf"] == "BSD-3-Clause"  # it says so in words only
    assert licences["grpcio"] == "Apache-2.0"
    term = r"[A-Za-z0-9.-]+"
    assert all(re.fullmatch(rf"\(?{term}(\)? (AND|OR|WITH) \(?{term})*\)?", licence) for licence in licences.values())


def test_every_locked_package_that_is_installed_is_named_with_its_version(bill: Any):
    locked = dict(re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements/lean.txt").read_text(), flags=re.MULTILINE))
    found = {part["name"]: part["version"] for part in bill["components"]}
    assert found.items() <= locked.items()
    assert len(found) > 50
    assert bill["metadata"]["component"]["version"] == version("tidegate-sidecar")


def test_a_package_whose_licence_is_not_known_is_an_error(tmp_path: Path):
    package = tmp_path / "nobody-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: nobody\nVersion: 1\nLicense: ask us\n")
    (tmp_path / "locked.txt").write_text("nobody==1\n")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/sbom.py", tmp_path / "locked.txt"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "the licence of nobody is not known from 'ask us'" in done.stderr
