"""docs/day.md: a service is run, and what each command prints is what the page shows."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import sessions

PAGE = (sessions.ROOT / "docs" / "day.md").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where it runs; a service that a failure left running is ended."""
    yield tmp_path
    pid = tmp_path / "work/pid"
    if pid.exists():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGKILL)


@pytest.mark.slow
def test_every_command_of_the_day_prints_what_the_page_shows(folder: Path) -> None:
    assert sessions.run(PAGE, folder) >= 15
