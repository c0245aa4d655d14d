"""LLM Guard's own `scan_prompt` and `scan_output` with Tidegate's scanners among theirs, and a real service."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidecar.policy.cases import public_keys
from sidecar.policy.compiler import compile_policy
from sidecar.policy.loader import load_text
from tests.client.integrations import BAD, CARD, FINE, MASKED, SAID
from tests.servers import serving

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-llm-guard/bin/python"
POLICY = f"""
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: p, version: "1"}}
rules:
  - id: numbers
    detect: {{detector: patterns, keywords: {{CARD: ["4111"]}}}}
    action: {{redact: {{with: text, text: "[CARD]"}}}}
  - id: words
    detect: {{detector: patterns, keywords: {{WORD: [forbidden]}}}}
    action: {{block: {{message: {SAID!r}}}}}
"""

TOLD: dict[str, Any] = {
    "prompts": [
        [FINE, {"InputScanner": True}, {"InputScanner": -1.0}],
        [MASKED, {"InputScanner": True}, {"InputScanner": 1.0}],
        [SAID, {"InputScanner": False}, {"InputScanner": 1.0}],
    ],
    "answers": [
        [FINE, {"OutputScanner": True}, {"OutputScanner": -1.0}],
        [MASKED, {"OutputScanner": True}, {"OutputScanner": 1.0}],
        [SAID, {"OutputScanner": False}, {"OutputScanner": 1.0}],
    ],
    "then theirs": [
        MASKED,
        {"InputScanner": True, "BanSubstrings": False},
        {"InputScanner": 1.0, "BanSubstrings": 1.0},
    ],
    "theirs before": [
        CARD.replace("4111", "[REDACTED]"),
        {"Regex": False, "InputScanner": True},
        {"Regex": 1.0, "InputScanner": -1.0},
    ],
    "goes on": [
        SAID,
        {"InputScanner": False, "BanSubstrings": True},
        {"InputScanner": 1.0, "BanSubstrings": -1.0},
    ],
    "fails fast": [SAID, {"InputScanner": False}, {"InputScanner": 1.0}],
    "answer fails fast": [SAID, {"OutputScanner": False}, {"OutputScanner": 1.0}],
    "two": [SAID, {"InputScanner": False, "Second": True}, {"InputScanner": 1.0, "Second": -1.0}],
    "nobody": {
        "raise": "Unavailable",
        "pass": [FINE, {"InputScanner": True}, {"InputScanner": -1.0}],
        "block": ["", {"InputScanner": False}, {"InputScanner": 1.0}],
    },
}


def scans(address: str) -> dict[str, Any]:
    kept = {each: os.environ[each] for each in ("PATH", "HOME") if each in os.environ}
    env = {**kept, "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}", "PYTHONWARNINGS": "ignore"}
    command = [str(PYTHON), "-m", "tests.client.llm_guard_scans", address]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.llm_guard
@pytest.mark.slow
async def test_scanners_work_among_those_of_llm_guard(missing: Callable[[str], None]) -> None:
    if not PYTHON.exists():
        missing("LLM Guard's environment (make llm-guard)")
    [loaded] = load_text(POLICY)
    async with serving(compile_policy(loaded, public_keys())) as server:
        told = await asyncio.to_thread(scans, server.address)

    assert told == TOLD
    assert BAD not in json.dumps(told)
