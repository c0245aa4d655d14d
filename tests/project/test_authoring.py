"""docs/authoring.md: its files are written and its commands run in order; what they print is what the page shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import sessions

PAGE = (sessions.ROOT / "docs" / "authoring.md").read_text()


def test_dots_stand_for_what_is_left_out() -> None:
    assert sessions.shows("a\n...\nd\n", "a\nb\nc\n\nd\n")
    assert not sessions.shows("a\n...\nd\n", "a\nb\n")
    assert not sessions.shows("a\n", "a\nb\n")


@pytest.mark.slow
def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    assert sessions.run(PAGE, tmp_path) >= 8
