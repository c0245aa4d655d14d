"""docs/quality.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from sidecar.drift.settings import DriftSettings
from tests.outbox.test_docs import said

PAGE = (Path(__file__).parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")


def test_every_setting_stands_there_with_its_default():
    rows = dict(re.findall(r"^\| `drift\.(\w+)` \| (\S+) \|", PAGE, flags=re.MULTILINE))
    assert rows == {name: said(value) for name, value in DriftSettings()}
