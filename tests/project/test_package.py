"""The wheel holds everything that the service needs beside its code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_holds_the_packages_their_data_the_policies_and_the_models(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    listed = subprocess.run(
        ["git", "ls-files", "sidecar", "workbench", "detectors", "models_onnx"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = set(wheel.namelist())

    assert [name for name in listed if name not in packed and (ROOT / name).exists()] == []
    assert {Path(name).name for name in packed if "share/tidegate/policies/" in name} == {
        path.name for path in (ROOT / "policies").rglob("*.*")
    }
