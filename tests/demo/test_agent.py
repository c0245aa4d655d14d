"""The demo with an agent: as a whole, as a user runs it, and what its scenes call wrong."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from demo.agent.agent import Run
from demo.agent.notes import NOTES
from demo.agent.scenes import IMAGE, TOKEN, Way, scenes
from tests.demo.playing import ROOT

SCENES = {scene.name: scene for scene in scenes()}
CLEAN = Run(calls=[("read_note", NOTES["garden"]), ("add", "5")], said="Water it. And 5.")


@pytest.mark.slow
@pytest.mark.timeout(600)  # it starts a dozen programs, one after the other
def test_it_ends_well_and_lets_nothing_through() -> None:
    command = [sys.executable, "-m", "demo.agent"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") == len(SCENES)
    assert "✗" not in done.stdout
    assert done.stdout.count("✓ Over HTTP: ") == len([each for each in SCENES.values() if each.way is Way.HTTP]) == 4
    assert TOKEN not in done.stdout
    assert "evil.example" not in done.stdout


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("clean", Run(calls=[("read_note", NOTES["garden"])], said="Water it. And 5.")),
        ("poisoned", Run(tools=["add", "read_note", "send_mail", "helper"])),
        ("changed", Run(tools=["add", "read_note", "send_mail"])),
        ("injection", Run(calls=[("read_note", NOTES["mail"])], said="Nothing of use.")),
        ("credential", Run(calls=[("send_mail", "sent")])),
        ("image", Run(said=f"Here it is. {IMAGE} Anything else?")),
        ("outside", Run(calls=[("delete_everything", "")])),
        ("http-clean", CLEAN),
        ("http-clean", replace(CLEAN, heard=(b"a",), heard_unguarded=(b"b",))),
        ("http-clean", replace(CLEAN, heard=(b"a",), heard_unguarded=(b"a",), said="Done.")),
        ("http-poisoned", Run(tools=["add", "read_note", "send_mail", "helper"])),
        ("http-changed", Run(tools=["add", "read_note", "send_mail"])),
        ("http-injection", Run(calls=[("read_note", NOTES["mail"])], said="Nothing of use.")),
    ],
)
def test_what_would_have_happened_without_a_guard_is_called_wrong(name: str, run: Run) -> None:
    assert SCENES[name].faults(run)


def test_what_would_have_happened_with_a_guard_that_does_nothing_wrong_is_fine() -> None:
    assert not SCENES["http-clean"].faults(replace(CLEAN, heard=(b"a", b"b"), heard_unguarded=(b"a", b"b")))
