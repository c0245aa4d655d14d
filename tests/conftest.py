"""What all tests share: how many examples property tests draw, and what a missing binary means."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

IS_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# No test fails for being slow: how long an example takes is the machine's business.
settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), max_examples=500, derandomize=True, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IS_CI else "dev"))


@pytest.fixture(scope="session")
def missing() -> Callable[[str], None]:
    """What a test calls when a binary that it needs is not there: a skip on a desk, a failure in CI."""

    def report(what: str) -> None:
        if IS_CI:
            pytest.fail(f"{what} is missing, and CI promises it", pytrace=False)
        pytest.skip(f"{what} is missing")

    return report
