"""Without the tools nothing here can run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.deploy import tools
from tests.integration.envoy import binary as binary


@pytest.fixture(autouse=True)
def installed(missing: Callable[[str], None]) -> None:
    if not tools.are_installed():
        missing("what deploy/ is checked with (make deploy-tools)")
