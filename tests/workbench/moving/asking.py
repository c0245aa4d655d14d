"""A configuration of another product as the policy that comes of it, and what the product itself says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from sidecar.cli.policy import policy
from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from sidecar.policy.plan import Plan

ROOT = Path(__file__).parents[3]
INSIDE = ROOT / ".venv-inside/bin/python"
LLM_GUARD = ROOT / ".venv-llm-guard/bin/python"


def imported(folder: Path, product: str, name: str, text: str) -> tuple[Plan, dict[str, Any]]:
    """The policy that comes of a file, and what is said of it."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(policy, ["import", product, str(path), "--json"])
    told = json.loads(result.stdout)
    assert result.exit_code == 0, told
    [loaded] = load_text(told["policy"])
    return compile_policy(loaded, public_keys()), told


def said_by(python: Path, product: str, **settings: str) -> dict[str, Any]:
    """What a product says in the environment that has it; `settings` are variables of that environment."""
    kept = {each: os.environ[each] for each in ("PATH", "HOME") if each in os.environ}
    quiet = {"PYTHONWARNINGS": "ignore", "OTEL_SDK_DISABLED": "true"}
    command = [str(python), "-m", "tests.workbench.moving.peers", product]
    env = {**kept, **quiet, "PYTHONPATH": f"{ROOT}", **settings}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
