"""The client as a distribution: little comes with it, and nothing of the service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
MOST_DISTRIBUTIONS = 5


def _run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_installing_the_client_in_a_fresh_environment_brings_few_distributions() -> None:
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet")
    report = json.loads(
        _run(*pip, "--dry-run", "--ignore-installed", "--no-build-isolation", "--report", "-", "./client")
    )
    names = {each["metadata"]["name"] for each in report["install"]}
    assert {"tidegate", "grpcio", "protobuf"} <= names
    assert len(names) <= MOST_DISTRIBUTIONS, sorted(names)


@pytest.mark.slow
def test_its_wheel_holds_the_client_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / "client", check=True, capture_output=True)
    listed = _run("git", "ls-files", "client/tidegate").split()
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == {name.removeprefix("client/") for name in listed}
