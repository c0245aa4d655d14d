"""A preview on Ray Data, as the documentation has it: the counts of one process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.preview.replay import Asked, Replay
from workbench.preview.report import text
from workbench.preview.traffic import read_files

ROOT = Path(__file__).parents[2]
PACKAGES = ROOT / ".venv-backends/lib" / f"python3.{sys.version_info.minor}" / "site-packages"
POLICY = """apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: default, version: "1"}}
rules:
  - {{id: cards, detect: {{detector: pii, labels: [CREDIT_CARD]}}, action: {0}}}
"""
BEGIN = """import os, sys
sys.path.append(sys.argv[1])
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
import ray
ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
"""
LINES = 40

pytestmark = [pytest.mark.backends, pytest.mark.slow]


def example() -> str:
    """The program of the documentation."""
    found = re.search(r"```python\n(import ray\n.*?)```", (ROOT / "docs/policies.md").read_text(encoding="utf-8"), re.S)
    assert found is not None
    return found[1]


def test_the_documented_program_counts_as_one_process_does(tmp_path: Path, missing: Callable[[str], None]) -> None:
    if not (PACKAGES / "ray").is_dir():
        missing("Ray (make backends)")
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder, action in zip(folders, ("annotate", "block"), strict=True):
        folder.mkdir()
        (folder / "policy.yaml").write_text(POLICY.format(action), encoding="utf-8")
    texts = [f"{number}: {'card 4111 1111 1111 1111' if number % 4 == 0 else 'hello'}" for number in range(LINES)]
    traffic = tmp_path / "traffic.jsonl"
    traffic.write_text("".join(json.dumps({"text": each}) + "\n" for each in texts), encoding="utf-8")
    asked = Asked((str(folders[0]),), (str(folders[1]),))
    said = text(Replay(asked).tally_of(read_files([traffic])))
    assert f"{LINES // 4} (25 %) change" in said
    program = example().replace("batch_size=512", "batch_size=10")
    for written, meant in (
        ("/policies/old", folders[0]),
        ("/policies/new", folders[1]),
        ("s3://traffic/*.jsonl", traffic),
    ):
        assert written in program
        program = program.replace(written, str(meant))
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + program, str(PACKAGES)],
        cwd=ROOT,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    counts = said.partition("\n\n")[0]
    assert counts in done.stdout
