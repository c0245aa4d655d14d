"""The demo as a whole: the real broker, the real sidecar, the real client."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.demo.playing import played


@pytest.mark.broker
@pytest.mark.slow
def test_it_ends_well_and_shows_every_violation(missing: Callable[[str], None]) -> None:
    done = played("demo", missing)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") == 6
    assert "✗" not in done.stdout
    assert "9 violations, 0 characters leaked" in done.stdout
