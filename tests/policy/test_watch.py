"""`tidegate policy test --watch`: what changed is run again, and what did not is known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.policy.test_cli import RIGHT


BESIDE = """
apiVersion: tidegate.dev/v1
kind: PolicyTest
policy: codes
tests: [{name: t, output: x, expect: {output: x}}]
"""


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[tuple[Path, IO[str]]]:
    path = tmp_path / "right.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    command = [sys.executable, "-m", "sidecar", "policy", "test", str(tmp_path), "--watch"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        until(process.stdout, "watching for changes")
        yield path, process.stdout
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def until(lines: IO[str], words: str) -> list[str]:
    """The lines up to the one that holds these words."""
    seen = []
    for line in lines:
        seen.append(line.rstrip())
        if words in line:
            return seen
    raise AssertionError(seen)


@pytest.mark.slow
def test_what_changed_is_run_again(watching: tuple[Path, IO[str]]) -> None:
    path, lines = watching
    later = path.with_name("more_test.yaml")
    written_until(
        later,
        BESIDE,
        lines,
        "1 test run, 2 unchanged: none failed",
    )
    seen = written_until(path, RIGHT.replace("the •••••• plan", "the K••••• plan"), lines, ": 1 failed")
    assert any("failed: codes: a codename is masked" in line for line in seen)
    seen = written_until(path, RIGHT.replace("severity", "severty"), lines, "severty")
    assert any("unknown key `severty`" in line for line in seen)
    written_until(path, RIGHT.replace("other words pass", "others pass"), lines, "1 test run, 2 unchanged: none failed")


def written_until(path: Path, text: str, lines: IO[str], words: str) -> list[str]:
    """Write a file as editors do, by renaming, and read what is said of it."""
    beside = path.with_name(f".{path.name}")
    beside.write_text(text, encoding="utf-8")
    beside.rename(path)
    return until(lines, words)
